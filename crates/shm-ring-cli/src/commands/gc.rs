//! `gc`: rings that nobody uses any more, and what a creator left that was killed.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;
use shm_ring::{Error, Observer, Peer, Snapshot};
use shm_ring_console::terminal;

use crate::cli::Gc;
use crate::failure::{Code, Failure};
use crate::finding::{self, Found};
use crate::output;
use crate::target::Target;
use crate::units;

#[derive(Serialize)]
struct Collection {
    dry_run: bool,
    removed: Vec<Removed>,
    left: Left,
}

/// What was removed, or would be.
#[derive(Serialize)]
struct Removed {
    name: String,
    bytes: u64,
    age_seconds: f64,
}

/// How many rings stay, and why.
#[derive(Default, Serialize)]
struct Left {
    used: u64,
    young: u64,
    unread: u64,
    unusable: u64,
}

pub(crate) fn run(gc: &Gc) -> Result<(), Failure> {
    let (mut removed, mut left) = (Vec::new(), Left::default());
    for Found { name, ring } in finding::named(gc.trust)? {
        if !is_meant(gc, &name.to_string()) {
            continue;
        }
        let Ok(snapshot) = ring else {
            left.unusable += 1;
            continue;
        };
        if let Some(why) = left.why(gc, &name, &snapshot) {
            *why += 1;
        } else if let Some(why) = left.remove(gc, &name)? {
            *why += 1;
        } else {
            removed.push(Removed {
                name: name.to_string(),
                bytes: snapshot.limit,
                age_seconds: snapshot.age().as_secs_f64(),
            });
        }
    }
    removed.extend(left_by_creators(gc)?);
    if gc.json {
        return output::json(Collection { dry_run: gc.dry_run, removed, left });
    }
    let mut out = std::io::stdout().lock();
    for Removed { name, bytes, age_seconds } in removed {
        let age = units::time(Duration::from_secs_f64(age_seconds));
        writeln!(out, "{}\t{}\t{age}", terminal::shown(&name), units::size(bytes))?;
    }
    if terminal::is_terminal() {
        left.tell(gc);
    }
    Ok(())
}

impl Left {
    /// Why the ring stays, at a first look; `None` if nobody holds a role, it is old enough, and nothing is lost with it. A
    /// latest value that was written is there to be read, however often it was.
    fn why(&mut self, gc: &Gc, name: &Target, snapshot: &Snapshot) -> Option<&mut u64> {
        let held = |peer| matches!(peer, Peer::Alive { .. });
        if held(snapshot.producer.peer) || held(snapshot.consumer.peer) {
            Some(&mut self.used)
        } else if snapshot.age() < gc.older_than {
            Some(&mut self.young)
        } else if !gc.unread && has_unread(gc, name) {
            Some(&mut self.unread)
        } else {
            None
        }
    }

    /// Removes the ring; why it stays, if it does: what was looked at is looked at again when nobody can change it.
    fn remove(&mut self, gc: &Gc, name: &Target) -> Result<Option<&mut u64>, Failure> {
        let (region, options) = (name.region(), gc.trust.to_look());
        let answer = match gc {
            Gc { dry_run: true, .. } => return Ok(None),
            Gc { unread: true, .. } => region.unlink_unused_and_discard(&options),
            _ => region.unlink_unused(&options),
        };
        match answer {
            Ok(()) => Ok(None),
            Err(
                Error::RoleTaken { .. } | Error::BlockedByReader { .. } | Error::NotFound { .. },
            ) => Ok(Some(&mut self.used)),
            Err(Error::Unread { .. }) => Ok(Some(&mut self.unread)),
            Err(Error::Corrupt { .. } | Error::HardLinked { .. }) => Ok(Some(&mut self.unusable)),
            Err(error) => Err(error.into()),
        }
    }

    /// For a person who wonders why a ring is still there.
    fn tell(&self, gc: &Gc) {
        let young = format!("younger than {} (--older-than)", units::time(gc.older_than));
        let parts = [
            (self.used, "in use"),
            (self.young, &young),
            (self.unread, "with something to read (--unread)"),
            (self.unusable, "damaged or of another layout (`stat` says what removes it)"),
        ];
        let parts = parts.iter().filter(|(count, _)| *count > 0);
        let parts: Vec<String> = parts.map(|(count, why)| format!("{count} {why}")).collect();
        if !parts.is_empty() {
            eprintln!("left: {}", parts.join(", "));
        }
    }
}

/// Whether the patterns match the name, if there are any.
fn is_meant(gc: &Gc, name: &str) -> bool {
    gc.names.is_empty() || gc.names.iter().any(|pattern| pattern.matches(name))
}

/// Whether there is something to read, or it cannot be told.
fn has_unread(gc: &Gc, name: &Target) -> bool {
    let observer = Observer::open_with(name.region(), &gc.trust.to_look());
    observer.map_or(true, |observer| observer.dump().next().is_some())
}

/// Temporary names: where a file system has no O_TMPFILE, a creator that is killed leaves one.
fn left_by_creators(gc: &Gc) -> Result<Vec<Removed>, Failure> {
    let mut removed = Vec::new();
    let ours = rustix::process::geteuid().as_raw();
    for entry in std::fs::read_dir(finding::SHM)?.flatten() {
        let name = entry.file_name();
        let Some(name) =
            name.to_str().filter(|name| finding::is_temporary(name) && is_meant(gc, name))
        else {
            continue;
        };
        let Ok(stat) = entry.metadata() else { continue };
        let owner = std::os::unix::fs::MetadataExt::uid(&stat);
        let age = stat.modified().ok().and_then(|then| then.elapsed().ok()).unwrap_or_default();
        let mine = gc.trust.any_owner || owner == ours;
        if !stat.is_file() || !mine || age < gc.older_than {
            continue;
        }
        if !gc.dry_run {
            let path = Path::new(finding::SHM).join(name);
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
