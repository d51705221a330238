//! Each workload as its users run it, over the ring that sleeps and over a pipe: real processes, very
//! few messages. Timing decides nothing here.

use serde_json::Value;

use crate::support::{alone, output, two_processors};

/// The rows of a short comparison, and what it said beside them. `None` where there are not two
/// processors.
fn rows(arguments: &[&str]) -> Option<(Vec<Value>, String)> {
    if !two_processors() {
        return None;
    }
    let _alone = alone();
    let plain = ["--transport", "shm-ring-park,pipe", "--quick", "--runs", "1", "--json", "-"];
    let ended = output(&[&plain[..], arguments].concat());
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    let json: Value = serde_json::from_slice(&ended.stdout).unwrap();
    // The machine may have changed its state meanwhile: each row once, in the state of its run or,
    // if that fits none, in the first.
    let first = &json["states"][0]["state"];
    let mut rows = json["results"].as_array().unwrap().clone();
    rows.retain(|row| match &row["each_run"][0] {
        run if run["excluded"] == "floor" => row["state"] == *first,
        run => run["state"] == row["state"],
    });
    for row in &rows {
        assert!(row["failures"].is_null(), "{row}");
        let ended = row["runs"].as_u64().unwrap() + row["excluded"].as_u64().unwrap();
        assert_eq!(ended, 1, "{row}");
    }
    Some((rows, String::from_utf8_lossy(&ended.stderr).into_owned()))
}

/// Whether the one run of a row counts, so that it has figures.
fn counts(row: &Value) -> bool {
    row["runs"] == 1
}

fn median(figure: &Value) -> f64 {
    figure["median"].as_f64().unwrap_or_else(|| panic!("no figure: {figure}"))
}

/// Each part of the latency is there, and none is shorter than one of fewer messages.
fn assert_latency(row: &Value) {
    let latency = row["latency"].as_array().unwrap_or_else(|| panic!("no latency: {row}"));
    let parts: Vec<_> = latency.iter().map(|at| at["part"].as_f64().unwrap()).collect();
    assert_eq!(parts, [0.5, 0.75, 0.9, 0.99, 0.999, 0.9999, 1.0]);
    assert!(latency.windows(2).all(|two| median(&two[0]["ns"]) <= median(&two[1]["ns"])), "{row}");
    assert!(median(&latency[0]["ns"]) > 0.0, "{row}");
}

/// A pipe makes one call to send and one to receive, and nothing else on the way does: neither the
/// sleeping of a sender that has to be late nor the reading of a clock is the transport's.
fn assert_calls_of_a_pipe(row: &Value, said: &str, each_way: f64) {
    if row["transport"] != "pipe" || !counts(row) || said.contains("not counted") {
        return;
    }
    assert_eq!(median(&row["cost"]["system_calls"]), 2.0 * each_way, "{row}");
}

#[test]
fn bursts_are_whole_and_each_interval_is_a_row() {
    let asked = ["--workload", "burst,wake", "--burst", "7", "--interval", "50,400"];
    let Some((rows, said)) = rows(&asked) else { return };
    let of = |row: &Value, field: &str| row[field].as_u64();
    let kinds: Vec<_> = rows.iter().map(|row| (of(row, "burst"), of(row, "interval_ns"))).collect();
    for interval in [50_000, 400_000] {
        for burst in [Some(7), None] {
            let wanted = (burst, Some(interval));
            assert_eq!(kinds.iter().filter(|&&kind| kind == wanted).count(), 2, "{kinds:?}");
        }
    }
    for row in rows.iter().filter(|row| counts(row)) {
        assert_latency(row);
        assert_calls_of_a_pipe(row, &said, 1.0);
        if row["workload"] == "burst" {
            assert_eq!(of(row, "messages").unwrap() % 7, 0, "{row}");
            assert!(median(&row["drain_ns"]) > 0.0, "{row}");
        } else {
            assert!(row["drain_ns"].is_null() && median(&row["wake_ns"]) > 0.0, "{row}");
        }
    }
}

#[test]
fn a_pace_is_what_was_asked_for_and_what_came_of_it_is_said() {
    let asked = ["--workload", "paced", "--rate", "2000,50000"];
    let Some((rows, said)) = rows(&asked) else { return };
    let mut rates: Vec<_> = rows.iter().map(|row| row["rate"].as_u64().unwrap()).collect();
    rates.sort_unstable();
    assert_eq!(rates, [2000, 2000, 50_000, 50_000]);
    for row in rows.iter().filter(|row| counts(row)) {
        assert_latency(row);
        assert_calls_of_a_pipe(row, &said, 1.0);
        let (rate, came) = (row["rate"].as_f64().unwrap(), median(&row["msgs_per_s"]));
        // Nothing can come faster than it is due.
        assert!(came > 0.0 && came <= rate * 1.001, "{row}");
        assert!(median(&row["cost"]["cpu_ns"]) > 0.0, "{row}");
    }
}

#[test]
fn a_fan_and_one_core_carry_verified_messages() {
    let asked = ["--workload", "fan,one-core,one-core-echo", "--fan", "3"];
    let Some((rows, said)) = rows(&asked) else { return };
    assert_eq!(rows.len(), 6);
    for row in rows.iter().filter(|row| counts(row)) {
        match row["workload"].as_str().unwrap() {
            "one-core-echo" => {
                assert_latency(row);
                assert_calls_of_a_pipe(row, &said, 2.0);
                assert!(median(&row["rtt_ns"]["p50"]) > 0.0);
            }
            workload => {
                assert_eq!(row["fan"].as_u64(), (workload == "fan").then_some(3), "{row}");
                assert_calls_of_a_pipe(row, &said, 1.0);
                assert!(median(&row["msgs_per_s"]) > 0.0 && row["latency"].is_null(), "{row}");
            }
        }
    }
    // Neither side can be kept from a processor of its own there, and there is no floor beside it.
    let alone = rows.iter().filter(|row| row["workload"] != "fan");
    assert!(alone.into_iter().all(counts), "{rows:?}");
}

#[test]
fn what_spins_is_not_set_on_one_core() {
    let ended = output(&["--transport", "shm-ring-spin", "--workload", "one-core"]);
    assert_eq!(ended.status.code(), Some(2), "{ended:?}");
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(said.contains("shm-ring-spin spins, so one-core would be"), "{said}");
}
