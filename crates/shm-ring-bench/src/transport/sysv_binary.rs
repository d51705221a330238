//! The handoff that textbooks teach first: a System V segment and one semaphore that both sides
//! poll. The sender fills the segment while the value is 0 and adds 1; the receiver waits for 1,
//! takes 1 away, and prints.
//!
//! As taught, the receiver gives the buffer back *before* it reads it, and the sender may overwrite
//! what is being read: a test below shows that. Here it copies out first, so that the comparison
//! is with a handoff that works. It keeps SEM_UNDO, which counts every handoff in 16 bits: after
//! 32,767 of them `semop` fails, so a run stays below.

use super::slot::Slot;
use super::{Fault, Handle, Made, Receiver, Sender, Transport};
use crate::sys;

/// As in the original; larger messages get a larger segment.
const SEGMENT: usize = 2048;

pub(crate) struct SysvBinary;

/// A segment and a semaphore set, removed when dropped.
pub(crate) struct Objects {
    segment: Option<i32>,
    id: i32,
    semaphores: i32,
}

impl Objects {
    pub(crate) fn new(bytes: usize, values: &[i32]) -> Result<Self, Fault> {
        let id = sys::shm_create(bytes).map_err(|error| Fault::new("shmget", error))?;
        match sys::sem_create(values) {
            Ok(semaphores) => Ok(Self { segment: Some(id), id, semaphores }),
            Err(error) => {
                sys::shm_remove(id);
                Err(Fault::new("semget", error))
            }
        }
    }
}

impl Made for Objects {
    fn handle(&self) -> Handle {
        Handle { ids: vec![self.id, self.semaphores], ..Handle::default() }
    }

    fn attached(&mut self) {
        if let Some(id) = self.segment.take() {
            sys::shm_remove(id);
        }
    }
}

impl Drop for Objects {
    fn drop(&mut self) {
        self.attached();
        sys::sem_remove(self.semaphores);
    }
}

/// One end: the same on both sides.
pub(crate) struct End<const W: usize> {
    pub(crate) slot: Slot<W>,
    pub(crate) semaphores: i32,
}

impl<const W: usize> End<W> {
    pub(crate) fn open(handle: &Handle) -> Result<Self, Fault> {
        let address = sys::shm_attach(handle.ids[0]).map_err(|error| Fault::new("shmat", error))?;
        #[allow(unsafe_code)]
        // SAFETY: the segment has room for the message, page-aligned, attached until the end.
        let slot = unsafe { Slot::at(address) }.ok_or_else(|| Fault::new("shmat", "null"))?;
        Ok(Self { slot, semaphores: handle.ids[1] })
    }

    fn poll_until(&self, value: i32) -> Result<(), Fault> {
        while sys::sem_value(self.semaphores, 0).map_err(|error| Fault::new("semctl", error))?
            != value
        {}
        Ok(())
    }

    fn change(&self, by: i16) -> Result<(), Fault> {
        sys::sem_change(self.semaphores, 0, by, true).map_err(|error| Fault::new("semop", error))
    }
}

impl<const W: usize> Sender<W> for End<W> {
    fn send(&mut self, message: &[u64; W]) -> Result<(), Fault> {
        self.poll_until(0)?;
        self.slot.fill(message);
        self.change(1)
    }
}

impl<const W: usize> Receiver<W> for End<W> {
    fn receive(&mut self, message: &mut [u64; W]) -> Result<(), Fault> {
        self.poll_until(1)?;
        self.slot.copy_to(message);
        self.change(-1)
    }
}

impl Transport for SysvBinary {
    type Sender<const W: usize> = End<W>;
    type Receiver<const W: usize> = End<W>;

    fn make(bytes: usize) -> Result<Box<dyn Made>, Fault> {
        Ok(Box::new(Objects::new(bytes.max(SEGMENT), &[0])?))
    }

    fn sender<const W: usize>(handle: &Handle) -> Result<End<W>, Fault> {
        End::open(handle)
    }

    fn receiver<const W: usize>(handle: &Handle) -> Result<End<W>, Fault> {
        End::open(handle)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The original's order, step by step: the receiver has seen 1 and takes it away; the sender,
    /// which waits for 0, writes the next message; only then does the receiver read.
    #[test]
    fn as_taught_the_receiver_reads_the_next_message_or_a_torn_one() {
        let objects = Objects::new(SEGMENT, &[0]).unwrap();
        let mut sender = End::<8>::open(&objects.handle()).unwrap();
        let mut receiver = End::<8>::open(&objects.handle()).unwrap();
        sender.send(&[1; 8]).unwrap();
        receiver.poll_until(1).unwrap();
        receiver.change(-1).unwrap();
        sender.send(&[2; 8]).unwrap();
        let mut taught = [0; 8];
        receiver.slot.copy_to(&mut taught);
        assert_eq!(taught, [2; 8], "message 1 is lost");

        // Ours: the sender cannot get at the buffer before it was copied.
        let mut first = [0; 8];
        receiver.receive(&mut first).unwrap();
        sender.send(&[3; 8]).unwrap();
        let mut second = [0; 8];
        receiver.receive(&mut second).unwrap();
        assert_eq!((first, second), ([2; 8], [3; 8]));
    }

    /// Why a run stays below 32,767 handoffs.
    #[test]
    fn sem_undo_runs_out_after_32767_handoffs_of_a_process() {
        let objects = Objects::new(SEGMENT, &[0]).unwrap();
        let end = End::<1>::open(&objects.handle()).unwrap();
        let mut handoffs = 0;
        let error = loop {
            // The value itself must stay low: another process takes it away, without undo.
            if let Err(error) = sys::sem_change(end.semaphores, 0, 1, true) {
                break error;
            }
            sys::sem_change(end.semaphores, 0, -1, false).unwrap();
            handoffs += 1;
            assert!(handoffs < 40_000, "SEM_UNDO did not run out");
        };
        assert_eq!(error.raw_os_error(), Some(libc::ERANGE));
        assert!((32_000..=32_768).contains(&handoffs), "{handoffs}");
    }
}
