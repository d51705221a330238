//! Owns: [`Consumer`], taking values: the order of a pop. Knows nothing of: how records are waited for.

use core::time::Duration;

use static_assertions::{assert_impl_all, assert_not_impl_any};

use super::{Receiver, View};
use crate::attachment::wait::Timeout;
use crate::error::PopError;
use crate::item::Item;
use crate::mapping::records;

/// The end of a ring that reads values.
///
/// A ring has one consumer, under the same rules as its [`Producer`](crate::Producer).
///
/// ```
/// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), &Default::default())?;
/// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
/// tx.push(7)?;
/// assert_eq!(rx.pop()?, 7);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Consumer<T: Item> {
    pub(crate) inner: Receiver<T>,
}

assert_impl_all!(Consumer<u64>: Send);
assert_not_impl_any!(Consumer<u64>: Sync, Clone);

impl<T: Item> Consumer<T> {
    /// Bytes of a value, and from one to the next.
    pub(super) const SIZE: u64 = size_of::<T>() as u64;

    /// Takes the oldest item, waiting for one as long as there is a producer or none has come yet.
    ///
    /// Delivery is at most once, as with [`try_pop`](Self::try_pop).
    ///
    /// The item is returned by move, through the stack: one of megabytes overflows a stack of 2 MiB. Use
    /// [`pop_into`](Self::pop_into) and a place on the heap, or [`peek`](Self::peek).
    ///
    /// # Errors
    /// Only when everything published has been taken: [`PopError::Closed`] and
    /// [`PopError::PeerDead`] once the producer is gone (another may attach, and then popping
    /// goes on); at any time [`PopError::Corrupt`], permanently.
    ///
    /// ```
    /// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), &Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// tx.push(7)?;
    /// tx.close();
    /// assert_eq!(rx.pop(), Ok(7));
    /// assert_eq!(rx.pop(), Err(shm_ring::PopError::Closed));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn pop(&mut self) -> Result<T, PopError> {
        self.take_next(Some(Timeout::FOREVER), Receiver::release)
    }

    /// Takes the oldest item if there is one. Never waits, and makes no system call unless it must wake a sleeping producer.
    /// An empty ring is `Empty` whether or not there is a producer: ask [`peer`](Self::peer).
    ///
    /// Delivery is at most once: the item's room is free before this returns, so a consumer that is killed later has lost
    /// the item.
    ///
    /// # Errors
    /// [`PopError::Empty`]; [`PopError::Corrupt`], permanently.
    ///
    /// ```
    /// use shm_ring::{Options, PopError, Region, Ring};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let ring = Ring::<u64>::create(Region::memfd("doc"), &Options::new())?;
    /// let mut rx = ring.consumer()?;
    /// assert_eq!(rx.try_pop(), Err(PopError::Empty));
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn try_pop(&mut self) -> Result<T, PopError> {
        self.take_next(None, Receiver::release)
    }

    /// Like [`try_pop`](Self::try_pop), but writes to `item`. Use it for items of about 1 KiB or more,
    /// where the move would cost as much as the pop.
    ///
    /// # Errors
    /// As [`try_pop`](Self::try_pop); `item` is then unchanged.
    #[inline]
    pub fn try_pop_into(&mut self, item: &mut T) -> Result<(), PopError> {
        self.inner.take_next_into(None, item.as_mut_bytes(), Receiver::release)
    }

    /// Like [`pop`](Self::pop), but writes to `item`: see [`try_pop_into`](Self::try_pop_into).
    ///
    /// # Errors
    /// As [`pop`](Self::pop); `item` is then unchanged.
    #[inline]
    pub fn pop_into(&mut self, item: &mut T) -> Result<(), PopError> {
        self.inner.take_next_into(Some(Timeout::FOREVER), item.as_mut_bytes(), Receiver::release)
    }

    /// Like [`pop`](Self::pop), but waits at most `timeout`.
    ///
    /// # Errors
    /// As [`pop`](Self::pop), and [`PopError::TimedOut`].
    ///
    /// ```
    /// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), &Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// let timeout = std::time::Duration::from_millis(1);
    /// assert_eq!(rx.pop_timeout(timeout), Err(shm_ring::PopError::TimedOut));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn pop_timeout(&mut self, timeout: Duration) -> Result<T, PopError> {
        self.take_next(Some(Timeout::of(timeout)), Receiver::release)
    }

    /// `pop_into` for a producer that never sleeps: it does not look whether somebody must be woken.
    #[cfg(feature = "quiet")]
    #[doc(hidden)]
    #[inline]
    pub fn pop_quiet(&mut self, item: &mut T) -> Result<(), PopError> {
        self.inner.take_next_into(
            Some(Timeout::FOREVER),
            item.as_mut_bytes(),
            Receiver::release_quietly,
        )
    }

    /// Takes the oldest item: from the data if it is known to be there, else whence the tail says.
    #[inline(always)]
    fn take_next(
        &mut self,
        timeout: Option<Timeout>,
        release: impl FnOnce(&mut Receiver<T>, u64) -> Result<(), PopError>,
    ) -> Result<T, PopError> {
        if let Some(item) = self.inner.find_next(timeout, records::take_front)? {
            release(&mut self.inner, Self::SIZE)?;
            return Ok(item);
        }
        let item = self.inner.map.area().take(self.inner.head.position());
        self.inner.prefetch_below();
        release(&mut self.inner, Self::SIZE)?;
        Ok(item)
    }

    /// Lends the oldest items, up to `max` of those that are there, to be read in place as one slice.
    ///
    /// Delivery is at least once: the items are there until the view is released, also for a consumer
    /// that comes after one that was killed.
    ///
    /// # Errors
    /// As [`try_pop`](Self::try_pop).
    #[inline]
    pub fn try_peek(&mut self, max: usize) -> Result<View<'_, T>, PopError> {
        let count = self.inner.count_up_to(max, None)?;
        Ok(View::of(&mut self.inner, count))
    }

    /// Like [`try_peek`](Self::try_peek), waiting for the first item as [`pop`](Self::pop) does.
    ///
    /// # Errors
    /// As [`pop`](Self::pop).
    ///
    /// ```
    /// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), &Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// tx.push_slice(&[7, 8, 9])?;
    /// let view = rx.peek(32)?;
    /// assert_eq!((view.len(), view.get(1)), (3, Some(8)));
    /// view.release(2);
    /// assert_eq!(rx.pop()?, 9);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn peek(&mut self, max: usize) -> Result<View<'_, T>, PopError> {
        let count = self.inner.count_up_to(max, Some(Timeout::FOREVER))?;
        Ok(View::of(&mut self.inner, count))
    }
}
