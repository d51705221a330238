//! A System V message queue.

use super::{Fault, Handle, Made, Receiver, Sender, Transport, within};
use crate::run::queues;

pub(crate) struct SysvMq;

/// A queue, removed when dropped: whoever waits on it then gets an error.
struct Queue(i32);

impl Made for Queue {
    fn handle(&self) -> Handle {
        Handle { ids: vec![self.0], ..Handle::default() }
    }

    fn holds(&self) -> Option<u64> {
        // The kernel keeps the messages.
        Some(0)
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        queues::system_v_remove(self.0);
    }
}

/// One end, with a message as the calls want it: its type, which means nothing here, before it.
pub(crate) struct End {
    queue: i32,
    typed: Box<[u64]>,
}

impl End {
    fn open<const W: usize>(handle: &Handle) -> Self {
        Self { queue: handle.ids[0], typed: vec![1; 1 + W].into() }
    }
}

impl Transport for SysvMq {
    type Sender<const W: usize> = End;
    type Receiver<const W: usize> = End;

    fn make(bytes: usize) -> Result<Box<dyn Made>, Fault> {
        within("kernel/msgmax", bytes)?;
        let queue = queues::system_v_create().map_err(|error| Fault::new("msgget", error))?;
        Ok(Box::new(Queue(queue)))
    }

    fn sender<const W: usize>(handle: &Handle) -> Result<End, Fault> {
        Ok(End::open::<W>(handle))
    }

    fn receiver<const W: usize>(handle: &Handle) -> Result<End, Fault> {
        Ok(End::open::<W>(handle))
    }
}

impl<const W: usize> Sender<W> for End {
    fn send(&mut self, message: &[u64; W]) -> Result<(), Fault> {
        self.typed[1..].copy_from_slice(message);
        queues::system_v_send(self.queue, &self.typed).map_err(|error| Fault::new("msgsnd", error))
    }
}

impl<const W: usize> Receiver<W> for End {
    fn receive(&mut self, message: &mut [u64; W]) -> Result<(), Fault> {
        let due = size_of::<[u64; W]>();
        let came = queues::system_v_receive(self.queue, &mut self.typed)
            .map_err(|error| Fault::new("msgrcv", error))?;
        if came != due {
            return Err(Fault::new("msgrcv", format_args!("{came} bytes came, {due} were due")));
        }
        message.copy_from_slice(&self.typed[1..]);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_queue_goes_with_the_parent_and_whoever_waits_is_told() {
        let made = SysvMq::make(8).unwrap();
        let mut rx = SysvMq::receiver::<1>(&made.handle()).unwrap();
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || {
            let said = Receiver::<1>::receive(&mut rx, &mut [0; 1]);
            let _ = tell.send(said.unwrap_err().to_string());
        });
        std::thread::sleep(Duration::from_millis(20));
        drop(made);
        let said = told.recv_timeout(Duration::from_secs(20)).unwrap();
        assert!(said.starts_with("msgrcv: "), "{said}");
    }

    #[test]
    fn a_message_of_another_size_is_an_error_with_both() {
        let made = SysvMq::make(16).unwrap();
        let mut tx = SysvMq::sender::<1>(&made.handle()).unwrap();
        let mut rx = SysvMq::receiver::<2>(&made.handle()).unwrap();
        Sender::<1>::send(&mut tx, &[5]).unwrap();
        let said = Receiver::<2>::receive(&mut rx, &mut [0; 2]).unwrap_err().to_string();
        assert_eq!(said, "msgrcv: 8 bytes came, 16 were due");
    }
}
