//! ipmpsc between two processes: its ring in a file among the segments, waited for with the mutex and
//! the condition variable that stand in it. A message is passed as bytes, and read where it stands.

use ::ipmpsc::SharedRingBuffer;
use serde::{Serialize, Serializer};
use zerocopy::IntoBytes;

use super::named::{Named, segment};
use crate::run::transport::{Fault, Handle, Made, Receiver, Sender, Transport, items};

pub(crate) struct Ipmpsc;

pub(crate) struct Tx(::ipmpsc::Sender);
pub(crate) struct Rx(::ipmpsc::Receiver);

/// Bytes in one piece: the crate would take a slice for a sequence of numbers, one at a time.
struct Bytes<'a>(&'a [u8]);

impl Serialize for Bytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

/// What the ring keeps with each message: its size, and the length that the serializer writes.
const BESIDE: usize = 12;

fn fault(error: ::ipmpsc::Error) -> Fault {
    Fault::new("ipmpsc", error)
}

fn path(prefix: &str) -> String {
    segment(prefix).to_string_lossy().into_owned()
}

fn open(handle: &Handle) -> Result<SharedRingBuffer, Fault> {
    SharedRingBuffer::open(&path(&handle.prefix)).map_err(fault)
}

impl Transport for Ipmpsc {
    type Sender<const W: usize> = Tx;
    type Receiver<const W: usize> = Rx;

    fn make(bytes: usize) -> Result<Box<dyn Made>, Fault> {
        let room = items(bytes) * (bytes + BESIDE);
        let named = Named::new().holding(room);
        let size = u32::try_from(room).map_err(|error| Fault::new("ipmpsc", error))?;
        SharedRingBuffer::create(&path(&named.handle().prefix), size).map_err(fault)?;
        Ok(Box::new(named))
    }

    fn sender<const W: usize>(handle: &Handle) -> Result<Tx, Fault> {
        open(handle).map(::ipmpsc::Sender::new).map(Tx)
    }

    fn receiver<const W: usize>(handle: &Handle) -> Result<Rx, Fault> {
        open(handle).map(::ipmpsc::Receiver::new).map(Rx)
    }
}

impl<const W: usize> Sender<W> for Tx {
    fn send(&mut self, message: &[u64; W]) -> Result<(), Fault> {
        self.0.send(&Bytes(message.as_bytes())).map_err(fault)
    }
}

impl<const W: usize> Receiver<W> for Rx {
    fn receive(&mut self, message: &mut [u64; W]) -> Result<(), Fault> {
        let mut context = self.0.zero_copy_context();
        let seen: &[u8] = context.recv().map_err(fault)?;
        let due = size_of::<[u64; W]>();
        if seen.len() != due {
            let came = seen.len();
            return Err(Fault::new("ipmpsc", format_args!("{came} bytes came, {due} were due")));
        }
        message.as_mut_bytes().copy_from_slice(seen);
        Ok(())
    }
}
