//! Owns: what may be wrong with a file, and where. Knows nothing of: how that is found out.

use std::fmt;
use std::io;

/// What is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// It does not begin as a recording does.
    NotARecording {
        /// The bytes that stand there.
        found: Vec<u8>,
    },
    /// Another version of the format.
    Version {
        /// That of the file.
        found: u32,
        /// The one that is known here.
        known: u32,
    },
    /// The file ends inside the header or a block.
    Cut {
        /// Bytes that belong there.
        wanted: u64,
        /// Bytes that are there.
        found: u64,
    },
    /// The bytes are not those that were written.
    Checksum {
        /// Of what.
        of: &'static str,
        /// What the file says.
        stored: u32,
        /// What its bytes come to.
        computed: u32,
    },
    /// A field has a value that it cannot have.
    Field {
        /// The field.
        name: &'static str,
        /// Its value.
        found: u64,
    },
    /// A block does not begin where the one before it ended.
    OutOfOrder {
        /// Where it begins.
        found: u64,
        /// Where the one before it ended.
        wanted: u64,
    },
    /// The records of a block do not come to what its head says.
    Records {
        /// What does not.
        of: &'static str,
        /// What the head says.
        said: u64,
        /// What the records come to.
        found: u64,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotARecording { found } => {
                write!(f, "it begins with \"{}\", and no recording does", found.escape_ascii())
            }
            Self::Version { found, known } => {
                write!(f, "its format has version {found}, and this release knows {known}")
            }
            Self::Cut { wanted, found } => {
                write!(f, "{wanted} bytes belong there, and the file has {found}")
            }
            Self::Checksum { of, stored, computed } => {
                write!(
                    f,
                    "the checksum of {of} is {stored:08x}, and its bytes come to {computed:08x}"
                )
            }
            Self::Field { name, found } => write!(f, "{name} cannot be {found}"),
            Self::OutOfOrder { found, wanted } => {
                write!(
                    f,
                    "a block begins at position {found}, and the one before it ended at {wanted}"
                )
            }
            Self::Records { of, said, found } => {
                write!(f, "the head of the block says {of} {said}, and its records come to {found}")
            }
        }
    }
}

/// Where a file is damaged, and how. All before it is as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Where the header or block that is damaged begins, in bytes of the file.
    pub byte: u64,
    /// The position up to which the records are whole; 0 if the header is damaged.
    pub position: u64,
    /// What is wrong.
    pub fault: Fault,
}

impl Damage {
    /// Whether the file ends inside the header or a block, as it does if its writer was killed.
    #[must_use]
    pub fn is_a_cut(&self) -> bool {
        matches!(self.fault, Fault::Cut { .. })
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { byte, position, fault } = self;
        let what = if self.is_a_cut() { "cut" } else { "damaged" };
        write!(f, "{what} at byte {byte}, behind position {position}: {fault}")
    }
}

impl std::error::Error for Damage {}

/// Why nothing more is read.
#[derive(Debug)]
#[non_exhaustive]
pub enum ReadError {
    /// The file cannot be read.
    Io(io::Error),
    /// The file is cut or damaged.
    Damaged(Damage),
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::Damaged(damage) => damage.fmt(f),
        }
    }
}

impl std::error::Error for ReadError {}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<Damage> for ReadError {
    fn from(damage: Damage) -> Self {
        Self::Damaged(damage)
    }
}
