//! How a command ends other than well: what happened, what can be done, and the exit code. It must not
//! know any command.

use std::fmt;
use std::io;
use std::process::ExitCode;

use shm_ring::{Error, PopError, Property, PushError};
use shm_ring_console::terminal;

/// Exit codes, as the manual lists them. Usage errors are mostly clap's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Code {
    Failure = 1,
    Usage = 2,
    NoSuchRing = 3,
    Incompatible = 4,
    PeerDead = 5,
    TimedOut = 6,
    Damaged = 7,
}

/// Why a command failed: one line, one hint, one code.
#[derive(Debug)]
pub(crate) struct Failure {
    code: Code,
    what: String,
    hint: String,
    /// Nobody reads what we write any more: no failure to talk about.
    quiet: bool,
}

impl Failure {
    pub(crate) fn new(code: Code, what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { code, what: what.into(), hint: hint.into(), quiet: false }
    }

    /// Tells the user, and ends.
    pub(crate) fn report(&self) -> ExitCode {
        if self.quiet {
            return ExitCode::SUCCESS;
        }
        terminal::error(&self.what, &self.hint);
        ExitCode::from(self.code as u8)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        fn new(code: Code, what: String, hint: impl Into<String>) -> Failure {
            Failure::new(code, what, hint)
        }
        match error {
            Error::NotFound { region } => new(
                Code::NoSuchRing,
                format!("no ring at {region}"),
                "`shm-ring ls` lists those under /dev/shm, with --memfds also those without a name",
            ),
            Error::AlreadyExists { region } => new(
                Code::Failure,
                format!("{region} exists already"),
                format!("use it, take another name, or remove it with `shm-ring rm {region}`"),
            ),
            Error::NoSpace { region, needed, available } => new(
                Code::Failure,
                format!("{region} needs {needed} bytes and {available} are available"),
                "ask for fewer bytes, or free some: `shm-ring gc`, `shm-ring doctor`",
            ),
            Error::ForeignOwner { region, found, wanted } => new(
                Code::Failure,
                format!("{region} belongs to user {found} and we are user {wanted}"),
                "--any-owner uses it all the same",
            ),
            Error::TooPermissive { region, found, .. } => new(
                Code::Failure,
                format!("{region} has mode {found:04o}: others may write it"),
                "--any-owner uses it all the same",
            ),
            Error::NotARing { region } => new(
                Code::Incompatible,
                format!("{region} is no ring"),
                "`shm-ring ls` lists the rings that are there",
            ),
            Error::WrongLength { region, found, wanted } => new(
                Code::Incompatible,
                format!("{region} is {found} bytes long and a ring there must have {wanted}"),
                "it was cut, or it is no ring",
            ),
            Error::InvalidHeader { region, field, found } => new(
                Code::Incompatible,
                format!("{region} has a header whose {field} cannot be {found}"),
                format!("it is damaged: `shm-ring rm --force {region}` removes it"),
            ),
            Error::Incompatible { region, property: Property::Version, found, wanted } => new(
                Code::Incompatible,
                format!("{region} has layout version {found} and this release knows {wanted}"),
                match found.as_str() {
                    "1" => format!(
                        "read it out with the release that made it; `shm-ring rm --unread {region}` removes it if nobody \
                         uses it"
                    ),
                    // Where those have their locks nobody knows.
                    _ => format!(
                        "read it out with the release that made it; `shm-ring rm --force {region}` removes it, also if \
                         somebody uses it"
                    ),
                },
            ),
            Error::Unread { region, bytes } => new(
                Code::Failure,
                format!("{region} holds {bytes} bytes that can still be read"),
                format!(
                    "`shm-ring dump {region}` shows them; `shm-ring rm --unread {region}` removes it with them"
                ),
            ),
            Error::HardLinked { region, found } => new(
                Code::Failure,
                format!("{region} has {found} names where one is expected"),
                "somebody has linked it elsewhere: remove the other name first",
            ),
            Error::Incompatible { region, property, found, wanted } => new(
                Code::Incompatible,
                format!("{region} is a ring with {property} {found}, and {wanted} is wanted"),
                "`shm-ring stat` says what it carries; send and recv want messages, or values",
            ),
            Error::RoleTaken { region, role, pid } => new(
                Code::Failure,
                match pid {
                    None => format!("{region} has a {role} already"),
                    Some(pid) => format!("{region} has a {role} already: process {pid}"),
                },
                "a ring has one of each: wait until that process ends, or use another ring",
            ),
            Error::BlockedByReader { region, role } => new(
                Code::Failure,
                format!("{region} has no {role}, and a lock for reading keeps us from becoming it"),
                "lslocks shows which process holds it: end that, or take away its right to read the region",
            ),
            Error::Corrupt { region, .. } => new(
                Code::Failure,
                format!("{region} holds positions that contradict each other"),
                format!(
                    "some process wrote what it must not: remove the ring (`shm-ring rm --unread {region}`) and create it anew"
                ),
            ),
            Error::Os { region, call, source, hint } => {
                new(Code::Failure, format!("{call} failed for {region}: {source}"), hint)
            }
            other @ (Error::InvalidOptions { .. } | Error::InvalidName { .. }) => new(
                Code::Usage,
                other.to_string(),
                "`--help` behind the command says what it takes",
            ),
            other => new(
                Code::Failure,
                other.to_string(),
                "`shm-ring stat` says more, if it can be read",
            ),
        }
    }
}

impl From<PushError> for Failure {
    fn from(error: PushError) -> Self {
        let (code, hint) = match error {
            PushError::TimedOut => {
                (Code::TimedOut, "nobody read in that time: see `shm-ring stat`")
            }
            PushError::PeerDead => (Code::PeerDead, "what it had not read is still in the ring"),
            PushError::Closed => (Code::Failure, "what it had not read is still in the ring"),
            PushError::TooLarge { .. } => (Code::Failure, "create a larger ring: --bytes"),
            _ => (Code::Failure, "remove the ring and create it anew"),
        };
        Self::new(code, error.to_string(), hint)
    }
}

impl From<PopError> for Failure {
    fn from(error: PopError) -> Self {
        let (code, hint) = match error {
            PopError::TimedOut => (Code::TimedOut, "nobody sent in that time: see `shm-ring stat`"),
            PopError::PeerDead => (
                Code::PeerDead,
                "all that it had published was read; whether that was everything nobody knows",
            ),
            PopError::NoMemory { .. } => {
                (Code::Failure, "free some memory: the message is still in the ring")
            }
            _ => (Code::Failure, "remove the ring and create it anew"),
        };
        Self::new(code, error.to_string(), hint)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        let quiet = error.kind() == io::ErrorKind::BrokenPipe;
        let what = format!("reading or writing failed: {error}");
        Self { quiet, ..Self::new(Code::Failure, what, "check the other end, and the disk") }
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        io::Error::from(error).into()
    }
}
