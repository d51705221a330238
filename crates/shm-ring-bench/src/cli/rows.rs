//! Which rows are compared: what was named, and what is compared when nothing is. It must not know
//! how they are run.

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::listed;
use crate::plan::Row;
use crate::plan::goals;
use crate::run::spec::{BATCH, BURST, FAN, SIZES, SWEPT, Workload};
use crate::run::transport::{DEFAULT, Entry, find, lines, list};

/// Stands for every transport.
const ALL: &str = "all";
/// Those of a quick comparison.
const QUICK: [&str; 7] =
    [DEFAULT, "shm-ring-spin", "sysv-binary", "sysv-two", "posix-two", "pipe", "rtrb"];

/// Those that are compared where none is named.
fn unasked(quick: bool) -> impl Iterator<Item = &'static Entry> {
    let is_quick = move |entry: &&Entry| !quick || QUICK.contains(&entry.name);
    list().filter(|entry| entry.shown).filter(is_quick)
}

/// What is compared.
#[derive(Clone, Debug, Args)]
pub(crate) struct What {
    /// Which transports, separated by commas, or all of them.
    #[arg(long, value_delimiter = ',', value_parser = PossibleValuesParser::new(listed().map(|entry| entry.name).chain([ALL])))]
    pub(crate) transport: Vec<String>,

    /// Which workloads, separated by commas.
    #[arg(long, value_delimiter = ',')]
    pub(crate) workload: Vec<Workload>,

    /// Bytes of a message, separated by commas.
    #[arg(long, value_delimiter = ',', value_parser = sizes())]
    pub(crate) bytes: Vec<usize>,

    #[command(flatten)]
    with: With,
}

/// What the workloads are done with.
#[derive(Clone, Debug, Args)]
struct With {
    /// Microseconds between the messages of `wake` (default 100) and the bursts of `burst` (default
    /// 1000); several, separated by commas, are compared beside each other.
    #[arg(long, value_name = "US", value_delimiter = ',', value_parser = clap::value_parser!(u64).range(10..=1_000_000))]
    interval: Vec<u64>,

    /// Messages at a time in `batch`, at most 1024.
    #[arg(long, value_name = "N", default_value_t = BATCH as u64, value_parser = clap::value_parser!(u64).range(1..=1024))]
    batch: u64,

    /// Messages at once in `burst`, at most 1024.
    #[arg(long, value_name = "N", default_value_t = BURST as u64, value_parser = clap::value_parser!(u64).range(1..=1024))]
    burst: u64,

    /// Messages a second in `paced`; several, separated by commas, are compared beside each other.
    #[arg(long, value_name = "N", value_delimiter = ',', default_value = "100000", value_parser = clap::value_parser!(u64).range(100..=100_000_000))]
    rate: Vec<u64>,

    /// Channels of `fan`, at most 64.
    #[arg(long, value_name = "K", default_value_t = FAN as u64, value_parser = clap::value_parser!(u64).range(1..=64))]
    fan: u64,
}

impl With {
    /// The row, once for each interval or rate.
    fn each(&self, row: Row) -> Vec<Row> {
        let (batch, burst) = (self.batch as usize, self.burst as usize);
        let row = Row { batch, burst, fan: self.fan as usize, ..row };
        match row.workload {
            Workload::Wake | Workload::Burst if !self.interval.is_empty() => {
                let every = |&us: &u64| Row { interval_ns: us * 1000, ..row.clone() };
                self.interval.iter().map(every).collect()
            }
            Workload::Paced => self.rate.iter().map(|&rate| Row { rate, ..row.clone() }).collect(),
            _ => vec![row],
        }
    }
}

fn sizes() -> impl TypedValueParser<Value = usize> {
    let texts = SIZES.map(|bytes| -> &str { bytes.to_string().leak() });
    PossibleValuesParser::new(texts).try_map(|text| text.parse())
}

impl What {
    pub(crate) fn names_nothing(&self) -> bool {
        self.transport.is_empty() && self.workload.is_empty() && self.bytes.is_empty()
    }

    /// The rows to compare.
    pub(crate) fn rows(&self, quick: bool) -> Vec<Row> {
        if self.names_nothing() {
            return self.usual(quick);
        }
        let sizes = if self.bytes.is_empty() { &[64][..] } else { &self.bytes };
        let workloads = match self.workload.as_slice() {
            [] => &[Workload::Stream, Workload::Echo, Workload::Wake][..],
            named => named,
        };
        let does = |entry: &&'static Entry| {
            let all = |&bytes| self.workload.iter().all(|&workload| entry.does(workload, bytes));
            sizes.iter().all(all)
        };
        let transports = self.transports(unasked(quick).filter(does));
        self.combined(&transports, workloads, sizes, quick)
    }

    /// The rows of a sweep: throughput and latency over sizes, of what runs in two processes,
    /// each as far as it goes.
    pub(crate) fn sweep(&self, quick: bool) -> Vec<Row> {
        let sizes = if self.bytes.is_empty() { &SWEPT[..] } else { &self.bytes };
        let workloads = match self.workload.as_slice() {
            [] => &[Workload::Stream, Workload::Echo][..],
            named => named,
        };
        let transports = self.transports(unasked(quick).filter(|entry| !entry.threads));
        let mut rows = self.combined(&transports, workloads, sizes, quick);
        rows.retain(|row| row.entry.does(row.workload, row.bytes));
        rows
    }

    fn transports(&self, unasked: impl Iterator<Item = &'static Entry>) -> Vec<&str> {
        match self.transport.as_slice() {
            [] => unasked.map(|entry| entry.name).collect(),
            named if named.iter().any(|name| name == ALL) => {
                listed().map(|entry| entry.name).collect()
            }
            named => named.iter().map(String::as_str).collect(),
        }
    }

    fn combined(
        &self,
        transports: &[&str],
        workloads: &[Workload],
        sizes: &[usize],
        quick: bool,
    ) -> Vec<Row> {
        let mut rows = Vec::new();
        for &workload in workloads {
            if workload == Workload::Lines {
                for (name, _) in lines::YARDSTICKS {
                    rows.extend(self.row(name, workload, lines::BLOCK, quick));
                }
                continue;
            }
            for &bytes in sizes {
                for name in transports {
                    rows.extend(self.row(name, workload, bytes, quick));
                }
            }
        }
        rows
    }

    fn usual(&self, quick: bool) -> Vec<Row> {
        let mut sections = vec![(Workload::Stream, 64), (Workload::Echo, 64)];
        if !quick {
            sections.extend([(Workload::Stream, 4096), (Workload::Wake, 64)]);
        }
        let mut rows = Vec::new();
        for (workload, bytes) in sections {
            for entry in unasked(quick) {
                rows.extend(self.row(entry.name, workload, bytes, quick));
            }
        }
        rows
    }

    fn row(&self, name: &str, workload: Workload, bytes: usize, quick: bool) -> Vec<Row> {
        let Some(entry) = find(name) else {
            return Vec::new();
        };
        let mut row = Row::new(entry, workload, bytes);
        if quick {
            watch_quickly(&mut row);
        }
        self.with.each(row)
    }
}

/// The rows that all goals together need.
pub(crate) fn for_goals(quick: bool) -> Vec<Row> {
    let mut rows = goals::rows();
    if quick {
        rows.iter_mut().for_each(watch_quickly);
    }
    rows
}

/// How long a side is watched that waits, with `--quick`.
const WATCHED_QUICKLY_NS: u64 = 500_000_000;

fn watch_quickly(row: &mut Row) {
    if row.workload.is_steady() {
        row.interval_ns = WATCHED_QUICKLY_NS;
    }
}
