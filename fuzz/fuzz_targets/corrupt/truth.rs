//! What each end must answer, by the words that stand in the region now and what the end has seen of them before. In one
//! process nothing changes meanwhile.
//!
//! Owns: which of the outsider's looks a call of this library makes, and when. Knows nothing of: the wire format.

use shm_ring::{PopError, PushError};
use shm_ring_fuzz::memory::Memory;
use shm_ring_outsider::{
    Head, Header, Look, POSITION, POSITION_END, Region, Room, Tail, consumer, producer, unpack,
};

pub(crate) struct Truth {
    pub(crate) header: Header,
    pub(crate) memory: &'static Memory,
    pub(crate) tail: Tail,
    pub(crate) head: Head,
    pub(crate) threshold: bool,
}

impl Truth {
    pub(crate) fn new(header: Header, memory: &'static Memory) -> Self {
        let tail = Tail { position: 0, head: 0, corrupt: false };
        let head = Head { position: 0, released: 0, tail: 0, corrupt: false };
        Self { header, memory, tail, head, threshold: false }
    }

    pub(crate) fn stride(&self, len: usize) -> u64 {
        self.header.stride(len as u64)
    }

    /// Bytes of the longest payload.
    pub(crate) fn longest(&self) -> usize {
        self.header.longest() as usize
    }

    /// What a producer that attaches now would know.
    pub(crate) fn producer(&self) -> Option<Tail> {
        Tail::attach(self.memory, &self.header)
    }

    /// The same for a consumer.
    pub(crate) fn consumer(&self) -> Option<Head> {
        Head::attach(self.memory, &self.header)
    }

    /// Whether there is room for `bytes` of records together.
    pub(crate) fn room_for(&mut self, bytes: u64) -> Result<(), PushError> {
        match self.tail.room_for(self.memory, &self.header, bytes) {
            Room::Enough => Ok(()),
            Room::Full => Err(PushError::Full),
            Room::Corrupt => Err(PushError::Corrupt),
        }
    }

    /// Bytes of records that fit by the head that stands there now.
    pub(crate) fn room(&mut self) -> u64 {
        self.tail.corrupt |= self.tail.position + self.header.unit() >= POSITION_END;
        match self.tail.room(self.memory, &self.header) {
            _ if self.tail.corrupt => 0,
            room => room.min(POSITION_END - 1 - self.tail.position),
        }
    }

    /// The producer has published `bytes` of records together.
    pub(crate) fn pushed(&mut self, bytes: u64) {
        self.tail.advance(bytes);
        if bytes > 0 {
            let word = self.memory.word(producer() + POSITION);
            assert_eq!(unpack(word).0, self.tail.position, "the tail");
        }
    }

    /// The next record, by the front where the library takes it from there.
    pub(crate) fn look(&mut self, by_front: bool) -> Result<Vec<u8>, PopError> {
        let payload = match self.head.look(self.memory, &self.header) {
            Look::Empty => return Err(PopError::Empty),
            Look::Corrupt => return Err(PopError::Corrupt),
            Look::Record { front: Some(front), .. } if by_front => Some(front),
            Look::Record { data, .. } => data,
        };
        self.head.corrupt |= payload.is_none();
        payload.ok_or(PopError::Corrupt)
    }

    /// Loads the tail, also while there is something that was seen before.
    pub(crate) fn look_at_tail(&mut self) {
        let mut seen = Head { position: self.head.tail, ..self.head };
        let _ = seen.look(self.memory, &self.header);
        (self.head.tail, self.head.corrupt) = (seen.tail, seen.corrupt);
    }

    /// Bytes of records that were seen.
    pub(crate) fn known(&self) -> u64 {
        if self.head.corrupt { 0 } else { self.head.tail - self.head.position }
    }

    /// The consumer has stepped over a record with a payload of `len` bytes.
    pub(crate) fn step(&mut self, len: usize) {
        self.head.step(&self.header, len as u64);
    }

    /// The consumer has given back the room of all that it stepped over.
    pub(crate) fn released(&mut self) {
        self.head.release();
        let word = self.memory.word(consumer() + POSITION);
        assert_eq!(word, self.head.position, "the head");
    }

    /// Bytes of records that the producer says are there.
    pub(crate) fn ready(&self) -> u64 {
        let mut seen = Head { position: self.head.tail, ..self.head };
        let _ = seen.look(self.memory, &self.header);
        if seen.corrupt { 0 } else { seen.tail - self.head.position }
    }

    /// `answer` must be what is true. A call that waited in vain says why instead of `Full`, by words that may be anything.
    pub(crate) fn agree_push(
        timed: bool,
        truth: Result<(), PushError>,
        answer: Result<(), PushError>,
    ) {
        use PushError::{Closed, Full, PeerDead, TimedOut};
        match answer {
            Err(TimedOut | Closed | PeerDead) if timed => assert_eq!(truth, Err(Full)),
            answer => assert!(
                answer == truth && !(timed && answer == Err(Full)),
                "{answer:?} and not {truth:?}"
            ),
        }
    }

    /// The same for a pop.
    pub(crate) fn agree_pop<T>(timed: bool, truth: &Result<T, PopError>, answer: Option<PopError>) {
        use PopError::{Closed, Empty, PeerDead, TimedOut};
        let truth = truth.as_ref().err().copied();
        match answer {
            Some(TimedOut | Closed | PeerDead) if timed => assert_eq!(truth, Some(Empty)),
            answer => assert!(
                answer == truth && !(timed && answer == Some(Empty)),
                "{answer:?} and not {truth:?}"
            ),
        }
    }
}
