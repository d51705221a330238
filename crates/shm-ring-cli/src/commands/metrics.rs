//! `metrics`: what the observers see, for a monitoring system. `families` says what each figure is, `http` answers
//! requests.

mod families;
mod http;

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Instant;

use prometheus_client::encoding::{prometheus_text, text};
use prometheus_client::registry::Registry;
use shm_ring::{Error, Observer, Watch};

use self::families::{Families, Room, Unusable};
use crate::cli::{Form, Metrics};
use crate::failure::Failure;
use crate::finding::{self, SHM};
use crate::target::Target;

/// Readers of a file that is replaced are other users: a node exporter has its own.
const MODE: u32 = 0o644;

pub(crate) fn run(metrics: &Metrics) -> Result<(), Failure> {
    // What is asked for by name must be there when it begins; later it may come and go.
    for target in &metrics.targets {
        Observer::open_with(target.region(), &metrics.trust.to_look())?;
    }
    let mut watch = Watch::new(&metrics.trust.to_look());
    if let Some(address) = metrics.listen {
        return http::serve(address, metrics, watch);
    }
    let Some(file) = &metrics.output else {
        let text = look(metrics, &mut watch, metrics.format.unwrap_or(Form::Openmetrics))?;
        io::stdout().write_all(text.as_bytes())?;
        return Ok(());
    };
    let mut due = Instant::now();
    loop {
        let form = metrics.format.unwrap_or(Form::Prometheus);
        replace(file, &look(metrics, &mut watch, form)?)?;
        let Some(interval) = metrics.interval else { return Ok(()) };
        // By the clock, not by the end of the last: what takes long does not shift the others.
        due += interval;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
    }
}

/// All figures as text.
fn look(metrics: &Metrics, watch: &mut Watch, form: Form) -> Result<String, Failure> {
    let start = Instant::now();
    let (mut rings, mut unusable) = (Vec::new(), Vec::new());
    for (name, found) in found(metrics, watch)? {
        match found {
            Ok(snapshot) => rings.push((name, snapshot)),
            Err(error) => unusable.push(Unusable { name, why: error.to_string() }),
        }
    }
    Ok(written(Families { rings, unusable, room: room(), took: start.elapsed() }, form))
}

type Look = Result<shm_ring::Snapshot, Error>;

fn found(metrics: &Metrics, watch: &mut Watch) -> Result<Vec<(String, Look)>, Failure> {
    if metrics.targets.is_empty() {
        let all = finding::named_by(watch)?.into_iter();
        return Ok(all.map(|found| (found.name.to_string(), found.ring)).collect());
    }
    // No figure may be there twice.
    let targets: BTreeMap<String, &Target> =
        metrics.targets.iter().map(|target| (target.to_string(), target)).collect();
    let snapshots = watch.look(targets.values().map(|target| target.region()));
    Ok(targets.into_keys().zip(snapshots).collect())
}

/// The room for rings, if the system says.
fn room() -> Option<Room> {
    let all = rustix::fs::statvfs(SHM).ok()?;
    Some(Room { size: all.f_blocks * all.f_frsize, available: all.f_bavail * all.f_frsize })
}

fn written(families: Families, form: Form) -> String {
    let mut registry = Registry::with_prefix("shm_ring");
    registry.register_collector(Box::new(families));
    let mut written = String::new();
    match form {
        Form::Openmetrics => text::encode(&mut written, &registry),
        Form::Prometheus => prometheus_text::encode(&mut written, &registry),
    }
    .expect("a String takes everything");
    written
}

/// Puts `text` where `file` is, at once: a reader finds what was there before, or all of it.
fn replace(file: &Path, text: &str) -> Result<(), Failure> {
    let directory = match file.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    // A node exporter reads what ends in .prom, which this does not.
    let mut new = tempfile::Builder::new().prefix(".shm-ring-metrics-").tempfile_in(directory)?;
    new.write_all(text.as_bytes())?;
    new.as_file().set_permissions(std::fs::Permissions::from_mode(MODE))?;
    new.persist(file).map_err(|error| error.error)?;
    Ok(())
}
