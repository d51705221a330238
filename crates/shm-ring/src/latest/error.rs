//! Owns: why a reader of a latest value has none. Knows nothing of: how one is read.

use core::fmt;
use std::io;

/// The reason why [`LatestReader::read`](crate::LatestReader::read) and its siblings read nothing.
///
/// ```
/// # use shm_ring::{Latest, Options, ReadError, Region};
/// let latest = Latest::<u64>::create(Region::memfd("doc"), &Options::new())?;
/// assert_eq!(latest.reader()?.read(), Err(ReadError::Empty));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReadError {
    /// Nothing was ever written.
    Empty,
    /// In each of the attempts that a read makes, the writer came round to the slot that was being copied.
    /// The next read may do better; more slots make it likelier ([`Options::items`](crate::Options::items)).
    Overrun,
    /// There was nothing new until the deadline (`read_newer_timeout` only).
    TimedOut,
    /// There is nothing new, and the writer has closed in order (`read_newer` only).
    Closed,
    /// There is nothing new, and the writer died (`read_newer` only).
    WriterDead,
    /// The writer's page contradicts the protocol. Final for this reader.
    Corrupt,
    /// The place does not have the length of a value (untyped readers only). It is unchanged.
    WrongLength {
        /// Bytes of the place.
        len: usize,
        /// Bytes of a value of this region.
        item: usize,
    },
}

/// The reason why [`LatestReader::next`](crate::LatestReader::next) and its siblings read nothing.
///
/// ```
/// # use shm_ring::{Latest, NextError, Options, Region};
/// let latest = Latest::<u64>::create(Region::memfd("doc"), &Options::new().history(7))?;
/// let (mut writer, mut reader) = (latest.writer()?, latest.reader()?);
/// assert_eq!(reader.try_next(), Err(NextError::Empty));
/// (1..=100).for_each(|n| writer.write(n));
/// let Err(NextError::Lagged(lost)) = reader.try_next() else { panic!() };
/// assert_eq!(reader.try_next(), Ok(lost + 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NextError {
    /// Nothing was written after the last value (`try_next` only).
    Empty,
    /// This many values were lost: overwritten before this reader took them, or passed over so that it does not lag again
    /// at once. The next call goes on with the one after them.
    Lagged(u64),
    /// There was nothing new until the deadline (`next_timeout` only).
    TimedOut,
    /// There is nothing new, and the writer has closed in order.
    Closed,
    /// There is nothing new, and the writer died.
    WriterDead,
    /// The writer's page contradicts the protocol. Final for this reader.
    Corrupt,
    /// As [`ReadError::WrongLength`].
    WrongLength {
        /// Bytes of the place.
        len: usize,
        /// Bytes of a value of this region.
        item: usize,
    },
}

fn wrong_length(f: &mut fmt::Formatter<'_>, len: usize, item: usize) -> fmt::Result {
    write!(f, "the place has {len} bytes, and the latest value here has {item}: bring as many")
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            &Self::WrongLength { len, item } => return wrong_length(f, len, item),
            Self::Empty => "nothing has been written yet",
            Self::Overrun => {
                "the writer overwrote each slot while it was copied: read again, or create the region \
                 with more slots (Options::items)"
            }
            Self::TimedOut => "nothing new was written until the deadline",
            Self::Closed => "nothing new was written, and the writer has closed",
            Self::WriterDead => "nothing new was written, and the writer died",
            Self::Corrupt => "the writer's words contradict the protocol; create the region anew",
        })
    }
}

impl std::error::Error for ReadError {}

impl From<ReadError> for io::Error {
    fn from(error: ReadError) -> Self {
        let kind = match error {
            ReadError::Empty | ReadError::Overrun => io::ErrorKind::WouldBlock,
            ReadError::TimedOut => io::ErrorKind::TimedOut,
            ReadError::Closed => io::ErrorKind::UnexpectedEof,
            ReadError::WriterDead => io::ErrorKind::BrokenPipe,
            ReadError::Corrupt => io::ErrorKind::InvalidData,
            ReadError::WrongLength { .. } => io::ErrorKind::InvalidInput,
        };
        Self::new(kind, error)
    }
}

impl fmt::Display for NextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            &Self::WrongLength { len, item } => return wrong_length(f, len, item),
            Self::Empty => "nothing was written after the last value",
            Self::Lagged(lost) => {
                return write!(
                    f,
                    "{lost} values were lost, since more were written than are kept: go on with the \
                     next, or create the region with a longer history (Options::history)"
                );
            }
            Self::TimedOut => "nothing new was written until the deadline",
            Self::Closed => "nothing new was written, and the writer has closed",
            Self::WriterDead => "nothing new was written, and the writer died",
            Self::Corrupt => "the writer's words contradict the protocol; create the region anew",
        })
    }
}

impl std::error::Error for NextError {}

impl From<NextError> for io::Error {
    fn from(error: NextError) -> Self {
        let kind = match error {
            NextError::Empty => io::ErrorKind::WouldBlock,
            NextError::Lagged(_) => io::ErrorKind::Other,
            NextError::TimedOut => io::ErrorKind::TimedOut,
            NextError::Closed => io::ErrorKind::UnexpectedEof,
            NextError::WriterDead => io::ErrorKind::BrokenPipe,
            NextError::Corrupt => io::ErrorKind::InvalidData,
            NextError::WrongLength { .. } => io::ErrorKind::InvalidInput,
        };
        Self::new(kind, error)
    }
}
