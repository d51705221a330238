//! Every transport and what becomes of runs that fail: real processes, real objects, nothing left behind.

use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use rustix::thread::{CpuSet, sched_setaffinity};
use serde_json::{Value, json};

use crate::support::{
    Kept, Started, alone, assert_gone, left_behind, objects, output, printed, send, two_processors,
};

/// Every size of a message.
const SIZES: [u64; 14] =
    [8, 16, 24, 40, 48, 64, 104, 200, 256, 1024, 4096, 16_384, 65_536, 1_048_576];

/// The largest message of each transport that does not carry all sizes, where the kernel has its usual
/// limits.
const UP_TO: &[(&str, u64)] = &[
    ("unix-seqpacket", 65_536),
    ("unix-datagram", 65_536),
    ("posix-mq", 4096),
    ("sysv-mq", 4096),
    ("rtrb", 4096),
    ("go", 4096),
    ("tasks-thread", 4096),
    ("tasks-io-uring", 4096),
    ("tasks-tokio", 4096),
    ("tokio-unix", 4096),
    ("tokio-pipe", 4096),
    ("omango", 4096),
    ("nexus-queue", 4096),
    ("crossbeam-channel", 4096),
    ("ringbuf", 4096),
    ("gil", 4096),
    ("bbqueue", 4096),
    ("ringfire", 4096),
    ("shaq", 4096),
    ("iceoryx2", 4096),
    ("iceoryx2-events", 4096),
];

/// What was carried: each transport once for each size, in order, in whatever state of the machine.
fn carried(json: &Value, bytes: u64) -> Vec<String> {
    let first = &json["states"][0]["state"];
    let is_one = |row: &&Value| row["bytes"].as_u64() == Some(bytes) && row["state"] == *first;
    let rows = json["results"].as_array().unwrap().iter().filter(is_one);
    rows.map(|row| row["transport"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn every_transport_moves_verified_messages_of_every_size_and_leaves_nothing() {
    let _alone = alone();
    if !two_processors() {
        return;
    }
    let before = objects();
    let list = output(&["--list"]);
    let names: Vec<String> = String::from_utf8(list.stdout)
        .unwrap()
        .lines()
        .map(|line| line.split_whitespace().next().unwrap().to_owned())
        .collect();
    assert!(names.len() >= 20, "{names:?}");
    let plain = ["--quick", "--runs", "1", "--json", "-", "--transport", &names.join(",")];
    let sizes = |few: &[u64]| few.iter().map(u64::to_string).collect::<Vec<_>>().join(",");
    let (small, large) = SIZES.split_at(11);
    for (workload, few, messages) in
        [("stream", small, "300"), ("stream", large, "30"), ("echo", &[64][..], "100")]
    {
        let which = ["--workload", workload, "--bytes", &sizes(few), "--messages", messages];
        let run = output(&[&plain[..], &which].concat());
        assert_eq!(run.status.code(), Some(0), "{run:?}");
        let json: Value = serde_json::from_slice(&run.stdout).unwrap();
        for &bytes in few {
            let carries = |name: &&String| {
                UP_TO.iter().all(|(limited, most)| limited != name || bytes <= *most)
            };
            let due: Vec<_> = names.iter().filter(carries).collect();
            assert_eq!(carried(&json, bytes).iter().collect::<Vec<_>>(), due, "{bytes}");
        }
        for row in json["results"].as_array().unwrap() {
            assert!(row["failures"].is_null(), "{row}");
            // With those of the warm-up, every word of which was verified.
            let verified = row["messages"].as_u64().unwrap();
            assert_eq!(Some(verified), messages.parse().ok(), "{row}");
        }
    }
    assert_eq!(left_behind(&before), BTreeSet::new());
}

#[test]
fn batches_lines_waiting_and_memory_are_measured_and_verified() {
    let _alone = alone();
    if !two_processors() {
        return;
    }
    let before = objects();
    for (workload, transports, field) in [
        ("batch", "shm-ring-spin,rtrb", "msgs_per_s"),
        ("idle-receiver", "shm-ring-park,pipe", "blocked_cpu"),
        ("idle-sender", "shm-ring-park,pipe", "blocked_cpu"),
        ("memory", "shm-ring-spin", "held_bytes"),
    ] {
        let named = ["--workload", workload, "--transport", transports];
        // On a noisy machine no run may count; none may have failed.
        let run = output(&[&named[..], &["--quick", "--runs", "3", "--json", "-"]].concat());
        assert_eq!(run.status.code(), Some(0), "{run:?}");
        let json: Value = serde_json::from_slice(&run.stdout).unwrap();
        for row in json["results"].as_array().unwrap() {
            let judged = row["runs"].as_u64().unwrap() > 0;
            assert!(row["excluded_for"]["failed"] == 0 && row["failures"].is_null(), "{row}");
            let elsewhere = json["states"].as_array().unwrap().len() > 1;
            assert!(judged || elsewhere || row["excluded"].as_u64() >= Some(3), "{row}");
            assert!(!judged || row[field]["median"].as_f64().is_some(), "{field}: {row}");
        }
        if workload == "memory" {
            let held = json["results"][0]["held_bytes"]["median"].as_f64().unwrap();
            // Three pages of control at the least; a side that kept a copy of the ring would show.
            assert!((12288.0..131_072.0).contains(&held), "{held}");
        }
    }
    let lines = output(&["--workload", "lines", "--quick", "--runs", "1", "--json", "-"]);
    assert_eq!(lines.status.code(), Some(0), "{lines:?}");
    assert_eq!(left_behind(&before), BTreeSet::new());
}

#[test]
fn goals_judges_all_of_them_or_says_why_not() {
    let _alone = alone();
    if !two_processors() {
        return;
    }
    let (before, kept) = (objects(), Kept::new("goals.json", ""));
    let ended = output(&["goals", "--quick", "--runs", "1", "--json", kept.path()]);
    // None of them decides how it ends.
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    let text = String::from_utf8_lossy(&ended.stdout);
    assert!(text.contains("Goals of the project") && !text.contains("each verified"), "{text}");
    let wide = printed(&["report", kept.path(), "--wide"]);
    assert!(wide.contains("Goals of the project") && wide.contains("each verified"), "{wide}");
    let json: Value = serde_json::from_str(&fs::read_to_string(&kept.0).unwrap()).unwrap();
    let goals = json["goals"].as_array().unwrap();
    let ids = ["R1", "R2", "S1", "S2", "S3", "S4", "S5", "S6", "S7", "T1", "T2", "T3"];
    for id in ids.into_iter().chain(["W1", "W2", "W3", "W4", "M1", "F1"]) {
        let of_it: Vec<_> = goals.iter().filter(|goal| goal["id"] == *id).collect();
        assert!(!of_it.is_empty(), "{id}");
        for goal in of_it {
            let verdict = goal["verdict"].as_str().unwrap();
            let measured = !["not-measured", "not-judged"].contains(&verdict);
            assert!(measured == goal["value"].is_f64() || id == "T2", "{goal}");
            assert!(measured || goal["note"].is_string(), "{goal}");
        }
    }
    assert_eq!(left_behind(&before), BTreeSet::new());
}

#[test]
fn json_has_schema_3_and_the_state_of_each_run() {
    let _alone = alone();
    if !two_processors() {
        return;
    }
    let run =
        output(&["--quick", "--runs", "3", "--json", "-", "--transport", "pipe,shm-ring-spin"]);
    let json: Value = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!(json["schema"], 3);
    let states = json["states"].as_array().unwrap();
    assert!(states.iter().all(|seen| seen["floor_ns"]["median"].as_f64().unwrap() > 1.0));
    let runs: u64 = states.iter().map(|seen| seen["runs"].as_u64().unwrap()).sum();
    let rows = json["results"].as_array().unwrap();
    // A row of which no run came to its end, beside other work, has none.
    let each = rows.iter().filter_map(|row| row["each_run"].as_array()).flatten();
    let fitting = each.filter(|run| run["state"].is_string());
    assert_eq!(fitting.count() as u64, runs, "{json}");
    assert!(rows.iter().all(|row| states.iter().any(|seen| seen["state"] == row["state"])));
    assert!(json["machine"]["cores"].as_u64().unwrap() >= 2);
    let wake = json["results"].as_array().unwrap().iter().find(|row| row["workload"] == "wake");
    assert_eq!(wake.unwrap()["interval_ns"], 100_000);
    assert_eq!(json["goals"], json!([]), "goals have a comparison of their own");
}

#[test]
fn an_interrupted_comparison_shows_and_saves_the_runs_that_were_done_and_leaves_nothing() {
    let _alone = alone();
    if !two_processors() {
        return;
    }
    let (before, kept) = (objects(), Kept::new("interrupted.json", ""));
    let what = ["sweep", "--quick", "--time", "3600", "--transport", "posix-two,sysv-two"];
    let more = ["--bytes", "64", "--workload", "echo", "--json", kept.path()];
    for signal in [Signal::INT, Signal::TERM] {
        let started = Started::new(&[&what[..], &more].concat());
        // The trials take two runs of two processes each.
        let sides = started.sides(14);
        send(started.id(), signal);
        let ended = started.end();
        assert_eq!(ended.status.code(), Some(130), "{ended:?}");
        let text = String::from_utf8_lossy(&ended.stdout);
        assert!(text.contains("Echo: a 64-byte message") && text.contains("posix-two"), "{text}");
        assert!(text.contains("The rows:\n posix-two "), "{text}");
        assert!(String::from_utf8_lossy(&ended.stderr).contains("interrupted"));
        let saved: Value = serde_json::from_str(&fs::read_to_string(&kept.0).unwrap()).unwrap();
        let rows = saved["results"].as_array().unwrap();
        assert!(rows.iter().any(|row| row["runs"].as_u64() >= Some(1)), "{saved}");
        assert_gone(&sides);
        assert_eq!(left_behind(&before), BTreeSet::new());
    }
}

#[test]
fn a_killed_side_is_a_failed_run_and_leaves_nothing() {
    let _alone = alone();
    if !two_processors() {
        return;
    }
    let before = objects();
    let named = ["--transport", "sysv-two", "--workload", "wake", "--interval", "100000"];
    let child = Started::new(&[&named[..], &["--runs", "1"]].concat());
    let sides = child.sides(2);
    std::thread::sleep(Duration::from_millis(300));
    send(*sides.first().unwrap(), Signal::KILL);
    let ended = child.end();
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    let text = String::from_utf8_lossy(&ended.stdout);
    assert!(text.contains("sysv-two wake 64 B: failed: a side ended with signal: 9"), "{text}");
    assert!(text.contains("no row has a valid run"), "{text}");
    assert_eq!(left_behind(&before), BTreeSet::new());
}

#[test]
fn a_run_that_is_stuck_is_killed_and_said_to_be() {
    let _alone = alone();
    if !two_processors() {
        return;
    }
    let named = ["--transport", "shm-ring-park", "--workload", "wake", "--interval", "1000000"];
    let child = Started::new(&[&named[..], &["--runs", "1", "--limit", "1"]].concat());
    let sides = child.sides(2);
    let ended = child.end();
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    let text = String::from_utf8_lossy(&ended.stdout);
    assert!(text.contains("timed out and was killed"), "{text}");
    assert_gone(&sides);
}

#[test]
fn nothing_outlives_a_comparison_that_is_killed() {
    let _alone = alone();
    if !two_processors() {
        return;
    }
    let child =
        Started::new(&["--transport", "shm-ring-spin", "--workload", "echo", "--runs", "1000"]);
    let sides = child.sides(2);
    send(child.id(), Signal::KILL);
    assert!(!child.end().status.success());
    let start = Instant::now();
    while sides.iter().any(|side| fs::exists(format!("/proc/{side}")).unwrap()) {
        assert!(start.elapsed() < Duration::from_secs(20), "{sides:?} live on");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn on_one_processor_what_spins_is_skipped_with_a_word_and_the_rest_runs() {
    let _alone = alone();
    let mine = rustix::thread::sched_getaffinity(None).unwrap();
    let first = (0..CpuSet::MAX_CPU).find(|&cpu| mine.is_set(cpu)).unwrap();
    let mut one = CpuSet::new();
    one.set(first);
    // Of this thread only, and inherited by what it starts.
    sched_setaffinity(None, &one).unwrap();
    let named =
        ["--transport", "shm-ring-spin,shm-ring-park,sysv-binary,pipe", "--workload", "echo"];
    let ended = output(&[&named[..], &["--runs", "1", "--quick", "--json", "-"]].concat());
    let alone = output(&["--transport", "rtrb"]);
    sched_setaffinity(None, &mine).unwrap();

    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(said.contains("what spins is skipped: shm-ring-spin, sysv-binary"), "{said}");
    let json: Value = serde_json::from_slice(&ended.stdout).unwrap();
    let rows = json["results"].as_array().unwrap();
    let names: Vec<_> = rows.iter().map(|row| row["transport"].as_str().unwrap()).collect();
    assert_eq!(names, ["shm-ring-park", "pipe"]);
    assert!(rows.iter().all(|row| row["runs"] == 1), "{json}");
    assert_eq!(json["states"], Value::Array(vec![]));

    assert_eq!(alone.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&alone.stderr).contains("nothing is left to compare"));
}

#[test]
fn wrong_arguments_end_with_what_is_allowed() {
    for (arguments, said) in [
        (["--transport", "telepathy"], "sysv-binary"),
        (["--cpus", "0,99999"], "processor 99999 is none that we may use; allowed are 0"),
        (["--cpus", "0"], "two different processor numbers"),
    ] {
        let ended = output(&arguments);
        assert_eq!(ended.status.code(), Some(2), "{arguments:?}");
        let text = String::from_utf8_lossy(&ended.stderr);
        assert!(text.contains(said), "{arguments:?}: {text}");
        assert!(ended.stdout.is_empty());
    }
    let ended = output(&["--transport", "pipe", "--json", "/proc/no/such/place.json"]);
    assert_eq!(ended.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&ended.stderr).contains("--json /proc/no/such/place.json"));
}
