//! The calls of both kinds of rings in the same words: payloads are bytes here. It must not know what
//! they answer when.

use std::time::Duration;

use shm_ring::{Consumer, Payload, PopError, Producer, PushError, Record};

use crate::script::How;

/// How long a call that may time out waits.
pub(crate) const TIMEOUT: Duration = Duration::from_millis(30);

pub(crate) trait Kind: Payload + 'static {
    /// The length of a payload for which the input says `len`.
    fn len(len: u8) -> usize;
    fn push(tx: &mut Producer<Self>, how: How, payload: &[u8]) -> Result<(), PushError>;
    fn reserve(tx: &mut Producer<Self>, payload: &[u8], commit: bool) -> Result<(), PushError>;
    fn push_batch(tx: &mut Producer<Self>, payloads: &[Vec<u8>]) -> Result<usize, PushError>;
    fn pop(rx: &mut Consumer<Self>, how: How) -> Result<Vec<u8>, PopError>;
    /// Hands the payload to `seen`, which says whether to release it.
    fn peek(
        rx: &mut Consumer<Self>,
        how: How,
        seen: impl FnOnce(Vec<u8>) -> bool,
    ) -> Result<(), PopError>;
    fn pop_batch(
        rx: &mut Consumer<Self>,
        how: How,
        max: usize,
        each: impl FnMut(Vec<u8>),
    ) -> Result<usize, PopError>;
}

impl<const N: usize> Kind for [u8; N] {
    fn len(_: u8) -> usize {
        N
    }

    fn push(tx: &mut Producer<Self>, how: How, payload: &[u8]) -> Result<(), PushError> {
        let item: &[u8; N] = payload.try_into().unwrap();
        match how {
            How::Try => tx.try_push_from(item),
            How::Wait => tx.push_from(item),
            How::Timeout => tx.push_timeout(*item, TIMEOUT),
        }
    }

    fn reserve(tx: &mut Producer<Self>, payload: &[u8], commit: bool) -> Result<(), PushError> {
        let mut room = tx.try_reserve()?;
        room.write(payload.try_into().unwrap());
        if commit {
            room.commit();
        }
        Ok(())
    }

    fn push_batch(tx: &mut Producer<Self>, payloads: &[Vec<u8>]) -> Result<usize, PushError> {
        tx.try_push_batch(payloads.iter().map(|payload| payload[..].try_into().unwrap()))
    }

    fn pop(rx: &mut Consumer<Self>, how: How) -> Result<Vec<u8>, PopError> {
        let popped = match how {
            How::Try => rx.try_pop(),
            How::Wait => rx.pop(),
            How::Timeout => rx.pop_timeout(TIMEOUT),
        };
        popped.map(Vec::from)
    }

    fn peek(
        rx: &mut Consumer<Self>,
        how: How,
        seen: impl FnOnce(Vec<u8>) -> bool,
    ) -> Result<(), PopError> {
        let view = match how {
            How::Try => rx.try_peek(),
            How::Wait => rx.peek(),
            How::Timeout => rx.peek_timeout(TIMEOUT),
        }?;
        if seen(view.read().into()) {
            view.release();
        }
        Ok(())
    }

    fn pop_batch(
        rx: &mut Consumer<Self>,
        how: How,
        max: usize,
        mut each: impl FnMut(Vec<u8>),
    ) -> Result<usize, PopError> {
        match how {
            How::Try => rx.try_pop_batch(max, |item| each(item.into())),
            How::Wait => rx.pop_batch(max, |item| each(item.into())),
            How::Timeout => rx.pop_batch_timeout(max, TIMEOUT, |item| each(item.into())),
        }
    }
}

impl Kind for [u8] {
    /// Short ones, long ones, and the longest.
    fn len(len: u8) -> usize {
        match len {
            0..=99 => usize::from(len),
            100..=199 => usize::from(len - 100) * 16,
            len => 4080 - usize::from(255 - len) * 8,
        }
    }

    fn push(tx: &mut Producer<Self>, how: How, payload: &[u8]) -> Result<(), PushError> {
        match how {
            How::Try => tx.try_push(payload),
            How::Wait => tx.push(payload),
            How::Timeout => tx.push_timeout(payload, TIMEOUT),
        }
    }

    fn reserve(tx: &mut Producer<Self>, payload: &[u8], commit: bool) -> Result<(), PushError> {
        let mut room = tx.try_reserve(payload.len())?;
        // In two parts that no word ends between.
        let (first, second) = payload.split_at(payload.len() / 3);
        let from = first.len();
        room.write_at(from, second).unwrap();
        room.write_at(0, first).unwrap();
        if commit {
            room.commit();
        }
        Ok(())
    }

    fn push_batch(tx: &mut Producer<Self>, payloads: &[Vec<u8>]) -> Result<usize, PushError> {
        tx.try_push_batch(payloads)
    }

    fn pop(rx: &mut Consumer<Self>, how: How) -> Result<Vec<u8>, PopError> {
        match how {
            How::Try => rx.try_pop(),
            How::Wait => rx.pop(),
            How::Timeout => rx.pop_timeout(TIMEOUT),
        }
    }

    fn peek(
        rx: &mut Consumer<Self>,
        how: How,
        seen: impl FnOnce(Vec<u8>) -> bool,
    ) -> Result<(), PopError> {
        let view = match how {
            How::Try => rx.try_peek(),
            How::Wait => rx.peek(),
            How::Timeout => rx.peek_timeout(TIMEOUT),
        }?;
        if seen(view.to_vec()) {
            view.release();
        }
        Ok(())
    }

    fn pop_batch(
        rx: &mut Consumer<Self>,
        how: How,
        max: usize,
        mut each: impl FnMut(Vec<u8>),
    ) -> Result<usize, PopError> {
        let each = |record: &Record<'_, [u8]>| each(record.to_vec());
        match how {
            How::Try => rx.try_pop_batch(max, each),
            How::Wait => rx.pop_batch(max, each),
            How::Timeout => rx.pop_batch_timeout(max, TIMEOUT, each),
        }
    }
}
