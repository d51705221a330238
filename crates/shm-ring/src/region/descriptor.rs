//! Owns: descriptors of regions: what they are opened for, opening one anew, and seals. Knows nothing of: names.

use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use rustix::fs::{
    FileType, MemfdFlags, Mode, OFlags, SealFlags, Stat, fcntl_get_seals, fcntl_getfl, fstat,
    memfd_create,
};
use rustix::io::Errno;

use crate::error::{Error, io_error, os};

/// What a descriptor is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// To look and nothing else.
    Read,
    ReadWrite,
}

impl Access {
    pub(super) fn flags(self) -> OFlags {
        match self {
            Self::Read => OFlags::RDONLY,
            Self::ReadWrite => OFlags::RDWR,
        }
    }
}

/// The same file through a new description, never through a link.
pub(crate) fn reopen(fd: BorrowedFd<'_>, access: Access) -> rustix::io::Result<OwnedFd> {
    let path = format!("/proc/self/fd/{}", fd.as_raw_fd());
    rustix::fs::open(path, access.flags() | OFlags::CLOEXEC | OFlags::NOCTTY, Mode::empty())
}

/// Another descriptor of the same description.
pub(super) fn duplicate(fd: BorrowedFd<'_>, region: &str) -> Result<OwnedFd, Error> {
    let duplicate = fd.try_clone_to_owned();
    duplicate.map_err(|source| io_error(region, "fcntl(F_DUPFD_CLOEXEC)", source))
}

/// A memfd that can be sealed.
pub(super) fn sealable(label: &str) -> rustix::io::Result<OwnedFd> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    match memfd_create(label, flags | MemfdFlags::NOEXEC_SEAL) {
        // Before Linux 6.3.
        Err(Errno::INVAL) => memfd_create(label, flags),
        answer => answer,
    }
}

/// Refuses a descriptor that is no memory or file, is not open for `access`, or, with `sealed`, can be cut.
pub(super) fn check_descriptor(
    fd: BorrowedFd<'_>,
    sealed: bool,
    access: Access,
    region: &str,
) -> Result<(), Error> {
    // First: of memory, which alone has seals, no call that follows can be made to wait by a file system of the sender's.
    let needed = SealFlags::SHRINK | SealFlags::GROW;
    if sealed && !fcntl_get_seals(fd).is_ok_and(|seals| seals.contains(needed)) {
        return Err(Error::Descriptor { missing: "is not sealed against shrinking and growing" });
    }
    let stat = fstat(fd).map_err(|errno| os(region, "fstat", errno))?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        let found = "not memory or a file";
        return Err(Error::NotRegular { region: region.to_owned(), found });
    }
    let flags = fcntl_getfl(fd).map_err(|errno| os(region, "fcntl(F_GETFL)", errno))?;
    let mode = flags & OFlags::RWMODE;
    match access {
        Access::ReadWrite if mode != OFlags::RDWR => {
            return Err(Error::Descriptor { missing: "is not open for reading and writing" });
        }
        Access::Read if mode == OFlags::WRONLY || flags.contains(OFlags::PATH) => {
            return Err(Error::Descriptor { missing: "is not open for reading" });
        }
        Access::ReadWrite | Access::Read => {}
    }
    Ok(())
}

/// What tells one file from all others that there are now: its device and its inode.
pub(super) fn identity(stat: &Stat) -> (u64, u64) {
    // The types are narrower on other processors.
    #[allow(clippy::useless_conversion)]
    (stat.st_dev.into(), stat.st_ino.into())
}
