//! Owns: how a bridge ends other than well: what happened, what can be done, and the exit code. Knows nothing of: when.

use std::process::ExitCode;

use shm_ring::Error;
use shm_ring_console::terminal;

use crate::pairing::Refusal;

/// Exit codes, those of the command `shm-ring`. Usage errors are mostly clap's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Code {
    Failure = 1,
    Usage = 2,
    NoSuchRing = 3,
    Incompatible = 4,
}

/// Why a bridge ended: what, a hint, a code.
#[derive(Debug)]
pub(crate) struct Failure {
    code: Code,
    what: String,
    hint: String,
}

impl Failure {
    pub(crate) fn new(code: Code, what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { code, what: what.into(), hint: hint.into() }
    }

    pub(crate) fn what(&self) -> &str {
        &self.what
    }

    /// Tells the user.
    pub(crate) fn report(&self) -> ExitCode {
        terminal::error(&self.what, &self.hint);
        ExitCode::from(self.code as u8)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        // The library's text ends with what to do, behind a colon or a semicolon.
        let code = match error {
            Error::NotFound { .. } => Code::NoSuchRing,
            Error::Incompatible { .. }
            | Error::NotARing { .. }
            | Error::WrongLength { .. }
            | Error::InvalidHeader { .. } => Code::Incompatible,
            Error::InvalidName { .. } | Error::InvalidOptions { .. } => Code::Usage,
            _ => Code::Failure,
        };
        let hint = match error {
            Error::NotFound { .. } => {
                "the source wants a ring that is there: start its producer first, or `shm-ring create`"
            }
            Error::RoleTaken { .. } => {
                "the bridge is one end of the ring: a source its consumer, a sink its producer; end the process that is it \
                 now, another bridge perhaps"
            }
            Error::ForeignOwner { .. } | Error::TooPermissive { .. } => {
                "--any-owner uses it all the same"
            }
            _ => "`shm-ring stat` says more, if it can be read",
        };
        Self::new(code, error.to_string(), hint)
    }
}

impl From<&Refusal> for Failure {
    fn from(refusal: &Refusal) -> Self {
        Self::new(Code::Incompatible, refusal.to_string(), refusal.hint())
    }
}
