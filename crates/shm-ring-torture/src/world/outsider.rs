//! What somebody sees who has nothing to do with the library: locks, by LAYOUT.md, beside what the books say.
//!
//! Owns: the looks at roles from outside. Knows nothing of: processes.

use std::time::{Duration, Instant};

use shm_ring_outsider::{Descriptor, Header, Lease, Side};

use super::entry::{CONSUMER, ENDS, Entry, PRODUCER};
use super::ledger::Ledger;
use super::places::Places;

/// For so long a role may be held by nobody in the books: by one who attaches or removes, is stopped there, or dies.
const UNEXPLAINED: Duration = Duration::from_millis(1500);

const SIDES: [Side; 2] = [Side::Producer, Side::Consumer];

pub(super) struct Outsider<'a> {
    places: &'a Places,
    ledger: Ledger,
    /// Since when a role is held by nobody in the books, on which ring.
    held: Vec<[Option<(u64, Instant)>; 2]>,
}

impl<'a> Outsider<'a> {
    pub(super) fn new(places: &'a Places, ledger: Ledger) -> Self {
        Self { places, ledger, held: vec![[None; 2]; places.count()] }
    }

    fn ring_at(&self, place: usize) -> Option<(Descriptor, Entry)> {
        let region = Descriptor::open(self.places.path(place)).ok()?;
        let id = u128::from_le_bytes(Header::of(&region).id) as u64;
        Some((region, self.ledger.entry(id, place)?))
    }

    /// Looks at each role once.
    pub(super) fn look(&mut self) {
        for place in 0..self.places.count() {
            let Some((region, entry)) = self.ring_at(place) else {
                self.held[place] = [None; 2];
                continue;
            };
            for end in [PRODUCER, CONSUMER] {
                let before = entry.owner(end);
                let held = Lease::is_held(region.file(), SIDES[end]).unwrap_or(true);
                let after = entry.owner(end);
                if before == after && !held && self.ledger.is_counted_on(after) {
                    self.ledger.violation(&format!(
                        "life {} is the {} of ring {:x} at place {place}, and holds no lease",
                        after >> 20,
                        ENDS[end],
                        entry.id()
                    ));
                }
                let explained =
                    !held || !self.ledger.is_gone(before) || !self.ledger.is_gone(after);
                self.explain(place, end, entry, explained);
            }
        }
    }

    fn explain(&mut self, place: usize, end: usize, entry: Entry, explained: bool) {
        let since = &mut self.held[place][end];
        match *since {
            _ if explained => *since = None,
            Some((id, time)) if id == entry.id() => {
                if time.elapsed() > UNEXPLAINED {
                    *since = None;
                    self.ledger.violation(&format!(
                        "the {} of ring {id:x} at place {place} is taken, and all who had it are gone for {UNEXPLAINED:?}",
                        ENDS[end]
                    ));
                }
            }
            _ => *since = Some((entry.id(), Instant::now())),
        }
    }

    /// All processes that had an end are reaped: no role is held, whoever of their children lives.
    pub(super) fn all_roles_are_free(&mut self) {
        let start = Instant::now();
        for place in 0..self.places.count() {
            for end in [PRODUCER, CONSUMER] {
                loop {
                    let Some((region, entry)) = self.ring_at(place) else { break };
                    if !Lease::is_held(region.file(), SIDES[end]).unwrap_or(true) {
                        break;
                    }
                    if start.elapsed() > UNEXPLAINED {
                        self.ledger.violation(&format!(
                            "the {} of ring {:x} at place {place} stays taken after all are reaped who could have it",
                            ENDS[end], entry.id()
                        ));
                        break;
                    }
                    std::thread::sleep(Duration::from_millis(1));
                }
            }
        }
    }
}
