//! What each end must answer, worked out a second time from LAYOUT.md, the words that stand in the
//! region now, and what the end has seen of them before. In one process nothing changes meanwhile.

use shm_ring::{PopError, PushError};
use shm_ring_fuzz::bytes::{Bytes, CONSUMER, DATA, POSITION_MAX, PRODUCER, commit_word};

pub(crate) struct Truth {
    pub(crate) capacity: u64,
    align: u64,
    /// Bytes of an element, and how many elements a record has if all have the same.
    unit: usize,
    fixed: Option<usize>,
    pub(crate) tail: Tail,
    pub(crate) head: Head,
}

#[derive(Default)]
pub(crate) struct Tail {
    pub(crate) position: u64,
    /// By the last head that was believed.
    limit: u64,
    pub(crate) corrupt: bool,
}

#[derive(Default)]
pub(crate) struct Head {
    pub(crate) position: u64,
    pub(crate) corrupt: bool,
    pub(crate) threshold: bool,
}

impl Truth {
    pub(crate) fn new(capacity: u64, item_align: usize, unit: usize, fixed: Option<usize>) -> Self {
        let align = item_align.max(8) as u64;
        Self { capacity, align, unit, fixed, tail: Tail::default(), head: Head::default() }
    }

    pub(crate) fn stride(&self, len: usize) -> u64 {
        self.align + (len as u64).next_multiple_of(self.align)
    }

    fn least_stride(&self) -> u64 {
        self.stride(self.fixed.unwrap_or(0))
    }

    /// Bytes of the longest payload.
    pub(crate) fn longest(&self) -> usize {
        let longest = ((self.capacity - 8) / self.align - 1) * self.align;
        self.fixed.unwrap_or(longest as usize / self.unit * self.unit)
    }

    fn is_position(&self, position: u64) -> bool {
        position < POSITION_MAX && position % self.align == 0
    }

    /// Bytes of the payload at `position`, if its commit word may be.
    fn committed(&self, bytes: &Bytes, position: u64) -> Result<usize, PopError> {
        let word = bytes.word(DATA + position % self.capacity);
        let len = word as u32 as usize;
        match word {
            0 => Err(PopError::Empty),
            word if word != commit_word(position, len as u32) => Err(PopError::Corrupt),
            _ if self.may_be(len) => Ok(len),
            _ => Err(PopError::Corrupt),
        }
    }

    fn may_be(&self, len: usize) -> bool {
        match self.fixed {
            Some(fixed) => len == fixed,
            None => len <= self.longest() && len % self.unit == 0,
        }
    }

    /// What a producer that attaches now would have: records behind the stored tail are stepped
    /// over.
    pub(crate) fn producer(&self, bytes: &Bytes) -> Option<Tail> {
        let stored = bytes.word(PRODUCER);
        let mut position = stored;
        while self.is_position(position) {
            let word = bytes.word(DATA + position % self.capacity);
            if word != commit_word(position, word as u32) {
                break;
            }
            if !self.may_be(word as u32 as usize) {
                return None;
            }
            position += self.stride(word as u32 as usize);
            if position + 8 - stored > self.capacity {
                return None;
            }
        }
        let (head, end) = (bytes.word(CONSUMER), position.checked_add(self.least_stride() + 8)?);
        let believed = self.is_position(position)
            && self.is_position(head)
            && head <= position
            && position - head <= self.capacity
            && end <= POSITION_MAX;
        let limit = (head.saturating_add(self.capacity)).min(POSITION_MAX);
        believed.then_some(Tail { position, limit, corrupt: false })
    }

    /// The same for a consumer.
    pub(crate) fn consumer(&self, bytes: &Bytes) -> Option<Head> {
        let position = bytes.word(CONSUMER);
        self.is_position(position).then_some(Head { position, ..Head::default() })
    }

    fn refresh(&mut self, bytes: &Bytes, stride: u64) -> Result<(), PushError> {
        let (head, tail) = (bytes.word(CONSUMER), self.tail.position);
        let believed = self.is_position(head)
            && head <= tail
            && tail - head <= self.capacity
            && tail + stride + 8 <= POSITION_MAX;
        self.tail.corrupt |= !believed;
        if self.tail.corrupt {
            self.tail.limit = 0;
            return Err(PushError::Corrupt);
        }
        self.tail.limit = (head + self.capacity).min(POSITION_MAX);
        Ok(())
    }

    /// Whether there is room for records of `stride` bytes together.
    pub(crate) fn room_for(&mut self, bytes: &Bytes, stride: u64) -> Result<(), PushError> {
        let fits = |tail: &Tail| tail.position + stride + 8 <= tail.limit;
        if !fits(&self.tail) {
            self.refresh(bytes, stride)?;
        }
        if fits(&self.tail) { Ok(()) } else { Err(PushError::Full) }
    }

    /// Bytes of records that fit.
    pub(crate) fn room(&mut self, bytes: &Bytes) -> u64 {
        match self.refresh(bytes, self.least_stride()) {
            Ok(()) => self.tail.limit.saturating_sub(self.tail.position + 8),
            Err(_) => 0,
        }
    }

    /// The producer has published records of `stride` bytes together.
    pub(crate) fn pushed(&mut self, bytes: &Bytes, stride: u64) {
        self.tail.position += stride;
        if stride > 0 {
            assert_eq!(bytes.word(PRODUCER), self.tail.position, "the tail");
            assert_eq!(bytes.word(DATA + self.tail.position % self.capacity), 0, "the zero ahead");
        }
    }

    /// Bytes of the payload at the head.
    pub(crate) fn look(&mut self, bytes: &Bytes) -> Result<usize, PopError> {
        let position = self.head.position;
        if self.head.corrupt || position >= POSITION_MAX {
            self.head.corrupt = true;
            return Err(PopError::Corrupt);
        }
        let found = self.committed(bytes, position);
        self.head.corrupt |= found == Err(PopError::Corrupt);
        found
    }

    /// What stands where the payload at the head does: `len` bytes.
    pub(crate) fn payload(&self, bytes: &Bytes, len: usize) -> Vec<u8> {
        let at = (self.head.position + self.align) % self.capacity;
        let first = len.min((self.capacity - at) as usize);
        let mut payload = bytes.read(DATA + at, first);
        payload.extend(bytes.read(DATA, len - first));
        payload
    }

    /// The consumer has stepped over a record of `len` bytes.
    pub(crate) fn step(&mut self, len: usize) {
        self.head.position += self.stride(len);
    }

    /// The consumer has given back the room of all that it stepped over.
    pub(crate) fn released(&self, bytes: &Bytes) {
        assert_eq!(bytes.word(CONSUMER), self.head.position, "the head");
    }

    /// Bytes of records that the producer says are there.
    pub(crate) fn ready(&self, bytes: &Bytes) -> u64 {
        let tail = bytes.word(PRODUCER);
        let ready = tail.saturating_sub(self.head.position);
        if self.is_position(tail) && ready <= self.capacity { ready } else { 0 }
    }

    /// `answer` must be what is true. Who waited in vain is told why instead of `Full`, by words
    /// that may be anything.
    pub(crate) fn agree_push(
        timed: bool,
        truth: Result<(), PushError>,
        answer: Result<(), PushError>,
    ) {
        use PushError::{Closed, Full, PeerDead, TimedOut};
        match answer {
            Err(TimedOut | Closed | PeerDead) if timed => assert_eq!(truth, Err(Full)),
            answer => assert!(answer == truth && !(timed && answer == Err(Full)), "{answer:?}"),
        }
    }

    /// The same for a pop of a payload of so many bytes. Who waits for a threshold looks at the
    /// tail, too.
    pub(crate) fn agree_pop(
        &mut self,
        timed: bool,
        truth: Result<usize, PopError>,
        answer: Result<usize, PopError>,
    ) {
        use PopError::{Closed, Corrupt, Empty, PeerDead, TimedOut};
        match answer {
            Err(TimedOut | Closed | PeerDead) if timed => assert_eq!(truth, Err(Empty)),
            Err(Corrupt) if timed && self.head.threshold && truth == Err(Empty) => {
                self.head.corrupt = true;
            }
            answer => assert!(
                answer == truth && !(timed && answer == Err(Empty)),
                "{answer:?} and not {truth:?}"
            ),
        }
    }
}
