//! One process of the storm: what it does on which name, at random, until its time is over or it ends otherwise.
//!
//! Owns: the choice of what is done, and how a life ends. Knows nothing of: who is killed when, what an end does, and what
//! becomes of names.

use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use shm_ring::{Error, Options, Region};

use super::children;
use super::ends::{Consuming, Producing};
use super::entry::{CONSUMER, Entry, How, PRODUCER};
use super::forms::{Form, Messages, Named, Newest, Values};
use super::ledger::{Count, Doing, Ledger, Life};
use super::namespaces;
use super::places::{Carries, GIVEN, Places};
use crate::rng::Rng;
use crate::trace::exit_now;

/// Bytes of a process that dies slowly.
const LARGE: usize = 96 << 20;

/// What the processes of a round are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Everything, everywhere.
    Mixed,
    /// All meet at the name of this place, where nobody stays, and remove it.
    Removing(usize),
    /// The same, but they replace what it leads to, so that it is always there.
    Replacing(usize),
}

/// What is done at a place.
#[derive(Clone, Copy, Debug)]
enum Act {
    Produce,
    Consume,
    Remove,
    Replace,
    /// Replaces, or opens what must be there since others only replace.
    Reopen,
}

pub(super) struct Living<'a> {
    pub(super) places: &'a Places,
    pub(super) ledger: Ledger,
    pub(super) life: Life,
    pub(super) rng: Rng,
    kind: Kind,
    attachments: u64,
    large: Vec<u8>,
    /// For one role of the ring without a name.
    description: Option<OwnedFd>,
}

/// An end that this process was answered, by its word in the books.
#[derive(Clone, Copy)]
pub(super) struct Held {
    pub(super) entry: Entry,
    pub(super) word: u64,
    pub(super) place: usize,
}

pub(super) fn live(places: &Places, ledger: Ledger, life: Life, mut rng: Rng, kind: Kind) -> i32 {
    write_panics_down(ledger);
    if rng.below(8) == 0 && namespaces::enter_user().is_ok() {
        ledger.add(Count::Users);
    }
    let time = Duration::from_micros(match rng.below(8) {
        0 => rng.below(10_000),
        1 => rng.below(1_000_000),
        _ => rng.below(200_000),
    });
    let mut living = Living::new(places, ledger, life, rng, kind);
    let start = Instant::now();
    while start.elapsed() < time && !ledger.is_over() {
        match kind {
            Kind::Mixed => living.act(),
            Kind::Removing(place) => living.quarrel(place, Act::Remove),
            Kind::Replacing(place) => living.quarrel(place, Act::Reopen),
        }
    }
    ledger.doing(life, Doing::Nothing, None, 0);
    0
}

/// The life of a process that was handed a description for one role and can open nothing: it takes one, and goes.
pub(super) fn live_shut_in(
    places: &Places,
    ledger: Ledger,
    life: Life,
    rng: Rng,
    description: OwnedFd,
) -> i32 {
    write_panics_down(ledger);
    if places.shut_in() {
        ledger.add(Count::ShutIn);
    }
    let mut living = Living::new(places, ledger, life, rng, Kind::Mixed);
    living.description = Some(description);
    let act = if living.rng.below(2) == 0 { Act::Produce } else { Act::Consume };
    living.act_at(GIVEN, act);
    ledger.doing(life, Doing::Nothing, None, 0);
    0
}

/// A panic is a way to go here, or is written down as a violation.
fn write_panics_down(ledger: Ledger) {
    std::panic::set_hook(Box::new(move |info| {
        if info.payload().downcast_ref::<Wanted>().is_none() {
            ledger.violation(&format!("a process panicked: {info}"));
        }
    }));
}

/// Becomes an end by a name, in one call.
type ByName<E> = fn(Region, &Options) -> Result<E, Error>;

/// What a thread unwinds with that is to.
pub(super) struct Wanted;

impl<'a> Living<'a> {
    fn new(places: &'a Places, ledger: Ledger, life: Life, rng: Rng, kind: Kind) -> Self {
        let (large, description) = (Vec::new(), None);
        Self { places, ledger, life, rng, kind, attachments: 0, large, description }
    }

    /// Comes and goes without rest at one name, beside what others do to it.
    fn quarrel(&mut self, place: usize, torment: Act) {
        let act = match self.rng.below(4) {
            0 => Act::Produce,
            1 => Act::Consume,
            _ => torment,
        };
        self.act_at(place, act);
    }

    /// Whether nobody stays.
    pub(super) fn quarrels(&self) -> bool {
        self.kind != Kind::Mixed
    }

    fn act(&mut self) {
        let place = self.places.one(&mut self.rng);
        match self.rng.below(32) {
            0..12 => self.act_at(place, Act::Produce),
            12..24 => self.act_at(place, Act::Consume),
            24..28 => self.act_at(place, Act::Remove),
            28 | 29 => self.act_at(place, Act::Replace),
            30 if self.large.is_empty() && self.rng.below(4) == 0 => {
                self.large = vec![1; LARGE];
                self.ledger.add(Count::Large);
            }
            _ => std::thread::sleep(Duration::from_micros(self.rng.below(500))),
        }
    }

    fn act_at(&mut self, place: usize, act: Act) {
        match (self.places.carries(place), act) {
            (Carries::Values, Act::Produce) => self.as_producer::<Values>(place),
            (Carries::Values, Act::Consume) => self.as_consumer::<Values>(place),
            (Carries::Messages, Act::Produce) => self.as_producer::<Messages>(place),
            (Carries::Messages, Act::Consume) => self.as_consumer::<Messages>(place),
            (Carries::Newest, Act::Produce) => self.as_writer(place),
            (Carries::Newest, Act::Consume) => self.as_reader(place),
            (Carries::Values, act) => self.change::<Values>(place, act),
            (Carries::Messages, act) => self.change::<Messages>(place, act),
            (Carries::Newest, act) => self.change::<Newest>(place, act),
        }
    }

    /// What is done to names; there is one to do it to.
    fn change<F: Named>(&mut self, place: usize, act: Act) {
        match act {
            _ if !self.places.has_name(place) => {}
            Act::Remove => self.remove(place),
            Act::Reopen if self.rng.below(2) == 0 => self.reopen::<F>(place),
            _ => self.replace::<F>(place),
        }
    }

    pub(super) fn doing(&self, what: Doing, held: Option<(Held, usize)>) {
        let end = held.map_or(0, |(_, end)| end);
        self.ledger.doing(self.life, what, held.map(|(held, _)| held.entry), end);
    }

    /// Opens the ring, or creates it; now and then so that its last user removes it.
    pub(super) fn open<F: Named>(&mut self, place: usize) -> Option<F::Ring> {
        self.doing(Doing::Attaching, None);
        let mut options = self.places.options(place);
        let may_unlink = self.places.has_name(place) && !matches!(self.kind, Kind::Replacing(_));
        if may_unlink && self.rng.below(4) == 0 {
            options = options.unlink_on_drop();
        }
        let opened = match self.description.take() {
            Some(description) => {
                self.ledger.add(Count::Handed);
                F::open(Region::for_one_role(description), &options)
            }
            None => F::open_or_create(self.places.region(place), &options),
        };
        match opened {
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

    pub(super) fn unexpected(&self, call: &str, place: usize, error: &Error) {
        self.ledger.violation(&format!("{call} at place {place} answered {error:?}"));
    }

    /// Becomes an end of the ring that the name leads to, by `take`.
    pub(super) fn attach<F: Named, E>(
        &mut self,
        place: usize,
        end: usize,
        take: impl Fn(&F::Ring) -> Result<E, Error>,
        by_name: Option<ByName<E>>,
    ) -> Option<(F::Ring, E, Held)> {
        let has_steady_name = self.places.has_name(place) && !self.places.is_torn(place);
        if let (Some(by_name), 0) = (by_name.filter(|_| has_steady_name), self.rng.below(4)) {
            let (ring, taken) = self.attach_by_name::<F, E>(place, by_name)?;
            return self.note::<F, E>(ring, taken, place, end);
        }
        let ring = self.open::<F>(place)?;
        // Long enough, now and then, for the name to go.
        if !self.quarrels() && self.rng.below(8) == 0 {
            std::thread::sleep(Duration::from_micros(self.rng.below(1500)));
        }
        match take(&ring) {
            Ok(taken) => self.note::<F, E>(ring, taken, place, end),
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
    fn attach_by_name<F: Named, E>(
        &mut self,
        place: usize,
        by_name: ByName<E>,
    ) -> Option<(F::Ring, E)> {
        self.doing(Doing::Attaching, None);
        let options = self.places.options(place);
        match by_name(self.places.region(place), &options) {
            // While it is held that is the ring of the name.
            Ok(taken) => match F::open(self.places.region(place), &options) {
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
    fn note<F: Named, E>(
        &mut self,
        ring: F::Ring,
        taken: E,
        place: usize,
        end: usize,
    ) -> Option<(F::Ring, E, Held)> {
        let entry = self.ledger.entry(F::id(&ring), place)?;
        self.attachments += 1;
        let word = self.life.stamp << 20 | self.attachments;
        entry.attached(end, word);
        self.ledger.add(Count::Attachments);
        let held = Held { entry, word, place };
        self.doing(Doing::Holding, Some((held, end)));
        Some((ring, taken, held))
    }

    fn as_producer<F: Form>(&mut self, place: usize) {
        let attached = self.attach::<F, _>(place, PRODUCER, F::producer, Some(F::producer_by_name));
        let Some((ring, tx, held)) = attached else { return };
        self.look_at_name::<F>(&ring, held, || F::producer_has_lost_its_name(&tx));
        let mut end = Producing::<F> { living: self, tx, held };
        end.run();
        let Producing { tx, .. } = end;
        self.leave::<F, _>(&ring, tx, held, PRODUCER, F::producer_has_lost_its_name);
    }

    fn as_consumer<F: Form>(&mut self, place: usize) {
        let attached = self.attach::<F, _>(place, CONSUMER, F::consumer, Some(F::consumer_by_name));
        let Some((ring, rx, held)) = attached else { return };
        self.look_at_name::<F>(&ring, held, || F::consumer_has_lost_its_name(&rx));
        let mut end = Consuming::<F> { living: self, rx, held, met: 0 };
        end.run();
        let Consuming { rx, .. } = end;
        self.leave::<F, _>(&ring, rx, held, CONSUMER, F::consumer_has_lost_its_name);
    }

    /// One of the ways in which an end goes.
    pub(super) fn leave<F: Named, E: 'static>(
        &mut self,
        ring: &F::Ring,
        taken: E,
        held: Held,
        end: usize,
        says_lost: impl Fn(&E) -> bool,
    ) {
        self.look_at_name::<F>(ring, held, || says_lost(&taken));
        let mut taken = Some(taken);
        let ways = match self.quarrels() {
            true => 400,
            // What a handed-on description leaves with children is seen only there.
            false if !self.places.has_name(held.place) => 12,
            false => 40,
        };
        match self.rng.below(ways) {
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
}
