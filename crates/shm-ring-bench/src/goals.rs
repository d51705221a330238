//! The project's goals, as ratios of figures of the same comparison. It must not measure.

use serde::{Deserialize, Serialize};

use crate::report::{Outcome, Report};
use crate::spec::Workload;

/// A goal, and how far it was reached.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Goal {
    pub(crate) id: String,
    pub(crate) measure: String,
    /// `None` if the comparison was to measure it and could not; then `note` says why.
    pub(crate) value: Option<f64>,
    pub(crate) must: String,
    pub(crate) reached: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) note: Option<String>,
}

/// A value, or why there is none.
pub(crate) type Measured = Result<f64, String>;

enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

impl Bound {
    fn holds(&self, value: f64) -> bool {
        match *self {
            Self::AtMost(limit) => value <= limit,
            Self::AtLeast(limit) => value >= limit,
        }
    }

    fn text(&self) -> String {
        match self {
            Self::AtMost(limit) => format!("<= {limit}"),
            Self::AtLeast(limit) => format!(">= {limit}"),
        }
    }
}

fn goal(id: &str, measure: &str, measured: Measured, bound: &Bound) -> Goal {
    let reached = measured.as_ref().is_ok_and(|&value| bound.holds(value));
    let (value, note) = match measured {
        Ok(value) => (Some(value), None),
        Err(why) => (None, Some(why)),
    };
    let (id, measure, must) = (id.to_owned(), measure.to_owned(), bound.text());
    Goal { id, measure, value, must, reached, note }
}

/// The median of what a row measured; `None` if the comparison has no such row.
fn median(report: &Report, transport: &str, workload: Workload, bytes: usize) -> Option<Measured> {
    let row = report
        .results
        .iter()
        .find(|row| row.transport == transport && row.workload == workload && row.bytes == bytes)?;
    let figure = match workload {
        Workload::Stream => row.msgs_per_s,
        Workload::Echo => row.rtt_ns.map(|rtt| rtt.p50),
        Workload::Wake => row.wake_ns,
    };
    Some(figure.map(|figure| figure.median).ok_or_else(|| no_valid_run(row)))
}

fn no_valid_run(row: &Outcome) -> String {
    let why = row.excluded_for.reasons().join(", ");
    format!("no valid run of {} {} {} B ({why})", row.transport, row.workload, row.bytes)
}

/// The goals that this comparison has rows for, and what was counted of system calls.
pub(crate) fn of(report: &Report, system_calls: Option<Measured>) -> Vec<Goal> {
    use Bound::{AtLeast, AtMost};
    let stream = |transport| median(report, transport, Workload::Stream, 64);
    let echo = |transport, bytes| median(report, transport, Workload::Echo, bytes);
    let floor = report.floor_ns.map(|floor| Ok(floor.median));
    let ratio = |over: Option<Measured>, under: Option<Measured>| {
        Some((over?, under?)).map(|(over, under)| Ok(over? / under?))
    };
    [
        ("P1", "round trip 8 B / floor", ratio(echo("shm-ring", 8), floor), AtMost(1.1)),
        ("P4", "stream 64 B / rtrb", ratio(stream("shm-ring"), stream("rtrb")), AtLeast(1.7)),
        (
            "P8",
            "stream 64 B / sysv-binary",
            ratio(stream("shm-ring"), stream("sysv-binary")),
            AtLeast(200.0),
        ),
        (
            "P8",
            "round trip 64 B / sysv-binary",
            ratio(echo("shm-ring", 64), echo("sysv-binary", 64)),
            AtMost(0.05),
        ),
        (
            "P12",
            "stream 64 B able to sleep / not able",
            ratio(stream("shm-ring-balanced"), stream("shm-ring-bare")),
            AtLeast(0.9),
        ),
        ("P13", "system calls in half a million messages", system_calls, AtMost(0.0)),
    ]
    .into_iter()
    .filter_map(|(id, measure, measured, bound)| Some(goal(id, measure, measured?, &bound)))
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_is_reached_at_its_bound_and_not_beyond() {
        let reached = |value, bound| goal("P", "", Ok(value), &bound).reached;
        assert!(reached(1.1, Bound::AtMost(1.1)) && !reached(1.11, Bound::AtMost(1.1)));
        assert!(reached(200.0, Bound::AtLeast(200.0)) && !reached(199.0, Bound::AtLeast(200.0)));
    }

    #[test]
    fn a_goal_that_could_not_be_measured_is_not_reached_and_says_why() {
        let goal = goal("P4", "", Err("no valid run".to_owned()), &Bound::AtLeast(0.0));
        assert_eq!((goal.value, goal.reached), (None, false));
        assert_eq!(goal.note.as_deref(), Some("no valid run"));
    }
}
