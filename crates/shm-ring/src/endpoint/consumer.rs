//! The end that reads: records, room and sleep, whatever the records hold. It must not know how a
//! payload leaves its record.

use std::sync::Arc;

use crossbeam_utils::CachePadded;
use static_assertions::{assert_impl_all, assert_not_impl_any};

use super::{Ask, Ended, Patience, Side};
use crate::clock::Moment;
use crate::cursor::{Head, Look, Shape};
use crate::error::{Error, PopError};
use crate::gate::{self, Gate};
use crate::item::Payload;
use crate::lease::Lease;
use crate::mirror::{Role, Slots};
use crate::options::{Options, Threshold};
use crate::pace::Pace;
use crate::region::Backing;

/// The end of a ring that reads records.
///
/// There is one per ring, as with [`Producer`](crate::Producer).
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
        let (side, gate) = Side::open(role, lease, shape, options.wait, backing, mine, theirs);
        let head = CachePadded::new(head);
        Ok(Self { head, gate, pace, last: shape.least_stride(), threshold: None, slots, side })
    }

    /// Where the next record is or will be.
    #[inline(always)]
    pub(crate) fn position(&self) -> u64 {
        self.head.position()
    }

    /// Bytes of the payload at the head.
    #[inline(always)]
    pub(crate) fn look(&mut self) -> Result<u32, PopError> {
        let (look, len) = match P::FIXED {
            Some(len) => (self.head.look(&self.slots, len), len),
            None => self.head.look_any(&self.slots, self.slots.len_max(), Slots::<P>::UNIT),
        };
        match look {
            Look::Record => Ok(len),
            Look::Empty => Err(PopError::Empty),
            Look::Corrupt => Err(self.found_corrupt()),
        }
    }

    /// [`look`](Self::look), waiting for a record.
    #[inline(always)]
    pub(crate) fn await_record(&mut self, mut patience: Patience) -> Result<u32, PopError> {
        loop {
            match self.look() {
                Err(PopError::Empty) => self.wait_for_record(&mut patience)?,
                found => return found,
            }
        }
    }

    /// Gives back the room of the record at the head, whose payload has `len` bytes and has been
    /// read, and wakes the producer if it sleeps until then.
    #[inline(always)]
    pub(crate) fn release(&mut self, len: u32) {
        self.step(len);
        self.release_passed();
    }

    /// Steps over the record at the head without giving its room back.
    #[inline(always)]
    pub(crate) fn step(&mut self, len: u32) {
        let stride = Slots::<P>::stride(u64::from(len));
        if P::FIXED.is_none() {
            self.last = stride;
        }
        self.head.advance(stride);
    }

    /// Gives back the room of all records that were stepped over.
    #[inline(always)]
    pub(crate) fn release_passed(&mut self) {
        self.head.release_passed(self.slots.mine());
        self.gate.moved(self.head.position(), self.slots.mine(), self.slots.theirs());
    }

    /// Starts to step over records whose room is given back together.
    #[inline(always)]
    pub(crate) fn passing(&mut self) -> Passing<'_, P> {
        let start = self.position();
        Passing { consumer: self, start }
    }

    #[cold]
    #[inline(never)]
    fn found_corrupt(&mut self) -> PopError {
        self.head.poison();
        PopError::Corrupt
    }

    #[cold]
    #[inline(never)]
    fn wait_for_record(&mut self, patience: &mut Patience) -> Result<(), PopError> {
        if let Some(threshold) = self.threshold {
            return self.wait_for_threshold(threshold, patience);
        }
        let Self { head, pace, slots, last, .. } = self;
        if pace.ran_dry(head.position(), *last, || head.stirs(slots)) {
            return Ok(());
        }
        self.wait_for_first(patience).map_err(PopError::from)
    }

    fn wait_for_first(&mut self, patience: &mut Patience) -> Result<(), Ended> {
        let ask = Ask { wake_at: self.first(), bid: false, deadline: patience.deadline() };
        let Self { head, gate, slots, side, .. } = self;
        let stirs = || head.stirs(slots);
        side.wait(gate, slots.mine(), slots.theirs(), ask, stirs, stirs)
    }

    /// The tail by which there is a record.
    pub(crate) fn first(&self) -> u64 {
        self.head.position() + Slots::<P>::ALIGN
    }

    /// Waits until as much is there as the threshold says, or until there is something and its time
    /// is over, or the producer waits for room or is gone.
    fn wait_for_threshold(
        &mut self,
        threshold: Threshold,
        patience: &mut Patience,
    ) -> Result<(), PopError> {
        let deadline = patience.deadline();
        let wake_at = self.head.position() + threshold.bytes;
        loop {
            let within = deadline.min(Moment::now().plus(threshold.within));
            let Self { head, gate, slots, side, .. } = self;
            let (shape, theirs) = (side.shape, slots.theirs());
            let enough = || match head.ready(&shape, theirs) {
                Some(ready) => {
                    gate::is_enough(ready, threshold.bytes, || head.stirs(slots), theirs)
                }
                // A tail that cannot be: not believed, and not waited for either.
                None => true,
            };
            let ask = Ask { wake_at, bid: false, deadline: within };
            let ended = side.wait(gate, slots.mine(), theirs, ask, enough, enough).err();
            if head.stirs(slots) {
                return Ok(());
            }
            match ended {
                None => return Err(self.found_corrupt()),
                Some(Ended::TimedOut) if Moment::now() < deadline => {}
                Some(ended) => return Err(ended.into()),
            }
            // Nothing came in that time: the next record starts the clock again.
            self.wait_for_first(patience)?;
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

/// Records that are being stepped over. Their room is given back together when this goes, be it by
/// a panic of the code that looks at them.
pub(crate) struct Passing<'a, P: Payload + ?Sized> {
    consumer: &'a mut Consumer<P>,
    start: u64,
}

impl<P: Payload + ?Sized> Passing<'_, P> {
    /// Steps over the next record: its position and the bytes of its payload.
    #[inline(always)]
    pub(crate) fn next(&mut self) -> Result<(u64, u32), PopError> {
        let len = self.consumer.look()?;
        let position = self.consumer.position();
        self.consumer.step(len);
        Ok((position, len))
    }

    /// Where payloads are read.
    #[inline(always)]
    pub(crate) fn slots(&self) -> &Slots<P> {
        &self.consumer.slots
    }
}

impl<P: Payload + ?Sized> Drop for Passing<'_, P> {
    #[inline]
    fn drop(&mut self) {
        if self.consumer.position() != self.start {
            self.consumer.release_passed();
        }
    }
}
