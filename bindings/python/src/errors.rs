//! Owns: what the library answers as exceptions of Python: which class each is, with the library's words. Knows nothing of: which
//! call failed.

use pyo3::exceptions::PyMemoryError;
use pyo3::prelude::*;
use shm_ring::{BatchError, Error, NextError, PopError, PushError, ReadError};

pyo3::import_exception!(shm_ring._errors, NotFound);
pyo3::import_exception!(shm_ring._errors, AlreadyExists);
pyo3::import_exception!(shm_ring._errors, Incompatible);
pyo3::import_exception!(shm_ring._errors, RoleTaken);
pyo3::import_exception!(shm_ring._errors, NotAllowed);
pyo3::import_exception!(shm_ring._errors, Unread);
pyo3::import_exception!(shm_ring._errors, Corrupt);
pyo3::import_exception!(shm_ring._errors, InvalidArgument);
pyo3::import_exception!(shm_ring._errors, SystemFailure);
pyo3::import_exception!(shm_ring._errors, TimedOut);
pyo3::import_exception!(shm_ring._errors, Closed);
pyo3::import_exception!(shm_ring._errors, PeerDead);
pyo3::import_exception!(shm_ring._errors, EndClosed);
pyo3::import_exception!(shm_ring._errors, Busy);
pyo3::import_exception!(shm_ring._errors, Forked);
pyo3::import_exception!(shm_ring._errors, Empty);
pyo3::import_exception!(shm_ring._errors, Lagged);
pyo3::import_exception!(shm_ring._errors, Overrun);

/// An answer of the library that Python raises.
pub(crate) trait Raise {
    fn raise(self) -> PyErr;
}

/// `result.raised()?` where `?` alone cannot know the way.
pub(crate) trait Raised<T> {
    fn raised(self) -> PyResult<T>;
}

impl<T, X: Raise> Raised<T> for Result<T, X> {
    fn raised(self) -> PyResult<T> {
        self.map_err(Raise::raise)
    }
}

/// An argument that cannot be.
#[cold]
pub(crate) fn invalid(why: impl Into<String>) -> PyErr {
    InvalidArgument::new_err(why.into())
}

impl Raise for Error {
    #[cold]
    fn raise(self) -> PyErr {
        let text = self.to_string();
        match self {
            Self::NotFound { .. } | Self::NameGone { .. } => NotFound::new_err(text),
            Self::AlreadyExists { .. } => AlreadyExists::new_err(text),
            Self::Incompatible { .. } => Incompatible::new_err(text),
            Self::RoleTaken { .. } | Self::BlockedByReader { .. } => RoleTaken::new_err(text),
            Self::Unread { .. } => Unread::new_err(text),
            Self::ForeignOwner { .. }
            | Self::TooPermissive { .. }
            | Self::HardLinked { .. }
            | Self::Descriptor { .. } => NotAllowed::new_err(text),
            Self::Corrupt { .. }
            | Self::NotRegular { .. }
            | Self::NotARing { .. }
            | Self::InvalidHeader { .. }
            | Self::WrongLength { .. } => Corrupt::new_err(text),
            Self::InvalidName { .. } | Self::InvalidOptions { .. } => {
                InvalidArgument::new_err(text)
            }
            _ => SystemFailure::new_err(text),
        }
    }
}

impl Raise for PushError {
    #[cold]
    fn raise(self) -> PyErr {
        let text = self.to_string();
        match self {
            Self::Full | Self::TimedOut | Self::Interrupted => TimedOut::new_err(text),
            Self::Closed => Closed::new_err(text),
            Self::PeerDead => PeerDead::new_err(text),
            Self::Forked => Forked::new_err(text),
            Self::TooLarge { .. } | Self::WrongLength { .. } => InvalidArgument::new_err(text),
            _ => Corrupt::new_err(text),
        }
    }
}

impl Raise for PopError {
    #[cold]
    fn raise(self) -> PyErr {
        let text = self.to_string();
        match self {
            Self::Empty | Self::TimedOut | Self::Interrupted => TimedOut::new_err(text),
            Self::Closed => Closed::new_err(text),
            Self::PeerDead => PeerDead::new_err(text),
            Self::Forked => Forked::new_err(text),
            Self::NoMemory { .. } => PyMemoryError::new_err(text),
            Self::Full
            | Self::TooSmall { .. }
            | Self::WrongLength { .. }
            | Self::NotABoundary { .. } => InvalidArgument::new_err(text),
            _ => Corrupt::new_err(text),
        }
    }
}

impl Raise for BatchError {
    fn raise(self) -> PyErr {
        with_pushed(self.error.raise(), self.pushed)
    }
}

/// The exception, which says how many records were published before.
#[cold]
pub(crate) fn with_pushed(error: PyErr, pushed: usize) -> PyErr {
    // It stays without the number where that cannot be set: the words matter more.
    Python::attach(|py| _ = error.value(py).setattr("pushed", pushed));
    error
}

impl Raise for ReadError {
    #[cold]
    fn raise(self) -> PyErr {
        let text = self.to_string();
        match self {
            Self::Empty => Empty::new_err(text),
            Self::Overrun => Overrun::new_err(text),
            Self::TimedOut => TimedOut::new_err(text),
            Self::Closed => Closed::new_err(text),
            Self::WriterDead => PeerDead::new_err(text),
            Self::WrongLength { .. } => InvalidArgument::new_err(text),
            _ => Corrupt::new_err(text),
        }
    }
}

impl Raise for NextError {
    #[cold]
    fn raise(self) -> PyErr {
        let text = self.to_string();
        match self {
            Self::Lagged(lost) => Lagged::new_err((text, lost)),
            Self::Empty | Self::TimedOut => TimedOut::new_err(text),
            Self::Closed => Closed::new_err(text),
            Self::WriterDead => PeerDead::new_err(text),
            Self::WrongLength { .. } => InvalidArgument::new_err(text),
            _ => Corrupt::new_err(text),
        }
    }
}
