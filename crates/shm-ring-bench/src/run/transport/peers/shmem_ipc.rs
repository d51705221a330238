//! shmem-ipc between two processes, polling: its shared ring without its event descriptors.
//!
//! Invariant of the unsafe blocks: the ring calls back with a pointer to as many items as it says, to
//! which nobody else has access during the call.
#![allow(unsafe_code)]

use std::hint::spin_loop;

use ::shmem_ipc::sharedring;

use crate::run::transport::{Fault, Handle, Inherited, Made, Receiver, Sender, Transport, items};

pub(crate) struct ShmemIpc;

pub(crate) struct Tx<const W: usize>(sharedring::Sender<[u64; W]>);
pub(crate) struct Rx<const W: usize>(sharedring::Receiver<[u64; W]>);

fn fault(error: impl std::fmt::Display) -> Fault {
    Fault::new("shmem-ipc", error)
}

impl Transport for ShmemIpc {
    type Sender<const W: usize> = Tx<W>;
    type Receiver<const W: usize> = Rx<W>;

    const INLINED: bool = true;

    fn make(bytes: usize) -> Result<Box<dyn Made>, Fault> {
        // Counted in words, since the size of a message is not known to the compiler here.
        let words = items(bytes) * bytes / size_of::<u64>();
        let ring = sharedring::Sender::<u64>::new(words).map_err(fault)?;
        let files = [ring.memfd().as_file(), ring.empty_signal(), ring.full_signal()];
        let fds = files.into_iter().map(|file| Ok(file.try_clone().map_err(fault)?.into()));
        let made = Inherited::new(fds.collect::<Result<_, Fault>>()?);
        Ok(Box::new(made.holding((items(bytes) * bytes) as u64)))
    }

    fn sender<const W: usize>(handle: &Handle) -> Result<Tx<W>, Fault> {
        let [memory, empty, full] =
            [handle.descriptor(0)?, handle.descriptor(1)?, handle.descriptor(2)?].map(Into::into);
        let capacity = items(size_of::<[u64; W]>());
        sharedring::Sender::open(capacity, memory, empty, full).map(Tx).map_err(fault)
    }

    fn receiver<const W: usize>(handle: &Handle) -> Result<Rx<W>, Fault> {
        let [memory, empty, full] =
            [handle.descriptor(0)?, handle.descriptor(1)?, handle.descriptor(2)?].map(Into::into);
        let capacity = items(size_of::<[u64; W]>());
        sharedring::Receiver::open(capacity, memory, empty, full).map(Rx).map_err(fault)
    }
}

impl<const W: usize> Sender<W> for Tx<W> {
    #[inline(always)]
    fn send(&mut self, message: &[u64; W]) -> Result<(), Fault> {
        let ring = self.0.sender_mut();
        // Looked at first: sending into a full ring would write to the count that both share.
        while ring.write_count().map_err(fault)? == 0 {
            spin_loop();
        }
        let put = |to: *mut [u64; W], _room: usize| {
            // SAFETY: the invariant: there is room for one.
            unsafe { to.write(*message) };
            1
        };
        ring.send(put).map(|_| ()).map_err(fault)
    }
}

impl<const W: usize> Receiver<W> for Rx<W> {
    #[inline(always)]
    fn receive(&mut self, message: &mut [u64; W]) -> Result<(), Fault> {
        let ring = self.0.receiver_mut();
        while ring.read_count().map_err(fault)? == 0 {
            spin_loop();
        }
        let take = |from: *const [u64; W], _there: usize| {
            // SAFETY: the invariant: there is one.
            *message = unsafe { from.read() };
            1
        };
        ring.recv(take).map(|_| ()).map_err(fault)
    }
}
