//! Owns: what /proc says of processes: a descriptor of another one, opened, what they are called, and in which pid namespace
//! this one is. No decision rests on it. Knows nothing of: what is behind a descriptor.

use core::cell::OnceCell;
use std::collections::{HashMap, HashSet};
use std::fs;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{Mode, OFlags, fstat, stat};
use rustix::io::Errno;

use crate::error::{Error, os};
use crate::options::Options;
use crate::region::descriptor::{Access, identity, reopen};
use crate::region::named::check_kind_and_owner;

/// Opens what process `pid` has open as `fd`: looked at first, as with a name, so that a terminal or a
/// pipe is not touched.
pub(crate) fn open(
    pid: u32,
    fd: u32,
    region: &str,
    options: &Options,
    access: Access,
) -> Result<OwnedFd, Error> {
    let fail = |errno| match errno {
        Errno::NOENT | Errno::SRCH => Error::NotFound { region: region.to_owned() },
        _ => os(region, "open(/proc/PID/fd)", errno),
    };
    let path = format!("/proc/{pid}/fd/{fd}");
    let found =
        rustix::fs::open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).map_err(fail)?;
    check_kind_and_owner(found.as_fd(), region, options)?;
    reopen(found.as_fd(), access).map_err(fail)
}

/// The inode number of this process's pid namespace. Asked each time: a child may be in another one than its parent.
pub(super) fn pid_namespace() -> Option<u64> {
    // Miri has no such call.
    if cfg!(miri) {
        return None;
    }
    Some(identity(&stat("/proc/self/ns/pid").ok()?).1)
}

/// `pid`, if it was written down in the pid namespace that is ours. That is asked only where it matters.
pub(super) fn meaningful(
    (pid, namespace): (u32, u64),
    ours: impl FnOnce() -> Option<u64>,
) -> Option<u32> {
    (pid != 0 && namespace != 0 && Some(namespace) == ours()).then_some(pid)
}

/// What processes are called, and which files they have open: each is asked once, and so is our pid namespace.
#[derive(Default)]
pub(crate) struct Processes {
    known: HashMap<u32, Process>,
    namespace: OnceCell<Option<u64>>,
}

#[derive(Default)]
struct Process {
    /// Device and inode of each file that it has open.
    files: OnceCell<HashSet<(u64, u64)>>,
    name: OnceCell<Option<String>>,
}

impl Processes {
    /// The process id that somebody wrote down together with its pid namespace, if that is ours.
    pub(crate) fn meaningful(&self, signature: (u32, u64)) -> Option<u32> {
        meaningful(signature, || *self.namespace.get_or_init(pid_namespace))
    }

    /// Whether process `pid` has the file behind `fd` open: a number that a process wrote down may by now be somebody else's.
    pub(crate) fn has_open(&mut self, pid: u32, fd: BorrowedFd<'_>) -> bool {
        let Ok(stat) = fstat(fd) else { return false };
        let process = self.known.entry(pid).or_default();
        process.files.get_or_init(|| files_of(pid)).contains(&identity(&stat))
    }

    /// What process `pid` is called.
    pub(crate) fn name(&mut self, pid: u32) -> Option<String> {
        self.known.entry(pid).or_default().name.get_or_init(|| name_of(pid)).clone()
    }
}

fn files_of(pid: u32) -> HashSet<(u64, u64)> {
    let open = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    open.filter_map(|entry| stat(entry.path()).ok()).map(|stat| identity(&stat)).collect()
}

fn name_of(pid: u32) -> Option<String> {
    let name = fs::read(format!("/proc/{pid}/comm")).ok()?;
    Some(String::from_utf8_lossy(&name).trim_end().to_owned())
}
