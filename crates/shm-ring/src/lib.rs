//! A lock-free single-producer single-consumer ring between two processes over shared memory, for
//! Linux: neither side makes a system call while both are busy, an idle side sleeps on a futex,
//! and whatever happens to one side, the other loses nothing that was published, never hangs and
//! never crashes.
//!
//! # What it promises
//!
//! - What was published is read whole, in order and once, across kills and restarts of either side
//!   in place. `pop` delivers at most once, `peek` and `release` at least once.
//! - A waiting side learns that the other closed or died, and takes everything that was published
//!   first. The kernel tells it of a death, usually within a millisecond; where that is not to be had,
//!   it finds out within a tenth of a second ([`Options::death_notice`]).
//! - Wild values from the other side are `Corrupt`, for good: never a panic, an access outside the
//!   region, or a loop without end. Each side maps what the other owns read-only.
//! - One producer and one consumer, across processes, containers and threads.
//!
//! # What it does not do
//!
//! - It keeps no secrets between the two sides: each can read all of the region.
//! - It does not make delivery exactly once: a consumer that is killed has lost what it had popped and
//!   not used, or sees again what it had not released.
//! - It does not keep records for anyone but the one consumer, nor beyond the memory that they are in.
//! - It knows no types beyond size, alignment and the label that you give: what the bytes mean is for
//!   both sides to agree on.
//!
//! # Two processes
//!
//! One opens the ring, creates it if it is not there, and publishes:
//!
//! ```no_run
//! use shm_ring::{Options, Producer};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut tx = Producer::<[u64; 2]>::open_or_create("/ticks", Options::new().items(4095))?;
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
//! `open_or_create` on both sides, with the same options, spares them the question who comes first. The name
//! stays until it is removed ([`Region::unlink`], [`Options::unlink_on_drop`]). Programs to run and to copy from are in
//! `crates/shm-ring/examples`, beginning with `hello`.
//!
//! # The nouns
//!
//! A [`Region`] says where the memory comes from: a name, a file, a memfd, a received descriptor
//! ([more](guide::regions)). A [`Ring`] is a region whose header checks out ([what lies where](guide::layout)).
//! It has one [`Producer`] and one [`Consumer`]; each is a role, held by a lock that the kernel frees when
//! its holder dies. What a record holds is a [`Payload`]: an [`Item`] or a slice of them. [`Options`] say
//! what a new ring is like, and [`Wait`] how a side waits. [How large, how many](guide::limits).
//!
//! # Values or messages
//!
//! A ring of values (`Ring<T>`) carries items of one size. A ring of messages (`Ring<[u8]>`, or slices of
//! any other item) carries slices of any length up to the ring's own:
//!
//! ```
//! use shm_ring::{Options, Region, Ring};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let ring = Ring::<[u8]>::create(Region::memfd("log"), Options::new().bytes(1 << 20))?;
//! let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
//! tx.push(b"of any length")?;
//! let mut line = Vec::new();
//! rx.pop_into(&mut line)?;
//! assert_eq!(line, b"of any length");
//! # Ok(())
//! # }
//! ```
//!
//! Both can be written and read in place ([`Reservation`], [`View`]) and in batches, which cost one look
//! at a sleeper and one store of a position. [`Writer`] and [`Reader`] make a ring of messages a byte
//! stream. What has happened before what, for those who share more than the ring:
//! [ordering](guide::ordering).
//!
//! # Waiting
//!
//! `try_` calls never wait, the plain ones wait as long as it makes sense, and `_timeout` is for so long.
//! [`Wait`] says whether a waiting side spins, yields or sleeps, and [`Threshold`] how much a consumer wants
//! to be woken for; [`wait_any`] lets one thread serve many rings. [What each costs](guide::waiting).
//!
//! # The latest value
//!
//! Where only the newest value counts, a [`Latest`] has one writer and any number of readers, which need
//! nothing but the right to read the region. Nobody waits for anybody, and a read is never torn
//! ([more](guide::the_latest_value)):
//!
//! ```
//! use shm_ring::{Latest, Options, Region};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let speed = Latest::<[f64; 2]>::create(Region::memfd("speed"), Options::new())?;
//! let (mut writer, mut reader) = (speed.writer()?, speed.reader()?);
//! writer.write([1.5, 2.5]);
//! writer.write([1.6, 2.4]);
//! assert_eq!(reader.read()?, [1.6, 2.4]);
//! # Ok(())
//! # }
//! ```
//!
//! # Watching
//!
//! An [`Observer`] looks at any ring or latest value without being noticed: positions, sessions, who the sides are and
//! whether they live, how often they waited ([`Observer::snapshot`]), and what has not been read yet
//! ([`Observer::dump`]).
//!
//! # When the other side goes away
//!
//! [`Producer::peer`] and [`Consumer::peer`] tell whether it is absent, alive, closed or dead ([`Peer`]).
//! Closed and dead are not final: another process may take the role and the ring goes on
//! ([`Consumer::wait_for_peer`]). `pop` ends with
//! [`PopError::Closed`] or [`PopError::PeerDead`] once everything was read; `push` with their counterparts
//! only when the ring is full. [What a death leaves behind, at any
//! instruction](guide::when_the_other_side_goes_away).
//!
//! # Trust
//!
//! The other side may be buggy or hostile: it can write, at any moment, every byte that it maps for
//! writing and, through its own descriptor, every other byte too. Nothing in the safe interface depends on
//! its good will. Four calls lend references into the region and are therefore `unsafe`:
//! [`Record::as_slice`], [`Record::as_value`], [`Reservation::as_mut_slice`] and [`Reservation::as_uninit`];
//! beside each is one that copies. [What is promised, and why](guide::trust).
//!
//! # When not to use it
//!
//! For several producers or consumers of one queue, between threads of one process, or between
//! machines there are better things.
#![deny(unsafe_code)]

#[cfg(not(target_os = "linux"))]
compile_error!("shm-ring needs Linux: futexes, memfd, OFD locks");

mod attachment;
mod consumer;
mod error;
pub mod guide;
mod item;
mod latest;
mod mapping;
mod observer;
mod options;
mod peer;
mod producer;
mod protocol;
mod region;
mod ring;
mod role;

#[cfg(shm_ring_steps)]
#[doc(hidden)]
pub use self::protocol::steps;
pub use self::{
    consumer::{
        AnyConsumer, Consumer, Iter, Message, MessageConsumer, MessageView, Messages, StreamReader,
        TryIter, View, WAIT_ANY_MAX, WaitAnyError, wait_any,
    },
    error::{BatchError, Error, OutOfBounds, PopError, Property, PushError},
    item::Item,
    latest::{Latest, LatestReader, LatestWriter, ReadError},
    observer::{Contents, Dump, DumpError, Observer, SideSnapshot, Snapshot, Unread},
    options::{Options, Threshold, Wait},
    peer::Peer,
    producer::{MessageProducer, MessageReservation, Producer, Reservation, StreamWriter},
    region::Region,
    ring::{MessageRing, Ring},
    role::Role,
};
