//! `gc`: rings that nobody uses any more, and what a creator left that was killed.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;
use shm_ring::{Error, Observer, Peer, Snapshot};

use crate::cli::Gc;
use crate::failure::{Code, Failure};
use crate::output;
use crate::rings::{self, Found};
use crate::target::Target;
use crate::units;

#[derive(Serialize)]
struct Collection {
    dry_run: bool,
    removed: Vec<Removed>,
}

/// What was removed, or would be.
#[derive(Serialize)]
struct Removed {
    name: String,
    bytes: u64,
    age_seconds: f64,
}

pub(crate) fn run(gc: &Gc) -> Result<(), Failure> {
    let mut removed = Vec::new();
    for Found { name, ring } in rings::all(gc.trust)? {
        let Ok(observer) = ring else { continue };
        let snapshot = observer.snapshot();
        if is_garbage(gc, &observer, &snapshot) && take(gc, &name)? {
            removed.push(Removed {
                name: name.to_string(),
                bytes: snapshot.capacity,
                age_seconds: snapshot.age().as_secs_f64(),
            });
        }
    }
    removed.extend(left_by_creators(gc)?);
    if gc.json {
        return output::json(Collection { dry_run: gc.dry_run, removed });
    }
    let mut out = std::io::stdout().lock();
    for Removed { name, bytes, age_seconds } in removed {
        let age = units::time(Duration::from_secs_f64(age_seconds));
        writeln!(out, "{}\t{}\t{age}", units::shown(&name), units::size(bytes))?;
    }
    Ok(())
}

/// Whether nobody holds a role, the ring is old enough, and nothing is lost with it. A latest value that was
/// written is there to be read, however often it was.
fn is_garbage(gc: &Gc, observer: &Observer, snapshot: &Snapshot) -> bool {
    let held = |peer| matches!(peer, Peer::Alive { .. });
    let unused = !held(snapshot.producer.peer) && !held(snapshot.consumer.peer);
    let empty = || gc.unread || observer.dump().next().is_none();
    unused && snapshot.age() >= gc.older_than && empty()
}

/// Removes the ring, unless somebody has come meanwhile.
fn take(gc: &Gc, name: &Target) -> Result<bool, Failure> {
    if gc.dry_run {
        return Ok(true);
    }
    match name.region().unlink_unused(&gc.trust.to_look()) {
        Ok(()) => Ok(true),
        Err(Error::RoleTaken { .. } | Error::NotFound { .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Temporary names: where a file system has no O_TMPFILE, a creator that is killed leaves one.
fn left_by_creators(gc: &Gc) -> Result<Vec<Removed>, Failure> {
    let mut removed = Vec::new();
    let ours = rustix::process::geteuid().as_raw();
    for entry in std::fs::read_dir(rings::SHM)?.flatten() {
        let name = entry.file_name();
        let Some(name) = name.to_str().filter(|name| rings::is_temporary(name)) else { continue };
        let Ok(stat) = entry.metadata() else { continue };
        let owner = std::os::unix::fs::MetadataExt::uid(&stat);
        let age = stat.modified().ok().and_then(|then| then.elapsed().ok()).unwrap_or_default();
        let mine = gc.trust.any_owner || owner == ours;
        if !stat.is_file() || !mine || age < gc.older_than {
            continue;
        }
        if !gc.dry_run {
            let path = Path::new(rings::SHM).join(name);
            std::fs::remove_file(&path).map_err(|error| {
                let what = format!("{} cannot be removed: {error}", path.display());
                Failure::new(Code::Failure, what, "check who owns it")
            })?;
        }
        let (name, bytes) = (name.to_owned(), stat.len());
        removed.push(Removed { name, bytes, age_seconds: age.as_secs_f64() });
    }
    Ok(removed)
}
