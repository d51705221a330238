// Owns: the front page of the documentation, and what is public. Knows nothing of: how anything is done.

//! A lock-free single-producer single-consumer ring between two processes over shared memory, for Linux. Neither side
//! makes a system call while both are busy, and an idle side sleeps on a futex. When one side is killed or restarted, the other
//! loses nothing that was published. When one is buggy or hostile, the other neither hangs nor misbehaves: see
//! [trust](guide::trust).
//!
//! # Start here
//!
//! The [guide] explains what belongs to no single type: [where memory comes from](guide::regions), [how a side
//! waits](guide::waiting) and [which policy to choose](guide::latency), [what happens when the other side goes
//! away](guide::when_the_other_side_goes_away), [services and containers](guide::services), [trust](guide::trust),
//! [limits](guide::limits). To write a first program, read [two processes](#two-processes) below, then
//! [`Producer::push`] and [`Consumer::pop`].
//!
//! # What it promises
//!
//! - Every published record is read whole, in order and once, across kills and restarts of either side in place. `pop` delivers
//!   at most once, `peek` and `release` at least once.
//! - A waiting side learns that the other closed or died, and takes everything that was published first. The kernel reports
//!   a death, usually within a millisecond; where it cannot, the waiting side finds out within a tenth of a second
//!   ([`Options::death_notice`]).
//! - Wild values from the other side are `Corrupt`, permanently: never a panic, an access outside the region, or a loop
//!   without end. Each side maps what the other owns read-only.
//! - One producer and one consumer, across processes, containers and threads.
//!
//! # What it does not do
//!
//! - It keeps no secrets between the two sides: each can read all of the region.
//! - It does not make delivery exactly once: a consumer that is killed has lost what it had popped and not used, or sees
//!   again what it had not released.
//! - It does not keep records for anyone but the one consumer, nor beyond the memory that they are in.
//! - It knows no types beyond size, alignment and the label that you give: what the bytes mean is for both sides to agree
//!   on.
//!
//! # Two processes
//!
//! One opens the ring, creates it if it is not there, and publishes:
//!
//! ```no_run
//! use shm_ring::{Options, Producer};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut tx = Producer::<[u64; 2]>::open_or_create("/ticks", &Options::new().items(4096))?;
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
//! Call `open_or_create` with the same options on both sides if either may start first. The name stays until it is removed
//! ([`Region::unlink_unused`], [`Options::unlink_on_drop`]). Programs to run and to copy from are in `crates/shm-ring/examples`,
//! beginning with `hello`.
//!
//! # The nouns
//!
//! A [`Region`] says where the memory comes from: a name, a file, a memfd, a received descriptor
//! ([more](guide::regions)). A [`Ring`] is a region of values whose header checks out, a [`MessageRing`] one of messages
//! ([what lies where](guide::layout)). It has one producer and one consumer; each is a role, held by a lock that the kernel
//! frees when its holder dies. [`Options`] say what a new ring is like, and [`Wait`] how a side waits. [How large, how
//! many](guide::limits). [`Clock`] is the time for stamps that the other side compares.
//!
//! | | values of one size | values of a size known at run time | messages of any length |
//! |---|---|---|---|
//! | what crosses | an [`Item`]: `Ring<Tick>` | bytes that an [`ItemLayout`] describes | bytes |
//! | handle | [`Ring`] | [`UntypedRing`] | [`MessageRing`] |
//! | ends | [`Producer`], [`Consumer`] | [`UntypedProducer`], [`UntypedConsumer`] | [`MessageProducer`], [`MessageConsumer`] |
//! | written and read in place | [`Reservation`], [`View`]: slices of values | [`UntypedReservation`], [`UntypedView`] | [`MessageReservation`], [`MessageView`] |
//! | as a byte stream | | | [`StreamWriter`], [`StreamReader`] |
//!
//! The first two columns are ends of the same rings: one side may know the type where the other knows its size.
//!
//! # Values
//!
//! Values lie in the ring like the items of an array, and `items(n)` holds exactly `n`. They are pushed and popped one by
//! one, as iterators, as slices, or in place:
//!
//! ```
//! use shm_ring::{Options, Region, Ring};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let ring = Ring::<u64>::create(Region::memfd("numbers"), &Options::new().items(1000))?;
//! let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
//! tx.push(1)?;
//! tx.push_slice(&[2, 3])?; // both exist at once
//! let mut room = tx.reserve(2)?;
//! room.write(0, &4);
//! room.commit(1);
//!
//! assert_eq!(rx.pop()?, 1);
//! let view = rx.peek(100)?; // as many as are there
//! assert_eq!(view.iter().collect::<Vec<_>>(), [2, 3, 4]);
//! view.release(3);
//! # Ok(())
//! # }
//! ```
//!
//! # Messages
//!
//! ```
//! use shm_ring::{MessageRing, Options, Region};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let ring = MessageRing::create(Region::memfd("log"), &Options::new().bytes(1 << 20))?;
//! let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
//! tx.push(b"of any length")?;
//! let mut line = Vec::new();
//! rx.pop_into(&mut line)?;
//! assert_eq!(line, b"of any length");
//! # Ok(())
//! # }
//! ```
//!
//! A batch costs one look at a sleeper and one store of a position. One that a consumer takes may stop in the middle
//! ([`Flow`]), and one that must not be torn is published by [`Producer::try_push_all`]. If the two sides share
//! more than the ring, read [ordering](guide::ordering).
//!
//! # Waiting
//!
//! `try_` calls never wait. The plain call blocks until it succeeds or the peer is gone; `_timeout` blocks for at most the
//! given time. [`Wait`] says whether a waiting side spins, yields or sleeps, and [`Threshold`] how much a consumer wants to
//! be woken for; [`wait_any`] lets one thread serve many rings. [What each costs](guide::waiting).
//!
//! # The latest value
//!
//! Where only the newest value counts, a [`Latest`] has one writer and any number of readers, which need nothing but the
//! right to read the region. Nobody waits for anybody, and a read is never torn. Readers that want each value take them in
//! order, as a broadcast, and learn what they lost ([more](guide::the_latest_value)):
//!
//! ```
//! use shm_ring::{Latest, Options, Region};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let speed = Latest::<[f64; 2]>::create(Region::memfd("speed"), &Options::new())?;
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
//! whether they live, how often they waited ([`Observer::snapshot`]), and what has not been read yet ([`Observer::dump`]).
//! [`list`] finds all rings that have a name. An end has its own figures: [`Producer::stats`].
//!
//! # When the other side goes away
//!
//! [`Producer::peer`] and [`Consumer::peer`] return whether it is absent, alive, closed or dead ([`Peer`]). Closed and dead
//! are not final: another process may take the role and the ring goes on ([`Consumer::wait_for_peer`]). `pop` ends with
//! [`PopError::Closed`] or [`PopError::PeerDead`] once everything was read; `push` ends with their counterparts only when
//! the ring is full. A side that had gone before an end attached is not reported to it: it waits for the next one, unless it
//! asks for [`Ends::OfStream`]. [What a death leaves behind, at any instruction](guide::when_the_other_side_goes_away).
//!
//! # Trust
//!
//! The other side may be buggy or hostile: it can write, at any moment, every byte that it maps for writing and, through
//! its own descriptor, every other byte too. Nothing in the safe interface depends on its good will. Four calls lend slices
//! of the region and are therefore `unsafe`: [`View::as_slice`], [`Message::as_slice`], [`Reservation::as_uninit`] and
//! [`MessageReservation::as_mut_slice`]; beside each is one that copies. [`UntypedView::as_ptr`],
//! [`UntypedReservation::as_mut_ptr`], [`Message::as_ptr`] and [`MessageReservation::as_mut_ptr`] return an address, for code
//! in other languages, which must keep the same rule. [What is promised, and why](guide::trust).
//!
//! # When not to use it
//!
//! For several producers or consumers of one queue, or between threads of one process, there are better things. Between machines
//! a ring needs a bridge, or you a broker: [past one machine](guide::past_one_machine).
#![deny(unsafe_code)]

#[cfg(not(target_os = "linux"))]
compile_error!("shm-ring needs Linux: futexes, memfd, OFD locks");

// The program of README.md compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod attachment;
mod clock;
mod consumer;
mod error;
pub mod guide;
mod item;
mod latest;
mod mapping;
mod observer;
mod options;
mod peer;
mod process;
mod producer;
mod protocol;
mod region;
mod ring;
mod role;
mod stats;

#[doc(hidden)]
pub use self::error::AtHand;
#[cfg(shm_ring_steps)]
#[doc(hidden)]
pub use self::protocol::steps;
pub use self::{
    attachment::arming::{Armed, arm, disarm, is_armed, spins, stay_away, take_interrupt},
    attachment::interrupt::Interrupt,
    attachment::wait_any::{AnyEnd, AwaitedPeer, WAIT_ANY_MAX, WaitAnyError, wait_any},
    clock::Clock,
    consumer::{
        Consumer, Flow, Iter, Message, MessageConsumer, MessageView, Messages, StreamReader,
        TryIter, UntypedConsumer, UntypedView, View,
    },
    error::{BatchError, Error, OutOfBounds, PopError, Property, PushError},
    item::{Item, ItemLayout},
    latest::{
        Latest, LatestReader, LatestWriter, NextError, ReadError, UntypedLatest,
        UntypedLatestReader, UntypedLatestWriter,
    },
    observer::{
        Contents, Dump, DumpError, Listed, Observer, SideSnapshot, Snapshot, Unread, Watch, list,
    },
    options::{Ends, Options, Threshold, Wait},
    peer::Peer,
    process::Process,
    producer::{
        MessageProducer, MessageReservation, Producer, Reservation, StreamWriter, UntypedProducer,
        UntypedReservation,
    },
    region::Region,
    ring::{MessageRing, Ring, UntypedRing},
    role::Role,
    stats::Stats,
};
