//! What has been published and not read, copied out from beside both sides. It must not change anything,
//! and must come to an end whatever the sides write meanwhile.
//!
//! A record is whole if its commit word is there before and after it was copied, and if the consumer has
//! not moved past it by then: a producer writes only into room that the consumer has given back, and may
//! do so long before it stores a commit word there. The copy, a fence, and then the head: on a processor
//! whose stores everybody sees in one order (x86-64 and AArch64 are such) the head cannot be older than a
//! store to that room that the copy has seen, since the producer had read the head before it stored.

use super::Observer;
use crate::record::{COMMIT_WORD, committed_len, stride};
use crate::sync::{Ordering, fence};

/// A record that was published and not read when it was copied.
///
/// ```
/// # use shm_ring::{DumpError, Contents, Observer, Options, Peer, Region, Ring};
/// # let ring = Ring::<[u8]>::create(Region::memfd("doc"), Options::new())?;
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
/// # use shm_ring::{DumpError, Contents, Observer, Options, Peer, Region, Ring};
/// # let ring = Ring::<u64>::create(Region::memfd("doc"), Options::new())?;
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
    /// What stands at `position` is neither nothing nor a record of this ring, or the consumer's
    /// position cannot be one. The dump is over.
    Corrupt {
        /// Where it stands.
        position: u64,
        /// The word that stands there, or the consumer's position.
        word: u64,
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
                "at position {position} stands {word:#x}, which cannot be there: some process wrote what \
                 it must not; create the ring anew"
            ),
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
/// # use shm_ring::{DumpError, Contents, Observer, Options, Peer, Region, Ring};
/// # let ring = Ring::<u64>::create(Region::memfd("doc"), Options::new())?;
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
    start: u64,
    position: u64,
    /// Nothing from here on is looked at.
    end: u64,
    over: bool,
}

impl Observer {
    /// Copies of the records that have been published and not read, oldest first. Its two sides may be
    /// there and go on, or be closed or dead, with records that a killed producer published and did not
    /// count.
    ///
    /// A record that is returned was whole and unread when it had been copied. Records that the consumer
    /// takes meanwhile are reported as [`DumpError::Taken`], and passed over. The dump covers as many
    /// bytes as the ring has, and then ends, however fast the sides are.
    ///
    /// Of a latest value it is the value, if there is one, whoever has read it.
    ///
    /// All of that presumes a producer and a consumer that keep the protocol. If one does not, any bytes
    /// may come out, or [`DumpError::Corrupt`], and nothing worse.
    ///
    /// ```
    /// use shm_ring::{Observer, Options, Region, Ring};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let ring = Ring::<[u8]>::create(Region::memfd("doc"), Options::new())?;
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
        let start = self.head();
        let end = start.saturating_add(self.geometry.shape.capacity);
        Dump { observer: self, start, position: start, end, over: false }
    }
}

/// What stands at a position.
enum Found {
    Nothing,
    Record {
        payload: Vec<u8>,
        next: u64,
    },
    /// A record that is not within the ring's length from where the dump began.
    Beyond(u64),
    Word(u64),
}

impl Dump<'_> {
    fn go_on_at(&mut self, position: u64) {
        self.position = position;
        self.over = position >= self.end;
    }

    fn look(&self) -> Found {
        let Observer { geometry, mapping, .. } = self.observer;
        let (shape, at) = (&geometry.shape, self.position);
        let word = mapping.word(at).relaxed();
        if word == 0 {
            return Found::Nothing;
        }
        fence(Ordering::Acquire); // edge `publish`, observed
        let Some(len) = committed_len(word, at).filter(|&len| shape.accepts(len)) else {
            return Found::Word(word);
        };
        let next = at + stride(shape.align, u64::from(len));
        if next + COMMIT_WORD > self.end {
            return Found::Beyond(word);
        }
        let payload = mapping.copy(at, shape.align, len);
        fence(Ordering::Acquire); // before the second look at the word and the head
        match mapping.word(at).relaxed() {
            again if again == word => Found::Record { payload, next },
            again => Found::Word(again),
        }
    }
}

impl Iterator for Dump<'_> {
    type Item = Result<Unread, DumpError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        let from = self.position;
        let corrupt = |word| Some(Err(DumpError::Corrupt { position: from, word }));
        // Until it is known to go on.
        self.over = true;
        if self.observer.is_latest() {
            return self.observer.latest_value();
        }
        let shape = &self.observer.geometry.shape;
        // The first head too may be anything.
        if !shape.is_position(from) {
            return corrupt(from);
        }
        let found = self.look();
        let head = self.observer.head();
        if head > from {
            if !shape.is_position(head) {
                return corrupt(head);
            }
            self.go_on_at(head);
            return Some(Err(DumpError::Taken { from, to: head }));
        }
        match found {
            Found::Nothing => None,
            // Published while the dump was under way, into room that the consumer has given back.
            Found::Beyond(_) if head > self.start => None,
            Found::Record { payload, next } => {
                self.go_on_at(next);
                Some(Ok(Unread { position: from, payload }))
            }
            Found::Word(word) | Found::Beyond(word) => corrupt(word),
        }
    }
}

impl core::iter::FusedIterator for Dump<'_> {}
