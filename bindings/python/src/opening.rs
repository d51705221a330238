//! Owns: how ends are opened: by a place, what the ring carries, and options. Knows nothing of: what an end does then.

/// Opens ends of rings of values. `$inner` is the end in Rust that `$end` holds.
macro_rules! opens_values {
    ($end:ty, $inner:ty) => {
        #[pymethods]
        impl $end {
            #[new]
            #[pyo3(signature = (place, dtype, **options))]
            fn new(
                py: Python<'_>,
                place: &Bound<'_, PyAny>,
                dtype: &Bound<'_, PyAny>,
                options: Option<&Bound<'_, PyDict>>,
            ) -> PyResult<Self> {
                let (place, chosen) = (region(place)?, chosen(options)?);
                let (records, item) = Records::of(dtype, chosen.schema)?;
                let open = || <$inner>::open_or_create(place, item, &chosen.options);
                Ok(Self::over(py.detach(open).raised()?, records))
            }

            /// Creates the ring, which must not be there yet.
            #[staticmethod]
            #[pyo3(signature = (place, dtype, **options))]
            fn create(
                py: Python<'_>,
                place: &Bound<'_, PyAny>,
                dtype: &Bound<'_, PyAny>,
                options: Option<&Bound<'_, PyDict>>,
            ) -> PyResult<Self> {
                let (place, chosen) = (region(place)?, chosen(options)?);
                let (records, item) = Records::of(dtype, chosen.schema)?;
                let create = || <$inner>::create(place, item, &chosen.options);
                Ok(Self::over(py.detach(create).raised()?, records))
            }

            /// Opens the ring, which must be there. Without a dtype it takes whatever values the ring carries, as bytes.
            #[staticmethod]
            #[pyo3(signature = (place, dtype=None, **options))]
            fn open(
                py: Python<'_>,
                place: &Bound<'_, PyAny>,
                dtype: Option<&Bound<'_, PyAny>>,
                options: Option<&Bound<'_, PyDict>>,
            ) -> PyResult<Self> {
                let (place, chosen) = (region(place)?, chosen(options)?);
                let Some(dtype) = dtype else {
                    let end = py.detach(|| <$inner>::open_any(place, &chosen.options)).raised()?;
                    let records = Records::any(py, end.item())?;
                    return Ok(Self::over(end, records));
                };
                let (records, item) = Records::of(dtype, chosen.schema)?;
                let open = || <$inner>::open_with(place, item, &chosen.options);
                Ok(Self::over(py.detach(open).raised()?, records))
            }
        }
    };
}

/// Opens ends of rings of messages.
macro_rules! opens_messages {
    ($end:ty, $inner:ty) => {
        #[pymethods]
        impl $end {
            #[new]
            #[pyo3(signature = (place, **options))]
            fn new(
                py: Python<'_>,
                place: &Bound<'_, PyAny>,
                options: Option<&Bound<'_, PyDict>>,
            ) -> PyResult<Self> {
                let (place, options) = (region(place)?, chosen_options(options)?);
                Ok(Self::over(py.detach(|| <$inner>::open_or_create(place, &options)).raised()?))
            }

            /// Creates the ring, which must not be there yet.
            #[staticmethod]
            #[pyo3(signature = (place, **options))]
            fn create(
                py: Python<'_>,
                place: &Bound<'_, PyAny>,
                options: Option<&Bound<'_, PyDict>>,
            ) -> PyResult<Self> {
                let (place, options) = (region(place)?, chosen_options(options)?);
                Ok(Self::over(py.detach(|| <$inner>::create(place, &options)).raised()?))
            }

            /// Opens the ring, which must be there.
            #[staticmethod]
            #[pyo3(signature = (place, **options))]
            fn open(
                py: Python<'_>,
                place: &Bound<'_, PyAny>,
                options: Option<&Bound<'_, PyDict>>,
            ) -> PyResult<Self> {
                let (place, options) = (region(place)?, chosen_options(options)?);
                Ok(Self::over(py.detach(|| <$inner>::open_with(place, &options)).raised()?))
            }
        }
    };
}

pub(crate) use {opens_messages, opens_values};
