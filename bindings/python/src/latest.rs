//! Owns: a latest value: its writer and its readers. Knows nothing of: how a reader waits or is shared between threads.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyTuple};
use shm_ring::{NextError, ReadError, UntypedLatest, UntypedLatestReader, UntypedLatestWriter};

use crate::common::peer;
use crate::errors::Raised;
use crate::handle::Handle;
use crate::place::{chosen, region};
use crate::records::Records;
use crate::wait::{Timeout, until};

fn opened(
    py: Python<'_>,
    place: &Bound<'_, PyAny>,
    dtype: &Bound<'_, PyAny>,
    options: Option<&Bound<'_, PyDict>>,
) -> PyResult<(UntypedLatest, Records)> {
    let (place, chosen) = (region(place)?, chosen(options)?);
    let (records, item) = Records::of(dtype, chosen.schema)?;
    let open = || UntypedLatest::open_or_create(place, item, &chosen.options);
    Ok((py.detach(open).raised()?, records))
}

/// The one that writes a latest value, which any number of `LatestReader` read. `LatestWriter(place, dtype, **options)` opens the
/// region or creates it; the option `history` says how many of the newest values it keeps at least.
///
/// >>> import shm_ring, os
/// >>> name = f"/shm-ring-doc-latest-{os.getpid()}"
/// >>> writer = shm_ring.LatestWriter(name, "<f8", history=10)
/// >>> reader = shm_ring.LatestReader(name, "<f8", history=10)
/// >>> for speed in 1.5, 1.6, 1.7: writer.write(speed)
/// >>> reader.read().item()
/// 1.7
/// >>> writer.close(); reader.close(); shm_ring.unlink(name, unread=True)
#[pyclass(frozen, module = "shm_ring")]
pub(crate) struct LatestWriter {
    handle: Handle<UntypedLatestWriter>,
    records: Records,
}

#[pymethods]
impl LatestWriter {
    #[new]
    #[pyo3(signature = (place, dtype, **options))]
    fn new(
        py: Python<'_>,
        place: &Bound<'_, PyAny>,
        dtype: &Bound<'_, PyAny>,
        options: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let (latest, records) = opened(py, place, dtype, options)?;
        let writer = py.detach(|| latest.writer()).raised()?;
        Ok(Self { handle: Handle::holding(writer, None), records })
    }

    /// Replaces the latest value. It never waits.
    fn write(&self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let given = self.records.given(value)?;
        self.handle.idle(|writer| writer.write(given.bytes()))?.raised()
    }

    /// Wakes the readers that wait: else they look once a millisecond.
    fn notify(&self) -> PyResult<()> {
        self.handle.idle(|writer| writer.notify())
    }

    /// How many values have been written.
    #[getter]
    fn version(&self) -> PyResult<u64> {
        self.handle.with(|writer| writer.version())
    }

    /// What the value is: the `numpy.dtype`, or a `Layout`.
    #[getter]
    fn dtype(&self, py: Python<'_>) -> Py<PyAny> {
        self.records.dtype.clone_ref(py)
    }

    /// Whether this end was closed here.
    #[getter]
    fn closed(&self) -> bool {
        self.handle.is_closed()
    }

    /// Closes in order: readers that wait learn of it.
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
}

/// One that reads a latest value, whose writer never learns of it.
///
/// `read` is the newest, `read_newer` waits for one that this reader has not seen, and `next` takes each in order, and raises
/// `Lagged` for those that were lost.
///
/// >>> import shm_ring, os
/// >>> name = f"/shm-ring-doc-latest-reader-{os.getpid()}"
/// >>> writer = shm_ring.LatestWriter(name, "<i8", history=8)
/// >>> reader = shm_ring.LatestReader(name, "<i8", history=8)
/// >>> writer.write(1); writer.write(2)
/// >>> reader.next().item(), reader.next().item()
/// (1, 2)
/// >>> reader.read_newer(timeout=0.01)
/// Traceback (most recent call last):
///   ...
/// shm_ring._errors.TimedOut: nothing new was written until the deadline
/// >>> writer.close(); reader.close(); shm_ring.unlink(name, unread=True)
#[pyclass(frozen, module = "shm_ring")]
pub(crate) struct LatestReader {
    handle: Handle<UntypedLatestReader>,
    records: Records,
}

impl LatestReader {
    fn filled<'py>(
        &self,
        py: Python<'py>,
        fill: impl FnOnce(&mut [u8]) -> PyResult<()>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.records.scalar(PyBytes::new_with(py, self.records.size, fill)?)
    }
}

#[pymethods]
impl LatestReader {
    #[new]
    #[pyo3(signature = (place, dtype, **options))]
    fn new(
        py: Python<'_>,
        place: &Bound<'_, PyAny>,
        dtype: &Bound<'_, PyAny>,
        options: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let (latest, records) = opened(py, place, dtype, options)?;
        let reader = py.detach(|| latest.reader()).raised()?;
        Ok(Self { handle: Handle::holding(reader, None), records })
    }

    /// A copy of the newest value. It never waits. `Empty` if there was none yet.
    fn read<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.filled(py, |place| self.handle.idle(|reader| reader.read_into(place))?.raised())
    }

    /// Copies the newest value to `out`, an array of one value of the dtype, or bytes of its size.
    fn read_into(&self, out: &Bound<'_, PyAny>) -> PyResult<()> {
        let mut place = self.records.place(out)?;
        self.handle.idle(|reader| reader.read_into(place.place()))?.raised()
    }

    /// A copy of a value that this reader has not read, waiting for one for at most `timeout` seconds. `Closed` or `PeerDead` if
    /// there is none and the writer is gone.
    #[pyo3(signature = (timeout=None))]
    fn read_newer<'py>(
        &self,
        py: Python<'py>,
        timeout: Option<f64>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let timeout = Timeout::of(timeout)?;
        self.filled(py, |place| {
            until(py, &self.handle, timeout, false, |reader, slice| match slice {
                None if matches!(reader.has_newer(), Ok(false)) => Err(ReadError::TimedOut),
                None => reader.read_newer_into(place, Some(core::time::Duration::ZERO)),
                Some(slice) => reader.read_newer_into(place, Some(slice)),
            })
        })
    }

    /// The value after the last one that this reader came to, waiting for one for at most `timeout` seconds. `Lagged` says how
    /// many were lost, and the next call goes on.
    #[pyo3(signature = (timeout=None))]
    fn next<'py>(&self, py: Python<'py>, timeout: Option<f64>) -> PyResult<Bound<'py, PyAny>> {
        let timeout = Timeout::of(timeout)?;
        self.filled(py, |place| {
            until(py, &self.handle, timeout, false, |reader, slice| match slice {
                None => reader.try_next_into(place),
                Some(slice) => reader.next_into(place, Some(slice)),
            })
        })
    }

    /// The value after the last one if there is one, else `None`.
    fn try_next<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let mut answer = Ok(());
        let bytes = PyBytes::new_with(py, self.records.size, |place| {
            answer = self.handle.idle(|reader| reader.try_next_into(place))?;
            Ok(())
        })?;
        match answer {
            Ok(()) => self.records.scalar(bytes).map(Some),
            Err(NextError::Empty) => Ok(None),
            Err(error) => Err(error).raised(),
        }
    }

    /// Goes back to the oldest value that is kept.
    fn start_at_oldest(&self) -> PyResult<()> {
        self.handle.idle(|reader| reader.start_at_oldest())?.raised()
    }

    /// Whether there is a value newer than what this reader has read.
    fn has_newer(&self) -> PyResult<bool> {
        self.handle.idle(|reader| reader.has_newer())?.raised()
    }

    /// The number of the value that was read last.
    #[getter]
    fn version(&self) -> PyResult<u64> {
        self.handle.with(|reader| reader.version())
    }

    /// The writer: a dict as that of `Consumer.peer`.
    fn writer<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let found = self.handle.with(|reader| reader.writer())?;
        peer(py, found)
    }

    /// What the value is: the `numpy.dtype`, or a `Layout`.
    #[getter]
    fn dtype(&self, py: Python<'_>) -> Py<PyAny> {
        self.records.dtype.clone_ref(py)
    }

    /// Whether this reader was closed here.
    #[getter]
    fn closed(&self) -> bool {
        self.handle.is_closed()
    }

    /// Closes it.
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
}
