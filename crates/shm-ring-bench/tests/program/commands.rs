//! The subcommands that measure nothing (report but once), as their users run them.

use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::os::unix::ffi::OsStrExt;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};

use crate::support::{Kept, SHORT, alone, output, parsed, printed, program};

/// What was recorded once: results that do not change.
const RECORD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../benches/record/2026-11-29.json");

#[test]
fn list_says_what_each_transport_can_do() {
    let listed = parsed(&["list", "--json"]);
    let names: Vec<&str> =
        listed.as_array().unwrap().iter().map(|entry| entry["name"].as_str().unwrap()).collect();
    let text = printed(&["list"]);
    let first_words: Vec<&str> =
        text.lines().map(|line| line.split_whitespace().next().unwrap()).collect();
    assert_eq!(first_words, names);
    assert_eq!(printed(&["--list"]), text, "as it was spelled before there were subcommands");
    let find =
        |name| listed.as_array().unwrap().iter().find(|entry| entry["name"] == name).unwrap();
    assert_eq!(
        (&find("rtrb")["kind"], &find("rtrb")["idle"]),
        (&json!("threads"), &json!("spins"))
    );
    assert_eq!(
        (&find("pipe")["kind"], &find("pipe")["batches"]),
        (&json!("processes"), &json!(false))
    );
    assert!(find("shm-ring-spin")["bytes_max"].as_u64() > find("rtrb")["bytes_max"].as_u64());
    assert!(listed.as_array().unwrap().iter().all(|entry| entry["what"] != ""));
}

#[test]
fn report_shows_saved_results_as_the_comparison_did() {
    let _alone = alone();
    let kept = Kept::new("report.json", "");
    let measured = printed(&[&SHORT[..], &["--json", kept.path()]].concat());
    assert!(measured.contains("Echo: a 64-byte message"), "{measured}");
    assert_eq!(printed(&["report", kept.path()]), measured);
    let saved: Value = serde_json::from_str(&fs::read_to_string(&kept.0).unwrap()).unwrap();
    assert_eq!(parsed(&["report", kept.path(), "--json", "-"]), saved);

    let both = printed(&["report", kept.path(), RECORD]);
    assert!(both.contains(&format!("{RECORD}:\n")) && both.contains("Wake: "), "{both}");
    let ended = output(&["report", kept.path(), RECORD, "--json", "-"]);
    assert_eq!(ended.status.code(), Some(2), "{ended:?}");
}

#[test]
fn files_that_are_no_results_are_refused_by_name_with_a_hint() {
    let broken = Kept::new("broken.json", "{\"schema\": 1, \"machine\": 7}");
    for arguments in [
        &["report", broken.path()][..],
        &["report", "/proc/no/such/place.json"],
        &["report", "/dev/zero"],
        &["diff", RECORD, broken.path()],
        &["diff", broken.path(), RECORD],
    ] {
        let ended = output(arguments);
        let said = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(1), "{said}");
        let lines: Vec<&str> = said.lines().collect();
        assert_eq!(lines.len(), 2, "{said}");
        assert!(lines[0].starts_with("error: ") && lines[1].starts_with(" hint: "), "{said}");
        assert!(arguments.iter().any(|name| lines[0].contains(name)), "{said}");
        assert!(ended.stdout.is_empty());
    }
}

/// The record with every figure of a row's throughput times `factor`.
fn altered(factor: f64) -> Kept {
    let mut results: Value = serde_json::from_str(&fs::read_to_string(RECORD).unwrap()).unwrap();
    let rows = results["results"].as_array_mut().unwrap();
    let pipe = |row: &&mut Value| row["transport"] == "pipe" && row["workload"] == "stream";
    let row = rows.iter_mut().find(pipe).unwrap();
    for figure in ["median", "min", "max"] {
        let value = &mut row["msgs_per_s"][figure];
        *value = json!(value.as_f64().unwrap() * factor);
    }
    results["machine"]["commit"] = json!("0123456789ab");
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    Kept::new(&format!("altered-{count}.json"), &results.to_string())
}

#[test]
fn diff_ends_with_1_for_a_regression_beyond_noise_only() {
    let slower = altered(0.25);
    let allowed = ["diff", RECORD, slower.path(), "--fail-above", "5"];
    let ended = output(&allowed);
    let (text, said) =
        (String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
    assert_eq!(ended.status.code(), Some(1), "{text}{said}");
    assert_eq!(text.matches("slower").count(), 1, "{text}");
    assert!(
        said.contains("pipe stream 64 B, near, million/s: worse by 300 %, allowed are 5 %"),
        "{said}"
    );
    assert!(text.contains("warning: not measured under the same conditions"), "{text}");

    // A message takes four times as long: 300 % longer.
    for arguments in [
        &["diff", RECORD, slower.path()][..],
        &["diff", RECORD, slower.path(), "--fail-above", "301"],
        &["diff", slower.path(), RECORD, "--fail-above", "0"],
        &["diff", RECORD, RECORD, "--fail-above", "0"],
    ] {
        let text = printed(arguments);
        assert!(text.contains("within noise"), "{text}");
    }
    let within = altered(0.97);
    printed(&["diff", RECORD, within.path(), "--fail-above", "0"]);

    let differences = parsed(&["diff", RECORD, slower.path(), "--json"]);
    // Of some rows the record has too few runs to tell.
    let told = |row: &&Value| row["verdict"] == "worse" || row["verdict"] == "better";
    let worse: Vec<&Value> = differences["rows"].as_array().unwrap().iter().filter(told).collect();
    assert_eq!(worse.len(), 1, "{worse:?}");
    assert_eq!((&worse[0]["transport"], &worse[0]["verdict"]), (&json!("pipe"), &json!("worse")));
    assert_eq!(differences["differing"][0]["what"], "commit");
}

#[test]
fn doctor_finds_what_there_is_and_ends_well() {
    let found = parsed(&["doctor", "--json"]);
    let findings = found["findings"].as_array().unwrap();
    assert!(findings.len() >= 20, "{findings:?}");
    for finding in findings {
        let warns = finding["state"] == "warn";
        assert!(warns || finding["state"] == "ok", "{finding}");
        assert!(finding["found"].as_str().is_some_and(|found| !found.is_empty()), "{finding}");
        assert_eq!(warns, finding["advice"].is_string(), "{finding}");
    }
    let text = printed(&["doctor"]);
    for finding in findings {
        assert!(text.contains(finding["check"].as_str().unwrap()), "{finding}: {text}");
    }
}

#[test]
fn completions_know_the_subcommands_and_their_options() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = printed(&["completions", shell]);
        assert!(script.contains("sweep") && script.contains("fail-above"), "{shell}");
    }
    let script = Kept::new("completions.bash", &printed(&["completions", "bash"]));
    match Command::new("bash").args(["-n", script.path()]).output() {
        Ok(checked) => {
            assert!(checked.status.success() && checked.stderr.is_empty(), "{checked:?}")
        }
        Err(error) => println!("not checked by bash: {error}"),
    }
}

#[test]
fn the_manual_has_a_page_for_the_program_and_each_subcommand() {
    let page = printed(&["man"]);
    assert!(page.contains(".TH shm-ring-bench 1") && page.contains("Exit codes"), "{page}");
    for subcommand in
        ["compare", "goals", "sweep", "report", "diff", "list", "doctor", "completions", "man"]
    {
        assert!(page.contains(&format!("shm\\-ring\\-bench\\-{subcommand}(1)")), "{subcommand}");
        let title = format!(".TH shm-ring-bench-{subcommand} 1");
        assert!(printed(&["man", subcommand]).contains(&title), "{subcommand}");
    }
    let ended = output(&["man", "dance"]);
    assert_eq!(ended.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&ended.stderr).contains("no subcommand dance"));
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let commands: [&[&str]; 6] = [
        &["list"],
        &["doctor"],
        &["man"],
        &["completions", "zsh"],
        &["report", RECORD],
        &["--help"],
    ];
    for arguments in commands {
        let (reader, writer) = rustix::pipe::pipe().unwrap();
        drop(reader);
        let ended = program(arguments).stdout(writer).output().unwrap();
        assert_eq!(ended.status.code(), Some(0), "{arguments:?}: {ended:?}");
        assert!(ended.stderr.is_empty(), "{arguments:?}: {ended:?}");
    }
    let slower = altered(0.25);
    let worse: [&[&str]; 2] =
        [&["diff", RECORD, slower.path(), "--fail-above", "5"], &["report", "/nonexistent"]];
    for arguments in worse {
        let (reader, writer) = rustix::pipe::pipe().unwrap();
        drop(reader);
        let mut child = program(arguments).stdout(Stdio::null()).stderr(writer).spawn().unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(1), "{arguments:?}");
    }
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let ended = program(&["list"]).stdout(full).output().unwrap();
    assert_eq!(ended.status.code(), Some(1));
    assert!(
        String::from_utf8_lossy(&ended.stderr).starts_with("error: writing to standard output")
    );
}

#[test]
fn arguments_of_any_bytes_are_answered() {
    for arguments in
        [&[b"\xff\xfe".as_slice()][..], &[b"--transport", b"\xff"], &[b"report", b"\xff"]]
    {
        let mut command = program(&[]);
        command.args(arguments.iter().map(|bytes| OsStr::from_bytes(bytes)));
        let ended = command.output().unwrap();
        assert!(matches!(ended.status.code(), Some(1 | 2)), "{ended:?}");
        let said = String::from_utf8_lossy(&ended.stderr);
        assert!(said.starts_with("error: ") && !said.contains("panicked"), "{said}");
    }
}
