//! Owns: what the hot path answers: small and `Copy`. Knows nothing of: how anything is done.

use core::fmt;
use std::io;

/// What a child is answered.
pub(crate) const FORKED: &str =
    "this end belongs to the process that we were forked from: attach after forking";

/// How a push or pop ended that makes no call and waits for nothing: for `shm-ring-c`, whose functions then need not save
/// a register.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtHand {
    /// Nothing was done: it takes one of the other calls.
    Not,
    Done,
    /// The record has crossed, and the other side asked to be woken for it: the call that ends this comes next.
    Asked,
}

/// The reason why nothing was pushed.
///
/// ```
/// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), &Default::default())?;
/// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
/// while tx.try_push(7).is_ok() {}
/// drop(rx);
/// assert_eq!(tx.push(7), Err(shm_ring::PushError::Closed));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PushError {
    /// There is no room now (`try_push` only).
    Full,
    /// There was no room until the deadline.
    TimedOut,
    /// There is no room, and the consumer has closed in order. One that had closed before this end attached counts as one
    /// that has not come yet.
    Closed,
    /// There is no room, and the consumer died.
    PeerDead,
    /// There is no room, and an [`Interrupt`](crate::Interrupt) ended the wait for it.
    Interrupted,
    /// The consumer's page contradicts the protocol. Final for this attachment.
    Corrupt,
    /// This process was forked from the one that attached, whose end this is. Final here: attach after forking.
    Forked,
    /// More than this ring can ever hold: a message, in bytes; values that are reserved or pushed all at once, in items;
    /// messages that are, in bytes of their records.
    TooLarge {
        /// The amount that was asked for.
        len: usize,
        /// The maximum: create a larger ring, or send it in parts.
        max: usize,
    },
    /// Not the bytes of one value, or of whole ones where several may be (untyped ends only). Nothing was published.
    WrongLength {
        /// Bytes that were given.
        len: usize,
        /// Bytes of a value of this ring.
        item: usize,
    },
}

/// The reason why nothing was popped.
///
/// ```
/// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), &Default::default())?;
/// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
/// assert_eq!(rx.try_pop(), Err(shm_ring::PopError::Empty));
/// drop(tx);
/// assert_eq!(rx.pop(), Err(shm_ring::PopError::Closed));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PopError {
    /// There is nothing now (`try_pop` only).
    Empty,
    /// There was nothing until the deadline.
    TimedOut,
    /// Everything was read, and the producer has closed in order. Which ends are reported, [`Ends`](crate::Ends) says.
    Closed,
    /// Everything that was published was read, and the producer died.
    PeerDead,
    /// There was nothing, and an [`Interrupt`](crate::Interrupt) ended the wait for it.
    Interrupted,
    /// The producer's page or the data contradict the protocol. Final for this attachment.
    Corrupt,
    /// This process was forked from the one that attached, whose end this is. Final here: attach after forking.
    Forked,
    /// There are fewer records than were waited for, and no more can come: the ring never holds so many, or the producer
    /// waits for room. Release some (`wait` only).
    Full,
    /// There is no memory for the message, or for a copy of an untyped value, which stays in the ring: free some, take it
    /// into a buffer of your own, or bound what a ring may hold by
    /// [`Options::max_capacity`](crate::Options::max_capacity).
    NoMemory {
        /// Bytes of the message.
        needed: usize,
    },
    /// No unread record begins or ends at the position that was to be released to (`release_to` only). Nothing was
    /// released.
    NotABoundary {
        /// The position that was asked for.
        position: u64,
        /// The last boundary of unread records before it, or the first of all.
        before: u64,
    },
    /// The next message is longer than the buffer. It stays in the ring.
    TooSmall {
        /// Bytes of the buffer.
        len: usize,
        /// Bytes of the message.
        needed: usize,
    },
    /// The buffer does not have the length of one value, or of whole ones where several may come (untyped ends only). Nothing was
    /// taken.
    WrongLength {
        /// Bytes of the buffer.
        len: usize,
        /// Bytes of a value of this ring.
        item: usize,
    },
}

/// The reason why a batch was not pushed to its end, and how much of it was.
///
/// ```
/// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), &Default::default())?;
/// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
/// drop(rx);
/// let error = tx.push_batch(0..10_000).unwrap_err();
/// assert_eq!(error, shm_ring::BatchError { pushed: 8192, error: shm_ring::PushError::Closed });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchError {
    /// The number of records that were published.
    pub pushed: usize,
    /// The reason why the next one was not.
    pub error: PushError,
}

/// A place beyond the end of a message, or of the room reserved for one.
///
/// ```
/// # let ring = shm_ring::MessageRing::create(shm_ring::Region::memfd("doc"), &Default::default())?;
/// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
/// tx.push(b"8 bytes.")?;
/// let error = rx.peek(1)?.first().read_at::<u64>(4).unwrap_err();
/// assert_eq!(error, shm_ring::OutOfBounds { offset: 4, len: 8, size: 8 });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfBounds {
    /// The offset of the access, in bytes from the start of the payload.
    pub offset: usize,
    /// The length of the access in bytes.
    pub len: usize,
    /// The length of the payload in bytes.
    pub size: usize,
}

impl fmt::Display for PushError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLarge { len, max } => {
                return write!(
                    f,
                    "{len} bytes of messages, or items, never fit this ring, which holds {max}: create a larger ring, \
                     or send it in parts"
                );
            }
            Self::WrongLength { len, item } => {
                return write!(
                    f,
                    "{len} bytes were to be pushed, and this ring has values of {item} bytes: give whole values"
                );
            }
            Self::Full => "the ring is full",
            Self::TimedOut => "the ring stayed full until the deadline",
            Self::Closed => "the ring is full and its consumer has closed it",
            Self::PeerDead => "the ring is full and its consumer died",
            Self::Interrupted => "the wait for room was interrupted",
            Self::Corrupt => "the consumer's words contradict the protocol; create the ring anew",
            Self::Forked => FORKED,
        })
    }
}

impl fmt::Display for PopError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooSmall { len, needed } => {
                return write!(
                    f,
                    "the next message has {needed} bytes and the buffer {len}: it stays in the \
                     ring; bring a larger buffer, or pop into a Vec"
                );
            }
            Self::NoMemory { needed } => {
                return write!(
                    f,
                    "there is no memory for the next message of {needed} bytes: it stays in the ring; free some, or \
                     take it into a buffer of your own"
                );
            }
            Self::NotABoundary { position, before } => {
                return write!(
                    f,
                    "no unread record begins or ends at position {position}: nothing is released; the nearest boundary \
                     is {before}"
                );
            }
            Self::Full => "fewer are there, and no more come before some of them are released",
            Self::WrongLength { len, item } => {
                return write!(
                    f,
                    "the buffer has {len} bytes, and this ring has values of {item} bytes: bring room for whole values"
                );
            }
            Self::Empty => "the ring is empty",
            Self::TimedOut => "the ring stayed empty until the deadline",
            Self::Closed => "the ring is empty and its producer has closed it",
            Self::PeerDead => "the ring is empty and its producer died",
            Self::Interrupted => "the wait for a record was interrupted",
            Self::Corrupt => "the producer's words contradict the protocol; create the ring anew",
            Self::Forked => FORKED,
        })
    }
}

impl fmt::Display for BatchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} records of the batch were pushed, and then: {}", self.pushed, self.error)
    }
}

impl fmt::Display for OutOfBounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { offset, len, size } = self;
        write!(f, "{len} bytes at offset {offset} of a message of {size} bytes: stay inside it")
    }
}

impl std::error::Error for PushError {}
impl std::error::Error for PopError {}
impl std::error::Error for OutOfBounds {}
impl std::error::Error for BatchError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}

impl From<PushError> for io::Error {
    fn from(error: PushError) -> Self {
        let kind = match error {
            PushError::Full => io::ErrorKind::WouldBlock,
            PushError::TimedOut => io::ErrorKind::TimedOut,
            PushError::Closed | PushError::PeerDead => io::ErrorKind::BrokenPipe,
            // Not the kind of that name, at which std tries again.
            PushError::Interrupted => io::ErrorKind::Other,
            PushError::Corrupt => io::ErrorKind::InvalidData,
            PushError::Forked => io::ErrorKind::PermissionDenied,
            PushError::TooLarge { .. } | PushError::WrongLength { .. } => {
                io::ErrorKind::InvalidInput
            }
        };
        Self::new(kind, error)
    }
}

impl From<PopError> for io::Error {
    fn from(error: PopError) -> Self {
        let kind = match error {
            PopError::Empty | PopError::Full => io::ErrorKind::WouldBlock,
            PopError::TimedOut => io::ErrorKind::TimedOut,
            PopError::Closed => io::ErrorKind::UnexpectedEof,
            PopError::PeerDead => io::ErrorKind::BrokenPipe,
            // Not the kind of that name, at which std tries again.
            PopError::Interrupted => io::ErrorKind::Other,
            PopError::Corrupt => io::ErrorKind::InvalidData,
            PopError::Forked => io::ErrorKind::PermissionDenied,
            PopError::NoMemory { .. } => io::ErrorKind::OutOfMemory,
            PopError::TooSmall { .. }
            | PopError::NotABoundary { .. }
            | PopError::WrongLength { .. } => io::ErrorKind::InvalidInput,
        };
        Self::new(kind, error)
    }
}

impl From<BatchError> for io::Error {
    fn from(error: BatchError) -> Self {
        Self::new(Self::from(error.error).kind(), error)
    }
}

impl From<OutOfBounds> for io::Error {
    fn from(error: OutOfBounds) -> Self {
        Self::new(io::ErrorKind::InvalidInput, error)
    }
}
