//! Owns: room that was reserved and is written in place. Knows nothing of: how room is waited for.
#![allow(unsafe_code)]

use core::ffi::c_int;

use pyo3::exceptions::PyValueError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyMemoryView, PyTuple};

use crate::buffer::Lent;
use crate::errors::{Raised, invalid};
use crate::handle::Loan;
use crate::message_producer::MessageProducer;
use crate::producer::Producer;

enum Owner {
    Values(Py<Producer>),
    Messages(Py<MessageProducer>),
}

/// Room in the ring, to be written in place: a writable buffer. `commit` publishes it, `cancel` and dropping it do not. As a
/// context manager it commits all of it at the end, or cancels if the block raised.
///
/// Bytes that are not written keep parts of former records. `commit` is refused with `BufferError` while an array or a
/// memoryview of it is in use: the other side reads the room from then on.
///
/// >>> import shm_ring
/// >>> tx, rx = shm_ring.pair("<u2", items=8)
/// >>> room = tx.reserve(4)
/// >>> values = room.array
/// >>> values[:3] = 7, 8, 9
/// >>> room.commit(3)
/// Traceback (most recent call last):
///   ...
/// BufferError: 1 arrays or memoryviews of what is lent are in use: drop them first (del), or copy them
/// >>> del values
/// >>> room.commit(3)
/// >>> rx.pop_records().tolist()
/// [7, 8, 9]
#[pyclass(frozen, module = "shm_ring")]
pub(crate) struct Reservation {
    owner: Owner,
    lent: Lent,
    loan: Loan,
}

/// Evaluates an expression with the handle of the owner.
macro_rules! handle {
    ($this:expr, $handle:ident => $value:expr) => {
        match &$this.owner {
            Owner::Values(owner) => {
                let $handle = &owner.get().handle;
                $value
            }
            Owner::Messages(owner) => {
                let $handle = &owner.get().handle;
                $value
            }
        }
    };
}

impl Reservation {
    pub(crate) fn of_values(owner: Py<Producer>, lent: Lent, loan: Loan) -> Self {
        Self { owner: Owner::Values(owner), lent, loan }
    }

    pub(crate) fn of_messages(owner: Py<MessageProducer>, lent: Lent, loan: Loan) -> Self {
        Self { owner: Owner::Messages(owner), lent, loan }
    }

    fn publish(&self, count: usize) -> PyResult<()> {
        let (loan, lent) = (self.loan, self.loan.count);
        if count > lent {
            return Err(invalid(format!("{count} to commit of {lent} that were reserved")));
        }
        // The same room again: nobody has published since, so it is where it was.
        match &self.owner {
            Owner::Values(owner) => owner
                .get()
                .handle
                .settle(loan, |end| end.try_reserve(lent).map(|room| room.commit(count)))?
                .raised(),
            Owner::Messages(owner) => owner
                .get()
                .handle
                .settle(loan, |end| end.try_reserve(lent).map(|room| room.commit(count)))?
                .raised(),
        }
    }
}

#[pymethods]
impl Reservation {
    /// Publishes the first `count` values, or the first `count` bytes as the message; all of it if nothing is said.
    #[pyo3(signature = (count=None))]
    fn commit(&self, count: Option<usize>) -> PyResult<()> {
        self.publish(count.unwrap_or(self.loan.count))
    }

    /// Publishes nothing.
    fn cancel(&self) -> PyResult<()> {
        handle!(self, handle => handle.settle(self.loan, |_| ()))
    }

    /// The room as an array of the ring's dtype; as a memoryview where there is none. It is to be dropped before `commit`.
    #[getter]
    fn array<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        match &slf.get().owner {
            Owner::Values(owner) => owner.get().records.array(slf.as_any()),
            Owner::Messages(_) => Ok(PyMemoryView::from(slf.as_any())?.into_any()),
        }
    }

    /// Writes bytes to the room, from the byte `at` on.
    #[pyo3(signature = (data, at=0))]
    fn write(slf: &Bound<'_, Self>, data: &Bound<'_, PyAny>, at: usize) -> PyResult<()> {
        let py = slf.py();
        let from = PyMemoryView::from(data)?.call_method1("cast", ("B",))?;
        let (len, room) = (from.len()?, slf.get().lent.len());
        let end = at.checked_add(len).filter(|end| *end <= room).ok_or_else(|| {
            PyValueError::new_err(format!("{len} bytes at {at} of room for {room}: stay inside it"))
        })?;
        let slice = pyo3::types::PySlice::new(py, at as isize, end as isize, 1);
        PyMemoryView::from(slf.as_any())?.set_item(slice, from)
    }

    /// Values that fit, or bytes of the message.
    fn __len__(&self) -> usize {
        self.loan.count
    }

    fn __enter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    #[pyo3(signature = (*exception))]
    fn __exit__(&self, exception: &Bound<'_, PyTuple>) -> PyResult<()> {
        let raised = exception.get_item(0).is_ok_and(|class| !class.is_none());
        let (open, loan) =
            handle!(self, handle => (handle.check_loan(self.loan).is_ok(), self.loan));
        match (open, raised) {
            // It was committed or cancelled inside.
            (false, _) => Ok(()),
            (true, false) => self.publish(loan.count),
            (true, true) => {
                // An array of the room may live in the traceback: then the loan ends with this object.
                handle!(self, handle => handle.abandon(loan));
                Ok(())
            }
        }
    }

    unsafe fn __getbuffer__(
        slf: Bound<'_, Self>,
        view: *mut ffi::Py_buffer,
        flags: c_int,
    ) -> PyResult<()> {
        let this = slf.get();
        handle!(this, handle => {
            handle.check_loan(this.loan)?;
            // SAFETY: the view and flags of this call; the owner keeps the mapping, and is not closed before the buffer goes.
            unsafe { this.lent.fill(slf.clone().into_any(), view, flags) }?;
            handle.export();
        });
        Ok(())
    }

    unsafe fn __releasebuffer__(&self, _view: *mut ffi::Py_buffer) {
        handle!(self, handle => handle.unexport());
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        handle!(self, handle => handle.abandon(self.loan));
    }
}
