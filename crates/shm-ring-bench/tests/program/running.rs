//! What the program says while it measures, and where it says it. Timing decides nothing here.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::process::Command;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use serde_json::Value;

use crate::support::{SHORT, Started, alone, output, parsed, printed, program, two_processors};

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

#[test]
fn a_report_is_written_and_a_foreign_directory_refused_before_measuring() {
    let _alone = alone();
    let name = format!("test-of-shm-ring-report-{}", std::process::id());
    let dir = std::env::temp_dir().join(name);
    let named = ["--transport", "pipe", "--workload", "echo", "--runs", "1", "--quick"];
    let report = ["--report", dir.to_str().unwrap(), "--baseline", "pipe"];
    let refused = || {
        fs::create_dir(&dir).unwrap();
        fs::write(dir.join("thesis.tex"), "years of work").unwrap();
        let ended = output(&[&named[..], &report].concat());
        let left = fs::read_dir(&dir).unwrap().count();
        fs::remove_dir_all(&dir).unwrap();
        (ended, left)
    };
    let (ended, left) = refused();
    assert_eq!((ended.status.code(), left), (Some(1), 1), "{ended:?}");
    assert!(String::from_utf8_lossy(&ended.stderr).contains("thesis.tex is not of a report"));
    assert!(ended.stdout.is_empty());
    if !two_processors() {
        return;
    }
    let ended = output(&[&named[..], &report].concat());
    let json = fs::read_to_string(dir.join("results.json")).unwrap_or_default();
    let page = fs::read_to_string(dir.join("index.html")).unwrap_or_default();
    let _ = fs::remove_dir_all(&dir);
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    assert!(String::from_utf8_lossy(&ended.stdout).contains("Echo"));
    let json: Value = serde_json::from_str(&json).unwrap();
    let command = json["command"].as_array().unwrap();
    assert_eq!(command[..3], ["shm-ring-bench", "--transport", "pipe"]);
    // It is valid: a single run is of the one state that was seen, and what sleeps is not preempted.
    assert!(page.contains("Latency percentiles, echo ("), "{page}");
    assert!(page.contains("The baseline of ratios is pipe."), "{page}");
}
