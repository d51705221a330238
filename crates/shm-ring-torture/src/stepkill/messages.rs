//! Owns: messages of several lengths as what is carried, and how each operation on them is called. Knows nothing of: what
//! is killed.

use std::os::fd::BorrowedFd;
use std::time::Duration;

use shm_ring::{
    Error, Message, MessageConsumer, MessageProducer, MessageRing, Options, Peer, PopError, Region,
};
use shm_ring_outsider::Header;

use super::kind::{BATCH, BRIEF, HANG, Kind, Put, Take, options};
use super::op::Op;

/// Lengths of the messages, in turn. The front holds 48 bytes and not 49; the longest goes by the vector loop of the copy.
const LENS: [usize; 8] = [13, 0, 48, 24, 49, 8, 300, 1];

/// Bytes of messages that the ring holds.
const LIMIT: usize = 4096;

/// Messages of [`LENS`] bytes, aligned to `ALIGN`.
pub(crate) struct Messages<const ALIGN: usize>;

impl<const ALIGN: usize> Kind for Messages<ALIGN> {
    type Ring = MessageRing;
    type Tx = MessageProducer;
    type Rx = MessageConsumer;
    type Own = Vec<u8>;
    type Unit = u8;
    const NAME: &'static str = if ALIGN == 8 { "messages" } else { "aligned messages" };
    const STARTS: u64 = LENS.len() as u64;

    fn options() -> Options {
        options().bytes(LIMIT).align(ALIGN)
    }

    fn header() -> Header {
        Header::messages(ALIGN as u64, LIMIT as u64)
    }

    fn len(sequence: u64) -> usize {
        LENS[(sequence % LENS.len() as u64) as usize]
    }

    fn own(sequence: u64) -> Vec<u8> {
        Self::payload(sequence)
    }

    fn kept() -> Vec<u8> {
        vec![0; 1024]
    }

    fn create(region: Region, options: &Options) -> Result<MessageRing, Error> {
        MessageRing::create(region, options)
    }

    fn open(region: Region, options: &Options) -> Result<MessageRing, Error> {
        MessageRing::open_with(region, options)
    }

    fn descriptor(ring: &MessageRing) -> BorrowedFd<'_> {
        ring.descriptor()
    }

    fn producer(ring: &MessageRing) -> Result<MessageProducer, Error> {
        ring.producer()
    }

    fn consumer(ring: &MessageRing) -> Result<MessageConsumer, Error> {
        ring.consumer()
    }

    fn producer_of(rx: &MessageConsumer) -> Peer {
        rx.peer()
    }

    fn consumer_of(tx: &MessageProducer) -> Peer {
        tx.peer()
    }

    fn put(op: Op) -> Option<Put<Self>> {
        let put: Put<Self> = match op {
            Op::Push | Op::PushLook | Op::PushRing => |tx, items| tx.push(&items[0]),
            Op::TryPush => |tx, items| tx.try_push(&items[0]),
            Op::PushTimeout => |tx, items| tx.push_timeout(&items[0], HANG),
            Op::PushPark | Op::PushParkRing => |tx, items| tx.push_timeout(&items[0], BRIEF),
            Op::PushParts => |tx, items| tx.push_vectored(&parts(&items[0])),
            Op::TryPushParts => |tx, items| tx.try_push_vectored(&parts(&items[0])),
            Op::PushBatch | Op::PushBatchRing => {
                |tx, items| tx.push_batch(items).map(drop).map_err(|failed| failed.error)
            }
            Op::TryPushBatch => |tx, items| tx.try_push_batch(items).map(drop),
            Op::Reserve | Op::ReserveRing => |tx, items| {
                let room = tx.reserve(items[0].len())?;
                write(room, &items[0]);
                Ok(())
            },
            Op::TryReserve => |tx, items| {
                let room = tx.try_reserve(items[0].len())?;
                write(room, &items[0]);
                Ok(())
            },
            Op::ReserveLonger => |tx, items| {
                let room = tx.reserve(items[0].len() + 20)?;
                write(room, &items[0]);
                Ok(())
            },
            Op::ReserveDrop => |tx, items| {
                let mut room = tx.reserve(items[0].len())?;
                // As long as was reserved: it fits.
                let _ = room.write_at(0, items[0].as_slice());
                Ok(())
            },
            Op::ReservePark => |tx, items| {
                tx.wait(items[0].len(), Some(BRIEF))
                    .and_then(|()| tx.try_reserve(items[0].len()))
                    .map(drop)
            },
            _ => return None,
        };
        Some(put)
    }

    fn take(op: Op) -> Option<Take<Self>> {
        let take: Take<Self> = match op {
            Op::Pop | Op::PopRing => |rx, kept| {
                let message = rx.pop()?;
                kept[..message.len()].copy_from_slice(&message);
                Ok(())
            },
            Op::TryPop => |rx, kept| {
                let message = rx.try_pop()?;
                kept[..message.len()].copy_from_slice(&message);
                Ok(())
            },
            Op::PopTimeout => |rx, kept| {
                let message = rx.pop_timeout(HANG)?;
                kept[..message.len()].copy_from_slice(&message);
                Ok(())
            },
            Op::PopPark => |rx, _| rx.pop_timeout(BRIEF).map(drop),
            Op::PopTo => |rx, kept| rx.pop_to(kept).map(drop),
            Op::TryPopTo => |rx, kept| rx.try_pop_to(kept).map(drop),
            Op::PopBatch | Op::PopBatchRing => |rx, kept| {
                let mut at = 0;
                rx.pop_batch(BATCH, |message| keep(message, kept, &mut at)).map(drop)
            },
            Op::TryPopBatch => |rx, kept| {
                let mut at = 0;
                rx.try_pop_batch(BATCH, |message| keep(message, kept, &mut at)).map(drop)
            },
            Op::PopBatchPark => |rx, _| rx.pop_batch_timeout(BATCH, BRIEF, |_| {}).map(drop),
            Op::Peek => |rx, kept| {
                let view = rx.peek(BATCH)?;
                let mut at = 0;
                view.iter().for_each(|message| keep(&message, kept, &mut at));
                Ok(())
            },
            Op::PeekRelease | Op::ReleaseRing => |rx, kept| {
                let view = rx.peek(BATCH)?;
                let mut at = 0;
                view.iter().for_each(|message| keep(&message, kept, &mut at));
                view.release(2);
                Ok(())
            },
            Op::TryPeekRelease => |rx, kept| {
                let view = rx.try_peek(BATCH)?;
                let mut at = 0;
                view.iter().for_each(|message| keep(&message, kept, &mut at));
                view.release(2);
                Ok(())
            },
            Op::PeekPark => {
                |rx, _| rx.wait(1, Some(BRIEF)).and_then(|()| rx.try_peek(BATCH)).map(drop)
            }
            _ => return None,
        };
        Some(take)
    }

    fn next(rx: &mut MessageConsumer) -> Result<Vec<u8>, PopError> {
        rx.try_pop()
    }

    fn next_timeout(rx: &mut MessageConsumer, timeout: Duration) -> Result<Vec<u8>, PopError> {
        rx.pop_timeout(timeout)
    }
}

/// A message in three parts, the first of which ends in the midst of a word.
fn parts(message: &[u8]) -> [&[u8]; 3] {
    let (first, rest) = message.split_at(message.len().min(3));
    let (second, third) = rest.split_at(rest.len() / 2);
    [first, second, third]
}

/// Writes a message in place, by two parts, and commits it.
fn write(mut room: shm_ring::MessageReservation<'_>, message: &[u8]) {
    let (first, second) = message.split_at(message.len() / 2);
    // As long as was reserved at most: both fit.
    let _ = room.write_at(0, first);
    let _ = room.write_at(first.len(), second);
    room.commit(message.len());
}

fn keep(message: &Message<'_>, kept: &mut [u8], at: &mut usize) {
    // A batch is shorter than what it is kept in, and a message is as long as itself.
    let _ = message.copy_to(0, &mut kept[*at..*at + message.len()]);
    *at += message.len();
}
