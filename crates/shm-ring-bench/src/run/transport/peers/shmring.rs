//! shmring between two processes: a stream of bytes, each side sleeping on a futex when it has to wait.
//! Whoever sends makes the segment; whoever receives opens it as soon as it is there.

use std::io::{Read, Write};

use ::shmring::backend::ShmStorage;
use ::shmring::{Options, Reader, Writer, create_shm, open_shm};
use zerocopy::IntoBytes;

use super::named::{Named, once_there};
use crate::run::transport::{Fault, Handle, Made, Receiver, Sender, Transport, items};

pub(crate) struct Shmring;

pub(crate) struct Tx(Writer<ShmStorage>);
pub(crate) struct Rx(Reader<ShmStorage>);

fn name(handle: &Handle) -> String {
    format!("{}ring", handle.prefix)
}

/// The crate takes powers of two only.
fn capacity(bytes: usize) -> u64 {
    (items(bytes) * bytes).next_power_of_two() as u64
}

impl Transport for Shmring {
    type Sender<const W: usize> = Tx;
    type Receiver<const W: usize> = Rx;

    fn make(bytes: usize) -> Result<Box<dyn Made>, Fault> {
        Ok(Box::new(Named::new().holding(capacity(bytes) as usize)))
    }

    fn sender<const W: usize>(handle: &Handle) -> Result<Tx, Fault> {
        let capacity = capacity(size_of::<[u64; W]>());
        create_shm(&name(handle), capacity, Options::default())
            .map(Tx)
            .map_err(|error| Fault::new("shmring", error))
    }

    fn receiver<const W: usize>(handle: &Handle) -> Result<Rx, Fault> {
        let (name, capacity) = (name(handle), capacity(size_of::<[u64; W]>()));
        once_there("shmring", || open_shm(&name, capacity, Options::default())).map(Rx)
    }
}

impl<const W: usize> Sender<W> for Tx {
    fn send(&mut self, message: &[u64; W]) -> Result<(), Fault> {
        self.0.write_all(message.as_bytes()).map_err(|error| Fault::new("shmring", error))
    }
}

impl<const W: usize> Receiver<W> for Rx {
    fn receive(&mut self, message: &mut [u64; W]) -> Result<(), Fault> {
        self.0.read_exact(message.as_mut_bytes()).map_err(|error| Fault::new("shmring", error))
    }
}
