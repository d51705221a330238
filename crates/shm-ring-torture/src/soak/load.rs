//! What is sent: numbered records whose every byte follows from the number, as values and as messages, and the
//! calls that send and take them.
//!
//! Owns: records and calls. Knows nothing of: the ledger.

use std::time::Duration;

use shm_ring::{MessageConsumer, MessageProducer, PopError, PushError};
use shm_ring_outsider::FRONT_BYTES;
use zerocopy::IntoBytes;

use super::rings::{Messages, Rings, Values};
use crate::rng::Rng;

/// How a call publishes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Push {
    Try,
    Timeout,
    Wait,
    /// Several values, or one message.
    InPlace,
    TryBatch,
    Batch,
    TrySlice,
    /// Several values, or one message of several parts.
    Slice,
}

pub(super) const PUSHES: [Push; 8] = [
    Push::Try,
    Push::Timeout,
    Push::Wait,
    Push::InPlace,
    Push::TryBatch,
    Push::Batch,
    Push::TrySlice,
    Push::Slice,
];

/// How a call takes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pop {
    Try,
    Timeout,
    Batch,
    /// Looked at in the batch, so that what was seen is known when it is killed.
    BatchSeen,
    /// Several values, or one message into a place.
    Slice,
    /// Some, of which not all are given back.
    Peek,
}

pub(super) const POPS: [Pop; 6] =
    [Pop::Try, Pop::Timeout, Pop::Batch, Pop::BatchSeen, Pop::Slice, Pop::Peek];

/// The patience of calls that have one.
pub(super) const TIMEOUT: Duration = Duration::from_millis(2);

/// What becomes of a record's bytes.
pub(super) type Each<'a> = &'a mut dyn FnMut(&[u8]);

pub(super) trait Load: Rings {
    const NAME: &'static str;
    /// Whether there are records that fit the front.
    const HAVE_FRONT: bool;

    /// Records that a call publishes at most.
    fn most(how: Push) -> u64;

    /// Publishes `count` records from `number` on: how many it was, and why not all.
    fn push(
        tx: &mut Self::Producer,
        how: Push,
        number: u64,
        count: u64,
    ) -> (u64, Option<PushError>);

    /// Takes up to `most` records. `each` sees a record of `Peek` and `BatchSeen` before its room is given
    /// back, those of the others afterwards.
    fn pop(
        rx: &mut Self::Consumer,
        how: Pop,
        most: usize,
        each: Each<'_>,
    ) -> Result<usize, PopError>;

    /// Whether `count` records from `number` on are sure to fit now.
    fn has_room(tx: &mut Self::Producer, number: u64, count: u64) -> bool;

    /// Bytes of record `number`.
    fn len(number: u64) -> usize;
}

/// How many of `seen` records are given back: more than none, and often not all.
fn given_back(seen: usize) -> usize {
    seen - seen / 3
}

/// Word `at` of record `number`.
pub(super) fn word(number: u64, at: u64) -> u64 {
    Rng::new(number.wrapping_mul(0x1_0001).wrapping_add(at << 40)).next()
}

/// The record's bytes: its number, and what follows from it.
pub(super) fn bytes<L: Load>(number: u64) -> Vec<u8> {
    let len = L::len(number);
    let words = (1..len.div_ceil(8) as u64).map(|at| word(number, at));
    let words: Vec<u64> = core::iter::once(number).chain(words).collect();
    words.as_bytes()[..len].to_vec()
}

/// The number of a record, if every byte of it is right.
pub(super) fn number<L: Load>(record: &[u8]) -> Result<u64, String> {
    let Some(first) = record.first_chunk::<8>() else {
        return Err(format!("a torn record of {} bytes", record.len()));
    };
    let number = u64::from_le_bytes(*first);
    match bytes::<L>(number) == record {
        true => Ok(number),
        false => Err(format!("a torn record of {} bytes that calls itself {number}", record.len())),
    }
}

fn value<const N: usize>(number: u64) -> [u64; N] {
    core::array::from_fn(|at| if at == 0 { number } else { word(number, at as u64) })
}

fn values<const N: usize>(from: u64, count: u64) -> Vec<[u64; N]> {
    (from..from + count).map(value).collect()
}

/// Values of so many words.
impl<const N: usize> Load for Values<[u64; N]> {
    const NAME: &'static str = if Self::HAVE_FRONT { "values" } else { "long values" };
    const HAVE_FRONT: bool = 8 * N as u64 <= FRONT_BYTES;

    fn most(how: Push) -> u64 {
        match how {
            Push::Try | Push::Timeout | Push::Wait => 1,
            _ => 12,
        }
    }

    fn push(tx: &mut Self::Producer, how: Push, from: u64, count: u64) -> (u64, Option<PushError>) {
        let pushed = match how {
            Push::Try => tx.try_push(value(from)).map(|()| 1),
            Push::Timeout => tx.push_timeout(value(from), TIMEOUT).map(|()| 1),
            Push::Wait => tx.push(value(from)).map(|()| 1),
            Push::InPlace => tx
                .wait(count as usize, Some(TIMEOUT))
                .and_then(|()| tx.try_reserve(count as usize))
                .map(|mut room| {
                    (0..room.len()).for_each(|at| room.write(at, &value(from + at as u64)));
                    room.commit(count as usize);
                    count as usize
                }),
            Push::TryBatch => tx.try_push_batch((from..from + count).map(value)),
            Push::TrySlice => tx.try_push_slice(&values(from, count)),
            Push::Batch | Push::Slice => {
                let pushed = match how {
                    Push::Batch => tx.push_batch((from..from + count).map(value)),
                    _ => tx.push_slice(&values(from, count)),
                };
                match pushed {
                    Ok(done) => Ok(done),
                    Err(failed) => return (failed.pushed as u64, Some(failed.error)),
                }
            }
        };
        (pushed.unwrap_or(0) as u64, pushed.err())
    }

    fn pop(
        rx: &mut Self::Consumer,
        how: Pop,
        most: usize,
        each: Each<'_>,
    ) -> Result<usize, PopError> {
        let mut taken = Vec::with_capacity(most);
        match how {
            Pop::Try => taken.push(rx.try_pop()?),
            Pop::Timeout => taken.push(rx.pop_timeout(TIMEOUT)?),
            Pop::Batch => {
                rx.pop_batch_timeout(most, TIMEOUT, |value| taken.push(value))?;
            }
            Pop::Slice => {
                taken.resize(most, [0; N]);
                let count = rx.pop_slice_timeout(&mut taken, TIMEOUT)?;
                taken.truncate(count);
            }
            Pop::BatchSeen => {
                return rx.pop_batch_timeout(most, TIMEOUT, |value| each(value.as_bytes()));
            }
            Pop::Peek => {
                let view = rx.wait(1, Some(TIMEOUT)).and_then(|()| rx.try_peek(most))?;
                let count = given_back(view.len());
                view.iter().take(count).for_each(|value| each(value.as_bytes()));
                view.release(count);
                return Ok(count);
            }
        }
        taken.iter().for_each(|value| each(value.as_bytes()));
        Ok(taken.len())
    }

    fn has_room(tx: &mut Self::Producer, _: u64, count: u64) -> bool {
        tx.room_at_least() as u64 >= count
    }

    fn len(_: u64) -> usize {
        8 * N
    }
}

/// Messages of 8 bytes to a quarter of the ring, most of them short.
impl Load for Messages {
    const NAME: &'static str = "messages";
    const HAVE_FRONT: bool = true;

    fn most(how: Push) -> u64 {
        match how {
            Push::TryBatch | Push::Batch => 12,
            _ => 1,
        }
    }

    fn push(
        tx: &mut MessageProducer,
        how: Push,
        from: u64,
        count: u64,
    ) -> (u64, Option<PushError>) {
        let message = bytes::<Self>(from);
        let parts = message.split_at(message.len() / 3);
        let parts = [parts.0, parts.1];
        let batch = || -> Vec<Vec<u8>> { (from..from + count).map(bytes::<Self>).collect() };
        let pushed = match how {
            Push::Try => tx.try_push(&message).map(|()| 1),
            Push::Timeout => tx.push_timeout(&message, TIMEOUT).map(|()| 1),
            Push::Wait => tx.push(&message).map(|()| 1),
            Push::InPlace => tx
                .wait(message.len() + 9, Some(TIMEOUT))
                .and_then(|()| tx.try_reserve(message.len() + 9))
                .map(|mut room| {
                    // What does not fit is what the caller got wrong, and this caller does not.
                    let _ = room.write_at(0, &message[..]);
                    room.commit(message.len());
                    1
                }),
            Push::TrySlice => tx.try_push_vectored(&parts).map(|()| 1),
            Push::Slice => tx.push_vectored(&parts).map(|()| 1),
            Push::TryBatch => tx.try_push_batch(&batch()),
            Push::Batch => match tx.push_batch(&batch()) {
                Ok(done) => Ok(done),
                Err(failed) => return (failed.pushed as u64, Some(failed.error)),
            },
        };
        (pushed.unwrap_or(0) as u64, pushed.err())
    }

    fn pop(
        rx: &mut MessageConsumer,
        how: Pop,
        most: usize,
        each: Each<'_>,
    ) -> Result<usize, PopError> {
        let mut taken = Vec::with_capacity(most);
        match how {
            Pop::Try => taken.push(rx.try_pop()?),
            Pop::Timeout => taken.push(rx.pop_timeout(TIMEOUT)?),
            Pop::Batch => {
                rx.pop_batch_timeout(most, TIMEOUT, |message| taken.push(message.to_vec()))?;
            }
            Pop::Slice => {
                let mut place = Vec::new();
                rx.pop_into_timeout(&mut place, TIMEOUT)?;
                taken.push(place);
            }
            Pop::BatchSeen => {
                return rx.pop_batch_timeout(most, TIMEOUT, |message| each(&message.to_vec()));
            }
            Pop::Peek => {
                let view = rx.wait(1, Some(TIMEOUT)).and_then(|()| rx.try_peek(most))?;
                let count = given_back(view.iter().count());
                view.iter().take(count).for_each(|message| each(&message.to_vec()));
                return Ok(view.release(count));
            }
        }
        taken.iter().for_each(|message| each(message));
        Ok(taken.len())
    }

    fn has_room(tx: &mut MessageProducer, number: u64, count: u64) -> bool {
        // Alignment of these messages, and the size of a record header.
        let record = |number| 8 + Self::len(number).next_multiple_of(8);
        tx.room_at_least() >= (number..number + count).map(record).sum()
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
