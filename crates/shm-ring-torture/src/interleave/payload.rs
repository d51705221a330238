//! What crosses in a schedule: how the record of a given number is made, pushed, taken and recognised.
//!
//! Owns: records as values and as messages, and the calls that carry them. Knows nothing of: schedules.

use shm_ring::{Item, Message, MessageConsumer, MessageProducer, PopError, PushError};
use shm_ring_outsider::Header;
use zerocopy::FromBytes;

use super::case::CAPACITY;
use crate::rings::{Messages, Rings, Values};
use crate::rng::Rng;

/// Bytes of message number so-and-so.
pub(crate) type Lengths = fn(u64) -> usize;

/// Items that are reserved and not committed.
const SPARE: usize = 1;

/// Records that follow from their number, so that whoever takes one can tell whether it is whole.
pub(crate) trait Payload: Rings {
    /// What is handed in and taken out.
    type Held: Clone;

    /// Bytes of record `number`.
    fn len(number: u64, lengths: Lengths) -> usize;
    /// A record of these bytes.
    fn hold(bytes: &[u8]) -> Self::Held;
    /// A place for any record.
    fn place() -> Self::Held;
    fn bytes(held: &Self::Held) -> &[u8];

    fn push(tx: &mut Self::Producer, held: &Self::Held) -> Result<(), PushError>;
    fn try_push(tx: &mut Self::Producer, held: &Self::Held) -> Result<(), PushError>;
    /// As one batch by an iterator.
    fn push_batch(tx: &mut Self::Producer, held: &[Self::Held]) -> Result<usize, PushError>;
    /// As one batch by a slice.
    fn push_slice(tx: &mut Self::Producer, held: &[Self::Held]) -> Result<usize, PushError>;
    /// In place. How many it was: messages go one by one.
    fn reserve_commit(tx: &mut Self::Producer, held: &[Self::Held]) -> Result<usize, PushError>;

    fn pop(rx: &mut Self::Consumer, held: &mut Self::Held) -> Result<(), PopError>;
    fn try_pop(rx: &mut Self::Consumer, held: &mut Self::Held) -> Result<(), PopError>;
    /// Up to `held.len()` records each; how many it was.
    fn pop_batch(rx: &mut Self::Consumer, held: &mut [Self::Held]) -> Result<usize, PopError>;
    fn try_pop_batch(rx: &mut Self::Consumer, held: &mut [Self::Held]) -> Result<usize, PopError>;
    fn pop_slice(rx: &mut Self::Consumer, held: &mut [Self::Held]) -> Result<usize, PopError>;
    fn peek_release(rx: &mut Self::Consumer, held: &mut [Self::Held]) -> Result<usize, PopError>;
}

/// The bytes of record `number`. The first tells neighbours apart, also where it is the only one.
pub(crate) fn bytes(number: u64, len: usize) -> Vec<u8> {
    let words = (0..len.div_ceil(8) as u64).map(|at| Rng::new(number << 16 | at).next());
    let mut bytes: Vec<u8> = words.flat_map(u64::to_le_bytes).take(len).collect();
    if let Some(first) = bytes.first_mut() {
        *first = (number as u8).wrapping_mul(37).wrapping_add(11);
    }
    bytes
}

/// The records of a case, by their numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Records {
    len: fn(u64, Lengths) -> usize,
    lengths: Lengths,
}

impl Records {
    pub(crate) fn of<P: Payload>(lengths: Lengths) -> Self {
        Self { len: P::len, lengths }
    }

    pub(crate) fn bytes(&self, number: u64) -> Vec<u8> {
        bytes(number, (self.len)(number, self.lengths))
    }

    /// Bytes that the first `count` of them take in the ring.
    pub(crate) fn distance(&self, header: &Header, count: u64) -> u64 {
        (0..count).map(|number| header.stride((self.len)(number, self.lengths) as u64)).sum()
    }
}

pub(crate) fn make<P: Payload>(number: u64, lengths: Lengths) -> P::Held {
    P::hold(&bytes(number, P::len(number, lengths)))
}

impl<T: Item + Copy + FromBytes + 'static> Payload for Values<T> {
    type Held = T;

    fn len(_: u64, _: Lengths) -> usize {
        size_of::<T>()
    }

    fn hold(bytes: &[u8]) -> T {
        let mut held = T::new_zeroed();
        held.as_mut_bytes().copy_from_slice(bytes);
        held
    }

    fn place() -> T {
        T::new_zeroed()
    }

    fn bytes(held: &T) -> &[u8] {
        held.as_bytes()
    }

    fn push(tx: &mut Self::Producer, held: &T) -> Result<(), PushError> {
        tx.push(*held)
    }

    fn try_push(tx: &mut Self::Producer, held: &T) -> Result<(), PushError> {
        tx.try_push(*held)
    }

    fn push_batch(tx: &mut Self::Producer, held: &[T]) -> Result<usize, PushError> {
        tx.push_batch(held.iter().copied()).map_err(|failed| failed.error)
    }

    fn push_slice(tx: &mut Self::Producer, held: &[T]) -> Result<usize, PushError> {
        tx.push_slice(held).map_err(|failed| failed.error)
    }

    fn reserve_commit(tx: &mut Self::Producer, held: &[T]) -> Result<usize, PushError> {
        let mut room = tx.reserve(held.len() + SPARE)?;
        room.write_slice(0, held);
        room.commit(held.len());
        Ok(held.len())
    }

    fn pop(rx: &mut Self::Consumer, held: &mut T) -> Result<(), PopError> {
        *held = rx.pop()?;
        Ok(())
    }

    fn try_pop(rx: &mut Self::Consumer, held: &mut T) -> Result<(), PopError> {
        *held = rx.try_pop()?;
        Ok(())
    }

    fn pop_batch(rx: &mut Self::Consumer, held: &mut [T]) -> Result<usize, PopError> {
        let max = held.len();
        rx.pop_batch(max, into(held))
    }

    fn try_pop_batch(rx: &mut Self::Consumer, held: &mut [T]) -> Result<usize, PopError> {
        let max = held.len();
        rx.try_pop_batch(max, into(held))
    }

    fn pop_slice(rx: &mut Self::Consumer, held: &mut [T]) -> Result<usize, PopError> {
        rx.pop_slice(held)
    }

    fn peek_release(rx: &mut Self::Consumer, held: &mut [T]) -> Result<usize, PopError> {
        let view = rx.peek(held.len())?;
        let count = view.len();
        view.copy_to(0, &mut held[..count]);
        view.release(count);
        Ok(count)
    }
}

/// Puts what it is called with into one place after the other.
fn into<T>(held: &mut [T]) -> impl FnMut(T) {
    let mut places = held.iter_mut();
    move |value| {
        if let Some(place) = places.next() {
            *place = value;
        }
    }
}

impl Payload for Messages {
    type Held = Vec<u8>;

    fn len(number: u64, lengths: Lengths) -> usize {
        lengths(number)
    }

    fn hold(bytes: &[u8]) -> Vec<u8> {
        bytes.to_vec()
    }

    fn place() -> Vec<u8> {
        // No allocation while it is stepped.
        Vec::with_capacity(CAPACITY as usize)
    }

    fn bytes(held: &Vec<u8>) -> &[u8] {
        held
    }

    fn push(tx: &mut MessageProducer, held: &Vec<u8>) -> Result<(), PushError> {
        tx.push(held)
    }

    fn try_push(tx: &mut MessageProducer, held: &Vec<u8>) -> Result<(), PushError> {
        tx.try_push(held)
    }

    fn push_batch(tx: &mut MessageProducer, held: &[Vec<u8>]) -> Result<usize, PushError> {
        tx.push_batch(held).map_err(|failed| failed.error)
    }

    fn push_slice(tx: &mut MessageProducer, held: &[Vec<u8>]) -> Result<usize, PushError> {
        Self::push_batch(tx, held)
    }

    fn reserve_commit(tx: &mut MessageProducer, held: &[Vec<u8>]) -> Result<usize, PushError> {
        let mut room = tx.reserve(held[0].len() + SPARE)?;
        // Cannot fail: as much was reserved. If it did, the record would not be whole.
        let _ = room.write_at(0, held[0].as_slice());
        room.commit(held[0].len());
        Ok(1)
    }

    fn pop(rx: &mut MessageConsumer, held: &mut Vec<u8>) -> Result<(), PopError> {
        rx.pop_into(held).map(drop)
    }

    fn try_pop(rx: &mut MessageConsumer, held: &mut Vec<u8>) -> Result<(), PopError> {
        rx.try_pop_into(held).map(drop)
    }

    fn pop_batch(rx: &mut MessageConsumer, held: &mut [Vec<u8>]) -> Result<usize, PopError> {
        let max = held.len();
        rx.pop_batch(max, copy_into(held))
    }

    fn try_pop_batch(rx: &mut MessageConsumer, held: &mut [Vec<u8>]) -> Result<usize, PopError> {
        let max = held.len();
        rx.try_pop_batch(max, copy_into(held))
    }

    fn pop_slice(rx: &mut MessageConsumer, held: &mut [Vec<u8>]) -> Result<usize, PopError> {
        Self::pop_batch(rx, held)
    }

    fn peek_release(rx: &mut MessageConsumer, held: &mut [Vec<u8>]) -> Result<usize, PopError> {
        let view = rx.peek(held.len())?;
        let mut copy = copy_into(held);
        let count = view.iter().map(|message| copy(&message)).count();
        drop(copy);
        Ok(view.release(count))
    }
}

/// Copies what it is called with into one place after the other.
fn copy_into(held: &mut [Vec<u8>]) -> impl FnMut(&Message<'_>) {
    let mut places = held.iter_mut();
    move |message| {
        if let Some(place) = places.next() {
            place.resize(message.len(), 0);
            // Cannot fail: it is as long. If it did, the record would not be whole.
            let _ = message.copy_to(0, place);
        }
    }
}
