//! What lies where in a region, and why. The bytes themselves are in `LAYOUT.md` of the repository, which is
//! enough to write a peer in another language; a golden image in the test suite pins them.
//!
//! # Four parts, one writer each
//!
//! | part | size | written by | holds |
//! |---|---|---|---|
//! | identity | a page | the creator, before anyone can open it | what the ring is: version, page size, kind and size of items, schema, label, capacity, a random id |
//! | producer | a page | the producer | its position, where it wants to be woken, its bell, its session, counters |
//! | consumer | a page | the consumer | the same of the consumer |
//! | data | the capacity | the producer | records |
//!
//! A page is the smallest thing that the hardware can protect, and that is why each part is made of whole
//! pages: either side maps what it does not write read-only. A consumer that goes wild gets a fault of its own
//! instead of changing a record. And since every word has one writer, nothing is ever updated by both sides:
//! there is no lock that a dead process could leave locked, and nothing to repair.
//!
//! Words that change often stand alone on lines of 128 bytes, so that two of them never travel between
//! processors together.
//!
//! # Records
//!
//! Data is a row of records. Each begins with a *commit word* of 8 bytes, which holds the length of the payload
//! and a mark of the position; payload follows. A record exists from the moment its commit word is stored, and
//! not a moment before: that is one store, so a producer killed at any instruction leaves whole records and
//! nothing else. The place of the next commit word is zero by then, and the zero says: nothing here yet.
//!
//! So a record of a `u64` takes 16 bytes, and a message takes 8 bytes more than it has, filled up to a multiple
//! of 8. Eight bytes of the ring stay free for the zero:
//!
//! ```
//! use shm_ring::{Options, Region, Ring};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let ring = Ring::<u64>::create(Region::memfd("records"), Options::new().bytes(4096))?;
//! assert_eq!(ring.producer()?.capacity(), (4096 - 8) / 16);
//! let ring = Ring::<[u8]>::create(Region::memfd("records"), Options::new().bytes(4096))?;
//! assert_eq!(ring.producer()?.max_len(), 4096 - 16);
//! # Ok(())
//! # }
//! ```
//!
//! An item with an alignment above 8 pays for it: records start at multiples of it, and the payload stands that
//! far behind the start. A type aligned to 64 bytes and as large takes 128.
//!
//! # No record wraps
//!
//! Each side maps the data twice, one map behind the other. A record that starts near the end of the first goes
//! on in the second, which is the start of the same memory. So every record is one piece: it can be copied by
//! one copy and lent as one slice, and a message may be as long as the ring. The price is address space (twice
//! the capacity) and page table entries, not memory.
//!
//! # Positions
//!
//! Positions count bytes from 0 and never start over; the place in the data is the position modulo the
//! capacity, which is a power of two. `tail`, where the producer publishes next, is never behind `head`, where
//! the consumer reads next, and never more than the capacity ahead. Both sides check that of what the other
//! says.
//!
//! The consumer does not look at `tail`: it looks at the place of the next commit word, and so gets the word,
//! the payload and the news that there is something by moving the same lines between processors. `tail` is
//! there for the next producer and for those who watch.
//!
//! # Checked when opened
//!
//! Who opens a ring copies the identity, checks every field of the copy, and never reads it again. Two programs
//! that disagree about what is inside are told so, with both values:
//!
//! ```
//! use shm_ring::{Consumer, Error, Options, Producer};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let name = &format!("/shm-ring-doc-layout-{}", std::process::id());
//! let options = Options::new().label("ticks v1").unlink_on_drop();
//! let tx = Producer::<[u64; 2]>::create(name.as_str(), options)?;
//! let error = Consumer::<[u64; 2]>::open_with(name.as_str(), Options::new().label("ticks v2"));
//! assert!(matches!(error, Err(Error::Incompatible { .. })));
//! let error = Consumer::<u64>::open_with(name.as_str(), Options::new().label("ticks v1"));
//! assert!(error.unwrap_err().to_string().contains("item size 16 and we want 8"));
//! # Ok(())
//! # }
//! ```
//!
//! Sizes and alignments cannot tell two types of the same size apart. That is what
//! [`Options::label`](crate::Options::label) and [`Options::schema`](crate::Options::schema) are for: give them
//! and change them with the meaning of the items.
//!
//! Next: [what the other side has seen](super::ordering).
