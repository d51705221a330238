//! Other people's queues, built with the feature `peers`. Each file knows one crate and nothing of the
//! others.

mod iceoryx2;
mod nexus_queue;
mod omango;
mod shaq;
mod shmem_ipc;

pub(crate) use self::iceoryx2::Iceoryx2;
pub(crate) use self::nexus_queue::NexusQueue;
pub(crate) use self::omango::Omango;
pub(crate) use self::shaq::Shaq;
pub(crate) use self::shmem_ipc::ShmemIpc;
