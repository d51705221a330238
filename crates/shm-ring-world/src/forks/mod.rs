//! Owns: what the model of forks consists of: processes with threads that take and drop leases while others fork, and what
//! a child has copies of. Knows nothing of: records; who waits for whom.
//!
//! Each process takes the lease of a range of its own, of one ring. A table of the descriptors of its leases lets the
//! handler of a fork close them in the child.

mod steps;

use stateright::{Model, Property};

use crate::explore::{Telling, World};
use crate::os::{DESCRIPTORS, Fd, Kernel, Lock, PROCESSES, RANGES};
use crate::rules::{Broken, Rule, always};
use crate::variants::Forks as Variant;

/// The inode of the ring, and that of a file of no interest.
pub(crate) const RING: u8 = 0;
pub(crate) const OTHER: u8 = 1;

/// What the thread that has the end does next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Taker {
    #[default]
    Idle,
    ReadGeneration,
    Open,
    Register,
    CheckGeneration,
    Lock,
    Attached,
    /// Its iterator runs: code of the user.
    InBatch,
    Unlock,
    Unregister,
    Close,
}

/// Where a thread that forks is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Forker {
    #[default]
    Idle,
    Prepared,
    Forked,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Running {
    #[default]
    NotYet,
    Yes,
    Dead,
}

/// A process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Process {
    pub(crate) running: Running,
    /// The entry that the child's handler comes to next.
    pub(crate) handler: Option<u8>,
    /// Made without handlers.
    pub(crate) raw: bool,
    /// The token was wiped, and nothing has been taken since.
    pub(crate) is_new: bool,
    pub(crate) table: [Option<Fd>; 2],
    /// Forks that have begun and ended.
    pub(crate) started: u8,
    pub(crate) finished: u8,
    pub(crate) taker: Taker,
    pub(crate) fd: Option<Fd>,
    pub(crate) generation: u8,
    pub(crate) takes: u8,
    pub(crate) forkers: [Forker; 2],
    /// The copy of its parent's end, by its descriptor's number.
    pub(crate) inherited: Option<Fd>,
    /// The copy of its parent's batch, which it is in.
    pub(crate) inherited_batch: bool,
    /// A file of no interest.
    pub(crate) other: Option<Fd>,
    pub(crate) opened_other: bool,
}

/// The world.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    pub(crate) kernel: Kernel,
    pub(crate) processes: [Process; PROCESSES],
    pub(crate) forks: u8,
    /// The rules that this state or the step before it breaks.
    pub broken: Broken,
}

/// What happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The thread with the end takes its next step; attached, it begins to drop it.
    Take(usize),
    /// It begins a batch.
    BeginBatch(usize),
    /// It ends the batch: stores `tail`.
    EndBatch(usize),
    /// The batch's iterator forks.
    IteratorForks(usize),
    /// A thread forks: handlers and all, step by step.
    Fork(usize, usize),
    /// A child without handlers: `_Fork`, `clone`.
    RawFork(usize),
    /// The child's handler, an entry at a time.
    Handler(usize),
    /// A child goes on with the batch that it was forked in.
    EndInheritedBatch(usize),
    /// A child drops its copy of the end.
    DropInherited(usize),
    /// Some thread opens a file.
    OpenOther(usize),
    /// It is killed, or ends.
    Kill(usize),
}

/// A scenario.
#[derive(Clone, Copy, Debug)]
pub struct Forks {
    /// How many forks there may be.
    pub forks: u8,
    /// How many of them may be without handlers: all or none.
    pub raw: bool,
    /// How often each process may attach.
    pub takes: u8,
    /// How many threads of a process fork.
    pub threads: usize,
    /// The planted fault.
    pub variant: Variant,
}

impl Forks {
    fn judge(&self, state: &mut State) {
        let State { kernel, processes, broken, .. } = state;
        for (p, process) in processes.iter().enumerate() {
            let range = p % RANGES;
            if let (Running::Yes, Some(fd)) = (process.running, process.fd) {
                let is_ring = kernel.is_open(p, fd) && kernel.inode(p, fd) == RING;
                let kept = match process.taker {
                    Taker::Attached | Taker::InBatch => {
                        is_ring && kernel.holds(p, fd, range) == Lock::Write
                    }
                    Taker::Register | Taker::CheckGeneration | Taker::Lock | Taker::Unlock => {
                        is_ring
                    }
                    _ => true,
                };
                broken.expect(Rule::LeaseIsKept, kept);
            }
            if let (Running::Yes, Some(fd)) = (process.running, process.other) {
                let stays = kernel.is_open(p, fd) && kernel.inode(p, fd) == OTHER;
                broken.expect(Rule::InnocentDescriptorStays, stays);
            }
            let settled = process.handler.is_none()
                && process.forkers.iter().all(|forker| *forker == Forker::Idle);
            if process.running == Running::Yes && settled && !process.is_new {
                broken.expect(Rule::ChildCanAttach, process.started == process.finished);
            }
        }
        let sharers = processes.iter().any(|process| {
            process.running == Running::Yes && (process.raw || process.handler.is_some())
        });
        // The third process shares the first one's range, and never attaches.
        for (p, process) in processes.iter().enumerate().take(RANGES) {
            if process.running == Running::Dead && !sharers {
                broken.expect(Rule::LeaseGetsFree, !kernel.is_locked(RING, p));
            }
        }
    }
}

impl Model for Forks {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let mut state = State {
            kernel: Kernel::default(),
            processes: [Process::default(); PROCESSES],
            forks: self.forks,
            broken: Broken::default(),
        };
        state.processes[0].running = Running::Yes;
        // The ring has a name: it is there whoever is.
        let fd = state.kernel.make(0);
        state.kernel.link(0, fd);
        state.kernel.close(0, fd);
        vec![state]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if !state.broken.any() {
            self.possible(state, actions);
        }
    }

    fn next_state(&self, before: &State, action: Action) -> Option<State> {
        let mut state = before.clone();
        self.act(&mut state, action);
        self.judge(&mut state);
        (state != *before).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = always!(Self: ChildIsHarmless, LeaseGetsFree, InnocentDescriptorStays, LeaseIsKept,
            ChildCanAttach);
        properties.push(Property::sometimes("a child attached", |_, state: &State| {
            state.processes[1].taker == Taker::Attached
        }));
        properties
    }
}

impl Telling for State {
    fn line(&self) -> String {
        let processes = self.processes.iter().enumerate();
        let there = processes.filter(|(_, process)| process.running == Running::Yes);
        let told = there.map(|(p, process)| {
            let open = (0..DESCRIPTORS as Fd).filter(|fd| self.kernel.is_open(p, *fd));
            let Process { table, started, finished, .. } = process;
            format!(
                "process {p}: open {:?}, registered {:?}, forks {started}/{finished}; ",
                open.collect::<Vec<_>>(),
                table.iter().flatten().collect::<Vec<_>>()
            )
        });
        let ranges: Vec<_> = (0..RANGES).map(|range| self.kernel.is_locked(RING, range)).collect();
        format!("[{}locked {ranges:?}]", told.collect::<String>())
    }
}

impl World for Forks {
    fn tell(&self, before: &State, action: &Action) -> String {
        match *action {
            Action::Take(p) => format!("process {p}: {:?}", before.processes[p].taker),
            Action::Fork(p, thread) => {
                let at = match before.processes[p].forkers[thread] {
                    Forker::Idle => "prepare handler",
                    Forker::Prepared => "fork",
                    Forker::Forked => "parent handler",
                };
                format!("process {p}, thread {thread}: {at}")
            }
            other => format!("{other:?}"),
        }
    }
}
