//! Roles: who holds one, and what that and the session say.
//!
//! Owns: the lock of a role, and the table of life and death. Knows nothing of: records.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd};

use crate::kernel::ofd_lock;
use crate::words::{Side, page};

/// The lock of a role in a region of this machine, held until it is dropped.
#[derive(Debug)]
pub struct Lease(#[expect(dead_code, reason = "the description holds the lock")] File);

impl Lease {
    /// Takes the role of `side`; `None` if somebody else has it.
    pub fn take(region: impl AsFd, side: Side) -> io::Result<Option<Self>> {
        // A duplicate would share its locks with its original: this is another description of the same file.
        let path = format!("/proc/self/fd/{}", region.as_fd().as_raw_fd());
        let file = File::options().read(true).write(true).open(path)?;
        match ofd_lock(&file, libc::F_OFD_SETLK, libc::F_WRLCK, side.page(page()), page()) {
            Ok(_) => Ok(Some(Self(file))),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether anybody but the description behind `region` holds the role of `side`.
    pub fn is_held(region: impl AsFd, side: Side) -> io::Result<bool> {
        Ok(lock_on(region, side.page(page()), page())?.is_some())
    }
}

/// Start and length of a write lock that another description holds on some of `len` bytes from `start`.
pub fn lock_on(region: impl AsFd, start: u64, len: u64) -> io::Result<Option<(u64, u64)>> {
    let file = File::from(region.as_fd().try_clone_to_owned()?);
    // A lock for reading is in the way of those for writing alone: a read lock proves nothing.
    let lock = ofd_lock(&file, libc::F_OFD_GETLK, libc::F_RDLCK, start, len)?;
    let free = lock.l_type == libc::F_UNLCK as libc::c_short;
    Ok((!free).then_some((lock.l_start as u64, lock.l_len as u64)))
}

/// What a side is, by its session and by whether its lock is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// It never attached.
    Absent,
    /// It is attached.
    Alive,
    /// It is attaching or closing: look again.
    Changing,
    /// It closed in order.
    Closed,
    /// It ended without closing.
    Dead,
}

/// The table of LAYOUT.md, "Roles". Of an image, where nobody holds anything, `held` is false.
pub const fn life(session: u64, held: bool) -> Life {
    match (session, session % 2 == 1, held) {
        (_, true, true) => Life::Alive,
        (_, true, false) => Life::Dead,
        (_, false, true) => Life::Changing,
        (0, false, false) => Life::Absent,
        (_, false, false) => Life::Closed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_read_lock_proves_nothing() {
        let fd = rustix::fs::memfd_create("lease", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
        let path = format!("/proc/self/fd/{}", fd.as_raw_fd());
        let reader = File::open(path).unwrap();
        ofd_lock(&reader, libc::F_OFD_SETLK, libc::F_RDLCK, 0, 4 * page()).unwrap();
        assert!(!Lease::is_held(&fd, Side::Producer).unwrap());
        assert!(Lease::take(&fd, Side::Producer).unwrap().is_none(), "but it is in the way");
        drop(reader);
        let lease = Lease::take(&fd, Side::Producer).unwrap();
        assert!(lease.is_some() && Lease::is_held(&fd, Side::Producer).unwrap());
    }
}
