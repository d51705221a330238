//! What each end must answer, by the words that stand in the region now and what the end has seen of them before. It
//! holds where nothing changes meanwhile but by the hand of whoever asks.
//!
//! Owns: which of the outsider's looks a call of this library makes, and when. Knows nothing of: the wire format.

use shm_ring::{PopError, PushError};
use shm_ring_outsider::{
    Head, Header, Look, Mapping, POSITION, POSITION_END, Region as _, Room, Tail, consumer, data,
    producer, unpack,
};

pub struct Truth {
    pub header: Header,
    pub region: &'static Mapping,
    pub tail: Tail,
    pub head: Head,
}

impl Truth {
    pub fn new(header: Header, region: &'static Mapping) -> Self {
        let tail = Tail { position: 0, head: 0, corrupt: false };
        let head = Head { position: 0, released: 0, tail: 0, corrupt: false };
        Self { header, region, tail, head }
    }

    pub fn stride(&self, len: usize) -> u64 {
        self.header.stride(len as u64)
    }

    /// Bytes of the longest payload.
    pub fn longest(&self) -> usize {
        self.header.longest() as usize
    }

    /// What a producer that attaches now would know. One that could publish nothing any more does not attach.
    pub fn producer(&self) -> Option<Tail> {
        Tail::attach(self.region, &self.header)
            .filter(|tail| tail.position + self.header.unit() < POSITION_END)
    }

    /// The same for a consumer.
    pub fn consumer(&self) -> Option<Head> {
        Head::attach(self.region, &self.header)
    }

    /// Whether there is room for `bytes` of records together.
    pub fn room_for(&mut self, bytes: u64) -> Result<(), PushError> {
        match self.tail.room_for(self.region, &self.header, bytes) {
            Room::Enough => Ok(()),
            Room::Full => Err(PushError::Full),
            Room::Corrupt => Err(PushError::Corrupt),
        }
    }

    /// How many records of these `strides`, from the first on, fit together, and how many bytes those are.
    pub fn fit(&mut self, strides: &[u64]) -> (usize, u64) {
        let (mut fit, mut bytes) = (0, 0);
        for stride in strides {
            if self.room_for(bytes + stride).is_err() {
                break;
            }
            (fit, bytes) = (fit + 1, bytes + stride);
        }
        (fit, bytes)
    }

    /// The same for a call that waits until all are published, in as many parts as it takes: what ends it early.
    pub fn all(&mut self, strides: &[u64]) -> (usize, Result<(), PushError>) {
        let mut done = 0;
        while done < strides.len() {
            if let Err(error) = self.room_for(strides[done]) {
                return (done, Err(error));
            }
            let (fit, bytes) = self.fit(&strides[done..]);
            self.tail.advance(bytes);
            done += fit;
        }
        (done, Ok(()))
    }

    /// Bytes of records that fit by the head that stands there now.
    pub fn room(&mut self) -> u64 {
        self.tail.corrupt |= self.tail.position + self.header.unit() >= POSITION_END;
        match self.tail.room(self.region, &self.header) {
            _ if self.tail.corrupt => 0,
            room => room.min(POSITION_END - 1 - self.tail.position),
        }
    }

    /// The producer has published `bytes` of records together.
    pub fn published(&mut self, bytes: u64) {
        self.tail.advance(bytes);
        if bytes > 0 {
            self.stands();
        }
    }

    /// The tail stands where it must.
    pub fn stands(&self) {
        let (stored, right) =
            (unpack(self.region.word(producer() + POSITION)).0, self.tail.position);
        assert!(stored == right, "left the tail at {stored:#x} where {right:#x} was right");
    }

    /// The next record, by the front where the library takes it from there.
    pub fn look(&mut self, by_front: bool) -> Result<Vec<u8>, PopError> {
        let payload = match self.head.look(self.region, &self.header) {
            Look::Empty => return Err(PopError::Empty),
            Look::Corrupt => return Err(PopError::Corrupt),
            Look::Record { front: Some(front), .. } if by_front => Some(front),
            Look::Record { data, .. } => data,
        };
        self.head.corrupt |= payload.is_none();
        payload.ok_or(PopError::Corrupt)
    }

    /// Loads the tail, also while there is something that was seen before.
    pub fn look_at_tail(&mut self) {
        let mut seen = Head { position: self.head.tail, ..self.head };
        let _ = seen.look(self.region, &self.header);
        (self.head.tail, self.head.corrupt) = (seen.tail, seen.corrupt);
    }

    /// Bytes of records that were seen.
    pub fn known(&self) -> u64 {
        if self.head.corrupt { 0 } else { self.head.tail - self.head.position }
    }

    /// Whether a look would find anything, be it corrupt.
    pub fn stirs(&self) -> bool {
        let tail = unpack(self.region.word(producer() + POSITION)).0;
        self.head.corrupt || self.known() > 0 || tail != self.head.tail
    }

    /// What stands at `head`, below the tail that was seen, if it is a record.
    pub fn next(&self, head: &mut Head) -> Option<Vec<u8>> {
        match head.look(self.region, &self.header) {
            Look::Record { front: None, data } => data,
            look => panic!("a record that was known is {look:?}"),
        }
    }

    /// The `len` bytes of data at the payload of the record at `head`, whatever the record says of itself.
    pub fn payload(&self, head: &Head, len: usize) -> Vec<u8> {
        let at = self.header.at(head.position + self.header.payload_offset());
        let first = len.min((self.header.region_bytes() - at) as usize);
        let mut payload = self.region.read(at, first);
        payload.extend(self.region.read(data(), len - first));
        payload
    }

    /// The consumer has stepped over a record with a payload of `len` bytes.
    pub fn step(&mut self, len: usize) {
        self.head.step(&self.header, len as u64);
    }

    /// The consumer has given back the room of all that it stepped over.
    pub fn released(&mut self) {
        self.head.release();
        let (stored, right) = (self.region.word(consumer() + POSITION), self.head.position);
        assert!(stored == right, "left the head at {stored:#x} where {right:#x} was right");
    }

    /// Bytes of records that the producer says are there.
    pub fn ready(&self) -> u64 {
        let mut seen = Head { position: self.head.tail, ..self.head };
        let _ = seen.look(self.region, &self.header);
        if seen.corrupt { 0 } else { seen.tail - self.head.position }
    }

    /// The words by which it judges, for messages.
    pub fn words(&self) -> String {
        let [tail, head] = [producer(), consumer()].map(|page| self.region.word(page + POSITION));
        format!("tail {tail:#x}, head {head:#x}, {:?}, {:?}", self.tail, self.head)
    }
}
