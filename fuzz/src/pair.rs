//! The two ends of a ring in one process.
//!
//! Owns: attaching, leaving, dying, and what each end must know of the other at any time.
//! Knows nothing of: what records hold.

use std::cell::Cell;
use std::time::Duration;

use arbitrary::Arbitrary;
use shm_ring::{
    Error, Options, Peer, PopError, PushError, Threshold, Wait, WaitAnyError, wait_any,
};
use shm_ring_outsider::{Ends, Header, Region, Writable, page};

use crate::choice::{How, NO_TIME, Policy, Side, Start, rarely};
use crate::kind::{End as _, Kind, Reads};
use crate::memory::{Memory, memory};
use crate::model::Model;

/// What happens to an end and not to a record.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Change {
    Attach(Side),
    Close(Side),
    /// A process is killed: its page keeps what it says, and its lease is free.
    Kill(Side),
    Wait(Side, Policy),
    Threshold {
        bytes: Option<u16>,
        within_micros: u8,
    },
    /// Each end about the other, by a system call or two; and by [`wait_any`], which sleeps, if `any`.
    Ask {
        #[arbitrary(with = rarely)]
        any: bool,
    },
}

/// Why a call that waits ends without what it waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    TimedOut,
    Closed,
    PeerDead,
}

pub struct Pair<K: Kind> {
    // Before the ring, as every user drops them.
    pub tx: Option<K::Tx>,
    pub rx: Option<K::Rx>,
    ring: K::Ring,
    pub memory: &'static Memory,
    header: Header,
    /// Of this process, so that not every question is a system call.
    pid: u32,
    /// What each side's session word must be, and how the side waits.
    sessions: [u64; 2],
    waits: [Wait; 2],
    /// What each side that is attached knows about the ends of the other.
    ends: [Cell<Option<Ends>>; 2],
}

impl<K: Kind> Pair<K> {
    /// Both ends of a ring with `header`, which the outsider makes, and what it holds.
    pub fn new(header: &Header, start: Start) -> (Self, Model) {
        let memory = memory();
        let model = Model::new(memory, header, start.position(header.unit()));
        let align = header.item_align as usize;
        let options = Options::new()
            .align(align)
            .death_notice(false)
            .attach_timeout(Duration::ZERO)
            .wait(Wait::PARK);
        let ring = K::open(memory.region(), &options).unwrap_or_else(|error| panic!("{error}"));
        let (pid, sessions, waits) = (std::process::id(), [0; 2], [Wait::PARK; 2]);
        let (header, ends) = (*header, [Cell::new(None), Cell::new(None)]);
        let mut pair =
            Self { tx: None, rx: None, ring, memory, header, pid, sessions, waits, ends };
        pair.attach(Side::Producer);
        pair.attach(Side::Consumer);
        (pair, model)
    }

    pub fn change(&mut self, change: Change, model: &Model) {
        match change {
            Change::Attach(side) => self.attach(side),
            Change::Close(side) => self.close(side),
            Change::Kill(side) => self.kill(side),
            Change::Wait(side, policy) => {
                let wait = policy.wait();
                match side {
                    Side::Producer => self.tx.as_mut().map(|tx| tx.set_wait(wait)),
                    Side::Consumer => self.rx.as_mut().map(|rx| rx.set_wait(wait)),
                };
                self.waits[side as usize] = wait;
            }
            Change::Threshold { bytes, within_micros } => {
                let within = Duration::from_micros(within_micros.into());
                let threshold = bytes.map(|bytes| Threshold::bytes(bytes.into(), within));
                if let Some(rx) = &mut self.rx {
                    rx.set_threshold(threshold);
                }
            }
            Change::Ask { any } => {
                self.check_peers();
                if any || !model.is_empty() {
                    self.check_any(model);
                }
            }
        }
    }

    fn is_attached(&self, side: Side) -> bool {
        match side {
            Side::Producer => self.tx.is_some(),
            Side::Consumer => self.rx.is_some(),
        }
    }

    fn attach(&mut self, side: Side) {
        let attached = match side {
            Side::Producer => {
                K::producer(&self.ring).map(|tx| (tx.session(), self.tx = Some(tx)).0)
            }
            Side::Consumer => {
                K::consumer(&self.ring).map(|rx| (rx.session(), self.rx = Some(rx)).0)
            }
        };
        match attached {
            Ok(session) => {
                assert_eq!(session, (self.sessions[side as usize] + 1) | 1);
                self.sessions[side as usize] = session;
                self.waits[side as usize] = Wait::PARK;
                let held = self.is_attached(side.other());
                let ends = Ends::attach(self.memory, &self.header, side.into(), false, held);
                self.ends[side as usize].set(Some(ends));
            }
            Err(Error::RoleTaken { pid, .. }) if self.is_attached(side) => {
                assert_eq!(pid, Some(self.pid));
            }
            Err(error) => panic!("{error}"),
        }
    }

    fn close(&mut self, side: Side) {
        let was_there = match side {
            Side::Producer => self.tx.take().map(K::Tx::close).is_some(),
            Side::Consumer => self.rx.take().map(K::Rx::close).is_some(),
        };
        self.sessions[side as usize] += u64::from(was_there);
    }

    fn kill(&mut self, side: Side) {
        let at = shm_ring_outsider::Side::from(side).page(page());
        let left = self.memory.read(at, page() as usize);
        match side {
            Side::Producer => self.tx = None,
            Side::Consumer => self.rx = None,
        }
        // What it stored when it was dropped never happened.
        self.memory.write(at, &left);
    }

    fn peer_of(&self, side: Side) -> Peer {
        let other = side.other();
        let (session, pid) = (self.sessions[other as usize], Some(self.pid));
        match (session, session % 2 == 1, self.is_attached(other)) {
            (0, ..) => Peer::Absent,
            (_, false, _) => Peer::Closed { session },
            (_, true, true) => Peer::Alive { session, pid },
            (_, true, false) => Peer::Dead { session, pid, released: true },
        }
    }

    fn check_peers(&self) {
        if let Some(tx) = &self.tx {
            assert_eq!(tx.peer(), self.peer_of(Side::Producer));
            assert!(format!("{tx:?}").contains("peer"));
        }
        if let Some(rx) = &self.rx {
            assert_eq!(rx.peer(), self.peer_of(Side::Consumer));
            assert!(format!("{rx:?}").contains("peer"));
        }
    }

    /// Asks [`wait_any`] about the consumer.
    fn check_any(&mut self, model: &Model) {
        let gone = self.end_for(Side::Consumer) != End::TimedOut;
        let parks = self.waits[Side::Consumer as usize].park;
        let Some(rx) = &mut self.rx else { return };
        match wait_any(&mut [rx], Some(NO_TIME)) {
            Ok(index) => assert!(index == 0 && (gone || !model.is_empty())),
            Err(WaitAnyError::TimedOut) => assert!(model.is_empty() && !(gone && parks)),
            Err(error) => panic!("{error}"),
        }
    }

    /// How a wait of `side` in vain ends.
    fn end_for(&self, side: Side) -> End {
        match self.due(side) {
            None => End::TimedOut,
            Some(end) if end.dead => End::PeerDead,
            Some(_) => End::Closed,
        }
    }

    fn due(&self, side: Side) -> Option<shm_ring_outsider::End> {
        let held = self.is_attached(side.other());
        self.ends[side as usize].get()?.due(self.memory, &self.header, held)
    }

    /// `side` has reported the end that was due.
    fn tell(&self, side: Side) {
        let (ends, due) = (&self.ends[side as usize], self.due(side));
        ends.set(ends.get().map(|mut ends| {
            ends.tell(due.expect("an end that is due"));
            ends
        }));
    }

    /// `how`, or what does not wait where `how` would: `given` says that it gets what it wants.
    pub fn prompt(&self, side: Side, how: How, given: bool) -> How {
        let told = self.end_for(side) != End::TimedOut && self.waits[side as usize].park;
        match how {
            How::Wait if !given && !told => How::Try,
            how => how,
        }
    }

    /// `end` is why a call of `side` did not get what it wanted. A side that does not park may find the time over before
    /// it asks about the other side.
    fn check_end(&self, side: Side, how: How, end: End) {
        let (due, parks) = (self.end_for(side), self.waits[side as usize].park);
        let is_end = end == due || how == How::AtOnce && !parks && end == End::TimedOut;
        assert!(is_end, "{how:?} of {side:?} ended as {end:?}, and {due:?} was due");
        if end != End::TimedOut {
            self.tell(side);
        }
    }

    /// A byte stream of `side`, which has used up all that it is given, ended in order or with an error.
    pub fn check_stream_ended(&self, side: Side, in_order: bool) {
        let end = match (side, in_order, self.end_for(side)) {
            // A writer fails at either.
            (Side::Producer, false, end @ (End::Closed | End::PeerDead)) => end,
            (Side::Consumer, true, _) => End::Closed,
            _ => End::PeerDead,
        };
        self.check_end(side, How::Wait, end);
    }

    /// Which ends its consumer reports: those of all streams, or those that concern it.
    pub fn set_of_streams(&self, of_streams: bool) {
        let ends = &self.ends[Side::Consumer as usize];
        ends.set(ends.get().map(|mut ends| {
            ends.set_of_streams(of_streams);
            ends
        }));
    }

    /// Whether the consumer reports an end once it has read up to `head`.
    pub fn ends_at(&self, head: u64) -> bool {
        let (side, held) = (Side::Consumer, self.is_attached(Side::Producer));
        let ends = self.ends[side as usize].get();
        let due = ends.and_then(|ends| ends.due_at(self.memory, &self.header, held, head));
        due.is_some() && self.waits[side as usize].park
    }

    /// Where the consumer's stream ends, if another one follows.
    pub fn stream_end(&self) -> Option<u64> {
        let ends = self.ends[Side::Consumer as usize].get()?;
        ends.stream_end(self.memory, &self.header)
    }

    pub fn check_not_pushed(&self, how: How, error: PushError) {
        let end = match error {
            PushError::Full if how == How::Try => return,
            PushError::TimedOut if how != How::Try => End::TimedOut,
            PushError::Closed if how != How::Try => End::Closed,
            PushError::PeerDead if how != How::Try => End::PeerDead,
            error => panic!("{how:?}: {error:?}"),
        };
        self.check_end(Side::Producer, how, end);
    }

    pub fn check_not_popped(&self, how: How, error: PopError) {
        let end = match error {
            PopError::Empty if how == How::Try => return,
            PopError::TimedOut if how != How::Try => End::TimedOut,
            PopError::Closed if how != How::Try => End::Closed,
            PopError::PeerDead if how != How::Try => End::PeerDead,
            error => panic!("{how:?}: {error:?}"),
        };
        self.check_end(Side::Consumer, how, end);
    }
}
