//! The calls of both kinds of rings in the same words: payloads are bytes here.
//!
//! Owns: which call of the library is made. Knows nothing of: what it answers when.

use std::time::Duration;

use shm_ring::{
    BatchError, Consumer, Item, MessageConsumer, MessageProducer, PopError, Producer, PushError,
};
use shm_ring_fuzz::kind::{Kind, Messages, Values};
use shm_ring_outsider::Header;

use crate::script::How;

/// How long a call that may time out waits.
pub(crate) const TIMEOUT: Duration = Duration::from_millis(30);

/// How many of several were published, and why not more.
pub(crate) type Pushed = (usize, Option<PushError>);

pub(crate) trait Carries: Kind + 'static {
    /// The length of a payload for which the input says `len`.
    fn len(len: u8, header: &Header) -> usize;
    fn push(tx: &mut Self::Tx, how: How, payload: &[u8]) -> Result<(), PushError>;
    /// Room for all `payloads`, of which the first `commit` are published; of a message as much as `commit` says.
    fn reserve(
        tx: &mut Self::Tx,
        how: How,
        payloads: &[Vec<u8>],
        commit: Commit,
    ) -> Result<(), PushError>;
    fn push_batch(tx: &mut Self::Tx, how: How, payloads: &[Vec<u8>]) -> Pushed;
    fn push_slice(tx: &mut Self::Tx, how: How, payloads: &[Vec<u8>]) -> Pushed;
    fn pop(rx: &mut Self::Rx, how: How) -> Result<Vec<u8>, PopError>;
    /// Hands up to `max` payloads to `seen`, then asks `release` how many of so many are given back.
    fn peek(
        rx: &mut Self::Rx,
        how: How,
        max: usize,
        seen: impl FnMut(Vec<u8>),
        release: impl FnOnce(usize) -> usize,
    ) -> Result<(), PopError>;
    fn pop_batch(
        rx: &mut Self::Rx,
        how: How,
        max: usize,
        each: impl FnMut(Vec<u8>),
    ) -> Result<usize, PopError>;
    /// Up to `max` payloads by one copy.
    fn pop_slice(rx: &mut Self::Rx, how: How, max: usize) -> Result<Vec<Vec<u8>>, PopError>;
}

/// What becomes of a reservation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Commit {
    /// Of values: how many. Of a message: whether it is published at all.
    pub(crate) count: usize,
    /// Bytes that a message was reserved for and does not take.
    pub(crate) spare: usize,
}

fn pushed(pushed: Result<usize, PushError>) -> Pushed {
    match pushed {
        Ok(count) => (count, None),
        Err(error) => (0, Some(error)),
    }
}

fn pushed_in_parts(pushed: Result<usize, BatchError>) -> Pushed {
    match pushed {
        Ok(count) => (count, None),
        Err(BatchError { pushed, error }) => (pushed, Some(error)),
    }
}

fn value<T: Item>(payload: &[u8]) -> T {
    T::read_from_bytes(payload).unwrap()
}

fn bytes<T: Item>(value: &T) -> Vec<u8> {
    value.as_bytes().to_vec()
}

impl<T: Item + Copy + 'static> Carries for Values<T> {
    fn len(_: u8, _: &Header) -> usize {
        size_of::<T>()
    }

    fn push(tx: &mut Producer<T>, how: How, payload: &[u8]) -> Result<(), PushError> {
        let item = value(payload);
        match how {
            How::Try => tx.try_push_from(&item),
            How::Wait => tx.push_from(&item),
            How::Timeout => tx.push_timeout(item, TIMEOUT),
        }
    }

    fn reserve(
        tx: &mut Producer<T>,
        how: How,
        payloads: &[Vec<u8>],
        commit: Commit,
    ) -> Result<(), PushError> {
        let count = payloads.len();
        let mut room = match how {
            How::Try => tx.try_reserve(count),
            How::Wait => tx.reserve(count),
            How::Timeout => tx.wait(count, Some(TIMEOUT)).and_then(|()| tx.try_reserve(count)),
        }?;
        for (index, payload) in payloads.iter().enumerate().rev() {
            room.write(index, &value(payload));
        }
        if commit.count > 0 {
            room.commit(commit.count);
        }
        Ok(())
    }

    fn push_batch(tx: &mut Producer<T>, how: How, payloads: &[Vec<u8>]) -> Pushed {
        let items = payloads.iter().map(|payload| value(payload));
        match how {
            How::Try => pushed(tx.try_push_batch(items)),
            _ => pushed_in_parts(tx.push_batch(items)),
        }
    }

    fn push_slice(tx: &mut Producer<T>, how: How, payloads: &[Vec<u8>]) -> Pushed {
        let items: Vec<T> = payloads.iter().map(|payload| value(payload)).collect();
        match how {
            How::Try => pushed(tx.try_push_slice(&items)),
            _ => pushed_in_parts(tx.push_slice(&items)),
        }
    }

    fn pop(rx: &mut Consumer<T>, how: How) -> Result<Vec<u8>, PopError> {
        let popped = match how {
            How::Try => rx.try_pop(),
            How::Wait => rx.pop(),
            How::Timeout => rx.pop_timeout(TIMEOUT),
        };
        popped.map(|item| bytes(&item))
    }

    fn peek(
        rx: &mut Consumer<T>,
        how: How,
        max: usize,
        mut seen: impl FnMut(Vec<u8>),
        release: impl FnOnce(usize) -> usize,
    ) -> Result<(), PopError> {
        let view = match how {
            How::Try => rx.try_peek(max),
            How::Wait => rx.peek(max),
            How::Timeout => rx.wait(max.min(1), Some(TIMEOUT)).and_then(|()| rx.try_peek(max)),
        }?;
        view.iter().for_each(|item| seen(bytes(&item)));
        let count = release(view.len());
        if count > 0 {
            view.release(count);
        }
        Ok(())
    }

    fn pop_batch(
        rx: &mut Consumer<T>,
        how: How,
        max: usize,
        mut each: impl FnMut(Vec<u8>),
    ) -> Result<usize, PopError> {
        let each = |item: T| each(bytes(&item));
        match how {
            How::Try => rx.try_pop_batch(max, each),
            How::Wait => rx.pop_batch(max, each),
            How::Timeout => rx.pop_batch_timeout(max, TIMEOUT, each),
        }
    }

    fn pop_slice(rx: &mut Consumer<T>, how: How, max: usize) -> Result<Vec<Vec<u8>>, PopError> {
        let mut items = vec![T::new_zeroed(); max];
        let count = match how {
            How::Try => rx.try_pop_slice(&mut items),
            How::Wait => rx.pop_slice(&mut items),
            How::Timeout => rx.pop_slice_timeout(&mut items, TIMEOUT),
        }?;
        Ok(items[..count].iter().map(bytes).collect())
    }
}

impl Carries for Messages {
    /// Short ones, long ones, and the longest.
    fn len(len: u8, header: &Header) -> usize {
        let longest = header.longest() as usize;
        let len = match len {
            0..=99 => len.into(),
            100..=199 => usize::from(len - 100) * 16,
            len => longest.saturating_sub(usize::from(255 - len) * 8),
        };
        len.min(longest)
    }

    fn push(tx: &mut MessageProducer, how: How, payload: &[u8]) -> Result<(), PushError> {
        if payload.len() % 4 == 3 {
            // In two parts that no word ends between.
            let (first, second) = payload.split_at(payload.len() / 3);
            let parts = [first, second];
            return match how {
                How::Try => tx.try_push_vectored(&parts),
                How::Wait => tx.push_vectored(&parts),
                How::Timeout => tx.push_vectored_timeout(&parts, TIMEOUT),
            };
        }
        match how {
            How::Try => tx.try_push(payload),
            How::Wait => tx.push(payload),
            How::Timeout => tx.push_timeout(payload, TIMEOUT),
        }
    }

    fn reserve(
        tx: &mut MessageProducer,
        how: How,
        payloads: &[Vec<u8>],
        commit: Commit,
    ) -> Result<(), PushError> {
        let payload = &payloads[0];
        let len = payload.len() + commit.spare;
        let mut room = match how {
            How::Try => tx.try_reserve(len),
            How::Wait => tx.reserve(len),
            How::Timeout => tx.wait(len, Some(TIMEOUT)).and_then(|()| tx.try_reserve(len)),
        }?;
        let (first, second) = payload.split_at(payload.len() / 3);
        room.write_at(first.len(), second).unwrap();
        room.write_at(0, first).unwrap();
        if commit.count > 0 {
            room.commit(payload.len());
        }
        Ok(())
    }

    fn push_batch(tx: &mut MessageProducer, how: How, payloads: &[Vec<u8>]) -> Pushed {
        match how {
            How::Try => pushed(tx.try_push_batch(payloads)),
            _ => pushed_in_parts(tx.push_batch(payloads)),
        }
    }

    fn push_slice(tx: &mut MessageProducer, how: How, payloads: &[Vec<u8>]) -> Pushed {
        Self::push_batch(tx, how, payloads)
    }

    fn pop(rx: &mut MessageConsumer, how: How) -> Result<Vec<u8>, PopError> {
        match how {
            How::Try => rx.try_pop(),
            How::Wait => rx.pop(),
            How::Timeout => rx.pop_timeout(TIMEOUT),
        }
    }

    fn peek(
        rx: &mut MessageConsumer,
        how: How,
        max: usize,
        mut seen: impl FnMut(Vec<u8>),
        release: impl FnOnce(usize) -> usize,
    ) -> Result<(), PopError> {
        let view = match how {
            How::Try => rx.try_peek(max),
            How::Wait => rx.peek(max),
            How::Timeout => rx.wait(max.min(1), Some(TIMEOUT)).and_then(|()| rx.try_peek(max)),
        }?;
        let mut count = 0;
        for message in view.iter() {
            seen(message.to_vec());
            count += 1;
        }
        let release = release(count);
        if release > 0 {
            assert_eq!(view.release(release), release, "fewer than were shown");
        }
        Ok(())
    }

    fn pop_batch(
        rx: &mut MessageConsumer,
        how: How,
        max: usize,
        mut each: impl FnMut(Vec<u8>),
    ) -> Result<usize, PopError> {
        let each = |message: &shm_ring::Message<'_>| each(message.to_vec());
        match how {
            How::Try => rx.try_pop_batch(max, each),
            How::Wait => rx.pop_batch(max, each),
            How::Timeout => rx.pop_batch_timeout(max, TIMEOUT, each),
        }
    }

    /// One, into a place that is there.
    fn pop_slice(rx: &mut MessageConsumer, how: How, _: usize) -> Result<Vec<Vec<u8>>, PopError> {
        let mut place = vec![0; rx.max_len()];
        let len = match how {
            How::Try => rx.try_pop_to(&mut place),
            How::Wait => rx.pop_to(&mut place),
            How::Timeout => rx.pop_to_timeout(&mut place, TIMEOUT),
        }?;
        place.truncate(len);
        Ok(vec![place])
    }
}
