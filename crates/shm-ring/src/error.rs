//! What can go wrong. Setting up (create, open, attach) may say much: [`Error`] carries what was
//! found, what was wanted and what to do. The hot path says little: [`PushError`] and [`PopError`]
//! are small and `Copy`. This file must not know how anything is done.

use core::fmt;
use std::io;

use crate::Role;

/// Why a ring could not be created, opened or attached to. Nothing is left half-made.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The region's name or path cannot be one.
    Name {
        /// The name as given.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// An option cannot be met by any region.
    Options {
        /// Which, and why not.
        why: String,
    },
    /// Nothing stands under the name.
    NotFound {
        /// The region that was asked for.
        region: String,
    },
    /// Something stands under the name already.
    AlreadyExists {
        /// The region that was asked for.
        region: String,
    },
    /// The file system or the memory has no room for the region.
    NoSpace {
        /// The region that was asked for.
        region: String,
        /// Bytes that it needs.
        needed: u64,
        /// Bytes that are available.
        available: u64,
    },
    /// What stands under the name is no regular file: a planted link, pipe or device, perhaps.
    NotRegular {
        /// The region that was asked for.
        region: String,
        /// What it is.
        found: &'static str,
    },
    /// The region belongs to another user.
    Owner {
        /// The region that was asked for.
        region: String,
        /// The user id of its owner.
        found: u32,
        /// Ours.
        wanted: u32,
    },
    /// More people may write the region than was agreed to.
    Mode {
        /// The region that was asked for.
        region: String,
        /// Its permission bits.
        found: u32,
        /// The permission bits in [`Options::mode`](crate::Options::mode).
        allowed: u32,
    },
    /// The region has a second name, or none any more.
    Links {
        /// The region that was asked for.
        region: String,
        /// How many names it has.
        found: u64,
    },
    /// A received descriptor is not sealed against being cut, or cannot be written.
    Descriptor {
        /// What is missing.
        missing: &'static str,
    },
    /// The region is shorter or longer than its header says, or too short to have one.
    Length {
        /// The region that was asked for.
        region: String,
        /// Its length in bytes.
        found: u64,
        /// The length that it must have.
        wanted: u64,
    },
    /// The region does not begin as a ring does.
    NotARing {
        /// The region that was asked for.
        region: String,
    },
    /// The header contradicts itself.
    Header {
        /// The region that was asked for.
        region: String,
        /// Which field.
        field: &'static str,
        /// What it holds.
        found: u64,
    },
    /// A ring, but not the one that was asked for.
    Incompatible {
        /// The region that was asked for.
        region: String,
        /// What differs.
        property: Property,
        /// The ring's.
        found: String,
        /// Ours.
        wanted: String,
    },
    /// Somebody holds the role already.
    RoleTaken {
        /// The region that was asked for.
        region: String,
        /// The role.
        role: Role,
        /// The process id that its holder has written down, for display.
        pid: u32,
    },
    /// The positions in the region contradict each other.
    Corrupt {
        /// The region that was asked for.
        region: String,
        /// The role that found it.
        role: Role,
    },
    /// A system call failed.
    Os {
        /// The region that was asked for.
        region: String,
        /// The call.
        call: &'static str,
        /// What it answered.
        source: io::Error,
        /// What can be done.
        hint: &'static str,
    },
}

/// What two sides of a ring must agree on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[allow(missing_docs, reason = "each name is its own documentation")]
pub enum Property {
    Version,
    ByteOrder,
    WordSize,
    PageSize,
    RecordKind,
    ItemSize,
    ItemAlignment,
    Schema,
    Label,
    Capacity,
}

impl fmt::Display for Property {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Version => "layout version",
            Self::ByteOrder => "byte order mark",
            Self::WordSize => "word size",
            Self::PageSize => "page size",
            Self::RecordKind => "record kind",
            Self::ItemSize => "item size",
            Self::ItemAlignment => "item alignment",
            Self::Schema => "schema id",
            Self::Label => "label",
            Self::Capacity => "capacity",
        })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name { name, why } => write!(
                f,
                "{name:?} cannot name a region: {why}; a name is one path component such as \"/ticks\""
            ),
            Self::Options { why } => write!(f, "these options cannot be met: {why}"),
            Self::NotFound { region } => {
                write!(f, "no ring at {region}: create it, or check the name")
            }
            Self::AlreadyExists { region } => write!(
                f,
                "{region} exists already: open it, or unlink it if nobody uses it any more"
            ),
            Self::NoSpace { region, needed, available } => write!(
                f,
                "{region} needs {needed} bytes and {available} are available: ask for fewer items, \
                 remove regions that nobody uses, or enlarge the file system (for /dev/shm: mount -o \
                 remount,size=...)"
            ),
            Self::NotRegular { region, found } => write!(
                f,
                "{region} is {found}, not a regular file: it is no ring, and somebody may have \
                 planted it; remove it or use another name"
            ),
            Self::Owner { region, found, wanted } => write!(
                f,
                "{region} belongs to user {found} and we are user {wanted}: if that is meant, say \
                 Options::any_owner()"
            ),
            Self::Mode { region, found, allowed } => write!(
                f,
                "{region} has mode {found:04o}, which lets more people write it than {allowed:04o}: if \
                 that is meant, say Options::mode({found:#o})"
            ),
            Self::Links { region, found } => write!(
                f,
                "{region} has {found} names where one is expected: somebody has linked it elsewhere"
            ),
            Self::Descriptor { missing } => write!(
                f,
                "the received descriptor {missing}: send the one that Ring::descriptor lends, or take \
                 the risk with Region::unsealed_descriptor"
            ),
            Self::Length { region, found, wanted } => write!(
                f,
                "{region} is {found} bytes long and must be {wanted}: it was cut, or it is no ring"
            ),
            Self::NotARing { region } => {
                write!(f, "{region} does not begin as a ring does: it is something else")
            }
            Self::Header { region, field, found } => write!(
                f,
                "{region} has a header whose {field} cannot be {found}: it is damaged; create it anew"
            ),
            Self::Incompatible { region, property, found, wanted } => write!(
                f,
                "{region} is a ring with {property} {found} and we want {wanted}: use the same types, \
                 options and version on both sides"
            ),
            Self::RoleTaken { region, role: role @ Role::Writer, pid } => {
                write!(f, "{region} has a {role} already (process {pid}): a latest value has one")
            }
            Self::RoleTaken { region, role, pid } => {
                write!(f, "{region} has a {role} already (process {pid}): a ring has one of each")
            }
            Self::Corrupt { region, role } => write!(
                f,
                "{region} holds positions that contradict each other, found as {role}: some process \
                 wrote what it must not; create the ring anew"
            ),
            Self::Os { region, call, source, hint } => {
                write!(f, "{call} failed for {region}: {source}; {hint}")
            }
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Os { source, .. } => Some(source),
            _ => None,
        }
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        let kind = match &error {
            Error::Name { .. } | Error::Options { .. } => io::ErrorKind::InvalidInput,
            Error::NotFound { .. } => io::ErrorKind::NotFound,
            Error::AlreadyExists { .. } => io::ErrorKind::AlreadyExists,
            Error::NoSpace { .. } => io::ErrorKind::StorageFull,
            Error::Owner { .. } | Error::Mode { .. } => io::ErrorKind::PermissionDenied,
            Error::RoleTaken { .. } => io::ErrorKind::ResourceBusy,
            Error::Os { source, .. } => source.kind(),
            _ => io::ErrorKind::InvalidData,
        };
        Self::new(kind, error)
    }
}

/// Why nothing was pushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PushError {
    /// There is no room now (`try_push` only).
    Full,
    /// There was no room until the deadline.
    TimedOut,
    /// There is no room, and the consumer has closed in order.
    Closed,
    /// There is no room, and the consumer died.
    PeerDead,
    /// The consumer's page contradicts the protocol. Final for this attachment.
    Corrupt,
    /// A message that this ring can never hold. Lengths in elements: bytes for `[u8]`.
    TooLarge {
        /// The length that was asked for.
        len: usize,
        /// The longest that fits: make the ring larger, or the message shorter.
        max: usize,
    },
}

/// Why nothing was popped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PopError {
    /// There is nothing now (`try_pop` only).
    Empty,
    /// There was nothing until the deadline.
    TimedOut,
    /// Everything was read, and the producer has closed in order.
    Closed,
    /// Everything that was published was read, and the producer died.
    PeerDead,
    /// The producer's page or the data contradict the protocol. Final for this attachment.
    Corrupt,
    /// The next message is longer than the buffer. It stays in the ring. Lengths in elements: bytes
    /// for `[u8]`.
    TooSmall {
        /// The length of the buffer.
        len: usize,
        /// The length of the message.
        needed: usize,
    },
}

/// Why a batch was not pushed to its end, and how much of it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchError {
    /// How many records were published.
    pub pushed: usize,
    /// Why the next one was not.
    pub error: PushError,
}

/// A place beyond the end of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfBounds {
    /// Where the access was to begin, in bytes from the start of the payload.
    pub offset: usize,
    /// Bytes that it was to have.
    pub len: usize,
    /// Bytes that the payload has.
    pub size: usize,
}

impl fmt::Display for PushError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLarge { len, max } => {
                return write!(
                    f,
                    "a message of {len} elements, and the longest that fits this ring has {max}: \
                     create a larger ring, or send it in parts"
                );
            }
            Self::Full => "the ring is full",
            Self::TimedOut => "the ring stayed full until the deadline",
            Self::Closed => "the ring is full and its consumer has closed it",
            Self::PeerDead => "the ring is full and its consumer died",
            Self::Corrupt => "the consumer's words contradict the protocol; create the ring anew",
        })
    }
}

impl fmt::Display for PopError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooSmall { len, needed } => {
                return write!(
                    f,
                    "the next message has {needed} elements and the buffer {len}: it stays in the \
                     ring; bring a larger buffer, or pop into a Vec"
                );
            }
            Self::Empty => "the ring is empty",
            Self::TimedOut => "the ring stayed empty until the deadline",
            Self::Closed => "the ring is empty and its producer has closed it",
            Self::PeerDead => "the ring is empty and its producer died",
            Self::Corrupt => "the producer's words contradict the protocol; create the ring anew",
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
        write!(f, "{len} bytes at offset {offset} of a record of {size} bytes: stay inside it")
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
            PushError::Corrupt => io::ErrorKind::InvalidData,
            PushError::TooLarge { .. } => io::ErrorKind::InvalidInput,
        };
        Self::new(kind, error)
    }
}

impl From<PopError> for io::Error {
    fn from(error: PopError) -> Self {
        let kind = match error {
            PopError::Empty => io::ErrorKind::WouldBlock,
            PopError::TimedOut => io::ErrorKind::TimedOut,
            PopError::Closed => io::ErrorKind::UnexpectedEof,
            PopError::PeerDead => io::ErrorKind::BrokenPipe,
            PopError::Corrupt => io::ErrorKind::InvalidData,
            PopError::TooSmall { .. } => io::ErrorKind::InvalidInput,
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
