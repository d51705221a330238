//! Owns: why a reader of a latest value has none. Knows nothing of: how one is read.

use core::fmt;
use std::io;

/// Why nothing was read.
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
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
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
        };
        Self::new(kind, error)
    }
}
