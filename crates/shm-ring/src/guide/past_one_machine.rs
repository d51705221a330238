// Owns: the guide's page on rings that continue on another machine. Knows nothing of: how the bridge does it.

//! Past one machine: what a bridge promises, what the server between adds and takes away, and when a broker is the
//! better choice.
//!
//! Two programs that share a ring share memory, and so a machine. `shm-ring-bridge` (`crates/shm-ring-bridge`) carries
//! a ring to a ring on another machine, through NATS JetStream:
//!
//! ```console
//! here$  shm-ring-bridge source ticks --nats nats://broker:4222
//! there$ shm-ring-bridge sink ticks --nats nats://broker:4222
//! ```
//!
//! Neither program changes. The producer here pushes into a ring, and waits if that is full; the consumer there pops
//! from one. Each goes on at memory speed while the other side, the network or the server is away, as long as its ring
//! has room or records.
//!
//! # What is promised
//!
//! Every record that the producer has published comes into the ring there once and in order, whichever of the processes
//! are killed meanwhile, the server among them, and however often. Positions make that possible: they count bytes since
//! the ring was made, survive any kill, and the ring there has the same ones. So its tail says which records it has,
//! and no other store is needed that could disagree with it. The source keeps a record in the ring here until the ring
//! there has it, the same way as a consumer of its own that releases what it has stored:
//!
//! ```
//! use shm_ring::{Options, Ring};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (mut tx, mut rx) = Ring::<u64>::pair(&Options::new())?;
//! let (mut there, _reader) = Ring::<u64>::pair(&Options::new())?;
//! tx.push_slice(&[1, 2, 3])?;
//! // Whatever was sent before: the tail there says what is new.
//! let known = ((there.position() - rx.position()) / 8) as usize;
//! for value in rx.peek(100)?.iter().skip(known) {
//!     there.push(value)?;
//! }
//! rx.release_to(there.position())?;
//! assert!(rx.is_empty());
//! # Ok(())
//! # }
//! ```
//!
//! A ring that is not the one it was, on either side, is refused: positions of one ring say nothing of another.
//!
//! # What the server does
//!
//! It holds what is on its way, in a stream with a limit, and gives it to a sink that comes back. Nothing depends on
//! its holding it: a stream that is deleted, or that a server loses, is sent again from the ring here.
//!
//! JetStream acknowledges a message when it has written it to its file, not when that has reached the disk: it asks for
//! that every two minutes unless `sync_interval` says otherwise. A server that is killed loses nothing by it. One that
//! loses power may lose what it had acknowledged, and with a broker alone that is lost. Here the source holds it still.
//!
//! Memory cannot be given back: if a *machine* fails, its ring is gone. On the source's machine that is what
//! had not been sent, on the sink's what had not been read. A region in a file survives a restart of the machine
//! with what the kernel had written back ([regions](super::regions)).
//!
//! # When to use a broker instead
//!
//! - For several producers or consumers of one stream, for subjects, and for messages that are kept for later readers: brokers
//!   have these, and a bridge has one ring at each end.
//! - Where records must survive the loss of a machine: publish them to the broker's cluster, with replicas, before they
//!   count as done.
//! - Where the two sides are on one machine only sometimes: a program that speaks to the broker itself has one way to think of,
//!   and pays for the network always.
//!
//! A ring with a bridge fits where programs on one machine need its speed and patience anyway, and one of the streams
//! has to reach another machine whole.
