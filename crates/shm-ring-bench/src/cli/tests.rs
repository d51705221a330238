//! What is parsed, and which rows that means.

use super::*;
use crate::report::Report;
use crate::run::spec::{SIZES, SWEPT, Workload};
use crate::run::transport::DEFAULT;

fn parse(arguments: &[&str]) -> Result<Command, clap::Error> {
    let all = [&["shm-ring-bench"], arguments].concat();
    Cli::from(all, ColorChoice::Never).map(Cli::wanted)
}

fn asked(arguments: &[&str]) -> Asked {
    match parse(arguments).unwrap() {
        Command::Compare(compare) => compare.asked(),
        Command::Goals(how) => Asked::goals(how),
        Command::Sweep(compare) => compare.sweep(),
        other => panic!("{arguments:?} asks for no comparison but for {other:?}"),
    }
}

#[test]
fn wrong_arguments_are_answered_with_what_is_allowed() {
    for (arguments, allowed) in [
        (["--transport", "telepathy"], "sysv-binary"),
        (["--workload", "sleep"], "stream"),
        (["--bytes", "65"], "8, 16, 24, 40"),
        (["--time", "0"], "1..=86400"),
        (["--cpus", "0,0"], "two different processor numbers"),
        (["--runs", "0"], "1..=1000"),
        (["--interval", "1"], "10..=1000000"),
        (["--interval", "100,1"], "10..=1000000"),
        (["--rate", "1"], "100..=100000000"),
        (["--fan", "0"], "1..=64"),
        (["--burst", "1025"], "1..=1024"),
    ] {
        let error = parse(&arguments).unwrap_err();
        assert!(error.to_string().contains(allowed), "{arguments:?}: {error}");
        assert_eq!(error.exit_code(), 2);
    }
}

#[test]
fn compare_is_what_is_done_without_a_subcommand() {
    for arguments in
        [&[][..], &["--quick"], &["--bytes", "8", "--transport", "pipe", "--time", "5"]]
    {
        let [bare, named] = [arguments.to_vec(), [&["compare"], arguments].concat()]
            .map(|arguments| format!("{:?}", asked(&arguments)));
        assert_eq!(bare, named);
    }
}

#[test]
fn only_the_usual_comparison_adds_runs() {
    let patience = |arguments: &[&str]| asked(arguments).patience.as_secs();
    assert!((60..110).contains(&patience(&[])) && (5..18).contains(&patience(&["--quick"])));
    for detailed in [["--runs", "3"], ["--time", "3"], ["--workload", "echo"]] {
        assert_eq!(patience(&detailed), 0, "{detailed:?}");
    }
    assert!(patience(&["goals"]) <= 300 && patience(&["goals", "--quick"]) < 60);
}

#[test]
fn runs_are_those_asked_for_or_as_many_as_the_time_allows() {
    let runs = |arguments: &[&str]| asked(arguments).runs;
    assert_eq!((runs(&[]), runs(&["--quick"]), runs(&["sweep"])), (7, 3, 5));
    assert_eq!((runs(&["--runs", "2"]), runs(&["--runs", "2", "--time", "9"])), (2, 2));
    assert!(runs(&["--time", "9"]) > 100_000);
}

#[test]
fn goals_takes_how_but_not_what() {
    let goals = asked(&["goals", "--quick", "--runs", "2"]);
    assert!(goals.goals && goals.how.quick && goals.runs == 2);
    assert!(goals.rows.iter().any(|row| row.workload == Workload::IdleSender));
    assert!(parse(&["goals", "--transport", "pipe"]).is_err());
}

#[test]
fn options_before_a_subcommand_are_refused_with_their_place() {
    for (arguments, right) in [
        (&["--transport", "pipe", "goals"][..], "goals --transport"),
        (&["--quick", "sweep"], "sweep --quick"),
        (&["--list", "man"], "man --list"),
    ] {
        let error = parse(arguments).unwrap_err();
        assert!(error.to_string().contains(right), "{error}");
        assert_eq!(error.exit_code(), 2);
    }
    for arguments in [["--color", "never", "list"], ["list", "--color", "never"]] {
        assert!(matches!(parse(&arguments), Ok(Command::List(_))), "{arguments:?}");
    }
}

#[test]
fn a_yardstick_is_not_asked_for_by_name() {
    assert!(parse(&["--transport", "lines"]).is_err());
    let rows = asked(&["--workload", "lines"]).rows;
    assert_eq!(rows.iter().map(|row| row.entry.name).collect::<Vec<_>>(), ["lines-short", "lines"]);
}

#[test]
fn what_is_not_named_is_not_asked_for_what_it_cannot_do() {
    for workload in ["batch", "memory", "idle-sender", "fan", "one-core", "one-core-echo"] {
        let rows = asked(&["--workload", workload]).rows;
        let does = |row: &Row| row.entry.does(row.workload, row.bytes);
        assert!(!rows.is_empty() && rows.iter().all(does));
    }
}

#[test]
fn what_is_named_is_combined() {
    let named = ["--transport", "pipe,shm-ring-spin", "--bytes", "8,64", "--workload", "echo"];
    let rows = asked(&named).rows;
    let named: Vec<_> = rows.iter().map(|row| (row.entry.name, row.bytes)).collect();
    assert_eq!(named, [("pipe", 8), ("shm-ring-spin", 8), ("pipe", 64), ("shm-ring-spin", 64)]);
}

#[test]
fn a_sweep_goes_over_every_size_as_far_as_each_transport_goes() {
    let rows = asked(&["sweep"]).rows;
    for workload in [Workload::Stream, Workload::Echo] {
        for bytes in SWEPT {
            let all = || rows.iter().filter(|row| (row.workload, row.bytes) == (workload, bytes));
            assert!(all().any(|row| row.entry.name == "shm-ring-spin"), "{workload} {bytes}");
            assert!(all().all(|row| !row.entry.threads && row.entry.does(workload, bytes)));
        }
    }
    let rows = asked(&["sweep", "--transport", "rtrb", "--workload", "stream"]).rows;
    let sizes: Vec<_> = rows.iter().map(|row| row.bytes).collect();
    let carried = |&bytes: &usize| rows[0].entry.does(Workload::Stream, bytes);
    assert_eq!(sizes, SWEPT.into_iter().filter(carried).collect::<Vec<_>>());
    assert!(sizes.len() < SWEPT.len(), "the largest are more than it carries");
}

#[test]
fn of_sizes_that_no_sweep_goes_over_there_are_streams_and_round_trips() {
    for bytes in SIZES.into_iter().filter(|bytes| !SWEPT.contains(bytes)) {
        for entry in list().filter(|entry| !entry.yardstick) {
            let does = |workload| entry.does(workload, bytes);
            assert!(does(Workload::Stream) && does(Workload::Echo), "{} {bytes}", entry.name);
            assert!(!does(Workload::Wake) && !does(Workload::Batch) && !does(Workload::Memory));
        }
    }
}

#[test]
fn the_usual_comparison_begins_with_the_ring_as_it_waits_by_default() {
    for arguments in [&[][..], &["--quick"]] {
        let rows = asked(arguments).rows;
        assert_eq!(rows[0].entry.name, DEFAULT);
        for name in [DEFAULT, "shm-ring-spin", "sysv-binary", "rtrb"] {
            for workload in [Workload::Stream, Workload::Echo] {
                let is_it =
                    |row: &&Row| (row.entry.name, row.workload, row.bytes) == (name, workload, 64);
                assert_eq!(rows.iter().filter(is_it).count(), 1, "{name} {workload}");
            }
        }
    }
    assert!(!asked(&[]).goals, "goals have a comparison of their own");
}

#[test]
fn the_parser_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn a_baseline_must_be_a_transport_or_stand_in_the_results() {
    fn known(arguments: &[&str], measured: Option<&Report>) -> Result<(), String> {
        asked(arguments).how.show.known_baseline(measured).map_err(|why| format!("{why:?}"))
    }
    assert_eq!(known(&[], None), Ok(()));
    assert_eq!(known(&["--baseline", "pipe"], None), Ok(()));
    let why = known(&["--baseline", "pip"], None).unwrap_err();
    assert!(why.contains("--baseline pip: ") && why.contains("sysv-binary"), "{why}");
    let mut report = crate::report::tests::report();
    assert!(known(&["--baseline", "pip"], Some(&report)).is_err());
    report.results[0].transport = "pip".to_owned();
    assert_eq!(known(&["--baseline", "pip"], Some(&report)), Ok(()));
}

#[test]
fn each_interval_and_each_rate_is_a_row_of_those_that_have_one() {
    let rows = |arguments: &[&str]| {
        let named = ["--transport", "pipe", "--workload", "wake,burst,paced,stream"];
        let rows = asked(&[&named, arguments].concat()).rows;
        rows.iter().map(Row::doing).collect::<Vec<_>>()
    };
    let usual = ["wake 100 us", "burst of 32, 1000 us", "paced 100000/s", "stream"];
    assert_eq!(rows(&[]), usual);
    assert_eq!(
        rows(&["--interval", "10,5000", "--rate", "1000,2000", "--burst", "7"]),
        [
            "wake 10 us",
            "wake 5000 us",
            "burst of 7, 10 us",
            "burst of 7, 5000 us",
            "paced 1000/s",
            "paced 2000/s",
            "stream",
        ]
    );
}

#[test]
fn all_names_every_transport_and_quick_fewer_than_the_usual_comparison() {
    let names = |arguments: &[&str]| {
        let mut names: Vec<_> = asked(arguments).rows.iter().map(|row| row.entry.name).collect();
        names.sort_unstable();
        names.dedup();
        names
    };
    let mut all: Vec<_> = listed().map(|entry| entry.name).collect();
    all.sort_unstable();
    assert_eq!(names(&["--transport", "all"]), all);
    let (quick, usual) = (names(&["--quick"]), names(&[]));
    assert!(quick.iter().all(|name| usual.contains(name)) && quick.len() < usual.len());
    assert!(usual.len() < all.len());
    assert!(["tcp", "posix-mq", "sysv-mq", "unix-stream"].iter().all(|name| usual.contains(name)));
}
