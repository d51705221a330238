//! The end that reads: records, room and sleep, whatever the records hold. It must not know how a
//! payload leaves its record.

use std::sync::Arc;

use crossbeam_utils::CachePadded;
use static_assertions::{assert_impl_all, assert_not_impl_any};

use super::{Ask, Ended, Patience, Side};
use crate::clock::Moment;
use crate::cursor::{Corrupt, Head, Look, Shape};
use crate::error::{Error, PopError};
use crate::gate::{self, Gate};
use crate::item::Payload;
use crate::lease::Lease;
use crate::mirror::{Area, Role, Slots};
use crate::options::{Options, Threshold};
use crate::pace::Pace;
use crate::region::Backing;

/// The end of a ring that reads records.
///
/// There is one per ring, as with [`Producer`](crate::Producer).
///
/// ```
/// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), Default::default())?;
/// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
/// tx.push(7)?;
/// assert_eq!(rx.pop()?, 7);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Consumer<P: ?Sized> {
    // Padded, so that the ends of two threads never share a line.
    pub(crate) head: CachePadded<Head>,
    pub(crate) gate: Gate,
    pace: Pace,
    /// Bytes of the last record that was taken: how few or many a look returned is counted in these.
    last: u64,
    /// How much a waiting pop waits for, in bytes, and how long at most.
    threshold: Option<Threshold>,
    pub(crate) slots: Slots<P>,
    pub(crate) side: Side,
}

assert_impl_all!(Consumer<u64>: Send);
assert_impl_all!(Consumer<[u8]>: Send);
assert_not_impl_any!(Consumer<u64>: Sync, Clone);
assert_not_impl_any!(Consumer<[u8]>: Sync, Clone);

/// A record that a look has found at the head, told once: what the region says later is not believed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    /// Its position.
    pub(crate) at: u64,
    /// Bytes of its payload.
    pub(crate) len: u32,
}

impl<P: Payload + ?Sized> Consumer<P> {
    pub(crate) fn attach(
        slots: Slots<P>,
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
        let liveness = slots.liveness();
        let (side, gate) =
            Side::open(role, lease, shape, options.wait, backing, mine, theirs, liveness);
        let head = CachePadded::new(head);
        Ok(Self { head, gate, pace, last: shape.least_stride(), threshold: None, slots, side })
    }

    /// The record at the head, if there is one.
    #[inline(always)]
    fn look_once(&mut self) -> Result<Option<Found>, Corrupt> {
        // Read before the fence of the look, so that it need not be read again after it.
        let at = self.head.position();
        let (look, len) = match P::FIXED {
            Some(len) => (self.head.look(&self.slots.area(), len), len),
            None => look_any(&self.head, self.slots.area()),
        };
        match look {
            Look::Record => Ok(Some(Found { at, len })),
            Look::Empty => Ok(None),
            Look::Corrupt => {
                self.found_corrupt();
                Err(Corrupt)
            }
        }
    }

    /// The record at the head.
    #[inline(always)]
    pub(crate) fn look(&mut self) -> Result<Found, PopError> {
        match self.look_once() {
            Ok(Some(found)) => Ok(found),
            Ok(None) => Err(PopError::Empty),
            Err(Corrupt) => Err(PopError::Corrupt),
        }
    }

    /// [`look`](Self::look), waiting for a record.
    #[inline(always)]
    pub(crate) fn await_record(&mut self, patience: Patience) -> Result<Found, PopError> {
        match self.look_once() {
            Ok(Some(found)) => Ok(found),
            Ok(None) => {
                let len = self.wait_for_record(patience)?;
                Ok(Found { at: self.head.position(), len: P::FIXED.unwrap_or(len) })
            }
            Err(Corrupt) => Err(PopError::Corrupt),
        }
    }

    /// Gives back the room of the record at the head, which has been read, and wakes the producer if
    /// it sleeps until then.
    #[inline(always)]
    pub(crate) fn release(&mut self, found: Found) {
        let next = self.behind(found);
        self.head.release_below(self.slots.mine(), next);
        if let Some(wake_at) = self.gate.asked(next, self.slots.theirs()) {
            self.ring_for(wake_at);
        }
        self.head.advance_to(next);
    }

    #[cold]
    #[inline(never)]
    fn ring_for(&mut self, wake_at: u64) {
        self.gate.ring_for(wake_at, self.slots.mine());
    }

    /// [`release`](Self::release) for a producer that never sleeps.
    #[inline(always)]
    pub(crate) fn release_quietly(&mut self, found: Found) {
        let next = self.behind(found);
        self.head.release_below(self.slots.mine(), next);
        self.head.advance_to(next);
    }

    /// The position behind a record.
    #[inline(always)]
    fn behind(&mut self, Found { at, len }: Found) -> u64 {
        let stride = Slots::<P>::stride(u64::from(len));
        if P::FIXED.is_none() {
            self.last = stride;
        }
        at + stride
    }

    /// Starts to step over records whose room is given back together.
    #[inline(always)]
    pub(crate) fn passing(&mut self) -> Passing<'_, P> {
        let Self { head, gate, last, slots, .. } = self;
        let start = head.position();
        Passing { head, gate, last, slots, area: slots.area(), start }
    }

    #[cold]
    #[inline(never)]
    fn found_corrupt(&mut self) {
        self.head.poison();
    }

    /// Waits until there is a record: bytes of its payload.
    #[cold]
    #[inline(never)]
    fn wait_for_record(&mut self, patience: Patience) -> Result<u32, Ended> {
        let mut deadline = None;
        loop {
            let mut deadline = || *deadline.get_or_insert_with(|| patience.deadline());
            if let Some(threshold) = self.threshold {
                self.wait_for_threshold(threshold, deadline())?;
            } else {
                let Self { head, pace, slots, last, .. } = self;
                if !pace.ran_dry(head.position(), *last, || head.stirs(&slots.area())) {
                    self.wait_for_first(deadline())?;
                }
            }
            if let Some(found) = self.look_once()? {
                return Ok(found.len);
            }
        }
    }

    fn wait_for_first(&mut self, deadline: Moment) -> Result<(), Ended> {
        let ask = Ask { wake_at: self.first(), bid: false, deadline };
        let Self { head, gate, slots, side, .. } = self;
        let stirs = || head.stirs(&slots.area());
        side.wait(gate, slots.mine(), slots.theirs(), ask, stirs, stirs)
    }

    /// The tail by which there is a record.
    pub(crate) fn first(&self) -> u64 {
        self.head.position() + Slots::<P>::ALIGN
    }

    /// Waits until as much is there as the threshold says, or until there is something and its time
    /// is over, or the producer waits for room or is gone.
    fn wait_for_threshold(&mut self, threshold: Threshold, deadline: Moment) -> Result<(), Ended> {
        let wake_at = self.head.position() + threshold.bytes;
        loop {
            let within = deadline.min(Moment::now().plus(threshold.within));
            let Self { head, gate, slots, side, .. } = self;
            let (shape, theirs) = (side.shape, slots.theirs());
            let enough = || match head.ready(&shape, theirs) {
                Some(ready) => {
                    gate::is_enough(ready, threshold.bytes, || head.stirs(&slots.area()), theirs)
                }
                // A tail that cannot be: not believed, and not waited for either.
                None => true,
            };
            let ask = Ask { wake_at, bid: false, deadline: within };
            let ended = side.wait(gate, slots.mine(), theirs, ask, enough, enough).err();
            if head.stirs(&slots.area()) {
                return Ok(());
            }
            match ended {
                None => {
                    self.found_corrupt();
                    return Err(Ended::Corrupt);
                }
                Some(Ended::TimedOut) if Moment::now() < deadline => {}
                Some(ended) => return Err(ended),
            }
            // Nothing came in that time: the next record starts the clock again.
            self.wait_for_first(deadline)?;
        }
    }

    /// Sets how much must be there before a `pop` that found the ring empty returns: for consumers
    /// that would rather be woken seldom than at once. `None` is the default: at the first record.
    ///
    /// The clock of [`Threshold`] starts when a record may come, so an idle consumer is not woken
    /// for nothing. A threshold above half the ring counts as half the ring. A producer that waits
    /// for room, closes or dies ends the wait early.
    ///
    /// ```
    /// use std::time::Duration;
    /// use shm_ring::{Options, Region, Ring, Threshold};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let ring = Ring::<u64>::create(Region::memfd("doc"), Options::new())?;
    /// let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// rx.set_threshold(Some(Threshold::items::<u64>(64, Duration::from_micros(200))));
    /// tx.push(1)?;
    /// assert_eq!(rx.pop()?, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_threshold(&mut self, threshold: Option<Threshold>) {
        let most = self.side.shape.capacity / 2;
        self.threshold = threshold.map(|threshold| Threshold {
            bytes: threshold.bytes.clamp(Slots::<P>::ALIGN, most),
            ..threshold
        });
    }

    /// Bytes of records that are surely there now.
    pub(crate) fn ready(&self) -> u64 {
        self.head.ready(&self.side.shape, self.slots.theirs()).unwrap_or(0)
    }
}

/// A look for a record of any length.
#[inline(always)]
fn look_any<P: Payload + ?Sized>(head: &Head, area: Area<'_, P>) -> (Look, u32) {
    head.look_any(&area, area.len_max(), Slots::<P>::UNIT)
}

/// Records that are being stepped over. Their room is given back together when this goes, be it by
/// a panic of the code that looks at them.
pub(crate) struct Passing<'a, P: Payload + ?Sized> {
    head: &'a mut Head,
    gate: &'a mut Gate,
    last: &'a mut u64,
    slots: &'a Slots<P>,
    area: Area<'a, P>,
    start: u64,
}

impl<'a, P: Payload + ?Sized> Passing<'a, P> {
    /// Steps over the next record, if there is one.
    #[inline(always)]
    pub(crate) fn next(&mut self) -> Option<Found> {
        let at = self.head.position();
        let (look, len) = match P::FIXED {
            Some(len) => (self.head.look(&self.area, len), len),
            None => look_any(self.head, self.area),
        };
        match look {
            Look::Record => {}
            Look::Empty => return None,
            Look::Corrupt => {
                // The next call says so, whatever is there by then.
                self.head.poison();
                return None;
            }
        }
        let stride = Slots::<P>::stride(u64::from(len));
        if P::FIXED.is_none() {
            *self.last = stride;
        }
        self.head.advance_to(at + stride);
        Some(Found { at, len })
    }

    /// Where payloads are read.
    #[inline(always)]
    pub(crate) fn area(&self) -> Area<'a, P> {
        self.area
    }
}

impl<P: Payload + ?Sized> Drop for Passing<'_, P> {
    #[inline]
    fn drop(&mut self) {
        let position = self.head.position();
        if position != self.start {
            self.head.release_below(self.slots.mine(), position);
            self.gate.moved(position, self.slots.mine(), self.slots.theirs());
        }
    }
}
