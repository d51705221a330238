//! ringfire between two processes, both sides spinning, in the way it has of losing nothing: the producer
//! waits for the reader that has registered. Whoever sends makes the ring; whoever receives attaches as
//! soon as it is there.

use ::ringfire::{
    BusySpin, FlowControl, RingConsumer, RingConsumerBuilder, RingProducer, RingProducerBuilder,
};

use super::named::{Named, once_there, segment};
use crate::run::transport::{Fault, Handle, Made, Receiver, Sender, Transport, items};

pub(crate) struct Ringfire;

pub(crate) struct Tx<const W: usize>(RingProducer<[u64; W]>);
pub(crate) struct Rx<const W: usize>(RingConsumer<[u64; W]>, BusySpin);

impl Transport for Ringfire {
    type Sender<const W: usize> = Tx<W>;
    type Receiver<const W: usize> = Rx<W>;

    const INLINED: bool = true;

    fn make(bytes: usize) -> Result<Box<dyn Made>, Fault> {
        Ok(Box::new(Named::new().holding(items(bytes) * bytes)))
    }

    fn sender<const W: usize>(handle: &Handle) -> Result<Tx<W>, Fault> {
        RingProducerBuilder::new(items(size_of::<[u64; W]>()) as u64)
            .flow_control(FlowControl::LosslessBackpressure)
            .build(segment(&handle.prefix))
            .map(Tx)
            .map_err(|error| Fault::new("ringfire", error))
    }

    fn receiver<const W: usize>(handle: &Handle) -> Result<Rx<W>, Fault> {
        let path = segment(&handle.prefix);
        let attach = || RingConsumerBuilder::new().start_from_oldest().attach(&path);
        once_there("ringfire", attach).map(|consumer| Rx(consumer, BusySpin::new()))
    }
}

impl<const W: usize> Sender<W> for Tx<W> {
    #[inline(always)]
    fn send(&mut self, message: &[u64; W]) -> Result<(), Fault> {
        self.0.push(message);
        Ok(())
    }
}

impl<const W: usize> Receiver<W> for Rx<W> {
    #[inline(always)]
    fn receive(&mut self, message: &mut [u64; W]) -> Result<(), Fault> {
        *message = self.0.recv_blocking(&mut self.1);
        Ok(())
    }
}
