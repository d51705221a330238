//! Owns: `shmr_place`: where C says that a region is, and removing a name. Knows nothing of: what is in it.
#![allow(unsafe_code)]
#![allow(non_camel_case_types, reason = "the name that C has for it")]

use core::ffi::{c_char, c_int};
use std::os::fd::{FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use shm_ring::Region;

use crate::border::{guard_int, invalid, text};
use crate::code::{Failure, SHMR_OS};
use crate::options::{chosen, shmr_options};

/// `shmr_place`.
#[derive(Clone, Copy)]
#[repr(C)]
#[allow(missing_docs, reason = "the header explains each")]
pub struct shmr_place {
    pub kind: u32,
    pub fd: c_int,
    pub name: *const c_char,
    pub pid: u32,
    pub unused: u32,
}

/// The region of a place.
///
/// # Safety
/// The name is NULL or a text.
pub(crate) unsafe fn region(place: shmr_place) -> Result<Region, Failure> {
    // SAFETY: the contract above.
    let name = || unsafe { text(place.name, "the name of the place") };
    let utf8 = || {
        core::str::from_utf8(name()?).map_err(|_| invalid("a name that is not UTF-8: use a file"))
    };
    Ok(match place.kind {
        1 => Region::named(utf8()?),
        2 => Region::file(std::ffi::OsStr::from_bytes(name()?)),
        3 => Region::memfd(utf8()?),
        4 => Region::descriptor(duplicate(place.fd)?),
        5 => Region::unsealed_descriptor(duplicate(place.fd)?),
        6 => Region::for_one_role(duplicate(place.fd)?),
        7 => {
            let fd = u32::try_from(place.fd).map_err(|_| invalid("a negative descriptor"))?;
            Region::of_process(place.pid, fd)
        }
        kind => {
            return Err(invalid(format!(
                "a place of kind {kind}: make it by shmr_named or a sibling"
            )));
        }
    })
}

/// A descriptor of ours for what C's number leads to; C keeps its own.
fn duplicate(fd: c_int) -> Result<OwnedFd, Failure> {
    // SAFETY: any number may be asked about.
    let copy = unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 0) };
    if copy < 0 {
        let error = std::io::Error::last_os_error();
        return Err(Failure::told(SHMR_OS, format!("descriptor {fd} cannot be used: {error}")));
    }
    // SAFETY: new, and nobody else's.
    Ok(unsafe { OwnedFd::from_raw_fd(copy) })
}

/// `shmr_unlink`.
///
/// # Safety
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shmr_unlink(place: shmr_place) -> c_int {
    guard_int(|| {
        // SAFETY: the header's contract.
        let region = unsafe { region(place) }?;
        region.unlink()?;
        Ok(0)
    })
}

macro_rules! unlink {
    ($($name:ident: $method:ident),*) => {$(
        #[doc = concat!("`", stringify!($name), "`.")]
        ///
        /// # Safety
        /// As the header says.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(place: shmr_place, options: *const shmr_options) -> c_int {
            guard_int(|| {
                // SAFETY: the header's contract.
                let region = unsafe { region(place) }?;
                // SAFETY: the header's contract.
                let chosen = unsafe { chosen(options) }?;
                region.$method(&chosen.options)?;
                Ok(0)
            })
        }
    )*};
}

unlink!(shmr_unlink_unused: unlink_unused, shmr_unlink_unused_and_discard: unlink_unused_and_discard);
