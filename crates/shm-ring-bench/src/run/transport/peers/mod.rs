//! Other people's queues, built with the feature `peers`. Each file knows one crate (`threads` four of one
//! kind) and nothing of the others.

mod bbqueue;
mod cloudtoid;
mod crossbeam_channel;
mod iceoryx2;
mod iceoryx2_events;
mod ipmpsc;
mod named;
mod ringfire;
mod shaq;
mod shmem_ipc;
mod shmring;
mod threads;

pub(crate) use self::bbqueue::Bbqueue;
pub(crate) use self::cloudtoid::Cloudtoid;
pub(crate) use self::crossbeam_channel::CrossbeamChannel;
pub(crate) use self::iceoryx2::Iceoryx2;
pub(crate) use self::iceoryx2_events::Iceoryx2Events;
pub(crate) use self::ipmpsc::Ipmpsc;
pub(crate) use self::ringfire::Ringfire;
pub(crate) use self::shaq::Shaq;
pub(crate) use self::shmem_ipc::ShmemIpc;
pub(crate) use self::shmring::Shmring;
pub(crate) use self::threads::{Gil, NexusQueue, Omango, Ringbuf};
