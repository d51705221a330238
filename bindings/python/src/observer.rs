//! Owns: looking at rings without being noticed: snapshots as dicts. Knows nothing of: ends.

use std::time::UNIX_EPOCH;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use shm_ring::{Contents, Observer, SideSnapshot, Snapshot};

use crate::common::peer;
use crate::errors::Raised;
use crate::place::{options as chosen_options, region};

fn side<'py>(py: Python<'py>, side: &SideSnapshot) -> PyResult<Bound<'py, PyDict>> {
    let dict = peer(py, side.peer)?;
    dict.set_item("command", side.command.as_deref())?;
    dict.set_item("asleep", side.is_asleep())?;
    dict.set_item("sleeps", side.sleeps)?;
    dict.set_item("wakes_sent", side.wakes_sent)?;
    dict.set_item("waits", side.waits)?;
    Ok(dict)
}

fn snapshot<'py>(py: Python<'py>, found: &Snapshot) -> PyResult<Bound<'py, PyDict>> {
    let (kind, size, align) = match found.contents {
        Contents::Values { size, align } => ("values", Some(size), align),
        Contents::Messages { align, .. } => ("messages", None, align),
        Contents::Latest { size, align } => ("latest", Some(size), align),
        _ => ("unknown", None, 0),
    };
    let created = found.created.duration_since(UNIX_EPOCH).unwrap_or_default();
    let dict = PyDict::new(py);
    dict.set_item("region", &found.region)?;
    dict.set_item("id", found.id)?;
    dict.set_item("layout", found.layout)?;
    dict.set_item("created", created.as_secs_f64())?;
    dict.set_item("kind", kind)?;
    dict.set_item("size", size)?;
    dict.set_item("align", align)?;
    dict.set_item("schema", found.schema)?;
    dict.set_item("label", &found.label)?;
    dict.set_item("capacity", found.capacity)?;
    dict.set_item("limit", found.limit)?;
    dict.set_item("tail", found.tail)?;
    dict.set_item("head", found.head)?;
    dict.set_item("settled", found.settled)?;
    dict.set_item("corrupt", found.corrupt)?;
    dict.set_item("unread_bytes", found.unread_bytes())?;
    dict.set_item("unread", found.unread_records())?;
    dict.set_item("published", found.published_records())?;
    dict.set_item("high_water", found.high_water)?;
    dict.set_item("dropped", found.dropped)?;
    dict.set_item("producer", side(py, &found.producer)?)?;
    dict.set_item("consumer", side(py, &found.consumer)?)?;
    Ok(dict)
}

/// What a ring or latest value looks like now: a dict. Nobody notices, and it never waits.
///
/// >>> import shm_ring
/// >>> ring = shm_ring.Ring("<u8", items=10, label="numbers")
/// >>> tx = ring.producer()
/// >>> tx.push_records([1, 2, 3])
/// 3
/// >>> found = shm_ring.stat(ring.fileno())
/// >>> found["kind"], found["size"], found["label"], found["unread"], found["limit"]
/// ('values', 8, 'numbers', 3, 80)
/// >>> found["producer"]["state"], found["consumer"]["state"]
/// ('alive', 'absent')
#[pyfunction]
#[pyo3(signature = (place, **options))]
pub(crate) fn stat<'py>(
    py: Python<'py>,
    place: &Bound<'py, PyAny>,
    options: Option<&Bound<'_, PyDict>>,
) -> PyResult<Bound<'py, PyDict>> {
    let (place, options) = (region(place)?, chosen_options(options)?);
    let found = py.detach(|| Observer::open_with(place, &options).map(|seen| seen.snapshot()));
    snapshot(py, &found.raised()?)
}

/// The rings and latest values under /dev/shm that belong to this user: a list of dicts as those of `stat`, each with its
/// `name`. One that cannot be looked at has its `name` and the `error`.
///
/// >>> import shm_ring
/// >>> all("name" in found for found in shm_ring.list())
/// True
#[pyfunction]
#[pyo3(signature = (**options))]
pub(crate) fn list<'py>(
    py: Python<'py>,
    options: Option<&Bound<'_, PyDict>>,
) -> PyResult<Bound<'py, PyList>> {
    let options = chosen_options(options)?;
    let all = PyList::empty(py);
    for listed in py.detach(|| shm_ring::list(&options)).raised()? {
        let dict = match &listed.snapshot {
            Ok(found) => snapshot(py, found)?,
            Err(error) => {
                let dict = PyDict::new(py);
                dict.set_item("error", error.to_string())?;
                dict
            }
        };
        dict.set_item("name", listed.name)?;
        all.append(dict)?;
    }
    Ok(all)
}
