//! The two ends of a ring that is written into, whatever it carries: attaching, settings, questions.

use std::cell::RefCell;
use std::time::Duration;

use shm_ring::{
    Consumer, Error, Options, Payload, Peer, PopError, Producer, Region, Ring, Threshold, Wait,
    WaitAnyError, wait_any,
};
use shm_ring_fuzz::bytes::{Bytes, CONSUMER, PAGE, POSITION_MAX, PRODUCER};
use shm_ring_fuzz::choice::{NO_TIME, Side};

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
    pub(crate) fn new(align: usize, unit: usize, fixed: Option<usize>) -> Self {
        let options = Options::new().bytes(PAGE).wait(Wait::PARK);
        let ring = Ring::<P>::create(Region::memfd("fuzz"), options).unwrap();
        let bytes = Bytes::of(&ring);
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
        let (taken, attached) = match side {
            Side::Producer => {
                (self.tx.is_some(), self.ring.producer().map(|tx| self.tx = Some(tx)))
            }
            Side::Consumer => {
                (self.rx.is_some(), self.ring.consumer().map(|rx| self.rx = Some(rx)))
            }
        };
        match (attached, side) {
            (Ok(()), _) if taken => panic!("two in one role"),
            (Ok(()), Side::Producer) => self.truth.producer(&self.bytes),
            (Ok(()), Side::Consumer) => self.truth.consumer(&self.bytes),
            (Err(Error::RoleTaken { .. }), _) if taken => {}
            (Err(Error::Corrupt { .. }), _) if !taken => {}
            (Err(error), _) => panic!("{error}"),
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
