//! A reader that wants each version, and what each of its calls must answer.
//!
//! Owns: the answer that LAYOUT.md calls for by what the loads found, whoever wrote that; and, as long as nobody wrote what
//! he should not, the answer by what was written. Knows nothing of: how anything is written.

use std::fmt::Debug;
use std::time::Duration;

use shm_ring::{Item, NextError, Peer, ReadError};
use shm_ring_outsider::POSITION_END;

use crate::machine::{self, Load, Meanwhile};
use crate::reader::{Before, Reader, WAIT_STEPS, bytes_of};

impl<T: Item + Copy + Debug> Reader<T> {
    pub(crate) fn next(&mut self, into: bool, meanwhile: &[Meanwhile]) {
        let last = self.position();
        let (before, untouched) = self.begin_after(last);
        let mut place = untouched;
        let Self { reader, .. } = self;
        let (answer, call) = machine::call(meanwhile, 2 + Self::words() + 1, || match into {
            true => reader.try_next_into(&mut place),
            false => reader.try_next().map(|value| place = value),
        });
        let (called_for, copy) = self.next_called_for(last, &call.loads);
        assert_eq!(answer, called_for, "another answer than the loads call for");
        match answer {
            Ok(()) => assert!(place.as_bytes() == copy, "another copy than the last"),
            Err(error) => {
                let touched = into && error != NextError::Empty;
                let zeros = touched && place.as_bytes().iter().all(|&byte| byte == 0);
                let same = place.as_bytes() == untouched.as_bytes();
                assert!(zeros || same, "something was left in the place");
            }
        }
        if before.acts == self.others.borrow().acts {
            assert!(self.looks(&call.loads).all(|load| load.value == before.published));
        }
        self.judge_next(&before, last, answer, place);
    }

    pub(crate) fn next_timeout(&mut self, micros: u16, meanwhile: &[Meanwhile]) {
        let timeout = Duration::from_micros(micros.into());
        let last = self.position();
        let (before, untouched) = self.begin_after(last);
        let mut place = untouched;
        let Self { reader, .. } = self;
        let (answer, call) = machine::call(meanwhile, 2 + Self::words() + WAIT_STEPS, || {
            reader.next_timeout(timeout).map(|value| place = value)
        });
        match answer {
            Ok(()) | Err(NextError::Lagged(_)) => {
                assert!(!self.corrupt, "corruption is final");
                // The look that found it, the copy and the look behind that.
                let start = call.loads.len() - 2 - Self::words();
                let (called_for, copy) = self.next_called_for(last, &call.loads[start..]);
                assert_eq!(answer, called_for, "another answer than the loads call for");
                let same = answer.is_err() || place.as_bytes() == copy;
                assert!(same, "another copy than the last");
            }
            Err(NextError::Corrupt) => {
                assert!(
                    self.corrupt || self.goes_back(&call.loads, last, last + 1),
                    "nothing corrupt was found"
                );
                self.corrupt = true;
            }
            Err(NextError::TimedOut) => {
                assert!(u128::from(call.took) >= timeout.as_nanos(), "timed out too early");
            }
            Err(error) => assert_ne!(error, NextError::Empty, "it was to wait"),
        }
        assert!(!self.corrupt || answer == Err(NextError::Corrupt), "corruption is final");
        self.judge_wait_for_next(&before, last, answer);
        self.judge_next(&before, last, answer, place);
        self.check_promptness();
    }

    pub(crate) fn start_at_oldest(&mut self, meanwhile: &[Meanwhile]) {
        self.begin_after(self.version);
        let (answer, call) = machine::call(meanwhile, 2, || self.reader.start_at_oldest());
        let mut loads = &call.loads[..];
        let published = self.look(&mut loads);
        assert!(loads.is_empty(), "not one load");
        if self.corrupt || published < self.version || published >= POSITION_END {
            self.corrupt = true;
            return assert_eq!(answer, Err(ReadError::Corrupt), "another answer than it calls for");
        }
        assert_eq!(answer, Ok(()), "another answer than it calls for");
        self.passed = published.saturating_sub(self.slots - 1);
    }

    fn position(&self) -> u64 {
        self.version.max(self.passed)
    }

    /// The answer of a call that found `loads` where the version after `last` was wanted, and its copy.
    fn next_called_for(&mut self, last: u64, loads: &[Load]) -> (Result<(), NextError>, Vec<u8>) {
        let mut loads = loads;
        let published = self.look(&mut loads);
        if self.corrupt || published < last || published >= POSITION_END {
            assert!(loads.is_empty(), "reads on behind what is corrupt");
            return self.is_corrupt();
        }
        if published == last {
            assert!(loads.is_empty(), "reads where nothing is");
            return (Err(NextError::Empty), Vec::new());
        }
        let (copied, rest) = loads.split_at(Self::words());
        self.check_copied(copied);
        loads = rest;
        let now = self.look(&mut loads);
        assert!(loads.is_empty(), "one copy too many");
        let (next, spare) = (last + 1, self.slots - 2);
        if now < next || now >= POSITION_END {
            return self.is_corrupt();
        }
        if now - next <= spare {
            self.version = next;
            return (Ok(()), bytes_of::<T>(copied));
        }
        self.passed = now - spare / 2 - 1;
        (Err(NextError::Lagged(self.passed - last)), Vec::new())
    }

    fn is_corrupt(&mut self) -> (Result<(), NextError>, Vec<u8>) {
        self.corrupt = true;
        (Err(NextError::Corrupt), Vec::new())
    }

    /// What must be true of any call that wanted the version after `last`.
    fn judge_next(&self, before: &Before, last: u64, answer: Result<(), NextError>, place: T) {
        let others = self.others.borrow();
        assert_eq!(self.reader.version(), self.version, "another version than it is said to be");
        if !others.clean {
            return;
        }
        match answer {
            Ok(()) => {
                assert!(last < others.published, "a version that was never published");
                assert!(place.as_bytes() == others.bytes_of(last + 1), "torn");
            }
            Err(NextError::Lagged(lost)) => {
                assert!(others.published - last > self.slots - 1, "lost, and it is kept");
                assert!(lost > 0 && last + lost < others.published, "lost what comes");
            }
            Err(NextError::Corrupt) => panic!("corrupt, and nobody wrote anything"),
            Err(NextError::Empty | NextError::TimedOut) => {
                assert!(before.published <= last, "there was a newer one");
            }
            Err(_) => {
                let told_in_time = others.ended_at.is_some_and(|published| published <= last);
                assert!(told_in_time, "told of the end before the last value");
            }
        }
    }

    /// Why a wait ended in vain, where that is known exactly.
    fn judge_wait_for_next(&self, before: &Before, last: u64, answer: Result<(), NextError>) {
        let others = self.others.borrow();
        if before.acts != others.acts || self.corrupt || before.published >= POSITION_END {
            return;
        }
        let ended = match before.peer {
            _ if before.published > last => {
                return assert!(matches!(answer, Ok(()) | Err(NextError::Lagged(_))));
            }
            Peer::Closed { .. } => NextError::Closed,
            Peer::Dead { .. } => NextError::WriterDead,
            _ => NextError::TimedOut,
        };
        assert_eq!(answer, Err(ended));
    }
}
