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
use crate::run::sys;

/// As in the original; larger messages get a larger segment.
const SEGMENT: usize = 2048;

pub(crate) struct SysvBinary;

/// A segment and a semaphore set, removed when dropped.
pub(crate) struct Objects {
    segment: Option<i32>,
    id: i32,
    semaphores: i32,
    /// Bytes of the message.
    holds: usize,
}

impl Objects {
    /// A segment of `least` bytes, or more if the message needs them.
    pub(crate) fn new(least: usize, bytes: usize, values: &[i32]) -> Result<Self, Fault> {
        let id = sys::shm_create(bytes.max(least)).map_err(|error| Fault::new("shmget", error))?;
        match sys::sem_create(values) {
            Ok(semaphores) => Ok(Self { segment: Some(id), id, semaphores, holds: bytes }),
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

    fn holds(&self) -> Option<u64> {
        Some(self.holds as u64)
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
        Ok(Box::new(Objects::new(SEGMENT, bytes, &[0])?))
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

    fn both_ends(objects: &Objects) -> (End<8>, End<8>) {
        (End::open(&objects.handle()).unwrap(), End::open(&objects.handle()).unwrap())
    }

    /// The original's order: the receiver has seen 1 and takes it away, so the sender, which waits
    /// for 0, may write the next message before the receiver has read the first.
    #[test]
    fn as_taught_a_message_is_lost_when_the_sender_is_quicker() {
        let objects = Objects::new(SEGMENT, 64, &[0]).unwrap();
        let (mut sender, receiver) = both_ends(&objects);
        sender.send(&[1; 8]).unwrap();
        receiver.poll_until(1).unwrap();
        receiver.change(-1).unwrap();
        sender.send(&[2; 8]).unwrap();
        let mut printed = [0; 8];
        receiver.slot.copy_to(&mut printed);
        assert_eq!(printed, [2; 8], "message 1 was never read");
    }

    #[test]
    fn as_taught_a_message_is_torn_when_the_sender_comes_in_between() {
        let objects = Objects::new(SEGMENT, 64, &[0]).unwrap();
        let (mut sender, receiver) = both_ends(&objects);
        sender.send(&[1; 8]).unwrap();
        receiver.poll_until(1).unwrap();
        receiver.change(-1).unwrap();
        // A copy with the sender at work after its fourth word: those before are from the first
        // message, those behind from the second.
        let mut printed = [0; 8];
        receiver.slot.copy_to(&mut printed);
        let before = printed;
        sender.send(&[2; 8]).unwrap();
        receiver.slot.copy_to(&mut printed);
        printed[..4].copy_from_slice(&before[..4]);
        assert_eq!(printed, [1, 1, 1, 1, 2, 2, 2, 2]);
    }

    /// Our order: while the receiver has not given the buffer back, its value stays 1 and the
    /// sender waits.
    #[test]
    fn copying_first_keeps_the_sender_out_until_the_copy_is_made() {
        let objects = Objects::new(SEGMENT, 64, &[0]).unwrap();
        let (mut sender, mut receiver) = both_ends(&objects);
        sender.send(&[1; 8]).unwrap();
        receiver.poll_until(1).unwrap();
        let mut copied = [0; 8];
        receiver.slot.copy_to(&mut copied);
        assert_eq!(sys::sem_value(objects.semaphores, 0).unwrap(), 1, "the sender waits for 0");
        receiver.receive(&mut copied).unwrap();
        assert_eq!((copied, sys::sem_value(objects.semaphores, 0).unwrap()), ([1; 8], 0));
    }

    /// Why a run stays below 32,767 handoffs.
    #[test]
    fn sem_undo_runs_out_after_32767_handoffs_of_a_process() {
        let objects = Objects::new(SEGMENT, 64, &[0]).unwrap();
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
