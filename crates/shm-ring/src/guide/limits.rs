// Owns: the guide's page on sizes, counts and systems. Knows nothing of: why the layout is so (layout.rs).

//! How large, how long, how many, and on what systems.
//!
//! # Sizes
//!
//! | what | limit |
//! |---|---|
//! | room of a ring | exactly what is asked for: [`items(n)`](crate::Options::items) holds `n`, [`bytes(n)`](crate::Options::bytes) `n` bytes of records; at most 2^44 bytes |
//! | memory | the room rounded up to a power of two, at least a page, and three pages |
//! | address space | for each attachment twice that power of two, and a few pages |
//! | an item | 1 to 2^32 - 16 bytes, aligned to at most a page; an item of no bytes does not compile |
//! | a message | 0 bytes to the room less 8, the room rounded down to a multiple of 8, at most 2^32 - 16 bytes. Under [`align(a)`](crate::Options::align) with `a` above 8, read `a` for each 8 |
//! | payload alignment of messages | 8 bytes, or what [`Options::align`](crate::Options::align) asks for, up to a page |
//! | a label | 64 bytes of UTF-8 |
//! | a name | one component of up to 255 bytes under `/dev/shm` |
//!
//! [`Producer::capacity`](crate::Producer::capacity) and [`MessageProducer::max_len`](crate::MessageProducer::max_len) say
//! what came of it:
//!
//! ```
//! use shm_ring::{MessageRing, Options, PushError, Region, Ring};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let ring = Ring::<[u8; 5]>::create(Region::memfd("limits"), &Options::new().items(7))?;
//! assert_eq!((ring.producer()?.capacity(), ring.limit_bytes()), (7, 35));
//! let ring = MessageRing::create(Region::memfd("limits"), &Options::new().bytes(5000))?;
//! let mut tx = ring.producer()?;
//! assert_eq!(tx.max_len(), 4992);
//! tx.push(b"")?; // an empty message is a message
//! assert_eq!(tx.push(&[0; 4993]), Err(PushError::TooLarge { len: 4993, max: 4992 }));
//! # Ok(())
//! # }
//! ```
//!
//! A message of nearly the ring's length can be published only when the ring is empty, so that the two sides take turns.
//! For a stream make the ring several times the longest message.
//!
//! # Large items
//!
//! `push(item)`, `pop()` and [`LatestReader::read`](crate::LatestReader::read) move the item by value, through the stack.
//! A thread of Rust's standard library has a stack of 2 MiB, so items of megabytes overflow it, in debug builds sooner.
//! Use [`push_from`](crate::Producer::push_from), [`pop_into`](crate::Consumer::pop_into),
//! [`read_into`](crate::LatestReader::read_into) and a place on the heap, or [`reserve`](crate::Producer::reserve) and
//! [`peek`](crate::Consumer::peek), or messages.
//!
//! A message is popped into a `Vec`. The memory for it is asked for fallibly: if there is none, the call returns
//! [`PopError::NoMemory`](crate::PopError::NoMemory) and the message stays. A ring says itself how long its messages may
//! be; [`Options::max_capacity`](crate::Options::max_capacity) refuses rings that are larger than you expect.
//!
//! # Positions
//!
//! Positions count every byte that ever went through the ring, message headers included, and end at 2^62. At ten
//! gigabytes a second that is more than fourteen years. A producer that gets there gets `Corrupt`, permanently; the
//! consumer takes what was published before; create the ring anew. The number of a session goes up by two with each
//! attachment and has 64 bits.
//!
//! # How many
//!
//! - One producer and one consumer at a time for each ring; any number one after another. Two of a kind are
//!   refused by [`Error::RoleTaken`](crate::Error::RoleTaken), across processes, containers and threads. Many
//!   to one is many rings and [`wait_any`](crate::wait_any).
//! - [`WAIT_ANY_MAX`](crate::WAIT_ANY_MAX) rings in one `wait_any`.
//! - Each attachment holds two descriptors: the region's, shared by all handles of one [`Ring`](crate::Ring),
//!   and its lease's. And about six mappings of the 65530 that a process has by default (`vm.max_map_count`).
//! - The kernel reports the deaths of at most 2048 attachments of one process. Those beyond are found dead after a slice
//!   of 100 ms.
//!
//! # Processes
//!
//! - A role belongs to the process that took it, and a forked child has none of it: see
//!   [children](super::when_the_other_side_goes_away#children). Fork first and attach afterwards, as the `fork` example
//!   does. Each attachment costs each fork a few microseconds in the child.
//! - A process that attaches has one thread more, which only sleeps: see
//!   [`Options::death_notice`](crate::Options::death_notice).
//! - Both sides must see the same region: containers need a common `/dev/shm` or a descriptor that is passed.
//!   They need no common pid namespace; no pid decides anything.
//! - `/proc` must be mounted: a region is opened through `/proc/self/fd`, so that what was checked is what is
//!   opened. A process that may open nothing is sent the description for its role:
//!   [`Ring::descriptor_for_one_role`](crate::Ring::descriptor_for_one_role).
//!
//! # Kernels and machines
//!
//! Linux on a 64-bit little-endian processor; x86-64 is tested most, aarch64 under emulation. Both sides need
//! the same page size. The library uses these where the kernel has them:
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
//! A `push` or `pop` that finds room or a record takes a bounded number of steps, whatever the other side does. A batch of
//! the consumer, and [`Consumer::try_iter`](crate::Consumer::try_iter), end at the `tail` that they saw at their start. A
//! waiting call ends when its condition, its deadline or the other side's end comes; the deadline is kept to what the
//! scheduler allows. Attaching scans nothing: it takes as long for a full ring as for an empty one. It waits up to a tenth of
//! a second for a role whose lock is held while nobody is attached: its holder attaches, closes, dies, or looks whether it
//! may remove the region. So does a removal, and the drop of a last handle under
//! [`Options::unlink_on_drop`](crate::Options::unlink_on_drop). `open_or_create` that finds no room for a region waits for the region, which another process may
//! be making, and tries again: for half a second, and 16 ms for each MiB, at most ten seconds.
