//! Owns: [`Producer`], publishing values: the order of a push. Knows nothing of: how room is waited for.

use core::time::Duration;

use static_assertions::{assert_impl_all, assert_not_impl_any};

use super::{Publisher, Reservation};
use crate::attachment::wait::Timeout;
use crate::error::PushError;
use crate::item::Item;

/// The end of a ring that publishes values.
///
/// A ring has one producer: the role is a lease that the kernel frees when the process dies. The producer can move to
/// another thread, but threads cannot share it.
///
/// It belongs to the process that attached. A forked child is refused ([`PushError::Forked`]), and the drop of its copy
/// does nothing.
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
/// A move to another thread compiles:
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
/// A shared reference in another thread does not, and neither does a clone:
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

    /// Publishes `item` if there is room. Never waits, and makes no system call unless it must wake a sleeping consumer.
    /// It does not ask whether there is a consumer: a published item waits for the next one. The item is dropped if
    /// there is no room.
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
        self.inner.publish_value(item.as_bytes())
    }

    /// Like [`push`](Self::push), but takes the item by reference: see [`try_push_from`](Self::try_push_from).
    ///
    /// # Errors
    /// As [`push`](Self::push).
    #[inline]
    pub fn push_from(&mut self, item: &T) -> Result<(), PushError> {
        self.inner.await_room(Self::SIZE, Timeout::FOREVER)?;
        self.inner.publish_value(item.as_bytes())
    }

    /// Like [`push`](Self::push), but waits at most `timeout`.
    ///
    /// # Errors
    /// As [`push`](Self::push), and [`PushError::TimedOut`].
    #[inline]
    pub fn push_timeout(&mut self, item: T, timeout: Duration) -> Result<(), PushError> {
        self.inner.await_room(Self::SIZE, Timeout::of(timeout))?;
        self.inner.publish_value(item.as_bytes())
    }

    /// Reserves room for `count` items, to be written in place as one slice, if there is enough.
    ///
    /// # Errors
    /// As [`try_push`](Self::try_push); [`PushError::TooLarge`] if the ring can never have that much.
    #[inline]
    pub fn try_reserve(&mut self, count: usize) -> Result<Reservation<'_, T>, PushError> {
        let bytes = self.inner.bytes_of(count)?;
        self.inner.check_process()?;
        self.inner.make_room(bytes)?;
        Ok(Reservation::of(&mut self.inner, count))
    }

    /// Reserves room for `count` items, to be written in place, as one slice; waits for it as [`push`](Self::push) does.
    ///
    /// # Errors
    /// As [`push`](Self::push); [`PushError::TooLarge`] if the ring can never have that much.
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
        let bytes = self.inner.bytes_of(count)?;
        self.inner.check_process()?;
        self.inner.await_room(bytes, Timeout::FOREVER)?;
        Ok(Reservation::of(&mut self.inner, count))
    }

    /// `push` for a consumer that never sleeps: it does not look whether somebody must be woken.
    /// What being able to sleep costs is measured against it.
    #[cfg(feature = "quiet")]
    #[doc(hidden)]
    #[inline]
    pub fn push_quiet(&mut self, item: &T) -> Result<(), PushError> {
        self.inner.await_room(Self::SIZE, Timeout::FOREVER)?;
        let next = self.inner.write_value(item.as_bytes());
        self.inner.wake_nobody(next);
        Ok(())
    }
}
