//! What is sent: numbered records whose every byte follows from the number, as values and as messages, and the
//! calls that send and take them. It must not know the ledger.

use std::time::Duration;

use shm_ring::{Consumer, Payload, PopError, Producer, PushError};
use zerocopy::IntoBytes;

use crate::rng::Rng;

/// How a call publishes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Push {
    Try,
    Timeout,
    Wait,
    InPlace,
    TryBatch,
    Batch,
}

pub(super) const PUSHES: [Push; 6] =
    [Push::Try, Push::Timeout, Push::Wait, Push::InPlace, Push::TryBatch, Push::Batch];

impl Push {
    pub(super) fn is_batch(self) -> bool {
        matches!(self, Self::TryBatch | Self::Batch)
    }
}

/// How a call takes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pop {
    Try,
    Timeout,
    Batch,
    /// Looked at in the batch, so that what was seen is known when it is killed.
    BatchSeen,
    Peek,
}

pub(super) const POPS: [Pop; 5] = [Pop::Try, Pop::Timeout, Pop::Batch, Pop::BatchSeen, Pop::Peek];

/// The patience of calls that have one.
pub(super) const TIMEOUT: Duration = Duration::from_millis(2);

/// What becomes of a record's bytes.
pub(super) type Each<'a> = &'a mut dyn FnMut(&[u8]);

pub(super) trait Load {
    type P: Payload + ?Sized;
    const NAME: &'static str;

    /// Publishes `count` records from `number` on: how many it was, and why not all.
    fn push(
        tx: &mut Producer<Self::P>,
        how: Push,
        number: u64,
        count: u64,
    ) -> (u64, Option<PushError>);

    /// Takes up to `most` records. `each` sees a record of `Peek` and `BatchSeen` before its room is given
    /// back, those of the others afterwards.
    fn pop(
        rx: &mut Consumer<Self::P>,
        how: Pop,
        most: usize,
        each: Each<'_>,
    ) -> Result<usize, PopError>;

    /// Whether `count` values surely fit now.
    fn has_room(tx: &mut Producer<Self::P>, count: u64) -> bool;

    /// Bytes of record `number`.
    fn len(number: u64) -> usize;
}

/// Word `at` of record `number`.
pub(super) fn word(number: u64, at: u64) -> u64 {
    Rng::new(number.wrapping_mul(0x1_0001).wrapping_add(at << 40)).next()
}

/// The record's bytes: its number, and what follows from it.
pub(super) fn bytes<L: Load + ?Sized>(number: u64) -> Vec<u8> {
    let len = L::len(number);
    let words = (1..len.div_ceil(8) as u64).map(|at| word(number, at));
    let words: Vec<u64> = core::iter::once(number).chain(words).collect();
    words.as_bytes()[..len].to_vec()
}

/// The number of a record, if every byte of it is right.
pub(super) fn number<L: Load + ?Sized>(record: &[u8]) -> Result<u64, String> {
    let Some(first) = record.first_chunk::<8>() else {
        return Err(format!("a torn record of {} bytes", record.len()));
    };
    let number = u64::from_le_bytes(*first);
    match bytes::<L>(number) == record {
        true => Ok(number),
        false => Err(format!("a torn record of {} bytes that calls itself {number}", record.len())),
    }
}

/// Values of eight words.
pub(super) struct Values;

type Value = [u64; 8];

fn value(number: u64) -> Value {
    core::array::from_fn(|at| if at == 0 { number } else { word(number, at as u64) })
}

impl Load for Values {
    type P = Value;
    const NAME: &'static str = "values";

    fn push(
        tx: &mut Producer<Value>,
        how: Push,
        from: u64,
        count: u64,
    ) -> (u64, Option<PushError>) {
        let pushed = match how {
            Push::Try => tx.try_push(value(from)),
            Push::Timeout => tx.push_timeout(value(from), TIMEOUT),
            Push::Wait => tx.push(value(from)),
            Push::InPlace => tx.reserve_timeout(TIMEOUT).map(|mut room| {
                room.write(&value(from));
                room.commit();
            }),
            Push::TryBatch => match tx.try_push_batch((from..from + count).map(value)) {
                Ok(done) => return (done as u64, None),
                Err(error) => Err(error),
            },
            Push::Batch => match tx.push_batch((from..from + count).map(value)) {
                Ok(done) => return (done as u64, None),
                Err(failed) => return (failed.pushed as u64, Some(failed.error)),
            },
        };
        (u64::from(pushed.is_ok()), pushed.err())
    }

    fn pop(
        rx: &mut Consumer<Value>,
        how: Pop,
        most: usize,
        each: Each<'_>,
    ) -> Result<usize, PopError> {
        let popped = match how {
            Pop::Try => rx.try_pop(),
            Pop::Timeout => rx.pop_timeout(TIMEOUT),
            Pop::Batch => {
                let mut taken = Vec::with_capacity(most);
                let count = rx.pop_batch_timeout(most, TIMEOUT, |value| taken.push(value));
                taken.iter().for_each(|value| each(value.as_bytes()));
                return count;
            }
            Pop::BatchSeen => {
                return rx.pop_batch_timeout(most, TIMEOUT, |value| each(value.as_bytes()));
            }
            Pop::Peek => {
                let view = rx.peek_timeout(TIMEOUT)?;
                each(view.read().as_bytes());
                view.release();
                return Ok(1);
            }
        };
        popped.map(|value| each(value.as_bytes())).map(|()| 1)
    }

    fn has_room(tx: &mut Producer<Value>, count: u64) -> bool {
        tx.room_at_least() >= count
    }

    fn len(_: u64) -> usize {
        size_of::<Value>()
    }
}

/// Messages of 8 bytes to a quarter of the ring, most of them short.
pub(super) struct Messages;

impl Load for Messages {
    type P = [u8];
    const NAME: &'static str = "messages";

    fn push(tx: &mut Producer<[u8]>, how: Push, from: u64, count: u64) -> (u64, Option<PushError>) {
        let message = bytes::<Self>(from);
        let batch = || -> Vec<Vec<u8>> { (from..from + count).map(bytes::<Self>).collect() };
        let pushed = match how {
            Push::Try => tx.try_push(&message),
            Push::Timeout => tx.push_timeout(&message, TIMEOUT),
            Push::Wait => tx.push(&message),
            Push::InPlace => tx.reserve_timeout(message.len(), TIMEOUT).map(|mut room| {
                // What does not fit is what the caller got wrong, and this caller does not.
                let _ = room.write_at(0, &message[..]);
                room.commit();
            }),
            Push::TryBatch => match tx.try_push_batch(&batch()) {
                Ok(done) => return (done as u64, None),
                Err(error) => Err(error),
            },
            Push::Batch => match tx.push_batch(&batch()) {
                Ok(done) => return (done as u64, None),
                Err(failed) => return (failed.pushed as u64, Some(failed.error)),
            },
        };
        (u64::from(pushed.is_ok()), pushed.err())
    }

    fn pop(
        rx: &mut Consumer<[u8]>,
        how: Pop,
        most: usize,
        each: Each<'_>,
    ) -> Result<usize, PopError> {
        let popped = match how {
            Pop::Try => rx.try_pop(),
            Pop::Timeout => rx.pop_timeout(TIMEOUT),
            Pop::Batch => {
                let mut taken = Vec::with_capacity(most);
                let count =
                    rx.pop_batch_timeout(most, TIMEOUT, |record| taken.push(record.to_vec()));
                taken.iter().for_each(|message| each(message));
                return count;
            }
            Pop::BatchSeen => {
                return rx.pop_batch_timeout(most, TIMEOUT, |record| each(&record.to_vec()));
            }
            Pop::Peek => {
                let view = rx.peek_timeout(TIMEOUT)?;
                each(&view.to_vec());
                view.release();
                return Ok(1);
            }
        };
        popped.map(|message| each(&message)).map(|()| 1)
    }

    fn has_room(_: &mut Producer<[u8]>, count: u64) -> bool {
        count == 1
    }

    fn len(number: u64) -> usize {
        let any = word(number, 0);
        8 + match any % 64 {
            0 => any as usize / 64 % 1000,
            1..8 => any as usize / 64 % 200,
            _ => any as usize / 64 % 40,
        }
    }
}
