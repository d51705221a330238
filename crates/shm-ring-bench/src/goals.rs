//! The project's goals, as ratios of figures of the same comparison. It must not measure.

use serde::{Deserialize, Serialize};

use crate::report::{Outcome, Report};
use crate::spec::Workload;

/// A goal, and how far it was reached.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Goal {
    pub(crate) id: String,
    pub(crate) measure: String,
    pub(crate) value: f64,
    pub(crate) must: String,
    pub(crate) reached: bool,
}

fn goal(id: &str, measure: &str, value: f64, bound: Bound) -> Goal {
    let (must, reached) = match bound {
        Bound::AtMost(limit) => (format!("<= {limit:.3}"), value <= limit),
        Bound::AtLeast(limit) => (format!(">= {limit:.2}"), value >= limit),
    };
    Goal { id: id.to_owned(), measure: measure.to_owned(), value, must, reached }
}

enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

/// The goals that this comparison has the figures for.
pub(crate) fn of(report: &Report, system_calls: Option<u64>) -> Vec<Goal> {
    use Bound::{AtLeast, AtMost};
    let row = |transport: &str, workload, bytes| {
        report.results.iter().find(|row| {
            row.transport == transport && row.workload == workload && row.bytes == bytes
        })
    };
    let rate = |row: Option<&Outcome>| Some(row?.msgs_per_s?.median);
    let trip = |row: Option<&Outcome>| Some(row?.rtt_ns?.p50.median);
    let stream = |transport, bytes| rate(row(transport, Workload::Stream, bytes));
    let echo = |transport, bytes| trip(row(transport, Workload::Echo, bytes));
    let ratio = |over: Option<f64>, under: Option<f64>| Some(over? / under?);
    let mut goals = Vec::new();
    let mut add = |id, measure, value: Option<f64>, bound| {
        goals.extend(value.map(|value| goal(id, measure, value, bound)));
    };
    let floor = report.floor_ns.map(|floor| floor.median);
    add("P1", "round trip 8 B / floor", ratio(echo("shm-ring", 8), floor), AtMost(1.10));
    add(
        "P4",
        "stream 64 B / rtrb",
        ratio(stream("shm-ring", 64), stream("rtrb", 64)),
        AtLeast(1.7),
    );
    add(
        "P8",
        "stream 64 B / sysv-binary",
        ratio(stream("shm-ring", 64), stream("sysv-binary", 64)),
        AtLeast(200.0),
    );
    add(
        "P8",
        "round trip 64 B / sysv-binary",
        ratio(echo("shm-ring", 64), echo("sysv-binary", 64)),
        AtMost(0.05),
    );
    add(
        "P12",
        "stream 64 B able to sleep / not able",
        ratio(stream("shm-ring-balanced", 64), stream("shm-ring-bare", 64)),
        AtLeast(0.9),
    );
    add(
        "P13",
        "system calls with both sides awake",
        system_calls.map(|calls| calls as f64),
        AtMost(0.0),
    );
    goals
}
