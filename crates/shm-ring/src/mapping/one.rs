//! Owns: one mapping of a region for all of a process's roles in it, writable as a whole, with
//! `--cfg shm_ring_one_mapping`. Knows nothing of: the protocol. Sanitizers shadow memory by its address, and would take the two roles'
//! mappings for different memory. Never in a build that is used: nothing holds a side to its own page.
#![allow(unsafe_code)]

use core::ffi::c_void;
use std::os::fd::BorrowedFd;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use memmap2::MmapRaw;
use rustix::mm::{MprotectFlags, mprotect};

use super::MapError;

pub(super) type Shared = Arc<MmapRaw>;

/// Device and inode of a region, and its mapping.
static MAPPED: Mutex<Vec<((u64, u64), Weak<MmapRaw>)>> = Mutex::new(Vec::new());

fn name(fd: BorrowedFd<'_>) -> Option<(u64, u64)> {
    rustix::fs::fstat(fd).ok().map(|stat| (stat.st_dev, stat.st_ino))
}

/// The mapping of the region behind `fd`, if this process has one.
pub(super) fn mapped(fd: BorrowedFd<'_>) -> Option<Shared> {
    let name = name(fd)?;
    let mut mapped = MAPPED.lock().unwrap_or_else(PoisonError::into_inner);
    mapped.retain(|(_, raw)| raw.strong_count() > 0);
    mapped.iter().find(|(other, _)| *other == name).and_then(|(_, raw)| raw.upgrade())
}

/// Lets both roles write to `raw` and find it.
pub(super) fn share(fd: BorrowedFd<'_>, raw: &Shared) -> Result<(), MapError> {
    let address: *mut c_void = raw.as_mut_ptr().cast();
    // SAFETY: our own mapping, and more is allowed than before.
    unsafe { mprotect(address, raw.len(), MprotectFlags::READ | MprotectFlags::WRITE) }
        .map_err(|errno| MapError { call: "mprotect", errno })?;
    let mut mapped = MAPPED.lock().unwrap_or_else(PoisonError::into_inner);
    mapped.extend(name(fd).map(|name| (name, Arc::downgrade(raw))));
    Ok(())
}
