//! Owns: what has been published and not read, copied out from beside both sides. It changes nothing, and comes to an end
//! whatever the sides write meanwhile. Knows nothing of: who the sides are.
//!
//! A record below `tail` is whole if the consumer has not moved past it when it was copied: a producer writes only into
//! room that the consumer has given back. The copy, a fence, and then the head (edge `reuse`): whoever sees the new
//! record in that room also sees the head that freed it, since the producer fences between the two.

use super::Observer;
use super::positions::Positions;
use crate::protocol::record::{header_len, stride};
use crate::protocol::sync::{Ordering, fence};

/// A record that was published and not read when it was copied.
///
/// ```
/// # use shm_ring::{DumpError, Contents, Observer, Options, MessageRing, Peer, Region, Ring};
/// # let ring = MessageRing::create(Region::memfd("doc"), &Options::new())?;
/// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
/// # let fd = ring.descriptor().try_clone_to_owned()?;
/// # let observer = Observer::open(Region::descriptor(fd))?;
/// tx.push(b"first")?;
/// let unread = observer.dump().next().expect("one is there")?;
/// assert_eq!((unread.position, unread.payload), (0, b"first".to_vec()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unread {
    /// Where the record starts.
    pub position: u64,
    /// A copy of its payload.
    pub payload: Vec<u8>,
}

impl core::fmt::Debug for Unread {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Unread")
            .field("position", &self.position)
            .field("len", &self.payload.len())
            .finish_non_exhaustive()
    }
}

/// Why there is no record.
///
/// ```
/// # use shm_ring::{DumpError, Contents, Observer, Options, MessageRing, Peer, Region, Ring};
/// # let ring = Ring::<u64>::create(Region::memfd("doc"), &Options::new())?;
/// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
/// # let fd = ring.descriptor().try_clone_to_owned()?;
/// # let observer = Observer::open(Region::descriptor(fd))?;
/// tx.push(7)?;
/// for found in observer.dump() {
///     match found {
///         Ok(unread) => println!("{unread:?}"),
///         Err(DumpError::Taken { from, to }) => println!("read meanwhile: {from} to {to}"),
///         Err(error) => return Err(error.into()),
///     }
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DumpError {
    /// The consumer took the records in between while we were about to copy them. The dump goes on at
    /// `to`.
    Taken {
        /// Where the first of them started.
        from: u64,
        /// Where the consumer was next.
        to: u64,
    },
    /// The word at `position` is no record of this ring, or a side's position cannot be one. The dump is over.
    Corrupt {
        /// Where it is.
        position: u64,
        /// The word there, or the position that cannot be.
        word: u64,
    },
    /// There is no memory for the record at `position`. The dump goes on behind it.
    NoMemory {
        /// Where it is.
        position: u64,
        /// Bytes of its payload.
        needed: usize,
    },
    /// Of a latest value: the writer came round to the slot in each of the attempts to copy it. The next
    /// dump may do better.
    Overrun,
}

impl core::fmt::Display for DumpError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Taken { from, to } => {
                write!(f, "the consumer took the records from {from} to {to} meanwhile")
            }
            Self::Corrupt { position, word } => write!(
                f,
                "at position {position} is {word:#x}, which cannot be there: some process wrote what \
                 it must not; create the ring anew"
            ),
            Self::NoMemory { position, needed } => {
                write!(
                    f,
                    "there is no memory for the record of {needed} bytes at position {position}"
                )
            }
            Self::Overrun => {
                f.write_str("the writer overwrote the value while it was copied: dump again")
            }
        }
    }
}

impl std::error::Error for DumpError {}

/// The unread records of a ring: [`Observer::dump`].
///
/// ```
/// # use shm_ring::{DumpError, Contents, Observer, Options, MessageRing, Peer, Region, Ring};
/// # let ring = Ring::<u64>::create(Region::memfd("doc"), &Options::new())?;
/// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
/// # let fd = ring.descriptor().try_clone_to_owned()?;
/// # let observer = Observer::open(Region::descriptor(fd))?;
/// tx.push_batch([1, 2, 3])?;
/// assert_eq!(observer.dump().count(), 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Dump<'a> {
    observer: &'a Observer,
    position: u64,
    /// The tail when the dump began: nothing from here on is looked at.
    end: u64,
    /// What contradicted the protocol when the dump began.
    corrupt: Option<DumpError>,
    over: bool,
}

impl Observer {
    /// Copies of the records that have been published and not read, oldest first. Its two sides may be
    /// there and go on, or be closed or dead.
    ///
    /// A record that is returned was whole and unread when it had been copied. Records that the consumer
    /// takes meanwhile are reported as [`DumpError::Taken`], and passed over. The dump ends where the records ended when it
    /// began, however fast the sides are.
    ///
    /// Of a latest value it is the value, if there is one, whoever has read it.
    ///
    /// All of that presumes a producer and a consumer that keep the protocol. If one does not, any bytes
    /// may come out, or [`DumpError::Corrupt`], and nothing worse.
    ///
    /// ```
    /// use shm_ring::{MessageRing, Observer, Options, Region, Ring};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let ring = MessageRing::create(Region::memfd("doc"), &Options::new())?;
    /// let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// tx.push_batch(&["one", "two", "three"])?;
    /// rx.pop()?;
    /// let observer = Observer::open(Region::descriptor(ring.descriptor().try_clone_to_owned()?))?;
    /// let unread: Result<Vec<_>, _> = observer.dump().map(|found| found.map(|r| r.payload)).collect();
    /// assert_eq!(unread?, [b"two".to_vec(), b"three".to_vec()]);
    /// // They are still there.
    /// assert_eq!(rx.pop()?, b"two");
    /// # Ok(())
    /// # }
    /// ```
    pub fn dump(&self) -> Dump<'_> {
        let Positions { head, tail, corrupt, .. } = self.positions();
        let word = if self.layout.records.is_position(head) { tail } else { head };
        let corrupt = corrupt.then_some(DumpError::Corrupt { position: head, word });
        let over = !self.is_latest() && corrupt.is_none() && head >= tail;
        Dump { observer: self, position: head, end: tail, corrupt, over }
    }
}

/// What stands at a position.
enum Found {
    Record { payload: Result<Vec<u8>, usize>, next: u64 },
    Word(u64),
}

impl Dump<'_> {
    fn go_on_at(&mut self, position: u64) {
        self.position = position;
        self.over = position >= self.end;
    }

    fn look(&self) -> Found {
        let Observer { layout, mapping, .. } = self.observer;
        let at = self.position;
        if self.observer.carries_values() {
            let size = layout.records.unit;
            let payload = mapping.copy_value(at, size as usize).ok_or(size as usize);
            return Found::Record { payload, next: at + size };
        }
        let word = mapping.word(at).relaxed();
        let align = layout.records.unit;
        let Some(len) = header_len(word, at) else { return Found::Word(word) };
        let next = at + stride(align, u64::from(len));
        if next > self.end {
            return Found::Word(word);
        }
        let len = len as usize;
        let payload = mapping.copy_words(at, align as usize, len).ok_or(len);
        Found::Record { payload, next }
    }
}

impl Iterator for Dump<'_> {
    type Item = Result<Unread, DumpError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        // Until it is known to go on.
        self.over = true;
        if self.observer.is_latest() {
            return self.observer.latest_value();
        }
        if let Some(error) = self.corrupt {
            return Some(Err(error));
        }
        let from = self.position;
        let found = self.look();
        fence(Ordering::Acquire); // edge `reuse`
        let head = self.observer.head();
        if head > from {
            if !self.observer.layout.records.is_position(head) {
                return Some(Err(DumpError::Corrupt { position: from, word: head }));
            }
            self.go_on_at(head);
            return Some(Err(DumpError::Taken { from, to: head }));
        }
        match found {
            Found::Record { payload, next } => {
                self.go_on_at(next);
                Some(match payload {
                    Ok(payload) => Ok(Unread { position: from, payload }),
                    Err(needed) => Err(DumpError::NoMemory { position: from, needed }),
                })
            }
            Found::Word(word) => Some(Err(DumpError::Corrupt { position: from, word })),
        }
    }
}

impl core::iter::FusedIterator for Dump<'_> {}
