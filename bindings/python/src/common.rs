//! Owns: the calls that all ends have: the other side, positions, counts, waiting for somebody, closing. Knows nothing of:
//! records.

use core::time::Duration;
use std::time::Instant;

use pyo3::prelude::*;
use pyo3::types::PyDict;
use shm_ring::{Peer, Stats};

use crate::handle::Handle;
use crate::wait::{SLICE, Timeout};

/// The other side, as a dict.
pub(crate) fn peer(py: Python<'_>, peer: Peer) -> PyResult<Bound<'_, PyDict>> {
    let (state, session, pid, released) = match peer {
        Peer::Absent => ("absent", 0, None, true),
        Peer::Attaching => ("attaching", 0, None, false),
        Peer::Alive { session, pid } => ("alive", session, pid, false),
        Peer::Closed { session } => ("closed", session, None, true),
        Peer::Dead { session, pid, released } => ("dead", session, pid, released),
        _ => ("unknown", 0, None, false),
    };
    let dict = PyDict::new(py);
    dict.set_item("state", state)?;
    dict.set_item("session", session)?;
    dict.set_item("pid", pid)?;
    dict.set_item("released", released)?;
    Ok(dict)
}

pub(crate) fn stats(py: Python<'_>, stats: Stats) -> PyResult<Bound<'_, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("waits", stats.waits)?;
    dict.set_item("sleeps", stats.sleeps)?;
    dict.set_item("wakes_sent", stats.wakes_sent)?;
    dict.set_item("high_water", stats.high_water)?;
    dict.set_item("dropped", stats.dropped)?;
    Ok(dict)
}

/// Waits in slices for the other side: what it is then. A wait that ends before its slice has found what it waited for.
pub(crate) fn await_peer<E: Send>(
    py: Python<'_>,
    handle: &Handle<E>,
    timeout: Option<f64>,
    mut wait: impl FnMut(&mut E, Duration) -> Peer + Send,
) -> PyResult<Peer> {
    let deadline = Timeout::of(timeout)?.deadline();
    loop {
        let now = Instant::now();
        let left = deadline.map(|deadline| deadline.saturating_duration_since(now));
        let slice = left.map_or(SLICE, |left| left.min(SLICE));
        let found = handle.idle(|end| py.detach(|| wait(end, slice)));
        handle.check_open()?;
        let found = found?;
        if now.elapsed() < slice || left.is_some_and(|left| left <= slice) {
            return Ok(found);
        }
        py.check_signals()?;
    }
}

/// What all ends have, in words of Python. `$end` has a field `handle`.
macro_rules! common {
    ($end:ty, $peer:literal, $poll:expr) => {
        #[pymethods]
        impl $end {
            #[doc = concat!("The ", $peer, ": a dict of its state (\"absent\", \"attaching\", \"alive\", \"closed\", \"dead\"),")]
            /// session, pid, and whether its role is free.
            fn peer<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
                let found = self.handle.with(|end| end.peer())?;
                $crate::common::peer(py, found)
            }

            #[doc = concat!("Waits until a ", $peer, " attaches, and returns its state as `peer` does. It returns at once if one is there,")]
            /// or came and has gone since. With a `timeout` in seconds it returns what is then.
            #[pyo3(signature = (timeout=None))]
            fn wait_for_peer<'py>(&self, py: Python<'py>, timeout: Option<f64>) -> PyResult<Bound<'py, PyDict>> {
                let found = $crate::common::await_peer(
                    py, &self.handle, timeout, |end, slice| end.wait_for_peer(slice),
                )?;
                $crate::common::peer(py, found)
            }

            #[doc = concat!("Waits until the ", $peer, " has closed or died, whatever is unread, and returns its state as `peer` does.")]
            /// With a `timeout` in seconds it returns what is then.
            #[pyo3(signature = (timeout=None))]
            fn wait_for_end<'py>(&self, py: Python<'py>, timeout: Option<f64>) -> PyResult<Bound<'py, PyDict>> {
                let found = $crate::common::await_peer(
                    py, &self.handle, timeout, |end, slice| end.wait_for_end(slice),
                )?;
                $crate::common::peer(py, found)
            }

            /// Bytes of records that this end has published, or released, since the ring was created.
            #[getter]
            fn position(&self) -> PyResult<u64> {
                self.handle.with(|end| end.position())
            }

            /// The number of this attachment: odd, and another one for each.
            #[getter]
            fn session(&self) -> PyResult<u64> {
                self.handle.with(|end| end.session())
            }

            /// What this role has counted since the ring was created: a dict.
            fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
                let found = self.handle.with(|end| end.stats())?;
                $crate::common::stats(py, found)
            }

            /// Whether the name leads elsewhere, or nowhere: whoever comes by the name is not found here.
            fn has_lost_its_name(&self) -> PyResult<bool> {
                self.handle.with(|end| end.has_lost_its_name())
            }

            /// Changes how this end waits: `"balanced"`, `"spin"` or `"park"`.
            fn set_wait(&self, wait: &str) -> PyResult<()> {
                let wait = $crate::place::waiting(wait)?;
                self.handle.with(|end| end.set_wait(wait))
            }

            /// Whether this end was closed here.
            #[getter]
            fn closed(&self) -> bool {
                self.handle.is_closed()
            }

            #[doc = concat!("Closes the end in order: the ", $peer, " learns of it. A wait of another thread ends with `EndClosed`. Refused")]
            /// with `BufferError` while an array or a memoryview of what it has lent is in use. Closing again does nothing.
            fn close(&self, py: Python<'_>) -> PyResult<()> {
                self.handle.close(py)
            }

            fn __enter__(slf: Py<Self>) -> Py<Self> {
                slf
            }

            #[pyo3(signature = (*_exception))]
            fn __exit__(&self, py: Python<'_>, _exception: &Bound<'_, PyTuple>) -> PyResult<()> {
                self.handle.close(py)
            }

            /// For `shm_ring.aio`: whether there is something, or room for so much; else the bell rings then.
            #[pyo3(signature = (bell, amount=1))]
            fn _poll(&self, bell: &Bell, amount: usize) -> PyResult<bool> {
                self.handle.idle(|end| end.poll(bell, |end, cx| ($poll)(end, cx, amount)))?.raised()
            }

            /// For `shm_ring.aio`: nobody waits any more.
            fn _rise(&self) -> PyResult<()> {
                self.handle.with(|end| end.rise())
            }
        }
    };
}

pub(crate) use common;
