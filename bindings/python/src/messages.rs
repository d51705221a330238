//! Owns: messages that were peeked at and are read in place. Knows nothing of: how records are waited for.
#![allow(unsafe_code)]

use core::ffi::c_int;
use core::sync::atomic::{AtomicUsize, Ordering};

use pyo3::exceptions::PyIndexError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyMemoryView, PyTuple};

use crate::buffer::Lent;
use crate::errors::{Raised, invalid};
use crate::handle::Loan;
use crate::message_consumer::MessageConsumer;

/// Messages in the ring, to be read in place: a sequence of memoryviews. `release` gives their room back; dropping the view
/// leaves them where they are, to be seen again. As a context manager it releases all of them at the end, or none if the block
/// raised.
///
/// `release` is refused with `BufferError` while a memoryview of it, or what was made from one, is in use.
///
/// >>> import shm_ring
/// >>> tx, rx = shm_ring.message_pair()
/// >>> tx.push_list([b"one", b"three"])
/// 2
/// >>> with rx.peek(8) as view:
/// ...     print(len(view), bytes(view[0]), view[-1].nbytes)
/// 2 b'one' 5
/// >>> rx.unread()
/// 0
#[pyclass(frozen, module = "shm_ring")]
pub(crate) struct MessageView {
    owner: Py<MessageConsumer>,
    lent: Vec<Lent>,
    loan: Loan,
}

impl MessageView {
    pub(crate) fn new(owner: Py<MessageConsumer>, lent: Vec<Lent>, loan: Loan) -> Self {
        Self { owner, lent, loan }
    }

    fn give_back(&self, count: usize) -> PyResult<usize> {
        let lent = self.loan.count;
        if count > lent {
            return Err(invalid(format!("{count} to release of {lent} that were lent")));
        }
        // The same messages again: nobody has released since, so they are where they were.
        let released = self.owner.get().handle.settle(self.loan, |end| match count {
            0 => Ok(0),
            _ => end.try_peek(count).map(|view| view.release(count)),
        })?;
        released.raised()
    }
}

#[pymethods]
impl MessageView {
    /// Gives back the room of the first `count` messages, of all if nothing is said, and ends the view. How many it was.
    #[pyo3(signature = (count=None))]
    fn release(&self, count: Option<usize>) -> PyResult<usize> {
        self.give_back(count.unwrap_or(self.loan.count))
    }

    /// Messages in the view.
    fn __len__(&self) -> usize {
        self.lent.len()
    }

    /// One of them, where it stands.
    fn __getitem__<'py>(
        slf: &Bound<'py, Self>,
        index: isize,
    ) -> PyResult<Bound<'py, PyMemoryView>> {
        let this = slf.get();
        let len = this.lent.len();
        let at = if index < 0 { len.checked_add_signed(index) } else { Some(index.unsigned_abs()) };
        let lent = at
            .and_then(|at| this.lent.get(at))
            .copied()
            .ok_or_else(|| PyIndexError::new_err(format!("message {index} of a view of {len}")))?;
        let slice = Bound::new(slf.py(), MessageSlice { view: slf.clone().unbind(), lent })?;
        PyMemoryView::from(slice.as_any())
    }

    fn __iter__(slf: Py<Self>) -> MessageIterator {
        MessageIterator { view: slf, next: AtomicUsize::new(0) }
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
                // A memoryview of it may live in the traceback: then the loan ends with this object.
                handle.abandon(self.loan);
                Ok(())
            }
        }
    }
}

impl Drop for MessageView {
    fn drop(&mut self) {
        self.owner.get().handle.abandon(self.loan);
    }
}

/// Messages of a view, one after the other.
#[pyclass(frozen, module = "shm_ring._native")]
pub(crate) struct MessageIterator {
    view: Py<MessageView>,
    next: AtomicUsize,
}

#[pymethods]
impl MessageIterator {
    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyMemoryView>>> {
        let at = self.next.fetch_add(1, Ordering::Relaxed);
        match self.view.get().lent.get(at) {
            Some(_) => MessageView::__getitem__(self.view.bind(py), at as isize).map(Some),
            None => Ok(None),
        }
    }
}

/// One message of a view: what its memoryview is of.
#[pyclass(frozen, module = "shm_ring._native")]
pub(crate) struct MessageSlice {
    view: Py<MessageView>,
    lent: Lent,
}

#[pymethods]
impl MessageSlice {
    unsafe fn __getbuffer__(
        slf: Bound<'_, Self>,
        view: *mut ffi::Py_buffer,
        flags: c_int,
    ) -> PyResult<()> {
        let (this, messages) = (slf.get(), slf.get().view.get());
        let handle = &messages.owner.get().handle;
        handle.check_loan(messages.loan)?;
        // SAFETY: the view and flags of this call; the owner keeps the mapping, and is not closed before the buffer goes.
        unsafe { this.lent.fill(slf.clone().into_any(), view, flags) }?;
        handle.export();
        Ok(())
    }

    unsafe fn __releasebuffer__(&self, _view: *mut ffi::Py_buffer) {
        self.view.get().owner.get().handle.unexport();
    }
}
