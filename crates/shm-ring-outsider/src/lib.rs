//! An outsider's knowledge of regions: it reads, builds and judges them by LAYOUT.md (version 2) alone. Tests,
//! campaigns and fuzzing ask it what the library should have done.
//!
//! Owns: the words, records and rules of LAYOUT.md, worked out a second time.
//! Knows nothing of: the library `shm-ring`, on which it must never depend.
//!
//! - [`Word`], [`Side`] and the constants say where each word is.
//! - [`Header`] parses and builds headers, and knows the arithmetic of records.
//! - [`Region`] and [`Writable`] reach the bytes: of an image (`[u8]`), by a [`Descriptor`] or by a [`Mapping`].
//! - [`judge`] and [`judge_latest`] check what a region at rest holds, after a kill at any instruction.
//! - [`fresh`], [`lay`], [`publish`], [`start_at`], [`poison`] and [`lay_version`] build regions.
//! - [`Tail`] and [`Head`] say what a producer and a consumer must answer, whatever the words hold.
//! - [`Producer`] and [`Consumer`] are peers that run the protocol, but never sleep.
//! - [`wild_positions`], [`wild_record_headers`] and [`wild_headers`] are what a hostile peer writes.
//! - [`Ends`] says which end of the other side a side must be told of.
//! - [`Lease`] and [`life`] know the locks and what they mean.

#![deny(unsafe_code)]

mod attached;
mod changes;
mod consumer;
mod ends;
mod front;
mod head;
mod header;
mod judge;
mod kernel;
mod latest;
mod lay;
mod lease;
mod opener;
mod producer;
mod record;
mod region;
mod reserved;
mod side;
mod tail;
mod violation;
mod wild;
mod words;

pub use attached::pid_namespace;
pub use changes::{changes, follows, follows_latest, name};
pub use consumer::{Consumer, Corrupt};
pub use ends::{End, Ends};
pub use head::{Head, Look};
pub use header::{FIELDS, Field, HEADER, Header, Kind};
pub use judge::{Record, Ring, judge, read};
pub use kernel::Mapping;
pub use latest::{Latest, Next, Reader, judge_latest, version};
pub use lay::{fresh, lay, lay_version, poison, publish, start_at};
pub use lease::{Lease, Life, life, lock_on};
pub use producer::{Producer, PushError};
pub use record::{
    CAPACITY_MAX, FRONT_MESSAGE_MAX, LEN_MAX, NO_FRONT, message_len, pack, record_header, unpack,
};
pub use region::{Descriptor, Region, Writable, cells};
pub use side::{SideWords, Start};
pub use tail::{Room, Tail};
pub use violation::{Rule, Violation};
pub use wild::{wild_headers, wild_positions, wild_record_headers, wild_versions};
pub use words::{
    BELL, DIED, DROPPED, FENCE_MODE, FRONT, FRONT_BYTES, HIGH_WATER, HINT, LIVENESS, NEVER, PID,
    PID_NAMESPACE, POSITION, POSITION_END, SESSION, SLEEPS, START_BYTES, STARTS, Side, TOLD, WAITS,
    WAKE_AT, WAKES_SENT, Word, consumer, data, page, producer,
};
