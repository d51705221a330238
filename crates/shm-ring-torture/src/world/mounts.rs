//! File systems of this process's own, in a mount namespace that goes when it does.
//!
//! Owns: how one is mounted. Knows nothing of: what is tried in it.

use std::path::Path;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};

/// Mounts an empty file system over `path`, which nobody outside this process sees; or says why it cannot.
pub(super) fn over(path: &Path, kind: &str, options: &str) -> Result<(), String> {
    if !rustix::process::geteuid().is_root() {
        return Err("only root can have a mount namespace".to_owned());
    }
    let said = |what: String| move |error| format!("{what}: {error}");
    unshare(CloneFlags::CLONE_NEWNS).map_err(said("unshare(CLONE_NEWNS)".to_owned()))?;
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    let nothing = None::<&str>;
    mount(nothing, "/", nothing, private, nothing).map_err(said("mount(MS_PRIVATE)".to_owned()))?;
    let mounted = mount(Some(kind), path, Some(kind), MsFlags::empty(), Some(options));
    mounted.map_err(said(format!("mount({kind})")))
}
