//! A buffer for one message in shared memory and two event descriptors, one that counts messages and one
//! that counts room: the two-semaphore handoff with what event loops wait for.

use std::os::fd::OwnedFd;

use rustix::event::{EventfdFlags, eventfd};
use rustix::io::{read, retry_on_intr, write};

use super::shared::Shared;
use super::slot::Slot;
use super::{Fault, Handle, Inherited, Made, Receiver, Sender, Transport};

pub(crate) struct Eventfd;

/// One end: the same on both sides.
pub(crate) struct End<const W: usize> {
    slot: Slot<W>,
    room: OwnedFd,
    written: OwnedFd,
    /// Keeps the slot mapped.
    _shared: Shared,
}

impl<const W: usize> End<W> {
    fn open(handle: &Handle) -> Result<Self, Fault> {
        let (shared, slot) = Shared::open(handle)?;
        let (room, written) = (handle.descriptor(1)?, handle.descriptor(2)?);
        Ok(Self { slot, room, written, _shared: shared })
    }
}

/// Waits for an event and takes it.
fn take(event: &OwnedFd) -> Result<(), Fault> {
    let mut count = [0; 8];
    retry_on_intr(|| read(event, &mut count[..]))
        .map(|_| ())
        .map_err(|error| Fault::new("reading an event", error))
}

fn give(event: &OwnedFd) -> Result<(), Fault> {
    retry_on_intr(|| write(event, &1_u64.to_ne_bytes()))
        .map(|_| ())
        .map_err(|error| Fault::new("writing an event", error))
}

impl<const W: usize> Sender<W> for End<W> {
    fn send(&mut self, message: &[u64; W]) -> Result<(), Fault> {
        take(&self.room)?;
        self.slot.fill(message);
        give(&self.written)
    }
}

impl<const W: usize> Receiver<W> for End<W> {
    fn receive(&mut self, message: &mut [u64; W]) -> Result<(), Fault> {
        take(&self.written)?;
        self.slot.copy_to(message);
        give(&self.room)
    }
}

impl Transport for Eventfd {
    type Sender<const W: usize> = End<W>;
    type Receiver<const W: usize> = End<W>;

    fn make(bytes: usize) -> Result<Box<dyn Made>, Fault> {
        let (memory, _) = Shared::make("shm-ring-bench-eventfd", bytes)?;
        let event = |count| {
            eventfd(count, EventfdFlags::CLOEXEC).map_err(|error| Fault::new("eventfd", error))
        };
        Ok(Box::new(Inherited::new(vec![memory, event(1)?, event(0)?]).holding(bytes as u64)))
    }

    fn sender<const W: usize>(handle: &Handle) -> Result<End<W>, Fault> {
        End::open(handle)
    }

    fn receiver<const W: usize>(handle: &Handle) -> Result<End<W>, Fault> {
        End::open(handle)
    }
}
