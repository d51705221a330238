//! Owns: the lock that proves a role: an OFD write lock on the byte range of the role's page. The kernel frees it when the
//! holder dies, in any pid namespace. Knows nothing of: sessions.
//!
//! Invariant of the unsafe blocks: `fcntl` gets a descriptor that is open for the duration of the
//! call and a `flock` that outlives it. `rustix` has no OFD locks, hence `libc`.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use crate::process::{Descriptor, Process};
use crate::role::Role;

/// A role's lock, held through a description that nobody else has. A duplicate of it would hold the lock too, so it is
/// never handed out, and a child that is forked does not keep it.
#[derive(Debug)]
pub(crate) struct Lease {
    description: Descriptor,
    page: u64,
    role: Role,
    /// The process that took it.
    process: Process,
}

impl Lease {
    /// Locks `role`. `description` must have been opened for this lease alone. `Ok(None)` if
    /// somebody holds it.
    pub(crate) fn take(description: Descriptor, page: u64, role: Role) -> io::Result<Option<Self>> {
        let mut lock = range(page, role);
        match fcntl(description.as_fd(), libc::F_OFD_SETLK, &mut lock) {
            Ok(()) => Ok(Some(Self { description, page, role, process: Process::this() })),
            Err(error) if matches!(error.raw_os_error(), Some(libc::EAGAIN | libc::EACCES)) => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Whether somebody else holds `role`. An error counts as held: nobody is declared dead
    /// because a sandbox refuses the question.
    pub(crate) fn is_held(&self, role: Role) -> bool {
        is_held(self.description.as_fd(), self.page, role)
    }

    /// Whether this process is the one that took it.
    #[inline]
    pub(crate) fn is_ours(&self) -> bool {
        self.process.is_this()
    }

    pub(crate) fn descriptor(&self) -> BorrowedFd<'_> {
        self.description.as_fd()
    }
}

impl Drop for Lease {
    /// Closing the descriptor is not enough: a child that was made without the handlers of a fork, until it execs or
    /// exits, has a duplicate of it and would go on holding the lock. Its own copy of this value must not unlock, since
    /// that would free the lock for us too.
    fn drop(&mut self) {
        if self.process.is_this() {
            let mut lock = range(self.page, self.role);
            lock.l_type = libc::F_UNLCK as libc::c_short;
            // What can fail here is settled by closing the descriptor.
            let _ = fcntl(self.description.as_fd(), libc::F_OFD_SETLK, &mut lock);
        }
    }
}

/// Whether somebody holds `role` through another description than `description`, which may be one for
/// reading only. An error counts as held, as above.
///
/// Asked with a lock for reading, which only a lock for writing is in the way of: a lock for reading takes no more than the
/// right to read the region, and proves nothing.
pub(crate) fn is_held(description: BorrowedFd<'_>, page: u64, role: Role) -> bool {
    asked(description, page, role, libc::F_RDLCK)
}

/// Whether a lock of any kind is held on the page of `role`: where none for writing is, one for reading.
pub(crate) fn is_read(description: BorrowedFd<'_>, page: u64, role: Role) -> bool {
    asked(description, page, role, libc::F_WRLCK)
}

/// Whether some lock is in the way of one of this kind.
fn asked(description: BorrowedFd<'_>, page: u64, role: Role, kind: libc::c_int) -> bool {
    let mut lock = range(page, role);
    lock.l_type = kind as libc::c_short;
    match fcntl(description, libc::F_OFD_GETLK, &mut lock) {
        Ok(()) => lock.l_type != libc::F_UNLCK as libc::c_short,
        Err(_) => true,
    }
}

fn range(page: u64, role: Role) -> libc::flock {
    libc::flock {
        l_type: libc::F_WRLCK as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: (role.page_index() * page) as libc::off_t,
        l_len: page as libc::off_t,
        // Must be zero for OFD locks.
        l_pid: 0,
    }
}

fn fcntl(fd: BorrowedFd<'_>, command: libc::c_int, lock: &mut libc::flock) -> io::Result<()> {
    #[cfg(shm_ring_steps)]
    crate::protocol::steps::system_call();
    // Miri has no locks: each is given, and each is held.
    if cfg!(miri) {
        return Ok(());
    }
    loop {
        // SAFETY: the invariant above: a borrowed descriptor is open, `lock` is ours.
        let answer = unsafe { libc::fcntl(fd.as_raw_fd(), command, core::ptr::from_mut(lock)) };
        if answer != -1 {
            return Ok(());
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}
