//! The one region that all inputs of a process use: making, sealing and mapping a new one for each took longer than the
//! calls under test.
//!
//! Owns: that memory, its length, and access to it from outside the library.
//! Knows nothing of: what the bytes mean.
//!
//! Invariant of the unsafe blocks: `at` is the start of a mapping of `most` bytes that is never taken down. The file behind
//! it has `len` bytes, and no access goes beyond those. Targets have one thread, and no reference into the mapping is
//! formed: bytes are copied in and out between two accesses of the library.

use std::io;
use std::os::fd::OwnedFd;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use rustix::fs::{MemfdFlags, ftruncate, memfd_create};
use rustix::mm::{MapFlags, ProtFlags, mmap};
use shm_ring_outsider::{Header, Region, Writable, fresh};

/// The longest region: the control pages and 16 pages of data.
const MOST: usize = 19 * 4096;

/// Bytes that are a region now, and another one for the next input.
pub struct Memory {
    fd: OwnedFd,
    /// An address, so that a `static` can hold it.
    at: usize,
    most: usize,
    len: AtomicU64,
}

/// The memory of this process.
pub fn memory() -> &'static Memory {
    static MEMORY: OnceLock<Memory> = OnceLock::new();
    MEMORY.get_or_init(Memory::new)
}

impl Memory {
    fn new() -> Self {
        let fd = memfd_create("fuzz", MemfdFlags::CLOEXEC).expect("a memfd");
        ftruncate(&fd, MOST as u64).expect("room for the longest region");
        let protection = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a new mapping at an address of the kernel's choice disturbs nobody.
        let at = unsafe { mmap(ptr::null_mut(), MOST, protection, MapFlags::SHARED, &fd, 0) };
        let at = at.expect("a mapping of it").expose_provenance();
        Self { fd, at, most: MOST, len: AtomicU64::new(MOST as u64) }
    }

    /// Holds `image` and nothing else from now on. Nobody may be attached to what it held before.
    pub fn hold(&self, image: &[u8]) {
        assert!(image.len() <= self.most, "longer than the longest region");
        if self.size() != image.len() as u64 {
            ftruncate(&self.fd, image.len() as u64).expect("another length");
            self.len.store(image.len() as u64, Relaxed);
        }
        self.write(0, image);
    }

    /// Holds the ring or the latest value that a creator with this header has just left.
    pub fn create(&self, header: &Header) {
        self.hold(&fresh(header));
    }

    /// To be opened by the library. It is not sealed, so that the next input can have another length.
    pub fn region(&self) -> shm_ring::Region {
        shm_ring::Region::unsealed_descriptor(self.fd.try_clone().expect("a descriptor"))
    }

    /// Writes what of `bytes` lies inside.
    pub fn scribble(&self, at: u64, bytes: &[u8]) {
        let room = self.size().saturating_sub(at).min(bytes.len() as u64);
        self.write(at.min(self.size()), &bytes[..room as usize]);
    }

    fn address(&self, at: u64, len: usize) -> io::Result<*mut u8> {
        match at.checked_add(len as u64) {
            Some(end) if end <= self.size() => {
                Ok(ptr::with_exposed_provenance_mut(self.at + at as usize))
            }
            _ => Err(io::Error::other(format!("{len} bytes at {at} are outside"))),
        }
    }
}

impl Region for Memory {
    fn size(&self) -> u64 {
        self.len.load(Relaxed)
    }

    fn try_read(&self, at: u64, into: &mut [u8]) -> io::Result<()> {
        let from = self.address(at, into.len())?;
        // SAFETY: the invariant; `into` is our own.
        unsafe { ptr::copy_nonoverlapping(from, into.as_mut_ptr(), into.len()) };
        Ok(())
    }

    fn word(&self, at: u64) -> u64 {
        let from = self.address(at, 8).expect("a word inside");
        // SAFETY: the invariant.
        u64::from_le(unsafe { from.cast::<u64>().read_unaligned() })
    }
}

impl Writable for Memory {
    fn try_write(&self, at: u64, bytes: &[u8]) -> io::Result<()> {
        let to = self.address(at, bytes.len())?;
        // SAFETY: the invariant; `bytes` are our own.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len()) };
        Ok(())
    }
}
