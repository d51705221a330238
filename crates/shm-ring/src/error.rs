//! Owns: what can go wrong when a ring is set up (create, open, attach): [`Error`] carries what was found, what was wanted
//! and what to do. The hot path says little: [`PushError`] and [`PopError`] are small and `Copy`, in `hot`. Knows nothing
//! of: how anything is done.

mod hot;
mod os;

pub(crate) use self::hot::FORKED;
pub use self::hot::{AtHand, BatchError, OutOfBounds, PopError, PushError};
pub(crate) use self::os::{io as io_error, os};

use core::fmt;
use std::io;

use crate::role::Role;

/// The reason why a ring could not be created, opened or attached to. Nothing is left half-made.
///
/// Print it by `{}`: the text says what was wrong and what to do next. A `main` that returns it, and `unwrap`, show the
/// fields alone.
///
/// ```
/// let error = shm_ring::Ring::<u64>::open("/shm-ring-doc-no-such-ring").unwrap_err();
/// assert!(matches!(error, shm_ring::Error::NotFound { .. }));
/// assert_eq!(std::io::Error::from(error).kind(), std::io::ErrorKind::NotFound);
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The region's name or path cannot be one.
    InvalidName {
        /// The name as given.
        name: String,
        /// The problem with it.
        why: &'static str,
    },
    /// An option cannot be met by any region.
    InvalidOptions {
        /// The option, and the reason.
        why: String,
    },
    /// Nothing has this name.
    NotFound {
        /// The region that was asked for.
        region: String,
    },
    /// The region was opened by a name that has been removed since, or leads to another region by now.
    NameGone {
        /// The region that was asked for.
        region: String,
    },
    /// The region is not removed or replaced, since something in it can still be read.
    Unread {
        /// The region that was asked for.
        region: String,
        /// Bytes of records that nobody has read, or of the latest value.
        bytes: u64,
    },
    /// Something has this name already.
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
    /// The name leads to something other than a regular file: a planted link, pipe or device, perhaps.
    NotRegular {
        /// The region that was asked for.
        region: String,
        /// The kind of file that it is.
        found: &'static str,
    },
    /// The region belongs to another user.
    ForeignOwner {
        /// The region that was asked for.
        region: String,
        /// The user id of its owner.
        found: u32,
        /// Ours.
        wanted: u32,
    },
    /// More people may write the region than was agreed to.
    TooPermissive {
        /// The region that was asked for.
        region: String,
        /// Its permission bits.
        found: u32,
        /// The permission bits in [`Options::mode`](crate::Options::mode).
        allowed: u32,
    },
    /// The region has a second name, or none any more.
    HardLinked {
        /// The region that was asked for.
        region: String,
        /// The number of its names.
        found: u64,
    },
    /// A received descriptor is not sealed against being cut, or cannot be written.
    Descriptor {
        /// The missing part.
        missing: &'static str,
    },
    /// The region is shorter or longer than its header says, or too short to have one.
    WrongLength {
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
    InvalidHeader {
        /// The region that was asked for.
        region: String,
        /// The field.
        field: &'static str,
        /// Its contents.
        found: u64,
    },
    /// A ring, but not the one that was asked for.
    Incompatible {
        /// The region that was asked for.
        region: String,
        /// The property that differs.
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
        /// The process id that its holder has written down, for display: see [`Peer::Alive`](crate::Peer::Alive).
        pid: Option<u32>,
    },
    /// Nobody holds the role, but another process that may read the region has locked it for reading.
    BlockedByReader {
        /// The region that was asked for.
        region: String,
        /// The role.
        role: Role,
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
        /// The error of the call.
        source: io::Error,
        /// What to do next.
        hint: &'static str,
    },
}

/// A property that two sides of a ring must agree on.
///
/// ```
/// assert_eq!(shm_ring::Property::ItemSize.to_string(), "item size");
/// ```
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
    History,
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
            Self::History => "history",
        })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidName { name, why } => write!(
                f,
                "{name:?} cannot name a region: {why}; a name is one path component such as \"/ticks\""
            ),
            Self::InvalidOptions { why } => write!(f, "these options cannot be met: {why}"),
            Self::NotFound { region } => {
                write!(f, "no ring at {region}: create it, or check the name")
            }
            Self::NameGone { region } => write!(
                f,
                "{region} was removed or replaced after this handle had opened it: open it again by its name, which leads \
                 to another region by now, or to none"
            ),
            Self::Unread { region, bytes } => write!(
                f,
                "{region} holds {bytes} bytes that can still be read: read them first, or remove it with them \
                 (`shm-ring rm --unread {region}`, Region::unlink_unused_and_discard)"
            ),
            Self::AlreadyExists { region } => write!(
                f,
                "{region} exists already: open it, or remove it if nobody uses it any more (`shm-ring rm {region}`, \
                 Region::unlink_unused)"
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
            Self::ForeignOwner { region, found, wanted } => write!(
                f,
                "{region} belongs to user {found} and we are user {wanted}: if that is meant, say \
                 Options::any_owner()"
            ),
            Self::TooPermissive { region, found, allowed } => write!(
                f,
                "{region} has mode {found:04o}, which lets more people write it than {allowed:04o}: if \
                 that is meant, say Options::mode({found:#o})"
            ),
            Self::HardLinked { region, found } => write!(
                f,
                "{region} has {found} names where one is expected: somebody has linked it elsewhere"
            ),
            Self::Descriptor { missing } => write!(
                f,
                "the received descriptor {missing}: send the one that Ring::descriptor lends, or take \
                 the risk with Region::unsealed_descriptor"
            ),
            Self::WrongLength { region, found, wanted } => write!(
                f,
                "{region} is {found} bytes long and must be {wanted}: it was cut, or it is no ring"
            ),
            Self::NotARing { region } => {
                write!(f, "{region} does not begin as a ring does: it is something else")
            }
            Self::InvalidHeader { region, field, found } => write!(
                f,
                "{region} has a header whose {field} cannot be {found}: it is damaged; remove it (`shm-ring rm --force \
                 {region}`, Region::unlink) and create it anew"
            ),
            Self::Incompatible { region, property: Property::Version, found, wanted } => write!(
                f,
                "{region} has layout version {found} and this release knows {wanted}: take what is in it out with the \
                 release that made it, then remove it ({}) and create it anew",
                removes_layout(region, found)
            ),
            Self::Incompatible { region, property, found, wanted } => write!(
                f,
                "{region} is a ring with {property} {found} and we want {wanted}: use the same types, options and version \
                 on both sides, or replace it once nobody uses it (replace_if_unused, or `shm-ring rm {region}`)"
            ),
            Self::RoleTaken { region, role, pid } => {
                let why = match role {
                    Role::Writer => "a latest value has one",
                    _ => "a ring has one of each",
                };
                match pid {
                    None => write!(f, "{region} has a {role} already (process unknown): {why}"),
                    Some(pid) => write!(f, "{region} has a {role} already (process {pid}): {why}"),
                }
            }
            Self::BlockedByReader { region, role } => write!(
                f,
                "{region} has no {role}, and a lock for reading keeps us from becoming it: end the process that holds it \
                 (lslocks shows it), or take away its right to read the region"
            ),
            Self::Corrupt { region, role } => write!(
                f,
                "{region} holds positions that contradict each other, found as {role}: some process \
                 wrote what it must not; replace the ring (replace_if_unused), or remove it (`shm-ring rm --unread \
                 {region}`) and create it anew"
            ),
            Self::Os { region, call, source, hint } => {
                write!(f, "{call} failed for {region}: {source}; {hint}")
            }
        }
    }
}

/// What removes a region of layout version `found`: the roles of version 1 are locked as ours are, and of later ones
/// nobody knows where their locks are.
fn removes_layout(region: &str, found: &str) -> String {
    match found {
        "1" => format!("`shm-ring rm --unread {region}`, Region::unlink_unused_and_discard"),
        _ => format!("`shm-ring rm --force {region}`, Region::unlink"),
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
            Error::InvalidName { .. } | Error::InvalidOptions { .. } => io::ErrorKind::InvalidInput,
            Error::NotFound { .. } | Error::NameGone { .. } => io::ErrorKind::NotFound,
            Error::AlreadyExists { .. } => io::ErrorKind::AlreadyExists,
            Error::NoSpace { .. } => io::ErrorKind::StorageFull,
            Error::ForeignOwner { .. } | Error::TooPermissive { .. } => {
                io::ErrorKind::PermissionDenied
            }
            Error::RoleTaken { .. } | Error::BlockedByReader { .. } | Error::Unread { .. } => {
                io::ErrorKind::ResourceBusy
            }
            Error::Os { source, .. } => source.kind(),
            _ => io::ErrorKind::InvalidData,
        };
        Self::new(kind, error)
    }
}
