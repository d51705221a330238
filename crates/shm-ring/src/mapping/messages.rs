//! Owns: copying messages to and from a position or the front. Knows nothing of: when a message exists. The invariants of
//! the unsafe blocks stand at the top of `mapping`.
#![allow(unsafe_code)]

use super::copy;
use super::records::{Area, front};
use crate::protocol::position::FRONT_WORDS;
use crate::protocol::record::{self, HEADER_BYTES};
use crate::protocol::sync::{AtomicU64, Foreign, Ordering};

/// Bytes of the longest message that stands in the front.
pub(crate) const FRONT_MESSAGE_MAX: usize = 8 * FRONT_WORDS - HEADER_BYTES as usize;

impl Area<'_, [u8]> {
    /// Bytes of the longest message.
    #[inline(always)]
    pub(crate) fn len_max(&self) -> u64 {
        self.len_max
    }

    /// Bytes from a message of `len` bytes to the next.
    #[inline(always)]
    pub(crate) fn stride(&self, len: u64) -> u64 {
        record::stride(self.align, len)
    }

    #[inline(always)]
    fn header_word(&self, position: u64) -> &AtomicU64 {
        // SAFETY: invariants 1 and 2: messages begin at multiples of 8, so this is an aligned word of the data area; a
        // consumer, whose mapping is read-only, only loads it.
        unsafe { AtomicU64::from_ptr(self.at(position).cast()) }
    }

    /// Stores the header of a message of `len` bytes at `position`. The caller owns the data area.
    #[inline(always)]
    pub(crate) fn put_header(&self, position: u64, len: u32) {
        self.header_word(position).store(record::header(position, len), Ordering::Relaxed);
    }

    /// The word where the header of a message at `position` stands: whatever it is.
    #[inline(always)]
    pub(crate) fn header(&self, position: u64) -> u64 {
        Foreign::new(self.header_word(position)).relaxed()
    }

    /// The address of the payload of the message at `position`: `len_max` bytes from there are mapped.
    #[inline(always)]
    pub(crate) fn payload(&self, position: u64) -> *mut u8 {
        self.at(position).wrapping_add(self.align as usize)
    }

    /// Copies `bytes` to the payload of the message at `position`. The caller owns the data area.
    ///
    /// # Panics
    /// If they are longer than the longest message: callers have refused that before.
    #[inline(always)]
    pub(crate) fn put_payload(&self, position: u64, bytes: &[u8]) {
        assert!(bytes.len() as u64 <= self.len_max, "longer than the longest message");
        // SAFETY: invariants 1 and 3: the payload is mapped and 8-byte aligned.
        unsafe { copy::copy_in(self.payload(position), bytes.as_ptr(), bytes.len()) };
    }

    /// Copies `bytes` into the payload of the message at `position`, from its byte `at` on.
    ///
    /// # Panics
    /// As [`put_payload`](Self::put_payload).
    pub(crate) fn put_part(&self, position: u64, at: usize, bytes: &[u8]) {
        let fits = at.checked_add(bytes.len()).is_some_and(|end| end as u64 <= self.len_max);
        assert!(fits, "longer than the longest message");
        let to = self.payload(position).wrapping_add(at);
        // SAFETY: invariants 1 and 3: the words of the payload up to `at + len` are mapped.
        unsafe { copy::part_in(to, bytes.as_ptr(), bytes.len()) };
    }

    /// Copies the payload of the message at `position` to all of `bytes`.
    ///
    /// # Panics
    /// As [`put_payload`](Self::put_payload).
    #[inline(always)]
    pub(crate) fn take_payload(&self, position: u64, bytes: &mut [u8]) {
        assert!(bytes.len() as u64 <= self.len_max, "longer than the longest message");
        // SAFETY: invariants 1 and 3, as in `put_payload`.
        unsafe { copy::copy_out(bytes.as_mut_ptr(), self.payload(position), bytes.len()) };
    }

    /// Copies the payload of the message at `position`, `len` bytes, in place of what `bytes` holds. There is room for
    /// them.
    ///
    /// # Panics
    /// As [`put_payload`](Self::put_payload), and if there is no room.
    #[inline(always)]
    pub(crate) fn take_vec(&self, position: u64, len: usize, bytes: &mut Vec<u8>) {
        assert!(len as u64 <= self.len_max, "longer than the longest message");
        assert!(len <= bytes.capacity(), "no room for the message");
        bytes.clear();
        // SAFETY: invariants 1 and 3, as in `put_payload`; the capacity was asked for.
        unsafe { copy::copy_out(bytes.as_mut_ptr(), self.payload(position), len) };
        // SAFETY: that many bytes have just been written.
        unsafe { bytes.set_len(len) };
    }

    /// Copies the message at `position`, of `len` bytes, from the data, which is ours, into our front.
    ///
    /// # Panics
    /// If it is longer than the front takes: callers have asked.
    #[inline(always)]
    pub(crate) fn put_front(&self, words: &[AtomicU64; FRONT_WORDS], position: u64, len: u32) {
        let count = (len as usize).div_ceil(8);
        words[0].store(record::header(position, len), Ordering::Relaxed);
        for (index, word) in words[1..=count].iter().enumerate() {
            let from = self.payload(position).wrapping_add(8 * index);
            // SAFETY: invariants 1 and 3: the words of the payload are mapped and aligned.
            let payload = unsafe { AtomicU64::from_ptr(from.cast()) };
            word.store(payload.load(Ordering::Relaxed), Ordering::Relaxed);
        }
    }
}

/// The header in the other side's front: whatever it is.
#[inline(always)]
pub(crate) fn front_header(words: Foreign<'_, [AtomicU64; FRONT_WORDS]>) -> u64 {
    words.map(|words| &words[0]).relaxed()
}

/// The words behind the header in the other side's front, whatever they are.
#[inline(always)]
pub(crate) fn take_front(words: Foreign<'_, [AtomicU64; FRONT_WORDS]>) -> [u8; FRONT_MESSAGE_MAX] {
    let mut bytes = [0; FRONT_MESSAGE_MAX];
    let from = front(words.get()).wrapping_add(HEADER_BYTES as usize);
    // SAFETY: these words are aligned and as many as `bytes` holds.
    unsafe { copy::copy_out(bytes.as_mut_ptr(), from, FRONT_MESSAGE_MAX) };
    bytes
}
