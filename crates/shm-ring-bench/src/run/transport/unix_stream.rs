//! A pair of connected Unix stream sockets, used one way.

use std::os::unix::net::UnixStream;

use super::pipe::End;
use super::{Fault, Handle, Inherited, Made, Transport};

pub(crate) struct UnixStreams;

impl Transport for UnixStreams {
    type Sender<const W: usize> = End;
    type Receiver<const W: usize> = End;

    fn make(_bytes: usize) -> Result<Box<dyn Made>, Fault> {
        let (receives, sends) =
            UnixStream::pair().map_err(|error| Fault::new("socketpair", error))?;
        Ok(Box::new(Inherited::new(vec![receives.into(), sends.into()]).holding(0)))
    }

    fn sender<const W: usize>(handle: &Handle) -> Result<End, Fault> {
        handle.descriptor(1).map(End::of)
    }

    fn receiver<const W: usize>(handle: &Handle) -> Result<End, Fault> {
        handle.descriptor(0).map(End::of)
    }
}
