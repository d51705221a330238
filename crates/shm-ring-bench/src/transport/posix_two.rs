//! The two-semaphore handoff in its modern form: `sem_t` in the mapping that holds the message.
//!
//! Invariant of the unsafe blocks: a `Mapping` is made from a memfd of one page and the message's
//! bytes, starts with two semaphores that the parent made before anyone else knew of it, and lasts
//! until the process ends.
#![allow(unsafe_code)]

use std::os::fd::AsFd;

use rustix::fs::{MemfdFlags, ftruncate, memfd_create};
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

use super::slot::Slot;
use super::{Fault, Handle, Inherited, Made, Receiver, Sender, Transport};
use crate::sys;

/// The message stands this far behind the semaphores, on lines of its own.
const PAGE: usize = 4096;

pub(crate) struct PosixTwo;

fn map(fd: impl AsFd, bytes: usize) -> Result<*mut u8, Fault> {
    let protection = ProtFlags::READ | ProtFlags::WRITE;
    let len = PAGE + bytes;
    // SAFETY: a new mapping at an address of the kernel's choice.
    unsafe { mmap(std::ptr::null_mut(), len, protection, MapFlags::SHARED, fd, 0) }
        .map(<*mut _>::cast)
        .map_err(|error| Fault::new("mmap", error))
}

/// The semaphores by their place in the mapping.
const WRITE: usize = 0;
const READ: usize = 1;

/// Where a semaphore stands in a mapping that starts at `start`.
fn semaphore(start: *mut u8, index: usize) -> *mut libc::sem_t {
    start.cast::<libc::sem_t>().wrapping_add(index)
}

pub(crate) struct End<const W: usize> {
    start: *mut u8,
    slot: Slot<W>,
}

impl<const W: usize> End<W> {
    fn open(handle: &Handle) -> Result<Self, Fault> {
        let start = map(handle.descriptor(0)?, size_of::<[u64; W]>())?;
        // SAFETY: the invariant: the message stands a page behind the start.
        let slot = unsafe { Slot::at(start.wrapping_add(PAGE)) };
        let slot = slot.ok_or_else(|| Fault::new("mmap", "null"))?;
        Ok(Self { start, slot })
    }

    fn take(&self, index: usize) -> Result<(), Fault> {
        // SAFETY: the invariant.
        unsafe { sys::posix_sem_wait(semaphore(self.start, index)) }
            .map_err(|error| Fault::new("sem_wait", error))
    }

    fn give(&self, index: usize) -> Result<(), Fault> {
        // SAFETY: the invariant.
        unsafe { sys::posix_sem_post(semaphore(self.start, index)) }
            .map_err(|error| Fault::new("sem_post", error))
    }
}

impl<const W: usize> Sender<W> for End<W> {
    fn send(&mut self, message: &[u64; W]) -> Result<(), Fault> {
        self.take(WRITE)?;
        self.slot.fill(message);
        self.give(READ)
    }
}

impl<const W: usize> Receiver<W> for End<W> {
    fn receive(&mut self, message: &mut [u64; W]) -> Result<(), Fault> {
        self.take(READ)?;
        self.slot.copy_to(message);
        self.give(WRITE)
    }
}

impl Transport for PosixTwo {
    type Sender<const W: usize> = End<W>;
    type Receiver<const W: usize> = End<W>;

    fn make(bytes: usize) -> Result<Box<dyn Made>, Fault> {
        let fd = memfd_create("shm-ring-bench-posix", MemfdFlags::CLOEXEC)
            .map_err(|error| Fault::new("memfd_create", error))?;
        let len = PAGE + bytes;
        ftruncate(&fd, len as u64).map_err(|error| Fault::new("ftruncate", error))?;
        let start = map(&fd, bytes)?;
        for (index, value) in [(WRITE, 1), (READ, 0)] {
            // SAFETY: inside the mapping just made, aligned.
            unsafe { sys::posix_sem_init(semaphore(start, index), value) }
                .map_err(|error| Fault::new("sem_init", error))?;
        }
        // SAFETY: our own mapping; the semaphores live on in the memfd.
        let _ = unsafe { munmap(start.cast(), len) };
        Ok(Box::new(Inherited::new(vec![fd])))
    }

    fn sender<const W: usize>(handle: &Handle) -> Result<End<W>, Fault> {
        End::open(handle)
    }

    fn receiver<const W: usize>(handle: &Handle) -> Result<End<W>, Fault> {
        End::open(handle)
    }
}
