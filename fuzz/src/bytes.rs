//! The bytes of a region, seen through its descriptor and never through a mapping: what a process that
//! keeps no protocol could read and write. It must not know what they mean beyond where they stand.

use std::os::fd::OwnedFd;

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, ftruncate, memfd_create};
use rustix::io::{pread, pwrite};
use shm_ring::Ring;

/// LAYOUT.md, on machines with the smallest page.
pub const PAGE: u64 = 4096;
pub const PRODUCER: u64 = PAGE;
pub const CONSUMER: u64 = 2 * PAGE;
pub const DATA: u64 = 3 * PAGE;
pub const WAKE_AT: u64 = 128;
pub const SESSION: u64 = 384;
/// Positions at and above this are an error.
pub const POSITION_MAX: u64 = 1 << 62;

/// The commit word of a record of `len` bytes at `position`.
pub fn commit_word(position: u64, len: u32) -> u64 {
    1 << 63 | (position >> 3 & 0x7fff_ffff) << 32 | u64::from(len)
}

/// A region of a given length.
pub struct Bytes {
    fd: OwnedFd,
    len: u64,
}

impl Bytes {
    pub fn of<P: ?Sized>(ring: &Ring<P>) -> Self {
        let fd = ring.descriptor().try_clone_to_owned().unwrap();
        Self { fd, len: DATA + ring.capacity_bytes() }
    }

    /// A region without a ring in it, `len` bytes long, and not sealed yet.
    pub fn empty(len: u64) -> Self {
        let fd = memfd_create("fuzz", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING).unwrap();
        ftruncate(&fd, len).unwrap();
        Self { fd, len }
    }

    /// A descriptor for a ring to be opened in; the region can no longer be cut.
    pub fn sealed(&self) -> OwnedFd {
        fcntl_add_seals(&self.fd, SealFlags::SHRINK | SealFlags::GROW).unwrap();
        self.fd.try_clone().unwrap()
    }

    /// Another region with the same bytes: what is left when everybody is killed at once.
    pub fn copied(&self) -> Self {
        let copy = Self::empty(self.len);
        copy.write(0, &self.read(0, self.len as usize));
        copy
    }

    pub fn read(&self, at: u64, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        assert_eq!(pread(&self.fd, &mut bytes, at).unwrap(), len);
        bytes
    }

    /// Writes what fits.
    pub fn write(&self, at: u64, bytes: &[u8]) {
        let room = usize::try_from(self.len.saturating_sub(at)).unwrap();
        let _ = pwrite(&self.fd, &bytes[..bytes.len().min(room)], at);
    }

    pub fn word(&self, at: u64) -> u64 {
        let mut word = [0; 8];
        assert_eq!(pread(&self.fd, &mut word, at).unwrap(), 8);
        u64::from_le_bytes(word)
    }

    pub fn set(&self, at: u64, word: u64) {
        self.write(at, &word.to_le_bytes());
    }
}
