//! What an end does while it has its role: numbered records, waits for the other side, and what is made of its answers.
//!
//! Owns: the calls of the two ends and the judgement of their answers. Knows nothing of: names, and how an end goes.

use std::time::Duration;

use shm_ring::{PopError, PushError};

use super::entry::{CONSUMER, PRODUCER};
use super::forms::{CHILDS, Form, Item, item};
use super::ledger::{Count, Doing};
use super::life::{Held, Living};

/// Longer than any other side lives: only its end ends a wait.
pub(super) const LONG: Duration = Duration::from_secs(20);
/// In microseconds, after a process was reaped: its death is reported in a millisecond, or where the kernel does not
/// tell, in a tenth of a second. The rest is for a busy machine.
const LATE: u64 = 1_000_000;
/// Numbers on their way, of which the books keep account.
const MOST: u64 = 200;
pub(super) struct Producing<'a, 'b, F: Form> {
    pub(super) living: &'a mut Living<'b>,
    pub(super) tx: F::Producer,
    pub(super) held: Held,
}

impl<F: Form> Producing<'_, '_, F> {
    pub(super) fn run(&mut self) {
        let entry = self.held.entry;
        let rounds = match self.living.rng.below(8) {
            // What it pushed would keep the name.
            _ if self.living.quarrels() => self.living.rng.below(32) / 31,
            0 => 0,
            1 => 40,
            _ => self.living.rng.below(8),
        };
        for _ in 0..rounds {
            if self.living.ledger.is_over() {
                return;
            }
            if self.living.rng.below(6) == 0 {
                std::thread::sleep(Duration::from_micros(self.living.rng.below(800)));
            }
            if entry.on_their_way() >= MOST {
                return;
            }
            self.living.doing(Doing::Pushing, Some((self.held, PRODUCER)));
            let number = entry.offer();
            let item = item(number, entry.id());
            let mut pushed = F::try_push(&mut self.tx, item);
            if matches!(pushed, Err(PushError::Full)) {
                pushed = self.wait(item);
            }
            entry.offered(number, pushed.is_ok());
            match pushed {
                Ok(()) => {}
                Err(PushError::Closed | PushError::PeerDead | PushError::TimedOut) => return,
                Err(error) => {
                    let id = entry.id();
                    return self.living.ledger.violation(&format!("a push to {id:x}: {error:?}"));
                }
            }
        }
    }

    /// On a full ring: until the other side makes room, or goes.
    fn wait(&mut self, item: Item) -> Result<(), PushError> {
        let entry = self.held.entry;
        let before = entry.owner(CONSUMER);
        // One that had gone before this side came is not reported.
        let alone = !entry.has_been(CONSUMER) || !self.living.ledger.is_counted_on(before);
        let doing = if alone { Doing::Pushing } else { Doing::Waiting };
        self.living.doing(doing, Some((self.held, PRODUCER)));
        let asked = self.living.ledger.now();
        let timeout = if alone { Duration::from_millis(20) } else { LONG };
        let pushed = F::push(&mut self.tx, item, timeout);
        let after = entry.owner(CONSUMER);
        let is_end = matches!(pushed, Err(PushError::Closed | PushError::PeerDead));
        if is_end {
            self.living.ledger.add(Count::EndsOnFull);
            self.living.refuse_false_end(self.held, CONSUMER, before, after);
            self.living.refuse_late_end(self.held, after, asked);
        }
        pushed
    }
}

pub(super) struct Consuming<'a, 'b, F: Form> {
    pub(super) living: &'a mut Living<'b>,
    pub(super) rx: F::Consumer,
    pub(super) held: Held,
    /// The producer that was there all the while when the last end was reported; 0 if there was none.
    pub(super) met: u64,
}

impl<F: Form> Consuming<'_, '_, F> {
    pub(super) fn run(&mut self) {
        let entry = self.held.entry;
        let rounds = match self.living.rng.below(8) {
            _ if self.living.quarrels() => self.living.rng.below(4),
            0 => 80,
            _ => self.living.rng.below(10),
        };
        for _ in 0..rounds {
            if self.living.ledger.is_over() {
                return;
            }
            let there = entry.owner(PRODUCER);
            let alone = !entry.has_been(PRODUCER) || !self.living.ledger.is_counted_on(there);
            let patient = self.living.rng.below(6) == 0 && !alone && !self.living.quarrels();
            let before = entry.owner(PRODUCER);
            let said = entry.said(PRODUCER);
            let doing = if patient { Doing::Waiting } else { Doing::Popping };
            self.living.doing(doing, Some((self.held, CONSUMER)));
            entry.taking(true);
            let asked = self.living.ledger.now();
            let popped = match patient {
                _ if self.living.quarrels() => F::try_pop(&mut self.rx),
                true => F::pop(&mut self.rx, LONG),
                false => {
                    let brief = Duration::from_micros(self.living.rng.below(800));
                    F::pop(&mut self.rx, brief)
                }
            };
            if let Ok(popped) = popped {
                self.take(popped);
            }
            entry.taking(false);
            let after = entry.owner(PRODUCER);
            match popped {
                Ok(_) | Err(PopError::TimedOut | PopError::Empty) => {}
                Err(PopError::Closed | PopError::PeerDead) => {
                    self.living.ledger.add(Count::Ends);
                    // Beside a producer that is there all the while, the end of an earlier one is reported once.
                    let older = before == after && self.met != after;
                    if !older {
                        self.living.refuse_false_end(self.held, PRODUCER, before, after);
                        self.living.refuse_late_end(self.held, after, asked);
                    }
                    self.met = if before == after { after } else { 0 };
                    if popped == Err(PopError::Closed) {
                        self.living.refuse_false_close(self.held, said);
                    }
                    if self.living.rng.below(2) == 0 {
                        return;
                    }
                    // The next one, if one comes soon.
                    self.living.ledger.add(Count::Waits);
                    self.living.doing(Doing::Popping, Some((self.held, CONSUMER)));
                    F::wait_for_peer(&mut self.rx, Duration::from_millis(2));
                }
                Err(error) => {
                    let id = entry.id();
                    return self.living.ledger.violation(&format!("a pop of {id:x}: {error:?}"));
                }
            }
        }
    }

    fn take(&self, popped: Item) {
        let entry = self.held.entry;
        let [number, _] = popped;
        if popped == CHILDS {
            let id = entry.id();
            self.living.ledger.violation(&format!("ring {id:x} delivered the record of a child"));
        } else if popped != item(number, entry.id()) {
            let id = entry.id();
            self.living
                .ledger
                .violation(&format!("ring {id:x} delivered {popped:x?}, which is no record"));
        } else {
            entry.settle(number);
        }
    }
}

impl Living<'_> {
    /// `Closed` was answered to somebody who had asked since the producer `said` how it ends.
    pub(super) fn refuse_false_close(&self, held: Held, said: u64) {
        let Held { entry, .. } = held;
        if !entry.has_closed(said) && said == entry.said(PRODUCER) {
            let (id, life) = (entry.id(), said >> 22);
            self.ledger.violation(&format!(
                "ring {id:x} reported Closed of life {life}, which never closed in order"
            ));
        }
    }

    /// The end of `owner` was answered: not so late.
    pub(super) fn refuse_late_end(&self, held: Held, owner: u64, asked: u64) {
        let after = self.ledger.told_after(owner, asked);
        if after > LATE {
            let id = held.entry.id();
            self.ledger.violation(&format!(
                "the death of life {} was reported on ring {id:x} {after} us after it was reaped",
                owner >> 20
            ));
        }
    }

    /// An end of the other side was answered: not if one and the same owner was there all the while.
    pub(super) fn refuse_false_end(&self, held: Held, of: usize, before: u64, after: u64) {
        if before == after && self.ledger.is_counted_on(after) {
            let (id, end) = (held.entry.id(), super::entry::ENDS[of]);
            self.ledger.violation(&format!(
                "ring {id:x} reported the end of its {end}, life {}, which was there all the while",
                after >> 20
            ));
        }
    }
}
