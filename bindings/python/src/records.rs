//! Owns: what the values of a ring are to Python: a dtype of numpy, whose arrays and scalars they become, or a size and an
//! alignment, and then bytes. Knows nothing of: rings.

use pyo3::exceptions::PyTypeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyByteArray, PyBytes, PyMemoryView, PySlice};
use shm_ring::ItemLayout;

use crate::buffer::{Buffer, Given};

/// How values look.
pub(crate) struct Records {
    /// A `numpy.dtype`, or a `shm_ring.Layout`.
    pub(crate) dtype: Py<PyAny>,
    pub(crate) size: usize,
    numpy: Option<Numpy>,
}

/// What is called for each value or batch, looked up once.
struct Numpy {
    frombuffer: Py<PyAny>,
    empty: Py<PyAny>,
    /// `_layout.as_array`, which makes an array of what is none.
    as_array: Py<PyAny>,
    /// `_layout.check`, which refuses arrays of another dtype.
    check: Py<PyAny>,
}

fn layouts(py: Python<'_>) -> PyResult<&Bound<'_, PyModule>> {
    static MODULE: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    let module = MODULE.get_or_try_init(py, || py.import("shm_ring._layout").map(Bound::unbind))?;
    Ok(module.bind(py))
}

impl Records {
    /// What `dtype` is, and how the library is to see it.
    pub(crate) fn of(dtype: &Bound<'_, PyAny>, schema: u64) -> PyResult<(Self, ItemLayout)> {
        let py = dtype.py();
        let resolved = layouts(py)?.call_method1(intern!(py, "resolve"), (dtype,))?;
        type Calls = (Py<PyAny>, Py<PyAny>, Py<PyAny>, Py<PyAny>);
        let (size, align, dtype, calls): (usize, usize, Py<PyAny>, Option<Calls>) =
            resolved.extract()?;
        let numpy = calls.map(|(frombuffer, empty, as_array, check)| Numpy {
            frombuffer,
            empty,
            as_array,
            check,
        });
        Ok((Self { dtype, size, numpy }, ItemLayout { size, align, schema }))
    }

    /// What a ring carries that was opened whatever it carries: bytes.
    pub(crate) fn any(py: Python<'_>, item: ItemLayout) -> PyResult<Self> {
        let dtype = layouts(py)?.call_method1(intern!(py, "Layout"), (item.size, item.align))?;
        Ok(Self { dtype: dtype.unbind(), size: item.size, numpy: None })
    }

    /// The bytes of what is to be published: of an array of the dtype, of bytes, or of what numpy makes one of.
    pub(crate) fn given<'a>(&self, object: &'a Bound<'_, PyAny>) -> PyResult<Given<'a>> {
        if let Ok(bytes) = object.cast_exact::<PyBytes>() {
            return Ok(Given::Bytes(bytes.as_bytes()));
        }
        let py = object.py();
        let Some(numpy) = &self.numpy else {
            return Self::bytes_alone(Buffer::read(object)?).map(Given::Buffer);
        };
        if let Ok(dtype) = object.getattr(intern!(py, "dtype")) {
            if !dtype.is(&self.dtype) {
                numpy.check.bind(py).call1((object, &self.dtype))?;
            }
            return Buffer::read(object).map(Given::Buffer);
        }
        if object.is_instance_of::<PyByteArray>() || object.is_instance_of::<PyMemoryView>() {
            return Self::bytes_alone(Buffer::read(object)?).map(Given::Buffer);
        }
        let array = numpy.as_array.bind(py).call1((object, &self.dtype))?;
        Buffer::read(&array).map(Given::Buffer)
    }

    /// The place for values that Python gives.
    pub(crate) fn place(&self, out: &Bound<'_, PyAny>) -> PyResult<Buffer> {
        let py = out.py();
        match (&self.numpy, out.getattr(intern!(py, "dtype"))) {
            (Some(numpy), Ok(dtype)) => {
                if !dtype.is(&self.dtype) {
                    numpy.check.bind(py).call1((out, &self.dtype))?;
                }
                Buffer::write(out)
            }
            _ => Self::bytes_alone(Buffer::write(out)?),
        }
    }

    /// Elements of another kind would be taken for what they are not.
    fn bytes_alone(buffer: Buffer) -> PyResult<Buffer> {
        match buffer.item_size() {
            1 => Ok(buffer),
            size => Err(PyTypeError::new_err(format!(
                "elements of {size} bytes: give bytes, or an array of the ring's dtype"
            ))),
        }
    }

    /// Whether values are arrays and scalars of numpy.
    pub(crate) fn has_dtype(&self) -> bool {
        self.numpy.is_some()
    }

    /// One value, as Python wants it.
    pub(crate) fn scalar<'py>(&self, bytes: Bound<'py, PyBytes>) -> PyResult<Bound<'py, PyAny>> {
        let py = bytes.py();
        match &self.numpy {
            None => Ok(bytes.into_any()),
            Some(numpy) => numpy.frombuffer.bind(py).call1((bytes, &self.dtype))?.get_item(0),
        }
    }

    /// Several values that stand in `buffer`: an array, or a memoryview.
    pub(crate) fn array<'py>(&self, buffer: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let py = buffer.py();
        match &self.numpy {
            None => Ok(PyMemoryView::from(buffer)?.into_any()),
            Some(numpy) => numpy.frombuffer.bind(py).call1((buffer, &self.dtype)),
        }
    }

    /// A place of our own for `count` values.
    pub(crate) fn empty<'py>(&self, py: Python<'py>, count: usize) -> PyResult<Bound<'py, PyAny>> {
        match &self.numpy {
            None => {
                let len = count.saturating_mul(self.size);
                py.import("builtins")?.call_method1("bytearray", (len,))
            }
            Some(numpy) => numpy.empty.bind(py).call1((count, &self.dtype)),
        }
    }

    /// The first `count` values of `out`: a view of it.
    pub(crate) fn first<'py>(
        &self,
        out: &Bound<'py, PyAny>,
        count: usize,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = out.py();
        let slice = |end: usize| PySlice::new(py, 0, isize::try_from(end).unwrap_or(isize::MAX), 1);
        match out.hasattr(intern!(py, "dtype"))? {
            true => out.get_item(slice(count)),
            false => PyMemoryView::from(out)?.get_item(slice(count.saturating_mul(self.size))),
        }
    }
}
