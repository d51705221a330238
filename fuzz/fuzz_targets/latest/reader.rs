//! A reader, and what each of its calls must answer.
//!
//! Owns: the answer that LAYOUT.md calls for by what the loads found, whoever wrote that; and, as long as nobody wrote what
//! he should not, the answer by what was written. Knows nothing of: how anything is written.

use std::cell::RefCell;
use std::fmt::Debug;
use std::rc::Rc;
use std::time::Duration;

use shm_ring::steps::Word;
use shm_ring::{Item, Latest, LatestReader, Peer, ReadError};
use shm_ring_outsider::{POSITION_END, Word as Named};

use crate::machine::{self, Load, Meanwhile};
use crate::others::Others;

/// How often a read copies at most.
const ATTEMPTS: usize = 64;
/// The longest that a reader sleeps.
const NAP: u64 = 1_000_000;
/// More steps than a wait takes besides copying: the longest time-out in steps of the clock.
pub(crate) const WAIT_STEPS: usize = 60_000;

pub(crate) struct Reader<T: Item> {
    pub(crate) reader: LatestReader<T>,
    pub(crate) others: Rc<RefCell<Others<T>>>,
    /// Where it finds how many versions there are.
    published: Word,
    pub(crate) slots: u64,
    pub(crate) version: u64,
    /// It wants none up to this one next.
    pub(crate) passed: u64,
    pub(crate) corrupt: bool,
}

/// What was true when a call began.
pub(crate) struct Before {
    pub(crate) published: u64,
    pub(crate) acts: u64,
    pub(crate) peer: Peer,
}

impl<T: Item + Copy + Debug> Reader<T> {
    pub(crate) fn new(latest: &Latest<T>, others: Rc<RefCell<Others<T>>>) -> Self {
        let (reader, call) = machine::call(&[], 10, || latest.reader().unwrap());
        let [Load { word: published, value }] = call.loads[..] else { panic!("not one load") };
        assert_eq!(value, others.borrow().word(Named::Position));
        assert_eq!(reader.version(), 0);
        let slots = others.borrow().slots();
        Self {
            reader,
            others,
            published,
            slots,
            version: 0,
            passed: value.min(POSITION_END),
            corrupt: false,
        }
    }

    pub(crate) fn read(&mut self, into: bool, meanwhile: &[Meanwhile]) {
        let (before, untouched) = self.begin();
        let mut place = untouched;
        let limit = ATTEMPTS * (2 + Self::words()) + 1;
        let Self { reader, .. } = self;
        let (answer, call) = machine::call(meanwhile, limit, || match into {
            true => reader.read_into(&mut place),
            false => reader.read().map(|value| place = value),
        });
        let (called_for, copy) = self.called_for(&call.loads);
        assert_eq!(answer, called_for, "another answer than the loads call for");
        match answer {
            Ok(()) => assert!(place.as_bytes() == copy, "another copy than the last"),
            Err(error) => {
                let touched = into && matches!(error, ReadError::Overrun | ReadError::Corrupt);
                let zeros = touched && place.as_bytes().iter().all(|&byte| byte == 0);
                let same = place.as_bytes() == untouched.as_bytes();
                assert!(zeros || same, "something was left in the place");
            }
        }
        self.judge(&before, answer, place);
    }

    pub(crate) fn read_newer(&mut self, micros: u16, meanwhile: &[Meanwhile]) {
        let timeout = Duration::from_micros(micros.into());
        let (before, untouched) = self.begin();
        let mut place = untouched;
        let limit = ATTEMPTS * (2 + Self::words()) + WAIT_STEPS;
        let Self { reader, .. } = self;
        let (answer, call) = machine::call(meanwhile, limit, || {
            reader.read_newer_timeout(timeout).map(|value| place = value)
        });
        let last = self.version;
        match answer {
            Ok(()) => {
                assert!(!self.corrupt, "corruption is final");
                assert!(self.reader.version() > last, "read before");
                self.check_last_copy(&call.loads, place);
            }
            Err(ReadError::Corrupt) => {
                assert!(
                    self.corrupt || self.goes_back(&call.loads, last, u64::MAX),
                    "nothing corrupt was found"
                );
                self.corrupt = true;
            }
            Err(ReadError::TimedOut) => {
                assert!(u128::from(call.took) >= timeout.as_nanos(), "timed out too early");
            }
            Err(_) => {}
        }
        assert!(!self.corrupt || answer == Err(ReadError::Corrupt), "corruption is final");
        self.judge_wait(&before, answer);
        self.judge(&before, answer, place);
        self.check_promptness();
    }

    pub(crate) fn has_newer(&mut self, meanwhile: &[Meanwhile]) {
        let (before, _) = self.begin();
        let (answer, call) = machine::call(meanwhile, 2, || self.reader.has_newer());
        let [Load { word, value }] = call.loads[..] else { panic!("not one load") };
        assert_eq!(word, self.published);
        match value >= POSITION_END || value < self.version || self.corrupt {
            true => {
                assert_eq!(answer, Err(ReadError::Corrupt), "another answer than it calls for");
                self.corrupt = true;
                assert!(!self.others.borrow().clean, "corrupt, and nobody wrote anything");
            }
            false => {
                assert_eq!(answer, Ok(value > self.version), "another answer than it calls for")
            }
        }
        if before.acts == self.others.borrow().acts {
            assert_eq!(value, before.published);
        }
    }

    pub(crate) fn ask(&mut self, meanwhile: &[Meanwhile]) {
        let (before, _) = self.begin();
        let (peer, _) = machine::call(meanwhile, WAIT_STEPS, || self.reader.writer());
        if before.acts == self.others.borrow().acts {
            assert_eq!(peer, before.peer);
        }
        let said = format!("{:?}", self.reader);
        assert!(said.contains(&format!("version: {}", self.version)), "{said}");
    }

    pub(crate) fn words() -> usize {
        size_of::<T>().div_ceil(8)
    }

    fn begin(&mut self) -> (Before, T) {
        self.begin_after(self.version)
    }

    /// A call that looks for a version after `last`.
    pub(crate) fn begin_after(&mut self, last: u64) -> (Before, T) {
        let mut others = self.others.borrow_mut();
        others.begin(last);
        let published = others.word(Named::Position);
        (Before { published, acts: others.acts, peer: others.peer() }, others.next_value())
    }

    pub(crate) fn looks<'a>(&self, loads: &'a [Load]) -> impl Iterator<Item = &'a Load> {
        let published = self.published;
        loads.iter().filter(move |load| load.word == published)
    }

    /// Whether a wait for a version after `last` found a count that cannot be: none may go once it was seen, and up to
    /// `most` the call remembers what it saw.
    pub(crate) fn goes_back(&self, loads: &[Load], last: u64, most: u64) -> bool {
        let mut least = last;
        self.looks(loads).any(|load| {
            let bad = load.value < least || load.value >= POSITION_END;
            least = least.max(load.value.min(most));
            bad
        })
    }

    /// The answer of a read that found `loads`, and the last copy that it made.
    fn called_for(&mut self, loads: &[Load]) -> (Result<(), ReadError>, Vec<u8>) {
        let mut loads = loads;
        let mut least = self.version;
        for _ in 0..ATTEMPTS {
            let version = self.look(&mut loads);
            if self.corrupt || version < least || version >= POSITION_END {
                self.corrupt = true;
                assert!(loads.is_empty(), "reads on behind what is corrupt");
                return (Err(ReadError::Corrupt), Vec::new());
            }
            if version == 0 {
                assert!(loads.is_empty(), "reads where nothing is");
                return (Err(ReadError::Empty), Vec::new());
            }
            least = version;
            let (copied, rest) = loads.split_at(Self::words());
            self.check_copied(copied);
            loads = rest;
            if self.look(&mut loads).wrapping_sub(version) <= self.slots - 2 {
                assert!(loads.is_empty(), "reads on behind a whole copy");
                assert_eq!(self.reader.version(), version);
                return (Ok(()), bytes_of::<T>(copied));
            }
        }
        assert!(loads.is_empty(), "one attempt too many");
        (Err(ReadError::Overrun), Vec::new())
    }

    pub(crate) fn look(&self, loads: &mut &[Load]) -> u64 {
        let (first, rest) = loads.split_first().expect("a look at how many versions there are");
        assert_eq!(first.word, self.published, "something else than how many versions there are");
        *loads = rest;
        first.value
    }

    pub(crate) fn check_copied(&self, copied: &[Load]) {
        assert!(copied.iter().all(|load| load.word != self.published), "no whole copy");
    }

    /// Reading `place` ended `loads`.
    fn check_last_copy(&self, loads: &[Load], place: T) {
        let (copied, last) = loads.split_at(loads.len() - 1);
        let (looked, copied) = copied.split_at(copied.len() - Self::words());
        let version = looked.last().expect("a look before the copy");
        assert_eq!((version.word, last[0].word), (self.published, self.published));
        assert_eq!(version.value, self.reader.version());
        assert!(last[0].value.wrapping_sub(version.value) <= self.slots - 2, "overwritten");
        assert!(place.as_bytes() == bytes_of::<T>(copied), "another copy than the last");
    }

    /// What must be true of any read.
    fn judge(&mut self, before: &Before, answer: Result<(), ReadError>, place: T) {
        let others = self.others.borrow();
        let last = self.version;
        let version = self.reader.version();
        let alone = before.acts == others.acts;
        match answer {
            Ok(()) => {
                assert!(version > 0 && version >= last && version < POSITION_END, "{version}");
                self.version = version;
                if alone {
                    assert_eq!(version, before.published);
                    let slot = others.slot(version);
                    assert!(place.as_bytes() == &slot[..size_of::<T>()], "not what is there");
                }
            }
            Err(_) => assert_eq!(version, last, "nothing was read, and it counts"),
        }
        if !others.clean {
            return;
        }
        let came = others.published - before.published;
        match answer {
            Ok(()) => {
                assert!(version >= before.published && version <= others.published);
                assert!(place.as_bytes() == others.bytes_of(version), "torn");
            }
            Err(ReadError::Empty) => assert_eq!(before.published, 0, "empty, with a value"),
            Err(ReadError::Overrun) => {
                let least = ATTEMPTS as u64 * (self.slots - 1);
                assert!(came >= least, "overrun by {came} versions");
            }
            Err(ReadError::Corrupt) => panic!("corrupt, and nobody wrote anything"),
            Err(ReadError::TimedOut) => assert!(before.published <= last, "there was a newer one"),
            Err(_) => {
                let told_in_time = others.ended_at.is_some_and(|published| published <= last);
                assert!(told_in_time, "told of the end before the last value");
            }
        }
    }

    /// Why a wait ended in vain, where that is known exactly.
    fn judge_wait(&self, before: &Before, answer: Result<(), ReadError>) {
        let others = self.others.borrow();
        if before.acts != others.acts || self.corrupt || before.published >= POSITION_END {
            return;
        }
        let ended = match before.peer {
            _ if before.published > self.version => return assert_eq!(answer, Ok(())),
            Peer::Closed { .. } => ReadError::Closed,
            Peer::Dead { .. } => ReadError::WriterDead,
            _ => ReadError::TimedOut,
        };
        assert_eq!(answer, Err(ended));
    }

    /// Who waits finds what is newer within a nap, and at once when it is rung for.
    pub(crate) fn check_promptness(&self) {
        let others = self.others.borrow();
        if !others.clean {
            return;
        }
        let slept = machine::slept();
        assert!(others.news.is_none_or(|news| slept - news <= NAP), "slept on something newer");
        assert!(others.rung.is_none_or(|rung| slept == rung), "a wake-up was lost");
    }
}

/// The value in the words that were loaded.
pub(crate) fn bytes_of<T>(copied: &[Load]) -> Vec<u8> {
    let mut bytes: Vec<u8> = copied.iter().flat_map(|load| load.value.to_le_bytes()).collect();
    bytes.truncate(size_of::<T>());
    bytes
}
