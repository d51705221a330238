//! What the program says while it measures, where it says it, and how it ends. Timing decides nothing
//! here.

mod support;

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use serde_json::Value;

use support::{Kept, SHORT, alone, parsed, printed, program};

/// What a command shows whose standard output and standard error are one terminal.
fn on_terminal(mut command: Command) -> String {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let path = PathBuf::from(OsStr::from_bytes(ptsname(&master, Vec::new()).unwrap().as_bytes()));
    let terminal = OpenOptions::new().read(true).write(true).open(path).unwrap();
    let mut child = command.stdout(terminal.try_clone().unwrap()).stderr(terminal).spawn().unwrap();
    drop(command);
    let mut seen = Vec::new();
    // Ends with an error once nobody has the terminal open any more.
    let _ = File::from(master).read_to_end(&mut seen);
    assert!(child.wait().unwrap().success());
    String::from_utf8_lossy(&seen).into_owned()
}

#[test]
fn color_is_for_terminals_unless_asked_for_otherwise() {
    const COLOR: &str = "\x1b[";
    assert!(!printed(&["doctor"]).contains(COLOR));
    assert!(printed(&["doctor", "--color", "always"]).contains(COLOR));
    assert!(printed(&["--color=always", "doctor"]).contains(COLOR));
    assert!(on_terminal(program(&["doctor"])).contains(COLOR));
    assert!(!on_terminal(program(&["doctor", "--color", "never"])).contains(COLOR));
    let mut without = program(&["doctor"]);
    without.env("NO_COLOR", "1");
    assert!(!on_terminal(without).contains(COLOR));
    // What the parser says goes by it as well.
    assert!(!on_terminal(program(&["--help", "--color", "never"])).contains(COLOR));
    assert!(printed(&["--color", "always", "--help"]).contains(COLOR));
}

#[test]
fn progress_is_for_terminals() {
    let _alone = alone();
    let shown = on_terminal(program(&SHORT));
    assert!(shown.contains(" left ") && shown.contains("pipe echo 64 B"), "{shown:?}");
    // Elsewhere nothing stands on standard error, which this looks at.
    printed(&SHORT);
}

#[test]
fn a_sweep_goes_over_sizes_and_time_bounds_a_comparison() {
    let _alone = alone();
    let named = ["--quick", "--transport", "pipe", "--bytes", "8,4096", "--json", "-"];
    let swept = parsed(&[&["sweep", "--runs", "1"], &named[..]].concat());
    let rows: Vec<_> = swept["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["workload"].as_str().unwrap(), row["bytes"].as_u64().unwrap()))
        .collect();
    assert_eq!(rows, [("stream", 8), ("stream", 4096), ("echo", 8), ("echo", 4096)]);

    // Without the bound there is no end to it.
    let child = Started::new(&[&named[..], &["--workload", "echo", "--time", "1"]].concat());
    let ended = child.end();
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    let timed: Value = serde_json::from_slice(&ended.stdout).unwrap();
    // Each in one state of the machine at least.
    for bytes in [8, 4096] {
        let rows = timed["results"].as_array().unwrap().iter().filter(|row| row["bytes"] == bytes);
        let made = |row: &Value| row["each_run"].as_array().map_or(0, Vec::len);
        assert!(rows.map(made).sum::<usize>() >= 1, "{timed}");
    }
}

/// A program that does not outlive the test that started it.
struct Started(Option<Child>);

impl Started {
    fn new(arguments: &[&str]) -> Self {
        let mut program = program(arguments);
        Self(Some(program.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()))
    }

    fn id(&self) -> u32 {
        self.0.as_ref().expect("it is there until it ends").id()
    }

    fn end(mut self) -> Output {
        let id = self.id();
        let child = self.0.take().expect("it is there until it ends");
        let (start, watch) =
            (Instant::now(), std::thread::spawn(move || child.wait_with_output().unwrap()));
        while !watch.is_finished() {
            if start.elapsed() > Duration::from_secs(60) {
                kill_process(Pid::from_raw(id as i32).unwrap(), Signal::KILL).unwrap();
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

fn children(parent: u32) -> BTreeSet<u32> {
    let parent_of = |pid: &u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse::<u32>().ok()
    };
    let all = fs::read_dir("/proc").unwrap().flatten();
    let all = all.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    all.filter(|pid| parent_of(pid) == Some(parent)).collect()
}

fn named_objects() -> BTreeSet<String> {
    let names = fs::read_dir("/dev/shm").into_iter().flatten().flatten();
    names.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn control_c_in_the_middle_of_runs_shows_those_that_were_done_and_leaves_nothing() {
    let _alone = alone();
    let (before, kept) = (named_objects(), Kept::new("interrupted.json", ""));
    let what = ["sweep", "--quick", "--time", "3600", "--transport", "posix-two", "--bytes", "64"];
    let more = ["--workload", "echo", "--json", kept.path()];
    let started = Started::new(&[&what[..], &more].concat());
    let (mut seen, start) = (BTreeSet::new(), Instant::now());
    // The trial takes two runs of two processes at the most.
    while seen.len() < 10 && start.elapsed() < Duration::from_secs(30) {
        seen.extend(children(started.id()));
        std::thread::sleep(Duration::from_millis(2));
    }
    assert!(seen.len() >= 10, "few sides were seen: {seen:?}");
    kill_process(Pid::from_raw(started.id() as i32).unwrap(), Signal::INT).unwrap();
    let ended = started.end();
    assert_eq!(ended.status.code(), Some(130), "{ended:?}");
    let text = String::from_utf8_lossy(&ended.stdout);
    assert!(text.contains("Echo: a 64-byte message") && text.contains("posix-two"), "{text}");
    assert!(String::from_utf8_lossy(&ended.stderr).contains("interrupted"));
    let saved: Value = serde_json::from_str(&fs::read_to_string(&kept.0).unwrap()).unwrap();
    assert!(saved["results"][0]["runs"].as_u64() >= Some(1), "{saved}");
    for side in seen {
        assert!(!fs::exists(format!("/proc/{side}")).unwrap(), "side {side} lives on");
    }
    // What others make meanwhile comes and goes.
    let start = Instant::now();
    let mut left = &named_objects() - &before;
    while !left.is_empty() && start.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(20));
        left = &left & &named_objects();
    }
    assert_eq!(left, BTreeSet::new());
}
