//! What a ring must hold: records in a queue, how much room they take, and how that looks in memory.
//!
//! Owns: a second copy of the data and of the tail word, compared with the memory after each call.
//! Knows nothing of: who is attached. The wire format is the outsider's.

use std::collections::VecDeque;

use shm_ring::{Message, OutOfBounds};
use shm_ring_outsider::{
    FRONT, Header, Kind, POSITION, Region, Side, Word, cells, consumer, data, judge, lay, pack,
    producer, start_at, unpack,
};

use crate::choice::Place;
use crate::memory::Memory;

/// In one process nothing happens behind our back: what fits and what is there is known exactly.
pub struct Model {
    header: Header,
    head: u64,
    tail: u64,
    queue: VecDeque<Vec<u8>>,
    /// The tail word, and what the front holds if that says that it may be used.
    word: u64,
    front: Vec<u8>,
    /// The region as far as it is known: of values all data, of messages the unread ones without their fill.
    image: Vec<u8>,
    /// The region as it was found.
    found: Vec<u8>,
}

impl Model {
    /// Of an empty ring with `header`, laid into `memory`, whose positions begin at `start`.
    pub fn new(memory: &Memory, header: &Header, start: u64) -> Self {
        memory.create(header);
        start_at(memory, header, start);
        Self {
            header: *header,
            head: start,
            tail: start,
            queue: VecDeque::new(),
            word: pack(start, start == 0),
            front: Vec::new(),
            image: memory.all(),
            found: memory.all(),
        }
    }

    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Bytes of the record of a payload of `len` bytes.
    pub fn stride(&self, len: usize) -> u64 {
        self.header.stride(len as u64)
    }

    /// Bytes of records that fit beside those that are there.
    pub fn room(&self) -> u64 {
        self.header.limit - self.ready()
    }

    /// Bytes of the records that are there.
    pub fn ready(&self) -> u64 {
        self.tail - self.head
    }

    pub fn fits(&self, len: usize) -> bool {
        self.header.may_be(len as u64) && self.stride(len) <= self.room()
    }

    /// Bytes of the longest payload that fits now, if any does.
    pub fn longest_now(&self) -> Option<u64> {
        self.header.longest_in(self.room())
    }

    fn add(&mut self, payload: &[u8]) {
        assert!(self.fits(payload.len()), "a record was taken for which there is no room");
        self.tail = lay(cells(&mut self.image), &self.header, self.tail, payload);
        self.queue.push_back(payload.to_vec());
    }

    /// A record was published alone: by the front too, if the consumer wants that.
    pub fn push(&mut self, payload: &[u8], memory: &Memory) {
        let wanted = memory.named(Side::Consumer, Word::Hint) != 0;
        let front = self.header.front_of(self.tail, payload).filter(|_| wanted);
        self.add(payload);
        self.word = pack(self.tail, front.is_some());
        self.front = front.unwrap_or_default();
    }

    /// Records were published together.
    pub fn push_batch<'a>(&mut self, payloads: impl IntoIterator<Item = &'a [u8]>) {
        for payload in payloads {
            self.add(payload);
            self.word = pack(self.tail, false);
        }
    }

    /// A value was written `index` values behind the tail and does not exist yet.
    pub fn write(&mut self, index: usize, item: &[u8]) {
        let at = self.tail + index as u64 * self.header.item_size;
        lay(cells(&mut self.image), &self.header, at, item);
    }

    /// What stands `index` values behind the tail.
    pub fn written(&self, index: usize) -> Vec<u8> {
        let at = self.tail + index as u64 * self.header.item_size;
        let bytes = (0..self.header.item_size).map(|byte| self.header.at(at + byte) as usize);
        bytes.map(|at| self.image[at]).collect()
    }

    pub fn first(&self) -> Option<&[u8]> {
        self.queue.front().map(Vec::as_slice)
    }

    /// The record behind `index` others.
    pub fn get(&self, index: usize) -> &[u8] {
        &self.queue[index]
    }

    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Whether any record has a payload.
    pub fn has_bytes(&self) -> bool {
        self.queue.iter().any(|payload| !payload.is_empty())
    }

    pub fn len(&self) -> usize {
        self.queue.len()
    }

    pub fn head(&self) -> u64 {
        self.head
    }

    /// The oldest record, whose room is free from now on.
    pub fn pop(&mut self) -> Vec<u8> {
        let payload = self.queue.pop_front().expect("a record came out of an empty ring");
        self.head += self.stride(payload.len());
        payload
    }

    /// Whether a record has come to exist since the last push.
    pub fn something_came(&self, memory: &Memory) -> bool {
        unpack(memory.word(producer() + POSITION)).0 != self.tail
    }

    /// Compares all of it with what stands in the memory.
    pub fn check(&mut self, memory: &Memory) {
        memory.try_read(0, &mut self.found).unwrap();
        let found = &self.found[..];
        assert_eq!(found.word(producer() + POSITION), self.word, "the tail word");
        assert_eq!(found.word(consumer() + POSITION), self.head, "the head");
        if unpack(self.word).1 {
            let front = (producer() + FRONT) as usize;
            assert_eq!(found[front..][..self.front.len()], self.front, "the front");
        }
        match self.header.kind() {
            // No fill anywhere: a byte that changed is one that was written.
            Some(Kind::Values) => {
                let data = data() as usize;
                assert!(found[data..] == self.image[data..], "the data");
            }
            _ => self.check_messages(),
        }
    }

    fn check_messages(&self) {
        let mut position = self.head;
        for payload in &self.queue {
            self.check_run(position, 8, "a record header");
            let start = position + self.header.payload_offset();
            self.check_run(start, payload.len(), "a payload");
            position += self.stride(payload.len());
        }
        assert_eq!(position, self.tail, "the records");
    }

    fn check_run(&self, position: u64, len: usize, what: &str) {
        let (at, base) = (self.header.at(position) as usize, data() as usize);
        let first = len.min(self.image.len() - at);
        let same = self.found[at..at + first] == self.image[at..at + first];
        let rest = base..base + (len - first);
        assert!(same && self.found[rest.clone()] == self.image[rest], "{what} at {position}");
    }

    /// Has the outsider judge the region, as after a kill.
    pub fn judge(&self, memory: &Memory) {
        let image = memory.all();
        let ring = judge(&image[..], &self.header).unwrap_or_else(|violation| panic!("{violation}"));
        assert_eq!((ring.head, ring.tail), (self.head, self.tail));
        assert!(ring.payloads() == Vec::from(self.queue.clone()), "the unread records");
    }
}

/// What [`OutOfBounds`] there is for `len` bytes from `offset` on in a payload of `size`.
pub fn within(offset: usize, len: usize, size: usize) -> Result<(), OutOfBounds> {
    match offset.checked_add(len) {
        Some(end) if end <= size => Ok(()),
        _ => Err(OutOfBounds { offset, len, size }),
    }
}

/// Reads a part of `message`, whose payload is `payload`, in every way there is.
pub fn check_message(message: &Message<'_>, payload: &[u8], place: Place) {
    assert_eq!((message.len(), message.is_empty()), (payload.len(), payload.is_empty()));
    assert_eq!(message.to_vec(), payload);
    let (offset, len) = (place.offset(), usize::from(place.len));
    let mut copy = vec![0x55; len];
    match (message.copy_to(offset, &mut copy), within(offset, len, payload.len())) {
        (Ok(()), Ok(())) => assert_eq!(copy, payload[offset..offset + len]),
        (copied, should) => {
            assert_eq!(copied, should);
            assert!(copy.iter().all(|&byte| byte == 0x55), "a part was copied");
        }
    }
    check_read::<1>(message, payload, offset);
    check_read::<8>(message, payload, offset);
    check_read::<13>(message, payload, offset);
}

fn check_read<const N: usize>(message: &Message<'_>, payload: &[u8], offset: usize) {
    match (message.read_at::<[u8; N]>(offset), within(offset, N, payload.len())) {
        (Ok(read), Ok(())) => assert_eq!(read, payload[offset..offset + N]),
        (read, should) => assert_eq!(read.map(|_| ()), should),
    }
}
