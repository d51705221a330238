//! Why the program ends: what was wrong, and what to do about it. It must not know what was done.

use std::process::ExitCode;

use shm_ring_console::terminal;

const FAILED: u8 = 1;
const USAGE: u8 = 2;

/// What was wrong, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Complaint {
    code: u8,
    what: String,
    hint: String,
}

impl Complaint {
    /// The arguments are wrong.
    pub(crate) fn usage(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { code: USAGE, what: what.into(), hint: hint.into() }
    }

    /// The arguments are right, and yet it did not work.
    pub(crate) fn failed(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { code: FAILED, what: what.into(), hint: hint.into() }
    }

    /// What there is to say could not be written.
    pub(crate) fn unwritten(what: impl Into<String>) -> Self {
        Self::failed(what, "name a file that can be written, or none for standard output")
    }

    /// Says it on standard error.
    pub(crate) fn say(&self) -> ExitCode {
        terminal::error(&self.what, &self.hint);
        ExitCode::from(self.code)
    }
}
