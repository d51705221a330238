// Owns: the guide's page on what lies where, and why. Knows nothing of: byte offsets (LAYOUT.md), orderings (ordering.rs).

//! The parts of a region, and the reasons for them. The bytes themselves are in `LAYOUT.md` of the repository. That file is enough
//! to write a peer in another language, and golden images in the test suite pin it.
//!
//! # Four parts, one writer each
//!
//! | part | size | written by | holds |
//! |---|---|---|---|
//! | header | a page | the creator, before anyone can open it | what the ring is: version, page size, kind and size of items, schema, label, capacity, limit, a random id |
//! | producer | a page | the producer | its position, the front, where it wants to be woken, its bell, its session, counters |
//! | consumer | a page | the consumer | its position, where it wants to be woken, the hint, its bell, its session, counters |
//! | data | the capacity | the producer | records |
//!
//! A page is the smallest thing that the hardware can protect. Each part is therefore made of whole pages, and each side
//! maps what it does not write read-only. A consumer that goes wild gets a fault of its own instead of changing a
//! record. Since every word has one writer, no word is ever updated by both sides: there is no lock that a dead process
//! could leave locked, and nothing to repair.
//!
//! Words that change often stand alone on lines of 128 bytes, so that two of them never travel between processors
//! together.
//!
//! # Records
//!
//! **Values** lie in the data like the items of an array, with nothing between them. A `u64` takes 8 bytes, and
//! [`Options::items(n)`](crate::Options::items) holds exactly `n`. Any run of unread values is one slice.
//!
//! A side may know the type of the values, or only their size, alignment and schema id
//! ([`UntypedProducer`](crate::UntypedProducer), [`UntypedConsumer`](crate::UntypedConsumer)): the bytes are the same, and the
//! other side cannot tell. An error that a type gets when it is compiled, an [`ItemLayout`](crate::ItemLayout) is refused
//! for when a ring is created or opened.
//!
//! **Messages** have a header of 8 bytes in front, which holds the length and a check of the position. Payloads start at
//! multiples of 8, or of [`Options::align`](crate::Options::align); the header then takes as many bytes.
//!
//! ```
//! use shm_ring::{MessageRing, Options, Region, Ring};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let ring = Ring::<u64>::create(Region::memfd("values"), &Options::new().items(3))?;
//! assert_eq!(ring.producer()?.capacity(), 3);
//! assert_eq!(ring.limit_bytes(), 3 * 8);
//! let ring = MessageRing::create(Region::memfd("messages"), &Options::new().bytes(4096))?;
//! assert_eq!(ring.producer()?.max_len(), 4096 - 8);
//! let options = Options::new().bytes(4096).align(64);
//! let ring = MessageRing::create(Region::memfd("aligned"), &options)?;
//! assert_eq!(ring.producer()?.max_len(), 4096 - 64);
//! # Ok(())
//! # }
//! ```
//!
//! # Only `tail` says what exists
//!
//! Positions count bytes from 0 and never start over; the place in the data is the position modulo the capacity. The
//! producer publishes next at `tail`, the consumer reads next at `head`. A record exists from the moment `tail` passes
//! it, by one store, and nothing in the data says so a second time. So a producer killed at any instruction leaves whole
//! records and nothing else: bytes behind `tail` never existed. The next side to attach continues from its own position
//! and scans nothing.
//!
//! # Limit and capacity
//!
//! `tail` is never more than the *limit* ahead of `head`. The limit is what the creator asked for, to the byte. The
//! *capacity*, the size of the data, is the next power of two, at least a page: it serves to find a place by a mask and
//! to map whole pages, and nothing else. "Full", "half" and every threshold count from the limit.
//!
//! ```
//! use shm_ring::{Observer, Options, Region, Ring};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let ring = Ring::<[u8; 48]>::create(Region::memfd("limit"), &Options::new().items(100))?;
//! let fd = ring.descriptor().try_clone_to_owned()?;
//! let snapshot = Observer::open(Region::descriptor(fd))?.snapshot();
//! assert_eq!((snapshot.limit, snapshot.capacity), (4800, 8192));
//! # Ok(())
//! # }
//! ```
//!
//! # No record wraps
//!
//! Each side maps the data twice, one map behind the other. A record that starts near the end of the first continues in
//! the second, which is the start of the same memory. Every record, and every run of records, is therefore one piece: it
//! can be copied by one copy and lent as one slice, and a message may be as long as the limit. The price is address space
//! (twice the capacity) and page table entries, not memory.
//!
//! # The front
//!
//! A processor moves memory by lines. A consumer that waits for one record needs the line with `tail`, to learn that
//! there is one, and then the line with the record. So the producer keeps a copy of the newest record beside `tail`, on
//! the same line, if it is short: a value of up to 56 bytes, or a message of up to 48. This copy is the *front*. In a
//! conversation it saves a transfer for each record.
//!
//! - The highest bit of the word that holds `tail` is the *mark*: while it is set, the front is not to be used. The
//!   producer sets it before it writes the front, and clears it with the new `tail`.
//! - A consumer copies the front and loads the word again. If it is the same whole word, the copy is the record.
//!   Otherwise the consumer reads the data, where the record always is.
//! - A stream gains nothing from the front and would pay for a second copy. The consumer's *hint* says which it is: the
//!   front is wanted after a run of at most one record, and not after a longer one. It is a hint; any value is right.
//!
//! # Checked when opened
//!
//! An opener copies the header, validates every field of the copy, and never reads it from the region again. If two
//! programs disagree about what is inside, the error has both values:
//!
//! ```
//! use shm_ring::{Consumer, Error, Options, Producer};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let name = &format!("/shm-ring-doc-layout-{}", std::process::id());
//! let options = Options::new().label("ticks v1").unlink_on_drop();
//! let tx = Producer::<[u64; 2]>::create(name.as_str(), &options)?;
//! let error = Consumer::<[u64; 2]>::open_with(name.as_str(), &Options::new().label("ticks v2"));
//! assert!(matches!(error, Err(Error::Incompatible { .. })));
//! let error = Consumer::<u64>::open_with(name.as_str(), &Options::new().label("ticks v1"));
//! assert!(error.unwrap_err().to_string().contains("item size 16 and we want 8"));
//! # Ok(())
//! # }
//! ```
//!
//! Sizes and alignments cannot tell two types of the same size apart. [`Options::label`](crate::Options::label) and
//! [`Options::schema`](crate::Options::schema) can: give them, and change them with the meaning of the items.
//!
//! The version of the layout is one of these fields. A side opens only the version that it knows; this release knows
//! version 2. A region of version 1, by release 0.1, is refused: read it out with that release, then remove it
//! (`shm-ring rm --unread`) and create it anew.
//!
//! Next: [what the other side has seen](super::ordering).
