//! The arithmetic of positions, records, the tail word, the front and slots.
//!
//! Owns: every number that follows from a header and a position. Knows nothing of: what a region holds.

use crate::header::{Header, Kind};
use crate::words::FRONT_BYTES;

/// Bit 63 of the tail word: the front is not to be used.
pub const NO_FRONT: u64 = 1 << 63;
/// The most bytes of a value, and of a message's payload.
pub const LEN_MAX: u64 = (1 << 32) - 16;
/// The most bytes of data.
pub const CAPACITY_MAX: u64 = 1 << 44;
/// The longest message that the front holds.
pub const FRONT_MESSAGE_MAX: u64 = 48;

/// The tail word for a tail at `position`.
pub const fn pack(position: u64, front: bool) -> u64 {
    if front { position } else { position | NO_FRONT }
}

/// The position in a tail word, and whether the front may be used.
pub const fn unpack(word: u64) -> (u64, bool) {
    (word & !NO_FRONT, word & NO_FRONT == 0)
}

/// The record header of a message of `len` bytes at `position`.
pub const fn record_header(position: u64, len: u32) -> u64 {
    1 << 63 | ((position >> 3) & 0x7fff_ffff) << 32 | len as u64
}

/// The length in `word`, if its upper half is that of a record header at `position`.
pub const fn message_len(word: u64, position: u64) -> Option<u64> {
    let len = word & 0xffff_ffff;
    if word == record_header(position, len as u32) { Some(len) } else { None }
}

/// Records. Whoever asks must have a header that is [`possible`](Header::possible).
impl Header {
    /// A: the larger of 8 and the item alignment.
    pub fn message_align(&self) -> u64 {
        self.item_align.max(8)
    }

    /// What positions are multiples of: the item size or A; of versions 1.
    pub fn unit(&self) -> u64 {
        match self.kind() {
            Some(Kind::Values) => self.item_size,
            Some(Kind::Messages) => self.message_align(),
            _ => 1,
        }
    }

    /// Bytes from the start of a record to its payload.
    pub fn payload_offset(&self) -> u64 {
        if self.kind() == Some(Kind::Messages) { self.message_align() } else { 0 }
    }

    /// Bytes from a record with a payload of `len` bytes to the next.
    pub fn stride(&self, len: u64) -> u64 {
        match self.kind() {
            Some(Kind::Messages) => {
                self.message_align() + len.next_multiple_of(self.message_align())
            }
            _ => len,
        }
    }

    /// Bytes of the shortest record.
    pub fn shortest_record(&self) -> u64 {
        self.unit()
    }

    /// Bytes of the longest payload.
    pub fn longest(&self) -> u64 {
        match self.kind() {
            Some(Kind::Messages) => {
                let align = self.message_align();
                ((self.limit / align).saturating_sub(1) * align).min(LEN_MAX)
            }
            _ => self.item_size,
        }
    }

    /// Bytes of the longest payload whose record takes at most `room` bytes.
    pub fn longest_in(&self, room: u64) -> Option<u64> {
        let align = self.unit();
        match self.kind() {
            Some(Kind::Messages) => {
                (room / align * align).checked_sub(align).map(|len| len.min(self.longest()))
            }
            _ => (room >= self.item_size).then_some(self.item_size),
        }
    }

    /// Whether a payload may have `len` bytes. What a message's bytes must be a multiple of is not in the header.
    pub fn may_be(&self, len: u64) -> bool {
        if self.kind() == Some(Kind::Messages) {
            len <= self.longest()
        } else {
            len == self.item_size
        }
    }

    /// Offset in the region of the byte of data at `position`.
    pub fn at(&self, position: u64) -> u64 {
        3 * u64::from(self.page) + (position & (self.capacity - 1))
    }

    /// What the front holds of a record at `position`, without its fill; `None` if the record is too long.
    pub fn front_of(&self, position: u64, payload: &[u8]) -> Option<Vec<u8>> {
        let len = payload.len() as u64;
        if self.kind() != Some(Kind::Messages) {
            return (len <= FRONT_BYTES).then(|| payload.to_vec());
        }
        (len <= FRONT_MESSAGE_MAX).then(|| {
            let mut front = record_header(position, len as u32).to_le_bytes().to_vec();
            front.extend_from_slice(payload);
            front
        })
    }
}

/// Slots of a latest value.
impl Header {
    /// Bytes of a slot.
    pub fn slot(&self) -> u64 {
        self.item_size.max(self.item_align).max(128).next_power_of_two()
    }

    /// N: how many slots there are.
    pub fn slots(&self) -> u64 {
        self.capacity / self.slot()
    }

    /// Offset in the region of the slot of `version`.
    pub fn slot_at(&self, version: u64) -> u64 {
        3 * u64::from(self.page) + version % self.slots() * self.slot()
    }
}
