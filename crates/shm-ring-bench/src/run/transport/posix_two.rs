//! The two-semaphore handoff in its modern form: `sem_t` in the mapping that holds the message.
//!
//! Invariant of the unsafe blocks: the page of a `Shared` starts with two semaphores that the parent
//! made before anyone else knew of it, and an end keeps it mapped.
#![allow(unsafe_code)]

use super::shared::Shared;
use super::slot::Slot;
use super::{Fault, Handle, Inherited, Made, Receiver, Sender, Transport};
use crate::run::sys;

pub(crate) struct PosixTwo;

/// The semaphores by their place in the mapping.
const WRITE: usize = 0;
const READ: usize = 1;

fn semaphore(shared: &Shared, index: usize) -> *mut libc::sem_t {
    shared.start().cast::<libc::sem_t>().wrapping_add(index)
}

pub(crate) struct End<const W: usize> {
    slot: Slot<W>,
    shared: Shared,
}

impl<const W: usize> End<W> {
    fn open(handle: &Handle) -> Result<Self, Fault> {
        Shared::open(handle).map(|(shared, slot)| Self { slot, shared })
    }

    fn take(&self, index: usize) -> Result<(), Fault> {
        // SAFETY: the invariant.
        unsafe { sys::posix_sem_wait(semaphore(&self.shared, index)) }
            .map_err(|error| Fault::new("sem_wait", error))
    }

    fn give(&self, index: usize) -> Result<(), Fault> {
        // SAFETY: the invariant.
        unsafe { sys::posix_sem_post(semaphore(&self.shared, index)) }
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
        let (fd, shared) = Shared::make("shm-ring-bench-posix", bytes)?;
        for (index, value) in [(WRITE, 1), (READ, 0)] {
            // SAFETY: inside the mapping just made, aligned.
            unsafe { sys::posix_sem_init(semaphore(&shared, index), value) }
                .map_err(|error| Fault::new("sem_init", error))?;
        }
        Ok(Box::new(Inherited::new(vec![fd]).holding(bytes as u64)))
    }

    fn sender<const W: usize>(handle: &Handle) -> Result<End<W>, Fault> {
        End::open(handle)
    }

    fn receiver<const W: usize>(handle: &Handle) -> Result<End<W>, Fault> {
        End::open(handle)
    }
}
