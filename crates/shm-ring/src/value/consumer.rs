//! The end that reads: the order of a pop. It must not know how a commit word looks.

use core::time::Duration;
use std::sync::Arc;

use crossbeam_utils::CachePadded;
use static_assertions::{assert_impl_all, assert_not_impl_any};

use super::iter::{Iter, TryIter};
use crate::cursor::{Head, Look, Shape};
use crate::endpoint::{Ask, Ended, Patience, Side};
use crate::error::{Error, PopError};
use crate::gate::Gate;
use crate::item::Item;
use crate::lease::Lease;
use crate::mirror::{Role, Slots};
use crate::options::Options;
use crate::pace::Pace;
use crate::region::Backing;

/// The end of a ring that reads records.
///
/// There is one per ring, as with [`Producer`](crate::Producer).
pub struct Consumer<T: ?Sized> {
    // Padded, so that the ends of two threads never share a line.
    head: CachePadded<Head>,
    gate: Gate,
    pace: Pace,
    pub(super) slots: Slots<T>,
    pub(super) side: Side,
}

assert_impl_all!(Consumer<u64>: Send);
assert_not_impl_any!(Consumer<u64>: Sync, Clone);

impl<T: Item> Consumer<T> {
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
        Ok(Self { head: CachePadded::new(head), gate, pace, slots, side })
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
