//! What people read of comparisons made up for it: on a quiet machine, on a busy one, on one that changes its state.
//! Floors and shares of processors are given, so no load decides anything here.

use super::headline::headlines;
use super::machine::Machine;
use super::table::BASELINE;
use super::{Look, Report};
use crate::plan::Row;
use crate::run::clock::Clock;
use crate::run::spec::Workload;
use crate::run::transport::{DEFAULT, find};
use crate::run::{Failure, Sample};

const NEAR: f64 = 120.0;
const FAR: f64 = 500.0;

/// A run of 1000 messages: the floor beside it, how long a message took, and what part of its processor a side had.
#[derive(Clone, Copy)]
struct Run(f64, u64, f64);

fn row(name: &str, workload: Workload, runs: &[Run]) -> Row {
    let sample = |&Run(floor_ns, each, share): &Run| Sample {
        floor_ns,
        wall_ns: 1000 * each,
        span_ns: 1000 * each,
        verified: 1000,
        cpu: [share; 2],
        queued: [1.0 - share; 2],
        percentiles: [each as f64; 7],
        ..Sample::default()
    };
    Row {
        samples: runs.iter().map(sample).collect(),
        ..Row::new(find(name).unwrap(), workload, 64)
    }
}

fn report(rows: &[Row]) -> Report {
    let clock = Clock { tsc: true, ns_per_tick: 0.5, read_ns: 10.0 };
    let made = Report::new(rows, [0, 1], clock, Vec::new());
    let machine = Machine {
        cpu: "Abacus".to_owned(),
        cores: 2,
        kernel: "6.1".to_owned(),
        commit: "0123456789ab".to_owned(),
        topology: "two cores".to_owned(),
        ..made.machine
    };
    Report { machine, ..made }
}

fn text(rows: &[Row]) -> String {
    report(rows).text(Look { wide: false, baseline: BASELINE })
}

/// As many runs as there are times, with the whole processor.
fn quiet(floor: f64, times: &[u64]) -> Vec<Run> {
    times.iter().map(|&each| Run(floor, each, 1.0)).collect()
}

/// A comparison of three transports beside one floor.
fn rows(floor: f64) -> Vec<Row> {
    use Workload::{Echo, Stream};
    vec![
        row("pipe", Stream, &quiet(floor, &[500, 400, 800])),
        row(DEFAULT, Stream, &quiet(floor, &[10, 8, 16])),
        row(BASELINE, Stream, &quiet(floor, &[2000, 1600, 2500])),
        row(DEFAULT, Echo, &quiet(floor, &[150, 120, 180])),
    ]
}

#[test]
fn on_a_quiet_machine_the_tables_explain_themselves_and_two_sentences_end_them() {
    assert_eq!(
        text(&rows(NEAR)),
        "
Stream: 64-byte messages one way, each verified - near (floor 120 ns)
                   million/s                   times faster  valid
                                           than sysv-binary   runs
 shm-ring-default        100  62.5-125                200 x      3
 pipe                   2.00  1.25-2.50              4.00 x      3
 sysv-binary           0.500  0.400-0.625            1.00 x      3

Echo: a 64-byte message there and back, one at a time - near (floor 120 ns)
                   p50 us               p99 us               valid
                                                              runs
 shm-ring-default   0.150  0.120-0.180   0.150  0.120-0.180      3

The rows:
 shm-ring-default  the ring as it waits by default: a side spins for tens of microseconds, then sleeps
 pipe              a pipe
 sysv-binary       the textbook handoff: a System V segment and one semaphore whose value both sides poll

Each figure is the median of the valid runs, then their minimum and maximum.
Abacus, 2 processors, Linux 6.1, commit 0123456789ab. Sender and receiver are pinned to processors 1
and 0 (two cores).
State near (both processors share a cache that answers): 12 runs, floor 120 ns (120-120).
The floor is what a round trip between the two processors costs without any queue: a ping-pong of
two cache lines. Runs of one state are compared with no others.

On this machine the ring, waiting as it does by default, passes 64-byte messages 200 times (100 to
312) as fast as the textbook semaphore (sysv-binary) and 50.0 times (25.0 to 100) as fast as the
best other queue here (pipe).
A round trip takes 1.25 times (1.00 to 1.50) what two cache lines cost (150 beside 120 ns).
Valid runs: 3 of shm-ring-default, 3 of sysv-binary, 3 of pipe, 3 of the round trip.
In brackets: the minimum and the maximum that a run of one can be to a run of the other.
"
    );
}

#[test]
fn on_a_busy_machine_it_says_what_it_could_not_judge_and_what_each_mark_means() {
    let mut rows = rows(NEAR);
    // The baseline spins, and other work had its processors; one floor is of no state; one run was stuck.
    for sample in &mut rows[2].samples[..2] {
        sample.cpu = [0.4, 1.0];
    }
    rows[0].samples[2].floor_ns = 300.0;
    rows[3].samples.truncate(2);
    rows[3].failures = vec![Failure::TimedOut];
    let text = text(&rows);
    let (tables, rest) = text.split_once("\nThe rows:").unwrap();
    assert_eq!(
        tables,
        "
Stream: 64-byte messages one way, each verified - near (floor 120 ns)
                   million/s                   times faster  valid  discarded
                                           than sysv-binary   runs
 shm-ring-default        100  62.5-125                250 x      3
 pipe                   2.25  2.00-2.50              5.62 x      2  1 floor
 sysv-binary           0.400  0.400-0.400            1.00 x      1  2 preempted

Echo: a 64-byte message there and back, one at a time - near (floor 120 ns)
                   p50 us               p99 us               valid  discarded
                                                              runs
 shm-ring-default   0.135  0.120-0.150   0.135  0.120-0.150      2  1 failed
"
    );
    let (_, rest) = rest.split_once("minimum and maximum.\n").unwrap();
    let (marks, _) = rest.split_once("Abacus").unwrap();
    assert_eq!(
        marks,
        "\
Discarded - floor (1 run): the ping-pong beside the run fits no state of the machine; preempted (2
runs): a side that spins had less than 0.85 of its processor; failed (1 run): the run ended with an
error or was stuck.
"
    );
    let (_, last) = rest.split_once("no others.\n").unwrap();
    assert_eq!(
        last,
        "\
shm-ring-default echo 64 B: timed out and was killed

Not judged, since 3 valid runs of each are needed: the ring beside the textbook semaphore
(sysv-binary) (3 of shm-ring-default, 1 valid run of sysv-binary); the best other queue (2 of pipe);
the round trip (2 of shm-ring-default).
Other work had the processors, here or, beside a virtual machine, on its host. Measure again when it
is quiet; `shm-ring-bench doctor` says what else may be in the way.
"
    );
}

#[test]
fn what_has_no_valid_run_at_all_is_a_line_and_no_table() {
    let mut rows = rows(NEAR);
    for sample in &mut rows[3].samples {
        sample.queued = [0.5; 2];
    }
    rows[1].samples.clear();
    let text = text(&rows);
    let echo =
        "Echo: a 64-byte message there and back, one at a time - near (floor 120 ns): no row has";
    assert!(text.contains(echo), "{text}");
    assert!(text.contains("\n shm-ring-default          -  "), "{text}");
    assert!(text.contains(" A dash: no run is valid.\n"), "{text}");
    assert!(text.contains("(no valid run of shm-ring-default, 3 of sysv-binary)"), "{text}");
}

#[test]
fn states_are_kept_apart_and_each_has_its_sentences() {
    let mut rows = rows(NEAR);
    // Far, the ring has three runs, the pipe two.
    rows[1].samples.extend(row(DEFAULT, Workload::Stream, &quiet(FAR, &[20, 20, 20])).samples);
    rows[2].samples.extend(row(BASELINE, Workload::Stream, &quiet(FAR, &[4000; 3])).samples);
    rows[0].samples.extend(row("pipe", Workload::Stream, &quiet(FAR, &[700; 2])).samples);
    let report = report(&rows);
    let text = report.text(Look { wide: false, baseline: BASELINE });
    let at = |title: &str| text.find(title).unwrap_or_else(|| panic!("{title}: {text}"));
    let near = [at("verified - near (floor 120 ns)\n"), at("a time - near (floor 120 ns)\n")];
    let far =
        [at("verified - far (floor 500 ns)\n"), at("a time - far (floor 500 ns): no row has")];
    assert!(near.iter().all(|near| far.iter().all(|far| near < far)), "{text}");
    let said = headlines(&report, BASELINE);
    let named: Vec<_> = said.iter().map(|said| said.state.as_deref().unwrap()).collect();
    assert_eq!(named, ["state near, floor 120 ns", "state far, floor 500 ns"]);
    assert!(said[0].sentences[0].contains("200 times (100 to 312)"), "{said:?}");
    assert!(said[1].sentences[0].contains("200 times (200 to 200)"), "{said:?}");
    assert!(text.contains("\nIn state far, floor 500 ns:\n"), "{text}");
    let few =
        ["the best other queue (2 of pipe)", "the round trip (no valid run of shm-ring-default)"];
    assert_eq!(said[1].not_judged, few);
}

#[test]
fn a_state_that_was_hardly_seen_is_a_line_unless_all_is_asked_for() {
    let mut rows = rows(NEAR);
    for one in &mut rows[..2] {
        one.samples.extend(row("pipe", Workload::Stream, &quiet(FAR, &[900, 800])).samples);
    }
    let short = text(&rows);
    for of_far in ["- far", "Not judged", "A dash"] {
        assert!(!short.contains(of_far), "{short}");
    }
    assert!(short.contains("4 runs, floor 500 ns (500-500), too few"), "{short}");
    let wide = report(&rows).text(Look { wide: true, baseline: BASELINE });
    assert!(wide.contains("- far (floor 500 ns)") && !wide.contains("too few of"), "{wide}");
    // Alone, or with one run more, it is all there is to see.
    assert!(text(&[row("pipe", Workload::Stream, &quiet(FAR, &[900, 800]))]).contains("- far"));
    rows[0].samples.extend(row("pipe", Workload::Stream, &quiet(FAR, &[700])).samples);
    assert!(text(&rows).contains("- far"));
}

#[test]
fn the_best_other_queue_is_the_fastest_that_is_no_ring_and_is_no_baseline() {
    let sentence = |rows: &[Row], baseline| {
        let said = headlines(&report(rows), baseline);
        said.first().and_then(|said| said.sentences.first().cloned()).unwrap_or_default()
    };
    let mut more = rows(NEAR);
    more.push(row("shm-ring-spin", Workload::Stream, &quiet(NEAR, &[5; 3])));
    more.push(row("rtrb", Workload::Stream, &quiet(NEAR, &[20; 3])));
    assert!(
        sentence(&more, BASELINE)
            .ends_with("2.00 times (1.25 to 2.50) as fast as the best other queue here (rtrb).")
    );
    let beside_pipe = sentence(&more, "pipe");
    assert!(
        beside_pipe.contains("50.0 times (25.0 to 100) as fast as pipe and 2.00"),
        "{beside_pipe}"
    );
    // One that may have been the best is named.
    more.last_mut().unwrap().samples.truncate(2);
    assert!(sentence(&more, BASELINE).ends_with("queue here (pipe, not judged: rtrb)."));
    // Without the ring as it waits by default there is nothing to say.
    let without: Vec<Row> = more.into_iter().filter(|row| row.entry.name != DEFAULT).collect();
    assert_eq!(headlines(&report(&without), BASELINE), []);
}

#[test]
fn a_wide_table_has_what_a_first_reader_does_not_need() {
    let report = report(&rows(NEAR));
    let [first, wide] = [false, true].map(|wide| report.text(Look { wide, baseline: BASELINE }));
    for column in ["p99.9 us", "CPU tx %", "switches", "calls", "GB/s", "time stamp counter"] {
        assert!(wide.contains(column) && !first.contains(column), "{column}: {first}{wide}");
    }
    let longest = first.lines().map(|line| line.chars().count()).max();
    assert!(longest <= Some(110), "{longest:?}");
}
