//! Owns: the memory of a new region: that there is enough of it, that it is there, and what it starts with. Knows nothing
//! of: where the region is.

use core::time::Duration;
use std::os::fd::BorrowedFd;

use rustix::fs::{FallocateFlags, fallocate, fstatvfs, ftruncate};
use rustix::io::{Errno, pwrite};

use crate::error::{Error, os};

/// A memfd has no file system to be full: asking for more than there is would have the kernel kill
/// processes instead of telling us.
pub(crate) fn refuse_more_than_the_machine_has(
    len: u64,
    sparse: bool,
    region: &str,
) -> Result<(), Error> {
    let memory = rustix::system::sysinfo();
    let unit = u64::from(memory.mem_unit);
    let available = (memory.totalram as u64 + memory.totalswap as u64).saturating_mul(unit);
    if !sparse && len > available {
        return Err(Error::NoSpace { region: region.to_owned(), needed: len, available });
    }
    Ok(())
}

/// Gives the region its length, and the memory for it unless `sparse`.
pub(crate) fn allocate(
    fd: BorrowedFd<'_>,
    len: u64,
    sparse: bool,
    region: &str,
) -> Result<(), Error> {
    if sparse {
        return ftruncate(fd, len).map_err(|errno| os(region, "ftruncate", errno));
    }
    let answer = loop {
        match fallocate(fd, FallocateFlags::empty(), 0, len) {
            Err(Errno::INTR) => std::thread::sleep(Duration::from_millis(1)),
            Err(Errno::OPNOTSUPP) => break write_zeros(fd, len),
            answer => break answer,
        }
    };
    match answer {
        Ok(()) => Ok(()),
        Err(Errno::NOSPC | Errno::DQUOT) => {
            let available = fstatvfs(fd).map_or(0, |fs| fs.f_bavail.saturating_mul(fs.f_frsize));
            Err(Error::NoSpace { region: region.to_owned(), needed: len, available })
        }
        Err(errno) => Err(os(region, "fallocate", errno)),
    }
}

/// For file systems that cannot allocate ahead: bytes that are written are there.
fn write_zeros(fd: BorrowedFd<'_>, len: u64) -> rustix::io::Result<()> {
    static CHUNK: [u8; 64 * 1024] = [0; 64 * 1024];
    let mut at = 0;
    while at < len {
        let chunk = &CHUNK[..usize::try_from(len - at).unwrap_or(CHUNK.len()).min(CHUNK.len())];
        match pwrite(fd, chunk, at) {
            Ok(0) => return Err(Errno::NOSPC),
            Ok(written) => at += written as u64,
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

pub(crate) fn write_image(fd: BorrowedFd<'_>, image: &[(u64, &[u8])]) -> rustix::io::Result<()> {
    for &(offset, bytes) in image {
        let mut done = 0;
        while done < bytes.len() {
            match pwrite(fd, &bytes[done..], offset + done as u64) {
                Ok(0) => return Err(Errno::NOSPC),
                Ok(written) => done += written,
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno),
            }
        }
    }
    Ok(())
}
