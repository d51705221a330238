//! The end that publishes: the order of a push. It must not know how a commit word looks.

use core::time::Duration;
use std::sync::Arc;

use crossbeam_utils::CachePadded;
use static_assertions::{assert_impl_all, assert_not_impl_any};

use crate::cursor::{Shape, Tail};
use crate::endpoint::{Ask, Ended, Patience, Side};
use crate::error::{Error, PushError};
use crate::gate::Gate;
use crate::item::Item;
use crate::lease::Lease;
use crate::mirror::{Role, Slots};
use crate::options::Options;
use crate::record::COMMIT_WORD;
use crate::region::Backing;

/// The end of a ring that publishes records.
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
/// let mut tx = Producer::<[u32; 4]>::create(name.as_str(), Options::new().items(64).unlink_on_drop())?;
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
/// # let ring = Ring::<u64>::create(Region::memfd("doc"), Options::new())?;
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
/// # let ring = Ring::<u64>::create(Region::memfd("doc"), Options::new())?;
/// let tx = ring.producer()?;
/// std::thread::scope(|scope| scope.spawn(|| tx.session()).join().unwrap());
/// # Ok(())
/// # }
/// ```
///
/// ```compile_fail,E0599
/// # use shm_ring::{Error, Options, Region, Ring};
/// # fn main() -> Result<(), Error> {
/// # let ring = Ring::<u64>::create(Region::memfd("doc"), Options::new())?;
/// let tx = ring.producer()?;
/// let other = tx.clone();
/// # Ok(())
/// # }
/// ```
pub struct Producer<T: ?Sized> {
    // Padded, so that the ends of two threads never share a line.
    tail: CachePadded<Tail>,
    gate: Gate,
    pub(super) slots: Slots<T>,
    pub(super) side: Side,
}

assert_impl_all!(Producer<u64>: Send);
assert_not_impl_any!(Producer<u64>: Sync, Clone);

impl<T: Item> Producer<T> {
    pub(crate) fn attach(
        slots: Slots<T>,
        lease: Lease,
        shape: Shape,
        options: &Options,
        backing: Arc<Backing>,
    ) -> Result<Self, Error> {
        let role = Role::Producer;
        let tail = Tail::recover(&slots, &shape, slots.mine(), slots.theirs())
            .map_err(|_| Error::Corrupt { region: backing.region.clone(), role })?;
        let (mine, theirs) = (slots.mine(), slots.theirs());
        let (side, gate) = Side::open(role, lease, shape, options.wait, backing, mine, theirs);
        Ok(Self { tail: CachePadded::new(tail), gate, slots, side })
    }

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
    #[inline]
    pub fn try_push_from(&mut self, item: &T) -> Result<(), PushError> {
        self.publish(item)?;
        self.gate.moved(self.tail.position(), self.slots.mine(), self.slots.theirs());
        Ok(())
    }

    /// `push` for a consumer that never sleeps: it does not look whether somebody must be woken.
    /// What being able to sleep costs is measured against it.
    #[doc(hidden)]
    #[inline]
    pub fn push_quiet(&mut self, item: T) -> Result<(), PushError> {
        self.await_publish(&item, Patience::Forever)
    }

    #[inline(always)]
    fn publish(&mut self, item: &T) -> Result<(), PushError> {
        if !self.tail.has_room(Slots::<T>::STRIDE) {
            self.look_for_room()?;
        }
        let at = self.tail.position();
        self.slots.prefetch(at);
        self.slots.put(at, item);
        self.tail.commit(&self.slots, self.slots.mine(), Slots::<T>::STRIDE, Slots::<T>::LEN);
        Ok(())
    }

    /// Asks the consumer's page how far it has come.
    #[cold]
    #[inline(never)]
    fn look_for_room(&mut self) -> Result<(), PushError> {
        self.tail
            .refresh(&self.side.shape, self.slots.mine(), self.slots.theirs())
            .map_err(|_| PushError::Corrupt)?;
        if self.tail.has_room(Slots::<T>::STRIDE) { Ok(()) } else { Err(PushError::Full) }
    }

    /// Publishes `item`, waiting for room as long as there is a consumer or none has come yet.
    ///
    /// A waiting producer is woken when half the ring is free, not at the first free slot.
    ///
    /// # Errors
    /// Only while there is no room: [`PushError::Closed`] and [`PushError::PeerDead`] once the
    /// consumer is gone (another may attach, and then pushing goes on); at any time
    /// [`PushError::Corrupt`], for good.
    #[inline]
    pub fn push(&mut self, item: T) -> Result<(), PushError> {
        self.push_patiently(&item, Patience::Forever)
    }

    /// [`push`](Self::push) of an item that stays where it is: see
    /// [`try_push_from`](Self::try_push_from).
    ///
    /// # Errors
    /// As [`push`](Self::push).
    #[inline]
    pub fn push_from(&mut self, item: &T) -> Result<(), PushError> {
        self.push_patiently(item, Patience::Forever)
    }

    /// [`push`](Self::push), for `timeout` at most.
    ///
    /// # Errors
    /// As [`push`](Self::push), and [`PushError::TimedOut`].
    #[inline]
    pub fn push_timeout(&mut self, item: T, timeout: Duration) -> Result<(), PushError> {
        self.push_patiently(&item, Patience::For(timeout))
    }

    #[inline(always)]
    fn push_patiently(&mut self, item: &T, patience: Patience) -> Result<(), PushError> {
        self.await_publish(item, patience)?;
        self.gate.moved(self.tail.position(), self.slots.mine(), self.slots.theirs());
        Ok(())
    }

    #[inline(always)]
    fn await_publish(&mut self, item: &T, mut patience: Patience) -> Result<(), PushError> {
        while let Err(error) = self.publish(item) {
            match error {
                PushError::Full => self.wait_for_room(&mut patience)?,
                error => return Err(error),
            }
        }
        Ok(())
    }

    #[cold]
    #[inline(never)]
    fn wait_for_room(&mut self, patience: &mut Patience) -> Result<(), PushError> {
        let Self { tail, gate, slots, side } = self;
        let (mine, theirs, shape) = (slots.mine(), slots.theirs(), side.shape);
        let needed = (Slots::<T>::STRIDE + COMMIT_WORD).max(shape.capacity / 2);
        let wake_at = (tail.position() + needed).saturating_sub(shape.capacity);
        let ask = Ask { wake_at, bid: true, deadline: patience.deadline() };
        let head = theirs.map(|page| &page.position.0);
        let ready = || {
            let corrupt = tail.refresh(&shape, mine, theirs).is_err();
            corrupt || tail.has_room(Slots::<T>::STRIDE)
        };
        side.wait(gate, mine, theirs, ask, ready, || head.relaxed() >= wake_at).map_err(|ended| {
            match ended {
                Ended::TimedOut => PushError::TimedOut,
                Ended::Closed => PushError::Closed,
                Ended::PeerDead => PushError::PeerDead,
            }
        })
    }

    /// How many items surely fit now: the consumer can only make it more.
    #[must_use]
    pub fn room_at_least(&mut self) -> u64 {
        let theirs = self.slots.theirs();
        match self.tail.refresh(&self.side.shape, self.slots.mine(), theirs) {
            Ok(()) => self.tail.room().saturating_sub(COMMIT_WORD) / Slots::<T>::STRIDE,
            Err(_) => 0,
        }
    }
}
