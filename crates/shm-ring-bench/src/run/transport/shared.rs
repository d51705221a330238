//! A mapping of a page for what both sides wait with, and behind it the buffer for one message. It must
//! not know how they wait.
//!
//! Invariant of the unsafe blocks: a `Shared` is a mapping of `PAGE + bytes` bytes of a memfd of that
//! length, which nobody makes shorter, and owns it.
#![allow(unsafe_code)]

use std::ffi::c_void;
use std::os::fd::{AsFd, OwnedFd};
use std::ptr::NonNull;

use rustix::fs::{MemfdFlags, ftruncate, memfd_create};
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

use super::slot::Slot;
use super::{Fault, Handle};

/// The message stands this far behind the start, on lines of its own.
const PAGE: usize = 4096;

/// The mapping; it ends with the value.
pub(crate) struct Shared {
    start: NonNull<c_void>,
    len: usize,
}

impl Shared {
    /// A new one for a message of `bytes` bytes, all zero, and the descriptor to find it by.
    pub(crate) fn make(name: &str, bytes: usize) -> Result<(OwnedFd, Self), Fault> {
        let fd = memfd_create(name, MemfdFlags::CLOEXEC)
            .map_err(|error| Fault::new("memfd_create", error))?;
        ftruncate(&fd, (PAGE + bytes) as u64).map_err(|error| Fault::new("ftruncate", error))?;
        let shared = Self::over(&fd, bytes)?;
        Ok((fd, shared))
    }

    /// The one behind the first descriptor of `handle`, with its buffer.
    pub(crate) fn open<const W: usize>(handle: &Handle) -> Result<(Self, Slot<W>), Fault> {
        let shared = Self::over(handle.descriptor(0)?, size_of::<[u64; W]>())?;
        // SAFETY: the invariant: the message stands a page behind the start. Whoever asked for the slot
        // keeps the mapping beside it.
        let slot = unsafe { Slot::at(shared.start().wrapping_add(PAGE)) };
        Ok((shared, slot.ok_or_else(|| Fault::new("mmap", "null"))?))
    }

    fn over(fd: impl AsFd, bytes: usize) -> Result<Self, Fault> {
        let (len, protection) = (PAGE + bytes, ProtFlags::READ | ProtFlags::WRITE);
        // SAFETY: a new mapping at an address of the kernel's choice.
        let start = unsafe { mmap(std::ptr::null_mut(), len, protection, MapFlags::SHARED, fd, 0) }
            .map_err(|error| Fault::new("mmap", error))?;
        let start = NonNull::new(start).ok_or_else(|| Fault::new("mmap", "null"))?;
        Ok(Self { start, len })
    }

    /// The start of the page, for as long as this value lives.
    pub(crate) fn start(&self) -> *mut u8 {
        self.start.as_ptr().cast()
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // SAFETY: our own mapping; whoever took its address has ended before, or does not use it any more.
        let _ = unsafe { munmap(self.start.as_ptr(), self.len) };
    }
}
