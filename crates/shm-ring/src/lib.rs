//! A lock-free single-producer single-consumer ring between two processes over shared memory, for
//! Linux: neither side makes a system call while both are busy, an idle side sleeps on a futex,
//! and whatever happens to one side, the other loses nothing that was published, never hangs and
//! never crashes.
//!
//! # What it promises
//!
//! - What was published is read whole, in order and once, across kills and restarts of either side
//!   in place. [`Consumer::pop`] delivers at most once.
//! - A waiting side learns that the other closed or died, at the latest a tenth of a second after a
//!   death, and takes everything that was published first.
//! - Wild values from the other side are `Corrupt`, for good: never a panic, an access outside the
//!   region, or a loop without end. Each side maps what the other owns read-only.
//! - One producer and one consumer, across processes, containers and threads.
//!
//! It does not keep secrets between the two sides, and it carries values of one size.
//!
//! # Two processes
//!
//! One creates the ring and publishes:
//!
//! ```no_run
//! use shm_ring::{Options, Producer};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut tx = Producer::<[u64; 2]>::create("/ticks", Options::new().items(4096))?;
//! tx.push([1, 100])?;
//! # Ok(())
//! # }
//! ```
//!
//! The other opens it and reads until the first closes:
//!
//! ```no_run
//! use shm_ring::Consumer;
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut rx = Consumer::<[u64; 2]>::open("/ticks")?;
//! for tick in rx.iter() {
//!     let [number, price] = tick?;
//!     println!("{number}: {price}");
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # The nouns
//!
//! A [`Region`] says where the memory comes from: a name, a file, a memfd, a received descriptor. A
//! [`Ring`] is a region whose header checks out. It has one [`Producer`] and one [`Consumer`]; each
//! is a role, held by a lock that the kernel frees when its holder dies. What crosses is an
//! [`Item`]. [`Options`] say what a new ring is like, and [`Wait`] how a side waits.
//!
//! # When the other side goes away
//!
//! [`Producer::peer`] and [`Consumer::peer`] tell whether it is absent, alive, closed or dead
//! ([`Peer`]). Closed and dead are not final: another process may take the role and the ring goes
//! on. `pop` ends with [`PopError::Closed`] or [`PopError::PeerDead`] once everything was read;
//! `push` with their counterparts only when the ring is full.
//!
//! # When not to use it
//!
//! For several producers or consumers of one queue, between threads of one process, or between
//! machines there are better things.
#![deny(unsafe_code)]
// Under loom only the models use the floor.
#![cfg_attr(all(loom, not(test)), allow(dead_code))]

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
