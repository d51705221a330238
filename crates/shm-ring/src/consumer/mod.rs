//! Owns: what every consumer does, whatever it reads: looking for records, releasing them, waiting. Knows nothing of: how
//! a payload leaves its record.

// First: the page of a type shows its blocks in the order in which they are met here, and begins with pop.
mod values;

mod messages;

mod untyped;

mod backlog;
mod batches;
mod flow;
mod found;
mod hint;
mod iter;
mod stream_reader;
mod streams;
mod taking;
mod view;
mod waiting;

pub use self::flow::Flow;
pub use self::iter::{Iter, TryIter};
pub use self::messages::MessageConsumer;
pub use self::stream_reader::StreamReader;
pub use self::untyped::{UntypedConsumer, UntypedView};
pub use self::values::Consumer;
pub use self::view::{Message, MessageView, Messages, View};

use std::sync::Arc;

use crossbeam_utils::CachePadded;

use self::hint::Hint;
use crate::attachment::Side;
use crate::attachment::backoff::Backoff;
use crate::attachment::wait::{Ended, Timeout};
use crate::attachment::wait_any::sealed::Waited;
use crate::error::{Error, PopError};
use crate::item::{Item, Payload};
use crate::mapping::records::{Area, RecordMap};
use crate::options::{Ends, Options, Threshold};
use crate::protocol::layout::SidePage;
use crate::protocol::park::{Gate, Sleeper};
use crate::protocol::position::{Corrupt, Head, Look};
use crate::protocol::record::RecordLayout;
use crate::protocol::sync::Foreign;
use crate::region::Backing;
use crate::region::lease::Lease;
use crate::role::Role;

/// What all kinds of consumer stand on.
pub(crate) struct Receiver<P: ?Sized> {
    // Padded, so that the ends of two threads never share a line.
    pub(crate) head: CachePadded<Head>,
    pub(crate) gate: Gate,
    backoff: Backoff,
    hint: Hint,
    /// Bytes of the last record that was taken: how few or many a look returned is counted in these.
    last: u64,
    /// How much a waiting pop waits for, in bytes, and how long at most.
    threshold: Option<Threshold>,
    pub(crate) map: RecordMap<P>,
    pub(crate) side: Side,
}

impl<P: Payload + ?Sized> Receiver<P> {
    pub(crate) fn attach(
        map: RecordMap<P>,
        lease: Lease,
        layout: RecordLayout,
        options: &Options,
        backing: Arc<Backing>,
    ) -> Result<Self, Error> {
        let role = Role::Consumer;
        let (mine, theirs) = (map.mine(), map.theirs());
        let head = Head::recover(&layout, mine)
            .map_err(|_| Error::Corrupt { region: backing.region.clone(), role })?;
        let backoff = Backoff::starting_at(head.position());
        let hint = Hint::attach(mine, head.position());
        let liveness = map.liveness();
        let (side, gate) =
            Side::open(role, lease, layout, options, backing, mine, theirs, liveness, map.page());
        let (mut head, last) = (CachePadded::new(head), layout.unit);
        head.keep_streams_apart(options.ends == Ends::OfStream);
        Ok(Self { head, gate, backoff, hint, last, threshold: None, map, side })
    }

    /// What the records may be; the unit of values of a type is known when this is compiled.
    #[inline(always)]
    fn layout(&self) -> RecordLayout {
        let layout = self.side.layout;
        RecordLayout { unit: P::SIZE.unwrap_or(layout.unit), ..layout }
    }

    /// The next record is here; what stands before it was released.
    #[inline(always)]
    pub(crate) fn position(&self) -> u64 {
        self.head.position()
    }

    /// Loads the tail once: what is new.
    #[inline(always)]
    pub(crate) fn look(&mut self) -> Result<Look, Corrupt> {
        let layout = self.layout();
        match self.head.look(&layout, self.map.theirs()) {
            Err(Corrupt) => self.look_in_stream(),
            looked => looked,
        }
    }

    /// Loads the tail once, for a call that does not wait.
    #[inline(always)]
    pub(crate) fn try_look(&mut self) -> Result<Look, PopError> {
        match self.look() {
            Ok(Look::Empty) => {
                self.hint.ran_dry(self.map.mine(), self.head.position(), self.last);
                self.check_process()?;
                Err(PopError::Empty)
            }
            Ok(look) => Ok(look),
            Err(Corrupt) => Err(self.corrupt()),
        }
    }

    /// Loads the tail until there is something new: never [`Look::Empty`].
    #[inline(always)]
    pub(crate) fn await_look(&mut self, timeout: Timeout) -> Result<Look, PopError> {
        match self.look() {
            Ok(Look::Empty) => Ok(self.wait_for_record(timeout)?),
            Ok(look) => Ok(look),
            Err(Corrupt) => Err(self.corrupt()),
        }
    }

    /// [`try_look`](Self::try_look) or, with a timeout, [`await_look`](Self::await_look), unless it is known that there
    /// are records.
    #[inline(always)]
    pub(crate) fn find(&mut self, timeout: Option<Timeout>) -> Result<Look, PopError> {
        if self.head.has_record() {
            return Ok(Look::Records);
        }
        match timeout {
            None => self.try_look(),
            Some(timeout) => self.await_look(timeout),
        }
    }

    /// Asks for the first lines of what has just been found.
    #[inline(always)]
    pub(crate) fn prefetch_run(&self) {
        self.map.area().prefetch_run(self.head.position(), self.head.tail());
    }

    /// Asks for the first lines behind the next `bytes` of records, as far as something is known to be there.
    #[inline(always)]
    pub(crate) fn prefetch_behind(&self, bytes: u64) {
        let from = self.head.position() + bytes;
        self.map.area().prefetch_run(from, self.head.tail());
    }

    /// Asks for the line that comes some way behind the record at the head, if something is known to be there.
    #[inline(always)]
    pub(crate) fn prefetch_below(&self) {
        self.map.area().prefetch_below(self.head.position(), self.head.tail());
    }

    /// Whether this process may be shown what is there: a child would see zeros.
    #[inline(always)]
    pub(crate) fn check_process(&self) -> Result<(), PopError> {
        if self.side.is_ours() { Ok(()) } else { Err(PopError::Forked) }
    }

    /// What is answered where the producer's page contradicts the protocol.
    #[cold]
    pub(crate) fn corrupt(&self) -> PopError {
        self.side.told(self.map.mine(), Ended::Corrupt).into()
    }

    /// Releases the record of `stride` bytes at the head, which has been read, and wakes the producer if
    /// it sleeps until then.
    #[inline(always)]
    pub(crate) fn release(&mut self, stride: u64) -> Result<(), PopError> {
        let next = self.head.position() + stride;
        self.head.release_below(self.map.mine(), next);
        if let Some(wake_at) = self.gate.asked(next, self.map.theirs()) {
            if !self.ring_for(wake_at) {
                return Err(PopError::Forked);
            }
        }
        self.taken(stride);
        self.head.advance_to(next);
        Ok(())
    }

    /// [`release`](Self::release) for a producer that never sleeps.
    #[cfg(feature = "quiet")]
    #[inline(always)]
    pub(crate) fn release_quietly(&mut self, stride: u64) -> Result<(), PopError> {
        let next = self.head.position() + stride;
        self.head.release_below(self.map.mine(), next);
        self.taken(stride);
        self.head.advance_to(next);
        Ok(())
    }

    #[inline(always)]
    fn taken(&mut self, stride: u64) {
        if P::MESSAGES {
            self.last = stride;
        }
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

    /// Starts to read records whose room is given back together, none of them beyond the tail that was seen.
    #[inline(always)]
    pub(crate) fn batch(&mut self) -> ReadBatch<'_, P> {
        let position = self.head.position();
        let Self { head, gate, last, map, .. } = self;
        ReadBatch { head, gate, last, area: map.area(), map, position }
    }

    /// Bytes of records that are there now, at least.
    pub(crate) fn ready(&self) -> u64 {
        self.head.ready(&self.side.layout, self.map.theirs()).unwrap_or(0)
    }
}

macro_rules! waited {
    ([$($generics:tt)*], $consumer:ty) => {
        #[allow(private_interfaces, reason = "nobody can name this trait")]
        impl<$($generics)*> Waited for $consumer {
            fn is_ready(&self) -> bool {
                self.inner.head.has_changed(self.inner.map.theirs())
            }

            fn stays_away(&mut self) -> bool {
                self.inner.stays_away()
            }

            fn sleeper(&self, _long: bool) -> Sleeper<'_> {
                let Receiver { map, .. } = &self.inner;
                Sleeper::until(self.inner.first(), false, map.mine(), map.theirs())
            }

            fn mine(&self) -> &SidePage {
                self.inner.map.mine()
            }

            fn theirs(&self) -> Foreign<'_, SidePage> {
                self.inner.map.theirs()
            }

            fn side(&self) -> &Side {
                self.inner.side.endings.has_read(self.inner.head.position());
                &self.inner.side
            }
        }
    };
}

waited!([T: Item], Consumer<T>);
waited!([], MessageConsumer);
waited!([], UntypedConsumer);

impl<P: ?Sized> Drop for Receiver<P> {
    fn drop(&mut self) {
        self.side.close(self.map.mine());
    }
}

/// Records that are being read. Their room is given back together when this goes, be it by a panic of the code that
/// looks at them.
pub(crate) struct ReadBatch<'a, P: Payload + ?Sized> {
    head: &'a mut Head,
    gate: &'a mut Gate,
    last: &'a mut u64,
    map: &'a RecordMap<P>,
    area: Area<'a, P>,
    /// Of the next record.
    position: u64,
}

impl<'a, P: Payload + ?Sized> ReadBatch<'a, P> {
    /// The position of the next record, and how far records are there.
    #[inline(always)]
    pub(crate) fn rest(&self) -> (u64, u64) {
        (self.position, self.head.tail())
    }

    /// Steps over a record of `stride` bytes.
    #[inline(always)]
    pub(crate) fn pass(&mut self, stride: u64) {
        if P::MESSAGES {
            *self.last = stride;
        }
        self.position += stride;
    }

    /// What stands at the next position is no record.
    #[cold]
    pub(crate) fn poison(&mut self) {
        // What was read before counts.
        self.settle();
        self.head.poison();
    }

    /// Where payloads are read.
    #[inline(always)]
    pub(crate) fn area(&self) -> Area<'a, P> {
        self.area
    }

    #[inline(always)]
    fn settle(&mut self) {
        let Self { head, gate, map, position, .. } = self;
        if *position != head.position() {
            head.release_below(map.mine(), *position);
            gate.moved(*position, map.mine(), map.theirs());
            head.advance_to(*position);
        }
    }
}

impl<P: Payload + ?Sized> Drop for ReadBatch<'_, P> {
    #[inline]
    fn drop(&mut self) {
        self.settle();
    }
}
