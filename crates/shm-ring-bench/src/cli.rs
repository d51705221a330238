//! The command line: what may be asked, and which rows that means.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand};

use crate::goals;
use crate::plan::Row;
use crate::spec::{BATCH, SIZES, Workload};
use crate::transport::{Entry, find, lines, list};

/// Compares ways to pass messages from one process to another.
///
/// Without arguments: stream and echo at 64 bytes, stream at 4096, wake at 100 us, every transport,
/// within two minutes. Transports, workloads and sizes that are named are combined.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Exit codes: 0 every run came to its end (runs that do not count included), 1 a run \
                  failed or the results could not be written, 2 the arguments are wrong, 130 interrupted."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Option<Command>,

    #[command(flatten)]
    pub(crate) how: How,

    /// Which transports, separated by commas.
    #[arg(long, value_delimiter = ',', value_parser = PossibleValuesParser::new(listed().map(|entry| entry.name)))]
    pub(crate) transport: Vec<String>,

    /// Which workloads, separated by commas.
    #[arg(long, value_delimiter = ',')]
    pub(crate) workload: Vec<Workload>,

    /// Bytes of a message, separated by commas: 8, 64, 256, 1024, 4096, 16384, 65536, 1048576.
    #[arg(long, value_delimiter = ',', value_parser = size)]
    pub(crate) bytes: Vec<usize>,

    /// Microseconds between the messages of `wake`.
    #[arg(long, value_name = "US", default_value_t = 100, value_parser = clap::value_parser!(u64).range(10..=1_000_000))]
    pub(crate) interval: u64,

    /// Messages at a time in `batch`, at most 1024.
    #[arg(long, value_name = "N", default_value_t = BATCH as u64, value_parser = clap::value_parser!(u64).range(1..=1024))]
    pub(crate) batch: u64,

    /// Lists the transports and ends.
    #[arg(long)]
    pub(crate) list: bool,
}

#[derive(Clone, Copy, Debug, Subcommand)]
enum Command {
    /// Measures every goal of the project in one comparison, within five minutes.
    ///
    /// Every row that a goal needs, interleaved, seven runs of each that count or more (three with
    /// --quick, within a minute). Goals against other people's queues need the feature `peers`.
    Goals,
}

/// How a comparison is made, whatever it compares.
#[derive(Clone, Debug, Args)]
pub(crate) struct How {
    /// A smaller comparison, under 20 seconds (goals: under a minute).
    #[arg(long, global = true)]
    pub(crate) quick: bool,

    /// Runs of each row (default 7; 3 with --quick). The usual comparison adds some for rows with too
    /// few that count, as long as its time allows.
    #[arg(long, global = true, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) runs: Option<u32>,

    /// Messages of each run, the warm-up included, in place of as many as fill its time.
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=50_000_000))]
    pub(crate) messages: Option<u64>,

    /// The processors to pin the receiver and the sender to, such as 0,1 (default: the first two that
    /// we may use).
    #[arg(long, global = true, value_parser = cpus)]
    pub(crate) cpus: Option<[usize; 2]>,

    /// Also writes the results as JSON to this file; - for standard output instead of the table.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,

    /// Seconds after which a run is taken for stuck and killed.
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(crate) limit: u64,
}

/// The transports that may be asked for.
pub(crate) fn listed() -> impl Iterator<Item = &'static Entry> {
    list().iter().filter(|entry| !entry.yardstick)
}

fn size(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|bytes| SIZES.contains(bytes)).ok_or_else(|| {
        "a message has 8, 64, 256, 1024, 4096, 16384, 65536 or 1048576 bytes".to_owned()
    })
}

fn cpus(text: &str) -> Result<[usize; 2], String> {
    let wanted = || "two different processor numbers separated by a comma, such as 0,1".to_owned();
    let (a, b) = text.split_once(',').ok_or_else(wanted)?;
    match (a.trim().parse(), b.trim().parse()) {
        (Ok(a), Ok(b)) if a != b => Ok([a, b]),
        _ => Err(wanted()),
    }
}

impl Cli {
    pub(crate) fn runs(&self) -> u32 {
        self.how.runs.unwrap_or(if self.how.quick { 3 } else { 7 })
    }

    /// How many runs that count a row needs.
    pub(crate) fn enough(&self) -> u32 {
        if self.goals() { goals::ENOUGH as u32 } else { 5 }
    }

    /// Whether the goals are to be measured, all of them.
    pub(crate) fn goals(&self) -> bool {
        matches!(self.command, Some(Command::Goals))
    }

    /// What was asked for that does not go together.
    pub(crate) fn contradiction(&self) -> Option<&'static str> {
        (self.goals() && !self.names_nothing()).then_some(
            "goals measures what it needs: name no transport, workload or size beside it",
        )
    }

    /// How long a comparison may take by adding runs: the usual one stays within two minutes, the
    /// quick one within 20 seconds, and one that was asked for in detail gets what it asked for.
    pub(crate) fn patience(&self) -> Duration {
        let as_asked = !self.names_nothing() || self.how.runs.is_some();
        Duration::from_secs(match (as_asked, self.goals(), self.how.quick) {
            (true, ..) => 0,
            (_, false, true) => 14,
            (_, false, false) => 100,
            (_, true, true) => 30,
            (_, true, false) => 240,
        })
    }

    fn names_nothing(&self) -> bool {
        self.transport.is_empty() && self.workload.is_empty() && self.bytes.is_empty()
    }

    /// The rows to compare. If nothing was named, with those that the goals need besides.
    pub(crate) fn rows(&self) -> Vec<Row> {
        if self.goals() {
            return self.for_goals();
        }
        if self.names_nothing() {
            return self.usual();
        }
        let sizes = if self.bytes.is_empty() { &[64][..] } else { &self.bytes };
        let does = |entry: &&Entry| {
            let all = |&bytes| self.workload.iter().all(|&workload| entry.does(workload, bytes));
            sizes.iter().all(all)
        };
        let unasked = list().iter().filter(|entry| entry.shown).filter(does);
        let transports: Vec<&str> = match self.transport.as_slice() {
            [] => unasked.map(|entry| entry.name).collect(),
            named => named.iter().map(String::as_str).collect(),
        };
        let workloads = match self.workload.as_slice() {
            [] => &[Workload::Stream, Workload::Echo, Workload::Wake][..],
            named => named,
        };
        let mut rows = Vec::new();
        for &workload in workloads {
            if workload == Workload::Lines {
                rows.extend(self.row("lines", workload, lines::BLOCK));
                continue;
            }
            for &bytes in sizes {
                for name in &transports {
                    rows.extend(self.row(name, workload, bytes));
                }
            }
        }
        rows
    }

    fn for_goals(&self) -> Vec<Row> {
        let mut rows = goals::rows();
        for row in &mut rows {
            if self.how.quick && row.workload.is_steady() {
                row.interval_ns = WATCHED_QUICKLY_NS;
            }
        }
        rows
    }

    fn usual(&self) -> Vec<Row> {
        let mut sections = vec![(Workload::Stream, 64), (Workload::Echo, 64)];
        if !self.how.quick {
            sections.extend([(Workload::Stream, 4096), (Workload::Wake, 64)]);
        }
        let mut rows = Vec::new();
        for (workload, bytes) in sections {
            for entry in list().iter().filter(|entry| entry.shown) {
                rows.extend(self.row(entry.name, workload, bytes));
            }
        }
        for (name, workload, bytes) in [
            ("shm-ring", Workload::Echo, 8),
            ("shm-ring-balanced", Workload::Stream, 64),
            ("shm-ring-bare", Workload::Stream, 64),
        ] {
            let row = self.row(name, workload, bytes);
            rows.extend(row.map(|row| Row { for_goals: true, ..row }));
        }
        rows
    }

    fn row(&self, name: &str, workload: Workload, bytes: usize) -> Option<Row> {
        let mut row = Row::new(find(name)?, workload, bytes);
        if self.how.quick && workload.is_steady() {
            row.interval_ns = WATCHED_QUICKLY_NS;
        }
        if workload == Workload::Wake {
            row.interval_ns = self.interval * 1000;
        }
        row.batch = self.batch as usize;
        Some(row)
    }
}

/// How long a side is watched that waits, with `--quick`.
const WATCHED_QUICKLY_NS: u64 = 500_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Cli, clap::Error> {
        Cli::try_parse_from([&["shm-ring-bench"], arguments].concat())
    }

    #[test]
    fn wrong_arguments_are_answered_with_what_is_allowed() {
        for (arguments, allowed) in [
            (["--transport", "telepathy"], "sysv-binary"),
            (["--workload", "sleep"], "stream"),
            (["--bytes", "65"], "8, 64, 256, 1024, 4096, 16384, 65536 or 1048576"),
            (["--cpus", "0,0"], "two different processor numbers"),
            (["--runs", "0"], "1..=1000"),
            (["--interval", "1"], "10..=1000000"),
        ] {
            let error = parse(&arguments).unwrap_err();
            assert!(error.to_string().contains(allowed), "{arguments:?}: {error}");
            assert_eq!(error.exit_code(), 2);
        }
    }

    #[test]
    fn only_the_usual_comparison_adds_runs() {
        let patience = |arguments: &[&str]| parse(arguments).unwrap().patience().as_secs();
        assert!((60..110).contains(&patience(&[])) && (5..18).contains(&patience(&["--quick"])));
        assert_eq!(patience(&["--runs", "3"]), 0);
        assert_eq!(patience(&["--workload", "echo"]), 0);
    }

    #[test]
    fn goals_takes_how_but_not_what() {
        let goals = parse(&["goals", "--quick", "--runs", "2"]).unwrap();
        assert!(goals.goals() && goals.how.quick && goals.contradiction().is_none());
        assert!(goals.rows().iter().any(|row| row.workload == Workload::IdleSender));
        assert!(parse(&["--transport", "pipe", "goals"]).unwrap().contradiction().is_some());
        assert!(parse(&["--transport", "pipe"]).unwrap().contradiction().is_none());
        let patience = |arguments: &[&str]| parse(arguments).unwrap().patience().as_secs();
        assert!(patience(&["goals"]) <= 300 && patience(&["goals", "--quick"]) < 60);
    }

    #[test]
    fn a_yardstick_is_not_asked_for_by_name() {
        assert!(parse(&["--transport", "lines"]).is_err());
        let rows = parse(&["--workload", "lines"]).unwrap().rows();
        assert_eq!(rows.iter().map(|row| row.entry.name).collect::<Vec<_>>(), ["lines"]);
    }

    #[test]
    fn what_is_not_named_is_not_asked_for_what_it_cannot_do() {
        for workload in ["batch", "memory", "idle-sender"] {
            let rows = parse(&["--workload", workload]).unwrap().rows();
            let does = |row: &Row| row.entry.does(row.workload, row.bytes);
            assert!(!rows.is_empty() && rows.iter().all(does));
        }
    }

    #[test]
    fn what_is_named_is_combined() {
        let cli = parse(&["--transport", "pipe,shm-ring", "--bytes", "8,64", "--workload", "echo"]);
        let rows = cli.unwrap().rows();
        let named: Vec<_> = rows.iter().map(|row| (row.entry.name, row.bytes)).collect();
        assert_eq!(named, [("pipe", 8), ("shm-ring", 8), ("pipe", 64), ("shm-ring", 64)]);
    }

    #[test]
    fn the_usual_comparison_has_what_the_goals_need() {
        let rows = parse(&[]).unwrap().rows();
        for name in ["sysv-binary", "rtrb", "shm-ring-bare", "shm-ring-balanced"] {
            assert!(rows.iter().any(|row| row.entry.name == name && row.bytes == 64), "{name}");
        }
    }
}
