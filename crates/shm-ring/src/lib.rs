//! A lock-free single-producer single-consumer ring between two processes over shared memory, for
//! Linux: neither side makes a system call while both are busy, an idle side sleeps on a futex,
//! and whatever happens to one side, the other loses nothing that was published, never hangs and
//! never crashes.
#![deny(unsafe_code)]

#[cfg(not(any(target_os = "linux", loom)))]
compile_error!("shm-ring needs Linux: futexes, memfd, OFD locks");

// The protocol floor: this much runs under loom.
mod barrier;
mod clock;
mod cursor;
mod futex;
mod gate;
mod layout;
mod record;
mod session;
mod sync;

#[cfg(not(loom))]
mod copy;
#[cfg(not(loom))]
mod endpoint;
#[cfg(not(loom))]
mod error;
#[cfg(not(loom))]
mod identity;
#[cfg(not(loom))]
mod item;
#[cfg(not(loom))]
mod lease;
#[cfg(not(loom))]
mod mirror;
#[cfg(not(loom))]
mod options;
#[cfg(not(loom))]
mod pace;
#[cfg(not(loom))]
mod place;
#[cfg(not(loom))]
mod region;
#[cfg(not(loom))]
mod ring;
#[cfg(not(loom))]
mod value;

#[cfg(all(loom, test))]
mod models;

#[cfg(not(loom))]
pub use self::{
    endpoint::Peer,
    error::{Error, PopError, Property, PushError},
    item::Item,
    mirror::Role,
    options::{Options, Wait},
    region::Region,
    ring::Ring,
    value::{Consumer, Iter, Producer, TryIter},
};
