//! How a comparison is made and where its results go, whatever it compares.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::listed;
use crate::complaint::Complaint;
use crate::report::Report;
use crate::report::table::BASELINE;

/// How a comparison is made.
#[derive(Clone, Debug, Args)]
pub(crate) struct How {
    /// A smaller comparison, under 20 seconds (goals: under a minute; sweep: as short runs).
    #[arg(long)]
    pub(crate) quick: bool,

    /// Runs of each row (default 7, sweep 5; 3 with --quick). The usual comparison adds some for rows with
    /// too few valid ones in a state of the machine, as long as its time allows.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) runs: Option<u32>,

    /// How long the runs may take altogether: they go on until then, or until --runs of each
    /// row are done. Each row is run at least once.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) time: Option<u64>,

    /// Messages of each run, the warm-up included, in place of as many as fill its time.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=50_000_000))]
    pub(crate) messages: Option<u64>,

    /// The processors to pin the receiver and the sender to, such as 0,1 (default: the first two that
    /// we may use).
    #[arg(long, value_parser = cpus)]
    pub(crate) cpus: Option<[usize; 2]>,

    /// Seconds after which a run is taken for stuck and killed.
    #[arg(long, value_name = "SECONDS", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(crate) limit: u64,

    #[command(flatten)]
    pub(crate) show: Show,
}

/// Where results go, measured ones and those of a file.
#[derive(Clone, Debug, Args)]
pub(crate) struct Show {
    /// Shows every column of the tables, and how it was measured.
    #[arg(long)]
    pub(crate) wide: bool,

    /// Also writes the results as JSON to this file; - for standard output instead of the table.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,

    /// Also writes a report to this directory: a page with plots (index.html), the plots as SVG, and the
    /// results as JSON, CSV and Markdown. It must be empty, new, or hold an earlier report.
    #[arg(long, value_name = "DIR")]
    pub(crate) report: Option<PathBuf>,

    /// What everything is compared with.
    #[arg(long, value_name = "NAME", default_value = BASELINE)]
    pub(crate) baseline: String,
}

impl Show {
    /// Whether results go to a place that takes those of one comparison only.
    pub(crate) fn writes_files(&self) -> bool {
        self.json.is_some() || self.report.is_some()
    }

    /// Nothing can be compared with a baseline that is no transport. `measured` may know some that this
    /// program was built without.
    pub(crate) fn known_baseline(&self, measured: Option<&Report>) -> Result<(), Complaint> {
        let name = &self.baseline;
        let names = || listed().map(|entry| entry.name);
        if names().any(|known| known == name) || measured.is_some_and(|report| report.has(name)) {
            return Ok(());
        }
        let hint = format!("there are {}", names().collect::<Vec<_>>().join(", "));
        Err(Complaint::usage(format!("--baseline {name}: is no transport"), hint))
    }
}

/// More runs than any time allows.
const NO_END: u32 = 1_000_000;

impl How {
    /// The most runs of each row, unless so many do not count that some are added.
    pub(crate) fn runs(&self, usual: u32) -> u32 {
        let unasked = match (self.time, self.quick) {
            (Some(_), _) => NO_END,
            (None, true) => 3,
            (None, false) => usual,
        };
        self.runs.unwrap_or(unasked)
    }

    /// The length that a run aims at.
    pub(crate) fn run_time(&self) -> Duration {
        Duration::from_millis(if self.quick { 50 } else { 150 })
    }

    /// After which time no further run begins.
    pub(crate) fn time(&self) -> Option<Duration> {
        self.time.map(Duration::from_secs)
    }
}

/// Two processors.
pub(super) fn cpus(text: &str) -> Result<[usize; 2], String> {
    let wanted = || "two different processor numbers separated by a comma, such as 0,1".to_owned();
    let (a, b) = text.split_once(',').ok_or_else(wanted)?;
    match (a.trim().parse(), b.trim().parse()) {
        (Ok(a), Ok(b)) if a != b => Ok([a, b]),
        _ => Err(wanted()),
    }
}
