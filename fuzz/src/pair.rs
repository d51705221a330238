//! The two ends of a ring in one process: attaching, leaving, dying, and what each end must know of the
//! other at any time. It must not know what records hold.

use std::time::Duration;

use arbitrary::Arbitrary;
use shm_ring::{
    Consumer, Error, Options, Payload, Peer, PopError, Producer, PushError, Region, Ring,
    Threshold, Wait, WaitAnyError, wait_any,
};

use crate::bytes::{Bytes, CONSUMER, PAGE, PRODUCER};
use crate::choice::{How, NO_TIME, Policy, Side, Start};
use crate::model::Model;

/// What happens to an end and not to a record.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Change {
    Attach(Side),
    Close(Side),
    /// Both processes are killed at once.
    Kill,
    Wait(Side, Policy),
    Threshold {
        bytes: Option<u16>,
        within_micros: u8,
    },
}

/// Why a call that waits ends without what it waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    TimedOut,
    Closed,
    PeerDead,
}

pub struct Pair<P: Payload + ?Sized> {
    ring: Ring<P>,
    pub tx: Option<Producer<P>>,
    pub rx: Option<Consumer<P>>,
    pub bytes: Bytes,
    /// What each side's session word must be, and how the side waits.
    sessions: [u64; 2],
    waits: [Wait; 2],
}

impl<P: Payload + ?Sized> Pair<P> {
    /// Both ends of a new ring of one page, and what it holds.
    pub fn new(item_align: usize, start: Start) -> (Self, Model) {
        let options = Options::new().bytes(PAGE).wait(Wait::PARK);
        let ring = Ring::<P>::create(Region::memfd("fuzz"), options).unwrap();
        let start = start.position(item_align);
        let bytes = Bytes::of(&ring);
        bytes.set(PRODUCER, start);
        bytes.set(CONSUMER, start);
        let model = Model::new(ring.capacity_bytes(), item_align, start);
        let (sessions, waits) = ([0; 2], [Wait::PARK; 2]);
        let mut pair = Self { ring, tx: None, rx: None, bytes, sessions, waits };
        pair.attach(Side::Producer);
        pair.attach(Side::Consumer);
        (pair, model)
    }

    pub fn change(&mut self, change: Change, model: &Model) {
        match change {
            Change::Attach(side) => self.attach(side),
            Change::Close(side) => self.close(side),
            Change::Kill => self.kill(),
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
        }
        self.check_peers();
        self.check_any(model);
    }

    fn is_attached(&self, side: Side) -> bool {
        match side {
            Side::Producer => self.tx.is_some(),
            Side::Consumer => self.rx.is_some(),
        }
    }

    fn attach(&mut self, side: Side) {
        let attached = match side {
            Side::Producer => self.ring.producer().map(|tx| (tx.session(), self.tx = Some(tx)).0),
            Side::Consumer => self.ring.consumer().map(|rx| (rx.session(), self.rx = Some(rx)).0),
        };
        match attached {
            Ok(session) => {
                assert_eq!(session, (self.sessions[side as usize] + 1) | 1);
                self.sessions[side as usize] = session;
                self.waits[side as usize] = Wait::PARK;
            }
            Err(Error::RoleTaken { pid, .. }) if self.is_attached(side) => {
                assert_eq!(pid, std::process::id());
            }
            Err(error) => panic!("{error}"),
        }
    }

    fn close(&mut self, side: Side) {
        let was_there = match side {
            Side::Producer => self.tx.take().map(Producer::close).is_some(),
            Side::Consumer => self.rx.take().map(Consumer::close).is_some(),
        };
        self.sessions[side as usize] += u64::from(was_there);
    }

    fn kill(&mut self) {
        let bytes = self.bytes.copied();
        let options = Options::new().wait(Wait::PARK);
        let ring = Ring::open_with(Region::descriptor(bytes.sealed()), options).unwrap();
        (self.tx, self.rx) = (None, None);
        (self.ring, self.bytes) = (ring, bytes);
    }

    fn peer_of(&self, side: Side) -> Peer {
        let other = match side {
            Side::Producer => Side::Consumer,
            Side::Consumer => Side::Producer,
        };
        let (session, pid) = (self.sessions[other as usize], std::process::id());
        match (session, session % 2 == 1, self.is_attached(other)) {
            (0, ..) => Peer::Absent,
            (_, false, _) => Peer::Closed { session },
            (_, true, true) => Peer::Alive { session, pid },
            (_, true, false) => Peer::Dead { session, pid },
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
        match self.peer_of(side) {
            Peer::Closed { .. } => End::Closed,
            Peer::Dead { .. } => End::PeerDead,
            _ => End::TimedOut,
        }
    }

    /// `how`, or what does not wait where `how` would: `given` says that it gets what it wants.
    pub fn prompt(&self, side: Side, how: How, given: bool) -> How {
        let told = self.end_for(side) != End::TimedOut && self.waits[side as usize].park;
        match how {
            How::Wait if !given && !told => How::AtOnce,
            how => how,
        }
    }

    /// Whether `end` may be why a call of `side` did not get what it wanted. Who does not park may
    /// find the time over before it asks about the other side.
    fn is_end(&self, side: Side, how: How, end: End) -> bool {
        let parks = self.waits[side as usize].park;
        end == self.end_for(side) || how == How::AtOnce && !parks && end == End::TimedOut
    }

    pub fn check_not_pushed(&self, how: How, error: PushError) {
        let end = match error {
            PushError::Full if how == How::Try => return,
            PushError::TimedOut if how != How::Try => End::TimedOut,
            PushError::Closed if how != How::Try => End::Closed,
            PushError::PeerDead if how != How::Try => End::PeerDead,
            error => panic!("{how:?}: {error:?}"),
        };
        assert!(self.is_end(Side::Producer, how, end), "{how:?}: {error:?}");
    }

    pub fn check_not_popped(&self, how: How, error: PopError) {
        let end = match error {
            PopError::Empty if how == How::Try => return,
            PopError::TimedOut if how != How::Try => End::TimedOut,
            PopError::Closed if how != How::Try => End::Closed,
            PopError::PeerDead if how != How::Try => End::PeerDead,
            error => panic!("{how:?}: {error:?}"),
        };
        assert!(self.is_end(Side::Consumer, how, end), "{how:?}: {error:?}");
    }
}
