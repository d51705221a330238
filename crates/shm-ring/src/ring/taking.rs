//! Owns: taking the lease of a role, which waits for one that nobody is attached with, and what is said of one that is taken.
//! Knows nothing of: what the role is wanted for.

use core::time::Duration;
use std::os::fd::AsFd;

use super::page;
use super::retry::Retry;
use crate::error::{Error, io_error};
use crate::region::Backing;
use crate::region::lease::{self, Lease};
use crate::role::Role;

/// How long a lock for reading is waited for, of somebody who is about to find out that it is no use.
const PATIENCE_WITH_READERS: Duration = Duration::from_millis(100);
/// How often a lock may be gone when it is asked about and there again when it is taken.
const ROUNDS: u32 = 100;
const LONGEST_PAUSE: Duration = Duration::from_millis(5);

/// The lease of `role`, through a description of its own. One that is held and whose role says that nobody is attached is
/// waited for, up to `patience`: its holder is about to attach, closes, dies, or looks whether it may remove the region.
pub(super) fn take(
    backing: &Backing,
    page: u64,
    role: Role,
    patience: Duration,
) -> Result<Lease, Error> {
    let mut retry = Retry::within(patience, LONGEST_PAUSE);
    let mut gone = 0;
    let mut readers = Retry::within(PATIENCE_WITH_READERS.min(patience), LONGEST_PAUSE);
    loop {
        match Lease::take(backing.description()?, page, role) {
            Ok(Some(lease)) => return Ok(lease),
            answer => {
                backing.not_taken();
                answer.map_err(|source| io_error(&backing.region, "fcntl(F_OFD_SETLK)", source))?;
            }
        }
        // Only a lock for writing makes an owner, and only that is in the way of a lock for reading.
        let fd = backing.fd.as_fd();
        if !lease::is_held(fd, page, role) {
            if !lease::is_read(fd, page, role) {
                // It was given up just now.
                gone += 1;
                if gone < ROUNDS {
                    continue;
                }
            }
            if !readers.pause() {
                return Err(Error::BlockedByReader { region: backing.region.clone(), role });
            }
        } else if page::says_attached(backing, page, role) || !retry.pause() {
            break;
        }
    }
    let pid = page::pid(backing, page, role);
    Err(Error::RoleTaken { region: backing.region.clone(), role, pid })
}
