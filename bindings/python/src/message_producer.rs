//! Owns: the producer of messages, and a byte stream over one. Knows nothing of: how a producer waits or is shared between
//! threads.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};
use shm_ring::{MessageProducer as End, MessageRing, PushError};

use crate::buffer::{Given, Lent};
use crate::common::common;
use crate::end::{Awaited, Bell};
use crate::errors::{Raised, with_pushed};
use crate::handle::Handle;
use crate::opening::opens_messages;
use crate::place::{options as chosen_options, region};
use crate::reservation::Reservation;
use crate::wait::{MUCH, Timeout, until};

/// The end of a ring that publishes messages: bytes of any length. One process at a time has it.
///
/// `MessageProducer(place, **options)` opens the ring or creates it; `create` and `open` do one of the two.
///
/// >>> import shm_ring
/// >>> tx, rx = shm_ring.message_pair()      # or each in its own process, by a name
/// >>> tx.push(b"of any length")
/// >>> tx.push(bytearray(3))                 # whatever is a buffer
/// >>> rx.pop(), rx.pop()
/// (b'of any length', b'\x00\x00\x00')
#[pyclass(frozen, module = "shm_ring")]
pub(crate) struct MessageProducer {
    pub(crate) handle: Handle<Awaited<End>>,
    max_len: usize,
}

impl MessageProducer {
    fn over(end: End) -> Self {
        let (interrupt, max_len) = (end.interrupt_handle(), end.max_len());
        Self { handle: Handle::holding(Awaited::new(end), Some(interrupt)), max_len }
    }

    /// Takes the role in a ring that is open.
    pub(crate) fn of_ring(py: Python<'_>, ring: &MessageRing) -> PyResult<Self> {
        Ok(Self::over(py.detach(|| ring.producer()).raised()?))
    }
}

opens_messages!(MessageProducer, End);

#[pymethods]
impl MessageProducer {
    /// Publishes a message: bytes, or whatever is a contiguous buffer.
    ///
    /// It waits for room as long as there is a consumer or none has come yet, at most `timeout` seconds: 0 does not wait.
    #[pyo3(signature = (message, timeout=None))]
    fn push(
        &self,
        py: Python<'_>,
        message: &Bound<'_, PyAny>,
        timeout: Option<f64>,
    ) -> PyResult<()> {
        let timeout = Timeout::of(timeout)?;
        let given = Given::of(message)?;
        let bytes = given.bytes();
        until(py, &self.handle, timeout, bytes.len() > MUCH, |end, slice| match slice {
            None => end.try_push(bytes),
            Some(slice) => end.push_timeout(bytes, slice),
        })
    }

    /// Publishes a message if there is room: whether it did.
    fn try_push(&self, py: Python<'_>, message: &Bound<'_, PyAny>) -> PyResult<bool> {
        let given = Given::of(message)?;
        let bytes = given.bytes();
        let pushed = match bytes.len() > MUCH {
            false => self.handle.idle(|end| end.try_push(bytes))?,
            true => self.handle.idle(|end| py.detach(|| end.try_push(bytes)))?,
        };
        match pushed {
            Ok(()) => Ok(true),
            Err(PushError::Full) => Ok(false),
            Err(error) => Err(error).raised(),
        }
    }

    /// Publishes all messages of a list, as many at a time as there is room for. How many it was.
    ///
    /// It waits for room as `push` does. An exception says in `pushed` how many were published before.
    #[pyo3(signature = (messages, timeout=None))]
    fn push_list(
        &self,
        py: Python<'_>,
        messages: &Bound<'_, PyList>,
        timeout: Option<f64>,
    ) -> PyResult<usize> {
        let deadline = Timeout::of(timeout)?.deadline();
        let objects: Vec<_> = messages.iter().collect();
        let given = objects.iter().map(Given::of).collect::<PyResult<Vec<_>>>()?;
        let all: Vec<&[u8]> = given.iter().map(Given::bytes).collect();
        let mut pushed = 0;
        while let Some(first) = all.get(pushed) {
            let rest = &all[pushed..];
            let more = until(py, &self.handle, Timeout::until(deadline), true, |end, slice| {
                if slice.is_some() {
                    end.wait(first.len(), slice)?;
                }
                end.try_push_batch(rest)
            });
            match more {
                Ok(count) => pushed += count,
                Err(error) => return Err(with_pushed(error, pushed)),
            }
        }
        Ok(pushed)
    }

    /// Lends room for a message of up to `size` bytes, to be written in place: see `Reservation`. It waits for room as `push`
    /// does.
    ///
    /// >>> import shm_ring
    /// >>> tx, rx = shm_ring.message_pair()
    /// >>> with tx.reserve(64) as room:
    /// ...     room.write(b"in place")
    /// ...     room.commit(8)
    /// >>> rx.pop()
    /// b'in place'
    #[pyo3(signature = (size, timeout=None))]
    fn reserve(slf: Bound<'_, Self>, size: usize, timeout: Option<f64>) -> PyResult<Reservation> {
        let (py, timeout, this) = (slf.py(), Timeout::of(timeout)?, slf.get());
        until(py, &this.handle, timeout, false, |end, slice| match slice {
            None => end.try_reserve(size).map(drop),
            Some(slice) => end.wait(size, Some(slice)),
        })?;
        let (lent, loan) = this.handle.lend(|end| {
            let mut room = end.try_reserve(size).raised()?;
            Ok((Lent::writing(room.as_mut_ptr(), size), size))
        })?;
        Ok(Reservation::of_messages(slf.clone().unbind(), lent, loan))
    }

    /// Publishes a part of a byte stream: as much of `data` as one message takes, at most a quarter of the ring. How many bytes
    /// that was. For `StreamWriter`.
    #[pyo3(signature = (data, timeout=None))]
    fn _write(
        &self,
        py: Python<'_>,
        data: &Bound<'_, PyAny>,
        timeout: Option<f64>,
    ) -> PyResult<usize> {
        let timeout = Timeout::of(timeout)?;
        let given = Given::of(data)?;
        let bytes = given.bytes();
        let part = &bytes[..bytes.len().min((self.max_len / 4).max(1))];
        if !part.is_empty() {
            until(py, &self.handle, timeout, part.len() > MUCH, |end, slice| match slice {
                None => end.try_push(part),
                Some(slice) => end.push_timeout(part, slice),
            })?;
        }
        Ok(part.len())
    }

    /// Bytes of the longest message that fits. It fills the ring.
    #[getter]
    fn max_len(&self) -> usize {
        self.max_len
    }

    /// A lower bound on the bytes of records that fit now, with 8 bytes or more of header for each message.
    fn room(&self) -> PyResult<usize> {
        self.handle.with(|end| end.room_at_least())
    }

    /// Has a `push` that found the ring full woken as soon as so many bytes of records are free, and not only when half the ring
    /// is (`None`, the default).
    #[pyo3(signature = (size))]
    fn set_threshold(&self, size: Option<usize>) -> PyResult<()> {
        self.handle.idle(|end| end.set_threshold(size))
    }

    /// Counts messages that the caller throws away: `stat` and the command show the sum.
    fn count_dropped(&self, records: u64) -> PyResult<()> {
        self.handle.with(|end| end.count_dropped(records))
    }
}

common!(MessageProducer, "consumer", |end: &mut shm_ring_async::Async<End>,
                                      cx: &mut core::task::Context<'_>,
                                      amount| end
    .poll_room(cx, amount));
