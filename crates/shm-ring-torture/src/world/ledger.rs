//! The judge's books, in memory that no death takes away and that no ring is behind: who was answered what on which ring,
//! and who is about to die.
//!
//! Owns: the words, and what they prove. Knows nothing of: how a ring works; its id is all that is asked of it.
//!
//! An owner's word is written after the answer and taken back before the end goes; whoever is about to be killed, or about
//! to end by itself, is marked before. So two owners whose words meet, neither of them marked, were owners at one time.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::SeqCst};
use std::time::Instant;

use crate::shared;

/// Rings that one round can tell apart.
const RINGS: usize = 1 << 14;
/// Words of a ring, which the fields below and the states of numbers make up.
const RING: usize = 64;
/// Numbers of one ring whose state is kept: far more than it holds.
const NUMBERS: u64 = 256;
const STATES: usize = RING - (NUMBERS as usize / 8);
/// Processes of one campaign.
const LIVES: usize = 1 << 22;
pub(super) const SLOTS: usize = 20;
const TEXTS: usize = 16;
const TEXT: usize = 320;

/// What is known of the publication of a number.
const UNUSED: u8 = 0;
const OFFERED: u8 = 1;
const SURE: u8 = 2;

/// How long a life is still counted on.
const LIVES_ON: u8 = 0;
const DOOMED: u8 = 1;
const REAPED: u8 = 2;

/// The two ends, as numbers of words.
pub(super) const PRODUCER: usize = 0;
pub(super) const CONSUMER: usize = 1;
pub(super) const ENDS: [&str; 2] = ["producer", "consumer"];

/// How an owner ends.
#[derive(Clone, Copy, Debug)]
#[repr(u64)]
pub(super) enum How {
    /// It has not said.
    Silent,
    /// It closes in order.
    Closing,
    /// Its thread unwinds.
    Unwinding,
}

#[derive(Clone, Copy, Debug)]
#[repr(usize)]
enum Of {
    Id,
    Owner,
    Sessions = 3,
    /// The number that the next producer starts with.
    Next = 5,
    /// The last number that was popped, plus one.
    Settled,
    /// A pop is under way, or was when its process was killed.
    Taking,
    /// So many numbers may be missing from the settled one on.
    Lack,
    Place,
    /// How the last owner ended, so far as it came to say so: its word and a [`How`].
    Ended,
}

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

/// A ring in the books.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    ledger: Ledger,
    at: usize,
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
            slots: shared::words(SLOTS * 4 + 1)?,
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

    /// The books of the ring with this id, which may be its first mention.
    pub(super) fn entry(&self, id: u64, place: usize) -> Option<Entry> {
        let id = id | 1;
        for step in 0..64 {
            let at = (id as usize / 2 + step) % RINGS * RING;
            match self.rings[at].compare_exchange(0, id, SeqCst, SeqCst) {
                Err(found) if found != id => {}
                _ => {
                    let entry = Entry { ledger: *self, at };
                    entry.word(Of::Place).store(place as u64, SeqCst);
                    return Some(entry);
                }
            }
        }
        None
    }

    /// Every ring of the round.
    pub(super) fn entries(&self) -> impl Iterator<Item = Entry> {
        let at = (0..RINGS).map(|ring| ring * RING);
        at.map(|at| Entry { ledger: *self, at })
            .filter(|entry| entry.word(Of::Id).load(SeqCst) != 0)
    }

    /// A new round, with nobody left of the last one.
    pub(super) fn forget_rings(&self) {
        for entry in self.entries() {
            self.rings[entry.at..entry.at + RING].iter().for_each(|word| word.store(0, SeqCst));
        }
    }

    pub(super) fn now(&self) -> u64 {
        self.start.elapsed().as_micros() as u64
    }

    /// `life` does this from now on, on `entry`, as `end`.
    pub(super) fn doing(&self, life: Life, what: Doing, entry: Option<Entry>, end: usize) {
        let slot = &self.slots[life.slot * 4..][..4];
        slot[2].store(entry.map_or(0, |entry| entry.at as u64 * 2 + end as u64 + 1), SeqCst);
        slot[1].store(self.now(), SeqCst);
        slot[0].store(what as u64, SeqCst);
    }

    /// What the process in `slot` does, since when in microseconds, on which ring and as which end.
    pub(super) fn done_by(&self, slot: usize) -> (Doing, u64, Option<(Entry, usize)>) {
        let [what, since, at] = [0, 1, 2].map(|word| self.slots[slot * 4 + word].load(SeqCst));
        let ring = at
            .checked_sub(1)
            .map(|at| (Entry { ledger: *self, at: at as usize / 2 }, at as usize % 2));
        (DOINGS[what as usize % DOINGS.len()], since, ring)
    }
}

impl Entry {
    fn word(&self, of: Of) -> &AtomicU64 {
        &self.ledger.rings[self.at + of as usize]
    }

    pub(super) fn place(&self) -> usize {
        self.word(Of::Place).load(SeqCst) as usize
    }

    pub(super) fn id(&self) -> u64 {
        self.word(Of::Id).load(SeqCst)
    }

    fn owner_word(&self, end: usize) -> &AtomicU64 {
        &self.ledger.rings[self.at + Of::Owner as usize + end]
    }

    pub(super) fn owner(&self, end: usize) -> u64 {
        self.owner_word(end).load(SeqCst)
    }

    /// Whether anybody was ever answered that it is this end.
    pub(super) fn has_been(&self, end: usize) -> bool {
        self.ledger.rings[self.at + Of::Sessions as usize + end].load(SeqCst) != 0
    }

    /// `word` was answered Ok: it is this end from now on. An owner beside it is a violation.
    pub(super) fn attached(&self, end: usize, word: u64) {
        let before = self.owner_word(end).swap(word, SeqCst);
        self.ledger.rings[self.at + Of::Sessions as usize + end].fetch_add(1, SeqCst);
        self.says(end, word, How::Silent);
        if self.ledger.is_counted_on(before) && self.ledger.is_counted_on(word) {
            self.ledger.violation(&format!(
                "two owners: life {} became the {} of ring {:x} at place {} beside life {}",
                word >> 20,
                ENDS[end],
                self.id(),
                self.place(),
                before >> 20
            ));
        }
        // Killed in between, it is counted twice, which only allows more.
        if end == CONSUMER && self.word(Of::Taking).load(SeqCst) != 0 {
            self.word(Of::Lack).fetch_add(1, SeqCst);
            self.word(Of::Taking).store(0, SeqCst);
        }
    }

    fn says(&self, end: usize, word: u64, how: How) {
        self.ledger.rings[self.at + Of::Ended as usize + end].store(word << 2 | how as u64, SeqCst);
    }

    /// What the last owner has said of its end.
    pub(super) fn said(&self, end: usize) -> u64 {
        self.ledger.rings[self.at + Of::Ended as usize + end].load(SeqCst)
    }

    /// `word` is about to give this end up.
    pub(super) fn leaves(&self, end: usize, word: u64, how: How) {
        self.says(end, word, how);
        let _ = self.owner_word(end).compare_exchange(word, 0, SeqCst, SeqCst);
    }

    fn state(&self, number: u64) -> u8 {
        let n = number % NUMBERS;
        (self.ledger.rings[self.at + STATES + n as usize / 8].load(SeqCst) >> (n % 8 * 8)) as u8
    }

    fn mark(&self, number: u64, state: u8) {
        let n = number % NUMBERS;
        let word = &self.ledger.rings[self.at + STATES + n as usize / 8];
        let cleared = word.load(SeqCst) & !(0xff << (n % 8 * 8));
        word.store(cleared | u64::from(state) << (n % 8 * 8), SeqCst);
    }

    /// The number of the record that is about to be pushed.
    pub(super) fn offer(&self) -> u64 {
        let number = self.word(Of::Next).load(SeqCst);
        self.mark(number, OFFERED);
        self.word(Of::Next).store(number + 1, SeqCst);
        number
    }

    /// Numbers that were offered since the last one that was popped.
    pub(super) fn on_their_way(&self) -> u64 {
        let [next, settled] = [Of::Next, Of::Settled].map(|of| self.word(of).load(SeqCst));
        next.saturating_sub(settled)
    }

    /// Whether the push of `number` was answered Ok.
    pub(super) fn offered(&self, number: u64, taken: bool) {
        if taken {
            self.mark(number, SURE);
            self.ledger.add(Count::Pushed);
        } else {
            self.mark(number, UNUSED);
            self.word(Of::Next).store(number, SeqCst);
        }
    }

    pub(super) fn taking(&self, under_way: bool) {
        self.word(Of::Taking).store(under_way.into(), SeqCst);
    }

    /// `number` was popped: whether that is what was due.
    pub(super) fn settle(&self, number: u64) {
        let settled = self.word(Of::Settled).load(SeqCst);
        let wrong = if number >= self.word(Of::Next).load(SeqCst) || self.state(number) == UNUSED {
            Some("was never published".to_owned())
        } else if number < settled {
            Some(format!("came twice or late: {settled} was due"))
        } else {
            let may_lack = self.word(Of::Lack).load(SeqCst);
            let lost = self.sure_between(settled, number);
            (lost > may_lack).then(|| {
                format!(
                    "came, and {lost} before it, from {settled} on, are lost: {may_lack} may be"
                )
            })
        };
        if let Some(wrong) = wrong {
            let (id, place) = (self.id(), self.place());
            self.ledger
                .violation(&format!("record {number} of ring {id:x} at place {place} {wrong}"));
        }
        self.word(Of::Settled).store(number + 1, SeqCst);
        self.word(Of::Lack).store(0, SeqCst);
        self.ledger.add(Count::Popped);
    }

    fn sure_between(&self, from: u64, to: u64) -> u64 {
        let from = from.max(to.saturating_sub(NUMBERS));
        (from..to).filter(|number| self.state(*number) == SURE).count() as u64
    }

    /// Judges a ring that is gone, or read to its end, and whose users are all gone.
    pub(super) fn conclude(&self) {
        let [settled, next, lack, taking] =
            [Of::Settled, Of::Next, Of::Lack, Of::Taking].map(|of| self.word(of).load(SeqCst));
        let lost = self.sure_between(settled, next);
        if lost > lack + taking {
            let (id, place) = (self.id(), self.place());
            self.ledger.violation(&format!(
                "ring {id:x} at place {place} is gone with {lost} records unread that were answered Ok, from {settled} on"
            ));
        }
    }
}
