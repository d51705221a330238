//! Owns: where a ring is and how it is to be, as Python says both: a name, a path or a descriptor, and options by keyword. Knows
//! nothing of: what is done there.

use core::time::Duration;
use std::path::PathBuf;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyInt, PyString};
use shm_ring::{Ends, Options, Region, Wait};

use crate::buffer::duplicate;
use crate::errors::invalid;

/// Where: a text is a name under /dev/shm, a path a file, a number a descriptor.
pub(crate) fn region(place: &Bound<'_, PyAny>) -> PyResult<Region> {
    if let Ok(name) = place.cast::<PyString>() {
        return Ok(Region::named(name.to_str()?));
    }
    if place.is_instance_of::<PyInt>() && !place.is_instance_of::<PyBool>() {
        let fd: i32 = place.extract()?;
        return Ok(Region::descriptor(duplicate(place.py(), fd)?));
    }
    match place.hasattr("__fspath__")? {
        true => Ok(Region::file(place.extract::<PathBuf>()?)),
        false => Err(PyTypeError::new_err(format!(
            "a place is a name (str), a path (os.PathLike) or a descriptor (int), and not {}",
            place.get_type().name()?
        ))),
    }
}

/// The options, and the schema id that values are to have.
pub(crate) struct Chosen {
    pub(crate) options: Options,
    pub(crate) schema: u64,
}

pub(crate) fn chosen(keywords: Option<&Bound<'_, PyDict>>) -> PyResult<Chosen> {
    let mut chosen = Chosen { options: Options::new(), schema: 0 };
    for (key, value) in keywords.into_iter().flat_map(|keywords| keywords.iter()) {
        let key = key.cast_into::<PyString>()?;
        // None is what was not said.
        if !value.is_none() {
            chosen.choose(key.to_str()?, &value)?;
        }
    }
    Ok(chosen)
}

/// The options of a function that takes them all.
pub(crate) fn options(keywords: Option<&Bound<'_, PyDict>>) -> PyResult<Options> {
    Ok(chosen(keywords)?.options)
}

impl Chosen {
    fn choose(&mut self, key: &str, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let options = core::mem::take(&mut self.options);
        let flag = |choose: fn(Options) -> Options, options: Options| -> PyResult<Options> {
            Ok(if value.extract::<bool>()? { choose(options) } else { options })
        };
        self.options = match key {
            "items" => options.items(value.extract()?),
            "bytes" => options.bytes(value.extract()?),
            "history" => options.history(value.extract()?),
            "align" => options.align(value.extract()?),
            "max_capacity" => options.max_capacity(value.extract()?),
            "schema" => {
                self.schema = value.extract()?;
                options.schema(self.schema)
            }
            "label" => options.label(value.extract::<String>()?),
            "mode" => options.mode(value.extract()?),
            "group" => options.group(value.extract()?),
            "any_owner" => flag(Options::any_owner, options)?,
            "prefault" => flag(Options::prefault, options)?,
            "lock_memory" => flag(Options::lock_memory, options)?,
            "sparse" => flag(Options::sparse, options)?,
            "unlink_on_close" => flag(Options::unlink_on_drop, options)?,
            "death_notice" => options.death_notice(value.extract()?),
            "membarrier" => options.membarrier(value.extract()?),
            "attach_timeout" => options.attach_timeout(seconds(value.extract()?)?),
            "ends" => options.ends(match value.extract::<String>()?.as_str() {
                "mine" => Ends::Mine,
                "of_stream" => Ends::OfStream,
                other => {
                    return Err(invalid(format!("ends={other:?}: give \"mine\" or \"of_stream\"")));
                }
            }),
            "wait" => options.wait(waiting(&value.extract::<String>()?)?),
            other => {
                return Err(PyTypeError::new_err(format!(
                    "{other:?} is no option: see shm_ring.Options for those that there are"
                )));
            }
        };
        Ok(())
    }
}

/// A way of waiting, by name.
pub(crate) fn waiting(name: &str) -> PyResult<Wait> {
    match name {
        "balanced" => Ok(Wait::BALANCED),
        "spin" => Ok(Wait::SPIN),
        "park" => Ok(Wait::PARK),
        other => Err(invalid(format!("wait={other:?}: give \"balanced\", \"spin\" or \"park\""))),
    }
}

fn seconds(seconds: f64) -> PyResult<Duration> {
    Duration::try_from_secs_f64(seconds)
        .map_err(|_| invalid(format!("{seconds} seconds: give a number that is 0 or more")))
}
