//! A user namespace for a process of the storm.
//!
//! Owns: how it gets there. Knows nothing of: pid namespaces, which a process is started in.

use std::io;

use nix::sched::{CloneFlags, unshare};
use rustix::process::{getegid, geteuid};

/// Moves this process, which has one thread, to a user namespace of its own, where its user and group are what they were
/// and nobody else is anybody.
pub(super) fn enter_user() -> io::Result<()> {
    let (user, group) = (geteuid().as_raw(), getegid().as_raw());
    unshare(CloneFlags::CLONE_NEWUSER)?;
    std::fs::write("/proc/self/uid_map", format!("{user} {user} 1"))?;
    std::fs::write("/proc/self/setgroups", "deny")?;
    std::fs::write("/proc/self/gid_map", format!("{group} {group} 1"))
}
