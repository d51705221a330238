//! Owns: what every producer does, whatever it publishes: room, publishing, waking, waiting. Knows nothing of: how a
//! record comes into the data.

// First: the page of a type shows its blocks in the order in which they are met here, and begins with push.
mod values;

mod messages;

mod untyped;

mod batches;
mod counts;
mod reservation;
mod stream_writer;

pub use self::messages::MessageProducer;
pub use self::reservation::{MessageReservation, Reservation};
pub use self::stream_writer::StreamWriter;
pub use self::untyped::{UntypedProducer, UntypedReservation};
pub use self::values::Producer;

use std::sync::Arc;

use crossbeam_utils::CachePadded;

use crate::attachment::Side;
use crate::attachment::backoff;
use crate::attachment::wait::{Ended, Timeout, WaitRequest};
use crate::attachment::wait_any::sealed::Waited;
use crate::error::{Error, PushError};
use crate::item::{Item, Payload, Values};
use crate::mapping::records::{self, Area, CACHE_LINE, RecordMap};
use crate::options::Options;
use crate::protocol::layout::{Counters, SidePage};
use crate::protocol::park::{Gate, Sleeper};
use crate::protocol::position::{Corrupt, FRONT_BYTES, FRONT_WORDS, Tail, front_is_wanted};
use crate::protocol::record::RecordLayout;
use crate::protocol::sync::{AtomicU64, Foreign};
use crate::region::Backing;
use crate::region::lease::Lease;
use crate::role::Role;

/// What all kinds of producer stand on.
pub(crate) struct Publisher<P: ?Sized> {
    // Padded, so that the ends of two threads never share a line.
    tail: CachePadded<Tail>,
    gate: Gate,
    /// Bytes that the last call was in want of; of the shortest record if it found its room.
    wanted: u64,
    /// Bytes of room at which a waiting push is woken, if it needs no more.
    threshold: u64,
    pub(crate) map: RecordMap<P>,
    pub(crate) side: Side,
}

impl<P: Payload + ?Sized> Publisher<P> {
    pub(crate) fn attach(
        map: RecordMap<P>,
        lease: Lease,
        layout: RecordLayout,
        options: &Options,
        backing: Arc<Backing>,
    ) -> Result<Self, Error> {
        let role = Role::Producer;
        let (mine, theirs) = (map.mine(), map.theirs());
        let tail = Tail::recover(&layout, mine, theirs)
            .map_err(|_| Error::Corrupt { region: backing.region.clone(), role })?;
        let liveness = map.liveness();
        let (side, gate) =
            Side::open(role, lease, layout, options, backing, mine, theirs, liveness, map.page());
        let (tail, wanted, threshold) = (CachePadded::new(tail), layout.unit, layout.limit / 2);
        Ok(Self { tail, gate, wanted, threshold, map, side })
    }

    /// Where the next record goes.
    #[inline(always)]
    pub(crate) fn position(&self) -> u64 {
        self.tail.position()
    }

    /// Makes sure of room for `bytes` of records at the tail.
    #[inline(always)]
    pub(crate) fn make_room(&mut self, bytes: u64) -> Result<(), PushError> {
        if !self.tail.has_room(bytes) {
            match self.look_for_room(bytes) {
                Ok(true) => {}
                Ok(false) => {
                    self.check_process()?;
                    return Err(PushError::Full);
                }
                Err(Corrupt) => return Err(self.side.told(self.map.mine(), Ended::Corrupt).into()),
            }
        }
        Ok(())
    }

    /// [`make_room`](Self::make_room), waiting for it.
    #[inline(always)]
    pub(crate) fn await_room(&mut self, bytes: u64, timeout: Timeout) -> Result<(), PushError> {
        if !self.tail.has_room(bytes) {
            self.wait_for_room(bytes, timeout)?;
        }
        Ok(())
    }

    /// Bytes of room for up to `wanted` bytes of records: looks once if it does not know of as many. After a look that
    /// contradicts the protocol there is none.
    #[inline(always)]
    pub(crate) fn room_for(&mut self, wanted: u64) -> u64 {
        if !self.tail.has_room(wanted) {
            look_again(&mut self.tail, &self.map, &self.side.layout, wanted);
        }
        self.tail.room()
    }

    /// Asks for the lines of a record of `stride` bytes that will come some way behind the tail. Not in a conversation,
    /// in which the lines are the consumer's again by then: that cost a twentieth of a round trip at 256 bytes.
    #[inline(always)]
    pub(crate) fn prefetch(&self, stride: u64) {
        if !front_is_wanted(self.map.theirs()) {
            self.map.area().prefetch(self.tail.position(), stride);
        }
    }

    /// Asks for the lines of a run of `bytes` that will come some way behind the tail.
    #[inline(always)]
    pub(crate) fn prefetch_run_ahead(&self, bytes: u64) {
        self.map.area().prefetch_run_ahead(self.tail.position(), bytes);
    }

    /// Makes the `bytes` of records exist that are written at the tail. The position behind them, for
    /// [`wake`](Self::wake).
    #[inline(always)]
    pub(crate) fn publish(&self, bytes: u64) -> u64 {
        let next = self.tail.position() + bytes;
        self.tail.publish(self.map.mine(), next);
        next
    }

    /// [`publish`](Self::publish) of one record that fits the front: `copy` puts it there if the consumer wants that.
    #[inline(always)]
    pub(crate) fn publish_in_front(
        &self,
        bytes: u64,
        copy: impl FnOnce(&[AtomicU64; FRONT_WORDS]),
    ) -> u64 {
        let next = self.tail.position() + bytes;
        if front_is_wanted(self.map.theirs()) {
            self.tail.publish_in_front(self.map.mine(), next, copy);
        } else {
            self.tail.publish(self.map.mine(), next);
        }
        next
    }

    /// Wakes the consumer if it sleeps until the tail is `next`, as it has just become.
    #[inline(always)]
    pub(crate) fn wake(&mut self, next: u64) -> Result<(), PushError> {
        if let Some(wake_at) = self.gate.asked(next, self.map.theirs()) {
            if !self.ring_for(wake_at) {
                return Err(PushError::Forked);
            }
        }
        self.tail.advance_to(next);
        Ok(())
    }

    /// Whether this process may hand out room, or have the caller's code run: in a child nobody ever sees it.
    #[inline(always)]
    pub(crate) fn check_process(&self) -> Result<(), PushError> {
        if self.side.is_ours() { Ok(()) } else { Err(PushError::Forked) }
    }

    /// Instead of [`wake`](Self::wake), for a consumer that never sleeps.
    #[cfg(feature = "quiet")]
    #[inline(always)]
    pub(crate) fn wake_nobody(&mut self, next: u64) {
        self.tail.advance_to(next);
    }

    /// Whether this process may: not in a child, whose zeros ask for it.
    #[cold]
    #[inline(never)]
    fn ring_for(&mut self, wake_at: u64) -> bool {
        let is_ours = self.side.is_ours();
        if is_ours {
            self.gate.ring_for(wake_at, self.map.mine());
        }
        is_ours
    }

    /// Starts a batch at the tail.
    #[inline(always)]
    pub(crate) fn batch(&mut self) -> WriteBatch<'_, P> {
        let Self { tail, gate, map, side, .. } = self;
        let (end, room_end) = (tail.position(), tail.room_end());
        WriteBatch { tail, gate, area: map.area(), map, layout: &side.layout, end, room_end }
    }

    /// Asks the consumer's page how far it has come: whether there is room now.
    #[cold]
    #[inline(never)]
    fn look_for_room(&mut self, bytes: u64) -> Result<bool, Corrupt> {
        self.tail.refresh(&self.side.layout, self.map.mine(), self.map.theirs(), bytes)?;
        let has_room = self.tail.has_room(bytes);
        self.wanted = if has_room { self.side.layout.unit } else { bytes };
        Ok(has_room)
    }

    /// Waits until there is room.
    #[cold]
    #[inline(never)]
    fn wait_for_room(&mut self, bytes: u64, timeout: Timeout) -> Result<(), Ended> {
        self.room_or_end(bytes, timeout).map_err(|ended| self.side.told(self.map.mine(), ended))
    }

    fn room_or_end(&mut self, bytes: u64, timeout: Timeout) -> Result<(), Ended> {
        let mut deadline = None;
        while !self.look_for_room(bytes)? {
            if timeout == Timeout::NONE {
                let ended = self.side.has_no_time(self.map.theirs(), true);
                return if self.look_for_room(bytes)? { Ok(()) } else { Err(ended) };
            }
            if self.stays_away(bytes) {
                break;
            }
            let (wake_at, least) = (self.wake_at(bytes, false), self.wake_at(bytes, true));
            let Self { tail, map, side, .. } = self;
            let (mine, theirs, layout) = (map.mine(), map.theirs(), side.layout);
            let deadline = *deadline.get_or_insert_with(|| timeout.deadline());
            let request = WaitRequest {
                least,
                wake_sleeping_peer: true,
                ..WaitRequest::for_records(wake_at, deadline)
            };
            let head = theirs.map(|page| &page.position.0.word);
            let ready = || {
                let corrupt = tail.refresh(&layout, mine, theirs, bytes).is_err();
                corrupt || tail.has_room(bytes)
            };
            side.wait(mine, theirs, request, ready, |wake_at| head.relaxed() >= wake_at)?;
        }
        Ok(())
    }

    /// Stays away from a full ring, if this side spins: whether there is room then.
    fn stays_away(&mut self, bytes: u64) -> bool {
        let Self { tail, threshold, map, side, .. } = self;
        if !side.spins() {
            return false;
        }
        let (mine, theirs, layout) = (map.mine(), map.theirs(), side.layout);
        backoff::on_full((layout.limit / backoff::PLENTY).min(*threshold), || {
            tail.refresh(&layout, mine, theirs, bytes).ok().map(|()| tail.room())
        });
        tail.has_room(bytes)
    }

    /// Counts records that the user threw away.
    pub(crate) fn count_dropped(&self, records: u64) {
        Counters::add(&self.map.mine().counters.0.dropped, records);
    }

    /// The head at which a producer that waits for `bytes` is woken: once it has waited `long`, as soon as they fit.
    fn wake_at(&self, bytes: u64, long: bool) -> u64 {
        let limit = self.side.layout.limit;
        let room = if long { bytes } else { bytes.max(self.threshold) };
        (self.tail.position() + room).saturating_sub(limit)
    }

    /// Sets at how many bytes of room a waiting push is woken: see [`Producer::set_threshold`].
    pub(crate) fn set_threshold(&mut self, bytes: Option<u64>) {
        let RecordLayout { limit, .. } = self.side.layout;
        self.threshold = bytes.map_or(limit / 2, |bytes| bytes.min(limit));
    }

    /// Bytes of records that fit now, at least.
    pub(crate) fn room(&mut self) -> u64 {
        let (mine, theirs, layout) = (self.map.mine(), self.map.theirs(), &self.side.layout);
        match self.tail.refresh(layout, mine, theirs, layout.unit) {
            Ok(()) => self.tail.room(),
            Err(Corrupt) => 0,
        }
    }
}

impl<V: Values + ?Sized> Publisher<V> {
    /// Bytes of a value, and from one to the next: known when this is compiled for values of a type.
    #[inline(always)]
    pub(crate) fn size(&self) -> u64 {
        V::SIZE.unwrap_or(self.side.layout.unit)
    }

    /// Bytes of `count` values, if the ring can have as much.
    #[inline(always)]
    pub(crate) fn bytes_of(&self, count: usize) -> Result<u64, PushError> {
        let limit = self.side.layout.limit;
        match (count as u64).checked_mul(self.size()) {
            // No bytes fit at position 0 of a ring without any room, too.
            Some(0) if self.tail.is_corrupt() => {
                Err(self.side.told(self.map.mine(), Ended::Corrupt).into())
            }
            Some(bytes) if bytes <= limit => Ok(bytes),
            _ => Err(PushError::TooLarge { len: count, max: (limit / self.size()) as usize }),
        }
    }

    /// Publishes the value whose bytes these are, and for which there is room.
    #[inline(always)]
    pub(crate) fn publish_value(&mut self, value: &[u8]) -> Result<(), PushError> {
        let next = self.write_value(value);
        self.wake(next)
    }

    /// Writes a value at the tail and makes it exist. The position behind it.
    #[inline(always)]
    pub(crate) fn write_value(&mut self, value: &[u8]) -> u64 {
        self.prefetch(value.len() as u64);
        self.map.area().put(self.position(), value);
        self.publish_one(value)
    }

    /// Makes `value` exist, which is written at the tail. The position behind it.
    #[inline(always)]
    pub(crate) fn publish_one(&self, value: &[u8]) -> u64 {
        let bytes = value.len() as u64;
        if bytes <= FRONT_BYTES {
            self.publish_in_front(bytes, |front| records::put_front(front, value))
        } else {
            self.publish(bytes)
        }
    }
}

macro_rules! waited {
    ([$($generics:tt)*], $producer:ty) => {
        #[allow(private_interfaces, reason = "nobody can name this trait")]
        impl<$($generics)*> Waited for $producer {
            fn is_ready(&self) -> bool {
                let Publisher { tail, wanted, map, side, .. } = &self.inner;
                tail.has_changed(&side.layout, map.theirs(), *wanted)
            }

            fn stays_away(&mut self) -> bool {
                self.inner.stays_away(self.inner.wanted)
            }

            fn sleeper(&self, long: bool) -> Sleeper<'_> {
                let Publisher { wanted, map, .. } = &self.inner;
                let wake_at = self.inner.wake_at(*wanted, long);
                Sleeper::until(wake_at, true, map.mine(), map.theirs())
            }

            fn mine(&self) -> &SidePage {
                self.inner.map.mine()
            }

            fn theirs(&self) -> Foreign<'_, SidePage> {
                self.inner.map.theirs()
            }

            fn side(&self) -> &Side {
                &self.inner.side
            }
        }
    };
}

waited!([T: Item], Producer<T>);
waited!([], MessageProducer);
waited!([], UntypedProducer);

impl<P: ?Sized> Drop for Publisher<P> {
    fn drop(&mut self) {
        self.side.close(self.map.mine());
    }
}

/// A batch that grows behind the tail. Its records come to exist together when this goes, be it by a panic of the code
/// that supplies them.
pub(crate) struct WriteBatch<'a, P: Payload + ?Sized> {
    tail: &'a mut Tail,
    gate: &'a mut Gate,
    map: &'a RecordMap<P>,
    area: Area<'a, P>,
    layout: &'a RecordLayout,
    /// Where the next record goes.
    end: u64,
    /// Records must end at or below this: a copy, so that the loop of a batch keeps it in a register.
    room_end: u64,
}

impl<'a, P: Payload + ?Sized> WriteBatch<'a, P> {
    /// Whether a record of `stride` bytes fits behind the batch; asks for its lines if it does.
    #[inline(always)]
    pub(crate) fn has_room(&mut self, stride: u64) -> bool {
        if self.end + stride > self.room_end {
            let bytes = self.end + stride - self.tail.position();
            // Not a method of the batch, whose fields could then not stay in registers.
            self.room_end = look_again(self.tail, self.map, self.layout, bytes);
            if self.end + stride > self.room_end {
                return false;
            }
        }
        // A line is asked for once.
        if stride >= CACHE_LINE || self.end % CACHE_LINE < stride {
            self.area.prefetch(self.end, stride);
        }
        true
    }

    /// Where records are written.
    #[inline(always)]
    pub(crate) fn area(&self) -> Area<'a, P> {
        self.area
    }

    /// Adds a record of `stride` bytes, for which there is room: `put` writes it at the position that it is given.
    #[inline(always)]
    pub(crate) fn add(&mut self, stride: u64, put: impl FnOnce(Area<'a, P>, u64)) {
        put(self.area, self.end);
        self.end += stride;
    }
}

impl<P: Payload + ?Sized> Drop for WriteBatch<'_, P> {
    #[inline]
    fn drop(&mut self) {
        let Self { tail, gate, map, end, .. } = self;
        if *end != tail.position() {
            tail.publish(map.mine(), *end);
            gate.moved(*end, map.mine(), map.theirs());
            tail.advance_to(*end);
        }
    }
}

/// Loads `head` once for `bytes` of records: below what position they must end now.
#[cold]
#[inline(never)]
fn look_again<P: ?Sized>(
    tail: &mut Tail,
    map: &RecordMap<P>,
    layout: &RecordLayout,
    bytes: u64,
) -> u64 {
    // What it has found shows in the room.
    let _ = tail.refresh(layout, map.mine(), map.theirs(), bytes);
    tail.room_end()
}
