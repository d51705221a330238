//! The two ends of a ring that is written into, whatever it carries: attaching, settings, questions.

use std::cell::RefCell;
use std::time::Duration;

use shm_ring::{
    Consumer, Error, Options, Payload, Peer, PopError, Producer, PushError, Region, Ring,
    Threshold, Wait, WaitAnyError, wait_any,
};
use shm_ring_fuzz::bytes::{Bytes, CONSUMER, DATA, PAGE, POSITION_MAX, PRODUCER};
use shm_ring_fuzz::choice::{NO_TIME, Side, Start};

use crate::Call;
use crate::truth::Truth;

/// The longest input that is looked at.
pub(crate) const CALLS: usize = 100;

pub(crate) struct Ends<P: Payload + ?Sized> {
    ring: Ring<P>,
    pub(crate) tx: Option<Producer<P>>,
    pub(crate) rx: Option<Consumer<P>>,
    pub(crate) bytes: Bytes,
    pub(crate) truth: Truth,
    pub(crate) made: u64,
}

thread_local! {
    /// A ring in which nothing ever happens, to be waited for beside the other.
    static QUIET: RefCell<Consumer<u64>> = {
        let options = Options::new().bytes(PAGE).wait(Wait::PARK);
        RefCell::new(Consumer::create(Region::memfd("quiet"), options).unwrap())
    };
}

impl<P: Payload + ?Sized> Ends<P> {
    /// Payloads are `fixed` bytes long, or any number of `unit`s.
    pub(crate) fn new(start: Start, align: usize, unit: usize, fixed: Option<usize>) -> Self {
        let options = Options::new().bytes(PAGE).wait(Wait::PARK);
        let ring = Ring::<P>::create(Region::memfd("fuzz"), options).unwrap();
        let bytes = Bytes::of(&ring);
        bytes.set(PRODUCER, start.position(align));
        bytes.set(CONSUMER, start.position(align));
        let truth = Truth::new(ring.capacity_bytes(), align, unit, fixed);
        let mut ends = Self { ring, tx: None, rx: None, bytes, truth, made: 0 };
        ends.attach(Side::Producer);
        ends.attach(Side::Consumer);
        ends
    }

    /// Makes a call that means the same for all kinds.
    pub(crate) fn call(&mut self, call: &Call) {
        match *call {
            Call::Attach(side) => self.attach(side),
            Call::Close(Side::Producer) => self.tx = None,
            Call::Close(Side::Consumer) => self.rx = None,
            Call::Again(side, ref scribble) => {
                match side {
                    Side::Producer => self.tx = None,
                    Side::Consumer => self.rx = None,
                }
                scribble.write(&self.bytes, self.truth.capacity);
                self.attach(side);
            }
            Call::NearTheEnd(words) => self.near_the_end(words.into()),
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
                    self.truth.head.threshold = threshold.is_some();
                }
            }
            Call::Ask => self.ask(),
            Call::Scribble(ref scribble) => scribble.write(&self.bytes, self.truth.capacity),
            _ => {}
        }
    }

    fn attach(&mut self, side: Side) {
        let Self { ring, tx, rx, bytes, truth, .. } = self;
        match side {
            Side::Producer => {
                let (taken, tail) = (tx.is_some(), truth.producer(bytes));
                match (ring.producer(), tail) {
                    (Err(Error::RoleTaken { .. }), _) if taken => {}
                    (Err(Error::Corrupt { .. }), None) if !taken => {}
                    (Ok(attached), Some(tail)) if !taken => {
                        assert_eq!(bytes.word(PRODUCER), tail.position);
                        assert_eq!(bytes.word(DATA + tail.position % truth.capacity), 0);
                        (*tx, truth.tail) = (Some(attached), tail);
                    }
                    (answer, _) => panic!("{answer:?}"),
                }
            }
            Side::Consumer => {
                let (taken, head) = (rx.is_some(), truth.consumer(bytes));
                match (ring.consumer(), head) {
                    (Err(Error::RoleTaken { .. }), _) if taken => {}
                    (Err(Error::Corrupt { .. }), None) if !taken => {}
                    (Ok(attached), Some(head)) if !taken => {
                        (*rx, truth.head) = (Some(attached), head);
                    }
                    (answer, _) => panic!("{answer:?}"),
                }
            }
        }
    }

    /// Who was told of corruption is told again, whatever the region says by now: here that all is
    /// well and the ring empty.
    pub(crate) fn check_final(
        &mut self,
        push: impl Fn(&mut Producer<P>) -> Result<(), PushError>,
        pop: impl Fn(&mut Consumer<P>) -> Result<(), PopError>,
    ) {
        let Self { tx, rx, bytes, truth, .. } = self;
        let while_it_says = |at: u64, word: u64, check: &mut dyn FnMut()| {
            let stood = bytes.word(at);
            bytes.set(at, word);
            check();
            bytes.set(at, stood);
        };
        if let (Some(tx), true) = (tx, truth.tail.corrupt) {
            while_it_says(CONSUMER, truth.tail.position, &mut || {
                assert_eq!(push(tx), Err(PushError::Corrupt));
            });
        }
        if let (Some(rx), true) = (rx, truth.head.corrupt) {
            while_it_says(DATA + truth.head.position % truth.capacity, 0, &mut || {
                assert_eq!(pop(rx), Err(PopError::Corrupt));
            });
        }
    }

    fn near_the_end(&mut self, words: u64) {
        (self.tx, self.rx) = (None, None);
        let position = POSITION_MAX - words * 8;
        self.bytes.set(PRODUCER, position);
        self.bytes.set(CONSUMER, position);
        self.attach(Side::Producer);
        self.attach(Side::Consumer);
    }

    fn ask(&mut self) {
        if let Some(tx) = &mut self.tx {
            let _ = tx.peer();
            assert!(format!("{tx:?}").contains("session"));
        }
        let Some(rx) = &mut self.rx else { return };
        let _ = rx.peer();
        assert!(format!("{rx:?}").contains("session"));
        let gone = !matches!(rx.peer(), Peer::Alive { .. } | Peer::Absent);
        // A look that finds corruption here is not final: only a call that tells of it is.
        let corrupt = self.truth.head.corrupt;
        let stirs = !matches!(self.truth.look(&self.bytes), Err(PopError::Empty));
        self.truth.head.corrupt = corrupt;
        let any = QUIET.with_borrow_mut(|quiet| wait_any(&mut [quiet, rx], Some(NO_TIME)));
        match any {
            Ok(index) => assert!(index == 1 && (gone || stirs)),
            Err(WaitAnyError::TimedOut) => assert!(!stirs),
            Err(error) => panic!("{error}"),
        }
    }
}
