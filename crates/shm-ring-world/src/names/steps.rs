//! Owns: the order in which a process opens, creates, takes roles, removes and replaces: a system call a step. Knows
//! nothing of: which of it is allowed (`rules`).

use super::{Action, Answer, At, Goal, Names, ROLES, Region, Role, State};
use crate::os::{Fd, Lock};
use crate::variants::Names as Variant;

/// How often an allocation that found no memory is tried again.
const SHORTAGES: u8 = 2;

impl Names {
    pub(super) fn role(&self, p: usize) -> Option<Role> {
        match self.goals[p] {
            Goal::Attach { role, .. } | Goal::Replace { role } | Goal::Read { role } => Some(role),
            Goal::Nothing | Goal::Remove { .. } => None,
        }
    }

    pub(super) fn region(&self, state: &State, p: usize) -> Option<Region> {
        let backing = state.processes[p].backing?;
        Some(state.regions[state.kernel.inode(p, backing) as usize])
    }

    fn region_mut<'a>(&self, state: &'a mut State, p: usize) -> &'a mut Region {
        let backing = state.processes[p].backing.expect("an opened ring");
        &mut state.regions[state.kernel.inode(p, backing) as usize]
    }

    fn removes_unread(&self, p: usize) -> bool {
        self.goals[p] == Goal::Remove { unread: true }
    }

    /// Whether it takes one lease, to attach, or all.
    fn attaches(&self, state: &State, p: usize) -> bool {
        matches!(self.goals[p], Goal::Attach { .. }) && !state.processes[p].leaving
    }

    pub(super) fn act(&self, state: &mut State, action: Action) {
        match action {
            Action::Step(p) => self.step(state, p),
            Action::Push(p) => {
                state.pushes -= 1;
                self.region_mut(state, p).unread += 1;
            }
            Action::Pop(p) => self.region_mut(state, p).unread -= 1,
            Action::Close(p) => state.processes[p].at = At::StoreEven,
            Action::Kill(p) => {
                state.kills -= 1;
                // The kernel marks only what is attached: of the rest it just closes the descriptors.
                let attached = matches!(state.processes[p].at, At::Attached | At::StoreEven);
                state.processes[p].at = if attached { At::Killed } else { At::Marked };
            }
            Action::TearDown(p) if state.processes[p].at == At::Killed => {
                let role = self.role(p).expect("a role") as usize;
                self.region_mut(state, p).is_marked[role] = true;
                state.processes[p].at = At::Marked;
            }
            Action::TearDown(p) => {
                state.kernel.exit(p);
                self.forget(state, p);
                state.processes[p].at = At::Done(Answer::Killed);
            }
            Action::Restart(p) => {
                let process = &mut state.processes[p];
                process.starts += 1;
                process.short_of_memory = 0;
                process.leaving = false;
                process.at = At::OpenByName;
                process.name_changed = false;
            }
        }
    }

    fn step(&self, state: &mut State, p: usize) {
        let at = state.processes[p].at;
        let next = match at {
            At::OpenByName => self.open_by_name(state, p),
            At::Lock(role) => self.lock(state, p, role),
            At::AskWithReadLock(role) => {
                let with = match self.variant {
                    Variant::AsksWithWriteLock => Lock::Write,
                    _ => Lock::Read,
                };
                match state.kernel.blocker(p, lease(state, p, role), role as usize, with) {
                    Lock::Free => At::AskWithWriteLock(role),
                    _ => At::LookAtItsSession(role),
                }
            }
            At::AskWithWriteLock(role) => {
                match state.kernel.blocker(p, lease(state, p, role), role as usize, Lock::Write) {
                    Lock::Free => At::Lock(role),
                    Lock::Read => self.refused(state, p, Answer::BlockedByReader),
                    Lock::Write => At::LookAtItsSession(role),
                }
            }
            At::LookAtItsSession(role) => {
                let region = self.region(state, p).expect("an opened ring");
                let lives = region.is_open[role as usize] && !region.is_marked[role as usize];
                let leaving = state.processes[p].leaving;
                match self.variant {
                    Variant::LastUserGivesUp if leaving => At::Release(Answer::Closed),
                    // Attaching, closing, removing, or being torn down: it will be free.
                    Variant::RefusedIsTaken | Variant::AsksWithWriteLock => {
                        self.taken(state, p, role)
                    }
                    _ if !lives => At::Lock(role),
                    _ => self.taken(state, p, role),
                }
            }
            At::LookAtLinks => {
                let links = state.kernel.links(p, state.processes[p].backing.expect("a ring"));
                if links > 0 || self.variant == Variant::NoLookAtLinks {
                    At::Publish
                } else {
                    self.lost_the_name(state, p)
                }
            }
            At::CompareName => {
                let backing = state.processes[p].backing.expect("a ring");
                let same = state.kernel.name == Some(state.kernel.inode(p, backing))
                    && state.kernel.links(p, backing) == 1;
                match same || self.variant == Variant::NameIsNotCompared {
                    true if self.variant == Variant::UnreadBeforeLeases => self.take_away(state, p),
                    true => At::LookForUnread,
                    false => self.lost_the_name(state, p),
                }
            }
            At::LookForUnread => {
                let unread = self.region(state, p).expect("a ring").unread;
                match unread > 0 && !self.removes_unread(p) {
                    true => At::Release(Answer::UnreadRecords),
                    // It has not taken them yet.
                    false if self.variant == Variant::UnreadBeforeLeases => {
                        At::Lock(Role::Producer)
                    }
                    false => self.take_away(state, p),
                }
            }
            At::Allocate(done) => self.allocate(state, p, done),
            At::LookForNameAgain => {
                let process = &mut state.processes[p];
                process.short_of_memory += 1;
                match state.kernel.name {
                    Some(_) => At::OpenByName,
                    None if process.short_of_memory > SHORTAGES => At::Done(Answer::NoSpace),
                    None => self.make(state, p),
                }
            }
            At::LockOwnNewRing => {
                let role = self.role(p).expect("a role");
                let new = state.processes[p].new.expect("a new ring");
                let fd = state.kernel.reopen(p, new);
                assert!(state.kernel.lock(p, fd, role as usize, Lock::Write), "nobody knows of it");
                state.processes[p].new_lease = Some(fd);
                self.name_it(state, p)
            }
            At::Link => self.link(state, p),
            At::LinkTemporary => {
                state.kernel.link_elsewhere(p, state.processes[p].new.expect("a new ring"));
                At::RenameOver
            }
            At::RenameOver => {
                let lost = state.kernel.rename_over(p, state.processes[p].new.expect("a new ring"));
                self.name_lost(state, p, lost);
                self.name_changes(state);
                At::ReleaseOldRing
            }
            At::ReleaseOldRing => {
                self.settle_in(state, p);
                At::Publish
            }
            At::Publish => {
                let role = self.role(p).expect("a role") as usize;
                let region = self.region_mut(state, p);
                (region.is_open[role], region.is_marked[role]) = (true, false);
                At::Attached
            }
            At::StoreEven => {
                let role = self.role(p).expect("a role") as usize;
                self.region_mut(state, p).is_open[role] = false;
                let unlink = matches!(self.goals[p], Goal::Attach { unlink: true, .. });
                state.processes[p].leaving = unlink;
                match self.variant {
                    _ if !unlink => At::Release(Answer::Closed),
                    Variant::CreatorUnlinks => At::CompareName,
                    Variant::LastUserKeepsItsLease => self.lock_first(state, p),
                    _ => At::ReleaseLease,
                }
            }
            At::ReleaseLease => {
                let role = self.role(p).expect("a role") as usize;
                let lease = state.processes[p].leases[role].take().expect("a lease");
                state.kernel.close(p, lease);
                self.lock_first(state, p)
            }
            At::Unlink => {
                let lost = state.kernel.unlink();
                self.name_lost(state, p, lost);
                self.name_changes(state);
                match self.goals[p] {
                    Goal::Replace { .. } => At::Link,
                    _ => At::Release(self.removed(p)),
                }
            }
            At::RenameAway => match state.kernel.rename_away() {
                Some(inode) => {
                    self.name_changes(state);
                    At::CompareRenamed(inode)
                }
                None => At::Release(Answer::NotFound),
            },
            At::CompareRenamed(inode) => {
                let backing = state.processes[p].backing.expect("a ring");
                if state.kernel.inode(p, backing) == inode {
                    state.kernel.unlink_elsewhere(inode);
                    At::Release(self.removed(p))
                } else {
                    At::RenameBack(inode)
                }
            }
            At::RenameBack(inode) => {
                state.kernel.rename_back(inode);
                self.name_changes(state);
                At::Release(Answer::NotFound)
            }
            At::StartOver => {
                self.begins_round(state, p);
                self.release(state, p);
                At::OpenByName
            }
            At::Release(answer) => {
                self.release(state, p);
                At::Done(answer)
            }
            At::HoldReadLock => At::Release(Answer::Closed),
            At::Attached | At::Done(_) | At::Killed | At::Marked => unreachable!("no step"),
        };
        state.processes[p].at = next;
        if let At::Done(answer) = next {
            self.answered(state, p, answer);
        }
    }

    fn open_by_name(&self, state: &mut State, p: usize) -> At {
        state.processes[p].name_changed = false;
        let Some(fd) = state.kernel.open(p) else {
            return match self.goals[p] {
                Goal::Attach { create: true, .. } | Goal::Replace { .. } => self.make(state, p),
                _ => At::Done(Answer::NotFound),
            };
        };
        state.processes[p].backing = Some(fd);
        match (self.goals[p], self.variant) {
            (Goal::Attach { .. } | Goal::Read { .. }, _) => At::Lock(self.role(p).expect("a role")),
            (Goal::Replace { .. }, Variant::ReplacesWithoutLeases) => At::CompareName,
            (_, Variant::UnreadBeforeLeases) => At::LookForUnread,
            (Goal::Remove { .. }, Variant::RemovesWithoutLeases) => At::CompareName,
            _ => self.lock_first(state, p),
        }
    }

    /// Takes all leases, the producer's first: two that do so cannot each have one that the other wants.
    fn lock_first(&self, state: &State, p: usize) -> At {
        match state.processes[p].leases[0] {
            None => At::Lock(Role::Producer),
            Some(_) => At::Lock(Role::Consumer),
        }
    }

    fn lock(&self, state: &mut State, p: usize, role: Role) -> At {
        if state.processes[p].leases[role as usize].is_none() {
            let backing = state.processes[p].backing.expect("an opened ring");
            let fd = state.kernel.reopen(p, backing);
            state.processes[p].leases[role as usize] = Some(fd);
        }
        let fd = lease(state, p, role);
        if matches!(self.goals[p], Goal::Read { .. }) {
            let locked = state.kernel.lock(p, fd, role as usize, Lock::Read);
            return if locked { At::HoldReadLock } else { At::Release(Answer::RoleTaken) };
        }
        if !state.kernel.lock(p, fd, role as usize, Lock::Write) {
            return At::AskWithReadLock(role);
        }
        if self.attaches(state, p) {
            return At::LookAtLinks;
        }
        match ROLES.iter().find(|role| !self.has_lease(state, p, **role)) {
            Some(role) => At::Lock(*role),
            None if self.variant == Variant::RenamesAwayToCompare => At::RenameAway,
            None => At::CompareName,
        }
    }

    fn has_lease(&self, state: &State, p: usize, role: Role) -> bool {
        let fd = state.processes[p].leases[role as usize];
        fd.is_some_and(|fd| state.kernel.holds(p, fd, role as usize) == Lock::Write)
    }

    fn refused(&self, state: &State, p: usize, answer: Answer) -> At {
        match state.processes[p].leaving {
            true => At::Release(Answer::Closed),
            false => At::Release(answer),
        }
    }

    fn taken(&self, state: &mut State, p: usize, role: Role) -> At {
        if !state.processes[p].leaving {
            self.taken_by(state, p, role);
        }
        self.refused(state, p, Answer::RoleTaken)
    }

    fn removed(&self, p: usize) -> Answer {
        match self.goals[p] {
            Goal::Remove { .. } => Answer::Removed,
            _ => Answer::Closed,
        }
    }

    /// The ring that it opened has no name any more.
    fn lost_the_name(&self, state: &State, p: usize) -> At {
        match self.goals[p] {
            // It has closed already: somebody else removed the name.
            _ if state.processes[p].leaving => At::Release(Answer::Closed),
            Goal::Attach { create: true, .. } | Goal::Replace { .. } => At::StartOver,
            _ => At::Release(Answer::NotFound),
        }
    }

    /// It may go: unlinks it, or makes what replaces it.
    fn take_away(&self, state: &mut State, p: usize) -> At {
        match self.goals[p] {
            Goal::Replace { .. } => self.make(state, p),
            _ => {
                if self.variant == Variant::LeasesGoBeforeTheName {
                    self.give_up_leases(state, p);
                }
                At::Unlink
            }
        }
    }

    fn make(&self, state: &mut State, p: usize) -> At {
        let fd = state.kernel.make(p);
        state.regions[state.kernel.inode(p, fd) as usize] = Region::default();
        state.processes[p].new = Some(fd);
        At::Allocate(0)
    }

    fn allocate(&self, state: &mut State, p: usize, done: u8) -> At {
        let new = state.processes[p].new.expect("a new ring");
        let replaces = state.processes[p].backing.is_some();
        match state.kernel.allocate(p, new) {
            true if done + 1 < self.pages.1 => At::Allocate(done + 1),
            true if self.variant == Variant::LinksBeforeItLocks => self.name_it(state, p),
            true => At::LockOwnNewRing,
            // The old ring and the new one do not fit.
            false if replaces || self.variant == Variant::NoSpaceAtOnce => {
                At::Release(Answer::NoSpace)
            }
            false => {
                state.processes[p].new = None;
                state.kernel.close(p, new);
                At::LookForNameAgain
            }
        }
    }

    /// How the new ring gets its name.
    fn name_it(&self, state: &State, p: usize) -> At {
        let replaces = state.processes[p].backing.is_some();
        match (self.goals[p], self.variant) {
            // There was nothing to replace: it creates, and what has come since then stays.
            (Goal::Replace { .. }, _) if !replaces => At::Link,
            (Goal::Replace { .. }, Variant::ReplacesByUnlinking) => At::Unlink,
            (Goal::Replace { .. }, _) => At::LinkTemporary,
            (_, Variant::CreatorsReplace) => At::LinkTemporary,
            _ => At::Link,
        }
    }

    fn link(&self, state: &mut State, p: usize) -> At {
        if !state.kernel.link(p, state.processes[p].new.expect("a new ring")) {
            return At::StartOver;
        }
        self.name_changes(state);
        let locked = state.processes[p].new_lease.is_some();
        self.settle_in(state, p);
        if locked { At::Publish } else { At::Lock(self.role(p).expect("a role")) }
    }

    /// The new ring is its ring now.
    fn settle_in(&self, state: &mut State, p: usize) {
        let (new, lease) = (state.processes[p].new.take(), state.processes[p].new_lease.take());
        self.release(state, p);
        state.processes[p].backing = new;
        state.processes[p].new_lease = None;
        state.processes[p].leases[self.role(p).expect("a role") as usize] = lease;
    }

    fn give_up_leases(&self, state: &mut State, p: usize) {
        for lease in core::mem::take(&mut state.processes[p].leases).into_iter().flatten() {
            state.kernel.close(p, lease);
        }
    }

    fn release(&self, state: &mut State, p: usize) {
        self.give_up_leases(state, p);
        let process = &mut state.processes[p];
        let rest = [process.backing.take(), process.new.take(), process.new_lease.take()];
        for fd in rest.into_iter().flatten() {
            state.kernel.close(p, fd);
        }
    }

    fn forget(&self, state: &mut State, p: usize) {
        let process = &mut state.processes[p];
        (process.backing, process.new, process.new_lease) = (None, None, None);
        process.leases = [None; 2];
    }

    fn name_changes(&self, state: &mut State) {
        for process in &mut state.processes {
            process.name_changed = true;
        }
    }
}

fn lease(state: &State, p: usize, role: Role) -> Fd {
    state.processes[p].leases[role as usize].expect("a description for the lease")
}
