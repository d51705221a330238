//! One process of the storm: what it does on which name, at random, until its time is over or it ends otherwise.
//!
//! Owns: the choice of what is done, and how a life ends. Knows nothing of: who is killed when, and what an end does.

use std::time::{Duration, Instant};

use shm_ring::{Consumer, Error, Options, Producer, Region, Ring};

use super::children;
use super::ends::{Consuming, Item, Producing};
use super::entry::{CONSUMER, Entry, How, PRODUCER};
use super::ledger::{Count, Doing, Ledger, Life};
use super::namespaces;
use super::places::Places;
use crate::rng::Rng;
use crate::trace::exit_now;

/// Bytes of a process that dies slowly.
const LARGE: usize = 96 << 20;

/// What the processes of a round are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Everything, everywhere.
    Mixed,
    /// All meet at one name, where nobody stays, and remove it.
    Removing,
    /// The same, but they replace what it leads to, so that it is always there.
    Replacing,
}

pub(super) struct Living<'a> {
    pub(super) places: &'a Places,
    pub(super) ledger: Ledger,
    pub(super) life: Life,
    pub(super) rng: Rng,
    kind: Kind,
    attachments: u64,
    large: Vec<u8>,
}

/// An end that this process was answered, by its word in the books.
#[derive(Clone, Copy)]
pub(super) struct Held {
    pub(super) entry: Entry,
    pub(super) word: u64,
    pub(super) place: usize,
}

pub(super) fn live(places: &Places, ledger: Ledger, life: Life, mut rng: Rng, kind: Kind) -> i32 {
    // A panic is a way to go here, or is written down as a violation.
    std::panic::set_hook(Box::new(move |info| {
        if info.payload().downcast_ref::<Wanted>().is_none() {
            ledger.violation(&format!("a process panicked: {info}"));
        }
    }));
    if rng.below(8) == 0 && namespaces::enter_user().is_ok() {
        ledger.add(Count::Users);
    }
    let time = Duration::from_micros(match rng.below(8) {
        0 => rng.below(10_000),
        1 => rng.below(1_000_000),
        _ => rng.below(200_000),
    });
    let mut living = Living { places, ledger, life, rng, kind, attachments: 0, large: Vec::new() };
    let start = Instant::now();
    while start.elapsed() < time && !ledger.is_over() {
        match kind {
            Kind::Mixed => living.act(),
            Kind::Removing => living.quarrel(0, Living::remove),
            Kind::Replacing => living.quarrel(1, Living::reopen),
        }
    }
    ledger.doing(life, Doing::Nothing, None, 0);
    0
}

/// What a thread unwinds with that is to.
pub(super) struct Wanted;

impl Living<'_> {
    /// Comes and goes without rest at one name, beside what others do to it.
    fn quarrel(&mut self, place: usize, torment: fn(&mut Self, usize)) {
        match self.rng.below(4) {
            0 => self.as_producer(place),
            1 => self.as_consumer(place),
            _ => torment(self, place),
        }
    }

    /// Whether nobody stays.
    pub(super) fn quarrels(&self) -> bool {
        self.kind != Kind::Mixed
    }

    /// Replaces, or opens what must be there since others only replace.
    fn reopen(&mut self, place: usize) {
        if self.rng.below(2) == 0 {
            return self.replace(place);
        }
        let was_there = self.ledger.is_there();
        match Ring::<Item>::open_with(self.places.region(place), &self.places.options(place)) {
            Err(Error::NotFound { .. }) if !was_there => {}
            Err(error) => self.unexpected("nobody removes, and open", place, &error),
            Ok(_) => self.ledger.set_there(true),
        }
    }

    fn act(&mut self) {
        let place = self.places.one(&mut self.rng);
        match self.rng.below(32) {
            0..12 => self.as_producer(place),
            12..24 => self.as_consumer(place),
            24..28 => self.remove(place),
            28 | 29 => self.replace(place),
            30 if self.large.is_empty() && self.rng.below(4) == 0 => {
                self.large = vec![1; LARGE];
                self.ledger.add(Count::Large);
            }
            _ => std::thread::sleep(Duration::from_micros(self.rng.below(500))),
        }
    }

    pub(super) fn doing(&self, what: Doing, held: Option<(Held, usize)>) {
        let end = held.map_or(0, |(_, end)| end);
        self.ledger.doing(self.life, what, held.map(|(held, _)| held.entry), end);
    }

    /// Opens the ring, or creates it; now and then so that its last user removes it.
    fn open(&mut self, place: usize) -> Option<Ring<Item>> {
        self.doing(Doing::Attaching, None);
        let mut options = self.places.options(place);
        if self.rng.below(4) == 0 && self.kind != Kind::Replacing {
            options = options.unlink_on_drop();
        }
        match Ring::open_or_create(self.places.region(place), &options) {
            Ok(ring) => Some(ring),
            Err(Error::NoSpace { .. }) if self.places.is_little(place) => {
                self.ledger.add(Count::NoSpace);
                None
            }
            Err(error) => {
                self.unexpected("open_or_create", place, &error);
                None
            }
        }
    }

    fn unexpected(&self, call: &str, place: usize, error: &Error) {
        self.ledger.violation(&format!("{call} at place {place} answered {error:?}"));
    }

    /// Becomes an end of the ring that the name leads to, by `take`.
    fn attach<E>(
        &mut self,
        place: usize,
        end: usize,
        take: impl Fn(&Ring<Item>) -> Result<E, Error>,
        by_name: impl Fn(Region, &Options) -> Result<E, Error>,
    ) -> Option<(Ring<Item>, E, Held)> {
        if self.rng.below(4) == 0 && !self.places.is_torn(place) {
            let (ring, taken) = self.attach_by_name(place, by_name)?;
            return self.note(ring, taken, place, end);
        }
        let ring = self.open(place)?;
        // Long enough, now and then, for the name to go.
        if !self.quarrels() && self.rng.below(8) == 0 {
            std::thread::sleep(Duration::from_micros(self.rng.below(1500)));
        }
        match take(&ring) {
            Ok(taken) => self.note(ring, taken, place, end),
            Err(Error::RoleTaken { .. }) => {
                self.ledger.add(Count::Refused);
                None
            }
            Err(Error::NameGone { .. }) => {
                self.ledger.add(Count::NameGone);
                None
            }
            Err(error) => {
                self.unexpected("attaching", place, &error);
                None
            }
        }
    }

    /// Becomes an end in one call, which goes on until the name leads to the ring of the end.
    fn attach_by_name<E>(
        &mut self,
        place: usize,
        by_name: impl Fn(Region, &Options) -> Result<E, Error>,
    ) -> Option<(Ring<Item>, E)> {
        self.doing(Doing::Attaching, None);
        let options = self.places.options(place);
        match by_name(self.places.region(place), &options) {
            // While it is held that is the ring of the name.
            Ok(taken) => match Ring::open_with(self.places.region(place), &options) {
                Ok(ring) => return Some((ring, taken)),
                Err(error) => {
                    self.unexpected("an end was given, and opening its ring", place, &error)
                }
            },
            Err(Error::RoleTaken { .. }) => self.ledger.add(Count::Refused),
            Err(Error::NoSpace { .. }) if self.places.is_little(place) => {
                self.ledger.add(Count::NoSpace);
            }
            Err(error) => self.unexpected("an end's open_or_create", place, &error),
        }
        None
    }

    /// Writes down that it was answered an end.
    fn note<E>(
        &mut self,
        ring: Ring<Item>,
        taken: E,
        place: usize,
        end: usize,
    ) -> Option<(Ring<Item>, E, Held)> {
        let entry = self.ledger.entry(ring.id() as u64, place)?;
        self.attachments += 1;
        let word = self.life.stamp << 20 | self.attachments;
        entry.attached(end, word);
        self.ledger.add(Count::Attachments);
        let held = Held { entry, word, place };
        self.doing(Doing::Holding, Some((held, end)));
        Some((ring, taken, held))
    }

    /// While this end is held nobody removes or replaces its name, but by other means, of which it knows.
    fn look_at_name(&self, ring: &Ring<Item>, held: Held, says_lost: impl Fn() -> bool) {
        use std::os::unix::fs::MetadataExt;
        let Ok(ours) = rustix::fs::fstat(ring.descriptor()) else { return };
        let there =
            std::fs::symlink_metadata(self.places.path(held.place)).map(|there| there.ino());
        if there.as_ref().ok() != Some(&ours.st_ino) {
            let says_lost = says_lost();
            if says_lost && self.places.is_torn(held.place) {
                return self.ledger.add(Count::Torn);
            }
            let id = held.entry.id();
            self.ledger.violation(&format!(
                "an end of ring {id:x}, inode {}, was answered Ok, and its name at place {} leads to {there:?}; \
                 it says that it has lost it: {says_lost}",
                ours.st_ino, held.place
            ));
        }
    }

    fn as_producer(&mut self, place: usize) {
        let by_name = |region, options: &Options| Producer::open_or_create(region, options);
        let attached = self.attach(place, PRODUCER, Ring::producer, by_name);
        let Some((ring, tx, held)) = attached else { return };
        self.look_at_name(&ring, held, || tx.has_lost_its_name());
        let mut end = Producing { living: self, tx, held };
        end.run();
        let Producing { tx, .. } = end;
        self.leave(&ring, tx, held, PRODUCER, |tx| tx.has_lost_its_name());
    }

    fn as_consumer(&mut self, place: usize) {
        let by_name = |region, options: &Options| Consumer::open_or_create(region, options);
        let attached = self.attach(place, CONSUMER, Ring::consumer, by_name);
        let Some((ring, rx, held)) = attached else { return };
        self.look_at_name(&ring, held, || rx.has_lost_its_name());
        let mut end = Consuming { living: self, rx, held, met: 0 };
        end.run();
        let Consuming { rx, .. } = end;
        self.leave(&ring, rx, held, CONSUMER, |rx| rx.has_lost_its_name());
    }

    /// One of the ways in which an end goes.
    fn leave<E: 'static>(
        &mut self,
        ring: &Ring<Item>,
        taken: E,
        held: Held,
        end: usize,
        says_lost: impl Fn(&E) -> bool,
    ) {
        self.look_at_name(ring, held, || says_lost(&taken));
        let mut taken = Some(taken);
        match self.rng.below(if self.quarrels() { 400 } else { 40 }) {
            0..3 => {
                children::misuse(self, &mut taken);
                // Some do not outlive the child.
                if self.rng.below(3) == 0 {
                    self.doom(Count::Exited);
                    exit_now(0);
                }
            }
            3 => children::drop_unknown(self, &mut taken),
            4 => {
                self.doom(Count::Exited);
                exit_now(0);
            }
            5 => {
                self.doom(Count::Executed);
                children::exec();
            }
            _ => {}
        }
        self.doing(Doing::Leaving, None);
        let unwinds = self.rng.below(8) == 0;
        held.entry.leaves(end, held.word, if unwinds { How::Unwinding } else { How::Closing });
        if unwinds {
            self.ledger.add(Count::Panicked);
            let unwind = std::panic::AssertUnwindSafe(|| {
                let _dropped = taken.take();
                std::panic::panic_any(Wanted);
            });
            let _ = std::panic::catch_unwind(unwind);
        } else {
            self.ledger.add(Count::Closed);
            drop(taken);
        }
    }

    /// This process is about to end by itself.
    fn doom(&self, count: Count) {
        self.ledger.doom(self.life.stamp);
        self.ledger.add(count);
    }

    fn remove(&mut self, place: usize) {
        self.doing(Doing::Removing, None);
        if self.places.is_torn(place) {
            let _ = std::fs::remove_file(self.places.path(place));
            return;
        }
        match self.places.region(place).unlink_unused(&self.places.options(place)) {
            Ok(()) => self.ledger.add(Count::Removed),
            Err(Error::Unread { .. }) => self.ledger.add(Count::Unread),
            Err(Error::RoleTaken { .. } | Error::NotFound { .. }) => {}
            Err(error) => self.unexpected("unlink_unused", place, &error),
        }
    }

    fn replace(&mut self, place: usize) {
        if self.places.is_shared(place) {
            return;
        }
        self.doing(Doing::Replacing, None);
        let options = self.places.options(place);
        match Ring::<Item>::replace_if_unused(self.places.region(place), &options) {
            Ok(_) => self.ledger.add(Count::Replaced),
            Err(Error::NoSpace { .. }) if self.places.is_little(place) => {
                self.ledger.add(Count::NoSpace);
            }
            Err(Error::Unread { .. } | Error::RoleTaken { .. } | Error::NotFound { .. }) => {}
            Err(error) => self.unexpected("replace_if_unused", place, &error),
        }
    }
}
