//! Ends behind pointers: with large messages, and for what goes through the kernel, workloads are
//! compiled once for all transports, where a call through a pointer is nothing beside the message.

use core::ops::Range;

use super::{Fault, Receiver, Sender};
use crate::run::message::Code;

pub(crate) type AnySender<'a, const W: usize> = Box<dyn Sender<W> + 'a>;
pub(crate) type AnyReceiver<'a, const W: usize> = Box<dyn Receiver<W> + 'a>;

impl<const W: usize> Sender<W> for AnySender<'_, W> {
    #[inline(always)]
    fn send(&mut self, message: &[u64; W]) -> Result<(), Fault> {
        (**self).send(message)
    }

    #[inline(always)]
    fn send_numbered(
        &mut self,
        message: &mut [u64; W],
        code: Code,
        number: u64,
    ) -> Result<(), Fault> {
        (**self).send_numbered(message, code, number)
    }

    #[inline(always)]
    fn send_stream(
        &mut self,
        message: &mut [u64; W],
        code: Code,
        numbers: Range<u64>,
    ) -> Result<(), Fault> {
        (**self).send_stream(message, code, numbers)
    }

    #[inline(always)]
    fn send_batch(&mut self, messages: &[[u64; W]]) -> Result<(), Fault> {
        (**self).send_batch(messages)
    }
}

impl<const W: usize> Receiver<W> for AnyReceiver<'_, W> {
    #[inline(always)]
    fn receive(&mut self, message: &mut [u64; W]) -> Result<(), Fault> {
        (**self).receive(message)
    }

    #[inline(always)]
    fn receive_numbered(
        &mut self,
        message: &mut [u64; W],
        code: Code,
        number: u64,
    ) -> Result<(), Fault> {
        (**self).receive_numbered(message, code, number)
    }

    #[inline(always)]
    fn receive_stream(
        &mut self,
        message: &mut [u64; W],
        code: Code,
        numbers: Range<u64>,
    ) -> Result<(), Fault> {
        (**self).receive_stream(message, code, numbers)
    }
}
