//! What a ring must hold: records in a queue, how much room they take, and how that looks in memory.
//!
//! Owns: a second copy of the data and of the tail word, compared with the memory after each call.
//! Knows nothing of: who is attached. The wire format is the outsider's.

use shm_ring::{Message, OutOfBounds};
use shm_ring_outsider::{
    FRONT, Header, Kind, POSITION, Region, Side, Word, cells, consumer, data, fresh, judge, lay,
    message_len, pack, producer, start_at, unpack,
};

use crate::choice::Place;
use crate::memory::Memory;

/// In one process nothing happens behind our back: what fits and what is there is known exactly.
pub struct Model {
    header: Header,
    head: u64,
    tail: u64,
    /// Records that are there.
    count: usize,
    /// The tail word, and what the front holds if that says that it may be used.
    word: u64,
    front: Vec<u8>,
    /// The region as far as it is known: of values all data, of messages the unread ones without their fill.
    image: Vec<u8>,
    /// The data as they were found, where they stand in the region.
    found: Vec<u8>,
}

impl Model {
    /// Of an empty ring with `header`, laid into `memory`, whose positions begin at `start`.
    pub fn new(memory: &Memory, header: &Header, start: u64) -> Self {
        let mut image = fresh(header);
        start_at(cells(&mut image), header, start);
        memory.hold(&image);
        Self {
            header: *header,
            head: start,
            tail: start,
            count: 0,
            word: pack(start, start == 0),
            front: Vec::new(),
            found: vec![0; image.len()],
            image,
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

    fn is_values(&self) -> bool {
        self.header.kind() == Some(Kind::Values)
    }

    /// A record was published alone: by the front too, if the consumer wants that.
    pub fn push(&mut self, payload: &[u8], memory: &Memory) {
        let wanted = memory.named(Side::Consumer, Word::Hint) != 0;
        let front = self.header.front_of(self.tail, payload).filter(|_| wanted);
        self.push_together(payload);
        self.word = pack(self.tail, front.is_some());
        self.front = front.unwrap_or_default();
    }

    /// A record was published in a batch.
    pub fn push_together(&mut self, payload: &[u8]) {
        assert!(self.fits(payload.len()), "a record was taken for which there is no room");
        let next = self.tail + self.stride(payload.len());
        if self.is_values() {
            self.put(self.tail, payload);
        } else {
            lay(cells(&mut self.image), &self.header, self.tail, payload);
        }
        (self.tail, self.count) = (next, self.count + 1);
        self.word = pack(next, false);
    }

    /// Values were published together.
    pub fn push_run(&mut self, values: &[u8]) {
        if !values.is_empty() {
            assert!(values.len() as u64 <= self.room(), "more values than there is room for");
            self.put(self.tail, values);
            self.tail += values.len() as u64;
            self.count += values.len() / self.header.item_size as usize;
            self.word = pack(self.tail, false);
        }
    }

    fn put(&mut self, position: u64, bytes: &[u8]) {
        let at = self.header.at(position) as usize;
        let (first, second) = bytes.split_at(bytes.len().min(self.image.len() - at));
        self.image[at..][..first.len()].copy_from_slice(first);
        self.image[data() as usize..][..second.len()].copy_from_slice(second);
    }

    /// Values were written from `index` values behind the tail on, and do not exist yet.
    pub fn write(&mut self, index: usize, values: &[u8]) {
        self.put(self.tail + index as u64 * self.header.item_size, values);
    }

    /// The first `count` values that stand behind the tail.
    pub fn written(&self, count: usize) -> Vec<u8> {
        let len = count * self.header.item_size as usize;
        let (first, second) = self.run(&self.image, self.tail, len);
        [first, second].concat()
    }

    /// `len` bytes of `image` from `position` on, around the end of the data area.
    fn run<'a>(&self, image: &'a [u8], position: u64, len: usize) -> (&'a [u8], &'a [u8]) {
        let at = self.header.at(position) as usize;
        let first = len.min(image.len() - at);
        (&image[at..at + first], &image[data() as usize..][..len - first])
    }

    /// Whether `bytes` are what the model has from `position` on.
    fn is(&self, position: u64, bytes: &[u8]) -> bool {
        let (first, second) = self.run(&self.image, position, bytes.len());
        bytes[..first.len()] == *first && bytes[first.len()..] == *second
    }

    /// Bytes of the payload of the message at `position`.
    fn len_at(&self, position: u64) -> usize {
        let word = self.image[..].word(self.header.at(position));
        message_len(word, position).expect("a message of the model") as usize
    }

    /// Bytes of the payload of the oldest record.
    pub fn first_len(&self) -> Option<usize> {
        (self.count > 0).then(|| match self.is_values() {
            true => self.header.item_size as usize,
            false => self.len_at(self.head),
        })
    }

    /// Where each message stands that is there.
    pub fn messages(&self) -> impl Iterator<Item = u64> {
        let mut position = self.head;
        std::iter::from_fn(move || {
            let at = position;
            (at < self.tail).then(|| {
                position += self.stride(self.len_at(at));
                at
            })
        })
    }

    /// Whether `payload` is the message at `position`.
    pub fn is_message(&self, position: u64, payload: &[u8]) -> bool {
        payload.len() == self.len_at(position)
            && self.is(position + self.header.payload_offset(), payload)
    }

    /// Whether `values` are those behind `index` others.
    pub fn are_values(&self, index: usize, values: &[u8]) -> bool {
        let from = index as u64 * self.header.item_size;
        assert!(from + values.len() as u64 <= self.ready(), "values that are not there");
        self.is(self.head + from, values)
    }

    /// `payload` was taken: it must be the oldest record, whose room is free from now on.
    pub fn pop(&mut self, payload: &[u8]) {
        let len = self.first_len().expect("a record came out of an empty ring");
        let at = self.head + self.header.payload_offset();
        assert!(payload.len() == len && self.is(at, payload), "another record than the oldest");
        self.release(1);
    }

    /// Values were taken together: they must be the oldest ones.
    pub fn pop_run(&mut self, values: &[u8]) {
        assert!(self.are_values(0, values), "other values than the oldest");
        self.release(values.len() / self.header.item_size as usize);
    }

    /// The room of the oldest `count` records is free from now on.
    pub fn release(&mut self, count: usize) {
        assert!(count <= self.count, "more was given back than there is");
        self.count -= count;
        match self.is_values() {
            true => self.head += count as u64 * self.header.item_size,
            false => {
                self.head = (0..count).fold(self.head, |at, _| at + self.stride(self.len_at(at)));
            }
        }
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub fn len(&self) -> usize {
        self.count
    }

    pub fn head(&self) -> u64 {
        self.head
    }

    pub fn tail(&self) -> u64 {
        self.tail
    }

    /// Whether a record has come to exist since the last push.
    pub fn something_came(&self, memory: &Memory) -> bool {
        unpack(memory.word(producer() + POSITION)).0 != self.tail
    }

    /// Compares all of it with what stands in the memory.
    pub fn check(&mut self, memory: &Memory) {
        assert_eq!(memory.word(producer() + POSITION), self.word, "the tail word");
        assert_eq!(memory.word(consumer() + POSITION), self.head, "the head");
        if unpack(self.word).1 {
            let front = memory.read(producer() + FRONT, self.front.len());
            assert!(front == self.front, "the front");
        }
        // The control pages are not read again after each call: they are three quarters of a region.
        let data = data() as usize;
        memory.try_read(data as u64, &mut self.found[data..]).unwrap();
        let found = &self.found[..];
        if self.is_values() {
            // No fill anywhere: a byte that changed is one that was written.
            assert!(found[data..] == self.image[data..], "the data");
            return;
        }
        for position in self.messages() {
            let start = position + self.header.payload_offset();
            let payload = self.run(found, start, self.len_at(position));
            let same = self.run(&self.image, start, self.len_at(position)) == payload;
            let header = self.run(found, position, 8) == self.run(&self.image, position, 8);
            assert!(same && header, "the message at {position}");
        }
    }

    /// Has the outsider judge the region, as after a kill.
    pub fn judge(&self, memory: &Memory) {
        let image = memory.all();
        let ring =
            judge(&image[..], &self.header).unwrap_or_else(|violation| panic!("{violation}"));
        assert_eq!((ring.head, ring.tail), (self.head, self.tail));
        assert_eq!(ring.records.len(), self.count);
    }
}

/// What [`OutOfBounds`] there is for `len` bytes from `offset` on in a payload of `size`.
pub fn within(offset: usize, len: usize, size: usize) -> Result<(), OutOfBounds> {
    match offset.checked_add(len) {
        Some(end) if end <= size => Ok(()),
        _ => Err(OutOfBounds { offset, len, size }),
    }
}

/// Reads `message`, which must be the one at `position`, in every way there is, and a part of it.
pub fn check_message(message: &Message<'_>, model: &Model, position: u64, place: Place) {
    let payload = message.to_vec();
    assert!(model.is_message(position, &payload), "another message than was pushed");
    check_parts(message, &payload, place);
}

/// Reads a part of `message`, whose payload is `payload`.
pub fn check_parts(message: &Message<'_>, payload: &[u8], place: Place) {
    assert_eq!((message.len(), message.is_empty()), (payload.len(), payload.is_empty()));
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
