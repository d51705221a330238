//! Owns: what /proc says of other processes: a descriptor of theirs, opened, and what they are called. No decision rests
//! on it. Knows nothing of: what is behind a descriptor.

use std::fs;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{Mode, OFlags, fstat, stat};
use rustix::io::Errno;

use crate::error::Error;
use crate::options::Options;
use crate::region::descriptor::{Access, os, reopen};
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
        Errno::ACCESS | Errno::PERM => {
            os(region, "open(/proc/PID/fd)", errno, "it takes the right to debug that process")
        }
        _ => os(region, "open(/proc/PID/fd)", errno, "/proc must be mounted"),
    };
    let path = format!("/proc/{pid}/fd/{fd}");
    let found =
        rustix::fs::open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).map_err(fail)?;
    check_kind_and_owner(found.as_fd(), region, options)?;
    reopen(found.as_fd(), access).map_err(fail)
}

/// What process `pid` is called, if it has the file behind `fd` open: a number that a process wrote down
/// may by now be somebody else's, or mean nothing in our pid namespace.
pub(crate) fn command(pid: u32, fd: BorrowedFd<'_>) -> Option<String> {
    let ours = fstat(fd).ok()?;
    let is_ours = |entry: fs::DirEntry| {
        stat(entry.path())
            .is_ok_and(|other| (other.st_dev, other.st_ino) == (ours.st_dev, ours.st_ino))
    };
    let mut open = fs::read_dir(format!("/proc/{pid}/fd")).ok()?.flatten();
    if !open.any(is_ours) {
        return None;
    }
    let name = fs::read(format!("/proc/{pid}/comm")).ok()?;
    Some(String::from_utf8_lossy(&name).trim_end().to_owned())
}
