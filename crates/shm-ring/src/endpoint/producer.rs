//! The end that publishes: room, records and wake-ups, whatever the records hold. It must not know
//! how a payload comes into its record.

use std::sync::Arc;

use crossbeam_utils::CachePadded;
use static_assertions::{assert_impl_all, assert_not_impl_any};

use super::{Ask, Ended, Patience, Side};
use crate::cursor::{Batch, Corrupt, Shape, Tail};
use crate::error::{Error, PushError};
use crate::gate::Gate;
use crate::item::Payload;
use crate::lease::Lease;
use crate::mirror::{Area, Role, Slots};
use crate::options::Options;
use crate::pace;
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
pub struct Producer<P: ?Sized> {
    // Padded, so that the ends of two threads never share a line.
    tail: CachePadded<Tail>,
    gate: Gate,
    pub(crate) slots: Slots<P>,
    pub(crate) side: Side,
}

assert_impl_all!(Producer<u64>: Send);
assert_impl_all!(Producer<[u8]>: Send);
assert_not_impl_any!(Producer<u64>: Sync, Clone);
assert_not_impl_any!(Producer<[u8]>: Sync, Clone);

impl<P: Payload + ?Sized> Producer<P> {
    pub(crate) fn attach(
        slots: Slots<P>,
        lease: Lease,
        shape: Shape,
        options: &Options,
        backing: Arc<Backing>,
    ) -> Result<Self, Error> {
        let role = Role::Producer;
        let tail = Tail::recover(&slots.area(), &shape, slots.mine(), slots.theirs())
            .map_err(|_| Error::Corrupt { region: backing.region.clone(), role })?;
        let (mine, theirs) = (slots.mine(), slots.theirs());
        let liveness = slots.liveness();
        let (side, gate) =
            Side::open(role, lease, shape, options.wait, backing, mine, theirs, liveness);
        Ok(Self { tail: CachePadded::new(tail), gate, slots, side })
    }

    /// Where the next record goes.
    #[inline(always)]
    pub(crate) fn position(&self) -> u64 {
        self.tail.position()
    }

    /// Makes sure of room for a record of `stride` bytes at the tail, and asks for its lines.
    #[inline(always)]
    pub(crate) fn make_room(&mut self, stride: u64) -> Result<(), PushError> {
        if !self.tail.has_room(stride) {
            match self.look_for_room(stride) {
                Ok(true) => {}
                Ok(false) => return Err(PushError::Full),
                Err(Corrupt) => return Err(PushError::Corrupt),
            }
        }
        self.slots.area().prefetch(self.tail.position(), stride);
        Ok(())
    }

    /// [`make_room`](Self::make_room), waiting for it.
    #[inline(always)]
    pub(crate) fn await_room(&mut self, stride: u64, patience: Patience) -> Result<(), PushError> {
        if !self.tail.has_room(stride) {
            self.wait_for_room(stride, patience)?;
        }
        self.slots.area().prefetch(self.tail.position(), stride);
        Ok(())
    }

    /// Makes a record of `stride` bytes at the tail exist, for which there is room, and wakes the
    /// consumer if it sleeps until then. `put` writes its payload of `len` bytes, or what is missing
    /// of it.
    #[inline(always)]
    pub(crate) fn commit(&mut self, stride: u64, len: u32, put: impl FnOnce(Area<'_, P>, u64)) {
        let (mine, theirs, area) = (self.slots.mine(), self.slots.theirs(), self.slots.area());
        let at = self.tail.position();
        let next = self.tail.commit(&area, mine, stride, len, || put(area, at));
        if let Some(wake_at) = self.gate.asked(next, theirs) {
            self.ring_for(wake_at);
        }
        self.tail.advance_to(next);
    }

    #[cold]
    #[inline(never)]
    fn ring_for(&mut self, wake_at: u64) {
        self.gate.ring_for(wake_at, self.slots.mine());
    }

    /// [`commit`](Self::commit) for a consumer that never sleeps.
    #[inline(always)]
    pub(crate) fn commit_quietly(
        &mut self,
        stride: u64,
        len: u32,
        put: impl FnOnce(Area<'_, P>, u64),
    ) {
        let (area, at) = (self.slots.area(), self.tail.position());
        let next = self.tail.commit(&area, self.slots.mine(), stride, len, || put(area, at));
        self.tail.advance_to(next);
    }

    /// Starts a batch with a record of `stride` bytes at the tail, for which there is room: `put`
    /// writes its payload of `len` bytes.
    #[inline(always)]
    pub(crate) fn staging(
        &mut self,
        stride: u64,
        len: u32,
        put: impl FnOnce(Area<'_, P>, u64),
    ) -> Staging<'_, P> {
        let Self { tail, gate, slots, side } = self;
        put(slots.area(), tail.position());
        let batch = tail.begin_batch(stride, len);
        Staging { tail, gate, slots, area: slots.area(), shape: &side.shape, batch }
    }

    /// Asks the consumer's page how far it has come: whether there is room now.
    #[cold]
    #[inline(never)]
    fn look_for_room(&mut self, stride: u64) -> Result<bool, Corrupt> {
        self.tail.refresh(&self.side.shape, self.slots.mine(), self.slots.theirs(), stride)?;
        Ok(self.tail.has_room(stride))
    }

    /// Waits until there is room.
    #[cold]
    #[inline(never)]
    fn wait_for_room(&mut self, stride: u64, patience: Patience) -> Result<(), Ended> {
        let mut deadline = None;
        while !self.look_for_room(stride)? {
            let Self { tail, gate, slots, side } = self;
            let (mine, theirs, shape) = (slots.mine(), slots.theirs(), side.shape);
            if side.spins() {
                pace::let_drain(shape.capacity, || {
                    tail.refresh(&shape, mine, theirs, stride).ok().map(|()| tail.room())
                });
                if tail.has_room(stride) {
                    break;
                }
            }
            let needed = (stride + COMMIT_WORD).max(shape.capacity / 2);
            let wake_at = (tail.position() + needed).saturating_sub(shape.capacity);
            let deadline = *deadline.get_or_insert_with(|| patience.deadline());
            let ask = Ask { wake_at, bid: true, deadline };
            let head = theirs.map(|page| &page.position.0);
            let ready = || {
                let corrupt = tail.refresh(&shape, mine, theirs, stride).is_err();
                corrupt || tail.has_room(stride)
            };
            side.wait(gate, mine, theirs, ask, ready, || head.relaxed() >= wake_at)?;
        }
        Ok(())
    }

    /// Bytes of records that surely fit now.
    pub(crate) fn room(&mut self) -> u64 {
        let (mine, theirs, shape) = (self.slots.mine(), self.slots.theirs(), &self.side.shape);
        match self.tail.refresh(shape, mine, theirs, shape.least_stride()) {
            Ok(()) => self.tail.room().saturating_sub(COMMIT_WORD),
            Err(_) => 0,
        }
    }
}

/// A batch that grows. Its records come to exist together when this goes, be it by a panic of the
/// code that supplies them.
pub(crate) struct Staging<'a, P: Payload + ?Sized> {
    tail: &'a mut Tail,
    gate: &'a mut Gate,
    slots: &'a Slots<P>,
    area: Area<'a, P>,
    shape: &'a Shape,
    batch: Batch,
}

impl<P: Payload + ?Sized> Staging<'_, P> {
    /// Whether a record of `stride` bytes fits behind the batch; asks for its lines if it does.
    #[inline(always)]
    pub(crate) fn has_room(&mut self, stride: u64) -> bool {
        if !self.tail.has_room_behind(&self.batch, stride) && !self.look_for_room(stride) {
            return false;
        }
        self.area.prefetch(self.batch.end(), stride);
        true
    }

    #[cold]
    #[inline(never)]
    fn look_for_room(&mut self, stride: u64) -> bool {
        let behind = self.batch.end() - self.tail.position() + stride;
        let (mine, theirs) = (self.slots.mine(), self.slots.theirs());
        self.tail.refresh(self.shape, mine, theirs, behind).is_ok()
            && self.tail.has_room_behind(&self.batch, stride)
    }

    /// Adds a record of `stride` bytes, for which there is room, to the batch: `put` writes its
    /// payload of `len` bytes.
    #[inline(always)]
    pub(crate) fn stage(&mut self, stride: u64, len: u32, put: impl FnOnce(Area<'_, P>, u64)) {
        put(self.area, self.batch.end());
        self.tail.stage(&self.area, &mut self.batch, stride, len);
    }
}

impl<P: Payload + ?Sized> Drop for Staging<'_, P> {
    #[inline]
    fn drop(&mut self) {
        let Self { tail, gate, slots, area, batch, .. } = self;
        tail.commit_batch(area, slots.mine(), batch);
        gate.moved(tail.position(), slots.mine(), slots.theirs());
    }
}
