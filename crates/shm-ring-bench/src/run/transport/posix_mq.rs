//! A POSIX message queue. Its name is taken away before anybody else could see a message: the sides
//! inherit the descriptor.

use std::ffi::CString;
use std::os::fd::{AsFd, OwnedFd};

use zerocopy::IntoBytes;

use super::{
    Fault, Handle, Inherited, Made, Receiver, Sender, Transport, fresh_name, limit, within,
};
use crate::run::queues;

/// As many messages as the kernel lets everybody have by default.
const MESSAGES: usize = 10;

pub(crate) struct PosixMq;

pub(crate) struct End(OwnedFd);

fn make(name: &str, bytes: usize) -> Result<OwnedFd, Fault> {
    within("fs/mqueue/msgsize_max", bytes)?;
    let messages = MESSAGES.min(limit("fs/mqueue/msg_max")?);
    let name = CString::new(name).map_err(|error| Fault::new("mq_open", error))?;
    let queue = queues::posix_create(&name, messages, bytes)
        .map_err(|error| Fault::new("mq_open", error))?;
    queues::posix_unlink(&name).map_err(|error| Fault::new("mq_unlink", error))?;
    Ok(queue)
}

impl Transport for PosixMq {
    type Sender<const W: usize> = End;
    type Receiver<const W: usize> = End;

    fn make(bytes: usize) -> Result<Box<dyn Made>, Fault> {
        let queue = make(&format!("/{}", fresh_name()), bytes)?;
        Ok(Box::new(Inherited::new(vec![queue]).holding(0)))
    }

    fn sender<const W: usize>(handle: &Handle) -> Result<End, Fault> {
        handle.descriptor(0).map(End)
    }

    fn receiver<const W: usize>(handle: &Handle) -> Result<End, Fault> {
        handle.descriptor(0).map(End)
    }
}

impl<const W: usize> Sender<W> for End {
    fn send(&mut self, message: &[u64; W]) -> Result<(), Fault> {
        queues::posix_send(self.0.as_fd(), message.as_bytes())
            .map_err(|error| Fault::new("mq_send", error))
    }
}

impl<const W: usize> Receiver<W> for End {
    fn receive(&mut self, message: &mut [u64; W]) -> Result<(), Fault> {
        let due = size_of::<[u64; W]>();
        match queues::posix_receive(self.0.as_fd(), message.as_mut_bytes()) {
            Ok(came) if came == due => Ok(()),
            Ok(came) => {
                Err(Fault::new("mq_receive", format_args!("{came} bytes came, {due} were due")))
            }
            Err(error) => Err(Fault::new("mq_receive", error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_gone_before_a_message_is_sent() {
        let name = format!("/{}", fresh_name());
        let _queue = make(&name, 64).unwrap();
        let again = queues::posix_unlink(&CString::new(name).unwrap()).unwrap_err();
        assert_eq!(again.kind(), std::io::ErrorKind::NotFound);
    }

    #[test]
    fn a_message_that_is_too_large_is_refused_with_the_limit() {
        let most = limit("fs/mqueue/msgsize_max").unwrap();
        let said = PosixMq::make(most + 8).err().unwrap().to_string();
        assert!(said.contains(&most.to_string()) && said.contains("msgsize_max"), "{said}");
    }
}
