//! A pipe: the kernel copies each message in and out. Its ends serve whatever carries bytes in order.

use std::fs::File;
use std::io::{Read, Write};

use rustix::pipe::PipeFlags;
use zerocopy::IntoBytes;

use super::{Fault, Handle, Inherited, Made, Receiver, Sender, Transport};

pub(crate) struct Pipe;

/// One end of something that carries bytes in order.
pub(crate) struct End(File);

impl End {
    pub(crate) fn of(file: impl Into<File>) -> Self {
        Self(file.into())
    }
}

impl<const W: usize> Sender<W> for End {
    fn send(&mut self, message: &[u64; W]) -> Result<(), Fault> {
        self.0.write_all(message.as_bytes()).map_err(|error| Fault::new("write", error))
    }
}

impl<const W: usize> Receiver<W> for End {
    fn receive(&mut self, message: &mut [u64; W]) -> Result<(), Fault> {
        self.0.read_exact(message.as_mut_bytes()).map_err(|error| Fault::new("read", error))
    }
}

impl Transport for Pipe {
    type Sender<const W: usize> = End;
    type Receiver<const W: usize> = End;

    fn make(_bytes: usize) -> Result<Box<dyn Made>, Fault> {
        let (read, write) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)
            .map_err(|error| Fault::new("pipe", error))?;
        Ok(Box::new(Inherited::new(vec![read, write]).holding(0)))
    }

    fn sender<const W: usize>(handle: &Handle) -> Result<End, Fault> {
        handle.descriptor(1).map(End::of)
    }

    fn receiver<const W: usize>(handle: &Handle) -> Result<End, Fault> {
        handle.descriptor(0).map(End::of)
    }
}
