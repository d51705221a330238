//! Owns: the consumer of messages, and a byte stream over one. Knows nothing of: how a consumer waits or is shared between
//! threads.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyTuple};
use shm_ring::{Ends, MessageConsumer as End, MessageRing, PopError};

use crate::buffer::{Buffer, Lent};
use crate::common::common;
use crate::consumer::until_closed;
use crate::end::{Awaited, Bell};
use crate::errors::{Raised, invalid};
use crate::handle::Handle;
use crate::messages::MessageView;
use crate::opening::opens_messages;
use crate::place::{options as chosen_options, region};
use crate::wait::{MUCH, Timeout, until};

/// Bytes of a short message.
const SHORT: usize = 2048;

/// The end of a ring that reads messages, as bytes. One process at a time has it.
///
/// `MessageConsumer(place, **options)` opens the ring or creates it; `create` and `open` do one of the two. Iterating, also by
/// `async for`, ends when the producer has closed and everything was read.
///
/// >>> import shm_ring
/// >>> tx, rx = shm_ring.message_pair()
/// >>> tx.push_list([b"one", b"two", b"three"]); tx.close()
/// 3
/// >>> rx.pop_list(2)
/// [b'one', b'two']
/// >>> [message for message in rx]
/// [b'three']
/// >>> rx.try_pop() is None
/// True
#[pyclass(frozen, module = "shm_ring")]
pub(crate) struct MessageConsumer {
    pub(crate) handle: Handle<Awaited<End>>,
    max_len: usize,
}

impl MessageConsumer {
    fn over(end: End) -> Self {
        let (interrupt, max_len) = (end.interrupt_handle(), end.max_len());
        Self { handle: Handle::holding(Awaited::with_room(end, SHORT), Some(interrupt)), max_len }
    }

    /// Takes the role in a ring that is open.
    pub(crate) fn of_ring(py: Python<'_>, ring: &MessageRing) -> PyResult<Self> {
        Ok(Self::over(py.detach(|| ring.consumer()).raised()?))
    }

    /// The oldest message, if there is one. A short one is copied twice: how long it is comes with it, in the one look that
    /// a pop takes. A longer one is copied once, into bytes that Python gets.
    #[inline]
    fn take<'py>(&self, py: Python<'py>) -> PyResult<Result<Bound<'py, PyBytes>, PopError>> {
        self.handle.idle(|end| {
            let (end, short) = end.parts();
            let needed = match end.try_pop_to(short) {
                Ok(len) => {
                    let copy = |room: &mut [u8]| {
                        room.copy_from_slice(&short[..len]);
                        Ok(())
                    };
                    return PyBytes::new_with(py, len, copy).map(Ok);
                }
                Err(PopError::TooSmall { needed, .. }) => needed,
                Err(error) => return Ok(Err(error)),
            };
            let mut taken = Ok(needed);
            let bytes = PyBytes::new_with(py, needed, |room| {
                taken = match needed > MUCH {
                    false => end.try_pop_to(room),
                    true => py.detach(|| end.try_pop_to(room)),
                };
                Ok(())
            })?;
            Ok(taken.map(|_| bytes))
        })?
    }

    /// Waits until there is something.
    fn wait_for_one(&self, py: Python<'_>, timeout: Timeout) -> PyResult<()> {
        until(py, &self.handle, timeout, false, |end, slice| match slice {
            None => end.try_peek(1).map(drop),
            Some(slice) => end.wait(1, Some(slice)),
        })
    }

    fn pop_within<'py>(&self, py: Python<'py>, timeout: Timeout) -> PyResult<Bound<'py, PyBytes>> {
        let deadline = timeout.deadline();
        let mut left = timeout;
        loop {
            match self.take(py)? {
                Ok(bytes) => return Ok(bytes),
                Err(PopError::Empty) => self.wait_for_one(py, left)?,
                Err(error) => return Err(error).raised(),
            }
            if deadline.is_some() {
                left = Timeout::until(deadline);
            }
        }
    }
}

opens_messages!(MessageConsumer, End);

#[pymethods]
impl MessageConsumer {
    /// Takes the oldest message.
    ///
    /// It waits for one as long as there is a producer or none has come yet, at most `timeout` seconds: 0 does not wait. When
    /// everything was read it raises `Closed` or `PeerDead` once the producer is gone.
    #[pyo3(signature = (timeout=None))]
    fn pop<'py>(&self, py: Python<'py>, timeout: Option<f64>) -> PyResult<Bound<'py, PyBytes>> {
        self.pop_within(py, Timeout::of(timeout)?)
    }

    /// Takes the oldest message if there is one, else `None`. It does not ask whether the producer is gone.
    fn try_pop<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        match self.take(py)? {
            Ok(bytes) => Ok(Some(bytes)),
            Err(PopError::Empty) => Ok(None),
            Err(error) => Err(error).raised(),
        }
    }

    /// Takes the oldest message into `out`, a writable buffer: how many bytes it has. One that is longer than `out` stays, and
    /// `InvalidArgument` says how long it is. It waits as `pop` does.
    #[pyo3(signature = (out, timeout=None))]
    fn pop_into(
        &self,
        py: Python<'_>,
        out: &Bound<'_, PyAny>,
        timeout: Option<f64>,
    ) -> PyResult<usize> {
        let timeout = Timeout::of(timeout)?;
        let mut buffer = Buffer::write(out)?;
        let place = buffer.place();
        until(py, &self.handle, timeout, place.len() > MUCH, |end, slice| match slice {
            None => end.try_pop_to(place),
            Some(slice) => end.pop_to_timeout(place, slice),
        })
    }

    /// Takes up to `max` messages of those that are there, at least one. It waits for the first as `pop` does.
    #[pyo3(signature = (max, timeout=None))]
    fn pop_list<'py>(
        &self,
        py: Python<'py>,
        max: usize,
        timeout: Option<f64>,
    ) -> PyResult<Bound<'py, PyList>> {
        let list = PyList::empty(py);
        if max == 0 {
            return Ok(list);
        }
        self.wait_for_one(py, Timeout::of(timeout)?)?;
        let mut failed = None;
        let popped = self.handle.idle(|end| {
            let view = match end.try_peek(max) {
                Ok(view) => view,
                Err(error) => return Err(error),
            };
            let mut copied = 0;
            for message in view.iter() {
                let copy =
                    |to: &mut [u8]| message.copy_to(0, to).map_err(|out| invalid(out.to_string()));
                let added =
                    PyBytes::new_with(py, message.len(), copy).and_then(|one| list.append(one));
                if let Err(error) = added {
                    failed = Some(error);
                    break;
                }
                copied += 1;
            }
            // What was not copied stays.
            view.release(copied);
            Ok(copied)
        })?;
        match (popped, failed) {
            (Ok(0), Some(error)) => Err(error),
            (Ok(_), _) => Ok(list),
            (Err(error), _) => Err(error).raised(),
        }
    }

    /// Lends up to `max` of the messages that are there, at least one, to be read in place: see `MessageView`. It waits for the
    /// first as `pop` does.
    #[pyo3(signature = (max=1, timeout=None))]
    fn peek(slf: Bound<'_, Self>, max: usize, timeout: Option<f64>) -> PyResult<MessageView> {
        let (py, timeout, this) = (slf.py(), Timeout::of(timeout)?, slf.get());
        if max == 0 {
            return Err(invalid("a view of no messages: give 1 or more"));
        }
        this.wait_for_one(py, timeout)?;
        let (lent, loan) = this.handle.lend(|end| {
            let view = end.try_peek(max).raised()?;
            let lent: Vec<Lent> =
                view.iter().map(|message| Lent::reading(message.as_ptr(), message.len())).collect();
            let count = lent.len();
            Ok((lent, count))
        })?;
        Ok(MessageView::new(slf.clone().unbind(), lent, loan))
    }

    /// A part of a byte stream into `out`, from the byte `read` of the next message on: bytes that were copied, and whether the
    /// message was read to its end and released. For `StreamReader`.
    #[pyo3(signature = (out, read, timeout=None))]
    fn _read(
        &self,
        py: Python<'_>,
        out: &Bound<'_, PyAny>,
        read: usize,
        timeout: Option<f64>,
    ) -> PyResult<(usize, bool)> {
        let mut buffer = Buffer::write(out)?;
        self.wait_for_one(py, Timeout::of(timeout)?)?;
        let place = buffer.place();
        let copied = self.handle.idle(|end| {
            py.detach(|| {
                let view = end.try_peek(1)?;
                let message = view.first();
                let len = message.len().saturating_sub(read).min(place.len());
                // A length that was checked a moment ago.
                let copied = message.copy_to(read, &mut place[..len]).map_or(0, |()| len);
                let whole = read.saturating_add(copied) >= message.len();
                if whole {
                    view.release(1);
                }
                Ok::<_, PopError>((copied, whole))
            })
        })?;
        copied.raised()
    }

    /// Reports the end of every stream from now on. For `StreamReader`.
    fn _of_stream(&self) -> PyResult<()> {
        self.handle.idle(|end| _ = end.set_ends(Ends::OfStream))
    }

    /// Bytes of records that are there, with 8 bytes or more of header for each message.
    fn unread(&self) -> PyResult<usize> {
        self.handle.with(|end| end.len_bytes())
    }

    /// Throws away all messages that are there: how many bytes of records that were.
    fn skip_unread(&self) -> PyResult<usize> {
        self.handle.idle(|end| end.skip_unread())?.raised()
    }

    /// Has a `pop` that found the ring empty wait for so many bytes of records, but for at most `within` seconds once there is
    /// one. `None` waits for one.
    #[pyo3(signature = (size, within=0.0))]
    fn set_threshold(&self, size: Option<usize>, within: f64) -> PyResult<()> {
        let within = Timeout::of(Some(within))?.time();
        let threshold = size.map(|bytes| shm_ring::Threshold::bytes(bytes, within));
        self.handle.idle(|end| end.set_threshold(threshold))
    }

    /// Bytes of the longest message that fits.
    #[getter]
    fn max_len(&self) -> usize {
        self.max_len
    }

    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        until_closed(py, self.pop_within(py, Timeout::of(None)?))
    }

    fn __aiter__<'py>(slf: Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import("shm_ring.aio")?.call_method1("AsyncMessageConsumer", (slf,))
    }
}

common!(MessageConsumer, "producer", |end: &mut shm_ring_async::Async<End>,
                                      cx: &mut core::task::Context<'_>,
                                      _| end
    .poll_readable(cx));
