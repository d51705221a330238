//! Owns: which states and steps of the model of names keep the promises. Knows nothing of: the order of steps.

use super::{Answer, At, Goal, Names, ROLES, State};
use crate::os::Lock;
use crate::rules::Rule;

impl Names {
    /// What must hold in every state.
    pub(super) fn judge(&self, state: &mut State) {
        let kernel = &state.kernel;
        let attached = |p: usize| {
            let process = &state.processes[p];
            let inode = kernel.inode(p, process.backing?);
            (process.at == At::Attached).then_some((inode, self.role(p)))
        };
        let all: Vec<_> = (0..state.processes.len()).filter_map(attached).collect();
        let named = all.iter().all(|(inode, _)| kernel.name == Some(*inode));
        let alone = all.iter().enumerate().all(|(index, owner)| !all[..index].contains(owner));
        let left = self.is_left_behind(state) || self.wait_for_each_other(state);
        state.broken.expect(Rule::OnTheNamedRing, named);
        state.broken.expect(Rule::OneOwner, alone);
        state.broken.expect(Rule::LastUserRemoves, !left);
    }

    /// Whether all have closed in order, all had asked that the name goes, and it is still there with nothing in it.
    fn is_left_behind(&self, state: &State) -> bool {
        let all_closed =
            state.processes.iter().enumerate().all(|(p, process)| match self.goals[p] {
                Goal::Nothing => true,
                Goal::Attach { unlink: true, .. } => process.at == At::Done(Answer::Closed),
                _ => false,
            });
        let empty = |inode: u8| state.regions[inode as usize].unread == 0;
        all_closed && state.kills == self.kills && state.kernel.name.is_some_and(empty)
    }

    /// Whether two processes want a lease each that the other has, and neither gives one up.
    fn wait_for_each_other(&self, state: &State) -> bool {
        let wants = |p: usize| match state.processes[p].at {
            At::Lock(role) | At::AskWithReadLock(role) | At::LookAtItsSession(role) => Some(role),
            _ => None,
        };
        let has = |p: usize, role: super::Role| {
            let fd = state.processes[p].leases[role as usize];
            fd.is_some_and(|fd| state.kernel.holds(p, fd, role as usize) == Lock::Write)
        };
        let all = 0..state.processes.len();
        let waits = |p: usize, other: usize| wants(p).is_some_and(|role| has(other, role));
        let same = |p: usize, other: usize| {
            let inode = |p: usize| state.processes[p].backing.map(|fd| state.kernel.inode(p, fd));
            inode(p) == inode(other)
        };
        all.clone().any(|p| all.clone().any(|q| same(p, q) && waits(p, q) && waits(q, p)))
    }

    /// The name does not lead to this ring any more.
    pub(super) fn name_lost(&self, state: &mut State, p: usize, lost: Option<u8>) {
        let Some(lost) = lost else { return };
        let held = ROLES.iter().all(|role| {
            let fd = state.processes[p].leases[*role as usize];
            fd.is_some_and(|fd| {
                state.kernel.inode(p, fd) == lost
                    && state.kernel.holds(p, fd, *role as usize) == Lock::Write
            })
        });
        state.broken.expect(Rule::RemovedUnderLeases, held);
        let asked = self.goals[p] == Goal::Remove { unread: true };
        state.broken.expect(Rule::UnreadStays, asked || state.regions[lost as usize].unread == 0);
        let replaces = matches!(self.goals[p], Goal::Replace { .. });
        state.broken.expect(Rule::NameNeverAbsent, !replaces || state.kernel.name.is_some());
    }

    pub(super) fn begins_round(&self, state: &mut State, p: usize) {
        let changed = state.processes[p].name_changed;
        state.broken.expect(Rule::RoundsAreBounded, changed);
    }

    /// A call ended.
    pub(super) fn answered(&self, state: &mut State, p: usize, answer: Answer) {
        let creates = matches!(self.goals[p], Goal::Attach { create: true, .. });
        if answer == Answer::NoSpace && creates {
            let absent = state.kernel.name.is_none();
            state.broken.expect(Rule::NoSpaceIsTrue, absent);
        }
    }

    /// The owner that `RoleTaken` is said of. It may end before the caller hears of it.
    pub(super) fn taken_by(&self, state: &mut State, p: usize, role: super::Role) {
        let backing = state.processes[p].backing.expect("an opened ring");
        let inode = state.kernel.inode(p, backing);
        let owner = (0..state.processes.len()).any(|other| {
            let process = &state.processes[other];
            let there = process.backing.map(|fd| state.kernel.inode(other, fd));
            other != p
                && there == Some(inode)
                && self.role(other) == Some(role)
                && !matches!(self.goals[other], Goal::Read { .. })
                && matches!(process.at, At::Attached | At::StoreEven | At::Killed)
        });
        state.broken.expect(Rule::RoleTakenIsTrue, owner);
    }
}
