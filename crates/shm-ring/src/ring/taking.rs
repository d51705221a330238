//! Owns: taking the lease of a role, which waits a moment for one that nobody is attached with, and what is said of one that
//! is taken. Knows nothing of: what the role is wanted for.

use core::time::Duration;

use super::page;
use super::retry::Retry;
use crate::error::{Error, io_error};
use crate::region::Backing;
use crate::region::lease::Lease;
use crate::role::Role;

/// How long a lease is waited for that is held and whose role says that nobody is attached. Its holder is about to attach,
/// closes, dies, or looks whether it may remove the region: none of that takes long.
const PATIENCE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_millis(5);

/// The lease of `role`, through a description of its own.
pub(super) fn take(backing: &Backing, page: u64, role: Role) -> Result<Lease, Error> {
    let mut retry = Retry::within(PATIENCE, LONGEST_PAUSE);
    loop {
        match Lease::take(backing.description()?, page, role) {
            Ok(Some(lease)) => return Ok(lease),
            answer => {
                backing.not_taken();
                answer.map_err(|source| io_error(&backing.region, "fcntl(F_OFD_SETLK)", source))?;
            }
        }
        if page::says_attached(backing, page, role) {
            break;
        }
        if !retry.pause() {
            break;
        }
    }
    let pid = page::pid(backing, page, role);
    Err(Error::RoleTaken { region: backing.region.clone(), role, pid })
}
