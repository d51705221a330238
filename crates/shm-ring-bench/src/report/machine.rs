//! What the numbers were measured on. It must not know the numbers.

use std::fs;
use std::process::Command;

use serde::{Deserialize, Serialize};

use crate::run::clock::Clock;

/// The machine of a comparison.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Machine {
    pub(crate) cpu: String,
    pub(crate) cores: usize,
    pub(crate) kernel: String,
    /// The project's commit, if the program runs inside its checkout; `-dirty` with changes.
    pub(crate) commit: String,
    /// The processors of side A (which receives) and side B.
    pub(crate) pinned: [usize; 2],
    /// What those two share.
    pub(crate) topology: String,
    pub(crate) clock: Clock,
}

impl Machine {
    pub(crate) fn describe(pinned: [usize; 2], clock: Clock) -> Self {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let cpu = cpuinfo
            .lines()
            .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
            .map_or("unknown", |(_, name)| name)
            .to_owned();
        let cores = cpuinfo.lines().filter(|line| line.starts_with("processor")).count();
        let kernel = rustix::system::uname().release().to_string_lossy().into_owned();
        let topology = topology(pinned, &about_processor).to_owned();
        Self { cpu, cores, kernel, commit: commit(), pinned, topology, clock }
    }
}

/// What the kernel says about a processor.
fn about_processor(cpu: usize, file: &str) -> Option<String> {
    fs::read_to_string(format!("/sys/devices/system/cpu/cpu{cpu}/{file}")).ok()
}

/// The closest thing that two processors share.
fn topology([a, b]: [usize; 2], about: &dyn Fn(usize, &str) -> Option<String>) -> &'static str {
    let same = |file: &str| about(a, file).is_some_and(|text| about(b, file) == Some(text));
    if a == b {
        "one processor"
    } else if same("topology/thread_siblings_list") {
        "two threads of one core"
    } else if same("cache/index3/shared_cpu_list") {
        "two cores that share a level 3 cache"
    } else if same("topology/physical_package_id") {
        "two cores of one package"
    } else if about(a, "topology/physical_package_id").is_some() {
        "two packages"
    } else {
        "unknown"
    }
}

fn commit() -> String {
    Command::new("git")
        .args(["-C", env!("CARGO_MANIFEST_DIR")])
        .args(["describe", "--always", "--dirty", "--exclude=*", "--abbrev=12"])
        .output()
        .ok()
        .filter(|output| output.status.success())
        .and_then(|output| String::from_utf8(output.stdout).ok())
        .map_or_else(|| "unknown".to_owned(), |commit| commit.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closest_thing_shared_is_named() {
        let kernel = |differing: &'static [&str]| {
            move |cpu: usize, file: &str| {
                let differs = differing.iter().any(|part| file.contains(part));
                Some(if differs { format!("{cpu}") } else { "0-1".to_owned() })
            }
        };
        assert_eq!(topology([0, 1], &kernel(&[])), "two threads of one core");
        let cores = kernel(&["siblings"]);
        assert_eq!(topology([0, 1], &cores), "two cores that share a level 3 cache");
        assert_eq!(topology([0, 1], &kernel(&["siblings", "cache"])), "two cores of one package");
        let packages = kernel(&["siblings", "cache", "package"]);
        assert_eq!(topology([0, 1], &packages), "two packages");
        assert_eq!(topology([0, 1], &|_, _| None), "unknown");
        assert_eq!(topology([3, 3], &packages), "one processor");
    }
}
