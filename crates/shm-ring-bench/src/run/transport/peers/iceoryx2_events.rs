//! iceoryx2 between two processes, sleeping: the publisher notifies a listener of each sample, and the
//! subscriber waits for that when it finds none.

use ::iceoryx2::port::listener::Listener;
use ::iceoryx2::port::notifier::Notifier;
use ::iceoryx2::prelude::*;
use ::iceoryx2::service::port_factory::event::PortFactory;

use super::iceoryx2::{self as polling, Iceoryx2, Service, fault};
use crate::run::transport::{Fault, Handle, Made, Receiver, Sender, Transport};

pub(crate) struct Iceoryx2Events;

fn event(node: &Node<Service>) -> Result<PortFactory<Service>, Fault> {
    node.service_builder(&"events".try_into().map_err(fault)?)
        .event()
        .open_or_create()
        .map_err(fault)
}

pub(crate) struct Tx<const W: usize> {
    notifier: Notifier<Service>,
    publisher: polling::Tx<W>,
    _event: PortFactory<Service>,
}

pub(crate) struct Rx<const W: usize> {
    listener: Listener<Service>,
    subscriber: polling::Rx<W>,
    _event: PortFactory<Service>,
}

impl Transport for Iceoryx2Events {
    type Sender<const W: usize> = Tx<W>;
    type Receiver<const W: usize> = Rx<W>;

    fn make(bytes: usize) -> Result<Box<dyn Made>, Fault> {
        Iceoryx2::make(bytes)
    }

    fn sender<const W: usize>(handle: &Handle) -> Result<Tx<W>, Fault> {
        let publisher = Iceoryx2::sender::<W>(handle)?;
        let event = event(&publisher.opened.node)?;
        let notifier = event.notifier_builder().create().map_err(fault)?;
        Ok(Tx { notifier, publisher, _event: event })
    }

    fn receiver<const W: usize>(handle: &Handle) -> Result<Rx<W>, Fault> {
        let subscriber = Iceoryx2::receiver::<W>(handle)?;
        let event = event(&subscriber.opened.node)?;
        let listener = event.listener_builder().create().map_err(fault)?;
        Ok(Rx { listener, subscriber, _event: event })
    }
}

impl<const W: usize> Sender<W> for Tx<W> {
    fn send(&mut self, message: &[u64; W]) -> Result<(), Fault> {
        self.publisher.send(message)?;
        match self.notifier.notify().map_err(fault)? {
            1 => Ok(()),
            other => Err(Fault::new("iceoryx2", format_args!("{other} listeners instead of one"))),
        }
    }
}

impl<const W: usize> Receiver<W> for Rx<W> {
    fn receive(&mut self, message: &mut [u64; W]) -> Result<(), Fault> {
        while !self.subscriber.take(message)? {
            self.listener.blocking_wait(|_| ()).map_err(fault)?;
        }
        Ok(())
    }
}
