//! Owns: the native part of the Python package: which names it has. Knows nothing of: what they do.
#![deny(unsafe_code)]

mod buffer;
mod common;
mod consumer;
mod end;
mod errors;
mod handle;
mod latest;
mod message_consumer;
mod message_producer;
mod messages;
mod observer;
mod opening;
mod place;
mod producer;
mod records;
mod reservation;
mod ring;
mod view;
mod wait;

use pyo3::prelude::*;

/// What CPython's allocator aligns objects to.
const OBJECTS: usize = 16;

macro_rules! classes {
    ($module:ident: $($class:ty),*) => {$(
        const { assert!(align_of::<$class>() <= OBJECTS, "no place for it in an object of Python") };
        $module.add_class::<$class>()?;
    )*};
}

#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    classes!(module: producer::Producer, consumer::Consumer, consumer::Batches, view::View, reservation::Reservation, message_producer::MessageProducer, message_consumer::MessageConsumer, messages::MessageView, messages::MessageIterator, messages::MessageSlice, ring::Ring, ring::MessageRing, latest::LatestWriter, latest::LatestReader, end::Bell);
    module.add_function(wrap_pyfunction!(ring::pair, module)?)?;
    module.add_function(wrap_pyfunction!(ring::message_pair, module)?)?;
    module.add_function(wrap_pyfunction!(ring::unlink, module)?)?;
    module.add_function(wrap_pyfunction!(observer::stat, module)?)?;
    module.add_function(wrap_pyfunction!(observer::list, module)?)?;
    Ok(())
}
