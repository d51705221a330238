//! Owns: positions, and how records come to exist: the producer's [`Tail`], the consumer's [`Head`], and the front, the
//! copy of the newest record beside `tail`. Knows nothing of: payload bytes in the data area, sleeping.
//!
//! | edge | release end | acquire end | carries |
//! |---|---|---|---|
//! | `publish` | the producer stores the tail word | the consumer, or an observer, loads it, then fences | the records below `tail`, and the front |
//! | `front` | the producer marks the front, fences, then writes it | the consumer copies the front, fences, then loads the tail word | that the front was marked |
//! | `release` | the consumer stores `head` | the producer loads it in `refresh`, then fences | the consumer's last read of the room |
//! | `reuse` | the producer fences in `refresh`, then writes into the room | an observer copies a record, fences, then loads `head` | the `head` that freed the room |
//!
//! **publish.** A record exists from the moment `tail` passes it. Both stores of the tail word are releases: the one that
//! marks the front repeats the old `tail`, and a consumer that sees it instead of the store before it must acquire from
//! it, since a later plain store does not continue a release sequence (C++20).
//!
//! **front.** If the copy has a word of a later record, that record's producer had marked the front before it wrote the
//! word, and the fences make the mark visible to the second load: it is not the same whole word, which is stored once
//! only, since positions grow. If the copy had a word of an earlier record, the first load would not have seen this
//! one's store. So the same whole word twice means that the copy is the record.

pub(crate) use super::layout::FRONT_WORDS;
use super::layout::{Counters, SidePage};
use super::record::{POSITION_MAX, RecordLayout};
use super::sync::{AtomicU64, Foreign, Ordering, fence};

/// The other side's words contradict the protocol. Final for this attachment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Corrupt;

/// Bytes of the front: no longer record stands there.
#[cfg(not(loom))]
pub(crate) const FRONT_BYTES: u64 = 8 * FRONT_WORDS as u64;

/// The bit of the tail word that says that the front is not to be used.
const MARK: u64 = 1 << 63;

/// The word that says that `tail` is the position, and whether the front holds the newest record.
#[inline(always)]
pub(crate) const fn pack(tail: u64, front: bool) -> u64 {
    if front { tail } else { tail | MARK }
}

/// The position in a tail word, and whether the front holds the newest record.
#[inline(always)]
pub(crate) const fn unpack(word: u64) -> (u64, bool) {
    (word & !MARK, word & MARK == 0)
}

/// The producer's cursor.
#[derive(Debug)]
pub(crate) struct Tail {
    position: u64,
    /// Records must end at or below this: the last `head` seen plus the limit. 0 once corrupt, so that the check for
    /// room is the check for that too.
    room_end: u64,
    /// Final: looked at only when there is no room.
    corrupt: bool,
}

impl Tail {
    /// Takes up where the last producer stopped. Its tail word needs no change: with the mark it is right, and without
    /// it the front is whole.
    pub(crate) fn recover(
        layout: &RecordLayout,
        mine: &SidePage,
        theirs: Foreign<'_, SidePage>,
    ) -> Result<Self, Corrupt> {
        let (position, _) = unpack(mine.position.0.word.load(Ordering::Relaxed));
        if !layout.is_position(position) {
            return Err(Corrupt);
        }
        let mut tail = Self { position, room_end: 0, corrupt: false };
        tail.refresh(layout, mine, theirs, layout.unit)?;
        Ok(tail)
    }

    #[inline(always)]
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// Whether `bytes` of records fit, as far as is known here.
    #[inline(always)]
    pub(crate) fn has_room(&self, bytes: u64) -> bool {
        self.position + bytes <= self.room_end
    }

    /// Loads the consumer's `head` once, checks it, and moves the end of the room. `bytes` of records are to be
    /// published.
    pub(crate) fn refresh(
        &mut self,
        layout: &RecordLayout,
        mine: &SidePage,
        theirs: Foreign<'_, SidePage>,
        bytes: u64,
    ) -> Result<(), Corrupt> {
        if self.corrupt {
            return Err(Corrupt);
        }
        let head = theirs.map(|page| &page.position.0.word).relaxed();
        fence(Ordering::AcqRel); // edges `release` and `reuse`
        let in_flight = self.position.wrapping_sub(head);
        // The tail behind the record would be no position any more, and never will be one: that is not a
        // ring that is full for the moment.
        let at_the_end = self.position + bytes >= POSITION_MAX;
        if head > self.position
            || in_flight > layout.limit
            || !layout.is_position(head)
            || at_the_end
        {
            self.room_end = 0;
            self.corrupt = true;
            return Err(Corrupt);
        }
        Counters::raise(&mine.counters.0.high_water, in_flight);
        self.room_end = (head + layout.limit).min(POSITION_MAX - 1);
        Ok(())
    }

    /// Whether [`refresh`](Self::refresh) would find room for `bytes`, or corruption. One load at most.
    pub(crate) fn has_changed(
        &self,
        layout: &RecordLayout,
        theirs: Foreign<'_, SidePage>,
        bytes: u64,
    ) -> bool {
        if self.has_room(bytes) || self.corrupt || self.position + bytes >= POSITION_MAX {
            return true;
        }
        let head = theirs.map(|page| &page.position.0.word).relaxed();
        let in_flight = self.position.wrapping_sub(head);
        // Also more than the limit: that is a head that cannot be.
        !layout.is_position(head) || in_flight > layout.limit || in_flight + bytes <= layout.limit
    }

    /// Whether nothing is written any more.
    #[cfg(not(loom))]
    #[inline(always)]
    pub(crate) fn is_corrupt(&self) -> bool {
        self.corrupt
    }

    /// Below what position records must end, as far as is known here.
    #[cfg(not(loom))]
    #[inline(always)]
    pub(crate) fn room_end(&self) -> u64 {
        self.room_end
    }

    /// Bytes of room, as far as is known here.
    #[cfg(not(loom))]
    #[inline(always)]
    pub(crate) fn room(&self) -> u64 {
        self.room_end.saturating_sub(self.position)
    }

    /// Makes the records that are written below `next` exist. What is left to do is to [`advance_to`](Self::advance_to)
    /// it: callers do that last, so that a loop of pushes can keep the position in a register.
    #[inline(always)]
    pub(crate) fn publish(&self, mine: &SidePage, next: u64) {
        mine.position.0.word.store(pack(next, false), Ordering::Release); // edge `publish`
    }

    /// Makes the one record that is written below `next` exist, and `copy` put it into the front too.
    #[inline(always)]
    pub(crate) fn publish_in_front(
        &self,
        mine: &SidePage,
        next: u64,
        copy: impl FnOnce(&[AtomicU64; FRONT_WORDS]),
    ) {
        let line = &mine.position.0;
        line.word.store(pack(self.position, false), Ordering::Release); // edge `publish`, repeated
        fence(Ordering::Release); // edge `front`
        copy(&line.front);
        line.word.store(pack(next, true), Ordering::Release); // edge `publish`, in front
    }

    /// The next record goes to `position`: what stands before it was published.
    #[inline(always)]
    pub(crate) fn advance_to(&mut self, position: u64) {
        self.position = position;
    }
}

/// Whether the consumer wants the front, as far as is visible here. A hint: any answer is right.
#[inline(always)]
pub(crate) fn front_is_wanted(consumer: Foreign<'_, SidePage>) -> bool {
    consumer.map(|page| &page.park.0.hint).relaxed() != 0
}

/// The consumer's cursor.
#[derive(Debug)]
pub(crate) struct Head {
    /// The next record is here; what stands before it was released.
    position: u64,
    /// The last `tail` seen, checked. The position once corrupt.
    tail: u64,
    /// The end of the stream that is being read, if it is known where the next one begins.
    stream_end: u64,
    /// Looked at only when everything up to the `tail` seen was read.
    care: Care,
}

/// What keeps a look from taking the tail as it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Care {
    Nothing,
    /// It may be that of another stream.
    Streams,
    /// Nothing is read any more. Final.
    Corrupt,
}

/// What a look at the tail word has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// All that was published was read.
    Empty,
    /// There are records in the data.
    Records,
    /// The front holds the newest record. The tail word said so: see [`Head::front_is_whole`].
    Front {
        /// The tail word.
        word: u64,
    },
}

impl Head {
    /// Takes up where the last consumer stopped.
    pub(crate) fn recover(layout: &RecordLayout, mine: &SidePage) -> Result<Self, Corrupt> {
        let position = mine.position.0.word.load(Ordering::Relaxed);
        if !layout.is_position(position) {
            return Err(Corrupt);
        }
        Ok(Self { position, tail: position, stream_end: u64::MAX, care: Care::Nothing })
    }

    /// Whether looks keep streams apart: see [`look_in_stream`](Self::look_in_stream).
    #[cfg(not(loom))]
    pub(crate) fn keep_streams_apart(&mut self, apart: bool) {
        self.forget_stream_end();
        if self.care != Care::Corrupt {
            self.care = if apart { Care::Streams } else { Care::Nothing };
        }
    }

    /// What was seen before streams were kept apart, and stands at `end` or beyond, is of the next stream.
    #[cfg(not(loom))]
    pub(crate) fn end_stream_at(&mut self, layout: &RecordLayout, end: u64) {
        if end < self.tail && self.care == Care::Streams {
            self.tail = self.position;
            self.stream_end = end.max(self.position);
            if self.allows(layout, self.stream_end) {
                self.tail = self.stream_end;
            } else {
                self.poison();
            }
        }
    }

    #[cfg(not(loom))]
    pub(crate) fn keeps_streams_apart(&self) -> bool {
        self.care == Care::Streams
    }

    /// What comes now is of the next stream.
    #[cfg(not(loom))]
    pub(crate) fn forget_stream_end(&mut self) {
        self.stream_end = u64::MAX;
    }

    #[inline(always)]
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// The last `tail` seen: records up to it are there.
    #[inline(always)]
    pub(crate) fn tail(&self) -> u64 {
        self.tail
    }

    /// Whether the record at the position is known to be there.
    #[inline(always)]
    pub(crate) fn has_record(&self) -> bool {
        self.position != self.tail
    }

    /// Whether there is something to look at: a record or corruption. One load at most.
    #[inline(always)]
    pub(crate) fn has_changed(&self, theirs: Foreign<'_, SidePage>) -> bool {
        self.has_record()
            || self.care == Care::Corrupt
            || unpack(theirs.map(|page| &page.position.0.word).relaxed()).0 != self.tail
    }

    /// Bytes that are published and unread now, at least. `None` if the producer's word cannot be.
    pub(crate) fn ready(
        &self,
        layout: &RecordLayout,
        theirs: Foreign<'_, SidePage>,
    ) -> Option<u64> {
        let (tail, _) = unpack(theirs.map(|page| &page.position.0.word).relaxed());
        fence(Ordering::Acquire); // edge `publish`, counted
        let is_sound = self.care != Care::Corrupt && self.allows(layout, tail);
        is_sound.then(|| tail.min(self.stream_end).saturating_sub(self.position))
    }

    /// Whether the producer may have stored `tail`.
    #[inline(always)]
    fn allows(&self, layout: &RecordLayout, tail: u64) -> bool {
        let unread = tail.wrapping_sub(self.position);
        // One record is new in a conversation: no division, and the limit is never below one.
        let whole = unread == layout.unit || unread <= layout.limit && unread % layout.unit == 0;
        whole && tail >= self.tail && tail < POSITION_MAX
    }

    /// Loads the tail word once and checks it. Where streams are kept apart it decides nothing and is `Corrupt`:
    /// [`look_in_stream`](Self::look_in_stream) does.
    #[inline(always)]
    pub(crate) fn look(
        &mut self,
        layout: &RecordLayout,
        theirs: Foreign<'_, SidePage>,
    ) -> Result<Look, Corrupt> {
        let word = theirs.map(|page| &page.position.0.word).relaxed();
        let (tail, front) = unpack(word);
        if tail == self.tail && self.care == Care::Nothing {
            return Ok(if self.has_record() { Look::Records } else { Look::Empty });
        }
        fence(Ordering::Acquire); // edge `publish`
        if self.care != Care::Nothing || !self.allows(layout, tail) {
            return Err(self.refuse());
        }
        self.tail = tail;
        Ok(if front { Look::Front { word } } else { Look::Records })
    }

    /// [`look`](Self::look) where that has found something and nothing needs care. Otherwise nothing has changed.
    #[cfg(not(loom))]
    #[inline(always)]
    pub(crate) fn look_at_hand(
        &mut self,
        layout: &RecordLayout,
        theirs: Foreign<'_, SidePage>,
    ) -> Option<Look> {
        let word = theirs.map(|page| &page.position.0.word).relaxed();
        let (tail, front) = unpack(word);
        fence(Ordering::Acquire); // edge `publish`
        if tail == self.tail || self.care != Care::Nothing || !self.allows(layout, tail) {
            return None;
        }
        self.tail = tail;
        Some(if front { Look::Front { word } } else { Look::Records })
    }

    /// [`look`](Self::look), but not beyond the end of the stream that is being read: `stream_end` says where another one
    /// follows whose records must not come yet.
    #[cfg(not(loom))]
    pub(crate) fn look_in_stream(
        &mut self,
        layout: &RecordLayout,
        theirs: Foreign<'_, SidePage>,
        stream_end: impl FnOnce() -> Option<u64>,
    ) -> Result<Look, Corrupt> {
        let word = theirs.map(|page| &page.position.0.word).relaxed();
        let (tail, front) = unpack(word);
        fence(Ordering::Acquire); // edge `publish`
        if self.care == Care::Corrupt || !self.allows(layout, tail) {
            return Err(self.poison());
        }
        // Behind the tail: whoever sees a record of the next session sees that session.
        self.stream_end = stream_end().map_or(u64::MAX, |end| end.max(self.tail));
        let (seen, end) = (self.tail, tail.min(self.stream_end));
        if !self.allows(layout, end) {
            return Err(self.poison());
        }
        self.tail = end;
        Ok(match self.has_record() {
            false => Look::Empty,
            true if front && end == tail && end != seen => Look::Front { word },
            true => Look::Records,
        })
    }

    #[cold]
    fn refuse(&mut self) -> Corrupt {
        if self.care == Care::Streams { Corrupt } else { self.poison() }
    }

    /// Whether what was copied from the front since `word` was loaded is the record that it said.
    #[inline(always)]
    pub(crate) fn front_is_whole(theirs: Foreign<'_, SidePage>, word: u64) -> bool {
        fence(Ordering::Acquire); // edge `front`
        theirs.map(|page| &page.position.0.word).relaxed() == word
    }

    /// Releases all records below `position`, which have been read.
    #[inline(always)]
    pub(crate) fn release_below(&self, mine: &SidePage, position: u64) {
        mine.position.0.word.store(position, Ordering::Release); // edge `release`
    }

    /// The next record is at `position`. When a record is both released and passed this comes last,
    /// so that a loop of pops can keep it in a register.
    #[inline(always)]
    pub(crate) fn advance_to(&mut self, position: u64) {
        self.position = position;
    }

    /// Nothing is read any more: every later look is `Corrupt`.
    #[cold]
    pub(crate) fn poison(&mut self) -> Corrupt {
        self.tail = self.position;
        self.care = Care::Corrupt;
        Corrupt
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_tail_word_carries_the_position_and_the_mark() {
        for tail in [0, 8, 24, POSITION_MAX - 8] {
            assert_eq!(unpack(pack(tail, true)), (tail, true));
            assert_eq!(unpack(pack(tail, false)), (tail, false));
        }
        assert_eq!(pack(40, false), 40 | 1 << 63);
    }
}
