//! Goals against rows made up for them.

use super::*;

fn wanted(of: Measure, must: Bound, aim: Bound) -> Wanted {
    Wanted { id: "P", measure: "", of, must, aim }
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

/// Judges in the near state.
fn figure(of: Measure, rows: &[Row], calls: &Measured) -> Result<Figure, String> {
    let seen = seen(rows);
    let state = Some(State::Near).filter(|_| of.has_state());
    Measures { rows, seen: &seen, state }.figure(of, calls)
}

fn key(transport: &'static str, workload: Workload, bytes: usize) -> Key {
    Key { transport, workload, bytes }
}

#[test]
fn a_ratio_is_of_medians_and_its_range_of_runs_of_one_round() {
    let rows = [
        row_of("shm-ring", Workload::Stream, 64, &[(0, 10), (1, 20), (2, 40)]),
        row_of("rtrb", Workload::Stream, 64, &[(0, 30), (2, 80), (3, 50)]),
    ];
    let of = Measure::Ratio(rows_key("shm-ring"), rows_key("rtrb"));
    let ratio = figure(of, &rows, &Ok(0.0)).unwrap();
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
    let rows = [row_of("shm-ring", Workload::Stream, 64, &more)];
    let worst = figure(Measure::Worst(rows_key("shm-ring")), &rows, &Ok(0.0)).unwrap();
    assert!((worst.median - 0.25).abs() < 1e-9, "{worst:?}");
}

#[test]
fn a_figure_of_fewer_runs_says_so() {
    let note = |ours: u32, theirs: u32, id| {
        let walls = |runs: u32| (0..runs).map(|round| (round, 100)).collect::<Vec<_>>();
        let rows = [
            row_of("shm-ring", Workload::Stream, 64, &walls(ours)),
            row_of("rtrb", Workload::Stream, 64, &walls(theirs)),
        ];
        all(&rows, None).into_iter().find(|goal| goal.id == id).unwrap().note
    };
    assert_eq!(note(3, 9, "P14").as_deref(), Some("of 3 runs only"));
    assert_eq!(note(7, 1, "P14"), None);
    assert_eq!(note(7, 6, "P4").as_deref(), Some("of 6 runs only"));
    assert_eq!(note(7, 7, "P4"), None);
}

#[test]
fn a_round_trip_is_compared_with_the_median_floor() {
    let rows = [row_of("shm-ring", Workload::Echo, 8, &[(0, 117), (1, 143), (2, 169)])];
    let of = Measure::OverFloor(key("shm-ring", Workload::Echo, 8));
    let over = figure(of, &rows, &Ok(0.0)).unwrap();
    assert!((over.median - 1.1).abs() < 1e-9 && (over.max - 1.3).abs() < 1e-9);
}

#[test]
fn a_row_that_is_missing_or_has_no_valid_run_is_named() {
    let said = |rows: &[Row]| {
        let of = Measure::Spent(key("shm-ring-park", Workload::IdleSender, 64));
        figure(of, rows, &Ok(0.0)).unwrap_err()
    };
    assert_eq!(said(&[]), "shm-ring-park idle-sender 64 B was not run");
    let mut row = row_of("shm-ring-park", Workload::IdleSender, 64, &[]);
    row.failures = vec![crate::run::Failure::TimedOut];
    assert_eq!(said(&[row]), "no valid run of shm-ring-park idle-sender 64 B (1 failed)");
}

#[test]
fn every_goal_from_p1_to_p16_is_there_and_has_its_rows() {
    let goals = all(&[], None);
    for number in 1..=16 {
        assert!(goals.iter().any(|goal| goal.id == format!("P{number}")), "P{number}");
    }
    assert!(goals.iter().all(|goal| goal.verdict == Verdict::NotMeasured && goal.note.is_some()));
    let rows = rows();
    for key in list::GOALS.iter().flat_map(|goal| goal.of.keys()) {
        assert!(find(key.transport).is_none() || row(&rows, key).is_ok(), "{key:?}");
    }
    // What cannot do a workload must not be asked to.
    assert!(rows.iter().all(|row| row.entry.does(row.workload, row.bytes)));
}

#[test]
fn a_comparison_shows_only_the_goals_that_it_has_rows_for() {
    let rows = [row_of("shm-ring", Workload::Echo, 8, &[(0, 100)])];
    let ids = |calls| of(&rows, calls).into_iter().map(|goal| goal.id).collect::<Vec<_>>();
    // In each state of the machine.
    assert_eq!(ids(None), ["P1", "P1"]);
    assert_eq!(ids(Some(Ok(0.0))), ["P1", "P1", "P13"]);
}

#[test]
fn system_calls_that_were_made_miss_the_goal_and_a_comparison_cut_short_measures_none() {
    let p13 = |calls| all(&[], calls).into_iter().find(|goal| goal.id == "P13").unwrap();
    assert_eq!(p13(Some(Ok(0.0))).verdict, Verdict::AimReached);
    let made = p13(Some(Err("10 attempts".to_owned())));
    assert_eq!((made.verdict, made.note.as_deref()), (Verdict::Missed, Some("10 attempts")));
    assert_eq!(p13(None).verdict, Verdict::NotMeasured);
}

#[test]
fn a_peer_that_was_not_built_in_is_named() {
    let of = Measure::Spent(key("telepathy", Workload::Stream, 64));
    assert_eq!(figure(of, &[], &Ok(0.0)).unwrap_err(), format!("telepathy {NOT_BUILT}"));
}

#[test]
fn a_goal_is_judged_in_each_state_by_itself_and_not_judged_in_one_that_was_not_seen() {
    let mut rows = [
        row_of("shm-ring", Workload::Stream, 64, &[(0, 10), (1, 10), (2, 10)]),
        row_of("rtrb", Workload::Stream, 64, &[(0, 30), (1, 30), (2, 30)]),
    ];
    let judged = |rows: &[Row]| {
        let goals = of(rows, None).into_iter().filter(|goal| goal.measure == "stream 64 B / rtrb");
        goals.map(|goal| (goal.state.unwrap(), goal.value, goal.verdict)).collect::<Vec<_>>()
    };
    let near = (State::Near, Some(3.0), Verdict::AimReached);
    assert_eq!(judged(&rows), [near, (State::Far, None, Verdict::NotJudged)]);
    for (row, wall_ns) in rows.iter_mut().zip([10, 10]) {
        let far = row_of(row.entry.name, row.workload, 64, &[(3, wall_ns), (4, wall_ns)]);
        row.samples.extend(far.samples.into_iter().map(|run| Sample { floor_ns: 560.0, ..run }));
    }
    assert_eq!(judged(&rows), [near, (State::Far, Some(1.0), Verdict::Missed)]);
    // A row that has no run in a state that others have.
    rows[1].samples.truncate(3);
    rows[0].samples.extend_from_within(3..);
    assert_eq!(judged(&rows), [near, (State::Far, None, Verdict::NotMeasured)]);
}
