//! A test's body in a process of its own, and forks of it.
//!
//! Owns: how a test starts itself again, and how a fork ends. Knows nothing of: jobs.

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus};

use rustix::process::{Resource, Rlimit, Signal, set_parent_process_death_signal, setrlimit};

use crate::harness::{Child, this_program};
use crate::system;

const ALONE: &str = "SHM_RING_TEST_ALONE";
/// What a process ends with that has run a test's body to its end.
const DONE: i32 = 77;

/// Runs `body`, a closure of the test that calls this, in a process of its own, which may break itself: this program
/// again, with that test alone.
pub(crate) fn alone<F: FnOnce()>(body: F) {
    alone_by(&[], body);
}

/// The same in a process that another program starts, by these words.
pub(crate) fn alone_by<F: FnOnce()>(words: &[&str], body: F) {
    // `it::module::test::{{closure}}`.
    let name = std::any::type_name::<F>();
    let test = name.strip_prefix("it::").and_then(|name| name.strip_suffix("::{{closure}}"));
    let test = test.expect("a closure of a test");
    if std::env::var(ALONE).is_ok_and(|alone| alone == test) {
        set_parent_process_death_signal(Some(Signal::KILL)).unwrap();
        // Some are about dying.
        let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
        body();
        std::process::exit(DONE);
    }
    let program = this_program();
    let command = match words {
        [] => program,
        [first, rest @ ..] => {
            let mut command = Command::new(first);
            command.args(rest).arg(program.get_program()).args(program.get_args());
            command
        }
    };
    let status = Child::start(command, test, ALONE, test).status();
    assert_eq!(status.code(), Some(DONE), "{test} in a process of its own, by {words:?}: {status}");
}

/// Whether this process has been started to run a test's body.
pub(crate) fn is_alone() -> bool {
    std::env::var_os(ALONE).is_some()
}

/// A fork of this process.
pub(crate) struct Fork(i32);

impl Fork {
    /// Has a fork run `child` and end. Only in processes of one test.
    pub(crate) fn new(fork: impl FnOnce() -> Option<i32>, child: impl FnOnce()) -> Self {
        match fork() {
            Some(pid) => Self(pid),
            None => {
                let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(child));
                system::exit_now(i32::from(ended.is_err()))
            }
        }
    }

    /// How it ends: with 0 at the end of what it runs.
    pub(crate) fn ended(self) -> ExitStatus {
        ExitStatus::from_raw(system::wait_for(self.0))
    }
}

/// Has a fork run `child` to its end: how that came.
pub(crate) fn in_fork(child: impl FnOnce()) -> ExitStatus {
    Fork::new(system::fork, child).ended()
}
