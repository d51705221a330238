//! Owns: the producer of values. Knows nothing of: how a producer waits or is shared between threads.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use shm_ring::{UntypedProducer, UntypedRing};

use crate::buffer::Lent;
use crate::common::common;
use crate::end::{Awaited, Bell};
use crate::errors::{Raised, with_pushed};
use crate::handle::Handle;
use crate::opening::opens_values;
use crate::place::{chosen, region};
use crate::records::Records;
use crate::reservation::Reservation;
use crate::wait::{MUCH, Timeout, until};

/// The end of a ring that publishes values of a dtype. One process at a time has it.
///
/// `Producer(place, dtype, **options)` opens the ring or creates it; `create` and `open` do one of the two.
///
/// >>> import numpy as np, shm_ring
/// >>> Tick = np.dtype([("price", "<f8"), ("size", "<u4"), ("unused", "<u4")])
/// >>> tx, rx = shm_ring.pair(Tick)          # or each in its own process, by a name
/// >>> tx.push((99.5, 3, 0))
/// >>> batch = np.zeros(1000, Tick); batch["size"] = np.arange(1000)
/// >>> tx.push_records(batch)
/// 1000
/// >>> rx.pop()["price"].item()
/// 99.5
/// >>> rx.pop_records(max=10)["size"].tolist()
/// [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
/// >>> tx.push(np.float32(1))
/// Traceback (most recent call last):
///   ...
/// shm_ring._errors.InvalidArgument: dtype float32, and the ring carries [('price', '<f8'), ('size', '<u4'), ('unused', '<u4')]: convert it, such as by astype
#[pyclass(frozen, module = "shm_ring")]
pub(crate) struct Producer {
    pub(crate) handle: Handle<Awaited<UntypedProducer>>,
    pub(crate) records: Records,
    capacity: usize,
}

impl Producer {
    fn over(end: UntypedProducer, records: Records) -> Self {
        let (interrupt, capacity) = (end.interrupt_handle(), end.capacity());
        Self { handle: Handle::holding(Awaited::new(end), Some(interrupt)), records, capacity }
    }

    /// Takes the role in a ring that is open.
    pub(crate) fn of_ring(py: Python<'_>, ring: &UntypedRing, records: Records) -> PyResult<Self> {
        let end = py.detach(|| ring.producer()).raised()?;
        Ok(Self::over(end, records))
    }
}

opens_values!(Producer, UntypedProducer);

#[pymethods]
impl Producer {
    /// Publishes one value: a scalar or an array of the dtype, its bytes, or what numpy makes one of (a tuple, a number).
    ///
    /// It waits for room as long as there is a consumer or none has come yet, at most `timeout` seconds: 0 does not wait.
    #[pyo3(signature = (value, timeout=None))]
    fn push(&self, py: Python<'_>, value: &Bound<'_, PyAny>, timeout: Option<f64>) -> PyResult<()> {
        let timeout = Timeout::of(timeout)?;
        let given = self.records.given(value)?;
        let bytes = given.bytes();
        until(py, &self.handle, timeout, bytes.len() > MUCH, |end, slice| match slice {
            None => end.try_push(bytes),
            Some(slice) => end.push_timeout(bytes, slice),
        })
    }

    /// Publishes one value if there is room: whether it did.
    fn try_push(&self, py: Python<'_>, value: &Bound<'_, PyAny>) -> PyResult<bool> {
        let given = self.records.given(value)?;
        let bytes = given.bytes();
        let pushed = match bytes.len() > MUCH {
            false => self.handle.idle(|end| end.try_push(bytes))?,
            true => self.handle.idle(|end| py.detach(|| end.try_push(bytes)))?,
        };
        match pushed {
            Ok(()) => Ok(true),
            Err(shm_ring::PushError::Full) => Ok(false),
            Err(error) => Err(error).raised(),
        }
    }

    /// Publishes all values of a C-contiguous array of the dtype, or of their bytes: one copy for as many as fit at a time. How
    /// many it was.
    ///
    /// It waits for room as `push` does. An exception says in `pushed` how many were published before.
    #[pyo3(signature = (values, timeout=None))]
    fn push_records(
        &self,
        py: Python<'_>,
        values: &Bound<'_, PyAny>,
        timeout: Option<f64>,
    ) -> PyResult<usize> {
        let deadline = Timeout::of(timeout)?.deadline();
        let timeout = || match deadline {
            None => Timeout::of(timeout),
            Some(_) => Ok(Timeout::until(deadline)),
        };
        let given = self.records.given(values)?;
        let (size, mut rest, mut pushed) = (self.records.size, given.bytes(), 0);
        loop {
            let more = until(py, &self.handle, timeout()?, rest.len() > MUCH, |end, slice| {
                if slice.is_some() {
                    end.wait(1, slice)?;
                }
                end.try_push_slice(rest)
            });
            let count = match more {
                Ok(count) => count,
                Err(error) if pushed > 0 => return Err(with_pushed(error, pushed)),
                Err(error) => return Err(error),
            };
            pushed += count;
            rest = rest.get(count * size..).unwrap_or_default();
            if rest.is_empty() {
                return Ok(pushed);
            }
        }
    }

    /// Lends room for `count` values, to be written in place: see `Reservation`. It waits for room as `push` does.
    ///
    /// >>> import shm_ring
    /// >>> tx, rx = shm_ring.pair("<f4", items=8)
    /// >>> with tx.reserve(3) as room:
    /// ...     room.array[:] = 1, 2, 3
    /// >>> rx.pop_records().tolist()
    /// [1.0, 2.0, 3.0]
    #[pyo3(signature = (count=1, timeout=None))]
    fn reserve(slf: Bound<'_, Self>, count: usize, timeout: Option<f64>) -> PyResult<Reservation> {
        let (py, timeout, this) = (slf.py(), Timeout::of(timeout)?, slf.get());
        until(py, &this.handle, timeout, false, |end, slice| match slice {
            None => end.try_reserve(count).map(drop),
            Some(slice) => end.wait(count, Some(slice)),
        })?;
        let size = this.records.size;
        let (lent, loan) = this.handle.lend(|end| {
            let mut room = end.try_reserve(count).raised()?;
            Ok((Lent::writing(room.as_mut_ptr(), count * size), count))
        })?;
        Ok(Reservation::of_values(slf.clone().unbind(), lent, loan))
    }

    /// How many values fit an empty ring.
    #[getter]
    fn capacity(&self) -> usize {
        self.capacity
    }

    /// A lower bound on the number of values that fit now.
    fn room(&self) -> PyResult<usize> {
        self.handle.with(|end| end.room_at_least())
    }

    /// Has a `push` that found the ring full woken as soon as so many values fit, and not only when half the ring is free
    /// (`None`, the default).
    #[pyo3(signature = (items))]
    fn set_threshold(&self, items: Option<usize>) -> PyResult<()> {
        self.handle.idle(|end| end.set_threshold(items))
    }

    /// Counts records that the caller throws away: `stat` and the command show the sum.
    fn count_dropped(&self, records: u64) -> PyResult<()> {
        self.handle.with(|end| end.count_dropped(records))
    }

    /// What the values are: the `numpy.dtype`, or a `Layout`.
    #[getter]
    fn dtype(&self, py: Python<'_>) -> Py<PyAny> {
        self.records.dtype.clone_ref(py)
    }
}

common!(Producer, "consumer", |end: &mut shm_ring_async::Async<UntypedProducer>,
                               cx: &mut core::task::Context<'_>,
                               amount| end.poll_room(cx, amount));
