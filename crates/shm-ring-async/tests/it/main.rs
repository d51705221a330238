//! Tasks that wait for rings, with real processes at the other end, in each runtime and with each engine. One module per
//! idea; the children, names and time limits are those of the library's own tests.
//!
//! Owns: the jobs that a child can be given. Knows nothing of: what they show.

mod alarms;
mod cancelling;
mod engines;
mod forks;
mod forms;
#[path = "../../../shm-ring/tests/it/harness.rs"]
#[allow(dead_code, reason = "the library's tests use all of it")]
mod harness;
mod peers;
mod reactor;
mod runtimes;
mod sandbox;
#[path = "../../../shm-ring/tests/it/system.rs"]
#[allow(dead_code, reason = "the library's tests use all of it")]
mod system;
mod taking_turns;

use harness::{Home, Job};

const JOBS: &[(&str, Job)] = &[
    ("push-numbers", forms::push_numbers),
    ("pop-numbers", forms::pop_numbers),
    ("push-messages", forms::push_messages),
    ("pop-messages", forms::pop_messages),
    ("write-latest", forms::write_latest),
    ("hold", peers::hold),
    ("forked", forks::forked),
    ("forked-alarms", alarms::forked_alarms),
    ("sandboxed", sandbox::sandboxed),
    ("lingering", engines::lingering),
];

/// Where a child starts. Run as a test it finds no job and has nothing to do.
#[test]
fn child() {
    if let Some((job, home)) = Home::from_environment() {
        let known = JOBS.iter().find(|(name, _)| *name == job);
        let (_, run) = known.unwrap_or_else(|| panic!("no job is called {job}"));
        run(home);
        std::process::exit(0);
    }
}
