//! Records that are values of one size: what `push` and `pop` mean. It must not know how records
//! are published, only in which order the floor's steps go.

use core::time::Duration;
use std::sync::Arc;

use static_assertions::{assert_impl_all, assert_not_impl_any};

use crate::cursor::{Head, Look, Shape, Tail};
use crate::endpoint::{Ask, Ended, Patience, Peer, Side};
use crate::error::{Error, PopError, PushError};
use crate::gate::Gate;
use crate::item::Item;
use crate::lease::Lease;
use crate::mirror::{Role, Slots};
use crate::options::{Options, Wait};
use crate::pace::Pace;
use crate::record::COMMIT_WORD;
use crate::region::{Backing, Region};
use crate::ring::Ring;

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
    // The hot path's state first and together.
    tail: Tail,
    gate: Gate,
    slots: Slots<T>,
    side: Side,
}

/// The end of a ring that reads records.
///
/// There is one per ring, as with [`Producer`].
pub struct Consumer<T: ?Sized> {
    head: Head,
    gate: Gate,
    pace: Pace,
    slots: Slots<T>,
    side: Side,
}

assert_impl_all!(Producer<u64>: Send);
assert_impl_all!(Consumer<u64>: Send);
assert_not_impl_any!(Producer<u64>: Sync, Clone);
assert_not_impl_any!(Consumer<u64>: Sync, Clone);

impl<T: Item> Producer<T> {
    /// Creates a ring and becomes its producer: [`Ring::create`] and [`Ring::producer`].
    ///
    /// # Errors
    /// As those two.
    pub fn create(region: impl Into<Region>, options: Options) -> Result<Self, Error> {
        Ring::create(region, options)?.producer()
    }

    /// Opens a ring with default options and becomes its producer.
    ///
    /// # Errors
    /// As [`Ring::open_with`] and [`Ring::producer`].
    pub fn open(region: impl Into<Region>) -> Result<Self, Error> {
        Ring::open(region)?.producer()
    }

    /// Opens a ring and becomes its producer.
    ///
    /// # Errors
    /// As [`Ring::open_with`] and [`Ring::producer`].
    pub fn open_with(region: impl Into<Region>, options: Options) -> Result<Self, Error> {
        Ring::open_with(region, options)?.producer()
    }

    /// Opens a ring, or creates it, and becomes its producer.
    ///
    /// # Errors
    /// As [`Ring::open_or_create`] and [`Ring::producer`].
    pub fn open_or_create(region: impl Into<Region>, options: Options) -> Result<Self, Error> {
        Ring::open_or_create(region, options)?.producer()
    }

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
        Ok(Self { tail, gate, slots, side })
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

    /// How many items fit an empty ring.
    #[must_use]
    pub fn capacity(&self) -> u64 {
        (self.side.shape.capacity - COMMIT_WORD) / Slots::<T>::STRIDE
    }
}

impl<T: Item> Consumer<T> {
    /// Creates a ring and becomes its consumer: [`Ring::create`] and [`Ring::consumer`].
    ///
    /// # Errors
    /// As those two.
    pub fn create(region: impl Into<Region>, options: Options) -> Result<Self, Error> {
        Ring::create(region, options)?.consumer()
    }

    /// Opens a ring with default options and becomes its consumer.
    ///
    /// # Errors
    /// As [`Ring::open_with`] and [`Ring::consumer`].
    pub fn open(region: impl Into<Region>) -> Result<Self, Error> {
        Ring::open(region)?.consumer()
    }

    /// Opens a ring and becomes its consumer.
    ///
    /// # Errors
    /// As [`Ring::open_with`] and [`Ring::consumer`].
    pub fn open_with(region: impl Into<Region>, options: Options) -> Result<Self, Error> {
        Ring::open_with(region, options)?.consumer()
    }

    /// Opens a ring, or creates it, and becomes its consumer.
    ///
    /// # Errors
    /// As [`Ring::open_or_create`] and [`Ring::consumer`].
    pub fn open_or_create(region: impl Into<Region>, options: Options) -> Result<Self, Error> {
        Ring::open_or_create(region, options)?.consumer()
    }

    pub(crate) fn attach(
        slots: Slots<T>,
        lease: Lease,
        shape: Shape,
        options: &Options,
        backing: Arc<Backing>,
    ) -> Result<Self, Error> {
        let role = Role::Consumer;
        let (mine, theirs) = (slots.mine(), slots.theirs());
        let head = Head::recover(&shape, mine)
            .map_err(|_| Error::Corrupt { region: backing.region.clone(), role })?;
        let pace = Pace::starting_at(head.position());
        let (side, gate) = Side::open(role, lease, shape, options.wait, backing, mine, theirs);
        Ok(Self { head, gate, pace, slots, side })
    }

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
        self.look()?;
        Ok(self.take())
    }

    /// [`try_pop`](Self::try_pop) into a place that is there already: for items of a kilobyte and
    /// more, where moving one costs as much as taking it.
    ///
    /// # Errors
    /// As [`try_pop`](Self::try_pop); `item` is then unchanged.
    #[inline]
    pub fn try_pop_into(&mut self, item: &mut T) -> Result<(), PopError> {
        self.look()?;
        self.take_into(item);
        Ok(())
    }

    /// `pop` for a producer that never sleeps: it does not look whether somebody must be woken.
    #[doc(hidden)]
    #[inline]
    pub fn pop_quiet(&mut self) -> Result<T, PopError> {
        self.await_item(Patience::Forever)?;
        let item = self.slots.take(self.head.position());
        self.head.release(self.slots.mine(), Slots::<T>::STRIDE);
        Ok(item)
    }

    #[inline(always)]
    fn look(&mut self) -> Result<(), PopError> {
        match self.head.look(&self.slots, Slots::<T>::LEN) {
            Look::Record => Ok(()),
            Look::Empty => Err(PopError::Empty),
            Look::Corrupt => Err(self.found_corrupt()),
        }
    }

    /// Takes the item at the head: a look has just found it.
    #[inline(always)]
    fn take(&mut self) -> T {
        let item = self.slots.take(self.head.position());
        self.release();
        item
    }

    #[inline(always)]
    fn take_into(&mut self, item: &mut T) {
        self.slots.take_into(self.head.position(), item);
        self.release();
    }

    #[inline(always)]
    fn release(&mut self) {
        self.head.release(self.slots.mine(), Slots::<T>::STRIDE);
        self.gate.moved(self.head.position(), self.slots.mine(), self.slots.theirs());
    }

    #[cold]
    #[inline(never)]
    fn found_corrupt(&mut self) -> PopError {
        self.head.poison();
        PopError::Corrupt
    }

    /// Takes the oldest item, waiting for one as long as there is a producer or none has come yet.
    ///
    /// Delivery is at most once, as with [`try_pop`](Self::try_pop).
    ///
    /// # Errors
    /// Only when everything published has been taken: [`PopError::Closed`] and
    /// [`PopError::PeerDead`] once the producer is gone (another may attach, and then popping
    /// goes on); at any time [`PopError::Corrupt`], for good.
    #[inline]
    pub fn pop(&mut self) -> Result<T, PopError> {
        self.await_item(Patience::Forever)?;
        Ok(self.take())
    }

    /// [`pop`](Self::pop) into a place that is there already: see
    /// [`try_pop_into`](Self::try_pop_into).
    ///
    /// # Errors
    /// As [`pop`](Self::pop); `item` is then unchanged.
    #[inline]
    pub fn pop_into(&mut self, item: &mut T) -> Result<(), PopError> {
        self.await_item(Patience::Forever)?;
        self.take_into(item);
        Ok(())
    }

    /// [`pop`](Self::pop), for `timeout` at most.
    ///
    /// # Errors
    /// As [`pop`](Self::pop), and [`PopError::TimedOut`].
    #[inline]
    pub fn pop_timeout(&mut self, timeout: Duration) -> Result<T, PopError> {
        self.await_item(Patience::For(timeout))?;
        Ok(self.take())
    }

    #[inline(always)]
    fn await_item(&mut self, mut patience: Patience) -> Result<(), PopError> {
        while let Err(error) = self.look() {
            match error {
                PopError::Empty => self.wait_for_item(&mut patience)?,
                error => return Err(error),
            }
        }
        Ok(())
    }

    #[cold]
    #[inline(never)]
    fn wait_for_item(&mut self, patience: &mut Patience) -> Result<(), PopError> {
        let Self { head, gate, pace, slots, side } = self;
        if pace.ran_dry(head.position(), Slots::<T>::STRIDE, || head.stirs(slots)) {
            return Ok(());
        }
        let ask = Ask {
            wake_at: head.position() + Slots::<T>::ALIGN,
            bid: false,
            deadline: patience.deadline(),
        };
        let stirs = || head.stirs(slots);
        side.wait(gate, slots.mine(), slots.theirs(), ask, stirs, stirs).map_err(
            |ended| match ended {
                Ended::TimedOut => PopError::TimedOut,
                Ended::Closed => PopError::Closed,
                Ended::PeerDead => PopError::PeerDead,
            },
        )
    }

    /// How many items are surely there now: the producer can only make it more.
    #[must_use]
    pub fn ready_at_least(&self) -> u64 {
        let ready = self.head.ready(&self.side.shape, self.slots.theirs());
        ready.unwrap_or(0) / Slots::<T>::STRIDE
    }

    /// How many items fit an empty ring.
    #[must_use]
    pub fn capacity(&self) -> u64 {
        (self.side.shape.capacity - COMMIT_WORD) / Slots::<T>::STRIDE
    }

    /// Items as they come, waiting for each as [`pop`](Self::pop) does, until the producer closes.
    /// A producer that dies, or corruption, is one `Err` and then the end.
    ///
    /// ```
    /// use shm_ring::{Options, Region, Ring};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let ring = Ring::<u64>::create(Region::memfd("doc"), Options::new())?;
    /// let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// for n in 0..3 {
    ///     tx.push(n)?;
    /// }
    /// tx.close();
    /// assert_eq!(rx.iter().collect::<Result<Vec<_>, _>>()?, [0, 1, 2]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn iter(&mut self) -> Iter<'_, T> {
        Iter { consumer: self, over: false }
    }

    /// The items that are there now, without waiting.
    pub fn try_iter(&mut self) -> TryIter<'_, T> {
        TryIter { consumer: self, over: false }
    }
}

/// Items as they come: see [`Consumer::iter`].
#[derive(Debug)]
pub struct Iter<'a, T> {
    consumer: &'a mut Consumer<T>,
    over: bool,
}

impl<T: Item> Iterator for Iter<'_, T> {
    type Item = Result<T, PopError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        let popped = self.consumer.pop();
        self.over = popped.is_err();
        if matches!(popped, Err(PopError::Closed)) { None } else { Some(popped) }
    }
}

/// The items that are there: see [`Consumer::try_iter`].
#[derive(Debug)]
pub struct TryIter<'a, T> {
    consumer: &'a mut Consumer<T>,
    over: bool,
}

impl<T: Item> Iterator for TryIter<'_, T> {
    type Item = Result<T, PopError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        let popped = self.consumer.try_pop();
        self.over = popped.is_err();
        if matches!(popped, Err(PopError::Empty)) { None } else { Some(popped) }
    }
}

/// What both ends answer in the same words.
macro_rules! both_ends {
    ($end:ident, $peer:literal) => {
        impl<T: ?Sized> $end<T> {
            #[doc = concat!("Asks about the ", $peer, ": two loads and one `fcntl` on the lease.")]
            #[must_use]
            pub fn peer(&self) -> Peer {
                self.side.peer(self.slots.theirs())
            }

            /// The number of this attachment: odd, and another one for each.
            #[must_use]
            pub fn session(&self) -> u64 {
                self.side.session()
            }

            /// Changes how this side waits from now on.
            pub fn set_wait(&mut self, wait: Wait) {
                self.side.set_wait(wait);
            }

            #[doc = concat!("Closes in order: the ", $peer, " learns of it. Dropping does the same.")]
            pub fn close(self) {}
        }

        impl<T: ?Sized> Drop for $end<T> {
            fn drop(&mut self) {
                self.side.close(self.slots.mine());
            }
        }

        impl<T: ?Sized> core::fmt::Debug for $end<T> {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.debug_struct(stringify!($end))
                    .field("session", &self.side.session())
                    .field("peer", &self.peer())
                    .finish_non_exhaustive()
            }
        }
    };
}

both_ends!(Producer, "consumer");
both_ends!(Consumer, "producer");
