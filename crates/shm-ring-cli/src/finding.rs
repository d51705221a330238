//! Finding rings: the names under /dev/shm, and the memfds of processes. It must not know what is said of them.

use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::MetadataExt;

use shm_ring::{Error, Listed, Snapshot, Watch};

use crate::cli::Trust;
use crate::failure::Failure;
use crate::target::Target;

/// Where named rings are.
pub(crate) const SHM: &str = "/dev/shm";

/// How /proc shows a descriptor of a memfd: this, and the name that it was given.
const MEMFD: &str = "/memfd:";

/// A ring that was found: what it looks like, or why it cannot be looked at.
pub(crate) struct Found {
    pub(crate) name: Target,
    pub(crate) ring: Result<Snapshot, Error>,
}

/// The rings under /dev/shm, by name.
pub(crate) fn named(trust: Trust) -> Result<Vec<Found>, Failure> {
    named_by(&mut Watch::new(&trust.to_look()))
}

/// [`named`], for one that looks again.
pub(crate) fn named_by(watch: &mut Watch) -> Result<Vec<Found>, Failure> {
    let listed = watch.list()?.into_iter();
    let found = listed
        .map(|Listed { name, snapshot, .. }| Found { name: Target::Name(name), ring: snapshot });
    Ok(found.collect())
}

/// The rings in memfds that processes have open, each by the first descriptor that leads to it. Processes that
/// we may not look into are passed over.
pub(crate) fn memfds(trust: Trust) -> Result<Vec<Found>, Failure> {
    let (mut targets, mut seen) = (Vec::new(), HashSet::new());
    for pid in numbers("/proc")? {
        let open = format!("/proc/{pid}/fd");
        for fd in numbers(&open).unwrap_or_default() {
            let path = format!("{open}/{fd}");
            let is_memfd = fs::read_link(&path)
                .is_ok_and(|target| target.to_string_lossy().starts_with(MEMFD));
            let Some(stat) = is_memfd.then(|| fs::metadata(&path).ok()).flatten() else { continue };
            if seen.insert((stat.dev(), stat.ino())) {
                targets.push(Target::Descriptor { pid, fd });
            }
        }
    }
    let snapshots = Watch::new(&trust.to_look()).look(targets.iter().map(Target::region));
    let found = targets.into_iter().zip(snapshots);
    // A memfd without a header is hardly ever a ring.
    let is_ring = |ring: &Result<Snapshot, Error>| {
        matches!(ring, Ok(_) | Err(Error::InvalidHeader { .. } | Error::Incompatible { .. }))
    };
    Ok(found.filter(|(_, ring)| is_ring(ring)).map(|(name, ring)| Found { name, ring }).collect())
}

/// The entries of a directory of /proc that are numbers, in order.
fn numbers(directory: &str) -> std::io::Result<Vec<u32>> {
    let entries = fs::read_dir(directory)?.flatten();
    let mut numbers: Vec<u32> =
        entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

/// Whether a creator gives such a name to what is not whole yet: `.shm-ring-`, sixteen hexadecimal digits,
/// `.tmp`.
pub(crate) fn is_temporary(name: &str) -> bool {
    let random = name.strip_prefix(".shm-ring-").and_then(|rest| rest.strip_suffix(".tmp"));
    random.is_some_and(|random| {
        random.len() == 16 && random.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_creator_names_is_temporary() {
        assert!(is_temporary(".shm-ring-0123456789abcdef.tmp"));
        for other in
            ["shm-ring-0123456789abcdef.tmp", ".shm-ring-.tmp", ".shm-ring-0123456789abcdeg.tmp"]
        {
            assert!(!is_temporary(other), "{other}");
        }
    }
}
