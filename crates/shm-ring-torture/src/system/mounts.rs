//! File systems of a case's own, in a mount namespace that goes when its process does. It must not
//! know what is tried in them.

use std::path::Path;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};

use super::case::{Stop, or_skip, root};

/// Mounts an empty file system over `path`, which nobody outside this process sees.
pub(crate) fn over(path: &Path, kind: &str, options: &str) -> Result<(), Stop> {
    root("a mount namespace")?;
    or_skip(unshare(CloneFlags::CLONE_NEWNS), "unshare(CLONE_NEWNS)")?;
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    let nothing = None::<&str>;
    or_skip(mount(nothing, "/", nothing, private, nothing), "mount(MS_PRIVATE)")?;
    let options = (!options.is_empty()).then_some(options);
    let mounted = mount(Some(kind), path, Some(kind), MsFlags::empty(), options);
    or_skip(mounted, &format!("mount({kind})"))
}
