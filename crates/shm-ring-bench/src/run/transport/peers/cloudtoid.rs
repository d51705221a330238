//! cloudtoid-interprocess between two processes: a queue of messages of bytes, both sides polling. The
//! side that comes first makes it, and it lasts as long as a side has it open.

use std::hint::spin_loop;

use ::cloudtoid_interprocess::{Error, Options, Publisher, Subscriber};
use zerocopy::IntoBytes;

use super::named::{Named, among_segments};
use crate::run::transport::{Fault, Handle, Made, Receiver, Sender, Transport, items};

pub(crate) struct Cloudtoid;

pub(crate) struct Tx(Publisher);
pub(crate) struct Rx(Subscriber);

/// What stands before each message: its state and its length.
const BESIDE: usize = 8;

fn fault(error: Error) -> Fault {
    Fault::new("cloudtoid-interprocess", error)
}

/// The queue's file is in memory, as everybody's is, instead of the directory for temporary files.
fn options<const W: usize>(handle: &Handle) -> Options {
    let bytes = size_of::<[u64; W]>();
    let path = among_segments(&format!("{}files", handle.prefix));
    Options::new(format!("{}queue", handle.prefix), room(bytes)).with_path(path)
}

fn room(bytes: usize) -> usize {
    items(bytes) * (bytes + BESIDE)
}

impl Transport for Cloudtoid {
    type Sender<const W: usize> = Tx;
    type Receiver<const W: usize> = Rx;

    fn make(bytes: usize) -> Result<Box<dyn Made>, Fault> {
        Ok(Box::new(Named::new().holding(room(bytes))))
    }

    fn sender<const W: usize>(handle: &Handle) -> Result<Tx, Fault> {
        Publisher::open(&options::<W>(handle)).map(Tx).map_err(fault)
    }

    fn receiver<const W: usize>(handle: &Handle) -> Result<Rx, Fault> {
        Subscriber::open(&options::<W>(handle)).map(Rx).map_err(fault)
    }
}

impl<const W: usize> Sender<W> for Tx {
    fn send(&mut self, message: &[u64; W]) -> Result<(), Fault> {
        loop {
            match self.0.try_send(message.as_bytes()) {
                Err(Error::Full) => spin_loop(),
                sent => return sent.map_err(fault),
            }
        }
    }
}

impl<const W: usize> Receiver<W> for Rx {
    fn receive(&mut self, message: &mut [u64; W]) -> Result<(), Fault> {
        let due = size_of::<[u64; W]>();
        loop {
            match self.0.try_recv_into(message.as_mut_bytes()).map_err(fault)? {
                Some(came) if came == due => return Ok(()),
                Some(came) => {
                    let why = format_args!("{came} bytes came, {due} were due");
                    return Err(Fault::new("cloudtoid-interprocess", why));
                }
                None => spin_loop(),
            }
        }
    }
}
