//! Deaths at chosen instructions of attaching and closing with the notice given: of the thread that attaches,
//! and of the keeper. It must not know how the kernel comes to tell.
//!
//! What must hold whichever instruction was the last: if the session says that a side is attached, the kernel
//! has marked its liveness word; another ring that the process was attached to all the time is marked in any
//! case; a sleeper is told, and the role can be taken over.
//!
//! The two threads run at will beside each other, so that an instruction is not known by its number but by its
//! address, and a process is killed where it comes by for the first time. Only the thread that is looked at is
//! stepped.

use std::time::Duration;

use nix::sys::signal::Signal;
use shm_ring::{Ends, Options, PopError, Ring, Wait};
use shm_ring_outsider::{Descriptor, Region as _, Side, Word};

use crate::region::Name;
use crate::report::Report;
use crate::trace::{Step, Traced};

/// Kills a process at every so many-th instruction, unless all are asked for.
const STRIDE: usize = 11;
/// Addresses that a window must have, lest nothing be shown. Half of what the shortest has.
const ADDRESSES_MIN: u64 = 85;
const KILLS_MIN: u64 = 10;
/// A window longer than this hangs.
const STEPS_MAX: u64 = 2_000_000;
/// A stepped thread that says nothing for so long sleeps.
const ASLEEP: Duration = Duration::from_millis(300);
/// Reaching this is a hang.
const LIMIT: Duration = Duration::from_secs(10);

const MARKED: u64 = 0xC000_0000;

/// What is stepped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Window {
    /// Attaching, with the keeper's start.
    First,
    /// Attaching while the keeper serves another ring.
    Second,
    /// Closing one of two.
    CloseNewer,
    /// Closing the only one, with the keeper's end.
    CloseLast,
    /// The keeper, from its first instruction to its sleep.
    Keeper,
    /// The keeper, from its sleep to its last instruction.
    KeeperEnds,
}

impl Window {
    pub(super) const ALL: [Self; 6] = [
        Self::First,
        Self::Second,
        Self::CloseNewer,
        Self::CloseLast,
        Self::Keeper,
        Self::KeeperEnds,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::First => "attach-first",
            Self::Second => "attach-second",
            Self::CloseNewer => "close-newer",
            Self::CloseLast => "close-last",
            Self::Keeper => "keeper-starts",
            Self::KeeperEnds => "keeper-ends",
        }
    }

    fn with_other(self) -> bool {
        matches!(self, Self::Second | Self::CloseNewer)
    }

    fn of_keeper(self) -> bool {
        matches!(self, Self::Keeper | Self::KeeperEnds)
    }

    /// Whether the window stands behind the attaching.
    fn closes(self) -> bool {
        matches!(self, Self::CloseNewer | Self::CloseLast | Self::KeeperEnds)
    }
}

/// Kills at all addresses of a window, or at some of them.
pub(super) fn run(window: Window, full: bool, report: &mut Report) {
    let name = window.name();
    match kills(window, if full { 1 } else { STRIDE }) {
        Ok((addresses, kills, attached)) => {
            report.at_least(format!("{name}: distinct instructions"), addresses, ADDRESSES_MIN, "");
            report.at_least(format!("{name}: kills"), kills, KILLS_MIN, "");
            report.figure(format!("{name}: of them attached, and told"), attached as f64, "");
        }
        Err(what) => report.violation(format!("{name}: {what}")),
    }
}

/// The ring that is worked on, and the one beside it.
struct Stage {
    names: [Name; 2],
    rings: [Ring<u64>; 2],
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// For this process, which must have one thread while it forks.
fn options() -> Options {
    // Each of the consumers that come one after the other hears of the end before it.
    Options::new().bytes(4096).wait(Wait::PARK).death_notice(false).ends(Ends::OfStream)
}

impl Stage {
    fn new() -> Result<Self, String> {
        let names = ["stepped", "beside"].map(Name::new);
        let make = |name: &Name| Ring::create(name.as_str(), &options()).map_err(text);
        let rings = [make(&names[0])?, make(&names[1])?];
        Ok(Self { names, rings })
    }

    /// A child at the beginning of `window`: itself, and its keeper if that is what is stepped.
    fn child(&self, window: Window) -> Result<Child, String> {
        let job = || {
            let open = |at: usize| {
                let notice = Options::new().death_notice(true);
                Ring::<u64>::open_with(self.names[at].as_str(), &notice)
            };
            let other = window.with_other().then(|| open(1).and_then(|ring| ring.producer()));
            let Ok(ring) = open(0) else { return 1 };
            let mark = || nix::sys::signal::raise(Signal::SIGSTOP).is_ok();
            mark();
            let Ok(tx) = ring.producer() else { return 2 };
            mark();
            drop(tx);
            mark();
            drop(other);
            0
        };
        let mut main = Traced::start(job).map_err(text)?;
        until_mark(&mut main)?;
        let keeper = match window.of_keeper() {
            true => Some(main.until_thread().map_err(text)?),
            false => None,
        };
        let mut child = Child { keeper, main };
        if window.closes() {
            if let Some(keeper) = &child.keeper {
                keeper.resume().map_err(text)?;
            }
            until_mark(&mut child.main)?;
        }
        if let Some(keeper) = child.keeper.as_mut().filter(|_| window.closes()) {
            keeper.stop(LIMIT).map_err(text)?;
        }
        if window.of_keeper() {
            child.main.resume().map_err(text)?;
        }
        Ok(child)
    }

    /// After a death: whether it died attached. What does not hold is an error.
    fn judge(&self, window: Window) -> Result<bool, String> {
        let attached = self.marked(0)?;
        if window.with_other() && !self.marked(1)? {
            return Err("the other ring says that nobody was attached".to_owned());
        }
        for (at, was_attached) in [(0, attached), (1, window.with_other())] {
            self.taken_over(&self.rings[at], was_attached)?;
        }
        Ok(attached)
    }

    /// Whether the session of the producer says attached: then its word must be marked.
    fn marked(&self, at: usize) -> Result<bool, String> {
        let bytes = Descriptor::of(self.rings[at].descriptor()).map_err(text)?;
        let session = bytes.named(Side::Producer, Word::Session);
        let word = bytes.named(Side::Producer, Word::Liveness);
        let attached = session % 2 == 1;
        if attached && word != MARKED {
            let which = ["the ring", "the other ring"][at];
            return Err(format!(
                "{which}: session {session}, and the kernel did not tell: {word:#x}"
            ));
        }
        Ok(attached)
    }

    /// The survivor hears of the end, a successor attaches, and a record and another end go through.
    fn taken_over(&self, ring: &Ring<u64>, dead: bool) -> Result<(), String> {
        let mut rx = ring.consumer().map_err(text)?;
        if dead && !matches!(rx.pop_timeout(LIMIT), Err(PopError::PeerDead)) {
            return Err("the survivor was not told of a death".to_owned());
        }
        let mut tx = ring.producer().map_err(text)?;
        tx.push(7).map_err(text)?;
        tx.close();
        let mut came = vec![rx.pop(), rx.pop()];
        // One that had closed in order comes first.
        if !dead && came[0] == Err(PopError::Closed) {
            came.drain(..1);
            came.push(rx.pop());
        }
        match came[..] {
            [Ok(7), Err(PopError::Closed)] => Ok(()),
            _ => Err(format!("the successor pushed 7 and closed, and {came:?} came")),
        }
    }
}

/// Dropped in this order: the process is not reaped before its threads.
struct Child {
    keeper: Option<Traced>,
    main: Traced,
}

impl Child {
    fn stepped(&mut self) -> &mut Traced {
        self.keeper.as_mut().unwrap_or(&mut self.main)
    }
}

fn until_mark(main: &mut Traced) -> Result<(), String> {
    match main.go().map_err(text)? {
        Step::Signalled(Signal::SIGSTOP) => Ok(()),
        other => Err(format!("a child did not come to its mark: {other:?}")),
    }
}

/// How many distinct instructions a window has, at how many of them a process was killed, and how many of those
/// were attached.
fn kills(window: Window, stride: usize) -> Result<(u64, u64, u64), String> {
    let stage = Stage::new()?;
    let path = path(&stage, window)?;
    stage.judge(window)?;
    let (mut killed, mut told) = (0, 0);
    for &address in path.iter().step_by(stride) {
        let at = |what: String| format!("killed before {address:#x}: {what}");
        let mut child = stage.child(window).map_err(at)?;
        let stepped = child.stepped();
        stepped.stop_at(Some(address)).map_err(text)?;
        let step = match window.of_keeper() {
            true => stepped.resume().and_then(|()| stepped.wait_within(ASLEEP)).map_err(text)?,
            false => Some(stepped.go().map_err(text)?),
        };
        drop(child);
        killed += u64::from(step == Some(Step::Stopped));
        told += u64::from(stage.judge(window).map_err(at)?);
    }
    Ok((path.len() as u64, killed, told))
}

/// The addresses of a window, each where it comes first.
fn path(stage: &Stage, window: Window) -> Result<Vec<u64>, String> {
    let mut child = stage.child(window)?;
    let stepped = child.stepped();
    let mut path = Vec::new();
    let mut known = std::collections::HashSet::new();
    for _ in 0..STEPS_MAX {
        let address = stepped.instruction().map_err(text)?;
        if known.insert(address) {
            path.push(address);
        }
        stepped.begin_step().map_err(text)?;
        match stepped.wait_within(if window.of_keeper() { ASLEEP } else { LIMIT }).map_err(text)? {
            Some(Step::Stopped) => {}
            Some(Step::Signalled(Signal::SIGSTOP)) | None => return Ok(path),
            Some(Step::Exited(_)) if window == Window::KeeperEnds => return Ok(path),
            Some(other) => return Err(format!("ended on the way: {other:?}")),
        }
    }
    Err(format!("more than {STEPS_MAX} instructions"))
}
