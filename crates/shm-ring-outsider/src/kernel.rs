//! What only the kernel gives: a mapping of a region, and locks of an open file description.
//!
//! Owns: all `unsafe` of this crate. Knows nothing of: what the words mean.
#![allow(unsafe_code)]

use core::ffi::c_void;
use core::ptr::NonNull;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, fence};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd};

use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

use crate::region::{Region, Writable, range};

/// All of a region in memory, as long as it is now. A touch is fatal where somebody has cut the region.
#[derive(Debug)]
pub struct Mapping {
    at: NonNull<c_void>,
    len: usize,
    writable: bool,
}

// SAFETY: the memory is reached by atomic accesses alone, from whatever thread.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// For reading alone.
    pub fn read_only(region: impl AsFd) -> io::Result<Self> {
        Self::map(region, ProtFlags::READ)
    }

    /// For reading and writing.
    pub fn writable(region: impl AsFd) -> io::Result<Self> {
        Self::map(region, ProtFlags::READ | ProtFlags::WRITE)
    }

    fn map(region: impl AsFd, protection: ProtFlags) -> io::Result<Self> {
        let fd = region.as_fd();
        let len = usize::try_from(rustix::fs::fstat(fd)?.st_size).map_err(io::Error::other)?;
        let address = core::ptr::null_mut();
        // SAFETY: a new mapping at an address of the kernel's choice disturbs nobody.
        let at = unsafe { mmap(address, len, protection, MapFlags::SHARED, fd, 0) }?;
        let at = NonNull::new(at).ok_or_else(|| io::Error::other("mapped at address 0"))?;
        Ok(Self { at, len, writable: protection.contains(ProtFlags::WRITE) })
    }

    /// The address of a `T` at `at`.
    #[track_caller]
    fn address<T>(&self, at: u64) -> *mut T {
        let range = range(at, size_of::<T>(), self.len).unwrap();
        let address = self.at.as_ptr().wrapping_byte_add(range.start).cast::<T>();
        assert!(address.is_aligned(), "a word begins at a multiple of its size, and not at {at}");
        address
    }

    #[track_caller]
    fn eight(&self, at: u64) -> &AtomicU64 {
        // SAFETY: inside the mapping, aligned, and accessed by atomics alone as long as the mapping lives.
        unsafe { AtomicU64::from_ptr(self.address(at)) }
    }

    #[track_caller]
    fn four(&self, at: u64) -> &AtomicU32 {
        // SAFETY: as for eight bytes.
        unsafe { AtomicU32::from_ptr(self.address(at)) }
    }

    #[track_caller]
    fn one(&self, at: u64) -> &AtomicU8 {
        // SAFETY: as for eight bytes.
        unsafe { AtomicU8::from_ptr(self.address(at)) }
    }

    /// The word at `at`, to be accessed in any order. The mapping must be writable.
    #[track_caller]
    pub fn atomic(&self, at: u64) -> &AtomicU64 {
        assert!(self.writable, "mapped for reading alone");
        self.eight(at)
    }

    /// The 4 bytes at `at`, for futex calls, which need no right to write: whoever stores there through a mapping for
    /// reading ends.
    #[track_caller]
    pub fn futex(&self, at: u64) -> &AtomicU32 {
        self.four(at)
    }

    /// The same for the 4 bytes at `at`.
    #[track_caller]
    pub fn atomic_half(&self, at: u64) -> &AtomicU32 {
        assert!(self.writable, "mapped for reading alone");
        self.four(at)
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: it is ours, and what borrowed it is gone.
        let unmapped = unsafe { munmap(self.at.as_ptr(), self.len) };
        debug_assert!(unmapped.is_ok(), "a mapping can be taken down");
    }
}

/// Words are loaded with acquire order: by a relaxed load and a fence, since the memory may be read-only.
impl Region for Mapping {
    fn size(&self) -> u64 {
        self.len as u64
    }

    fn try_read(&self, at: u64, into: &mut [u8]) -> io::Result<()> {
        range(at, into.len(), self.len)?;
        let (odd, whole) = into.split_at_mut(into.len().min((at.wrapping_neg() & 7) as usize));
        let words_at = at + odd.len() as u64;
        (at..).zip(odd).for_each(|(at, byte)| *byte = self.one(at).load(Relaxed));
        for (at, bytes) in (words_at..).step_by(8).zip(whole.chunks_mut(8)) {
            match <&mut [u8; 8]>::try_from(&mut *bytes) {
                Ok(word) => *word = self.eight(at).load(Relaxed).to_ne_bytes(),
                Err(_) => (at..).zip(bytes).for_each(|(at, one)| *one = self.one(at).load(Relaxed)),
            }
        }
        Ok(())
    }

    fn word(&self, at: u64) -> u64 {
        let word = self.eight(at).load(Relaxed);
        fence(Acquire);
        u64::from_le(word)
    }

    fn half(&self, at: u64) -> u32 {
        let half = self.four(at).load(Relaxed);
        fence(Acquire);
        u32::from_le(half)
    }
}

/// Words are stored with release order, other bytes one by one and relaxed.
impl Writable for Mapping {
    fn try_write(&self, at: u64, bytes: &[u8]) -> io::Result<()> {
        if !self.writable {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        range(at, bytes.len(), self.len)?;
        (at..).zip(bytes).for_each(|(at, &byte)| self.one(at).store(byte, Relaxed));
        Ok(())
    }

    fn set(&self, at: u64, word: u64) {
        self.atomic(at).store(word.to_le(), Release);
    }

    fn set_half(&self, at: u64, half: u32) {
        self.atomic_half(at).store(half.to_le(), Release);
    }
}

/// One call of fcntl(2) about a lock of `kind` on `len` bytes from `start`. The kernel's answer.
pub(crate) fn ofd_lock(
    file: &File,
    command: libc::c_int,
    kind: libc::c_int,
    start: u64,
    len: u64,
) -> io::Result<libc::flock> {
    let mut lock = libc::flock {
        l_type: kind as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: start as libc::off_t,
        l_len: len as libc::off_t,
        l_pid: 0,
    };
    // SAFETY: the descriptor is open, and `lock` is a flock that the kernel may write to.
    let answer = unsafe { libc::fcntl(file.as_raw_fd(), command, &raw mut lock) };
    if answer == 0 { Ok(lock) } else { Err(io::Error::last_os_error()) }
}
