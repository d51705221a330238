//! Owns: taking several records by one store of the position: batches of both kinds, slices of values. Knows nothing of:
//! how records are waited for.

use core::time::Duration;

use zerocopy::IntoBytes;

use super::flow::Flow;
use super::found::found_at;
use super::{Consumer, Message, MessageConsumer};
use crate::attachment::wait::Timeout;
use crate::error::PopError;
use crate::item::Item;

impl<T: Item> Consumer<T> {
    /// Takes up to `max` items that are there, oldest first, hands each to `each`, and frees their room by one store at
    /// the end. Returns their number. Items that are published meanwhile are for the next call. `each` returns nothing,
    /// or a [`ControlFlow`](core::ops::ControlFlow) by which it stops: the item that it stops at is taken, and those
    /// behind it stay ([`Flow`]).
    ///
    /// Delivery of the batch is at least once while `each` runs: a consumer killed there leaves all of
    /// it to its successor. After that it is at most once. If `each` panics, the item that it was given
    /// last counts as taken, and those it had not seen stay.
    ///
    /// # Errors
    /// Only if there is none: as [`try_pop`](Self::try_pop).
    ///
    /// ```
    /// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), &Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// tx.push_batch([1, 2, 3])?;
    /// let mut all = Vec::new();
    /// assert_eq!(rx.try_pop_batch(2, |item| all.push(item))?, 2);
    /// assert_eq!(all, [1, 2]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn try_pop_batch<F: Flow>(
        &mut self,
        max: usize,
        each: impl FnMut(T) -> F,
    ) -> Result<usize, PopError> {
        let count = self.inner.count_up_to(max, None)?;
        Ok(self.take_batch(count, each))
    }

    /// Like [`try_pop_batch`](Self::try_pop_batch), waiting for the first item as [`pop`](Self::pop)
    /// does.
    ///
    /// # Errors
    /// As [`pop`](Self::pop).
    ///
    /// ```
    /// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), &Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// tx.push_batch([1, 2, 3])?;
    /// let mut sum = 0;
    /// assert_eq!(rx.pop_batch(usize::MAX, |item| sum += item)?, 3);
    /// assert_eq!(sum, 6);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn pop_batch<F: Flow>(
        &mut self,
        max: usize,
        each: impl FnMut(T) -> F,
    ) -> Result<usize, PopError> {
        let count = self.inner.count_up_to(max, Some(Timeout::FOREVER))?;
        Ok(self.take_batch(count, each))
    }

    /// Like [`pop_batch`](Self::pop_batch), but waits at most `timeout`.
    ///
    /// # Errors
    /// As [`pop_timeout`](Self::pop_timeout).
    #[inline]
    pub fn pop_batch_timeout<F: Flow>(
        &mut self,
        max: usize,
        timeout: Duration,
        each: impl FnMut(T) -> F,
    ) -> Result<usize, PopError> {
        let count = self.inner.count_up_to(max, Some(Timeout::of(timeout)))?;
        Ok(self.take_batch(count, each))
    }

    #[inline(always)]
    fn take_batch<F: Flow>(&mut self, count: usize, mut each: impl FnMut(T) -> F) -> usize {
        let mut batch = self.inner.batch();
        for index in 0..count {
            let (position, tail) = batch.rest();
            if Self::SIZE >= 64 || position % 64 < Self::SIZE {
                batch.area().prefetch_below(position, tail);
            }
            let item = batch.area().take(position);
            batch.pass(Self::SIZE);
            if each(item).stops() {
                return index + 1;
            }
        }
        count
    }

    /// Takes as many items as are there, up to as many as `items` holds, oldest first, by one copy, and frees their
    /// room by one store. Returns their number.
    ///
    /// # Errors
    /// As [`try_pop`](Self::try_pop).
    #[inline]
    pub fn try_pop_slice(&mut self, items: &mut [T]) -> Result<usize, PopError> {
        let count = self.inner.count_up_to(items.len(), None)?;
        self.inner.take_run(items[..count].as_mut_bytes())?;
        Ok(count)
    }

    /// Like [`try_pop_slice`](Self::try_pop_slice), waiting for the first item as [`pop`](Self::pop) does.
    ///
    /// # Errors
    /// As [`pop`](Self::pop).
    ///
    /// ```
    /// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), &Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// tx.push_slice(&[1, 2, 3])?;
    /// let mut items = [0; 2];
    /// assert_eq!(rx.pop_slice(&mut items)?, 2);
    /// assert_eq!(items, [1, 2]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn pop_slice(&mut self, items: &mut [T]) -> Result<usize, PopError> {
        let count = self.inner.count_up_to(items.len(), Some(Timeout::FOREVER))?;
        self.inner.take_run(items[..count].as_mut_bytes())?;
        Ok(count)
    }

    /// Like [`pop_slice`](Self::pop_slice), but waits at most `timeout`.
    ///
    /// # Errors
    /// As [`pop_timeout`](Self::pop_timeout).
    #[inline]
    pub fn pop_slice_timeout(
        &mut self,
        items: &mut [T],
        timeout: Duration,
    ) -> Result<usize, PopError> {
        let count = self.inner.count_up_to(items.len(), Some(Timeout::of(timeout)))?;
        self.inner.take_run(items[..count].as_mut_bytes())?;
        Ok(count)
    }
}

impl MessageConsumer {
    /// Takes up to `max` messages that are there, oldest first, shows each to `each`, and frees their room by one store
    /// at the end. Returns their number. Messages that are published meanwhile are for the next call. `each` may stop,
    /// as with [`Consumer::try_pop_batch`](crate::Consumer::try_pop_batch).
    ///
    /// Delivery is as with [`Consumer::try_pop_batch`](crate::Consumer::try_pop_batch).
    ///
    /// # Errors
    /// Only if there is none: as [`try_pop`](Self::try_pop).
    pub fn try_pop_batch<F: Flow>(
        &mut self,
        max: usize,
        each: impl FnMut(&Message<'_>) -> F,
    ) -> Result<usize, PopError> {
        self.take_batch(max, None, each)
    }

    /// Like [`try_pop_batch`](Self::try_pop_batch), waiting for the first message as [`pop`](Self::pop) does.
    ///
    /// # Errors
    /// As [`pop`](Self::pop).
    ///
    /// ```
    /// # let ring = shm_ring::MessageRing::create(shm_ring::Region::memfd("doc"), &Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// tx.push_batch(&["one", "two"])?;
    /// let mut bytes = 0;
    /// assert_eq!(rx.pop_batch(8, |message| bytes += message.len())?, 2);
    /// assert_eq!(bytes, 6);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn pop_batch<F: Flow>(
        &mut self,
        max: usize,
        each: impl FnMut(&Message<'_>) -> F,
    ) -> Result<usize, PopError> {
        self.take_batch(max, Some(Timeout::FOREVER), each)
    }

    /// Like [`pop_batch`](Self::pop_batch), but waits at most `timeout`.
    ///
    /// # Errors
    /// As [`pop_timeout`](Self::pop_timeout).
    pub fn pop_batch_timeout<F: Flow>(
        &mut self,
        max: usize,
        timeout: Duration,
        each: impl FnMut(&Message<'_>) -> F,
    ) -> Result<usize, PopError> {
        self.take_batch(max, Some(Timeout::of(timeout)), each)
    }

    fn take_batch<F: Flow>(
        &mut self,
        max: usize,
        timeout: Option<Timeout>,
        mut each: impl FnMut(&Message<'_>) -> F,
    ) -> Result<usize, PopError> {
        if max == 0 {
            return Ok(0);
        }
        self.find_first(timeout)?;
        let mut batch = self.inner.batch();
        let mut taken = 0;
        while taken < max {
            let (position, tail) = batch.rest();
            if position == tail {
                break;
            }
            batch.area().prefetch_below(position, tail);
            let Some(found) = found_at(batch.area(), position, tail) else {
                batch.poison();
                break;
            };
            batch.pass(found.stride);
            taken += 1;
            if each(&Message::at(batch.area(), found)).stops() {
                break;
            }
        }
        if taken == 0 { Err(PopError::Corrupt) } else { Ok(taken) }
    }
}
