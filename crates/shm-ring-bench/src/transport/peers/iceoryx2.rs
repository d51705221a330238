//! iceoryx2 between two processes: one publisher, one subscriber that polls, no sample ever dropped.
//! Its files and segments have names; those of one run begin with a prefix of its own, by which the
//! parent removes what a side that was killed left.

use std::fs;
use std::hint::spin_loop;
use std::path::PathBuf;

use ::iceoryx2::port::publisher::Publisher;
use ::iceoryx2::port::subscriber::Subscriber;
use ::iceoryx2::prelude::*;
use ::iceoryx2::service::port_factory::publish_subscribe::PortFactory;

use crate::transport::{Fault, Handle, Made, Receiver, Sender, Transport, fresh_name, items};

pub(crate) struct Iceoryx2;

type Service = ipc::Service;

/// The names of one run.
struct Names(String);

impl Names {
    /// Where iceoryx2 keeps what is not a segment.
    fn directory(prefix: &str) -> PathBuf {
        std::env::temp_dir().join(prefix.trim_end_matches('_'))
    }
}

impl Made for Names {
    fn handle(&self) -> Handle {
        Handle { prefix: self.0.clone(), ..Handle::default() }
    }
}

impl Drop for Names {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(Self::directory(&self.0));
        for entry in fs::read_dir("/dev/shm").into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(&self.0) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

fn fault(error: impl std::fmt::Debug) -> Fault {
    Fault::new("iceoryx2", format_args!("{error:?}"))
}

/// Lives as long as an end does.
struct Opened<const W: usize> {
    _node: Node<Service>,
    service: PortFactory<Service, [u64; W], ()>,
}

fn open<const W: usize>(handle: &Handle) -> Result<Opened<W>, Fault> {
    set_log_level(LogLevel::Error);
    let mut config = Config::default();
    config.global.prefix = handle.prefix.as_str().try_into().map_err(fault)?;
    let directory = Names::directory(&handle.prefix).to_string_lossy().into_owned();
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
    Ok(Opened { _node: node, service })
}

pub(crate) struct Tx<const W: usize> {
    publisher: Publisher<Service, [u64; W], ()>,
    _service: Opened<W>,
}

pub(crate) struct Rx<const W: usize> {
    subscriber: Subscriber<Service, [u64; W], ()>,
    _service: Opened<W>,
}

impl Transport for Iceoryx2 {
    type Sender<const W: usize> = Tx<W>;
    type Receiver<const W: usize> = Rx<W>;

    const INLINED: bool = true;

    fn make(_bytes: usize) -> Result<Box<dyn Made>, Fault> {
        Ok(Box::new(Names(format!("{}_", fresh_name()))))
    }

    fn sender<const W: usize>(handle: &Handle) -> Result<Tx<W>, Fault> {
        let opened = open::<W>(handle)?;
        let publisher = opened
            .service
            .publisher_builder()
            .backpressure_strategy(BackpressureStrategy::RetryUntilDelivered)
            .create()
            .map_err(fault)?;
        Ok(Tx { publisher, _service: opened })
    }

    fn receiver<const W: usize>(handle: &Handle) -> Result<Rx<W>, Fault> {
        let opened = open::<W>(handle)?;
        let subscriber = opened.service.subscriber_builder().create().map_err(fault)?;
        Ok(Rx { subscriber, _service: opened })
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
        loop {
            if let Some(sample) = self.subscriber.receive().map_err(fault)? {
                *message = *sample;
                return Ok(());
            }
            spin_loop();
        }
    }
}
