//! Owns: why a side failed, for people. Knows nothing of: what it was doing.

use std::fmt;

/// Why a transport, or the side that plays it, failed.
#[derive(Debug)]
pub(crate) struct Fault(Box<str>);

impl Fault {
    pub(crate) fn new(doing: &str, error: impl fmt::Display) -> Self {
        Self(format!("{doing}: {error}").into())
    }

    /// Messages of a size that is not there.
    pub(crate) fn none_of(bytes: usize) -> Self {
        Self::new("starting", format_args!("no messages of {bytes} bytes here"))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
