//! The peer in C that was written from LAYOUT.md alone (`crates/shm-ring-outsider/c`) against the library, both ways: what
//! crosses, sleeping, closing, kills and restarts. It is no program of the C interface, and links nothing of it.
//!
//! Owns: how it is built. Knows nothing of: what it does.

use std::path::PathBuf;
use std::process::Command;

use crate::installed::{has, here, run, scratch};
use crate::peers::{all_ways, killed_both_ways};

fn built(compiler: &str) -> Option<PathBuf> {
    if !has(compiler) {
        return None;
    }
    let program = scratch().join(format!("outsider-{compiler}"));
    let mut command = Command::new(compiler);
    command.args(["-std=c11", "-O2", "-Wall", "-Wextra", "-Werror"]).arg("-o").arg(&program);
    run(command.arg(here().join("../shm-ring-outsider/c/peer.c")));
    Some(program)
}

#[test]
fn everything_crosses_to_and_from_a_peer_by_the_layout_alone() {
    if let Some(program) = built("gcc") {
        all_ways(&program, "outsider");
    }
}

#[test]
fn a_peer_by_the_layout_alone_is_killed_and_started_again() {
    if let Some(program) = built("clang") {
        killed_both_ways(&program, "outsider");
    }
}
