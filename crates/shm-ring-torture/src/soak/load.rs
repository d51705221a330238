//! What is sent: numbered records whose every byte follows from the number, as values and as messages, and the
//! calls that send and take them: those that the library's tests go through (`forms`).
//!
//! Owns: records, and which calls. Knows nothing of: the ledger.

use std::time::Duration;

use shm_ring::{PopError, PushError};
use shm_ring_outsider::FRONT_BYTES;
use zerocopy::IntoBytes;

use crate::forms::{Kind, Put, Room, RxOf, Take, TxOf};
use crate::rng::Rng;

/// How a call publishes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Push {
    One(Put),
    /// Several values, or one message.
    InPlace,
    TryBatch,
    Batch,
}

/// How a call takes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pop {
    One(Take),
    Batch,
    /// Looked at in the batch, so that what was seen is known when it is killed.
    BatchSeen,
    /// Some, of which not all are given back.
    Peek,
}

impl Pop {
    /// One that says when there is nothing to come.
    pub(super) const LAST: Self = Self::One(Take::Timeout);
}

/// The patience of calls that have one.
pub(super) const TIMEOUT: Duration = Duration::from_millis(2);

/// What becomes of a record's bytes.
pub(super) type Each<'a> = &'a mut dyn FnMut(&[u8]);

/// Values of words, or messages of 8 bytes to a quarter of the ring, most of them short.
pub(super) trait Load: Kind + 'static {
    /// Whether there are records that fit the front.
    const HAVE_FRONT: bool = match Self::LEN {
        Some(len) => len as u64 <= FRONT_BYTES,
        None => true,
    };
    const NAME: &'static str = match (Self::LEN, Self::HAVE_FRONT) {
        (None, _) => "messages",
        (_, true) => "values",
        (_, false) => "long values",
    };
}

impl<K: Kind + ?Sized + 'static> Load for K {}

pub(super) fn any_push<L: Load + ?Sized>(rng: &mut Rng) -> Push {
    match rng.below(8) {
        0 => Push::InPlace,
        1 => Push::TryBatch,
        2 | 3 => Push::Batch,
        _ => Push::One(L::PUSHES[rng.below(L::PUSHES.len() as u64) as usize]),
    }
}

pub(super) fn any_pop<L: Load + ?Sized>(rng: &mut Rng) -> Pop {
    let ones = L::POPS_THAT_RETURN;
    match rng.below(6) {
        0 | 1 => Pop::Batch,
        2 => Pop::BatchSeen,
        3 => Pop::Peek,
        _ => Pop::One(ones[rng.below(ones.len() as u64) as usize]),
    }
}

/// Records that a call publishes at most.
pub(super) fn most<L: Load + ?Sized>(how: Push) -> u64 {
    match how {
        Push::InPlace if L::LEN.is_some() => 12,
        Push::InPlace | Push::One(_) => 1,
        _ => 12,
    }
}

/// Publishes `count` records from `number` on: how many it was, and why not all.
pub(super) fn push<L: Load + ?Sized>(
    tx: &mut TxOf<L>,
    how: Push,
    number: u64,
    count: u64,
) -> (u64, Option<PushError>) {
    let batch: Vec<_> = (number..number + count).map(bytes::<L>).collect();
    let pushed = match how {
        Push::One(put) => L::push(tx, put, &batch[0]).map(|()| 1),
        Push::InPlace => {
            let mut room = batch.concat();
            let part = if L::LEN.is_some() { count as usize } else { room.len() };
            // A message in place asks for more than it needs.
            room.resize(room.len() + if L::LEN.is_some() { 0 } else { 9 }, 0);
            L::reserve(tx, 1, Room::Less, &room, part).map(|_| count as usize)
        }
        Push::TryBatch => L::try_push_batch(tx, &batch),
        Push::Batch => match L::push_batch(tx, &batch) {
            Ok(done) => Ok(done),
            Err(failed) => return (failed.pushed as u64, Some(failed.error)),
        },
    };
    (pushed.unwrap_or(0) as u64, pushed.err())
}

/// Takes up to `most` records. `each` sees a record of `Peek` and `BatchSeen` before its room is given
/// back, those of the others afterwards.
pub(super) fn pop<L: Load + ?Sized>(
    rx: &mut RxOf<L>,
    how: Pop,
    most: usize,
    each: Each<'_>,
) -> Result<usize, PopError> {
    match how {
        // A buffer for any message.
        Pop::One(take) => L::pop(rx, take, 4096).map(|record| {
            each(&record);
            1
        }),
        Pop::Batch => {
            let mut taken = Vec::new();
            L::pop_batch(rx, 1, most, |record| taken.push(record))?;
            taken.iter().for_each(|record| each(record));
            Ok(taken.len())
        }
        Pop::BatchSeen => L::pop_batch(rx, 1, most, |record| each(&record)),
        Pop::Peek => {
            let mut given_back = 0;
            L::peek(rx, 1, 2, most, |seen| {
                // More than none, and often not all.
                given_back = seen.len() - seen.len() / 3;
                seen[..given_back].iter().for_each(|record| each(record));
                given_back
            })?;
            Ok(given_back)
        }
    }
}

/// Whether `count` records from `number` on are sure to fit now.
pub(super) fn has_room<L: Load + ?Sized>(tx: &mut TxOf<L>, number: u64, count: u64) -> bool {
    let wanted = match L::LEN {
        Some(_) => count,
        None => (number..number + count).map(|number| L::stride(len::<L>(number))).sum(),
    };
    L::room(tx) as u64 >= wanted
}

/// Bytes of record `number`.
fn len<L: Load + ?Sized>(number: u64) -> usize {
    let any = word(number, 0);
    L::LEN.unwrap_or(
        8 + match any % 64 {
            0 => any as usize / 64 % 1000,
            1..8 => any as usize / 64 % 200,
            _ => any as usize / 64 % 40,
        },
    )
}

/// Word `at` of record `number`.
pub(super) fn word(number: u64, at: u64) -> u64 {
    Rng::new(number.wrapping_mul(0x1_0001).wrapping_add(at << 40)).next()
}

/// The record's bytes: its number, and what follows from it.
pub(super) fn bytes<L: Load + ?Sized>(number: u64) -> Vec<u8> {
    let len = len::<L>(number);
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
