//! One ring in the books: who has its ends, what was pushed and popped, and whether that can be.
//!
//! Owns: the judgement of owners and of records. Knows nothing of: how a ring works, and where the books are kept.

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use super::ledger::{Count, Ledger};

/// Words of a ring, which the fields below and the states of numbers make up.
pub(super) const RING: usize = 64;
/// Numbers of one ring whose state is kept: far more than it holds.
const NUMBERS: u64 = 256;
const STATES: usize = RING - (NUMBERS as usize / 8);

/// What is known of the publication of a number.
const UNUSED: u8 = 0;
const OFFERED: u8 = 1;
const SURE: u8 = 2;

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
    /// The same of the producer before it.
    Before = 12,
}

/// A ring in the books.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    ledger: Ledger,
    at: usize,
    words: &'static [AtomicU64],
}

impl Entry {
    /// The ring with these words, of which the first is its id, or 0 for none.
    pub(super) fn new(ledger: Ledger, at: usize, words: &'static [AtomicU64]) -> Self {
        Self { ledger, at, words }
    }

    /// Which of all it is.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn set_place(&self, place: usize) {
        self.word(Of::Place).store(place as u64, SeqCst);
    }

    pub(super) fn forget(&self) {
        self.words.iter().for_each(|word| word.store(0, SeqCst));
    }

    fn word(&self, of: Of) -> &AtomicU64 {
        &self.words[of as usize]
    }

    pub(super) fn place(&self) -> usize {
        self.word(Of::Place).load(SeqCst) as usize
    }

    pub(super) fn id(&self) -> u64 {
        self.word(Of::Id).load(SeqCst)
    }

    fn owner_word(&self, end: usize) -> &AtomicU64 {
        &self.words[Of::Owner as usize + end]
    }

    pub(super) fn owner(&self, end: usize) -> u64 {
        self.owner_word(end).load(SeqCst)
    }

    /// Whether anybody was ever answered that it is this end.
    pub(super) fn has_been(&self, end: usize) -> bool {
        self.words[Of::Sessions as usize + end].load(SeqCst) != 0
    }

    /// `word` was answered Ok: it is this end from now on. An owner beside it is a violation.
    pub(super) fn attached(&self, end: usize, word: u64) {
        let before = self.owner_word(end).swap(word, SeqCst);
        self.words[Of::Sessions as usize + end].fetch_add(1, SeqCst);
        if end == PRODUCER {
            self.word(Of::Before).store(self.said(end), SeqCst);
        }
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

    /// Of a latest value: the last version whose publication was answered, and the last that was begun.
    pub(super) fn versions(&self) -> (u64, u64) {
        // In this order: what was published was begun.
        let published = self.word(Of::Settled).load(SeqCst);
        (published, self.word(Of::Next).load(SeqCst))
    }

    pub(super) fn begins(&self, version: u64) {
        self.word(Of::Next).store(version, SeqCst);
    }

    pub(super) fn published(&self, version: u64) {
        self.word(Of::Settled).store(version, SeqCst);
    }

    fn says(&self, end: usize, word: u64, how: How) {
        self.words[Of::Ended as usize + end].store(word << 2 | how as u64, SeqCst);
    }

    /// What the last owner has said of its end.
    pub(super) fn said(&self, end: usize) -> u64 {
        self.words[Of::Ended as usize + end].load(SeqCst)
    }

    /// Whether a producer has closed in order whose end can be told after `said` was said: the one that said it, or the one
    /// before.
    pub(super) fn has_closed(&self, said: u64) -> bool {
        [said, self.word(Of::Before).load(SeqCst)]
            .iter()
            .any(|said| said % 4 == How::Closing as u64)
    }

    /// `word` is about to give this end up.
    pub(super) fn leaves(&self, end: usize, word: u64, how: How) {
        self.says(end, word, how);
        let _ = self.owner_word(end).compare_exchange(word, 0, SeqCst, SeqCst);
    }

    fn state(&self, number: u64) -> u8 {
        let n = number % NUMBERS;
        (self.words[STATES + n as usize / 8].load(SeqCst) >> (n % 8 * 8)) as u8
    }

    fn mark(&self, number: u64, state: u8) {
        let n = number % NUMBERS;
        let word = &self.words[STATES + n as usize / 8];
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
