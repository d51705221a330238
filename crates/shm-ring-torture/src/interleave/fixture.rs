//! The ring of a case, the state that every schedule on it begins with, and what must hold after each.
//!
//! Owns: the ring, and the judgement on it by the ledger and by LAYOUT.md. Knows nothing of: how a schedule is run.

use std::rc::Rc;

use shm_ring::{Region, Ring, Role};
use shm_ring_outsider as outsider;
use shm_ring_outsider::{Descriptor, Header, Region as _, Side, Word, Writable as _};
use zerocopy::IntoBytes;

use super::case::{Case, ITEMS, Op, Outcome, Value, value};
use super::child::{self, AFTERWARDS, Site};
use super::ledger::{Entry, Ledger};
use super::path::Path;
use super::schedule::{self, End, Schedule};
use super::stepped::{Code, Sleeps, Stepped, Wrong};

/// Bytes of a value in the ring.
const STRIDE: u64 = size_of::<Value>() as u64;
/// Some times around the data.
const AROUND: u64 = 5 * 4096;
/// A record that was there long before.
const FORMER: u64 = 99;

/// Where the schedules of one case are played.
pub(crate) struct Fixture<'c> {
    case: &'c Case,
    code: &'c Code,
    ledger: Ledger,
    set: Set,
}

enum Set {
    /// The ring of all schedules, and the bytes that it begins with.
    Given { ring: Rc<Ring<Value>>, region: Descriptor, image: Vec<u8> },
    /// A name under which the schedule makes its own.
    Named { name: String },
}

/// One schedule that was played.
#[derive(Debug)]
pub(crate) struct Played {
    pub(crate) end: Result<End, Wrong>,
    /// The sleeps of each side that was started.
    pub(crate) sleeps: Vec<Sleeps>,
}

impl<'c> Fixture<'c> {
    pub(crate) fn new(case: &'c Case, code: &'c Code) -> Result<Self, Wrong> {
        let ledger = Ledger::new().map_err(text)?;
        let set = match case.is_named() {
            true => Set::Named { name: name("interleave") },
            false => {
                let region = Region::memfd("shm-ring-torture-interleave");
                let ring = Rc::new(Ring::create(region, &child::options()).map_err(text)?);
                let region = Descriptor::of(ring.descriptor()).map_err(text)?;
                let image = image(case, &region)?;
                Set::Given { ring, region, image }
            }
        };
        Ok(Self { case, code, ledger, set })
    }

    /// The path of side `which` if nobody disturbs it.
    pub(crate) fn path(&self, which: usize) -> Result<Path, Wrong> {
        self.begin()?[which].walk()
    }

    /// Plays one schedule and checks what came of it.
    pub(crate) fn play(&self, schedule: Schedule, paths: &[Path; 2]) -> Played {
        let mut sides = match self.begin() {
            Ok(sides) => sides,
            Err(wrong) => return Played { end: Err(wrong), sleeps: Vec::new() },
        };
        let end = schedule::run(&mut sides, schedule, paths)
            .and_then(|end| self.check(&mut sides).map(|()| end));
        Played { end, sleeps: sides.iter().map(|side| side.sleeps).collect() }
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
                Set::Given { ring, .. } => Site::Given(ring.clone()),
                Set::Named { name } => Site::Named(name.clone()),
            };
            child::run(self.case, which, site, &self.ledger)
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
        let entries = [self.ledger.read(0).map_err(text)?, self.ledger.read(1).map_err(text)?];
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
        let sure = match (case.ops[1], b.outcome) {
            (Op::AttachPop(count), Outcome::Done) => case.prefill.max(1).min(count),
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
        let (image, header, first) = match &self.set {
            Set::Given { region, image, .. } => {
                let first = tail(self.case) - self.case.prefill * STRIDE;
                (region.all(), Header::of(&image[..]), first)
            }
            Set::Named { name } => {
                let region = Descriptor::open(format!("/dev/shm/{name}")).map_err(text)?;
                (region.all(), Header::of(&region), 0)
            }
        };
        let ring = outsider::judge(&image[..], &header)?;
        for (name, found, count) in [("tail", ring.tail, pushed), ("head", ring.head, taken)] {
            let wanted = first + count * STRIDE;
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
        let unread = (taken..pushed).map(|number| value(number).as_bytes().to_vec());
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

impl Drop for Fixture<'_> {
    fn drop(&mut self) {
        if let Set::Named { name } = &self.set {
            forget(name);
        }
    }
}

/// The tail before the first record that a schedule pushes.
fn tail(case: &Case) -> u64 {
    (AROUND / STRIDE - case.before_wrap) * STRIDE
}

/// All bytes of `region`, which nobody has used, brought into the state of `case`, by LAYOUT.md.
fn image(case: &Case, region: &Descriptor) -> Result<Vec<u8>, Wrong> {
    let header = Header::of(region);
    let mut at = tail(case) - case.prefill * STRIDE;
    outsider::start_at(region, &header, at);
    // A former record is in the front, and what is in the data looks like records.
    if let Some(front) = header.front_of(at, value(FORMER).as_bytes()) {
        region.write(outsider::producer() + outsider::FRONT, &front);
    }
    outsider::poison(region, &header, Some(8));
    let mut newest = None;
    for number in 0..case.prefill {
        newest = Some((at, value(number)));
        at = outsider::lay(region, &header, at, value(number).as_bytes());
    }
    let newest = newest.as_ref().filter(|_| case.front);
    let newest = newest.map(|(at, record)| (*at, record.as_bytes()));
    outsider::publish(region, &header, tail(case), newest);
    if case.after_death {
        bury(case, region, &header);
    }
    let image = region.all();
    match outsider::judge(&image[..], &header) {
        Ok(_) => Ok(image),
        Err(violation) => Err(format!("the fixture is wrong: {violation}")),
    }
}

/// As if the predecessor had been killed in its sleep. Nobody has reported that: a sleeper that hears of a death
/// while the lease is held sleeps for microseconds, and time would decide what happens.
fn bury(case: &Case, region: &Descriptor, header: &Header) {
    for role in case.ops.iter().filter_map(|op| op.succeeds()) {
        let head = region.named(Side::Consumer, Word::Position);
        let (side, wake_at) = match role {
            Role::Producer => (Side::Producer, head),
            _ => (Side::Consumer, head + header.unit()),
        };
        region.set_named(side, Word::Session, 1);
        region.set_named(side, Word::WakeAt, wake_at);
        region.set_named(Side::Consumer, Word::Hint, case.front.into());
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

const _: () = assert!(ITEMS == 4, "as many as a child has ready to push");
