//! The bytes of a region, and the locks on it, as an outsider sees them.

use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::FileExt;

use nix::fcntl::FcntlArg;
use rustix::fs::{FallocateFlags, fallocate};

use super::case::Stop;

pub(crate) use crate::layout::{FENCE_MODE, PARKS, PID, SESSION};

pub(crate) fn page() -> u64 {
    rustix::param::page_size() as u64
}

pub(crate) fn producer() -> u64 {
    page()
}

pub(crate) fn consumer() -> u64 {
    2 * page()
}

pub(crate) fn data() -> u64 {
    3 * page()
}

/// The bytes of a region, by a descriptor of it.
pub(crate) struct Bytes(File);

impl Bytes {
    pub(crate) fn of(descriptor: BorrowedFd<'_>) -> Result<Self, Stop> {
        Ok(Self(File::from(descriptor.try_clone_to_owned()?)))
    }

    pub(crate) fn at(path: &std::path::Path) -> Result<Self, Stop> {
        Ok(Self(File::options().read(true).write(true).open(path)?))
    }

    pub(crate) fn word(&self, offset: u64) -> Result<u32, Stop> {
        let mut word = [0; 4];
        self.0.read_exact_at(&mut word, offset)?;
        Ok(u32::from_le_bytes(word))
    }

    pub(crate) fn set_word(&self, offset: u64, word: u32) -> Result<(), Stop> {
        Ok(self.0.write_all_at(&word.to_le_bytes(), offset)?)
    }

    pub(crate) fn long(&self, offset: u64) -> Result<u64, Stop> {
        let mut word = [0; 8];
        self.0.read_exact_at(&mut word, offset)?;
        Ok(u64::from_le_bytes(word))
    }

    pub(crate) fn len(&self) -> Result<u64, Stop> {
        Ok(self.0.metadata()?.len())
    }

    pub(crate) fn all(&self) -> Result<Vec<u8>, Stop> {
        let mut bytes = vec![0; self.len()? as usize];
        self.0.read_exact_at(&mut bytes, 0)?;
        Ok(bytes)
    }

    pub(crate) fn write(&self, bytes: &[u8]) -> Result<(), Stop> {
        Ok(self.0.write_all_at(bytes, 0)?)
    }

    pub(crate) fn cut(&self, len: u64) -> std::io::Result<()> {
        self.0.set_len(len)
    }

    /// Takes the memory of one page away; it reads as zeros from then on.
    pub(crate) fn punch(&self, offset: u64) -> Result<(), Stop> {
        let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        Ok(fallocate(self.0.as_fd(), flags, offset, page())?)
    }

    /// The range of a lock that somebody holds on one of these bytes, from its start to its length.
    pub(crate) fn lock_in(&self, offset: u64, len: u64) -> Result<Option<(u64, u64)>, Stop> {
        let mut lock = libc::flock {
            l_type: libc::F_WRLCK as libc::c_short,
            l_whence: libc::SEEK_SET as libc::c_short,
            l_start: offset as libc::off_t,
            l_len: len as libc::off_t,
            l_pid: 0,
        };
        nix::fcntl::fcntl(&self.0, FcntlArg::F_OFD_GETLK(&mut lock))?;
        let free = lock.l_type == libc::F_UNLCK as libc::c_short;
        Ok((!free).then_some((lock.l_start as u64, lock.l_len as u64)))
    }
}
