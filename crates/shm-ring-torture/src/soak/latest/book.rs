//! The books on a latest value, in memory that no death takes away: which version was begun, which was surely
//! written, and what each reader has seen. They say what a reader may read.
//!
//! Owns: the books and the judgement by them. Knows nothing of: the library.
//!
//! Each word has one writer at a time, and a killed process's stores are all there, in its order.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::SeqCst};

use super::super::load::word;
use crate::shared;

/// Words of a value: two pages, so that most of a writer's time goes into copying them.
const WORDS: usize = 1024;

/// Its version, and what follows from that.
pub(super) type Value = [u64; WORDS];

pub(super) fn value(version: u64) -> Value {
    // Quickly made, and yet a mix of two versions shows.
    let (first, step) = (word(version, 1), word(version, 2) | 1);
    let word = |at: usize| first.wrapping_add(step.wrapping_mul(at as u64));
    core::array::from_fn(|at| if at == 0 { version } else { word(at) })
}

/// Reading processes; the campaign itself reads as one more.
pub(super) const READERS: usize = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub(super) enum Field {
    /// The version that was begun last, and the one that was surely written.
    Begun,
    Written,
    /// Set by the campaign: close in order, or end.
    Close,
    /// Attachments of writers, and how many of them found a version begun by a dead one.
    Writers,
    InWrite,
    /// The following are counted by each reader for itself: the last version that it has read.
    Seen,
    /// Values that were whole and allowed; newer ones that were waited for.
    Verified,
    Newer,
    /// Answers.
    Dead,
    Closed,
    TimedOut,
    Overrun,
    /// Values that came in order, and answers that some were lost.
    Next,
    Lagged,
    /// Attachments.
    Readers,
}

const SHARED: usize = Field::Seen as usize;
const OWN: usize = Field::Readers as usize + 1 - SHARED;

#[derive(Clone, Copy, Debug)]
pub(super) struct Book {
    words: &'static [AtomicU64],
    text: &'static [AtomicU8],
}

impl Book {
    pub(super) fn new() -> std::io::Result<Self> {
        let words = shared::words(SHARED + (READERS + 1) * OWN)?;
        Ok(Self { words, text: shared::bytes(1024)? })
    }

    pub(super) fn get(&self, field: Field) -> u64 {
        self.words[field as usize].load(SeqCst)
    }

    pub(super) fn set(&self, field: Field, value: u64) {
        self.words[field as usize].store(value, SeqCst);
    }

    fn own(&self, reader: usize, field: Field) -> &AtomicU64 {
        &self.words[field as usize + reader * OWN]
    }

    pub(super) fn seen(&self, reader: usize) -> u64 {
        self.own(reader, Field::Seen).load(SeqCst)
    }

    pub(super) fn count(&self, reader: usize, field: Field) {
        let word = self.own(reader, field);
        word.store(word.load(SeqCst) + 1, SeqCst);
    }

    /// Of all readers.
    pub(super) fn sum(&self, field: Field) -> u64 {
        (0..=READERS).map(|reader| self.own(reader, field).load(SeqCst)).sum()
    }

    pub(super) fn violation(&self, what: &str) {
        shared::write_text(self.text, what);
    }

    pub(super) fn told(&self) -> Option<String> {
        shared::read_text(self.text)
    }

    /// Judges what `reader` has read and calls `version`. `written` was surely there when it began.
    pub(super) fn judge(
        &self,
        reader: usize,
        read: &Value,
        version: u64,
        written: u64,
    ) -> Result<(), String> {
        let (seen, begun) = (self.seen(reader), self.get(Field::Begun));
        if *read != value(version) {
            return Err(format!(
                "a torn value that calls itself {}, as version {version}",
                read[0]
            ));
        }
        if version < seen || version < written {
            return Err(format!(
                "version {version} was read after {seen}, when {written} had been written"
            ));
        }
        if version > begun {
            return Err(format!(
                "version {version} was read, and {begun} is the last that was begun"
            ));
        }
        self.own(reader, Field::Seen).store(version, SeqCst);
        self.count(reader, Field::Verified);
        Ok(())
    }

    /// Judges where a writer that has just attached goes on.
    pub(super) fn inherit(&self, version: u64) -> Result<(), String> {
        let (written, begun) = (self.get(Field::Written), self.get(Field::Begun));
        let seen = (0..=READERS).map(|reader| self.seen(reader)).max().unwrap_or(0);
        if version != written && version != begun || version < seen {
            return Err(format!(
                "a writer goes on from version {version}; {written} was written, {begun} begun, {seen} read"
            ));
        }
        self.set(Field::InWrite, self.get(Field::InWrite) + u64::from(begun > written));
        self.set(Field::Begun, version);
        self.set(Field::Written, version);
        self.set(Field::Writers, self.get(Field::Writers) + 1);
        Ok(())
    }
}
