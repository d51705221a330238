//! The two ends of a ring that is written into, whatever it carries.
//!
//! Owns: attaching, settings, questions. Knows nothing of: records.

use std::cell::RefCell;
use std::time::Duration;

use shm_ring::{
    Consumer, Error, Options, Peer, PopError, PushError, Region, Threshold, Wait, WaitAnyError,
    wait_any,
};
use shm_ring_fuzz::choice::{NO_TIME, Side, Start};
use shm_ring_fuzz::kind::{End, Kind, Reads};
use shm_ring_fuzz::memory::memory;
use shm_ring_outsider::{
    Header, NO_FRONT, POSITION, POSITION_END, Region as _, Writable, consumer, producer, start_at,
    unpack,
};

use crate::Call;
use crate::truth::Truth;

/// The longest input that is looked at.
pub(crate) const CALLS: usize = 40;

pub(crate) struct Ends<K: Kind> {
    pub(crate) tx: Option<K::Tx>,
    pub(crate) rx: Option<K::Rx>,
    ring: K::Ring,
    pub(crate) truth: Truth,
    pub(crate) made: u64,
}

thread_local! {
    /// A ring in which nothing ever happens, to be waited for beside the other.
    static QUIET: RefCell<Consumer<u64>> = {
        let options = Options::new().bytes(4096).wait(Wait::PARK).death_notice(false).attach_timeout(Duration::ZERO);
        RefCell::new(Consumer::create(Region::memfd("quiet"), &options).unwrap())
    };
}

impl<K: Kind> Ends<K> {
    pub(crate) fn new(header: Header, start: Start) -> Self {
        let memory = memory();
        memory.create(&header);
        start_at(memory, &header, start.position(header.unit()));
        let align = header.item_align as usize;
        let options = Options::new()
            .align(align)
            .death_notice(false)
            .attach_timeout(Duration::ZERO)
            .wait(Wait::PARK);
        let ring = K::open(memory.region(), &options).unwrap_or_else(|error| panic!("{error}"));
        let truth = Truth::new(header, memory);
        let mut ends = Self { tx: None, rx: None, ring, truth, made: 0 };
        ends.attach(Side::Producer);
        ends.attach(Side::Consumer);
        ends
    }

    /// Makes a call that means the same for all kinds.
    pub(crate) fn call(&mut self, call: &Call) {
        match *call {
            Call::Attach(side) => self.attach(side),
            Call::Close(side) => self.close(side),
            Call::Again(side, ref scribble) => {
                self.close(side);
                scribble.write(self.truth.memory, &self.truth.header);
                self.attach(side);
            }
            Call::NearTheEnd(records) => self.near_the_end(records.into()),
            Call::Wait(Side::Producer, policy) => {
                if let Some(tx) = &mut self.tx {
                    tx.set_wait(policy.wait());
                }
            }
            Call::Wait(Side::Consumer, policy) => {
                if let Some(rx) = &mut self.rx {
                    rx.set_wait(policy.wait());
                }
            }
            Call::Threshold(bytes) => {
                let threshold = bytes.map(|bytes| Threshold::bytes(bytes.into(), Duration::ZERO));
                if let Some(rx) = &mut self.rx {
                    rx.set_threshold(threshold);
                    self.truth.threshold = threshold.is_some();
                }
            }
            Call::Ask { any } => self.ask(any),
            Call::Scribble(ref scribble) => scribble.write(self.truth.memory, &self.truth.header),
            _ => {}
        }
    }

    fn close(&mut self, side: Side) {
        match side {
            Side::Producer => self.tx = None,
            Side::Consumer => self.rx = None,
        }
    }

    fn attach(&mut self, side: Side) {
        let Self { ring, tx, rx, truth, .. } = self;
        match side {
            Side::Producer => {
                let (taken, tail) = (tx.is_some(), truth.producer());
                match (K::producer(ring), tail) {
                    (Err(Error::RoleTaken { .. }), _) if taken => {}
                    (Err(Error::Corrupt { .. }), None) if !taken => {}
                    (Ok(attached), Some(tail)) if !taken => {
                        let word = truth.memory.word(producer() + POSITION);
                        assert_eq!(unpack(word).0, tail.position);
                        (*tx, truth.tail) = (Some(attached), tail);
                    }
                    (answer, _) => panic!("{answer:?}"),
                }
            }
            Side::Consumer => {
                let (taken, head) = (rx.is_some(), truth.consumer());
                match (K::consumer(ring), head) {
                    (Err(Error::RoleTaken { .. }), _) if taken => {}
                    (Err(Error::Corrupt { .. }), None) if !taken => {}
                    (Ok(attached), Some(head)) if !taken => {
                        (*rx, truth.head) = (Some(attached), head);
                        truth.threshold = false;
                    }
                    (answer, _) => panic!("{answer:?}"),
                }
            }
        }
    }

    /// An end that said corrupt says it again, whatever the region holds by now: here that all is well and the ring empty.
    pub(crate) fn check_final(
        &mut self,
        push: impl Fn(&mut K::Tx) -> Result<(), PushError>,
        pop: impl Fn(&mut K::Rx) -> Result<(), PopError>,
    ) {
        let Self { tx, rx, truth, .. } = self;
        let while_it_says = |at: u64, word: u64, check: &mut dyn FnMut()| {
            let stood = truth.memory.word(at);
            truth.memory.set(at, word);
            check();
            truth.memory.set(at, stood);
        };
        if let (Some(tx), true) = (tx, truth.tail.corrupt) {
            while_it_says(consumer() + POSITION, truth.tail.position, &mut || {
                assert_eq!(push(tx), Err(PushError::Corrupt));
            });
        }
        if let (Some(rx), true) = (rx, truth.head.corrupt) {
            while_it_says(producer() + POSITION, truth.head.position | NO_FRONT, &mut || {
                assert_eq!(pop(rx), Err(PopError::Corrupt));
            });
        }
    }

    fn near_the_end(&mut self, records: u64) {
        (self.tx, self.rx) = (None, None);
        let unit = self.truth.header.unit();
        let position = ((POSITION_END - 1) / unit - records % 64) * unit;
        start_at(self.truth.memory, &self.truth.header, position);
        self.attach(Side::Producer);
        self.attach(Side::Consumer);
    }

    /// By [`wait_any`] too, which sleeps if there is nothing, if `any`.
    fn ask(&mut self, any: bool) {
        if let Some(tx) = &mut self.tx {
            let _ = tx.peer();
            assert!(format!("{tx:?}").contains("session"));
        }
        let Some(rx) = &mut self.rx else { return };
        let _ = rx.peer();
        assert!(format!("{rx:?}").contains("session"));
        let gone = !matches!(rx.peer(), Peer::Alive { .. } | Peer::Attaching | Peer::Absent);
        // A look that finds corruption here is not final: only a call that says so is.
        let head = self.truth.head;
        let something = self.truth.look(true) != Err(PopError::Empty);
        self.truth.head = head;
        if !any && !something {
            return;
        }
        let any = QUIET.with_borrow_mut(|quiet| wait_any(&mut [quiet, rx], Some(NO_TIME)));
        match any {
            Ok(index) => assert!(index == 1 && (gone || something)),
            Err(WaitAnyError::TimedOut) => assert!(!something),
            Err(error) => panic!("{error}"),
        }
    }
}
