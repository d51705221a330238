//! The report as the program writes it. What stands in it is tested where it is made.

use std::fs;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

fn output(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shm-ring-bench"));
    command.args(arguments).stdin(Stdio::null()).output().unwrap()
}

#[test]
fn a_report_is_written_and_a_foreign_directory_refused_before_measuring() {
    let name = format!("shm-ring-bench-report-{}", std::process::id());
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
    if !std::thread::available_parallelism().is_ok_and(|count| count.get() >= 2) {
        println!("skipped: a comparison needs two processors");
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
