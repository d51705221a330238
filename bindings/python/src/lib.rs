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
mod place;
mod producer;
mod records;
mod reservation;
mod ring;
mod view;
mod wait;

use pyo3::prelude::*;

#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<producer::Producer>()?;
    module.add_class::<consumer::Consumer>()?;
    module.add_class::<consumer::Batches>()?;
    module.add_class::<view::View>()?;
    module.add_class::<reservation::Reservation>()?;
    module.add_class::<message_producer::MessageProducer>()?;
    module.add_class::<message_consumer::MessageConsumer>()?;
    module.add_class::<messages::MessageView>()?;
    module.add_class::<messages::MessageIterator>()?;
    module.add_class::<messages::MessageSlice>()?;
    module.add_class::<ring::Ring>()?;
    module.add_class::<ring::MessageRing>()?;
    module.add_class::<latest::LatestWriter>()?;
    module.add_class::<latest::LatestReader>()?;
    module.add_class::<end::Bell>()?;
    module.add_function(wrap_pyfunction!(ring::pair, module)?)?;
    module.add_function(wrap_pyfunction!(ring::message_pair, module)?)?;
    module.add_function(wrap_pyfunction!(ring::unlink, module)?)?;
    module.add_function(wrap_pyfunction!(observer::stat, module)?)?;
    module.add_function(wrap_pyfunction!(observer::list, module)?)?;
    Ok(())
}
