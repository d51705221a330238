//! What the tests of the program share: how it is run, and files that go away.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard};

use serde_json::Value;

/// A comparison of a moment.
pub(crate) const SHORT: [&str; 7] =
    ["--quick", "--runs", "1", "--transport", "pipe", "--workload", "echo"];

/// Comparisons one at a time: two would starve each other.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

pub(crate) fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shm-ring-bench"));
    command.args(arguments).stdin(Stdio::null()).env("TERM", "xterm");
    for variable in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"] {
        command.env_remove(variable);
    }
    command
}

/// What a command prints that goes well and has nothing to complain of.
pub(crate) fn printed(arguments: &[&str]) -> String {
    let ended = program(arguments).output().unwrap();
    assert_eq!(ended.status.code(), Some(0), "{arguments:?}: {ended:?}");
    assert_eq!(String::from_utf8_lossy(&ended.stderr), "", "{arguments:?}");
    String::from_utf8(ended.stdout).unwrap()
}

pub(crate) fn parsed(arguments: &[&str]) -> Value {
    serde_json::from_str(&printed(arguments)).unwrap()
}

/// A file that goes away with the value.
pub(crate) struct Kept(pub(crate) PathBuf);

impl Kept {
    pub(crate) fn new(name: &str, contents: &str) -> Self {
        let name = format!("shm-ring-bench-test-{}-{name}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::write(&path, contents).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}
