//! How large, how long, how many, and on what systems.
//!
//! # Sizes
//!
//! | what | limit |
//! |---|---|
//! | capacity | a power of two, from a page to 2^44 bytes; what is asked for is rounded up |
//! | address space | for each attachment twice the capacity and a few pages |
//! | an item | 2^32 - 16 bytes, aligned to at most a page |
//! | a message | the capacity less 16 bytes (less two alignments, if items need one above 8), at most 2^32 - 16 bytes |
//! | a label | 64 bytes of UTF-8 |
//! | a name | one component of up to 255 bytes under `/dev/shm` |
//!
//! [`Producer::max_len`](crate::Producer::max_len) and [`Producer::capacity`](crate::Producer::capacity) say
//! what came of it:
//!
//! ```
//! use shm_ring::{Options, PushError, Region, Ring};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let ring = Ring::<[u8]>::create(Region::memfd("limits"), Options::new().bytes(5000))?;
//! assert_eq!(ring.capacity_bytes(), 8192);
//! let mut tx = ring.producer()?;
//! assert_eq!(tx.max_len(), 8176);
//! assert_eq!(tx.push(&[0; 8177]), Err(PushError::TooLarge { len: 8177, max: 8176 }));
//! # Ok(())
//! # }
//! ```
//!
//! A message of nearly the ring's length can be published only when the ring is empty, so that the two sides
//! take turns. For a stream make the ring several times the longest message.
//!
//! # Positions
//!
//! Positions count every byte that ever went through the ring, commit words included, and end at 2^62. At ten
//! gigabytes a second that is more than fourteen years. The producer that gets there gets `Corrupt`, for good;
//! the consumer takes what was published before; create the ring anew. The number of a session goes up by two
//! with each attachment and has 64 bits.
//!
//! # How many
//!
//! - One producer and one consumer at a time for each ring; any number one after another. Two of a kind are
//!   refused by [`Error::RoleTaken`](crate::Error::RoleTaken), across processes, containers and threads. Many
//!   to one is many rings and [`wait_any`](crate::wait_any).
//! - [`WAIT_ANY_MAX`](crate::WAIT_ANY_MAX) rings in one `wait_any`.
//! - Each attachment holds two descriptors: the region's, shared by all handles of one [`Ring`](crate::Ring),
//!   and its lease's. And about six mappings of the 65530 that a process has by default (`vm.max_map_count`).
//! - The kernel gives notice of the deaths of at most 2048 attachments of one process. Those beyond are found
//!   dead after a slice of 100 ms.
//!
//! # Processes
//!
//! - A role belongs to the process that took it. A forked child may drop the copy that it inherits, and must
//!   not use it. Fork first and attach afterwards, as the `fork` example does.
//! - A child that neither execs nor exits keeps a copy of its parent's descriptors, and so its parent's roles,
//!   even when the parent dies.
//! - A process that attaches has one thread more, which only sleeps: see
//!   [`Options::death_notice`](crate::Options::death_notice).
//! - Both sides must see the same region: containers need a common `/dev/shm` or a descriptor that is passed.
//!   They need no common pid namespace; no pid decides anything.
//! - `/proc` must be mounted: a region is opened through `/proc/self/fd`, so that what was checked is what is
//!   opened.
//!
//! # Kernels and machines
//!
//! Linux on a 64-bit little-endian processor; x86-64 is tested most, aarch64 under emulation. Both sides need
//! the same page size. What is used if it is there, and what happens if not:
//!
//! | since | what | without it |
//! |---|---|---|
//! | 3.11 | `O_TMPFILE` | a temporary name and a rename; a kill in between leaves that name (`.shm-ring-*.tmp`) |
//! | 3.15 | open file description locks | cannot attach |
//! | 3.17 | `memfd_create`, `getrandom` | cannot create |
//! | 4.16 | `membarrier`, expedited, for all who registered | each push runs a full fence |
//! | 5.14 | `MADV_POPULATE_*` | [`Options::prefault`](crate::Options::prefault) reads a word of each page instead |
//! | 5.16 | `futex_waitv` | deaths are found after a slice; `wait_any` looks every millisecond |
//! | 6.3 | `MFD_NOEXEC_SEAL` | memfds are made without it |
//!
//! A sandbox that refuses `membarrier` or `futex_waitv` counts as a kernel without it.
//!
//! # File systems
//!
//! A region needs a file system on which files can be mapped shared and locked (tmpfs, and the usual ones on
//! disks). Both sides must run under one kernel: two machines that mount the same network file system share a
//! file and no memory.
//!
//! # Time
//!
//! A `push` or `pop` that finds room or a record takes a bounded number of steps, whatever the other side does.
//! A waiting call ends when its condition, its deadline or the other side's end does; the deadline is kept to
//! what the scheduler allows. A process that attaches as producer steps over at most one ring of records.
