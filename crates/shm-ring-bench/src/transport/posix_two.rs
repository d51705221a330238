//! The two-semaphore handoff in its modern form: `sem_t` in the mapping that holds the message.
//!
//! Invariant of the unsafe blocks: the mapping is made from a memfd of one page and the message's
//! bytes, holds two semaphores that the parent made at its start, and lasts until the process ends.
#![allow(unsafe_code)]

use std::os::fd::BorrowedFd;

use rustix::fs::{MemfdFlags, ftruncate, memfd_create};
use rustix::mm::{MapFlags, ProtFlags, mmap};

use super::slot::Slot;
use super::{Fault, Handle, Made, Memfd, Receiver, Sender, Transport};
use crate::sys;

const PAGE: usize = 4096;

pub(crate) struct PosixTwo;

fn map(fd: BorrowedFd<'_>, bytes: usize) -> Result<*mut u8, Fault> {
    let protection = ProtFlags::READ | ProtFlags::WRITE;
    let len = PAGE + bytes;
    // SAFETY: a new mapping at an address of the kernel's choice, never unmapped.
    unsafe { mmap(std::ptr::null_mut(), len, protection, MapFlags::SHARED, fd, 0) }
        .map(<*mut _>::cast)
        .map_err(|error| Fault::new("mmap", error))
}

pub(crate) struct End<const W: usize> {
    slot: Slot<W>,
    write: *mut libc::sem_t,
    read: *mut libc::sem_t,
}

impl<const W: usize> End<W> {
    fn open(handle: &Handle) -> Result<Self, Fault> {
        // SAFETY: inherited from the parent, open until the process ends.
        let fd = unsafe { BorrowedFd::borrow_raw(handle.fds[0]) };
        let address = map(fd, size_of::<[u64; W]>())?;
        let write = address.cast::<libc::sem_t>();
        // SAFETY: the invariant: the message stands a page behind the start.
        let slot = unsafe { Slot::at(address.wrapping_add(PAGE)) };
        let slot = slot.ok_or_else(|| Fault::new("mmap", "null"))?;
        Ok(Self { slot, write, read: write.wrapping_add(1) })
    }
}

impl<const W: usize> Sender<W> for End<W> {
    fn send(&mut self, message: &[u64; W]) -> Result<(), Fault> {
        // SAFETY: the invariant.
        unsafe { sys::posix_sem_wait(self.write) }
            .map_err(|error| Fault::new("sem_wait", error))?;
        self.slot.fill(message);
        // SAFETY: the invariant.
        unsafe { sys::posix_sem_post(self.read) }.map_err(|error| Fault::new("sem_post", error))
    }
}

impl<const W: usize> Receiver<W> for End<W> {
    fn receive(&mut self, message: &mut [u64; W]) -> Result<(), Fault> {
        // SAFETY: the invariant.
        unsafe { sys::posix_sem_wait(self.read) }.map_err(|error| Fault::new("sem_wait", error))?;
        self.slot.copy_to(message);
        // SAFETY: the invariant.
        unsafe { sys::posix_sem_post(self.write) }.map_err(|error| Fault::new("sem_post", error))
    }
}

impl Transport for PosixTwo {
    type Sender<const W: usize> = End<W>;
    type Receiver<const W: usize> = End<W>;

    fn make(bytes: usize) -> Result<Box<dyn Made>, Fault> {
        let fd = memfd_create("shm-ring-bench-posix", MemfdFlags::empty())
            .map_err(|error| Fault::new("memfd_create", error))?;
        let len = PAGE + bytes;
        ftruncate(&fd, len as u64).map_err(|error| Fault::new("ftruncate", error))?;
        let protection = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a new mapping at an address of the kernel's choice.
        let start =
            unsafe { mmap(std::ptr::null_mut(), len, protection, MapFlags::SHARED, &fd, 0) }
                .map_err(|error| Fault::new("mmap", error))?;
        for (index, value) in [1, 0].into_iter().enumerate() {
            let at = start.cast::<libc::sem_t>().wrapping_add(index);
            // SAFETY: inside the mapping just made, aligned.
            unsafe { sys::posix_sem_init(at, value) }
                .map_err(|error| Fault::new("sem_init", error))?;
        }
        // SAFETY: our own mapping; the semaphores live on in the memfd.
        let _ = unsafe { rustix::mm::munmap(start, len) };
        Ok(Box::new(Memfd(fd)))
    }

    fn sender<const W: usize>(handle: &Handle) -> Result<End<W>, Fault> {
        End::open(handle)
    }

    fn receiver<const W: usize>(handle: &Handle) -> Result<End<W>, Fault> {
        End::open(handle)
    }
}
