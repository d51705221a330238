//! Owns: what the model of names consists of: regions, processes and what each is out for. Knows nothing of: in which order
//! a process takes its steps (`steps`).
//!
//! A process opens or creates a ring by its name, takes a role, closes, removes or replaces it; it may be killed between
//! any two steps. A session is open or not, and marked or not, in one word: how those words are written is the model of life.

mod rules;
mod steps;

use stateright::{Model, Property};

use crate::explore::{Telling, World};
use crate::os::{Fd, INODES, Kernel, PROCESSES};
use crate::rules::{Broken, always};
use crate::variants::Names as Variant;

/// A role: the index of its range and of its words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Pushes.
    Producer,
    /// Pops.
    Consumer,
}

pub(crate) const ROLES: [Role; 2] = [Role::Producer, Role::Consumer];

/// What a process is out for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Goal {
    /// Nothing: there is no such process.
    Nothing,
    /// Opens, and creates if `create`, and attaches; closes some time, and removes as the last user if `unlink`.
    Attach {
        /// The role.
        role: Role,
        /// `open_or_create` rather than `open`.
        create: bool,
        /// `Options::unlink_on_drop`.
        unlink: bool,
    },
    /// Removes the ring if nobody uses it; with unread records if `unread`.
    Remove {
        /// Asked for.
        unread: bool,
    },
    /// Replaces the ring if nobody uses it, and attaches to the new one.
    Replace {
        /// The role.
        role: Role,
    },
    /// Takes a read lock on the role's range, and gives it up.
    Read {
        /// The role.
        role: Role,
    },
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the library's own words")]
pub enum Answer {
    Closed,
    Removed,
    NotFound,
    NoSpace,
    RoleTaken,
    BlockedByReader,
    UnreadRecords,
    Killed,
}

/// What a process does next. A role says of which.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum At {
    OpenByName,
    Lock(Role),
    AskWithReadLock(Role),
    AskWithWriteLock(Role),
    LookAtItsSession(Role),
    LookAtLinks,
    CompareName,
    LookForUnread,
    Allocate(u8),
    LookForNameAgain,
    LockOwnNewRing,
    Link,
    LinkTemporary,
    RenameOver,
    ReleaseOldRing,
    Publish,
    Attached,
    StoreEven,
    ReleaseLease,
    Unlink,
    RenameAway,
    CompareRenamed(u8),
    RenameBack(u8),
    StartOver,
    Release(Answer),
    HoldReadLock,
    Done(Answer),
    /// Killed, and the kernel has not marked it yet.
    Killed,
    /// Marked, and its descriptors are still open.
    Marked,
}

/// A process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Process {
    pub(crate) at: At,
    /// The ring that it opened.
    pub(crate) backing: Option<Fd>,
    pub(crate) leases: [Option<Fd>; 2],
    /// The ring that it makes.
    pub(crate) new: Option<Fd>,
    pub(crate) new_lease: Option<Fd>,
    /// Whether it takes the leases as the last user that removes.
    pub(crate) leaving: bool,
    /// Whether the name has changed since its round began.
    pub(crate) name_changed: bool,
    pub(crate) short_of_memory: u8,
    pub(crate) starts: u8,
}

/// A session word and its liveness word, without their numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Region {
    pub(crate) is_open: [bool; 2],
    pub(crate) is_marked: [bool; 2],
    pub(crate) unread: u8,
}

/// The world.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    pub(crate) kernel: Kernel,
    pub(crate) regions: [Region; INODES],
    pub(crate) processes: [Process; PROCESSES],
    pub(crate) kills: u8,
    pub(crate) pushes: u8,
    /// The rules that this state or the step before it breaks.
    pub broken: Broken,
}

/// What happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A process takes its next step.
    Step(usize),
    /// A producer pushes.
    Push(usize),
    /// A consumer pops.
    Pop(usize),
    /// An attached side begins to close.
    Close(usize),
    /// Somebody kills a process.
    Kill(usize),
    /// The kernel goes on with the end of a killed process.
    TearDown(usize),
    /// A process that is done starts again.
    Restart(usize),
}

/// A scenario.
#[derive(Clone, Copy, Debug)]
pub struct Names {
    /// What each process is out for.
    pub goals: [Goal; PROCESSES],
    /// How many processes may be killed.
    pub kills: u8,
    /// How often each process may begin.
    pub starts: u8,
    /// How many records may be pushed.
    pub pushes: u8,
    /// Whether a ring with an unread record is there at the start.
    pub left_over: bool,
    /// Pages of memory, and pages of a ring.
    pub pages: (u8, u8),
    /// The planted fault.
    pub variant: Variant,
}

impl Model for Names {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let process = Process {
            at: At::OpenByName,
            backing: None,
            leases: [None; 2],
            new: None,
            new_lease: None,
            leaving: false,
            name_changed: false,
            short_of_memory: 0,
            starts: 1,
        };
        let mut state = State {
            kernel: Kernel::with_pages(self.pages.0),
            regions: [Region::default(); INODES],
            processes: [process; PROCESSES],
            kills: self.kills,
            pushes: self.pushes,
            broken: Broken::default(),
        };
        if self.left_over {
            let fd = state.kernel.make(0);
            for _ in 0..self.pages.1 {
                state.kernel.allocate(0, fd);
            }
            state.regions[state.kernel.inode(0, fd) as usize].unread = 1;
            state.kernel.link(0, fd);
            state.kernel.close(0, fd);
        }
        for (process, goal) in state.processes.iter_mut().zip(self.goals) {
            if goal == Goal::Nothing {
                process.at = At::Done(Answer::Closed);
            }
        }
        vec![state]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.broken.any() {
            return;
        }
        for (p, process) in state.processes.iter().enumerate() {
            match process.at {
                At::Done(_) if self.goals[p] == Goal::Nothing => continue,
                At::Done(_) => {
                    if process.starts < self.starts {
                        actions.push(Action::Restart(p));
                    }
                    continue;
                }
                At::Killed | At::Marked => {
                    actions.push(Action::TearDown(p));
                    continue;
                }
                At::Attached => {
                    let unread = self.region(state, p).map_or(0, |region| region.unread);
                    match self.role(p) {
                        Some(Role::Producer) if unread < 2 && state.pushes > 0 => {
                            actions.push(Action::Push(p));
                        }
                        Some(Role::Consumer) if unread > 0 => actions.push(Action::Pop(p)),
                        _ => {}
                    }
                    actions.push(Action::Close(p));
                }
                _ => actions.push(Action::Step(p)),
            }
            if state.kills > 0 {
                actions.push(Action::Kill(p));
            }
        }
    }

    fn next_state(&self, before: &State, action: Action) -> Option<State> {
        let mut state = before.clone();
        self.act(&mut state, action);
        self.judge(&mut state);
        (state != *before).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = always!(Self: OneOwner, OnTheNamedRing, UnreadStays, RemovedUnderLeases,
            NameNeverAbsent, LastUserRemoves, NoSpaceIsTrue, RoleTakenIsTrue, RoundsAreBounded);
        properties.push(Property::sometimes("somebody attached and closed", |_, state: &State| {
            state.processes.iter().any(|process| process.at == At::Done(Answer::Closed))
        }));
        if self.goals.iter().any(|goal| matches!(goal, Goal::Remove { .. })) {
            properties.push(Property::sometimes(
                "somebody removed the name",
                |_, state: &State| {
                    state.processes.iter().any(|process| process.at == At::Done(Answer::Removed))
                },
            ));
        }
        if self.goals.iter().any(|goal| matches!(goal, Goal::Replace { .. })) {
            properties.push(Property::sometimes("somebody replaced a ring", |_, state: &State| {
                state.processes.iter().any(|process| process.at == At::ReleaseOldRing)
            }));
        }
        properties
    }
}

impl Telling for State {
    fn line(&self) -> String {
        let name = self.kernel.name.map_or("nothing".to_owned(), |inode| format!("ring {inode}"));
        let rings = (0..INODES as u8).filter(|inode| self.kernel.exists(*inode)).map(|inode| {
            let region = self.regions[inode as usize];
            let side = |role: Role| {
                let locked = self.kernel.is_locked(inode, role as usize);
                let word = match (region.is_open[role as usize], region.is_marked[role as usize]) {
                    (true, true) => "odd, marked",
                    (true, false) => "odd",
                    _ => "even",
                };
                format!("{role:?} {word}{}", if locked { ", leased" } else { "" })
            };
            let [producer, consumer] = ROLES.map(side);
            format!("; ring {inode}: {producer}; {consumer}; {} unread", region.unread)
        });
        rings.fold(format!("[the name leads to {name}"), |line, ring| line + &ring) + "]"
    }
}

impl World for Names {
    fn tell(&self, before: &State, action: &Action) -> String {
        match *action {
            Action::Step(p) => {
                format!("process {p} ({:?}): {:?}", self.goals[p], before.processes[p].at)
            }
            other => format!("{other:?}"),
        }
    }
}
