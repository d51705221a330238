//! Owns: the ends that sleep in one helper thread: who is to be woken when, and whether the thread must be woken to notice a
//! new one. Knows nothing of: threads, system calls.
//!
//! An end that was woken stays for a while as one that nobody waits for: its words are slept on all the same, and if it goes to
//! sleep again before they change, the thread need not be woken. Nobody rings for an end that is not armed, so that costs
//! nothing.
//!
//! `shm-ring-models` compiles this file too, under loom.

use core::task::Waker;
use std::sync::Arc;

use crate::slot::{Slot, State};

/// How long an end stays that nobody waits for, in nanoseconds.
pub(crate) const LINGER: u64 = 1_000_000_000;
/// How long the thread sleeps at most while there is such an end: not longer than an end that goes to sleep does, so that
/// its time is over no sooner than the thread wakes.
const NAP: u64 = 100_000_000;

/// What an end sleeps on.
pub(crate) trait Bed: Sized {
    /// How many words that are.
    fn words(&self) -> usize;
    /// Whether one of them has changed.
    fn is_rung(&self) -> bool;
    /// The same words, with the values that they have now.
    fn renewed(&self) -> Self;
    /// Whether these are the same words with the same values.
    fn is(&self, other: &Self) -> bool;
}

pub(crate) struct Entry<B> {
    id: u64,
    pub(crate) slot: Arc<Slot>,
    pub(crate) bed: B,
    wanted: bool,
    /// When its time is over, or that of its stay.
    due: u64,
    /// How much sooner it may be woken, so that ends with about the same time are woken together.
    slack: u64,
    /// By which request an engine sleeps on `bed`; 0 if by none.
    pub(crate) ticket: u64,
}

/// What became of an end that was brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Noticed {
    /// The thread sleeps on just this, and wakes in time.
    Already,
    /// It must be woken if it sleeps.
    ByAWakeUp,
    /// There is no place for as many words.
    Not,
}

pub(crate) struct Table<B> {
    pub(crate) entries: Vec<Entry<B>>,
    /// Tickets of entries that have gone, or sleep on something else.
    pub(crate) void: Vec<u64>,
    /// Words of all entries, and how many there may be.
    words: usize,
    most: usize,
    /// Until when the thread sleeps, if it does.
    asleep: Option<u64>,
    /// When the last entry went.
    empty_since: u64,
}

impl<B: Bed> Table<B> {
    pub(crate) fn new(most: usize) -> Self {
        let (entries, void) = (Vec::new(), Vec::new());
        Self { entries, void, words: 0, most, asleep: None, empty_since: 0 }
    }

    /// How many ends sleep.
    pub(crate) fn sleepers(&self) -> usize {
        self.entries.iter().filter(|entry| entry.wanted).count()
    }

    fn at(&self, id: u64) -> Option<usize> {
        self.entries.iter().position(|entry| entry.id == id)
    }

    /// An end sleeps on `bed` until `due`, or until `slack` before that.
    pub(crate) fn watch(
        &mut self,
        id: u64,
        slot: &Arc<Slot>,
        bed: B,
        due: u64,
        slack: u64,
    ) -> Noticed {
        let at = self.at(id);
        let had = at.map_or(0, |at| self.entries[at].bed.words());
        if self.words - had + bed.words() > self.most {
            self.remove(id);
            return Noticed::Not;
        }
        self.words = self.words - had + bed.words();
        let known = match at {
            Some(at) => {
                let entry = &mut self.entries[at];
                let same = entry.bed.is(&bed);
                let old = if same { 0 } else { core::mem::take(&mut entry.ticket) };
                (entry.bed, entry.wanted, entry.due, entry.slack) = (bed, true, due, slack);
                if old != 0 {
                    self.void.push(old);
                }
                same
            }
            None => {
                let (slot, wanted, ticket) = (slot.clone(), true, 0);
                self.entries.push(Entry { id, slot, bed, wanted, due, slack, ticket });
                false
            }
        };
        // One that is awake looks at all of them before it sleeps.
        match self.asleep {
            Some(until) if !known || due < until => Noticed::ByAWakeUp,
            _ => Noticed::Already,
        }
    }

    /// Nobody waits for that end any more.
    pub(crate) fn unwatch(&mut self, id: u64, now: u64) {
        if let Some(at) = self.at(id) {
            let entry = &mut self.entries[at];
            if core::mem::take(&mut entry.wanted) {
                entry.due = now + LINGER;
            }
        }
    }

    /// The end has gone.
    pub(crate) fn remove(&mut self, id: u64) {
        if let Some(at) = self.at(id) {
            let entry = self.entries.swap_remove(at);
            self.words -= entry.bed.words();
            if entry.ticket != 0 {
                self.void.push(entry.ticket);
            }
        }
    }

    /// The thread is awake and looks at all of them: `wakers` are to be called when nothing is locked.
    pub(crate) fn look(&mut self, now: u64, wakers: &mut Vec<Waker>) {
        self.asleep = None;
        for entry in &mut self.entries {
            let rung = entry.bed.is_rung();
            if rung {
                entry.bed = entry.bed.renewed();
                self.void.extend((entry.ticket != 0).then_some(entry.ticket));
                entry.ticket = 0;
            }
            if entry.wanted && (rung || entry.due <= now.saturating_add(entry.slack)) {
                (entry.wanted, entry.due) = (false, now + LINGER);
                wakers.extend(entry.slot.wake(if rung { State::Rung } else { State::Late }));
            }
        }
        let over: Vec<u64> =
            self.entries.iter().filter(|e| !e.wanted && e.due <= now).map(|e| e.id).collect();
        over.into_iter().for_each(|id| self.remove(id));
        if !self.entries.is_empty() {
            self.empty_since = now;
        }
    }

    /// The thread goes to sleep on all of them: until when.
    pub(crate) fn sleep(&mut self, now: u64) -> u64 {
        let due = self.entries.iter().map(|entry| entry.due).min();
        let idle = self.entries.iter().any(|entry| !entry.wanted);
        let due = due.unwrap_or(now + LINGER).min(if idle { now + NAP } else { u64::MAX });
        self.asleep = Some(due);
        due
    }

    /// Whether there has been nobody for a while.
    pub(crate) fn is_deserted(&self, now: u64) -> bool {
        self.entries.is_empty() && now >= self.empty_since + LINGER
    }

    /// A thread begins.
    pub(crate) fn begin(&mut self, now: u64) {
        (self.asleep, self.empty_since) = (None, now);
        for entry in &mut self.entries {
            entry.ticket = 0;
        }
        self.void.clear();
    }
}
