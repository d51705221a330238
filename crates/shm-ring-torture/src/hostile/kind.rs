//! Values and messages behind one face: each call of the library by its name, with the caller's bytes where
//! the campaign wants them. It must not judge any answer.

use std::io::{self, Read, Write};
use std::time::Duration;

use shm_ring::{
    Consumer, Payload, PopError, Producer, PushError, Record, Reservation, Threshold, View,
    wait_any,
};
use zerocopy::{FromBytes, IntoBytes};

use super::board::Op;
use crate::rng::Rng;

/// A value of the rings of values.
pub(super) type Value = [u64; 3];

/// The caller's part in a call that pushes.
pub(super) struct Pushing<'a> {
    /// The payload of each record.
    pub(super) bytes: &'a [u8],
    pub(super) count: usize,
    pub(super) timeout: Duration,
    /// For what is written in place, or dropped.
    pub(super) rng: &'a mut Rng,
}

/// The caller's part in a call that pops.
pub(super) struct Popping<'a> {
    /// Where a payload goes, if the call wants a place.
    pub(super) buffer: &'a mut [u8],
    pub(super) max: usize,
    pub(super) timeout: Duration,
    /// The length of each record that was taken, or shown.
    pub(super) lens: &'a mut Vec<u64>,
    pub(super) rng: &'a mut Rng,
}

/// How many records a call published, or how many it took.
pub(super) type Pushed = Result<usize, PushError>;
pub(super) type Popped = Result<usize, PopError>;

pub(super) trait Kind {
    type P: Payload + ?Sized;
    /// Bytes of every payload, if all have the same.
    const FIXED: Option<usize>;
    const NAME: &'static str;

    fn push(tx: &mut Option<Producer<Self::P>>, op: Op, how: Pushing<'_>) -> Pushed;
    fn pop(rx: &mut Option<Consumer<Self::P>>, op: Op, how: Popping<'_>) -> Popped;
    /// Bytes that surely fit, if it can be asked.
    fn room(tx: &mut Producer<Self::P>) -> Option<u64>;
    fn ready(rx: &Consumer<Self::P>) -> u64;
}

/// In place, at places that are inside, across the end and far outside.
fn write_somewhere<P: Payload + ?Sized>(room: &mut Reservation<'_, P>, how: &mut Pushing<'_>) {
    let size = room.size();
    for offset in [0, how.rng.below(size as u64 + 9) as usize, size, usize::MAX - 3] {
        let written = room.write_at(offset, how.bytes);
        let inside = offset.checked_add(how.bytes.len()).is_some_and(|end| end <= size);
        assert_eq!(written.is_ok(), inside, "write_at({offset}) of {size} bytes");
    }
}

fn read_somewhere<P: Payload + ?Sized>(record: &Record<'_, P>, how: &mut Popping<'_>) {
    let size = record.size();
    how.lens.push(size as u64);
    let len = how.buffer.len();
    for offset in [0, how.rng.below(size as u64 + 9) as usize, size, usize::MAX - 3] {
        let inside = |len: usize| offset.checked_add(len).is_some_and(|end| end <= size);
        assert_eq!(record.copy_to(offset, how.buffer).is_ok(), inside(len), "copy_to({offset})");
        assert_eq!(record.read_at::<u64>(offset).is_ok(), inside(8), "read_at({offset})");
    }
}

fn release_or_leave<P: Payload + ?Sized>(view: View<'_, P>, how: &mut Popping<'_>) -> usize {
    read_somewhere(&view, how);
    if how.rng.below(4) == 0 {
        return 0;
    }
    view.release();
    1
}

fn reserved<P: Payload + ?Sized>(mut room: Reservation<'_, P>, mut how: Pushing<'_>) -> usize {
    write_somewhere(&mut room, &mut how);
    if how.rng.below(4) == 0 {
        return 0;
    }
    room.commit();
    1
}

/// The library's own error inside an `io::Error`.
fn inside<E: Copy + std::error::Error + 'static>(error: &io::Error) -> E {
    *error.get_ref().and_then(|inner| inner.downcast_ref()).expect("an error of the library's")
}

/// Waits on this ring alone: whether it has something to say.
fn wait<P: Payload + ?Sized>(rx: &mut Consumer<P>, timeout: Duration) -> Popped {
    let found = wait_any(&mut [rx], Some(timeout));
    found.map_err(|_| PopError::TimedOut)
}

pub(super) struct Values;

impl Kind for Values {
    type P = Value;
    const FIXED: Option<usize> = Some(size_of::<Value>());
    const NAME: &'static str = "values";

    fn push(tx: &mut Option<Producer<Value>>, op: Op, how: Pushing<'_>) -> Pushed {
        let tx = tx.as_mut().expect("attached");
        let item = Value::ref_from_bytes(how.bytes).expect("a value's bytes");
        let items = core::iter::repeat_n(*item, how.count);
        match op {
            Op::TryPush => tx.try_push(*item).map(|()| 1),
            Op::TryPushFrom => tx.try_push_from(item).map(|()| 1),
            Op::PushTimeout => tx.push_timeout(*item, how.timeout).map(|()| 1),
            Op::Push => tx.push(*item).map(|()| 1),
            Op::TryReserve => tx.try_reserve().map(|room| reserved(room, how)),
            Op::ReserveTimeout => tx.reserve_timeout(how.timeout).map(|room| reserved(room, how)),
            Op::TryPushBatch => tx.try_push_batch(items),
            _ => match tx.push_batch(items) {
                Err(failed) if failed.pushed == 0 => Err(failed.error),
                answer => Ok(answer.unwrap_or_else(|failed| failed.pushed)),
            },
        }
    }

    fn pop(rx: &mut Option<Consumer<Value>>, op: Op, mut how: Popping<'_>) -> Popped {
        let rx = rx.as_mut().expect("attached");
        const LEN: u64 = size_of::<Value>() as u64;
        let popped = match op {
            Op::TryPop => rx.try_pop().map(|_| 1),
            Op::TryPopInto | Op::TryPopTo => {
                let item = Value::mut_from_bytes(how.buffer).expect("room for a value");
                rx.try_pop_into(item).map(|()| 1)
            }
            Op::PopTimeout | Op::PopThreshold => rx.pop_timeout(how.timeout).map(|_| 1),
            Op::Pop | Op::ReadStream => rx.pop().map(|_| 1),
            Op::TryPeek => return rx.try_peek().map(|view| release_or_leave(view, &mut how)),
            Op::PeekTimeout => {
                let view = rx.peek_timeout(how.timeout);
                return view.map(|view| release_or_leave(view, &mut how));
            }
            Op::TryPopBatch => {
                return rx.try_pop_batch(how.max, |_| how.lens.push(LEN));
            }
            Op::PopBatchTimeout => {
                return rx.pop_batch_timeout(how.max, how.timeout, |_| how.lens.push(LEN));
            }
            Op::TryIter => rx.try_iter().next().unwrap_or(Err(PopError::Empty)).map(|_| 1),
            Op::Iter => rx.iter().next().unwrap_or(Err(PopError::Closed)).map(|_| 1),
            _ => return wait(rx, how.timeout),
        };
        how.lens.extend(popped.is_ok().then_some(LEN));
        popped
    }

    fn room(tx: &mut Producer<Value>) -> Option<u64> {
        Some(tx.room_at_least() * 32)
    }

    fn ready(rx: &Consumer<Value>) -> u64 {
        rx.ready_at_least() * 32
    }
}

pub(super) struct Messages;

impl Kind for Messages {
    type P = [u8];
    const FIXED: Option<usize> = None;
    const NAME: &'static str = "messages";

    fn push(slot: &mut Option<Producer<[u8]>>, op: Op, how: Pushing<'_>) -> Pushed {
        let tx = slot.as_mut().expect("attached");
        let (bytes, len) = (how.bytes, how.bytes.len());
        match op {
            Op::TryPush => tx.try_push(bytes).map(|()| 1),
            Op::TryPushFrom => {
                let (front, back) = bytes.split_at(len / 3);
                tx.try_push_vectored(&[front, back]).map(|()| 1)
            }
            Op::PushTimeout => tx.push_timeout(bytes, how.timeout).map(|()| 1),
            Op::Push => tx.push(bytes).map(|()| 1),
            Op::TryReserve => tx.try_reserve(len).map(|room| reserved(room, how)),
            Op::ReserveTimeout => {
                tx.reserve_timeout(len, how.timeout).map(|room| reserved(room, how))
            }
            Op::TryPushBatch => tx.try_push_batch(&vec![bytes; how.count]),
            Op::WriteStream => {
                let mut writer = slot.take().expect("attached").into_writer();
                let written = writer.write(bytes);
                *slot = Some(writer.into_inner());
                written.map(|_| 1).map_err(|error| inside(&error))
            }
            _ => match tx.push_batch(&vec![bytes; how.count]) {
                Err(failed) if failed.pushed == 0 => Err(failed.error),
                answer => Ok(answer.unwrap_or_else(|failed| failed.pushed)),
            },
        }
    }

    fn pop(slot: &mut Option<Consumer<[u8]>>, op: Op, mut how: Popping<'_>) -> Popped {
        let rx = slot.as_mut().expect("attached");
        let len = match op {
            Op::TryPop => rx.try_pop().map(|message| message.len()),
            Op::TryPopInto => rx.try_pop_into(&mut Vec::new()),
            Op::TryPopTo => rx.try_pop_to(how.buffer),
            Op::PopTimeout => rx.pop_to_timeout(how.buffer, how.timeout),
            Op::PopThreshold => rx.pop_timeout(how.timeout).map(|message| message.len()),
            Op::Pop => rx.pop_to(how.buffer),
            Op::TryPeek => return rx.try_peek().map(|view| release_or_leave(view, &mut how)),
            Op::PeekTimeout => {
                let view = rx.peek_timeout(how.timeout);
                return view.map(|view| release_or_leave(view, &mut how));
            }
            Op::TryPopBatch => {
                return rx.try_pop_batch(how.max, |record| read_somewhere(record, &mut how));
            }
            Op::PopBatchTimeout => {
                let (max, timeout) = (how.max, how.timeout);
                return rx
                    .pop_batch_timeout(max, timeout, |record| read_somewhere(record, &mut how));
            }
            Op::TryIter => {
                let next = rx.try_iter().next().unwrap_or(Err(PopError::Empty));
                next.map(|message| message.len())
            }
            Op::Iter => {
                let next = rx.iter().next().unwrap_or(Err(PopError::Closed));
                next.map(|message| message.len())
            }
            Op::ReadStream => {
                let mut reader = slot.take().expect("attached").into_reader();
                let read = reader.read(how.buffer);
                let (rx, _) = reader.into_inner();
                *slot = Some(rx);
                match read {
                    Ok(0) => Err(PopError::Closed),
                    Ok(len) => Ok(len),
                    Err(error) => Err(inside(&error)),
                }
            }
            _ => return wait(rx, how.timeout),
        };
        how.lens.extend(len.ok().map(|len| len as u64));
        len.map(|_| 1)
    }

    fn room(_: &mut Producer<[u8]>) -> Option<u64> {
        None
    }

    fn ready(rx: &Consumer<[u8]>) -> u64 {
        rx.ready_bytes_at_least()
    }
}

/// A threshold of any size, or none.
pub(super) fn threshold(rng: &mut Rng, within: Duration) -> Option<Threshold> {
    let bytes = [0, 1, 8, 64, 4096, u64::MAX, rng.next()][rng.below(7) as usize];
    (rng.below(4) != 0).then(|| Threshold::bytes(bytes, within))
}

/// Fills `bytes` with something that is not zero.
pub(super) fn pattern(bytes: &mut [u8]) {
    bytes.as_mut_bytes().fill(0xa5);
}
