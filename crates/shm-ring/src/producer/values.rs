//! Owns: [`Producer`], publishing values: the order of a push. Knows nothing of: how room is waited for.

use core::time::Duration;

use static_assertions::{assert_impl_all, assert_not_impl_any};

use super::{Publisher, Reservation};
use crate::attachment::wait::Timeout;
use crate::error::PushError;
use crate::item::Item;

/// The end of a ring that publishes values.
///
/// There is one per ring: the role is a lease that the kernel frees when the process dies. It can
/// be sent to another thread and not shared between threads.
///
/// A forked child that does not exec keeps the lease held until it exits; dropping the copy of the
/// `Producer` that it inherited does nothing, and using it breaks the single-writer law.
///
/// ```
/// use shm_ring::{Consumer, Options, Producer};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let name = &format!("/shm-ring-doc-producer-{}", std::process::id());
/// let options = Options::new().items(64).unlink_on_drop();
/// let mut tx = Producer::<[u32; 4]>::create(name.as_str(), &options)?;
/// // In another process:
/// let mut rx = Consumer::<[u32; 4]>::open(name.as_str())?;
/// tx.push([1, 2, 3, 4])?;
/// assert_eq!(rx.pop()?, [1, 2, 3, 4]);
/// # Ok(())
/// # }
/// ```
///
/// One thread at a time may have it. Moving it to another thread compiles:
///
/// ```
/// # use shm_ring::{Error, Options, Region, Ring};
/// # fn main() -> Result<(), Error> {
/// # let ring = Ring::<u64>::create(Region::memfd("doc"), &Options::new())?;
/// let mut tx = ring.producer()?;
/// std::thread::spawn(move || tx.push(1)).join().unwrap().unwrap();
/// # Ok(())
/// # }
/// ```
///
/// Sharing it does not, not even for questions, and neither does a second one:
///
/// ```compile_fail,E0277
/// # use shm_ring::{Error, Options, Region, Ring};
/// # fn main() -> Result<(), Error> {
/// # let ring = Ring::<u64>::create(Region::memfd("doc"), &Options::new())?;
/// let tx = ring.producer()?;
/// std::thread::scope(|scope| scope.spawn(|| tx.session()).join().unwrap());
/// # Ok(())
/// # }
/// ```
///
/// ```compile_fail,E0599
/// # use shm_ring::{Error, Options, Region, Ring};
/// # fn main() -> Result<(), Error> {
/// # let ring = Ring::<u64>::create(Region::memfd("doc"), &Options::new())?;
/// let tx = ring.producer()?;
/// let other = tx.clone();
/// # Ok(())
/// # }
/// ```
pub struct Producer<T: Item> {
    pub(crate) inner: Publisher<T>,
}

assert_impl_all!(Producer<u64>: Send);
assert_not_impl_any!(Producer<u64>: Sync, Clone);

impl<T: Item> Producer<T> {
    /// Bytes of a value, and from one to the next.
    pub(super) const SIZE: u64 = size_of::<T>() as u64;

    /// Publishes `item` if there is room. Never waits, never makes a system call unless the
    /// consumer sleeps and must be woken, and does not ask whether there is a consumer: what is
    /// published waits for the next one. The item is used up either way.
    ///
    /// # Errors
    /// [`PushError::Full`]; [`PushError::Corrupt`], permanently.
    ///
    /// ```
    /// use shm_ring::{Options, PushError, Region, Ring};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let ring = Ring::<u64>::create(Region::memfd("doc"), &Options::new().items(2))?;
    /// let mut tx = ring.producer()?;
    /// tx.try_push(1)?;
    /// tx.try_push(2)?;
    /// assert_eq!(tx.try_push(3), Err(PushError::Full));
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn try_push(&mut self, item: T) -> Result<(), PushError> {
        self.try_push_from(&item)
    }

    /// Like [`try_push`](Self::try_push), but takes the item by reference. Use it for items of about 1 KiB or more, where
    /// the move would cost as much as the push.
    ///
    /// # Errors
    /// As [`try_push`](Self::try_push).
    #[inline]
    pub fn try_push_from(&mut self, item: &T) -> Result<(), PushError> {
        self.inner.make_room(Self::SIZE)?;
        self.publish(item);
        Ok(())
    }

    /// Publishes `item`, waiting for room as long as there is a consumer or none has come yet.
    ///
    /// A waiting producer is woken when half the ring is free, not at the first free slot.
    ///
    /// The item is moved through the stack: one of megabytes overflows a stack of 2 MiB. Use
    /// [`push_from`](Self::push_from), or [`reserve`](Self::reserve).
    ///
    /// # Errors
    /// Only while there is no room: [`PushError::Closed`] and [`PushError::PeerDead`] once the
    /// consumer is gone (another may attach, and then pushing goes on); at any time
    /// [`PushError::Corrupt`], permanently.
    ///
    /// ```
    /// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), &Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// tx.push(7)?;
    /// assert_eq!(rx.pop()?, 7);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn push(&mut self, item: T) -> Result<(), PushError> {
        self.push_from(&item)
    }

    /// Like [`push`](Self::push), but takes the item by reference: see [`try_push_from`](Self::try_push_from).
    ///
    /// # Errors
    /// As [`push`](Self::push).
    #[inline]
    pub fn push_from(&mut self, item: &T) -> Result<(), PushError> {
        self.inner.await_room(Self::SIZE, Timeout::FOREVER)?;
        self.publish(item);
        Ok(())
    }

    /// Like [`push`](Self::push), but waits at most `timeout`.
    ///
    /// # Errors
    /// As [`push`](Self::push), and [`PushError::TimedOut`].
    #[inline]
    pub fn push_timeout(&mut self, item: T, timeout: Duration) -> Result<(), PushError> {
        self.inner.await_room(Self::SIZE, Timeout::of(timeout))?;
        self.publish(&item);
        Ok(())
    }

    /// Publishes `item`, for which there is room.
    #[inline(always)]
    fn publish(&mut self, item: &T) {
        let next = self.write(item);
        self.inner.wake(next);
    }

    /// Writes `item` at the tail and makes it exist. The position behind it.
    #[inline(always)]
    fn write(&mut self, item: &T) -> u64 {
        self.inner.prefetch(Self::SIZE);
        self.inner.map.area().put(self.inner.position(), item);
        self.inner.publish_one(item)
    }

    /// Room for `count` items, to be written in place, as one slice, if there is as much.
    ///
    /// # Errors
    /// As [`try_push`](Self::try_push); [`PushError::TooLarge`] if the ring never has as much.
    #[inline]
    pub fn try_reserve(&mut self, count: usize) -> Result<Reservation<'_, T>, PushError> {
        let bytes = self.bytes_of(count)?;
        self.inner.make_room(bytes)?;
        Ok(Reservation::of(&mut self.inner, count))
    }

    /// Room for `count` items, to be written in place, as one slice; waits for it as [`push`](Self::push) does.
    ///
    /// # Errors
    /// As [`push`](Self::push); [`PushError::TooLarge`] if the ring never has as much.
    ///
    /// ```
    /// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), &Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// let mut room = tx.reserve(32)?;
    /// room.write(0, &7);
    /// room.write(1, &8);
    /// room.commit(2);
    /// assert_eq!((rx.pop()?, rx.pop()?), (7, 8));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn reserve(&mut self, count: usize) -> Result<Reservation<'_, T>, PushError> {
        let bytes = self.bytes_of(count)?;
        self.inner.await_room(bytes, Timeout::FOREVER)?;
        Ok(Reservation::of(&mut self.inner, count))
    }

    /// Waits until there is room for `count` items, at most `timeout` (`None`: for ever). Then
    /// [`try_reserve`](Self::try_reserve) of as many is not refused.
    ///
    /// # Errors
    /// As [`reserve`](Self::reserve), and [`PushError::TimedOut`].
    ///
    /// ```
    /// use std::time::Duration;
    /// # use shm_ring::{Options, PushError, Region, Ring};
    /// # let ring = Ring::<u64>::create(Region::memfd("doc"), &Options::new().items(64))?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// tx.push_slice(&[7; 60])?;
    /// assert_eq!(tx.wait(5, Some(Duration::from_millis(1))), Err(PushError::TimedOut));
    /// tx.wait(4, None)?;
    /// tx.try_reserve(4)?.commit(0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn wait(&mut self, count: usize, timeout: Option<Duration>) -> Result<(), PushError> {
        let bytes = self.bytes_of(count)?;
        self.inner.await_room(bytes, Timeout::of_any(timeout))
    }

    /// Bytes of `count` items, if the ring can have as much.
    #[inline(always)]
    pub(super) fn bytes_of(&self, count: usize) -> Result<u64, PushError> {
        let limit = self.inner.side.layout.limit;
        match (count as u64).checked_mul(Self::SIZE) {
            // No bytes fit at position 0 of a ring without any room, too.
            Some(0) if self.inner.tail.is_corrupt() => Err(PushError::Corrupt),
            Some(bytes) if bytes <= limit => Ok(bytes),
            _ => Err(PushError::TooLarge { len: count, max: self.capacity() }),
        }
    }

    /// Counts `records` that the caller throws away, because the ring was full or for another reason of its own: one store.
    /// [`stats`](Self::stats), [`Snapshot::dropped`](crate::Snapshot::dropped) and `shm-ring stat` show the sum.
    pub fn count_dropped(&mut self, records: u64) {
        self.inner.count_dropped(records);
    }

    /// An upper bound on the number of items that the consumer has not released. It may release more at any time.
    #[must_use]
    pub fn len(&mut self) -> usize {
        self.capacity() - self.room_at_least()
    }

    /// Whether the consumer has released everything.
    #[must_use]
    pub fn is_empty(&mut self) -> bool {
        self.len() == 0
    }

    /// A lower bound on the number of items that fit. The consumer may free more at any time.
    ///
    /// ```
    /// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), &shm_ring::Options::new().items(3))?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// tx.push(7)?;
    /// assert_eq!(tx.room_at_least(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn room_at_least(&mut self) -> usize {
        (self.inner.room() / Self::SIZE) as usize
    }

    /// Sets at how much room a `push` that found the ring full is woken: as soon as
    /// this many items fit. `None` is the default: half the
    /// ring, so that a fast producer does not sleep once for each record. `Some(1)` is the first free place, for
    /// producers that must not stay behind: a window of credits, a conversation in a small ring. It then costs the
    /// consumer a system call for each record that it takes while the ring is full.
    ///
    /// A call that needs more room is woken when there is as much as it needs. More than the ring holds counts as all of
    /// it.
    ///
    /// ```
    /// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), &Default::default())?;
    /// let mut tx = ring.producer()?;
    /// tx.set_threshold(Some(1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_threshold(&mut self, items: Option<usize>) {
        let bytes = items.map(|items| (items as u64).saturating_mul(Self::SIZE));
        self.inner.set_threshold(bytes);
    }

    /// `push` for a consumer that never sleeps: it does not look whether somebody must be woken.
    /// What being able to sleep costs is measured against it.
    #[cfg(feature = "quiet")]
    #[doc(hidden)]
    #[inline]
    pub fn push_quiet(&mut self, item: &T) -> Result<(), PushError> {
        self.inner.await_room(Self::SIZE, Timeout::FOREVER)?;
        let next = self.write(item);
        self.inner.wake_nobody(next);
        Ok(())
    }
}
