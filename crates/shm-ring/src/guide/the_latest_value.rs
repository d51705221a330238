// Owns: the guide's page on `Latest`. Knows nothing of: rings.

//! One value that is replaced again and again, and read by anybody: how it works, how many slots, each value in order as a
//! broadcast, what a death leaves.
//!
//! # When
//!
//! A ring hands over each record once, to one reader, and a producer waits when it is full. Where nobody wants
//! what has been overtaken (a position, a price, a count, the state of a machine), and many may want to look, a
//! [`Latest`](crate::Latest) is the better thing: its writer never waits, its readers never disturb it or each
//! other, and each of them has the newest value or one that is newer than what it read before.
//!
//! ```
//! use shm_ring::{Latest, Options, Region};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let pose = Latest::<[f64; 6]>::create(Region::memfd("pose"), &Options::new().items(16))?;
//! let mut writer = pose.writer()?;
//! let mut readers = [pose.reader()?, pose.reader()?];
//! for n in 0..1000 {
//!     writer.write([n as f64; 6]);
//! }
//! for reader in &mut readers {
//!     assert_eq!(reader.read()?, [999.0; 6]);
//!     assert_eq!(reader.version(), 1000);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # How a copy is known to be whole
//!
//! The value is in several slots, which the writer fills in turn, and one word says how many values have
//! been published: the latest is in the slot of that number. A reader loads the word, copies the slot, and
//! loads the word again. As long as the writer has not begun to fill the same slot anew, which it cannot have
//! unless it has published all slots but one meanwhile, the copy is whole. Otherwise the reader starts again,
//! 64 times at most: then [`read`](crate::LatestReader::read) ends with
//! [`ReadError::Overrun`](crate::ReadError::Overrun), and never with something torn.
//!
//! The value is copied by atomic words, or by a block of assembly into which the compiler cannot see, so that a
//! copy that comes to nothing is no data race either. Everything before a write has happened before a read
//! that returns its value.
//!
//! # How many slots
//!
//! Eight, unless [`Options::items`](crate::Options::items) or [`Options::bytes`](crate::Options::bytes) ask for
//! more; at least four; each a power of two of at least 128 bytes. A reader of eight starts again only if seven values
//! are published during one copy. With a writer that goes on without a pause that can happen: a value takes as long
//! to write as to copy, so a reader that is interrupted for the length of a few writes is overtaken. Slots are
//! cheap, and each more is one more write that a reader may be put aside for: a writer that writes every
//! microsecond and a reader that is put aside for a millisecond want a thousand. It only ever costs the reader
//! another copy.
//!
//! # Each value in order
//!
//! The values before the latest are still in their slots, so a reader may as well take each of them: one writer, many
//! readers, and nobody waits for anybody. People know that as a broadcast. [`Options::history`](crate::Options::history)
//! says how many values are kept at least, and [`Latest::history`](crate::Latest::history) how many there are: all slots
//! but the one that the writer may be writing.
//!
//! ```
//! use shm_ring::{Latest, NextError, Options, Region};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let ticks = Latest::<u64>::create(Region::memfd("ticks"), &Options::new().history(1000))?;
//! let mut writer = ticks.writer()?;
//! let mut reader = ticks.reader()?;
//! (1..=5000).for_each(|n| writer.write(n));
//! let (mut taken, mut lost) = (0, 0);
//! loop {
//!     match reader.try_next() {
//!         Ok(tick) => {
//!             taken += 1;
//!             assert_eq!(tick, taken + lost);
//!         }
//!         Err(NextError::Lagged(ticks)) => lost += ticks,
//!         Err(NextError::Empty) => break,
//!         Err(error) => return Err(error.into()),
//!     }
//! }
//! assert_eq!(taken + lost, 5000);
//! # Ok(())
//! # }
//! ```
//!
//! | what | how |
//! |---|---|
//! | where a new reader begins | with the first value written after it attached; [`start_at_oldest`](crate::LatestReader::start_at_oldest) lets it begin with the oldest that is kept |
//! | the calls | [`try_next`](crate::LatestReader::try_next), [`next`](crate::LatestReader::next), which waits, [`next_timeout`](crate::LatestReader::next_timeout); `try_next_into` and `next_into` for large values |
//! | nothing newer | `try_next` answers `Empty`; the others wait, and answer `Closed` or `WriterDead` once everything was taken |
//! | too slow | `Lagged(n)`, once: n values are lost. The next call goes on behind them |
//! | `read` and `next` together | one count: `read` jumps to the newest value, and `next` goes on behind it. Values that it jumps over do not count as lost |
//! | the next writer | goes on in the same count, so a reader that follows it notices nothing |
//!
//! A reader that lags goes on in the middle of what is kept and not at its oldest value. There the writer's next value would
//! overtake it again, so that a reader which is only a little too slow would lag at every other call. From
//! the middle it has half of the history in hand, and in the long run it loses no more: how many values are lost is the
//! writer's pace less the reader's. `start_at_oldest` after a lag goes back to what is left.
//!
//! How long a history must be: as many values as are written while the slowest reader is put aside, and twice that for a
//! reader that shall not lag a second time. A history needs memory alone; it costs the writer nothing.
//!
//! # Waiting for a newer one
//!
//! [`read_newer`](crate::LatestReader::read_newer) waits until there is a value that this reader has not read.
//! Nobody knows of the readers, so `write` wakes nobody and makes no system call: a reader that sleeps looks by
//! itself once a millisecond, and the writer may spend one system call to wake all of them at once
//! ([`notify`](crate::LatestWriter::notify)), after each write, after each tenth, or never.
//!
//! # When the writer goes away
//!
//! | killed | readers have | the next writer |
//! |---|---|---|
//! | before it stores the count of a value | the value before, whole | writes that number anew, into the same slot |
//! | after | that value | goes on behind it |
//! | while it attaches or closes | the last value | attaches |
//!
//! The value stays when the writer has closed or died: [`read`](crate::LatestReader::read) goes on returning it,
//! [`writer`](crate::LatestReader::writer) says who wrote it and what became of them, and
//! [`read_newer`](crate::LatestReader::read_newer) ends with [`Closed`](crate::ReadError::Closed) or
//! [`WriterDead`](crate::ReadError::WriterDead). The lock on the role is freed by the kernel, and whoever takes it
//! next continues the count.
//!
//! # Who may do what
//!
//! Readers open and map the region for reading alone: give others the right to read it
//! ([`Options::mode`](crate::Options::mode), 0640 for a group) or hand them a descriptor of a file that is open for
//! reading, and they can have the value and spoil nothing. (A memfd's descriptor lets its receiver write, whatever it is open
//! for.) With a lock for reading they can keep the next writer from its role: see [trust](super::trust). A reader must trust
//! its writer only for what the value says: a count that goes back or cannot be is
//! [`Corrupt`](crate::ReadError::Corrupt), permanently; a read ends after its 64 copies whatever is written meanwhile, and
//! nothing outside the region is touched. A writer reads nothing back but the count, once, when it attaches.
//!
//! [`Observer`](crate::Observer) and `shm-ring stat` look at it from outside: how often it was written, by whom,
//! and what it is ([`dump`](crate::Observer::dump)).
//!
//! Next: [when the other side goes away](super::when_the_other_side_goes_away).
