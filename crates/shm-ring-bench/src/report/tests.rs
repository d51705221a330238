//! Rows made up, and what becomes of them in results.

use super::*;
use crate::run::Failure;
use crate::run::transport::find;

pub(crate) fn report() -> Report {
    made_of(&rows())
}

fn made_of(rows: &[Row]) -> Report {
    let clock = Clock { tsc: true, ns_per_tick: 0.5, read_ns: 10.0 };
    Report::new(rows, [0, 1], clock, Vec::new())
}

fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for (workload, wall_ns) in [(Workload::Stream, 1000), (Workload::Echo, 2000)] {
        let mut row = Row::new(find("shm-ring-spin").unwrap(), workload, 64);
        let sample = Sample {
            floor_ns: 130.0,
            wall_ns,
            span_ns: wall_ns,
            verified: 10,
            cpu: [1.0; 2],
            cpu_ns: 2 * wall_ns,
            switches: 5,
            percentiles: [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0],
            ..Sample::default()
        };
        row.system_calls = Some(1.5);
        row.samples = vec![sample.clone(), Sample { floor_ns: 290.0, ..sample.clone() }, sample];
        row.failures = vec![Failure::TimedOut];
        rows.push(row);
    }
    rows
}

#[test]
fn excluded_runs_are_counted_and_do_not_count() {
    let stream = &report().results[0];
    assert_eq!((stream.runs, stream.excluded), (2, 2));
    assert_eq!((stream.excluded_for.floor, stream.excluded_for.failed), (1, 1));
    assert_eq!(stream.msgs_per_s.unwrap().median, 1e7);
    assert_eq!(stream.bytes_per_s.unwrap().median, 64e7);
    assert!(stream.rtt_ns.is_none() && stream.wake_ns.is_none());
    assert_eq!(stream.failures, ["timed out and was killed"]);
    let each = stream.each_run.iter().map(|run| (run.state, run.excluded));
    let near = (Some(State::Near), None);
    assert_eq!(each.collect::<Vec<_>>(), [near, (None, Some(Reason::Floor)), near]);
}

#[test]
fn runs_of_both_states_are_kept_apart_and_belong_to_all_rows() {
    let mut rows = rows();
    let far = |wall_ns| Sample {
        floor_ns: 560.0,
        wall_ns,
        span_ns: wall_ns,
        verified: 10,
        cpu: [1.0; 2],
        ..Sample::default()
    };
    rows[0].samples.extend([5000, 5000, 5000].map(far));
    let report = made_of(&rows);
    let of = |row: &Outcome| (row.state, row.runs, row.msgs_per_s.map(|figure| figure.median));
    let all: Vec<_> = report.results.iter().map(of).collect();
    assert_eq!(
        all,
        [
            (Some(State::Near), 2, Some(1e7)),
            (Some(State::Far), 3, Some(2e6)),
            (Some(State::Near), 2, None),
            (Some(State::Far), 0, None),
        ]
    );
    let floors = report.states.iter().map(|seen| (seen.floor_ns.median, seen.runs));
    assert_eq!(floors.collect::<Vec<_>>(), [(130.0, 4), (560.0, 3)]);
    // What belongs to no state is counted once, although both states name it.
    assert_eq!(report.results[1].excluded_for, report.results[0].excluded_for);
    assert_eq!(report.excluded(), Excluded { floor: 2, preempted: 0, failed: 2 });
}

#[test]
fn a_message_costs_what_both_sides_spent_over_how_many_there_were() {
    let report = report();
    let cost = report.results[1].cost.unwrap();
    let of = |figure: Option<Figure>| figure.unwrap().median;
    assert_eq!((cost.cpu_ns.median, of(cost.switches)), (400.0, 0.5));
    assert_eq!(of(cost.system_calls), 1.5);
    // The percentiles that came first keep their places among more.
    let rtt = report.results[1].rtt_ns.unwrap();
    let same = [rtt.p50, rtt.p90, rtt.p99, rtt.p999, rtt.max].map(|figure| figure.median);
    assert_eq!(same, [1.0, 3.0, 4.0, 5.0, 7.0]);
    let latency = report.results[1].latency.iter().map(|at| (at.part, at.ns.median));
    let parts = [0.5, 0.75, 0.9, 0.99, 0.999, 0.9999, 1.0];
    assert_eq!(
        latency.collect::<Vec<_>>(),
        parts.into_iter().zip((1..8).map(f64::from)).collect::<Vec<_>>()
    );
    assert!(report.results[0].latency.is_empty());
}

#[test]
fn json_carries_the_documented_fields_and_comes_back() {
    let report = report();
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["schema"], SCHEMA);
    for field in ["cpu", "cores", "kernel", "commit", "pinned", "topology", "clock"] {
        assert!(!json["machine"][field].is_null(), "{field}");
    }
    assert_eq!(json["states"][0]["state"], "near");
    assert_eq!(json["states"][0]["floor_ns"]["median"], 130.0);
    assert_eq!(json["results"][1]["state"], "near");
    assert_eq!(json["results"][1]["each_run"][0]["state"], "near");
    let echo = &json["results"][1];
    assert_eq!(
        (echo["transport"].as_str(), echo["workload"].as_str()),
        (Some("shm-ring-spin"), Some("echo"))
    );
    for percentile in ["p50", "p90", "p99", "p999", "max"] {
        for figure in ["median", "min", "max"] {
            assert!(echo["rtt_ns"][percentile][figure].is_f64(), "{percentile} {figure}");
        }
    }
    assert!(echo["cpu"]["tx"]["median"].is_f64() && echo["msgs_per_s"].is_null());
    assert_eq!(serde_json::from_value::<Report>(json).unwrap(), report);
}
