//! Publishing values: the order of a push. It must not know how a commit word looks.

use core::time::Duration;

use crate::endpoint::{Patience, Producer};
use crate::error::{BatchError, PushError};
use crate::in_place::Reservation;
use crate::item::Item;
use crate::mirror::Slots;

impl<T: Item> Producer<T> {
    /// Bytes from one record to the next.
    const STRIDE: u64 = Slots::<T>::stride(Slots::<T>::LEN as u64);

    /// Publishes `item` if there is room. Never waits, never makes a system call unless the
    /// consumer sleeps and must be woken, and does not ask whether there is a consumer: what is
    /// published waits for whoever comes. The item is used up either way.
    ///
    /// # Errors
    /// [`PushError::Full`]; [`PushError::Corrupt`], for good.
    ///
    /// ```
    /// use shm_ring::{Options, PushError, Region, Ring};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let ring = Ring::<u64>::create(Region::memfd("doc"), Options::new().items(1))?;
    /// let mut tx = ring.producer()?;
    /// while tx.try_push(1).is_ok() {}
    /// assert_eq!(tx.try_push(1), Err(PushError::Full));
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn try_push(&mut self, item: T) -> Result<(), PushError> {
        self.try_push_from(&item)
    }

    /// [`try_push`](Self::try_push) of an item that stays where it is: for items of a kilobyte and
    /// more, where moving one costs as much as publishing it.
    ///
    /// # Errors
    /// As [`try_push`](Self::try_push).
    ///
    /// ```
    /// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// let item = 7;
    /// tx.try_push_from(&item)?;
    /// assert_eq!(rx.pop()?, item);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn try_push_from(&mut self, item: &T) -> Result<(), PushError> {
        self.make_room(Self::STRIDE)?;
        self.publish(item);
        Ok(())
    }

    /// `push` for a consumer that never sleeps: it does not look whether somebody must be woken.
    /// What being able to sleep costs is measured against it.
    #[doc(hidden)]
    #[inline]
    pub fn push_quiet(&mut self, item: &T) -> Result<(), PushError> {
        self.await_room(Self::STRIDE, Patience::FOREVER)?;
        self.commit_quietly(Self::STRIDE, Slots::<T>::LEN, |area, at| area.put(at, item));
        Ok(())
    }

    #[inline(always)]
    fn publish(&mut self, item: &T) {
        self.commit(Self::STRIDE, Slots::<T>::LEN, |area, at| area.put(at, item));
    }

    /// Publishes `item`, waiting for room as long as there is a consumer or none has come yet.
    ///
    /// A waiting producer is woken when half the ring is free, not at the first free slot.
    ///
    /// # Errors
    /// Only while there is no room: [`PushError::Closed`] and [`PushError::PeerDead`] once the
    /// consumer is gone (another may attach, and then pushing goes on); at any time
    /// [`PushError::Corrupt`], for good.
    ///
    /// ```
    /// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// tx.push(7)?;
    /// assert_eq!(rx.pop()?, 7);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn push(&mut self, item: T) -> Result<(), PushError> {
        self.push_patiently(&item, Patience::FOREVER)
    }

    /// [`push`](Self::push) of an item that stays where it is: see
    /// [`try_push_from`](Self::try_push_from).
    ///
    /// # Errors
    /// As [`push`](Self::push).
    ///
    /// ```
    /// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// let item = 7;
    /// tx.push_from(&item)?;
    /// assert_eq!(rx.pop()?, item);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn push_from(&mut self, item: &T) -> Result<(), PushError> {
        self.push_patiently(item, Patience::FOREVER)
    }

    /// [`push`](Self::push), for `timeout` at most.
    ///
    /// # Errors
    /// As [`push`](Self::push), and [`PushError::TimedOut`].
    ///
    /// ```
    /// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// let patience = std::time::Duration::from_millis(1);
    /// while tx.push_timeout(7, patience) != Err(shm_ring::PushError::TimedOut) {}
    /// assert_eq!(rx.ready_at_least(), tx.capacity());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn push_timeout(&mut self, item: T, timeout: Duration) -> Result<(), PushError> {
        self.push_patiently(&item, Patience::of(timeout))
    }

    #[inline(always)]
    fn push_patiently(&mut self, item: &T, patience: Patience) -> Result<(), PushError> {
        self.await_room(Self::STRIDE, patience)?;
        self.publish(item);
        Ok(())
    }

    /// How many items surely fit now: the consumer can only make it more.
    ///
    /// ```
    /// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// let room = tx.room_at_least();
    /// tx.push(7)?;
    /// assert_eq!(tx.room_at_least(), room - 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn room_at_least(&mut self) -> u64 {
        self.room() / Self::STRIDE
    }

    /// Room for a value, to be written in place, if there is room.
    ///
    /// # Errors
    /// As [`try_push`](Self::try_push).
    ///
    /// ```
    /// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// let mut room = tx.try_reserve()?;
    /// room.write(&7);
    /// room.commit();
    /// assert_eq!(rx.pop()?, 7);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn try_reserve(&mut self) -> Result<Reservation<'_, T>, PushError> {
        self.make_room(Self::STRIDE)?;
        Ok(Reservation::of(self, Slots::<T>::LEN))
    }

    /// [`try_reserve`](Self::try_reserve), waiting for room as [`push`](Self::push) does.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    ///
    /// ```
    /// use shm_ring::{Options, Region, Ring};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let ring = Ring::<[u64; 4]>::create(Region::memfd("doc"), Options::new())?;
    /// let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// let mut room = tx.reserve()?;
    /// room.write(&[1, 2, 3, 4]);
    /// room.commit();
    /// let view = rx.peek()?;
    /// assert_eq!(view.read(), [1, 2, 3, 4]);
    /// view.release();
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn reserve(&mut self) -> Result<Reservation<'_, T>, PushError> {
        self.await_room(Self::STRIDE, Patience::FOREVER)?;
        Ok(Reservation::of(self, Slots::<T>::LEN))
    }

    /// [`reserve`](Self::reserve), for `timeout` at most.
    ///
    /// # Errors
    /// As [`push_timeout`](Self::push_timeout).
    ///
    /// ```
    /// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// tx.reserve_timeout(std::time::Duration::from_millis(1))?.write(&7);
    /// assert_eq!(rx.ready_at_least(), 0, "not committed");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn reserve_timeout(&mut self, timeout: Duration) -> Result<Reservation<'_, T>, PushError> {
        self.await_room(Self::STRIDE, Patience::of(timeout))?;
        Ok(Reservation::of(self, Slots::<T>::LEN))
    }

    /// Publishes items as long as there are any and there is room now, by one store: all of them
    /// appear at once. How many it was; items that did not fit stay in the iterator.
    ///
    /// # Errors
    /// [`PushError::Full`] if there is no room for a single one; [`PushError::Corrupt`], for good.
    /// Then nothing was taken from the iterator.
    ///
    /// ```
    /// use shm_ring::{Options, Region, Ring};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let ring = Ring::<u64>::create(Region::memfd("doc"), Options::new().bytes(4096))?;
    /// let mut tx = ring.producer()?;
    /// let mut items = 0..1000;
    /// assert_eq!(tx.try_push_batch(&mut items)?, 255);
    /// assert_eq!(items.next(), Some(255));
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn try_push_batch(
        &mut self,
        items: impl IntoIterator<Item = T>,
    ) -> Result<usize, PushError> {
        self.make_room(Self::STRIDE)?;
        let mut items = items.into_iter();
        match items.next() {
            Some(first) => Ok(self.publish_batch(first, &mut items)),
            None => Ok(0),
        }
    }

    /// Publishes all items, waiting for room as [`push`](Self::push) does: as many as fit at a
    /// time, by one store.
    ///
    /// # Errors
    /// As [`push`](Self::push), with how many were published before. The item that was next is used
    /// up.
    ///
    /// ```
    /// use shm_ring::{Options, Region, Ring};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let ring = Ring::<u64>::create(Region::memfd("doc"), Options::new())?;
    /// let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// assert_eq!(tx.push_batch([1, 2, 3, 4])?, 4);
    /// let mut sum = 0;
    /// assert_eq!(rx.pop_batch(32, |item| sum += item)?, 4);
    /// assert_eq!(sum, 10);
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn push_batch(&mut self, items: impl IntoIterator<Item = T>) -> Result<usize, BatchError> {
        let mut items = items.into_iter();
        let mut pushed = 0;
        while let Some(first) = items.next() {
            self.await_room(Self::STRIDE, Patience::FOREVER)
                .map_err(|error| BatchError { pushed, error })?;
            pushed += self.publish_batch(first, &mut items);
        }
        Ok(pushed)
    }

    /// Publishes `first`, for which there is room, and those of `rest` that fit.
    // Not inlined: the loop needs the registers.
    #[inline(never)]
    fn publish_batch(&mut self, first: T, rest: &mut impl Iterator<Item = T>) -> usize {
        let (stride, len) = (Self::STRIDE, Slots::<T>::LEN);
        let mut staging = self.staging(stride, len, |area, at| area.put(at, &first));
        let mut staged = 1;
        while staging.has_room(stride) {
            let Some(item) = rest.next() else { break };
            staging.stage(stride, len, |area, at| area.put(at, &item));
            staged += 1;
        }
        staged
    }
}
