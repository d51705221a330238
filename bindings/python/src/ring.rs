//! Owns: rings by themselves, from which both ends are taken: for descriptors that are handed on, and for two threads. Knows
//! nothing of: records.

use std::os::fd::AsRawFd;

use pyo3::prelude::*;
use pyo3::types::PyDict;
use shm_ring::{MessageRing as Messages, Options, Region, UntypedRing};

use crate::consumer::Consumer;
use crate::errors::Raised;
use crate::message_consumer::MessageConsumer;
use crate::message_producer::MessageProducer;
use crate::place::{chosen, options as chosen_options, region};
use crate::producer::Producer;
use crate::records::Records;

/// A ring of values, from which the two roles are taken. `Producer` and `Consumer` do that in one step for the usual case.
///
/// Without a place it is memory that has no name: another process is handed its descriptor (`fileno`, by
/// `socket.send_fds` or inheritance) and gives that as the place.
///
/// >>> import shm_ring
/// >>> ring = shm_ring.Ring("<u4", items=100)
/// >>> tx = ring.producer()
/// >>> rx = shm_ring.Consumer.open(ring.fileno(), "<u4")   # in another process, which received the descriptor
/// >>> tx.push(7)
/// >>> rx.pop().item()
/// 7
#[pyclass(frozen, module = "shm_ring")]
pub(crate) struct Ring {
    ring: UntypedRing,
    dtype: Py<PyAny>,
    schema: u64,
}

#[pymethods]
impl Ring {
    #[new]
    #[pyo3(signature = (dtype, place=None, **options))]
    fn new(
        py: Python<'_>,
        dtype: &Bound<'_, PyAny>,
        place: Option<&Bound<'_, PyAny>>,
        options: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let chosen = chosen(options)?;
        let (records, item) = Records::of(dtype, chosen.schema)?;
        let ring = match place {
            Some(place) => {
                let region = region(place)?;
                py.detach(|| UntypedRing::open_or_create(region, item, &chosen.options))
            }
            None => py.detach(|| UntypedRing::create(memfd(), item, &chosen.options)),
        };
        Ok(Self { ring: ring.raised()?, dtype: records.dtype, schema: chosen.schema })
    }

    /// Replaces the ring under a name, which nobody uses and in which nothing is unread, by a new one: to change what it carries
    /// or how much.
    #[staticmethod]
    #[pyo3(signature = (dtype, place, **options))]
    fn replace_if_unused(
        py: Python<'_>,
        dtype: &Bound<'_, PyAny>,
        place: &Bound<'_, PyAny>,
        options: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let (place, chosen) = (region(place)?, chosen(options)?);
        let (records, item) = Records::of(dtype, chosen.schema)?;
        let replace = || UntypedRing::replace_if_unused(place, item, &chosen.options);
        let ring = py.detach(replace).raised()?;
        Ok(Self { ring, dtype: records.dtype, schema: chosen.schema })
    }

    /// Becomes the producer.
    fn producer(&self, py: Python<'_>) -> PyResult<Producer> {
        let (records, _) = Records::of(self.dtype.bind(py), self.schema)?;
        Producer::of_ring(py, &self.ring, records)
    }

    /// Becomes the consumer.
    fn consumer(&self, py: Python<'_>) -> PyResult<Consumer> {
        let (records, _) = Records::of(self.dtype.bind(py), self.schema)?;
        Consumer::of_ring(py, &self.ring, records)
    }

    /// The region's descriptor, as long as this object lives. It passes no role on.
    fn fileno(&self) -> i32 {
        self.ring.descriptor().as_raw_fd()
    }

    /// The random number that tells this ring from another one made later under the same name.
    #[getter]
    fn id(&self) -> u128 {
        self.ring.id()
    }

    /// The most bytes of records that are in the ring at once.
    #[getter]
    fn limit_bytes(&self) -> usize {
        self.ring.limit_bytes()
    }
}

/// A ring of messages, from which the two roles are taken: see `Ring`.
///
/// >>> import shm_ring
/// >>> ring = shm_ring.MessageRing(bytes=1 << 20)
/// >>> with ring.producer() as tx, ring.consumer() as rx:
/// ...     tx.push(b"a message")
/// ...     rx.pop()
/// b'a message'
#[pyclass(frozen, module = "shm_ring")]
pub(crate) struct MessageRing {
    ring: Messages,
}

#[pymethods]
impl MessageRing {
    #[new]
    #[pyo3(signature = (place=None, **options))]
    fn new(
        py: Python<'_>,
        place: Option<&Bound<'_, PyAny>>,
        options: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let options = chosen_options(options)?;
        let ring = match place {
            Some(place) => {
                let region = region(place)?;
                py.detach(|| Messages::open_or_create(region, &options))
            }
            None => py.detach(|| Messages::create(memfd(), &options)),
        };
        Ok(Self { ring: ring.raised()? })
    }

    /// Replaces the ring under a name, which nobody uses and in which nothing is unread, by a new one.
    #[staticmethod]
    #[pyo3(signature = (place, **options))]
    fn replace_if_unused(
        py: Python<'_>,
        place: &Bound<'_, PyAny>,
        options: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let (place, options) = (region(place)?, chosen_options(options)?);
        let ring = py.detach(|| Messages::replace_if_unused(place, &options)).raised()?;
        Ok(Self { ring })
    }

    /// Becomes the producer.
    fn producer(&self, py: Python<'_>) -> PyResult<MessageProducer> {
        MessageProducer::of_ring(py, &self.ring)
    }

    /// Becomes the consumer.
    fn consumer(&self, py: Python<'_>) -> PyResult<MessageConsumer> {
        MessageConsumer::of_ring(py, &self.ring)
    }

    /// The region's descriptor, as long as this object lives. It passes no role on.
    fn fileno(&self) -> i32 {
        self.ring.descriptor().as_raw_fd()
    }

    /// The random number that tells this ring from another one made later under the same name.
    #[getter]
    fn id(&self) -> u128 {
        self.ring.id()
    }

    /// The most bytes of records that are in the ring at once.
    #[getter]
    fn limit_bytes(&self) -> usize {
        self.ring.limit_bytes()
    }
}

fn memfd() -> Region {
    Region::memfd("shm_ring")
}

/// A ring of values without a name, and both its ends: for two threads, and for trying things out.
///
/// >>> import shm_ring
/// >>> tx, rx = shm_ring.pair("<f8", items=10)
/// >>> tx.push(1.5); rx.pop().item()
/// 1.5
#[pyfunction]
#[pyo3(signature = (dtype, **options))]
pub(crate) fn pair(
    py: Python<'_>,
    dtype: &Bound<'_, PyAny>,
    options: Option<&Bound<'_, PyDict>>,
) -> PyResult<(Producer, Consumer)> {
    let ring = Ring::new(py, dtype, None, options)?;
    Ok((ring.producer(py)?, ring.consumer(py)?))
}

/// A ring of messages without a name, and both its ends.
///
/// >>> import shm_ring
/// >>> tx, rx = shm_ring.message_pair(bytes=4096)
/// >>> tx.push(b"text"); rx.pop()
/// b'text'
#[pyfunction]
#[pyo3(signature = (**options))]
pub(crate) fn message_pair(
    py: Python<'_>,
    options: Option<&Bound<'_, PyDict>>,
) -> PyResult<(MessageProducer, MessageConsumer)> {
    let ring = MessageRing::new(py, None, options)?;
    Ok((ring.producer(py)?, ring.consumer(py)?))
}

/// Removes the name of a ring or latest value that nobody uses and in which nothing is unread.
///
/// With `unread` it removes what can still be read too, with `force` whatever stands under the name, also in use.
///
/// >>> import shm_ring
/// >>> shm_ring.unlink("/shm-ring-doc-nothing")
/// Traceback (most recent call last):
///   ...
/// shm_ring._errors.NotFound: no ring at /dev/shm/shm-ring-doc-nothing: create it, or check the name
#[pyfunction]
#[pyo3(signature = (place, *, unread=false, force=false, any_owner=false))]
pub(crate) fn unlink(
    py: Python<'_>,
    place: &Bound<'_, PyAny>,
    unread: bool,
    force: bool,
    any_owner: bool,
) -> PyResult<()> {
    let (place, options) = (region(place)?, Options::new());
    let options = if any_owner { options.any_owner() } else { options };
    py.detach(|| match (force, unread) {
        (true, _) => place.unlink(),
        (false, true) => place.unlink_unused_and_discard(&options),
        (false, false) => place.unlink_unused(&options),
    })
    .raised()
}
