//! Owns: what /proc says of processes: a descriptor of another one, opened, what they are called, and in which pid namespace
//! this one is. No decision rests on it. Knows nothing of: what is behind a descriptor.

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

/// What processes are called, by the files that they have open. Each process is looked at once.
#[derive(Default)]
pub(crate) struct Processes {
    known: HashMap<u32, Process>,
}

struct Process {
    /// Device and inode of each file that it has open.
    files: HashSet<(u64, u64)>,
    name: Option<String>,
}

impl Processes {
    /// What process `pid` is called, if it has the file behind `fd` open: a number that a process wrote down
    /// may by now be somebody else's, or mean nothing in our pid namespace.
    pub(crate) fn command(&mut self, pid: u32, fd: BorrowedFd<'_>) -> Option<String> {
        let ours = identity(&fstat(fd).ok()?);
        let process = self.known.entry(pid).or_insert_with(|| Process::of(pid));
        process.files.contains(&ours).then(|| process.name.clone()).flatten()
    }
}

impl Process {
    fn of(pid: u32) -> Self {
        let open = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        let files = open.filter_map(|entry| stat(entry.path()).ok());
        let files = files.map(|stat| identity(&stat)).collect();
        let name = fs::read(format!("/proc/{pid}/comm")).ok();
        let name = name.map(|name| String::from_utf8_lossy(&name).trim_end().to_owned());
        Self { files, name }
    }
}
