//! Goals against rows made up for them.

use super::*;
use crate::run::{Failure, Sample};

fn wanted(of: Measure, must: Bound, aim: Bound) -> Wanted {
    Wanted { id: "", measure: "", of, bounds: [must, aim], far: None }
}

fn verdict(value: f64, must: Bound, aim: Bound) -> Verdict {
    let figure = Figure { median: value, min: value, max: value };
    wanted(Measure::SystemCalls, must, aim).judged(None, Ok(figure)).verdict
}

#[test]
fn a_goal_is_reached_at_its_bound_and_not_beyond() {
    use Bound::{AtLeast, AtMost, Below};
    let at_most = |value| verdict(value, AtMost(1.1), AtMost(0.95));
    assert_eq!(at_most(0.95), Verdict::AimReached);
    assert_eq!(at_most(0.951), Verdict::MustReached);
    assert_eq!(at_most(1.1), Verdict::MustReached);
    assert_eq!(at_most(1.11), Verdict::Missed);
    let at_least = |value| verdict(value, AtLeast(200.0), AtLeast(900.0));
    assert_eq!(at_least(900.0), Verdict::AimReached);
    assert_eq!(at_least(200.0), Verdict::MustReached);
    assert_eq!(at_least(199.0), Verdict::Missed);
    assert_eq!(verdict(0.1, Below(0.1), Below(0.02)), Verdict::Missed);
}

#[test]
fn a_goal_that_could_not_be_measured_is_not_reached_and_says_why() {
    let goal = wanted(Measure::SystemCalls, Bound::AtLeast(0.0), Bound::AtLeast(0.0))
        .judged(None, Err("no valid run".to_owned()));
    assert_eq!((goal.value, goal.verdict), (None, Verdict::NotMeasured));
    assert_eq!(goal.note.as_deref(), Some("no valid run"));
}

fn row_of(transport: &str, workload: Workload, bytes: usize, walls: &[(u32, u64)]) -> Row {
    let mut row = Row::new(find(transport).unwrap(), workload, bytes);
    row.samples = walls
        .iter()
        .map(|&(round, wall_ns)| Sample {
            round,
            floor_ns: 130.0,
            wall_ns,
            verified: 1000,
            cpu: [1.0; 2],
            queued: [0.0; 2],
            percentiles: [wall_ns as f64; 7],
            held_bytes: 20 << 10,
            ..Sample::default()
        })
        .collect();
    row
}

/// Of the near state.
fn figure(of: Measure, rows: &[Row]) -> Result<Figure, String> {
    let seen = seen(rows);
    let state = Some(State::Near).filter(|_| of.has_state());
    Measures { rows, seen: &seen, state, beside: &Beside::default() }.figure(of)
}

fn key(transport: &'static str, workload: Workload, bytes: usize) -> Key {
    Key { transport, workload, bytes, interval_ns: None }
}

#[test]
fn a_ratio_is_of_medians_and_its_range_of_runs_of_one_round() {
    let rows = [
        row_of("shm-ring-spin", Workload::Stream, 64, &[(0, 10), (1, 20), (2, 40)]),
        row_of("rtrb", Workload::Stream, 64, &[(0, 30), (2, 80), (3, 50)]),
    ];
    let of = Measure::Ratio(rows_key("shm-ring-spin"), rows_key("rtrb"));
    let ratio = figure(of, &rows).unwrap();
    // 20 against 50; in the rounds that both have, 10 against 30 and 40 against 80.
    assert!((ratio.median - 2.5).abs() < 1e-9);
    assert!((ratio.min - 2.0).abs() < 1e-9 && (ratio.max - 3.0).abs() < 1e-9);
}

fn rows_key(transport: &'static str) -> Key {
    key(transport, Workload::Stream, 64)
}

#[test]
fn the_worst_run_is_compared_with_the_median_of_the_same_seven() {
    let walls: Vec<_> = (0..7).map(|round| (round, if round == 3 { 400 } else { 100 })).collect();
    let more = [&walls[..], &[(7, 100_000)]].concat();
    let rows = [row_of("shm-ring-spin", Workload::Stream, 64, &more)];
    let worst = figure(Measure::Worst(rows_key("shm-ring-spin")), &rows).unwrap();
    assert!((worst.median - 0.25).abs() < 1e-9, "{worst:?}");
}

/// The goals with that measure in the states that were seen, of whatever rows there are.
fn judged(rows: &[Row], measure: &str) -> Vec<Goal> {
    let goals = all(rows, &Beside::default()).into_iter();
    goals.filter(|goal| goal.measure == measure && goal.verdict != Verdict::NotJudged).collect()
}

#[test]
fn a_figure_of_fewer_runs_says_so() {
    let note = |ours: u32, theirs: u32, measure| {
        let walls = |runs: u32| (0..runs).map(|round| (round, 100)).collect::<Vec<_>>();
        let rows = [
            row_of("shm-ring-spin", Workload::Stream, 64, &walls(ours)),
            row_of("shm-ring-spin", Workload::Echo, 8, &walls(ours)),
            row_of("rtrb", Workload::Echo, 8, &walls(theirs)),
        ];
        judged(&rows, measure)[0].note.clone()
    };
    let worst = "stream 64 B, worst of 7 runs / median";
    assert_eq!(note(3, 9, worst).as_deref(), Some("of 3 runs only"));
    assert_eq!(note(7, 1, worst), None);
    let ratio = "round trip 8 B / rtrb";
    assert_eq!(note(7, 6, ratio).as_deref(), Some("of 6 runs only"));
    assert_eq!(note(7, 7, ratio), None);
}

#[test]
fn the_best_peer_is_the_fastest_one_in_that_state() {
    let best = |rows: &[Row], workload, state| {
        let of = Measure::Best(key("shm-ring-spin", workload, 64), &["rtrb", "pipe", "tcp"]);
        let seen = seen(rows);
        let measures = Measures { rows, seen: &seen, state, beside: &Beside::default() };
        let (_, peer) = measures.resolved(of)?;
        Ok::<_, String>((peer, measures.figure(of)?.median, measures.without(of)))
    };
    let near = Some(State::Near);
    let mut rows: Vec<Row> = [("shm-ring-spin", 10), ("rtrb", 20), ("pipe", 50), ("tcp", 40)]
        .map(|(name, wall)| row_of(name, Workload::Stream, 64, &[(0, wall), (1, wall), (2, wall)]))
        .into();
    assert_eq!(best(&rows, Workload::Stream, near), Ok((Some("rtrb"), 2.0, None)));
    // In the other state another one is the best, whatever it is in this.
    for (row, wall_ns) in rows.iter_mut().zip([100, 500, 200, 400]) {
        let far = row_of(row.entry.name, row.workload, 64, &[(3, wall_ns)]);
        row.samples.extend(far.samples.into_iter().map(|run| Sample { floor_ns: 560.0, ..run }));
    }
    assert_eq!(best(&rows, Workload::Stream, Some(State::Far)), Ok((Some("pipe"), 2.0, None)));
    assert_eq!(best(&rows, Workload::Stream, near), Ok((Some("rtrb"), 2.0, None)));
    // One that has no valid run is named, since it might have been the best.
    rows[1].samples.clear();
    let without = Some("no valid run of rtrb".to_owned());
    assert_eq!(best(&rows, Workload::Stream, near), Ok((Some("tcp"), 4.0, without)));
    rows.truncate(1);
    let none = best(&rows, Workload::Stream, near);
    assert_eq!(none, Err("no valid run of any peer".to_owned()));
    // Of round trips less is faster.
    let rows = [("shm-ring-spin", 10), ("rtrb", 20), ("pipe", 50), ("tcp", 40)]
        .map(|(name, wall)| row_of(name, Workload::Echo, 64, &[(0, wall)]));
    assert_eq!(best(&rows, Workload::Echo, near), Ok((Some("rtrb"), 0.5, None)));
}

#[test]
fn a_bound_of_the_far_state_holds_there_only() {
    let wanted = Wanted {
        far: Some([Bound::AtLeast(1.5), Bound::AtLeast(2.0)]),
        ..wanted(Measure::SystemCalls, Bound::AtLeast(1.0), Bound::AtLeast(1.3))
    };
    let verdict = |state, value| {
        let goal = wanted.judged(state, Ok(Figure { median: value, min: value, max: value }));
        (goal.must, goal.verdict)
    };
    let near = (">= 1".to_owned(), Verdict::AimReached);
    assert_eq!(verdict(Some(State::Near), 1.4), near);
    assert_eq!(verdict(Some(State::Far), 1.4), (">= 1.5".to_owned(), Verdict::Missed));
    assert_eq!(verdict(Some(State::Far), 1.6), (">= 1.5".to_owned(), Verdict::MustReached));
}

#[test]
fn the_processor_time_of_a_sleeper_is_that_of_a_message() {
    let mut rows = ["shm-ring-park", "unix-stream"]
        .map(|name| row_of(name, Workload::Wake, 64, &[(0, 100_000), (1, 100_000)]));
    for run in &mut rows[0].samples {
        run.cpu = [0.9, 0.04];
    }
    for run in &mut rows[1].samples {
        (run.cpu, run.verified) = ([0.1, 0.05], 2000);
    }
    let of = |name| key(name, Workload::Wake, 64);
    let ratio = figure(Measure::SleeperCpu(of("shm-ring-park"), of("unix-stream")), &rows).unwrap();
    assert!((ratio.median - 1.6).abs() < 1e-9, "{ratio:?}");
}

#[test]
fn a_round_trip_is_compared_with_the_median_floor() {
    let rows = [row_of("shm-ring-spin", Workload::Echo, 8, &[(0, 117), (1, 143), (2, 169)])];
    let of = Measure::OverFloor(key("shm-ring-spin", Workload::Echo, 8));
    let over = figure(of, &rows).unwrap();
    assert!((over.median - 1.1).abs() < 1e-9 && (over.max - 1.3).abs() < 1e-9);
}

#[test]
fn a_row_that_is_missing_or_has_no_valid_run_is_named() {
    let said = |rows: &[Row]| {
        let of = Measure::Spent(key("shm-ring-park", Workload::IdleSender, 64));
        figure(of, rows).unwrap_err()
    };
    assert_eq!(said(&[]), "shm-ring-park idle-sender 64 B was not run");
    let mut row = row_of("shm-ring-park", Workload::IdleSender, 64, &[]);
    row.failures = vec![Failure::TimedOut];
    assert_eq!(said(&[row]), "no valid run of shm-ring-park idle-sender 64 B (1 failed)");
}

#[test]
fn every_goal_is_there_and_has_its_rows() {
    let goals = all(&[], &Beside::default());
    let ids = ["R1", "R2", "S1", "S2", "S3", "S4", "S5", "S6", "S7", "T1", "T2", "T3"];
    for id in ids.into_iter().chain(["W1", "W2", "W3", "W4", "M1", "F1"]) {
        assert!(goals.iter().any(|goal| goal.id == id), "{id}");
    }
    assert!(goals.iter().all(|goal| goal.verdict == Verdict::NotMeasured && goal.note.is_some()));
    let rows = rows();
    for key in list::GOALS.iter().flat_map(|goal| goal.of.keys()) {
        let found = measures::row(&rows, key);
        assert!(find(key.transport).is_none() || found.is_ok(), "{key:?}");
    }
    // What cannot do a workload must not be asked to.
    assert!(rows.iter().all(|row| row.entry.does(row.workload, row.bytes)));
}

#[test]
fn system_calls_that_were_made_miss_the_goal_and_a_comparison_cut_short_measures_none() {
    let t2 = |system_calls| {
        let beside = Beside { system_calls, ..Beside::default() };
        all(&[], &beside).into_iter().find(|goal| goal.id == "T2").unwrap()
    };
    assert_eq!(t2(Some(Ok(0.0))).verdict, Verdict::AimReached);
    let made = t2(Some(Err("10 attempts".to_owned())));
    assert_eq!((made.verdict, made.note.as_deref()), (Verdict::Missed, Some("10 attempts")));
    assert_eq!(t2(None).verdict, Verdict::NotMeasured);
}

#[test]
fn a_peer_that_was_not_built_in_is_named() {
    let telepathy = format!("telepathy {NOT_BUILT}");
    let of = Measure::Spent(key("telepathy", Workload::Stream, 64));
    assert_eq!(figure(of, &[]).unwrap_err(), telepathy);
    // Nobody knows which peer is the best without it.
    let rows = ["shm-ring-spin", "rtrb"].map(|name| row_of(name, Workload::Stream, 64, &[(0, 10)]));
    let of = Measure::Best(key("shm-ring-spin", Workload::Stream, 64), &["rtrb", "telepathy"]);
    assert_eq!(figure(of, &rows).unwrap_err(), telepathy);
}

#[test]
fn a_goal_is_judged_in_each_state_by_itself_and_not_judged_in_one_that_was_not_seen() {
    let mut rows = [
        row_of("shm-ring-spin", Workload::Echo, 8, &[(0, 10), (1, 10), (2, 10)]),
        row_of("rtrb", Workload::Echo, 8, &[(0, 20), (1, 20), (2, 20)]),
    ];
    let judged = |rows: &[Row]| {
        let goals = all(rows, &Beside::default()).into_iter();
        let goals = goals.filter(|goal| goal.measure == "round trip 8 B / rtrb");
        goals.map(|goal| (goal.state.unwrap(), goal.value, goal.verdict)).collect::<Vec<_>>()
    };
    let near = (State::Near, Some(0.5), Verdict::AimReached);
    assert_eq!(judged(&rows), [near, (State::Far, None, Verdict::NotJudged)]);
    for row in &mut rows {
        let far = row_of(row.entry.name, row.workload, 8, &[(3, 10), (4, 10)]);
        row.samples.extend(far.samples.into_iter().map(|run| Sample { floor_ns: 560.0, ..run }));
    }
    assert_eq!(judged(&rows), [near, (State::Far, Some(1.0), Verdict::Missed)]);
    // A row that has no run in a state that others have.
    rows[1].samples.truncate(3);
    rows[0].samples.extend_from_within(3..);
    assert_eq!(judged(&rows), [near, (State::Far, None, Verdict::NotMeasured)]);
}
