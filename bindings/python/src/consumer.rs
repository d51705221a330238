//! Owns: the consumer of values. Knows nothing of: how a consumer waits or is shared between threads.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyTuple};
use shm_ring::{PopError, UntypedConsumer, UntypedRing};

use crate::buffer::{Buffer, Lent};
use crate::common::common;
use crate::end::{Awaited, Bell};
use crate::errors::{Closed, Raised, invalid};
use crate::handle::Handle;
use crate::opening::opens_values;
use crate::place::{chosen, region};
use crate::records::Records;
use crate::view::View;
use crate::wait::{MUCH, Timeout, until};

/// The end of a ring that reads values of a dtype. One process at a time has it.
///
/// `Consumer(place, dtype, **options)` opens the ring or creates it; `create` and `open` do one of the two. Iterating, also by
/// `async for`, ends when the producer has closed and everything was read.
///
/// >>> import numpy as np, shm_ring
/// >>> tx, rx = shm_ring.pair(np.float64)
/// >>> tx.push_records(np.arange(5.0)); tx.close()
/// 5
/// >>> out = np.empty(3)
/// >>> rx.pop_records(out=out)
/// array([0., 1., 2.])
/// >>> [float(value) for value in rx]
/// [3.0, 4.0]
/// >>> rx.pop()
/// Traceback (most recent call last):
///   ...
/// shm_ring._errors.Closed: the ring is empty and its producer has closed it
#[pyclass(frozen, module = "shm_ring")]
pub(crate) struct Consumer {
    pub(crate) handle: Handle<Awaited<UntypedConsumer>>,
    pub(crate) records: Records,
    capacity: usize,
}

impl Consumer {
    fn over(end: UntypedConsumer, records: Records) -> Self {
        let (interrupt, capacity) = (end.interrupt_handle(), end.capacity());
        Self { handle: Handle::holding(Awaited::new(end), Some(interrupt)), records, capacity }
    }

    /// Takes the role in a ring that is open.
    pub(crate) fn of_ring(py: Python<'_>, ring: &UntypedRing, records: Records) -> PyResult<Self> {
        let end = py.detach(|| ring.consumer()).raised()?;
        Ok(Self::over(end, records))
    }

    /// The oldest value into bytes that Python gets, if there is one.
    fn take<'py>(&self, py: Python<'py>) -> PyResult<Result<Bound<'py, PyBytes>, PopError>> {
        // Room first: a value that was taken and has none would be lost.
        let mut popped = Ok(());
        let bytes = PyBytes::new_with(py, self.records.size, |room| {
            popped = match room.len() > MUCH {
                false => self.handle.idle(|end| end.try_pop_into(room))?,
                true => self.handle.idle(|end| py.detach(|| end.try_pop_into(room)))?,
            };
            Ok(())
        })?;
        Ok(popped.map(|()| bytes))
    }

    /// Waits until there is something.
    fn wait_for_one(&self, py: Python<'_>, timeout: Timeout) -> PyResult<()> {
        until(py, &self.handle, timeout, false, |end, slice| match slice {
            None => end.try_peek(1).map(drop),
            Some(slice) => end.wait(1, Some(slice)),
        })
    }

    fn pop_within<'py>(&self, py: Python<'py>, timeout: Timeout) -> PyResult<Bound<'py, PyAny>> {
        let mut left = timeout;
        let deadline = timeout.deadline();
        loop {
            match self.take(py)? {
                Ok(bytes) => return self.records.scalar(bytes),
                Err(PopError::Empty) => self.wait_for_one(py, left)?,
                Err(error) => return Err(error).raised(),
            }
            if deadline.is_some() {
                left = Timeout::until(deadline);
            }
        }
    }

    fn pop_out(&self, py: Python<'_>, mut out: Buffer, timeout: Timeout) -> PyResult<usize> {
        let place = out.place();
        if place.is_empty() {
            return Err(invalid("there is no room in `out`: give an array of one value or more"));
        }
        until(py, &self.handle, timeout, place.len() > MUCH, |end, slice| match slice {
            None => end.try_pop_slice(place),
            Some(slice) => end.pop_slice_timeout(place, slice),
        })
    }

    /// Up to `max` values, at least one.
    pub(crate) fn pop_many<'py>(
        &self,
        py: Python<'py>,
        max: usize,
        timeout: Timeout,
    ) -> PyResult<Bound<'py, PyAny>> {
        if max == 0 {
            return self.records.empty(py, 0);
        }
        self.wait_for_one(py, timeout)?;
        let there = self.handle.with(|end| end.len())?.clamp(1, max);
        let out = self.records.empty(py, there)?;
        let count = self.pop_out(py, Buffer::write(&out)?, timeout)?;
        if count == there { Ok(out) } else { self.records.first(&out, count) }
    }
}

opens_values!(Consumer, UntypedConsumer);

#[pymethods]
impl Consumer {
    /// Takes the oldest value: a scalar of the dtype, or bytes where there is none.
    ///
    /// It waits for one as long as there is a producer or none has come yet, at most `timeout` seconds: 0 does not wait. When
    /// everything was read it raises `Closed` or `PeerDead` once the producer is gone.
    #[pyo3(signature = (timeout=None))]
    fn pop<'py>(&self, py: Python<'py>, timeout: Option<f64>) -> PyResult<Bound<'py, PyAny>> {
        self.pop_within(py, Timeout::of(timeout)?)
    }

    /// Takes the oldest value if there is one, else `None`. It does not ask whether the producer is gone.
    fn try_pop<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        match self.take(py)? {
            Ok(bytes) => self.records.scalar(bytes).map(Some),
            Err(PopError::Empty) => Ok(None),
            Err(error) => Err(error).raised(),
        }
    }

    /// Takes as many values as are there, up to `max` or as many as `out` has room for, by one copy: an array of them. It waits
    /// for the first as `pop` does.
    ///
    /// With `out`, an array of the dtype (or any writable bytes), they are copied there, and what is returned is its first part.
    #[pyo3(signature = (max=None, *, out=None, timeout=None))]
    fn pop_records<'py>(
        &self,
        py: Python<'py>,
        max: Option<usize>,
        out: Option<&Bound<'py, PyAny>>,
        timeout: Option<f64>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let timeout = Timeout::of(timeout)?;
        let Some(out) = out else {
            return self.pop_many(py, max.unwrap_or(usize::MAX), timeout);
        };
        if let Some(max) = max {
            let place = self.records.first(out, max)?;
            let count = self.pop_out(py, self.records.place(&place)?, timeout)?;
            return self.records.first(out, count);
        }
        let count = self.pop_out(py, self.records.place(out)?, timeout)?;
        self.records.first(out, count)
    }

    /// Takes up to `max` values, at least one, as a list of scalars. It waits for the first as `pop` does.
    #[pyo3(signature = (max, timeout=None))]
    fn pop_list<'py>(
        &self,
        py: Python<'py>,
        max: usize,
        timeout: Option<f64>,
    ) -> PyResult<Bound<'py, PyList>> {
        let popped = self.pop_many(py, max, Timeout::of(timeout)?)?;
        if self.records.has_dtype() {
            return PyList::new(py, popped.try_iter()?.collect::<PyResult<Vec<_>>>()?);
        }
        let bytes = Buffer::read(&popped)?;
        PyList::new(
            py,
            bytes.bytes().chunks_exact(self.records.size).map(|one| PyBytes::new(py, one)),
        )
    }

    /// Iterates over arrays of up to `max` values each, of what is there, until the producer has closed.
    ///
    /// >>> import numpy as np, shm_ring
    /// >>> tx, rx = shm_ring.pair(np.int64)
    /// >>> tx.push_records(np.arange(5)); tx.close()
    /// 5
    /// >>> [batch.tolist() for batch in rx.batches(3)]
    /// [[0, 1, 2], [3, 4]]
    fn batches(slf: Py<Self>, max: usize) -> PyResult<Batches> {
        match max {
            0 => Err(invalid("batches of no values: give 1 or more")),
            max => Ok(Batches { consumer: slf, max }),
        }
    }

    /// Lends up to `max` of the values that are there, at least one, to be read in place: see `View`. It waits for the first as
    /// `pop` does.
    ///
    /// >>> import numpy as np, shm_ring
    /// >>> tx, rx = shm_ring.pair(np.int64)
    /// >>> tx.push_records(np.arange(5))
    /// 5
    /// >>> with rx.peek(3) as view:
    /// ...     print(len(view), view.array.sum())
    /// 3 3
    /// >>> rx.unread()
    /// 2
    #[pyo3(signature = (max=1, timeout=None))]
    fn peek(slf: Bound<'_, Self>, max: usize, timeout: Option<f64>) -> PyResult<View> {
        let (py, timeout, this) = (slf.py(), Timeout::of(timeout)?, slf.get());
        if max == 0 {
            return Err(invalid("a view of no values: give 1 or more"));
        }
        this.wait_for_one(py, timeout)?;
        let size = this.records.size;
        let (lent, loan) = this.handle.lend(|end| {
            let view = end.try_peek(max).raised()?;
            let count = view.len();
            Ok((Lent::reading(view.as_ptr(), count * size), count))
        })?;
        Ok(View::new(slf.clone().unbind(), lent, loan))
    }

    /// How many values are there.
    fn unread(&self) -> PyResult<usize> {
        self.handle.with(|end| end.len())
    }

    /// Throws away all values that are there: how many.
    fn skip_unread(&self) -> PyResult<usize> {
        self.handle.idle(|end| end.skip_unread())?.raised()
    }

    /// Has a `pop` that found the ring empty wait for so many values, but for at most `within` seconds once there is one.
    /// `None` waits for one.
    #[pyo3(signature = (items, within=0.0))]
    fn set_threshold(&self, items: Option<usize>, within: f64) -> PyResult<()> {
        let within = Timeout::of(Some(within))?.time();
        let bytes = items.map(|items| items.saturating_mul(self.records.size));
        let threshold = bytes.map(|bytes| shm_ring::Threshold::bytes(bytes, within));
        self.handle.idle(|end| end.set_threshold(threshold))
    }

    /// How many values fit an empty ring.
    #[getter]
    fn capacity(&self) -> usize {
        self.capacity
    }

    /// What the values are: the `numpy.dtype`, or a `Layout`.
    #[getter]
    fn dtype(&self, py: Python<'_>) -> Py<PyAny> {
        self.records.dtype.clone_ref(py)
    }

    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        until_closed(py, self.pop_within(py, Timeout::of(None)?))
    }

    fn __aiter__<'py>(slf: Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import("shm_ring.aio")?.call_method1("AsyncConsumer", (slf,))
    }
}

common!(Consumer, "producer", |end: &mut shm_ring_async::Async<UntypedConsumer>,
                               cx: &mut core::task::Context<'_>,
                               _| end.poll_readable(cx));

/// The end of an iteration, where the producer has closed.
pub(crate) fn until_closed<T>(py: Python<'_>, popped: PyResult<T>) -> PyResult<Option<T>> {
    match popped {
        Err(error) if error.is_instance_of::<Closed>(py) => Ok(None),
        popped => popped.map(Some),
    }
}

/// Arrays of values, one after the other: what `Consumer.batches` returns.
#[pyclass(frozen, module = "shm_ring._native")]
pub(crate) struct Batches {
    consumer: Py<Consumer>,
    max: usize,
}

#[pymethods]
impl Batches {
    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        until_closed(py, self.consumer.get().pop_many(py, self.max, Timeout::of(None)?))
    }
}
