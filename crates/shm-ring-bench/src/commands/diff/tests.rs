//! Planted regressions, noise and gaps.

use std::path::Path;

use super::*;
use crate::plan::state::State;
use crate::run::spec::Workload;

fn figure(median: f64, spread: f64) -> Figure {
    Figure { median, min: median * (1.0 - spread), max: median * (1.0 + spread) }
}

/// A stream of so many messages a second and an echo of so many nanoseconds, each figure 5 % up and
/// down, of three runs.
fn report(per_s: f64, echo_ns: f64) -> Report {
    let mut report = crate::report::tests::report();
    for row in &mut report.results {
        (row.runs, row.latency) = (3, Vec::new());
        match row.workload {
            Workload::Stream => row.msgs_per_s = Some(figure(per_s, 0.05)),
            _ => {
                let rtt = row.rtt_ns.as_mut().unwrap();
                (rtt.p50, rtt.p99) = (figure(echo_ns, 0.05), figure(echo_ns * 2.0, 0.05));
            }
        }
    }
    report
}

fn verdicts(a: &Report, b: &Report) -> Vec<(Measure, Verdict)> {
    Diff::between(a, b).rows.iter().map(|row| (row.measure, row.verdict)).collect()
}

fn regressions(a: &Report, b: &Report, percent: f64) -> Vec<Measure> {
    let diff = Diff::between(a, b);
    diff.regressions(percent).into_iter().map(|row| row.measure).collect()
}

use Measure::*;
use Verdict::*;

#[test]
fn more_messages_are_faster_and_more_time_is_slower() {
    let a = report(1e6, 100.0);
    let found = verdicts(&a, &report(2e6, 200.0));
    assert_eq!(found, [(MsgsPerS, Better), (P50Ns, Worse), (P99Ns, Worse)]);
    let found = verdicts(&a, &report(0.5e6, 50.0));
    assert_eq!(found, [(MsgsPerS, Worse), (P50Ns, Better), (P99Ns, Better)]);
}

#[test]
fn ranges_that_overlap_are_noise_whatever_the_medians_say() {
    let a = report(1e6, 100.0);
    assert!(verdicts(&a, &a).iter().all(|row| row.1 == WithinNoise));
    // 0.95 to 1.05 and 1.045 to 1.155.
    assert!(verdicts(&a, &report(1.1e6, 110.0)).iter().all(|row| row.1 == WithinNoise));
    assert!(verdicts(&a, &report(0.91e6, 91.0)).iter().all(|row| row.1 == WithinNoise));
    assert!(verdicts(&a, &report(1.11e6, 111.0)).iter().all(|row| row.1 != WithinNoise));
    assert_eq!(regressions(&a, &report(0.91e6, 109.0), 0.0), []);
}

#[test]
fn the_ratio_is_bounded_by_the_runs_farthest_apart() {
    let diff = Diff::between(&report(1e6, 100.0), &report(2e6, 100.0));
    let row = &diff.rows[0];
    assert_eq!(row.ratio, Some(2.0));
    let [least, most] = row.range.unwrap();
    assert!((least - 1.9 / 1.05).abs() < 1e-9 && (most - 2.1 / 0.95).abs() < 1e-9);
    assert_eq!(row.worse_percent, Some(-50.0));
}

#[test]
fn only_what_is_worse_by_more_than_allowed_fails() {
    let a = report(1e6, 100.0);
    // A stream at half the rate takes twice as long, as an echo of twice the time does.
    let b = report(0.5e6, 200.0);
    assert_eq!(regressions(&a, &b, 99.0), [MsgsPerS, P50Ns, P99Ns]);
    assert_eq!(regressions(&a, &b, 101.0), []);
    assert_eq!(regressions(&b, &a, 0.0), [], "what is better is no regression");
}

#[test]
fn of_few_runs_nothing_is_said() {
    let a = report(1e6, 100.0);
    let mut b = report(0.1e6, 1000.0);
    for row in &mut b.results {
        row.runs = 2;
    }
    assert!(verdicts(&a, &b).iter().all(|row| row.1 == TooFewRuns));
    assert_eq!(regressions(&a, &b, 0.0), []);
}

#[test]
fn what_has_no_figures_any_more_is_named_and_what_failed_is_a_regression() {
    let a = report(1e6, 100.0);
    let mut b = a.clone();
    (b.results[0].runs, b.results[0].msgs_per_s) = (0, None);
    assert_eq!(verdicts(&a, &b)[0], (MsgsPerS, FailsNow));
    assert_eq!(regressions(&a, &b, 1000.0), [MsgsPerS]);
    b.results[0].failures.clear();
    assert_eq!(verdicts(&a, &b)[0], (MsgsPerS, NoValidRun));
    assert_eq!(regressions(&a, &b, 0.0), [], "runs that do not count are no failure");
    assert!(text::render(&Diff::between(&b, &a), [Path::new("a"); 2]).contains("run in A"));
}

#[test]
fn runs_of_one_state_are_compared_with_those_of_the_same_state_only() {
    let a = report(1e6, 100.0);
    let mut b = report(2e6, 50.0);
    for row in &mut b.results {
        row.state = Some(State::Far);
    }
    let diff = Diff::between(&a, &b);
    assert_eq!((diff.rows.len(), diff.only_in_a.len(), diff.only_in_b.len()), (0, 2, 2));
    let text = text::render(&diff, [Path::new("a"); 2]);
    assert!(text.contains("only in B: shm-ring-spin echo 64 B, far"), "{text}");
    // What fails always saw no state, and fails in each.
    (b.results[0].state, b.results[0].runs, b.results[0].msgs_per_s) = (None, 0, None);
    assert_eq!(regressions(&a, &b, 1e9), [MsgsPerS]);
}

#[test]
fn rows_of_one_file_only_are_named_and_what_was_run_otherwise_is_another_row() {
    let a = report(1e6, 100.0);
    let mut b = a.clone();
    b.results.remove(1);
    b.results[0].batch = Some(7);
    let diff = Diff::between(&a, &b);
    assert_eq!((diff.rows.len(), diff.only_in_a.len(), diff.only_in_b.len()), (0, 2, 1));
    let text = text::render(&diff, [Path::new("old.json"), Path::new("new.json")]);
    for named in [
        "A is old.json, B is new.json",
        "only in A: shm-ring-spin stream 64 B, near",
        "only in A: shm-ring-spin echo 64 B, near",
        "only in B: shm-ring-spin stream 64 B, batch 7, near",
    ] {
        assert!(text.contains(named), "{named}: {text}");
    }
}

#[test]
fn what_came_of_a_row_does_not_make_it_another() {
    let a = report(1e6, 100.0);
    let mut b = report(2e6, 50.0);
    for row in &mut b.results {
        (row.messages, row.excluded) = (9, 9);
        row.failures.clear();
    }
    assert_eq!(Diff::between(&a, &b).only_in_a, [] as [Key; 0]);
}

#[test]
fn other_machines_and_commits_are_warned_of() {
    let a = report(1e6, 100.0);
    assert!(!text::render(&Diff::between(&a, &a), [Path::new("a"); 2]).contains("warning"));
    let mut b = a.clone();
    b.machine.cpu = "Abacus".to_owned();
    b.machine.commit = "0123456789ab".to_owned();
    let diff = Diff::between(&a, &b);
    let what: Vec<_> = diff.differing.iter().map(|differing| differing.what).collect();
    assert_eq!(what, ["cpu", "commit"]);
    let text = text::render(&diff, [Path::new("a"); 2]);
    assert!(text.contains("warning") && text.contains("B Abacus"), "{text}");
}

#[test]
fn from_nothing_to_something_is_worse_without_a_ratio() {
    let mut a = report(1e6, 100.0);
    a.results.truncate(1);
    a.results[0].msgs_per_s = None;
    let mut b = a.clone();
    a.results[0].blocked_cpu = Some(figure(0.0, 0.0));
    assert_eq!(verdicts(&a, &a), [(BlockedCpu, WithinNoise)]);
    b.results[0].blocked_cpu = Some(figure(0.5, 0.1));
    let row = &Diff::between(&a, &b).rows[0];
    assert_eq!((row.verdict, row.ratio, row.worse_percent), (Worse, None, None));
    assert_eq!(regressions(&a, &b, 1e9), [BlockedCpu]);
}
