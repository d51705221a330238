//! Taking values: the order of a pop. It must not know how a commit word looks.

use core::time::Duration;

use crate::endpoint::{Consumer, Found, Patience};
use crate::error::PopError;
use crate::in_place::View;
use crate::item::Item;
use crate::mirror::Slots;

impl<T: Item> Consumer<T> {
    /// Takes the oldest item if there is one. Never waits, never makes a system call unless the
    /// producer sleeps and must be woken. An empty ring is `Empty` whether or not there is a
    /// producer: [`peer`](Self::peer) tells.
    ///
    /// Delivery is at most once: the item's room is given back before this returns, so a consumer
    /// killed after that has lost it.
    ///
    /// # Errors
    /// [`PopError::Empty`]; [`PopError::Corrupt`], for good.
    ///
    /// ```
    /// use shm_ring::{Options, PopError, Region, Ring};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let ring = Ring::<u64>::create(Region::memfd("doc"), Options::new())?;
    /// let mut rx = ring.consumer()?;
    /// assert_eq!(rx.try_pop(), Err(PopError::Empty));
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn try_pop(&mut self) -> Result<T, PopError> {
        let found = self.look()?;
        Ok(self.take(found))
    }

    /// [`try_pop`](Self::try_pop) into a place that is there already: for items of a kilobyte and
    /// more, where moving one costs as much as taking it.
    ///
    /// # Errors
    /// As [`try_pop`](Self::try_pop); `item` is then unchanged.
    ///
    /// ```
    /// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// let mut item = 0;
    /// tx.push(7)?;
    /// rx.try_pop_into(&mut item)?;
    /// assert_eq!(item, 7);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn try_pop_into(&mut self, item: &mut T) -> Result<(), PopError> {
        let found = self.look()?;
        self.take_into(found, item);
        Ok(())
    }

    /// `pop` for a producer that never sleeps: it does not look whether somebody must be woken.
    #[doc(hidden)]
    #[inline]
    pub fn pop_quiet(&mut self, item: &mut T) -> Result<(), PopError> {
        let found = self.await_record(Patience::FOREVER)?;
        self.slots.area().take_into(found.at, item);
        self.release_quietly(found);
        Ok(())
    }

    /// Takes the item at the head: a look has just found it.
    #[inline(always)]
    fn take(&mut self, found: Found) -> T {
        let item = self.slots.area().take(found.at);
        self.release(found);
        item
    }

    #[inline(always)]
    fn take_into(&mut self, found: Found, item: &mut T) {
        self.slots.area().take_into(found.at, item);
        self.release(found);
    }

    /// Takes the oldest item, waiting for one as long as there is a producer or none has come yet.
    ///
    /// Delivery is at most once, as with [`try_pop`](Self::try_pop).
    ///
    /// # Errors
    /// Only when everything published has been taken: [`PopError::Closed`] and
    /// [`PopError::PeerDead`] once the producer is gone (another may attach, and then popping
    /// goes on); at any time [`PopError::Corrupt`], for good.
    ///
    /// ```
    /// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// tx.push(7)?;
    /// tx.close();
    /// assert_eq!(rx.pop(), Ok(7));
    /// assert_eq!(rx.pop(), Err(shm_ring::PopError::Closed));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn pop(&mut self) -> Result<T, PopError> {
        let found = self.await_record(Patience::FOREVER)?;
        Ok(self.take(found))
    }

    /// [`pop`](Self::pop) into a place that is there already: see
    /// [`try_pop_into`](Self::try_pop_into).
    ///
    /// # Errors
    /// As [`pop`](Self::pop); `item` is then unchanged.
    ///
    /// ```
    /// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// let mut item = 0;
    /// tx.push(7)?;
    /// rx.pop_into(&mut item)?;
    /// assert_eq!(item, 7);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn pop_into(&mut self, item: &mut T) -> Result<(), PopError> {
        let found = self.await_record(Patience::FOREVER)?;
        self.take_into(found, item);
        Ok(())
    }

    /// [`pop`](Self::pop), for `timeout` at most.
    ///
    /// # Errors
    /// As [`pop`](Self::pop), and [`PopError::TimedOut`].
    ///
    /// ```
    /// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// let patience = std::time::Duration::from_millis(1);
    /// assert_eq!(rx.pop_timeout(patience), Err(shm_ring::PopError::TimedOut));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn pop_timeout(&mut self, timeout: Duration) -> Result<T, PopError> {
        let found = self.await_record(Patience::of(timeout))?;
        Ok(self.take(found))
    }

    /// How many items are surely there now: the producer can only make it more.
    ///
    /// ```
    /// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// tx.push_batch([1, 2, 3])?;
    /// assert_eq!(rx.ready_at_least(), 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn ready_at_least(&self) -> u64 {
        self.ready() / Slots::<T>::stride(u64::from(Slots::<T>::LEN))
    }

    /// Takes up to `max` items that are there, oldest first, hands each to `each`, and gives their
    /// room back by one store at the end. How many it was.
    ///
    /// Delivery of the batch is at least once while `each` runs: a consumer killed there leaves all of
    /// it to its successor. After that it is at most once. If `each` panics, the item that it was given
    /// last counts as taken, and those it had not seen stay.
    ///
    /// # Errors
    /// Only if there is none: as [`try_pop`](Self::try_pop).
    ///
    /// ```
    /// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// tx.push_batch([1, 2, 3])?;
    /// let mut all = Vec::new();
    /// assert_eq!(rx.try_pop_batch(2, |item| all.push(item))?, 2);
    /// assert_eq!(all, [1, 2]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn try_pop_batch(&mut self, max: usize, each: impl FnMut(T)) -> Result<usize, PopError> {
        if max > 0 {
            self.look()?;
        }
        Ok(self.take_batch(max, each))
    }

    /// [`try_pop_batch`](Self::try_pop_batch), waiting for the first item as [`pop`](Self::pop)
    /// does.
    ///
    /// # Errors
    /// As [`pop`](Self::pop).
    ///
    /// ```
    /// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// tx.push_batch([1, 2, 3])?;
    /// let mut sum = 0;
    /// assert_eq!(rx.pop_batch(usize::MAX, |item| sum += item)?, 3);
    /// assert_eq!(sum, 6);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn pop_batch(&mut self, max: usize, each: impl FnMut(T)) -> Result<usize, PopError> {
        if max > 0 {
            self.await_record(Patience::FOREVER)?;
        }
        Ok(self.take_batch(max, each))
    }

    /// [`pop_batch`](Self::pop_batch), for `timeout` at most.
    ///
    /// # Errors
    /// As [`pop_timeout`](Self::pop_timeout).
    ///
    /// ```
    /// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// let patience = std::time::Duration::from_millis(1);
    /// let popped = rx.pop_batch_timeout(8, patience, |item| println!("{item}"));
    /// assert_eq!(popped, Err(shm_ring::PopError::TimedOut));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn pop_batch_timeout(
        &mut self,
        max: usize,
        timeout: Duration,
        each: impl FnMut(T),
    ) -> Result<usize, PopError> {
        if max > 0 {
            self.await_record(Patience::of(timeout))?;
        }
        Ok(self.take_batch(max, each))
    }

    #[inline(always)]
    fn take_batch(&mut self, max: usize, mut each: impl FnMut(T)) -> usize {
        let mut passing = self.passing();
        let mut taken = 0;
        while taken < max {
            let Some(found) = passing.next() else { break };
            taken += 1;
            each(passing.area().take(found.at));
        }
        taken
    }

    /// The oldest item, to be read in place, if there is one.
    ///
    /// Delivery is at least once: the item is there until the view is released, also for a consumer
    /// that comes after one that was killed.
    ///
    /// # Errors
    /// As [`try_pop`](Self::try_pop).
    ///
    /// ```
    /// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// tx.push(7)?;
    /// assert_eq!(rx.try_peek()?.read(), 7);
    /// assert_eq!(rx.try_pop()?, 7);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn try_peek(&mut self) -> Result<View<'_, T>, PopError> {
        let found = self.look()?;
        Ok(View::of(self, found))
    }

    /// [`try_peek`](Self::try_peek), waiting for an item as [`pop`](Self::pop) does.
    ///
    /// # Errors
    /// As [`pop`](Self::pop).
    ///
    /// ```
    /// use shm_ring::{Options, Region, Ring};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let ring = Ring::<u64>::create(Region::memfd("doc"), Options::new())?;
    /// let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// tx.push(7)?;
    /// assert_eq!(rx.peek()?.read(), 7);
    /// rx.peek()?.release();
    /// assert_eq!(rx.ready_at_least(), 0);
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn peek(&mut self) -> Result<View<'_, T>, PopError> {
        let found = self.await_record(Patience::FOREVER)?;
        Ok(View::of(self, found))
    }

    /// [`peek`](Self::peek), for `timeout` at most.
    ///
    /// # Errors
    /// As [`pop_timeout`](Self::pop_timeout).
    ///
    /// ```
    /// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// tx.push(7)?;
    /// let view = rx.peek_timeout(std::time::Duration::from_millis(1))?;
    /// assert_eq!(view.read(), 7);
    /// view.release();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn peek_timeout(&mut self, timeout: Duration) -> Result<View<'_, T>, PopError> {
        let found = self.await_record(Patience::of(timeout))?;
        Ok(View::of(self, found))
    }
}
