//! Owns: the atomics facade, the one place that names the standard atomics, so that the protocol runs unchanged under loom,
//! and step by step under `--cfg shm_ring_steps` (see `steps`). Knows nothing of: what any word means.
//!
//! [`Foreign`] is law one in the type system: a word that the other side owns can be loaded and
//! nothing else, because our mapping of it is read-only.

#[cfg(shm_ring_steps)]
pub(crate) use crate::protocol::steps::{AtomicU8, AtomicU32, AtomicU64, Ordering, fence};
#[cfg(not(any(loom, shm_ring_steps)))]
pub(crate) use core::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering, fence};
#[cfg(loom)]
pub(crate) use loom::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};

/// Atomics of this process alone: no protocol's words, whoever decides about those.
#[cfg(not(loom))]
pub(crate) mod private {
    pub(crate) use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64};
}

/// Something in the other side's pages: loads only.
pub(crate) struct Foreign<'a, T>(&'a T);

impl<T> Clone for Foreign<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Foreign<'_, T> {}

impl<'a, T> Foreign<'a, T> {
    /// Marks `owned_by_peer` as the other side's.
    #[inline]
    pub(crate) fn new(owned_by_peer: &'a T) -> Self {
        Self(owned_by_peer)
    }

    /// The part of the other side's page that `pick` names.
    #[inline]
    pub(crate) fn map<U>(self, pick: impl FnOnce(&'a T) -> &'a U) -> Foreign<'a, U> {
        Foreign(pick(self.0))
    }

    /// For the files that pass the word on to the kernel.
    #[inline]
    pub(crate) fn get(self) -> &'a T {
        self.0
    }
}

// Only relaxed loads are promised to work on memory that is mapped read-only (core::sync::atomic,
// "Atomic accesses to read-only memory"). An acquire load is therefore a relaxed load and a fence;
// callers that act only on some values place that fence themselves, after the test.

impl Foreign<'_, AtomicU64> {
    #[inline]
    pub(crate) fn relaxed(self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Foreign<'_, AtomicU32> {
    #[inline]
    pub(crate) fn relaxed(self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }
}
