//! The judge's books, in memory that no death takes away and that no ring is behind: who was answered what on which ring,
//! and who is about to die.
//!
//! Owns: the words, and what they prove. Knows nothing of: how a ring works; its id is all that is asked of it.
//!
//! An owner's word is written after the answer and taken back before the end goes; whoever is about to be killed, or about
//! to end by itself, is marked before. So two owners whose words meet, neither of them marked, were owners at one time.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::SeqCst};
use std::time::Instant;

use super::entry::{Entry, RING};
use crate::shared;

/// Rings that one round can tell apart.
const RINGS: usize = 1 << 14;
/// Processes of one campaign.
const LIVES: usize = 1 << 22;
pub(super) const SLOTS: usize = 20;
const TEXTS: usize = 16;
const TEXT: usize = 320;

/// How long a life is still counted on.
const LIVES_ON: u8 = 0;
const DOOMED: u8 = 1;
const REAPED: u8 = 2;

/// What is counted.
#[derive(Clone, Copy, Debug)]
#[repr(usize)]
pub(super) enum Count {
    Attachments,
    Refused,
    Pushed,
    Popped,
    Removed,
    Unread,
    Replaced,
    Closed,
    Panicked,
    Exited,
    Executed,
    Children,
    Ends,
    EndsOnFull,
    Waits,
    NameGone,
    NoSpace,
    Large,
    Torn,
    Unknown,
    Users,
    /// Versions of latest values.
    Written,
    Read,
    /// Processes that could open nothing.
    ShutIn,
    /// Ends that were taken of a description for one role.
    Handed,
    /// The longest time in microseconds from the reaping of an owner to the answer that it is gone.
    Latest,
    Last,
}

/// What a process does, for the judge who waits for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub(super) enum Doing {
    Nothing,
    Attaching,
    Pushing,
    Popping,
    /// A push on a full ring, or a pop on an empty one, that only the other side's doing or its end ends.
    Waiting,
    Removing,
    Replacing,
    Leaving,
    Holding,
}

const DOINGS: [Doing; 9] = [
    Doing::Nothing,
    Doing::Attaching,
    Doing::Pushing,
    Doing::Popping,
    Doing::Waiting,
    Doing::Removing,
    Doing::Replacing,
    Doing::Leaving,
    Doing::Holding,
];

#[derive(Clone, Copy, Debug)]
pub(super) struct Ledger {
    rings: &'static [AtomicU64],
    lives: &'static [AtomicU8],
    /// When each was reaped.
    times: &'static [AtomicU64],
    counts: &'static [AtomicU64],
    slots: &'static [AtomicU64],
    texts: &'static [AtomicU8],
    start: Instant,
}

/// Which process, and which of its attachments: never twice the same, and never 0.
#[derive(Clone, Copy, Debug)]
pub(super) struct Life {
    pub(super) stamp: u64,
    pub(super) slot: usize,
}

impl Ledger {
    pub(super) fn new() -> std::io::Result<Self> {
        Ok(Self {
            rings: shared::words(RINGS * RING)?,
            lives: shared::bytes(LIVES)?,
            times: shared::words(LIVES)?,
            counts: shared::words(Count::Last as usize + 1)?,
            slots: shared::words(SLOTS * 4 + 2)?,
            texts: shared::bytes(TEXTS * TEXT)?,
            start: Instant::now(),
        })
    }

    pub(super) fn add(&self, count: Count) {
        self.counts[count as usize].fetch_add(1, SeqCst);
    }

    pub(super) fn count(&self, count: Count) -> u64 {
        self.counts[count as usize].load(SeqCst)
    }

    /// Writes a violation down, where there is room for one more.
    pub(super) fn violation(&self, what: &str) {
        for text in self.texts.chunks(TEXT) {
            if shared::read_text(text).is_none() {
                return shared::write_text(text, what);
            }
        }
    }

    pub(super) fn violations(&self) -> Vec<String> {
        self.texts.chunks(TEXT).filter_map(shared::read_text).collect()
    }

    /// The round is over: whoever sees it ends in order.
    pub(super) fn set_over(&self, over: bool) {
        self.slots[SLOTS * 4].store(over.into(), SeqCst);
    }

    pub(super) fn is_over(&self) -> bool {
        self.slots[SLOTS * 4].load(SeqCst) != 0
    }

    /// The name that nobody removes in this round leads to a ring.
    pub(super) fn set_there(&self, there: bool) {
        self.slots[SLOTS * 4 + 1].store(there.into(), SeqCst);
    }

    pub(super) fn is_there(&self) -> bool {
        self.slots[SLOTS * 4 + 1].load(SeqCst) != 0
    }

    /// From now on nothing is counted on that this process holds.
    pub(super) fn doom(&self, stamp: u64) {
        self.lives[stamp as usize % LIVES].fetch_max(DOOMED, SeqCst);
    }

    pub(super) fn reaped(&self, stamp: u64) {
        self.times[stamp as usize % LIVES].store(self.now(), SeqCst);
        self.lives[stamp as usize % LIVES].fetch_max(REAPED, SeqCst);
    }

    /// The end of that owner was answered to somebody who had asked since `asked`: how many microseconds after it was
    /// reaped, if it was.
    pub(super) fn told_after(&self, word: u64, asked: u64) -> u64 {
        if word == 0 || self.life(word) != REAPED {
            return 0;
        }
        let reaped = self.times[(word >> 20) as usize % LIVES].load(SeqCst);
        let after = self.now().saturating_sub(reaped.max(asked));
        self.counts[Count::Latest as usize].fetch_max(after, SeqCst);
        after
    }

    fn life(&self, word: u64) -> u8 {
        self.lives[(word >> 20) as usize % LIVES].load(SeqCst)
    }

    /// Whether that owner is there, beyond doubt.
    pub(super) fn is_counted_on(&self, word: u64) -> bool {
        word != 0 && self.life(word) == LIVES_ON
    }

    /// Whether that owner is gone, beyond doubt, or there is none.
    pub(super) fn is_gone(&self, word: u64) -> bool {
        word == 0 || self.life(word) == REAPED
    }

    fn ring(&self, at: usize) -> Entry {
        Entry::new(*self, at, &self.rings[at * RING..][..RING])
    }

    /// The books of the ring with this id, which may be its first mention.
    pub(super) fn entry(&self, id: u64, place: usize) -> Option<Entry> {
        let id = id | 1;
        let entry = (0..64).map(|step| (id as usize / 2 + step) % RINGS).find_map(|at| {
            let found = self.rings[at * RING].compare_exchange(0, id, SeqCst, SeqCst);
            found.map_or_else(|found| found == id, |_| true).then(|| self.ring(at))
        })?;
        entry.set_place(place);
        Some(entry)
    }

    /// Every ring of the round.
    pub(super) fn entries(&self) -> impl Iterator<Item = Entry> {
        (0..RINGS).map(|at| self.ring(at)).filter(|entry| entry.id() != 0)
    }

    /// A new round, with nobody left of the last one.
    pub(super) fn forget_rings(&self) {
        self.entries().for_each(|entry| entry.forget());
    }

    pub(super) fn now(&self) -> u64 {
        self.start.elapsed().as_micros() as u64
    }

    /// `life` does this from now on, on `entry`, as `end`.
    pub(super) fn doing(&self, life: Life, what: Doing, entry: Option<Entry>, end: usize) {
        let slot = &self.slots[life.slot * 4..][..4];
        slot[2].store(entry.map_or(0, |entry| entry.at() as u64 * 2 + end as u64 + 1), SeqCst);
        slot[1].store(self.now(), SeqCst);
        slot[0].store(what as u64, SeqCst);
    }

    /// What the process in `slot` does, since when in microseconds, on which ring and as which end.
    pub(super) fn done_by(&self, slot: usize) -> (Doing, u64, Option<(Entry, usize)>) {
        let [what, since, at] = [0, 1, 2].map(|word| self.slots[slot * 4 + word].load(SeqCst));
        let ring = at.checked_sub(1).map(|at| (self.ring(at as usize / 2), at as usize % 2));
        (DOINGS[what as usize % DOINGS.len()], since, ring)
    }
}
