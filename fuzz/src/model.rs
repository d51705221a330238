//! What a ring must hold: records in a queue, how much room they take, and how that looks in the
//! region (LAYOUT.md, worked out here a second time). It must not know who is attached.

use std::collections::VecDeque;

use shm_ring::{OutOfBounds, Payload, Record};

use crate::bytes::{Bytes, CONSUMER, DATA, PRODUCER, commit_word};
use crate::choice::Place;

const COMMIT_WORD: u64 = 8;

/// In one process nothing happens behind our back: what fits and what is there is known exactly.
pub struct Model {
    capacity: u64,
    align: u64,
    head: u64,
    tail: u64,
    queue: VecDeque<Vec<u8>>,
}

impl Model {
    pub fn new(capacity: u64, item_align: usize, start: u64) -> Self {
        let align = COMMIT_WORD.max(item_align as u64);
        Self { capacity, align, head: start, tail: start, queue: VecDeque::new() }
    }

    /// Bytes of the record of a payload of `len` bytes.
    pub fn stride(&self, len: usize) -> u64 {
        self.align + (len as u64).next_multiple_of(self.align)
    }

    /// Bytes of records that fit beside those that are there.
    pub fn room(&self) -> u64 {
        (self.capacity + self.head - self.tail).saturating_sub(COMMIT_WORD)
    }

    /// Bytes of the records that are there.
    pub fn ready(&self) -> u64 {
        self.tail - self.head
    }

    pub fn fits(&self, len: usize) -> bool {
        self.stride(len) <= self.room()
    }

    /// Bytes of the longest payload that fits now, if any does.
    pub fn longest_now(&self) -> Option<u64> {
        (self.room() / self.align * self.align).checked_sub(self.align)
    }

    /// Bytes of the longest payload that ever fits.
    pub fn longest(&self) -> u64 {
        ((self.capacity - COMMIT_WORD) / self.align - 1) * self.align
    }

    pub fn push(&mut self, payload: &[u8]) {
        assert!(self.fits(payload.len()), "a record was taken for which there is no room");
        self.tail += self.stride(payload.len());
        self.queue.push_back(payload.to_vec());
    }

    pub fn first(&self) -> Option<&[u8]> {
        self.queue.front().map(Vec::as_slice)
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

    /// Whether a record has come to exist since the last [`push`](Self::push).
    pub fn something_came(&self, bytes: &Bytes) -> bool {
        let at = DATA + self.tail % self.capacity;
        bytes.word(PRODUCER) != self.tail || bytes.word(at) != 0
    }

    /// Compares all of it with what stands in the region.
    pub fn check(&self, bytes: &Bytes) {
        assert_eq!(bytes.word(PRODUCER), self.tail, "the tail");
        assert_eq!(bytes.word(CONSUMER), self.head, "the head");
        // As it is mapped: twice in a row.
        let data = bytes.read(DATA, self.capacity as usize).repeat(2);
        let word = |at: usize| u64::from_le_bytes(data[at..at + 8].try_into().unwrap());
        let mut position = self.head;
        for payload in &self.queue {
            let at = (position % self.capacity) as usize;
            assert_eq!(word(at), commit_word(position, payload.len() as u32), "a commit word");
            let start = at + self.align as usize;
            let (end, filled) = (payload.len(), payload.len().next_multiple_of(8));
            assert_eq!(data[start..start + end], payload[..], "a payload");
            assert!(data[start + end..start + filled].iter().all(|&byte| byte == 0), "the fill");
            position += self.stride(payload.len());
        }
        assert_eq!(position, self.tail, "the records");
        assert_eq!(word((self.tail % self.capacity) as usize), 0, "the zero ahead");
    }
}

/// What [`OutOfBounds`] there is for `len` bytes from `offset` on in a payload of `size`.
pub fn within(offset: usize, len: usize, size: usize) -> Result<(), OutOfBounds> {
    match offset.checked_add(len) {
        Some(end) if end <= size => Ok(()),
        _ => Err(OutOfBounds { offset, len, size }),
    }
}

/// Reads a part of `record`, whose payload is `payload`, in every way there is.
pub fn check_place<P: Payload + ?Sized>(record: &Record<'_, P>, payload: &[u8], place: Place) {
    assert_eq!(record.size(), payload.len());
    let (offset, len) = (place.offset(), usize::from(place.len));
    let mut copy = vec![0x55; len];
    match (record.copy_to(offset, &mut copy), within(offset, len, payload.len())) {
        (Ok(()), Ok(())) => assert_eq!(copy, payload[offset..offset + len]),
        (copied, should) => {
            assert_eq!(copied, should);
            assert!(copy.iter().all(|&byte| byte == 0x55), "a part was copied");
        }
    }
    check_read::<P, 1>(record, payload, offset);
    check_read::<P, 8>(record, payload, offset);
    check_read::<P, 13>(record, payload, offset);
}

fn check_read<P: Payload + ?Sized, const N: usize>(
    record: &Record<'_, P>,
    payload: &[u8],
    offset: usize,
) {
    match (record.read_at::<[u8; N]>(offset), within(offset, N, payload.len())) {
        (Ok(read), Ok(())) => assert_eq!(read, payload[offset..offset + N]),
        (read, should) => assert_eq!(read.map(|_| ()), should),
    }
}
