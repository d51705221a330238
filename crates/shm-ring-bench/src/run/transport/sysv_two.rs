//! A System V segment and two semaphores, WRITE (1 at first) and READ (0): each side waits for its
//! own and gives the other's. Four semaphore calls a message.

use super::sysv_binary::{End, Objects};
use super::{Fault, Handle, Made, Receiver, Sender, Transport};
use crate::run::sys;

const WRITE: u16 = 0;
const READ: u16 = 1;

pub(crate) struct SysvTwo;

pub(crate) struct TwoEnd<const W: usize>(End<W>);

impl<const W: usize> TwoEnd<W> {
    fn change(&self, semaphore: u16, by: i16) -> Result<(), Fault> {
        loop {
            match sys::sem_change(self.0.semaphores, semaphore, by, false) {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                answer => return answer.map_err(|error| Fault::new("semop", error)),
            }
        }
    }
}

impl<const W: usize> Sender<W> for TwoEnd<W> {
    fn send(&mut self, message: &[u64; W]) -> Result<(), Fault> {
        self.change(WRITE, -1)?;
        self.0.slot.fill(message);
        self.change(READ, 1)
    }
}

impl<const W: usize> Receiver<W> for TwoEnd<W> {
    fn receive(&mut self, message: &mut [u64; W]) -> Result<(), Fault> {
        self.change(READ, -1)?;
        self.0.slot.copy_to(message);
        self.change(WRITE, 1)
    }
}

impl Transport for SysvTwo {
    type Sender<const W: usize> = TwoEnd<W>;
    type Receiver<const W: usize> = TwoEnd<W>;

    fn make(bytes: usize) -> Result<Box<dyn Made>, Fault> {
        /// As in the original.
        const SEGMENT: usize = 128;
        Ok(Box::new(Objects::new(SEGMENT, bytes, &[1, 0])?))
    }

    fn sender<const W: usize>(handle: &Handle) -> Result<TwoEnd<W>, Fault> {
        End::open(handle).map(TwoEnd)
    }

    fn receiver<const W: usize>(handle: &Handle) -> Result<TwoEnd<W>, Fault> {
        End::open(handle).map(TwoEnd)
    }
}
