//! Owns: what a role's page says, read without a mapping: who has it and how far that side has come. Knows nothing of: what
//! is decided on it.

use core::mem::offset_of;

use crate::protocol::layout::{LIVENESS_DIED, LIVENESS_OFFSET, Life, SidePage};
use crate::region::Backing;
use crate::role::Role;

/// Reads a word of the page of `role`; `None` if that cannot be.
fn word<const N: usize>(
    backing: &Backing,
    page: u64,
    role: Role,
    offset: usize,
) -> Option<[u8; N]> {
    let mut word = [0; N];
    let at = role.page_index() * page + offset as u64;
    matches!(backing.read(&mut word, at), Ok(read) if read == N).then_some(word)
}

/// The process id of the holder of `role`, if it means something here.
pub(super) fn pid(backing: &Backing, page: u64, role: Role) -> Option<u32> {
    let life = offset_of!(SidePage, life);
    let pid = word(backing, page, role, life + offset_of!(Life, pid))?;
    let namespace = word(backing, page, role, life + offset_of!(Life, pid_namespace))?;
    backing.meaningful((u32::from_ne_bytes(pid), u64::from_ne_bytes(namespace)))
}

/// Whether the page says that somebody is attached: an odd session of which the kernel has not told that its holder died.
/// If not, a lease that is held is that of a process that attaches, closes, dies or removes the region.
pub(super) fn says_attached(backing: &Backing, page: u64, role: Role) -> bool {
    let session = offset_of!(SidePage, life) + offset_of!(Life, session);
    let session = word(backing, page, role, session).map_or(1, u64::from_ne_bytes);
    let liveness = word(backing, page, role, LIVENESS_OFFSET as usize);
    let died = liveness.map_or(0, u32::from_ne_bytes) & LIVENESS_DIED != 0;
    session % 2 == 1 && !died
}

/// The tail word, `head`, or how many values a writer has published. `None` if it cannot be read.
pub(super) fn position(backing: &Backing, page: u64, role: Role) -> Option<u64> {
    word(backing, page, role, offset_of!(SidePage, position)).map(u64::from_ne_bytes)
}
