//! What the tests share: how the program is run, what it starts and may leave behind, and files that go away. It must not
//! know what was compared.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// A comparison of a moment.
pub(crate) const SHORT: [&str; 7] =
    ["--quick", "--runs", "1", "--transport", "pipe", "--workload", "echo"];

/// Comparisons one at a time: two would starve each other, and what one leaves behind could not be told from
/// what the other holds.
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

pub(crate) fn output(arguments: &[&str]) -> Output {
    program(arguments).output().unwrap()
}

/// Whether this machine can run a comparison at all.
pub(crate) fn two_processors() -> bool {
    let two = std::thread::available_parallelism().is_ok_and(|count| count.get() >= 2);
    if !two {
        println!("skipped: a comparison needs two processors");
    }
    two
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
        // Not as what a comparison would leave behind.
        let name = format!("test-of-shm-ring-{}-{name}", std::process::id());
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

/// A program that does not outlive the test that started it.
pub(crate) struct Started(Option<Child>);

impl Started {
    pub(crate) fn new(arguments: &[&str]) -> Self {
        let mut program = program(arguments);
        Self(Some(program.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()))
    }

    pub(crate) fn id(&self) -> u32 {
        self.0.as_ref().expect("it is there until it ends").id()
    }

    /// Sees sides of it until there were so many.
    pub(crate) fn sides(&self, count: usize) -> BTreeSet<u32> {
        let (mut seen, start) = (BTreeSet::new(), Instant::now());
        while seen.len() < count {
            assert!(start.elapsed() < Duration::from_secs(30), "few sides were seen: {seen:?}");
            seen.extend(children(self.id()));
            std::thread::sleep(Duration::from_millis(1));
        }
        seen
    }

    pub(crate) fn end(mut self) -> Output {
        let id = self.id();
        let child = self.0.take().expect("it is there until it ends");
        let (start, watch) =
            (Instant::now(), std::thread::spawn(move || child.wait_with_output().unwrap()));
        while !watch.is_finished() {
            if start.elapsed() > Duration::from_secs(60) {
                send(id, Signal::KILL);
                panic!("it did not end");
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        watch.join().unwrap()
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

pub(crate) fn send(pid: u32, signal: Signal) {
    kill_process(Pid::from_raw(pid as i32).unwrap(), signal).unwrap();
}

pub(crate) fn assert_gone(sides: &BTreeSet<u32>) {
    for side in sides {
        assert!(!fs::exists(format!("/proc/{side}")).unwrap(), "side {side} lives on");
    }
}

fn children(parent: u32) -> BTreeSet<u32> {
    let parent_of = |pid: &u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse::<u32>().ok()
    };
    let all = fs::read_dir("/proc").unwrap().flatten();
    let all = all.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    all.filter(|pid| parent_of(pid) == Some(parent)).collect()
}

/// Identifiers of all System V segments, semaphore sets and queues; names of ours where segments, POSIX
/// queues and temporary files have theirs; processes of this program.
pub(crate) fn objects() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for table in ["shm", "sem", "msg"] {
        let text = fs::read_to_string(format!("/proc/sysvipc/{table}")).unwrap_or_default();
        for line in text.lines().skip(1) {
            let id = line.split_whitespace().nth(1).unwrap_or_default();
            found.insert(format!("{table} {id}"));
        }
    }
    let temporary = std::env::temp_dir();
    for place in [Path::new("/dev/shm"), Path::new("/dev/mqueue"), &temporary] {
        for entry in fs::read_dir(place).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.contains("shm-ring-bench") {
                found.insert(name);
            }
        }
    }
    // A socket goes with its process.
    let ours = fs::canonicalize(env!("CARGO_BIN_EXE_shm-ring-bench")).unwrap();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        if fs::read_link(entry.path().join("exe")).is_ok_and(|program| program == ours) {
            found.insert(format!("process {}", entry.file_name().display()));
        }
    }
    found
}

/// What stands in the way of `objects` being as it was `before`, once everyone had time to clean up.
/// What others make on this machine meanwhile comes and goes; what we leave behind stays.
pub(crate) fn left_behind(before: &BTreeSet<String>) -> BTreeSet<String> {
    let mut suspects = &objects() - before;
    let start = Instant::now();
    while !suspects.is_empty() && start.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(20));
        suspects = &suspects & &objects();
    }
    suspects
}
