//! Owns: values that were peeked at and are read in place. Knows nothing of: how records are waited for.
#![allow(unsafe_code)]

use core::ffi::c_int;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::buffer::Lent;
use crate::consumer::Consumer;
use crate::errors::{Raised, invalid};
use crate::handle::Loan;

/// Values in the ring, to be read in place: a buffer that cannot be written. `release` gives their room back; dropping the view
/// leaves them where they are, to be seen again. As a context manager it releases all of them at the end, or none if the block
/// raised.
///
/// `release` is refused with `BufferError` while an array or a memoryview of it is in use: the producer writes there from then
/// on.
///
/// >>> import numpy as np, shm_ring
/// >>> tx, rx = shm_ring.pair(np.int64)
/// >>> tx.push_records(np.arange(5))
/// 5
/// >>> view = rx.peek(4)
/// >>> values = view.array
/// >>> values.tolist()
/// [0, 1, 2, 3]
/// >>> view.release()
/// Traceback (most recent call last):
///   ...
/// BufferError: 1 arrays or memoryviews of what is lent are in use: drop them first (del), or copy them
/// >>> del values
/// >>> view.release(2)
/// 2
/// >>> rx.pop().item()
/// 2
#[pyclass(frozen, module = "shm_ring")]
pub(crate) struct View {
    owner: Py<Consumer>,
    lent: Lent,
    loan: Loan,
}

impl View {
    pub(crate) fn new(owner: Py<Consumer>, lent: Lent, loan: Loan) -> Self {
        Self { owner, lent, loan }
    }

    fn give_back(&self, count: usize) -> PyResult<usize> {
        let lent = self.loan.count;
        if count > lent {
            return Err(invalid(format!("{count} to release of {lent} that were lent")));
        }
        // The same values again: nobody has released since, so they are where they were.
        let released = self.owner.get().handle.settle(self.loan, |end| match count {
            0 => Ok(()),
            _ => end.try_peek(count).map(|view| view.release(count)),
        })?;
        released.raised()?;
        Ok(count)
    }
}

#[pymethods]
impl View {
    /// Gives back the room of the first `count` values, of all if nothing is said, and ends the view. How many it was.
    #[pyo3(signature = (count=None))]
    fn release(&self, count: Option<usize>) -> PyResult<usize> {
        self.give_back(count.unwrap_or(self.loan.count))
    }

    /// The values as an array of the ring's dtype, or as a memoryview where there is none. It is to be dropped before `release`.
    #[getter]
    fn array<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        slf.get().owner.get().records.array(slf.as_any())
    }

    /// Values in the view.
    fn __len__(&self) -> usize {
        self.loan.count
    }

    fn __enter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    #[pyo3(signature = (*exception))]
    fn __exit__(&self, exception: &Bound<'_, PyTuple>) -> PyResult<()> {
        let raised = exception.get_item(0).is_ok_and(|class| !class.is_none());
        let handle = &self.owner.get().handle;
        match (handle.check_loan(self.loan).is_ok(), raised) {
            // It was released inside.
            (false, _) => Ok(()),
            (true, false) => self.give_back(self.loan.count).map(drop),
            (true, true) => {
                // An array of it may live in the traceback: then the loan ends with this object.
                handle.abandon(self.loan);
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
        let handle = &this.owner.get().handle;
        handle.check_loan(this.loan)?;
        // SAFETY: the view and flags of this call; the owner keeps the mapping, and is not closed before the buffer goes.
        unsafe { this.lent.fill(slf.clone().into_any(), view, flags) }?;
        handle.export();
        Ok(())
    }

    unsafe fn __releasebuffer__(&self, _view: *mut ffi::Py_buffer) {
        self.owner.get().handle.unexport();
    }
}

impl Drop for View {
    fn drop(&mut self) {
        self.owner.get().handle.abandon(self.loan);
    }
}
