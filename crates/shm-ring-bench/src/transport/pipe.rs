//! A pipe: the kernel copies each message in and out.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use zerocopy::IntoBytes;

use super::{Fault, Handle, Made, Receiver, Sender, Transport};

pub(crate) struct Pipe;

struct Both(OwnedFd, OwnedFd);

impl Made for Both {
    fn handle(&self) -> Handle {
        Handle { fds: vec![self.0.as_raw_fd(), self.1.as_raw_fd()], ..Handle::default() }
    }

    fn descriptors(&self) -> Vec<&OwnedFd> {
        vec![&self.0, &self.1]
    }
}

/// The end of `handle` at `index`; the other one is closed, so that the end of one side is seen.
fn end(handle: &Handle, index: usize) -> File {
    #[allow(unsafe_code)]
    // SAFETY: inherited from the parent for this purpose, and taken once.
    let [keep, close] =
        [index, 1 - index].map(|index| unsafe { OwnedFd::from_raw_fd(handle.fds[index]) });
    drop(close);
    File::from(keep)
}

pub(crate) struct End(File);

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
        let (read, write) = rustix::pipe::pipe().map_err(|error| Fault::new("pipe", error))?;
        Ok(Box::new(Both(read, write)))
    }

    fn sender<const W: usize>(handle: &Handle) -> Result<End, Fault> {
        Ok(End(end(handle, 1)))
    }

    fn receiver<const W: usize>(handle: &Handle) -> Result<End, Fault> {
        Ok(End(end(handle, 0)))
    }
}
