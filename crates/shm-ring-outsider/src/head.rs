//! What a consumer must know and answer, whatever the words hold.
//!
//! Owns: the consumer's copies of the positions, and its checks. Knows nothing of: stores.

use core::sync::atomic::Ordering::Acquire;
use core::sync::atomic::fence;

use crate::header::{Header, Kind};
use crate::judge::{data, payload_len};
use crate::record::{FRONT_MESSAGE_MAX, message_len, unpack};
use crate::region::Region;
use crate::words::{FRONT, FRONT_BYTES, POSITION, POSITION_END, Side};

/// What a consumer finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Look {
    /// No record.
    Empty,
    /// A tail that cannot be. Permanently.
    Corrupt,
    /// A record.
    Record {
        /// Its payload by the front, if the consumer may take it from there.
        front: Option<Vec<u8>>,
        /// Its payload by the data; `None` if it must find the record corrupt there, permanently.
        data: Option<Vec<u8>>,
    },
}

/// A consumer's private state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Where it reads next.
    pub position: u64,
    /// The head that it has stored.
    pub released: u64,
    /// The last tail that it loaded and believed.
    pub tail: u64,
    /// Permanently.
    pub corrupt: bool,
}

impl Head {
    /// What a consumer that attaches now knows; `None` if it must find the region corrupt.
    pub fn attach<R: Region + ?Sized>(region: &R, header: &Header) -> Option<Self> {
        let position = region.word(Side::Consumer.page(header.page.into()) + POSITION);
        (position < POSITION_END && position.is_multiple_of(header.unit())).then_some(Self {
            position,
            released: position,
            tail: position,
            corrupt: false,
        })
    }

    /// Looks for a record. The tail word is loaded only when all that was seen before has been read.
    pub fn look<R: Region + ?Sized>(&mut self, region: &R, header: &Header) -> Look {
        let mut front = None;
        if !self.corrupt && self.position == self.tail {
            let at = Side::Producer.page(header.page.into()) + POSITION;
            let word = region.word(at);
            fence(Acquire);
            let (tail, usable) = unpack(word);
            self.corrupt |= !self.believes(header, tail);
            if !self.corrupt {
                self.tail = tail;
            }
            if !self.corrupt && usable && tail != self.position {
                front = self.front(region, header);
                fence(Acquire);
                // Another word, and the producer may have been writing meanwhile.
                front = front.filter(|_| region.word(at) == word);
            }
        }
        if self.corrupt {
            return Look::Corrupt;
        }
        if self.position == self.tail {
            return Look::Empty;
        }
        let start = self.position + header.payload_offset();
        let data = payload_len(region, header, self.position, self.tail)
            .ok()
            .map(|len| data(region, header, start, len as usize));
        Look::Record { front, data }
    }

    fn believes(&self, header: &Header, tail: u64) -> bool {
        tail < POSITION_END
            && tail >= self.tail
            && tail - self.released <= header.limit
            && (tail - self.position).is_multiple_of(header.unit())
    }

    /// The payload in the front, if that is the one record from here to the tail.
    fn front<R: Region + ?Sized>(&self, region: &R, header: &Header) -> Option<Vec<u8>> {
        let at = Side::Producer.page(header.page.into()) + FRONT;
        let words = (0..FRONT_BYTES / 8).map(|word| region.word(at + 8 * word));
        let mut bytes: Vec<u8> = words.flat_map(u64::to_le_bytes).collect();
        let new = self.tail - self.position;
        if header.kind() == Some(Kind::Values) {
            bytes.truncate(header.item_size as usize);
            return (header.item_size <= FRONT_BYTES && new == header.item_size).then_some(bytes);
        }
        let mut word = [0; 8];
        word.copy_from_slice(&bytes[..8]);
        let len = message_len(u64::from_le_bytes(word), self.position)?;
        (len <= FRONT_MESSAGE_MAX && new == header.stride(len))
            .then(|| bytes[8..8 + len as usize].to_vec())
    }

    /// Has read a record with a payload of `len` bytes.
    pub fn step(&mut self, header: &Header, len: u64) {
        self.position += header.stride(len);
    }

    /// Has stored its head behind all that it has read.
    pub fn release(&mut self) {
        self.released = self.position;
    }
}
