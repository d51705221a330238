//! One message in shared memory: the buffer of the semaphore handoffs. It must not know who says
//! whose turn it is; its users do, which makes the copies here races or not.
//!
//! Invariant of the unsafe blocks: a `Slot` leads to at least `W` aligned words that stay mapped as
//! long as the end that it is part of.
#![allow(unsafe_code)]

use std::ptr::NonNull;

/// A buffer for one message of `W` words.
pub(crate) struct Slot<const W: usize>(NonNull<[u64; W]>);

impl<const W: usize> Slot<W> {
    /// The buffer at `address`.
    ///
    /// # Safety
    /// The invariant above.
    pub(crate) unsafe fn at(address: *mut u8) -> Option<Self> {
        NonNull::new(address.cast()).map(Self)
    }

    // Word by word: of a volatile copy of a whole large array the compiler makes one instruction for
    // each word, and takes minutes.

    pub(crate) fn fill(&mut self, message: &[u64; W]) {
        for (at, &word) in message.iter().enumerate() {
            let to = self.0.as_ptr().cast::<u64>().wrapping_add(at);
            // SAFETY: the invariant; volatile, since another process reads it.
            unsafe { to.write_volatile(word) };
        }
    }

    pub(crate) fn copy_to(&self, message: &mut [u64; W]) {
        for (at, word) in message.iter_mut().enumerate() {
            let from = self.0.as_ptr().cast::<u64>().wrapping_add(at);
            // SAFETY: the invariant; volatile, since another process writes it.
            *word = unsafe { from.read_volatile() };
        }
    }
}
