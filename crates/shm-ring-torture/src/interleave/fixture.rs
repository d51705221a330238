//! The ring of a case, and what must hold after each schedule on it.
//!
//! Owns: the ring, and the judgement on it by the ledger and by LAYOUT.md. Knows nothing of: how a schedule is run.

use std::rc::Rc;

use shm_ring::Region;
use shm_ring_outsider as outsider;
use shm_ring_outsider::{Descriptor, Header, Region as _, Side, Word, Writable as _};

use super::case::{Case, Outcome};
use super::child::{self, AFTERWARDS, Site};
use super::ledger::{Entry, Ledger};
use super::path::Path;
use super::payload::{Lengths, Payload, Records};
use super::schedule::{self, End, Schedule};
use super::start;
use super::stepped::{Code, Stepped, Wrong};

/// Where the schedules of one case are played.
pub(crate) struct Fixture<'c, P: Payload> {
    case: &'c Case,
    code: &'c Code,
    lengths: Lengths,
    ledger: Ledger,
    set: Set<P>,
}

enum Set<P: Payload> {
    /// The ring of all schedules, and the bytes that it begins with.
    Given { ring: Rc<P::Ring>, region: Descriptor, image: Vec<u8> },
    /// A name under which the schedule makes its own.
    Named { name: String },
}

/// One schedule that was played.
#[derive(Debug)]
pub(crate) struct Played {
    pub(crate) end: Result<End, Wrong>,
    pub(crate) sides: Option<[Did; 2]>,
}

/// What one side did in it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Did {
    pub(crate) sleeps: super::stepped::Sleeps,
}

impl<'c, P: Payload> Fixture<'c, P> {
    pub(crate) fn new(case: &'c Case, lengths: Lengths, code: &'c Code) -> Result<Self, Wrong> {
        let ledger = Ledger::new().map_err(text)?;
        let set = match case.is_named() {
            true => Set::Named { name: name("interleave") },
            false => {
                let region = Region::memfd("shm-ring-torture-interleave");
                let options = child::options(case.kind);
                let ring = Rc::new(P::create(region, &options).map_err(text)?);
                let region = Descriptor::of(P::descriptor(&ring)).map_err(text)?;
                let image = start::image(case, &Records::of::<P>(lengths), &region)?;
                Set::Given { ring, region, image }
            }
        };
        Ok(Self { case, code, lengths, ledger, set })
    }

    /// The path of side `which` if nobody disturbs it.
    pub(crate) fn path(&self, which: usize) -> Result<Path, Wrong> {
        self.begin()?[which].walk()
    }

    /// Plays one schedule and checks what came of it.
    pub(crate) fn play(&self, schedule: Schedule, paths: &[Path; 2]) -> Played {
        let mut sides = match self.begin() {
            Ok(sides) => sides,
            Err(wrong) => return Played { end: Err(wrong), sides: None },
        };
        let end = schedule::run(&mut sides, schedule, paths)
            .and_then(|end| self.check(&mut sides).map(|()| end));
        let did = [0, 1].map(|which: usize| Did { sleeps: sides[which].sleeps });
        Played { end, sides: Some(did) }
    }

    /// Both sides at the beginning of their operations.
    fn begin(&self) -> Result<[Stepped<'c>; 2], Wrong> {
        self.ledger.clear().map_err(text)?;
        match &self.set {
            Set::Given { region, image, .. } => region.try_write(0, image).map_err(text)?,
            Set::Named { name } => forget(name),
        }
        Ok([self.side(0)?, self.side(1)?])
    }

    fn side(&self, which: usize) -> Result<Stepped<'c>, Wrong> {
        let life = || {
            let site = match &self.set {
                Set::Given { ring, .. } => Site::<P>::Given(ring.clone()),
                Set::Named { name } => Site::Named(name.clone()),
            };
            child::run(self.case, self.lengths, which, site, &self.ledger)
        };
        Stepped::start(self.code, life).map_err(|wrong| format!("side {which}: {wrong}"))
    }

    /// Both are done: looks at the ring, has them go on, and looks again.
    fn check(&self, sides: &mut [Stepped<'_>; 2]) -> Result<(), Wrong> {
        let both = |sides: &mut [Stepped<'_>; 2], f: fn(&mut Stepped<'_>) -> Result<(), Wrong>| {
            (0..2).try_for_each(|which| {
                f(&mut sides[which]).map_err(|wrong| format!("{:?}: {wrong}", self.case.ops[which]))
            })
        };
        both(sides, |side| side.go_to_stop())?;
        let entries = [self.entry(0)?, self.entry(1)?];
        self.check_entries(&entries)?;
        let pushed = self.case.prefill + entries[0].pushed + entries[1].pushed;
        let taken = entries[0].taken + entries[1].taken;
        self.check_region(pushed, taken)?;
        let goal = pushed + AFTERWARDS;
        self.ledger.set_goal(goal).map_err(text)?;
        both(sides, |side| side.release())?;
        both(sides, |side| side.finish())?;
        self.check_region(goal, goal)?;
        self.check_rest()
    }

    fn entry(&self, which: usize) -> Result<Entry, Wrong> {
        self.ledger.read(which).map_err(text)
    }

    fn check_entries(&self, entries: &[Entry; 2]) -> Result<(), Wrong> {
        let case = self.case;
        for (which, entry) in entries.iter().enumerate() {
            let op = case.ops[which];
            if !case.allows(which, entry.outcome) {
                return Err(format!("{op:?} ended with {:?}", entry.outcome));
            }
            if entry.saw_dead {
                return Err(format!("{op:?} took a living or closing side for dead"));
            }
        }
        let [a, b] = entries;
        if !case.agrees([a.outcome, b.outcome]) {
            return Err(format!("one must win and one not: {:?}, {:?}", a.outcome, b.outcome));
        }
        if a.ring != b.ring && a.ring != 0 && b.ring != 0 {
            return Err("each made a ring of its own under the one name".to_owned());
        }
        let sure = match b.outcome {
            Outcome::Done => case.prefill.max(1).min(case.ops[1].takes()),
            _ => 0,
        };
        if b.taken < sure {
            return Err(format!("took {} records, and {sure} were there", b.taken));
        }
        Ok(())
    }

    /// The ring after so many records, while nobody moves: nothing but what is unread is there, and all of that is
    /// whole.
    fn check_region(&self, pushed: u64, taken: u64) -> Result<(), Wrong> {
        let (image, header) = match &self.set {
            Set::Given { region, image, .. } => (region.all(), Header::of(&image[..])),
            Set::Named { name } => {
                let region = Descriptor::open(format!("/dev/shm/{name}")).map_err(text)?;
                (region.all(), Header::of(&region))
            }
        };
        let ring = outsider::judge(&image[..], &header)?;
        let records = Records::of::<P>(self.lengths);
        let first = match &self.set {
            Set::Given { .. } => {
                start::tail(self.case) - records.distance(&header, self.case.prefill)
            }
            Set::Named { .. } => 0,
        };
        for (name, found, count) in [("tail", ring.tail, pushed), ("head", ring.head, taken)] {
            let wanted = first + records.distance(&header, count);
            if found != wanted {
                return Err(format!("{name} is {found} and must be {wanted}"));
            }
        }
        for side in Side::BOTH {
            if ring.side(side).is_asleep() {
                let wake_at = ring.side(side).wake_at;
                return Err(format!("the {side:?}'s wake_at is {wake_at} and nobody sleeps"));
            }
        }
        let unread = (taken..pushed).map(|number| records.bytes(number));
        match ring.payloads().into_iter().eq(unread) {
            true => Ok(()),
            false => Err("what is unread in the ring is not what was pushed".to_owned()),
        }
    }

    /// Both have closed: the roles are free again.
    fn check_rest(&self) -> Result<(), Wrong> {
        let Set::Given { region, .. } = &self.set else { return Ok(()) };
        for side in Side::BOTH {
            let session = region.named(side, Word::Session);
            if session == 0 || session % 2 != 0 {
                return Err(format!("the {side:?}'s session is {session} after it closed"));
            }
            if outsider::Lease::is_held(region.file(), side).map_err(text)? {
                return Err(format!("the {side:?}'s lease is held after it closed"));
            }
        }
        Ok(())
    }
}

impl<P: Payload> Drop for Fixture<'_, P> {
    fn drop(&mut self) {
        if let Set::Named { name } = &self.set {
            forget(name);
        }
    }
}

/// A name that is ours.
pub(crate) fn name(what: &str) -> String {
    format!("shm-ring-torture-{}-{what}", std::process::id())
}

/// Takes the name away, if it is there.
pub(crate) fn forget(name: &str) {
    let _ = std::fs::remove_file(format!("/dev/shm/{name}"));
}

fn text(error: impl ToString) -> Wrong {
    error.to_string()
}
