//! A region's bytes by its descriptor, as somebody reaches them who keeps no protocol; and waiting for what a
//! side writes there.
//!
//! Owns: [`Bytes`]. Knows nothing of: where each word is, which `shm-ring-outsider` knows.

use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use shm_ring_outsider::{
    Descriptor, Header, NEVER, POSITION, Region, WAKE_AT, Writable, lay, producer, publish,
    start_at, unpack,
};

use crate::harness;

/// The bytes of a region.
pub(crate) struct Bytes(Descriptor);

impl Bytes {
    pub(crate) fn of(region: BorrowedFd<'_>) -> Self {
        Self(Descriptor::of(region).unwrap())
    }

    pub(crate) fn at(path: &Path) -> Self {
        Self(Descriptor::open(path).unwrap())
    }

    pub(crate) fn file(&self) -> &File {
        self.0.file()
    }

    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    /// For what the outsider does with a region.
    pub(crate) fn region(&self) -> &Descriptor {
        &self.0
    }

    /// What stands in the header now.
    pub(crate) fn header(&self) -> Header {
        Header::of(&self.0)
    }

    pub(crate) fn get(&self, offset: u64) -> u64 {
        self.0.word(offset)
    }

    pub(crate) fn set(&self, offset: u64, word: u64) {
        self.0.set(offset, word);
    }

    pub(crate) fn write(&self, offset: u64, bytes: &[u8]) {
        self.0.write(offset, bytes);
    }

    pub(crate) fn all(&self) -> Vec<u8> {
        self.0.all()
    }

    /// The producer's position, without the bit that says whether the front may be used.
    pub(crate) fn tail(&self) -> u64 {
        unpack(self.get(producer() + POSITION)).0
    }

    /// Moves a ring that has not been used to `position`.
    pub(crate) fn start_at(&self, position: u64) {
        start_at(&self.0, &self.header(), position);
    }

    /// Publishes one record at the tail, without a word to anybody who sleeps: as a producer that is killed before it
    /// looks at the sleeper.
    pub(crate) fn publish_silently(&self, payload: &[u8]) {
        let header = self.header();
        let next = lay(&self.0, &header, self.tail(), payload);
        publish(&self.0, &header, next, None);
    }

    /// Waits until the side that owns `page` sleeps, or is at least about to.
    pub(crate) fn until_parked(&self, page: u64) {
        self.until_parked_since(page, NEVER);
    }

    /// Waits until it sleeps for something other than `last`, and says for what.
    pub(crate) fn until_parked_since(&self, page: u64, last: u64) -> u64 {
        let mut wake_at = NEVER;
        harness::until("the peer sleeps", || {
            wake_at = self.get(page + WAKE_AT);
            wake_at != NEVER && wake_at != last
        });
        wake_at
    }
}
