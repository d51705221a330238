//! Owns: waiting as Python wants it: without the lock of CPython, in slices between which signals are handled, so that Ctrl-C
//! ends a wait, for a time in seconds. Knows nothing of: what is waited for.

use core::time::Duration;
use std::time::Instant;

use pyo3::prelude::*;
use shm_ring::{NextError, PopError, PushError, ReadError};

use crate::errors::{Raise, invalid};
use crate::handle::Handle;

/// A signal waits at most this long for its handler.
pub(crate) const SLICE: Duration = Duration::from_millis(50);
/// More seconds than that are for ever.
const FOREVER: f64 = 1e9;
/// A copy of more than this is made without the lock of CPython: it takes longer than giving that up.
pub(crate) const MUCH: usize = 64 << 10;

/// How long a call waits: for ever, or for a time, which may be none.
#[derive(Clone, Copy)]
pub(crate) struct Timeout(Option<Duration>);

impl Timeout {
    /// Seconds, as Python says it.
    pub(crate) fn of(seconds: Option<f64>) -> PyResult<Self> {
        match seconds {
            None => Ok(Self(None)),
            Some(seconds) if seconds > FOREVER => Ok(Self(None)),
            Some(seconds) if seconds >= 0.0 => Ok(Self(Some(Duration::from_secs_f64(seconds)))),
            Some(seconds) => {
                Err(invalid(format!("a timeout of {seconds} seconds: give None, 0 or more")))
            }
        }
    }

    /// At most so long.
    pub(crate) fn time(self) -> Duration {
        self.0.unwrap_or(Duration::MAX)
    }

    /// Until then.
    pub(crate) fn until(deadline: Option<Instant>) -> Self {
        Self(deadline.map(|deadline| deadline.saturating_duration_since(Instant::now())))
    }

    pub(crate) fn deadline(self) -> Option<Instant> {
        self.0.and_then(|time| Instant::now().checked_add(time))
    }
}

/// Why a call has no result.
pub(crate) trait Pending {
    /// There is nothing yet.
    fn is_pending(&self) -> bool;
}

impl Pending for PopError {
    fn is_pending(&self) -> bool {
        matches!(self, Self::Empty | Self::TimedOut | Self::Interrupted)
    }
}

impl Pending for PushError {
    fn is_pending(&self) -> bool {
        matches!(self, Self::Full | Self::TimedOut | Self::Interrupted)
    }
}

impl Pending for ReadError {
    fn is_pending(&self) -> bool {
        matches!(self, Self::TimedOut)
    }
}

impl Pending for NextError {
    fn is_pending(&self) -> bool {
        matches!(self, Self::Empty | Self::TimedOut)
    }
}

/// Calls `attempt` until it has an answer: first without a time, with the lock of CPython, or without if it copies much;
/// then for slices of the time, without.
#[inline]
pub(crate) fn until<E: Send, T: Send, X: Pending + Raise + Send>(
    py: Python<'_>,
    handle: &Handle<E>,
    timeout: Timeout,
    much: bool,
    mut attempt: impl FnMut(&mut E, Option<Duration>) -> Result<T, X> + Send,
) -> PyResult<T> {
    let first = match much {
        false => handle.idle(|end| attempt(end, None))?,
        true => handle.idle(|end| py.detach(|| attempt(end, None)))?,
    };
    match first {
        Ok(answer) => Ok(answer),
        Err(error) if error.is_pending() => wait(py, handle, timeout, attempt),
        Err(error) => Err(error.raise()),
    }
}

/// The part of [`until`] that waits. Between two slices nobody is in, since handlers of signals are any code.
#[inline(never)]
fn wait<E: Send, T: Send, X: Pending + Raise + Send>(
    py: Python<'_>,
    handle: &Handle<E>,
    timeout: Timeout,
    mut attempt: impl FnMut(&mut E, Option<Duration>) -> Result<T, X> + Send,
) -> PyResult<T> {
    let deadline = timeout.deadline();
    loop {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let slice = left.map_or(SLICE, |left| left.min(SLICE));
        let answer = handle.idle(|end| py.detach(|| attempt(end, Some(slice))));
        handle.check_open()?;
        match answer? {
            Ok(answer) => return Ok(answer),
            Err(error) if error.is_pending() => {
                py.check_signals()?;
                if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                    return Err(error.raise());
                }
            }
            Err(error) => return Err(error.raise()),
        }
    }
}
