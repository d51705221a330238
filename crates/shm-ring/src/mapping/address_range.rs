//! Owns: a range of addresses that a region is laid over, and of which a child that is forked keeps nothing. Knows nothing of:
//! what lies where.
//!
//! A mapping keeps its file open, and with it a lock that was taken through that file: a child that keeps the mapping keeps
//! the role. So the range stands in the table of what no child keeps before anything is laid over it.
//!
//! Invariants of the unsafe blocks:
//! 1. `len` bytes from `start` on are ours for as long as the `AddressRange` lives, and nothing else of this process is mapped
//!    there.
//! 2. Whoever lays something over a part has no reference into it.
#![allow(unsafe_code)]

use core::ffi::c_void;
use std::os::fd::BorrowedFd;

use rustix::mm::{Advice, MapFlags, ProtFlags};

use super::MapError;
use crate::process::{Inherited, Process};

pub(super) struct AddressRange {
    start: *mut c_void,
    len: usize,
    /// Gone before the range is.
    inherited: Option<Inherited>,
    process: Process,
}

impl AddressRange {
    /// A range that cannot be accessed yet, and costs no memory.
    pub(super) fn new(len: usize) -> Result<Self, MapError> {
        let flags = MapFlags::PRIVATE | MapFlags::NORESERVE;
        // SAFETY: memory where the kernel likes, which nobody uses.
        let start = unsafe {
            rustix::mm::mmap_anonymous(core::ptr::null_mut(), len, ProtFlags::empty(), flags)
        };
        let start = start.map_err(|errno| MapError { call: "mmap", errno })?;
        let inherited = Some(Inherited::mapping(start, len));
        Ok(Self { start, len, inherited, process: Process::this() })
    }

    /// Memory that Miri made and that is never given back.
    #[cfg(miri)]
    pub(super) fn ordinary(start: *mut c_void, len: usize) -> Self {
        Self { start, len, inherited: None, process: Process::this() }
    }

    /// The address `offset` bytes from the start.
    #[inline(always)]
    pub(super) fn at(&self, offset: usize) -> *mut c_void {
        self.start.wrapping_byte_add(offset)
    }

    /// Lays `len` bytes of a file from `offset` over the range at `at`.
    pub(super) fn lay(
        &self,
        fd: BorrowedFd<'_>,
        at: usize,
        len: usize,
        offset: u64,
        protection: ProtFlags,
    ) -> Result<(), MapError> {
        debug_assert!(at + len <= self.len);
        let flags = MapFlags::SHARED | MapFlags::FIXED;
        // SAFETY: invariants 1 and 2: replacing these pages disturbs nobody.
        unsafe { rustix::mm::mmap(self.at(at), len, protection, flags, fd, offset) }
            .map(|_| ())
            .map_err(|errno| MapError { call: "mmap", errno })
    }

    /// Lays `len` bytes of private memory over the beginning.
    pub(super) fn lay_private(&self, len: usize) -> Result<(), MapError> {
        debug_assert!(len <= self.len);
        let protection = ProtFlags::READ | ProtFlags::WRITE;
        let flags = MapFlags::PRIVATE | MapFlags::FIXED;
        // SAFETY: as in `lay`.
        unsafe { rustix::mm::mmap_anonymous(self.start, len, protection, flags) }
            .map(|_| ())
            .map_err(|errno| MapError { call: "mmap", errno })
    }

    /// Children that are made without the handlers of a fork have none of it either, from now on. Where the kernel refuses
    /// the advice they have.
    pub(super) fn keep_from_any_child(&self) {
        // SAFETY: invariant 1; the advice changes nothing in this process.
        let _ = unsafe { rustix::mm::madvise(self.start, self.len, Advice::LinuxDontFork) };
    }
}

impl Drop for AddressRange {
    fn drop(&mut self) {
        // A child has other pages there, or by now somebody else's.
        if self.process.is_this() && !cfg!(miri) {
            self.inherited = None;
            // SAFETY: invariant 1, which ends here.
            let _ = unsafe { rustix::mm::munmap(self.start, self.len) };
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::fd::AsFd;

    use super::*;

    #[cfg_attr(miri, ignore = "Miri does not fork")]
    #[test]
    fn a_child_has_nothing_of_what_is_being_mapped() {
        let page = rustix::param::page_size();
        let flags = rustix::fs::MemfdFlags::CLOEXEC;
        let mut file = std::fs::File::from(rustix::fs::memfd_create("mapped", flags).unwrap());
        file.write_all(&vec![7; page]).unwrap();
        let range = AddressRange::new(page).unwrap();
        range.lay(file.as_fd(), 0, page, 0, ProtFlags::READ | ProtFlags::WRITE).unwrap();
        // SAFETY: the child reads a byte and ends.
        let child = unsafe { libc::fork() };
        if child == 0 {
            // SAFETY: a page that is mapped, of the file or of zeros.
            let byte = unsafe { range.at(0).cast::<u8>().read_volatile() };
            // SAFETY: ends this process at once.
            unsafe { libc::_exit(byte.into()) }
        }
        let mut status = 0;
        // SAFETY: `status` outlives the call, and the child is ours.
        assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
        assert!(libc::WIFEXITED(status), "{status:#x}");
        assert_eq!(libc::WEXITSTATUS(status), 0, "the child reads the file");
    }
}
