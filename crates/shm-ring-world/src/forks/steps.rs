//! Owns: the steps of taking and dropping a lease beside forks, the handlers, and what a child does with its copies. Knows
//! nothing of: which of it is allowed.

use super::{Action, Forker, Forks, OTHER, Process, Running, State, Taker};
use crate::os::{Fd, Lock, RANGES};
use crate::rules::Rule;
use crate::variants::Forks as Variant;

impl Forks {
    pub(super) fn possible(&self, state: &State, actions: &mut Vec<Action>) {
        let can_fork = state.forks > 0 && free(state).is_some();
        for (p, process) in state.processes.iter().enumerate() {
            if process.running != Running::Yes {
                continue;
            }
            actions.push(Action::Kill(p));
            if process.handler.is_some() {
                actions.push(Action::Handler(p));
                continue;
            }
            // The third is there to have copies.
            let takes = p < RANGES && process.takes < self.takes;
            match process.taker {
                Taker::Idle if !takes => {}
                Taker::InBatch => {
                    actions.push(Action::EndBatch(p));
                    if can_fork && !self.raw {
                        actions.push(Action::IteratorForks(p));
                    }
                }
                Taker::Attached => actions.extend([Action::Take(p), Action::BeginBatch(p)]),
                _ => actions.push(Action::Take(p)),
            }
            for thread in 0..self.threads {
                match process.forkers[thread] {
                    Forker::Idle if !can_fork => {}
                    Forker::Prepared if !can_fork => {}
                    _ => actions.push(Action::Fork(p, thread)),
                }
            }
            if self.raw && can_fork {
                actions.push(Action::RawFork(p));
            }
            if process.inherited_batch {
                actions.push(Action::EndInheritedBatch(p));
            } else if process.inherited.is_some() {
                actions.push(Action::DropInherited(p));
            }
            if !process.opened_other {
                actions.push(Action::OpenOther(p));
            }
        }
    }

    pub(super) fn act(&self, state: &mut State, action: Action) {
        match action {
            Action::Take(p) => self.take(state, p),
            Action::BeginBatch(p) => state.processes[p].taker = Taker::InBatch,
            Action::EndBatch(p) => state.processes[p].taker = Taker::Attached,
            Action::IteratorForks(p) => {
                state.processes[p].started += 1;
                let child = self.fork(state, p, false);
                state.processes[child].inherited_batch = true;
                state.processes[p].finished += 1;
            }
            Action::Fork(p, thread) => {
                state.processes[p].forkers[thread] = match state.processes[p].forkers[thread] {
                    Forker::Idle => {
                        state.processes[p].started += 1;
                        Forker::Prepared
                    }
                    Forker::Prepared => {
                        self.fork(state, p, false);
                        Forker::Forked
                    }
                    Forker::Forked => {
                        state.processes[p].finished += 1;
                        Forker::Idle
                    }
                };
            }
            Action::RawFork(p) => {
                self.fork(state, p, true);
            }
            Action::Handler(p) => self.handle(state, p),
            Action::EndInheritedBatch(p) => {
                // Before it stores `tail` it asks whether this is the process that attached.
                let stores = self.variant == Variant::TokenIsAskedBeforeTheBatch;
                state.broken.expect(Rule::ChildIsHarmless, !stores);
                state.processes[p].inherited_batch = false;
            }
            Action::DropInherited(p) => self.drop_inherited(state, p),
            Action::OpenOther(p) => {
                let fd = state.kernel.open_something_else(p, OTHER);
                state.processes[p].other = Some(fd);
                state.processes[p].opened_other = true;
            }
            Action::Kill(p) => {
                state.kernel.exit(p);
                state.processes[p] = Process { running: Running::Dead, ..Process::default() };
            }
        }
    }

    fn take(&self, state: &mut State, p: usize) {
        let process = &mut state.processes[p];
        let range = p % RANGES;
        process.taker = match process.taker {
            Taker::Idle => {
                process.takes += 1;
                if process.is_new {
                    // A child that no handler has run in.
                    (process.is_new, process.finished) = (false, process.started);
                    process.table = [None; 2];
                }
                Taker::ReadGeneration
            }
            Taker::ReadGeneration => {
                process.generation = process.started + process.finished;
                match self.in_progress(process) {
                    true => Taker::ReadGeneration,
                    false => Taker::Open,
                }
            }
            Taker::Open => {
                process.fd = state.kernel.open(p);
                match self.variant {
                    Variant::LocksBeforeItRegisters => Taker::Lock,
                    _ => Taker::Register,
                }
            }
            Taker::Register => {
                let entry = process.table.iter_mut().find(|entry| entry.is_none());
                *entry.expect("a free entry") = process.fd;
                match self.variant {
                    Variant::LocksBeforeItRegisters => Taker::Attached,
                    Variant::GenerationIsNotChecked => Taker::Lock,
                    _ => Taker::CheckGeneration,
                }
            }
            Taker::CheckGeneration => {
                match process.generation == process.started + process.finished {
                    true => Taker::Lock,
                    // A child may have a copy that its handler did not see. Nothing was locked.
                    false => Taker::Unregister,
                }
            }
            Taker::Lock => {
                let fd = process.fd.expect("a description");
                let locked = state.kernel.lock(p, fd, range, Lock::Write);
                match (locked, self.variant) {
                    (false, _) => Taker::Unregister,
                    (true, Variant::LocksBeforeItRegisters) => Taker::Register,
                    (true, _) => Taker::Attached,
                }
            }
            Taker::Attached => match self.variant {
                Variant::UnregistersBeforeItUnlocks => Taker::Unregister,
                _ => Taker::Unlock,
            },
            Taker::Unlock => {
                state.kernel.lock(p, process.fd.expect("a lease"), range, Lock::Free);
                match self.variant {
                    Variant::UnregistersBeforeItUnlocks | Variant::ClosesBeforeItUnregisters => {
                        Taker::Close
                    }
                    _ => Taker::Unregister,
                }
            }
            Taker::Unregister => {
                let fd = process.fd;
                let entry = process.table.iter_mut().find(|entry| **entry == fd);
                if let Some(entry) = entry {
                    *entry = None;
                }
                match self.variant {
                    Variant::UnregistersBeforeItUnlocks => Taker::Unlock,
                    Variant::ClosesBeforeItUnregisters => {
                        process.fd = None;
                        Taker::Idle
                    }
                    _ => Taker::Close,
                }
            }
            Taker::Close => {
                state.kernel.close(p, process.fd.expect("a description"));
                match self.variant {
                    Variant::ClosesBeforeItUnregisters => Taker::Unregister,
                    _ => {
                        process.fd = None;
                        Taker::Idle
                    }
                }
            }
            Taker::InBatch => Taker::InBatch,
        };
    }

    fn in_progress(&self, process: &Process) -> bool {
        match self.variant {
            // One number that handlers before and after a fork count up: odd means in progress.
            Variant::GenerationIsOddOrEven => process.generation % 2 == 1,
            _ => process.started != process.finished,
        }
    }

    fn fork(&self, state: &mut State, parent: usize, raw: bool) -> usize {
        let child = free(state).expect("a process");
        state.forks -= 1;
        state.kernel.fork(parent, child);
        let Process { table, started, finished, taker, fd, other, opened_other, .. } =
            state.processes[parent];
        let has_end = matches!(taker, Taker::Attached | Taker::InBatch);
        state.processes[child] = Process {
            running: Running::Yes,
            handler: (!raw).then_some(0),
            raw,
            is_new: raw,
            table,
            started,
            finished,
            inherited: if has_end { fd } else { None },
            other,
            opened_other,
            ..Process::default()
        };
        child
    }

    fn handle(&self, state: &mut State, p: usize) {
        let process = &mut state.processes[p];
        let at = process.handler.expect("a handler");
        let entry = &mut process.table[usize::from(at)];
        if let (Some(fd), false) = (*entry, self.variant == Variant::NoHandlers) {
            if self.variant != Variant::HandlerLeavesEntries {
                *entry = None;
            }
            state.kernel.close(p, fd);
        }
        process.handler = (usize::from(at) + 1 < process.table.len()).then_some(at + 1);
        if process.handler.is_none() && self.variant != Variant::HandlerLeavesGeneration {
            process.finished = process.started;
        }
    }

    /// A child drops its copy of an end: that the process is not the one that attached, the token says.
    fn drop_inherited(&self, state: &mut State, p: usize) {
        let fd: Fd = state.processes[p].inherited.take().expect("a copy");
        let acts = match self.variant {
            Variant::PidDecides => true,
            Variant::InodeDecides => {
                state.kernel.is_open(p, fd) && state.kernel.inode(p, fd) != OTHER
            }
            _ => false,
        };
        if acts && state.kernel.is_open(p, fd) {
            if self.variant == Variant::PidDecides {
                // The session becomes even.
                state.broken.expect(Rule::ChildIsHarmless, false);
            }
            for range in 0..RANGES {
                state.kernel.lock(p, fd, range, Lock::Free);
            }
            state.kernel.close(p, fd);
        }
    }
}

fn free(state: &State) -> Option<usize> {
    state.processes.iter().position(|process| process.running == Running::NotYet)
}
