//! Positions and the publishing of records: the producer's [`Tail`] and the consumer's [`Head`].
//! It must not touch payload bytes and must not know about sleeping.
//!
//! | edge | release end | acquire end | carries |
//! |---|---|---|---|
//! | `publish` | producer stores the commit word | consumer loads it, non-zero, then fences | payload, the zero ahead |
//! | `release` | consumer stores head | producer loads it in `refresh`, then fences | the consumer's last read of the room |
//! | `tail` | producer stores tail | whoever loads tail, then fences | the commit words below it |

use crate::layout::{Counters, SidePage};
use crate::record::{COMMIT_WORD, POSITION_MAX, commit_word, committed_len, stride};
use crate::sync::{AtomicU64, Foreign, Ordering, fence};

/// The words of the data area: any position is answered, modulo the capacity.
pub(crate) trait Words {
    /// The word at `position`. Who may store into it is the caller's to know.
    fn word(&self, position: u64) -> &AtomicU64;
}

/// The other side's words contradict the protocol. Final for this attachment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Corrupt;

/// What a record of this ring may be. Private after attach: never loaded from the region again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    /// Bytes of the data area, a power of two.
    pub(crate) capacity: u64,
    /// Record alignment.
    pub(crate) align: u64,
    /// Shortest and longest payload in bytes; equal for values.
    pub(crate) len_min: u64,
    pub(crate) len_max: u64,
    /// Bytes of an element: payloads are multiples of it.
    pub(crate) unit: u64,
}

impl Shape {
    pub(crate) fn accepts(&self, len: u32) -> bool {
        let len = u64::from(len);
        let whole = self.len_min == self.len_max || len % self.unit == 0;
        (self.len_min..=self.len_max).contains(&len) && whole
    }

    /// Bytes from the shortest record to the next.
    pub(crate) fn least_stride(&self) -> u64 {
        stride(self.align, self.len_min)
    }

    /// A position that a side of this ring may have stored.
    pub(crate) fn is_position(&self, position: u64) -> bool {
        position < POSITION_MAX && position % self.align == 0
    }
}

/// The producer's cursor.
#[derive(Debug)]
pub(crate) struct Tail {
    position: u64,
    /// Records and the zero behind them must end at or below this: the last head seen plus the
    /// capacity. 0 once corrupt, so that the check for room is the check for that too.
    limit: u64,
    /// Final: looked at only when there is no room.
    corrupt: bool,
}

impl Tail {
    /// Takes up where the last producer stopped: steps over records that it committed and did not
    /// count, makes sure of the zero behind them, and only then compares with head, which may
    /// already be past the stored tail.
    pub(crate) fn recover(
        words: &impl Words,
        shape: &Shape,
        mine: &SidePage,
        theirs: Foreign<'_, SidePage>,
    ) -> Result<Self, Corrupt> {
        let stored = mine.position.0.load(Ordering::Relaxed);
        if !shape.is_position(stored) {
            return Err(Corrupt);
        }
        let mut position = stored;
        while let Some(len) = committed_len(words.word(position).load(Ordering::Relaxed), position)
        {
            position += stride(shape.align, u64::from(len));
            let uncounted = position + COMMIT_WORD - stored;
            if !shape.accepts(len) || uncounted > shape.capacity || position >= POSITION_MAX {
                return Err(Corrupt);
            }
        }
        words.word(position).store(0, Ordering::Relaxed);
        mine.position.0.store(position, Ordering::Release); // edge `tail`, recovered
        let mut tail = Self { position, limit: 0, corrupt: false };
        tail.refresh(shape, mine, theirs, shape.least_stride())?;
        Ok(tail)
    }

    #[inline(always)]
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// Whether a record of `stride` bytes and the zero behind it fit, as far as is known here.
    #[inline(always)]
    pub(crate) fn has_room(&self, stride: u64) -> bool {
        self.position + stride + COMMIT_WORD <= self.limit
    }

    /// Loads the consumer's head once, checks it, and moves the limit. A record of `stride` bytes
    /// is to be published.
    pub(crate) fn refresh(
        &mut self,
        shape: &Shape,
        mine: &SidePage,
        theirs: Foreign<'_, SidePage>,
        stride: u64,
    ) -> Result<(), Corrupt> {
        if self.corrupt {
            return Err(Corrupt);
        }
        let head = theirs.map(|page| &page.position.0).relaxed();
        fence(Ordering::Acquire); // edge `release`
        let in_flight = self.position.wrapping_sub(head);
        // The record does not fit below the end of all positions, and never will: that is not a
        // ring that is full for the moment.
        let at_the_end = self.position + stride + COMMIT_WORD > POSITION_MAX;
        if head > self.position
            || in_flight > shape.capacity
            || !shape.is_position(head)
            || at_the_end
        {
            self.limit = 0;
            self.corrupt = true;
            return Err(Corrupt);
        }
        Counters::raise(&mine.counters.0.high_water, in_flight);
        self.limit = (head + shape.capacity).min(POSITION_MAX);
        Ok(())
    }

    /// Bytes of room, as far as is known here.
    #[cfg(not(loom))]
    pub(crate) fn room(&self) -> u64 {
        self.limit.saturating_sub(self.position)
    }

    /// Makes the record at the tail exist, for which there is room; `put` writes what is missing of
    /// its payload. What is left to do is to [`advance_to`](Self::advance_to) the position that is
    /// returned: callers do that last, so that a loop of pushes can keep it in a register.
    ///
    /// From far to near: a consumer that waits looks at the line of the commit word all the time. A
    /// store to another line, once stores to this one have begun, would let it take the line away
    /// in between.
    #[inline(always)]
    #[must_use]
    pub(crate) fn commit(
        &self,
        words: &impl Words,
        mine: &SidePage,
        stride: u64,
        len: u32,
        put: impl FnOnce(),
    ) -> u64 {
        let next = self.position + stride;
        // Old payload bytes stand there; from now on they are never taken for a commit word.
        words.word(next).store(0, Ordering::Relaxed);
        put();
        let word = commit_word(self.position, len);
        words.word(self.position).store(word, Ordering::Release); // edge `publish`
        // Release also keeps the compiler from counting a record before it exists, which a kill
        // in between would turn into a hole.
        mine.position.0.store(next, Ordering::Release); // edge `tail`
        next
    }

    /// The next record goes to `position`: what stands before it was committed.
    #[inline(always)]
    pub(crate) fn advance_to(&mut self, position: u64) {
        self.position = position;
    }

    /// A batch that begins with a record of `stride` bytes at the tail, for which there is room. Its
    /// payload of `len` bytes is in place or will be before the batch is committed.
    #[inline(always)]
    pub(crate) fn begin_batch(&self, stride: u64, len: u32) -> Batch {
        Batch { end: self.position + stride, first: len }
    }

    /// Whether a record of `stride` bytes behind `batch`, and the zero behind it, fit, as far as is
    /// known here.
    #[inline(always)]
    pub(crate) fn has_room_behind(&self, batch: &Batch, stride: u64) -> bool {
        batch.end + stride + COMMIT_WORD <= self.limit
    }

    /// Adds the record at the end of `batch`, whose payload is in place and for which there is
    /// room. Nobody can reach it: the first record's place still holds zero.
    #[inline(always)]
    pub(crate) fn stage(&self, words: &impl Words, batch: &mut Batch, stride: u64, len: u32) {
        words.word(batch.end).store(commit_word(batch.end, len), Ordering::Relaxed);
        batch.end += stride;
    }

    /// Makes all records of `batch` exist, by one store.
    #[inline(always)]
    pub(crate) fn commit_batch(&mut self, words: &impl Words, mine: &SidePage, batch: &Batch) {
        let first = commit_word(self.position, batch.first);
        words.word(batch.end).store(0, Ordering::Relaxed); // ahead of a batch
        words.word(self.position).store(first, Ordering::Release); // edge `publish`, batch
        self.position = batch.end;
        mine.position.0.store(batch.end, Ordering::Release); // edge `tail`, batch
    }
}

/// Records that are written and do not exist yet. Forgetting one publishes nothing.
#[derive(Debug)]
pub(crate) struct Batch {
    /// Where the next record goes.
    end: u64,
    /// Bytes of the first record's payload: its commit word is stored last.
    first: u32,
}

impl Batch {
    #[inline(always)]
    pub(crate) fn end(&self) -> u64 {
        self.end
    }
}

/// The consumer's cursor.
#[derive(Debug)]
pub(crate) struct Head {
    position: u64,
    /// Positions at and above this are not read: `POSITION_MAX`, or 0 once corrupt.
    end: u64,
}

/// What stands at the head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    Empty,
    Record,
    Corrupt,
}

impl Head {
    /// Takes up where the last consumer stopped.
    pub(crate) fn recover(shape: &Shape, mine: &SidePage) -> Result<Self, Corrupt> {
        let position = mine.position.0.load(Ordering::Relaxed);
        if !shape.is_position(position) {
            return Err(Corrupt);
        }
        Ok(Self { position, end: POSITION_MAX })
    }

    #[inline(always)]
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// Whether something other than zero stands at the head. Says nothing about what it is.
    #[inline(always)]
    pub(crate) fn stirs(&self, words: &impl Words) -> bool {
        self.position >= self.end || Foreign::new(words.word(self.position)).relaxed() != 0
    }

    /// Looks for a record with a payload of exactly `len` bytes.
    #[inline(always)]
    pub(crate) fn look(&self, words: &impl Words, len: u32) -> Look {
        if self.position >= self.end {
            return Look::Corrupt;
        }
        let word = Foreign::new(words.word(self.position)).relaxed();
        if word == 0 {
            return Look::Empty;
        }
        fence(Ordering::Acquire); // edge `publish`
        if word == commit_word(self.position, len) { Look::Record } else { Look::Corrupt }
    }

    /// Looks for a record with a payload of any length up to `len_max` that is a multiple of
    /// `unit` bytes. The length is told once: what the word says later is not believed.
    #[inline(always)]
    pub(crate) fn look_any(&self, words: &impl Words, len_max: u64, unit: u32) -> (Look, u32) {
        if self.position >= self.end {
            return (Look::Corrupt, 0);
        }
        let word = Foreign::new(words.word(self.position)).relaxed();
        if word == 0 {
            return (Look::Empty, 0);
        }
        fence(Ordering::Acquire); // edge `publish`, any length
        match committed_len(word, self.position) {
            Some(len) if u64::from(len) <= len_max && len % unit == 0 => (Look::Record, len),
            _ => (Look::Corrupt, 0),
        }
    }

    /// Gives back the room of all records below `position`. Their payloads have been read.
    #[inline(always)]
    pub(crate) fn release_below(&self, mine: &SidePage, position: u64) {
        mine.position.0.store(position, Ordering::Release); // edge `release`
    }

    /// The next record is at `position`. When a record is both released and passed this comes last,
    /// so that a loop of pops can keep it in a register.
    #[inline(always)]
    pub(crate) fn advance_to(&mut self, position: u64) {
        self.position = position;
    }

    /// Bytes that are surely published and unread, by the tail that the producer has stored. None
    /// if that tail cannot be.
    pub(crate) fn ready(&self, shape: &Shape, theirs: Foreign<'_, SidePage>) -> Option<u64> {
        let tail = theirs.map(|page| &page.position.0).relaxed();
        fence(Ordering::Acquire); // edge `tail`
        if !shape.is_position(tail) {
            return None;
        }
        // A producer killed between committing and counting leaves its tail behind our head.
        let ready = tail.saturating_sub(self.position);
        (ready <= shape.capacity).then_some(ready)
    }

    /// Nothing is read any more: every later look is `Corrupt`.
    #[cfg(not(loom))]
    pub(crate) fn poison(&mut self) {
        self.end = 0;
    }
}
