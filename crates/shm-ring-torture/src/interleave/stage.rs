//! The ring of a case: the state that every schedule begins with, and what must hold after it. It
//! must not know how a schedule is run.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::rc::Rc;

use shm_ring::{Region, Ring, Role};

use super::carried::{Carried, Lengths};
use super::case::{CAPACITY, Case, Op, Outcome};
use super::child::{self, AFTERWARDS, Site};
use super::ledger::{Entry, Ledger};
use super::schedule::{self, End, Schedule};
use super::stepped::{Code, Stepped, Wrong};
use super::way::Way;
use crate::layout::{CONSUMER, COUNTERS, DATA, PRODUCER, SESSION, WAKE_AT};

/// Once around, so that old records lie about.
const AROUND: u64 = 3 * CAPACITY;

/// Where the schedules of one case are played.
pub(crate) struct Stage<'c, P: Carried + ?Sized> {
    case: &'c Case,
    code: &'c Code,
    lengths: Lengths,
    ledger: Ledger,
    set: Set<P>,
    /// The tail before the first record that a schedule pushes.
    tail: u64,
}

enum Set<P: ?Sized> {
    /// The ring of all schedules, and the bytes that it begins with.
    Given { ring: Rc<Ring<P>>, file: File, image: Vec<u8> },
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

impl<'c, P: Carried + ?Sized + 'static> Stage<'c, P> {
    pub(crate) fn new(case: &'c Case, lengths: Lengths, code: &'c Code) -> Result<Self, Wrong> {
        let ledger = Ledger::new().map_err(text)?;
        if case.is_named() {
            let name = name("interleave");
            let set = Set::Named { name };
            return Ok(Self { case, code, lengths, ledger, set, tail: 0 });
        }
        let prefilled: u64 = (0..case.prefill).map(|number| P::stride(number, lengths)).sum();
        let tail = AROUND - case.before_wrap;
        let head = tail.checked_sub(prefilled).ok_or("more records than that have passed")?;

        let region = Region::memfd("shm-ring-torture-interleave");
        let ring = Rc::new(Ring::<P>::create(region, child::options()).map_err(text)?);
        let file = File::from(ring.descriptor().try_clone_to_owned().map_err(text)?);
        // Old payload lies about where records will be: bytes that are no commit words.
        file.write_all_at(&[0x5a; CAPACITY as usize], DATA).map_err(text)?;
        for page in [PRODUCER, CONSUMER] {
            file.write_all_at(&head.to_le_bytes(), page).map_err(text)?;
        }
        let mut tx = ring.producer().map_err(text)?;
        for number in 0..case.prefill {
            P::push(&mut tx, &P::make(number, lengths)).map_err(text)?;
        }
        drop(tx);
        // As if nobody had ever attached.
        for page in [PRODUCER, CONSUMER] {
            file.write_all_at(&[0; 16], page + SESSION).map_err(text)?;
            file.write_all_at(&[0; 32], page + COUNTERS).map_err(text)?;
        }
        let mut image = vec![0; (DATA + CAPACITY) as usize];
        file.read_exact_at(&mut image, 0).map_err(text)?;
        let set = Set::Given { ring, file, image };
        Ok(Self { case, code, lengths, ledger, set, tail })
    }

    /// The way of side `which` if nobody disturbs it.
    pub(crate) fn way(&self, which: usize) -> Result<Way, Wrong> {
        self.begin()?[which].walk()
    }

    /// Plays one schedule and checks what came of it.
    pub(crate) fn play(&self, schedule: Schedule, ways: &[Way; 2]) -> Played {
        let mut sides = match self.begin() {
            Ok(sides) => sides,
            Err(wrong) => return Played { end: Err(wrong), sides: None },
        };
        let end = schedule::run(&mut sides, schedule, ways)
            .and_then(|end| self.check(&mut sides).map(|()| end));
        let did = [0, 1].map(|which: usize| Did { sleeps: sides[which].sleeps });
        Played { end, sides: Some(did) }
    }

    /// Both sides at the beginning of their operations.
    fn begin(&self) -> Result<[Stepped<'c>; 2], Wrong> {
        self.ledger.clear().map_err(text)?;
        match &self.set {
            Set::Given { file, image, .. } => file.write_all_at(image, 0).map_err(text)?,
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
        self.check_positions(pushed, taken)?;
        let goal = pushed + AFTERWARDS;
        self.ledger.set_goal(goal).map_err(text)?;
        both(sides, |side| side.release())?;
        both(sides, |side| side.finish())?;
        self.check_positions(goal, goal)?;
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
        let sure = match case.ops[1] {
            Op::PopBatch(count) if b.outcome == Outcome::Done => case.prefill.max(1).min(count),
            _ => 0,
        };
        if b.taken < sure {
            return Err(format!("took {} records, and {sure} were there", b.taken));
        }
        Ok(())
    }

    /// The positions after so many records.
    fn check_positions(&self, pushed: u64, taken: u64) -> Result<(), Wrong> {
        let file = match &self.set {
            Set::Given { file, .. } => file,
            Set::Named { name } => &File::open(format!("/dev/shm/{name}")).map_err(text)?,
        };
        let bytes = |numbers: core::ops::Range<u64>| -> u64 {
            numbers.map(|number| P::stride(number, self.lengths)).sum()
        };
        let head = self.tail - bytes(0..self.case.prefill);
        for (page, name, wanted) in [
            (PRODUCER, "tail", head + bytes(0..pushed)),
            (CONSUMER, "head", head + bytes(0..taken)),
        ] {
            let found = word(file, page).map_err(text)?;
            if found != wanted {
                return Err(format!("{name} is {found} and must be {wanted}"));
            }
            let wake_at = word(file, page + WAKE_AT).map_err(text)?;
            if wake_at != u64::MAX {
                return Err(format!("beside {name}, wake_at is {wake_at} and nobody sleeps"));
            }
        }
        Ok(())
    }

    /// Both have closed: the roles are free again.
    fn check_rest(&self) -> Result<(), Wrong> {
        let Set::Given { ring, file, .. } = &self.set else { return Ok(()) };
        for (role, page) in [(Role::Producer, PRODUCER), (Role::Consumer, CONSUMER)] {
            let session = word(file, page + SESSION).map_err(text)?;
            if session == 0 || session % 2 != 0 {
                return Err(format!("the {role}'s session is {session} after it closed"));
            }
        }
        let _ = ring;
        Ok(())
    }
}

impl<P: Carried + ?Sized> Drop for Stage<'_, P> {
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

fn word(file: &File, at: u64) -> io::Result<u64> {
    let mut bytes = [0; 8];
    file.read_exact_at(&mut bytes, at)?;
    Ok(u64::from_le_bytes(bytes))
}

fn text(error: impl ToString) -> Wrong {
    error.to_string()
}
