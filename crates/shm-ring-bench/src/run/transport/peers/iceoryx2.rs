//! iceoryx2 between two processes: one publisher, one subscriber that polls, no sample ever dropped.

use std::hint::spin_loop;

use ::iceoryx2::port::publisher::Publisher;
use ::iceoryx2::port::subscriber::Subscriber;
use ::iceoryx2::prelude::*;
use ::iceoryx2::service::port_factory::publish_subscribe::PortFactory;

use super::named::{Named, directory};
use crate::run::transport::{Fault, Handle, Made, Receiver, Sender, Transport, items};

pub(crate) struct Iceoryx2;

pub(super) type Service = ipc::Service;

pub(super) fn fault(error: impl std::fmt::Debug) -> Fault {
    Fault::new("iceoryx2", format_args!("{error:?}"))
}

/// Lives as long as an end does.
pub(super) struct Opened<const W: usize> {
    pub(super) node: Node<Service>,
    service: PortFactory<Service, [u64; W], ()>,
}

fn open<const W: usize>(handle: &Handle) -> Result<Opened<W>, Fault> {
    set_log_level(LogLevel::Error);
    let mut config = Config::default();
    config.global.prefix = handle.prefix.as_str().try_into().map_err(fault)?;
    let directory = directory(&handle.prefix).to_string_lossy().into_owned();
    config.global.set_root_path(&directory.as_str().try_into().map_err(fault)?);
    let node = NodeBuilder::new()
        .config(&config)
        .signal_handling_mode(SignalHandlingMode::Disabled)
        .create::<Service>()
        .map_err(fault)?;
    let service = node
        .service_builder(&"messages".try_into().map_err(fault)?)
        .publish_subscribe::<[u64; W]>()
        .max_publishers(1)
        .max_subscribers(1)
        .history_size(0)
        .enable_safe_overflow(false)
        .subscriber_max_buffer_size(items(size_of::<[u64; W]>()))
        .open_or_create()
        .map_err(fault)?;
    Ok(Opened { node, service })
}

pub(crate) struct Tx<const W: usize> {
    publisher: Publisher<Service, [u64; W], ()>,
    pub(super) opened: Opened<W>,
}

pub(crate) struct Rx<const W: usize> {
    subscriber: Subscriber<Service, [u64; W], ()>,
    pub(super) opened: Opened<W>,
}

impl Transport for Iceoryx2 {
    type Sender<const W: usize> = Tx<W>;
    type Receiver<const W: usize> = Rx<W>;

    const INLINED: bool = true;

    fn make(_bytes: usize) -> Result<Box<dyn Made>, Fault> {
        Ok(Box::new(Named::new()))
    }

    fn sender<const W: usize>(handle: &Handle) -> Result<Tx<W>, Fault> {
        let opened = open::<W>(handle)?;
        let publisher = opened
            .service
            .publisher_builder()
            .backpressure_strategy(BackpressureStrategy::RetryUntilDelivered)
            .create()
            .map_err(fault)?;
        Ok(Tx { publisher, opened })
    }

    fn receiver<const W: usize>(handle: &Handle) -> Result<Rx<W>, Fault> {
        let opened = open::<W>(handle)?;
        let subscriber = opened.service.subscriber_builder().create().map_err(fault)?;
        Ok(Rx { subscriber, opened })
    }
}

impl<const W: usize> Sender<W> for Tx<W> {
    fn send(&mut self, message: &[u64; W]) -> Result<(), Fault> {
        let room = self.publisher.loan_uninit().map_err(fault)?;
        match room.write_payload(*message).send().map_err(fault)? {
            1 => Ok(()),
            other => Err(Fault::new("iceoryx2", format_args!("{other} receivers instead of one"))),
        }
    }
}

impl<const W: usize> Receiver<W> for Rx<W> {
    fn receive(&mut self, message: &mut [u64; W]) -> Result<(), Fault> {
        while !self.take(message)? {
            spin_loop();
        }
        Ok(())
    }
}

impl<const W: usize> Rx<W> {
    /// Takes the oldest message if there is one.
    #[inline(always)]
    pub(super) fn take(&mut self, message: &mut [u64; W]) -> Result<bool, Fault> {
        let sample = self.subscriber.receive().map_err(fault)?;
        if let Some(sample) = &sample {
            *message = **sample;
        }
        Ok(sample.is_some())
    }
}
