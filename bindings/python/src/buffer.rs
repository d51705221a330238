//! Owns: memory that crosses the border to Python: buffers that Python gives, what is lent to it as one, a descriptor's number.
//! Knows nothing of: rings.
//!
//! Invariants of the unsafe blocks:
//! 1. A `Buffer` holds its `Py_buffer` from `PyObject_GetBuffer` to `PyBuffer_Release`: between them the exporter keeps `len`
//!    bytes at `buf` where they are. C-contiguous is asked for, so these are all of its bytes.
//! 2. While a call uses them without the lock of CPython, another thread of Python may write them, as with every call of a
//!    module that does so (`file.readinto`): then the bytes are a mixture. They are numbers to us, never a pointer or an index.
#![allow(unsafe_code)]

use core::ffi::{c_int, c_void};
use core::mem::MaybeUninit;
use std::os::fd::{FromRawFd, OwnedFd};

use pyo3::exceptions::PyBufferError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// A buffer of Python's.
pub(crate) struct Buffer {
    view: ffi::Py_buffer,
}

impl Buffer {
    fn get(object: &Bound<'_, PyAny>, flags: c_int) -> PyResult<Self> {
        let mut view = MaybeUninit::<ffi::Py_buffer>::zeroed();
        // SAFETY: an object that is alive, a place for the answer, and the lock is held.
        let answer = unsafe { ffi::PyObject_GetBuffer(object.as_ptr(), view.as_mut_ptr(), flags) };
        if answer != 0 {
            return Err(PyErr::fetch(object.py()));
        }
        // SAFETY: it was written.
        Ok(Self { view: unsafe { view.assume_init() } })
    }

    /// To be read.
    pub(crate) fn read(object: &Bound<'_, PyAny>) -> PyResult<Self> {
        Self::get(object, ffi::PyBUF_SIMPLE)
    }

    /// To be written.
    pub(crate) fn write(object: &Bound<'_, PyAny>) -> PyResult<Self> {
        Self::get(object, ffi::PyBUF_WRITABLE)
    }

    /// Bytes of one of its elements.
    pub(crate) fn item_size(&self) -> usize {
        usize::try_from(self.view.itemsize).unwrap_or(1)
    }

    fn len(&self) -> usize {
        if self.view.buf.is_null() { 0 } else { usize::try_from(self.view.len).unwrap_or(0) }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        match self.len() {
            0 => &[],
            // SAFETY: invariants 1 and 2.
            len => unsafe { core::slice::from_raw_parts(self.view.buf.cast(), len) },
        }
    }

    /// The place for bytes. It was asked for as one that can be written.
    pub(crate) fn place(&mut self) -> &mut [u8] {
        match self.len() {
            _ if self.view.readonly != 0 => &mut [],
            0 => &mut [],
            // SAFETY: invariants 1 and 2.
            len => unsafe { core::slice::from_raw_parts_mut(self.view.buf.cast(), len) },
        }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // SAFETY: invariant 1; values of this type are used and dropped where the lock is held.
        unsafe { ffi::PyBuffer_Release(&mut self.view) }
    }
}

/// Bytes that Python gives: a `bytes` without ado, and whatever else is a buffer.
pub(crate) enum Given<'a> {
    Bytes(&'a [u8]),
    Buffer(Buffer),
}

impl<'a> Given<'a> {
    /// The bytes of `object`.
    #[inline]
    pub(crate) fn of(object: &'a Bound<'_, PyAny>) -> PyResult<Self> {
        match object.cast_exact::<PyBytes>() {
            Ok(bytes) => Ok(Self::Bytes(bytes.as_bytes())),
            Err(_) => Buffer::read(object).map(Self::Buffer),
        }
    }

    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Buffer(buffer) => buffer.bytes(),
        }
    }
}

/// Bytes of a region that are lent to Python.
#[derive(Clone, Copy)]
pub(crate) struct Lent {
    at: usize,
    len: usize,
    writable: bool,
}

impl Lent {
    pub(crate) fn reading(at: *const u8, len: usize) -> Self {
        Self { at: at.addr(), len, writable: false }
    }

    pub(crate) fn writing(at: *mut u8, len: usize) -> Self {
        Self { at: at.addr(), len, writable: true }
    }

    pub(crate) fn len(self) -> usize {
        self.len
    }

    /// Answers a request for a buffer of `owner`, which keeps the loan as long as it lives.
    ///
    /// # Safety
    /// `view` and `flags` are those of `__getbuffer__`. The bytes are mapped, at least as long as `owner` lives, and may be
    /// written if they were lent for writing.
    pub(crate) unsafe fn fill(
        self,
        owner: Bound<'_, PyAny>,
        view: *mut ffi::Py_buffer,
        flags: c_int,
    ) -> PyResult<()> {
        if view.is_null() {
            return Err(PyBufferError::new_err("there is no place for a view"));
        }
        let at = core::ptr::with_exposed_provenance_mut::<c_void>(self.at);
        let (len, readonly) = (self.len as isize, c_int::from(!self.writable));
        // SAFETY: the contract above.
        match unsafe { ffi::PyBuffer_FillInfo(view, owner.as_ptr(), at, len, readonly, flags) } {
            0 => Ok(()),
            _ => Err(PyErr::fetch(owner.py())),
        }
    }
}

/// A descriptor of its own that leads to the same as `fd`.
pub(crate) fn duplicate(py: Python<'_>, fd: i32) -> PyResult<OwnedFd> {
    let copy: i32 = py.import("os")?.call_method1("dup", (fd,))?.extract()?;
    // SAFETY: `os.dup` has just made it, and nobody else knows of it.
    Ok(unsafe { OwnedFd::from_raw_fd(copy) })
}
