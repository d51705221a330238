//! Finding rings: the names under /dev/shm, and the memfds of processes. It must not know what is said of them.

use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::MetadataExt;

use shm_ring::{Error, Observer};

use crate::cli::Trust;
use crate::failure::{Code, Failure};
use crate::target::Target;

/// Where named rings are.
pub(crate) const SHM: &str = "/dev/shm";

/// How /proc shows a descriptor of a memfd: this, and the name that it was given.
const MEMFD: &str = "/memfd:";

/// A ring that was found, or why it cannot be looked at.
pub(crate) struct Found {
    pub(crate) name: Target,
    pub(crate) ring: Result<Observer, Error>,
}

impl Found {
    /// What is there, unless it is no ring, or a ring of another user, who was not asked for.
    fn at(name: Target, trust: Trust) -> Option<Self> {
        match Observer::open_with(name.region(), &trust.to_look()) {
            Err(Error::NotARing { .. } | Error::NotRegular { .. } | Error::NotFound { .. }) => None,
            Err(Error::ForeignOwner { .. } | Error::HardLinked { .. }) => None,
            // Too short to say that it is one.
            Err(Error::WrongLength { found, .. }) if found < 256 => None,
            // Nothing that we may read.
            Err(Error::Os { .. }) => None,
            ring => Some(Self { name, ring }),
        }
    }
}

/// The rings under /dev/shm, by name.
pub(crate) fn named(trust: Trust) -> Result<Vec<Found>, Failure> {
    let entries = fs::read_dir(SHM).map_err(|error| {
        Failure::new(Code::Failure, format!("{SHM} cannot be read: {error}"), "is it mounted?")
    })?;
    // A name of other bytes than UTF-8 is not one that this program can be given.
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let names = names.filter(|name| !is_temporary(name));
    let mut found: Vec<Found> =
        names.filter_map(|name| Found::at(Target::Name(name), trust)).collect();
    found.sort_by_key(|found| found.name.to_string());
    Ok(found)
}

/// The rings in memfds that processes have open, each by the first descriptor that leads to it. Processes that
/// we may not look into are passed over.
pub(crate) fn memfds(trust: Trust) -> Result<Vec<Found>, Failure> {
    let (mut found, mut seen) = (Vec::new(), HashSet::new());
    for pid in numbers("/proc")? {
        let open = format!("/proc/{pid}/fd");
        for fd in numbers(&open).unwrap_or_default() {
            let path = format!("{open}/{fd}");
            let is_memfd = fs::read_link(&path)
                .is_ok_and(|target| target.to_string_lossy().starts_with(MEMFD));
            let Some(stat) = is_memfd.then(|| fs::metadata(&path).ok()).flatten() else { continue };
            if seen.insert((stat.dev(), stat.ino())) {
                found.extend(Found::at(Target::Descriptor { pid, fd }, trust));
            }
        }
    }
    Ok(found)
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
