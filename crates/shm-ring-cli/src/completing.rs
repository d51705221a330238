//! Owns: what a shell offers behind a command: the names of rings. Knows nothing of: which shell asks (clap_complete).

use std::ffi::OsStr;

use clap_complete::engine::{
    ArgValueCompleter, CompletionCandidate, PathCompleter, ValueCompleter,
};
use shm_ring::Options;

/// Set by the script that `shm-ring completions` prints, in a process that is asked for candidates.
pub(crate) const VARIABLE: &str = "SHM_RING_COMPLETE";

/// Completes an argument that names a ring.
pub(crate) fn rings() -> ArgValueCompleter {
    ArgValueCompleter::new(candidates)
}

/// The rings under /dev/shm, with a slash in front if one was typed; files, where a path was begun.
fn candidates(current: &OsStr) -> Vec<CompletionCandidate> {
    let Some(typed) = current.to_str() else { return Vec::new() };
    let (slash, begun) = typed.strip_prefix('/').map_or(("", typed), |begun| ("/", begun));
    if begun.contains('/') {
        return PathCompleter::file().complete(current);
    }
    // A ring of somebody else is offered too: what becomes of it is for the command to say.
    let listed = shm_ring::list(&Options::new()).unwrap_or_default();
    let names = listed.into_iter().map(|listed| listed.name);
    let names = names.filter(|name| name.starts_with(begun));
    names.map(|name| CompletionCandidate::new(format!("{slash}{name}"))).collect()
}
