//! What the numbers were measured on.

use std::fs;
use std::process::Command;

use serde::{Deserialize, Serialize};

/// The machine of a comparison.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Machine {
    pub(crate) cpu: String,
    pub(crate) cores: usize,
    pub(crate) kernel: String,
    /// The project's commit, if the program runs inside its checkout.
    pub(crate) commit: String,
    pub(crate) pinned: [usize; 2],
}

impl Machine {
    pub(crate) fn describe(pinned: [usize; 2]) -> Self {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let cpu = cpuinfo
            .lines()
            .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
            .map_or("unknown", |(_, name)| name)
            .to_owned();
        let cores = cpuinfo.lines().filter(|line| line.starts_with("processor")).count();
        let kernel = rustix::system::uname().release().to_string_lossy().into_owned();
        Self { cpu, cores, kernel, commit: commit(), pinned }
    }
}

fn commit() -> String {
    Command::new("git")
        .args(["-C", env!("CARGO_MANIFEST_DIR"), "rev-parse", "--short=12", "HEAD"])
        .output()
        .ok()
        .filter(|output| output.status.success())
        .and_then(|output| String::from_utf8(output.stdout).ok())
        .map_or_else(|| "unknown".to_owned(), |commit| commit.trim().to_owned())
}
