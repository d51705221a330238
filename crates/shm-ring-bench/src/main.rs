//! `shm-ring-bench`: compares ways to pass messages from one process to another, the ring against the
//! semaphore handoff that textbooks teach and others. benches/README.md says how to read what it
//! prints, benches/METHOD.md how it measures.
#![deny(unsafe_code)]

mod cli;
mod clock;
mod control;
mod floor;
mod goals;
mod histogram;
mod machine;
mod plan;
mod report;
mod run;
mod side;
mod spec;
mod stats;
mod sys;
mod transport;
mod workload;

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::Ordering;
use std::time::Duration;

use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::Cli;
use crate::plan::{Effort, Row, compare};
use crate::report::{Report, table};
use crate::run::{INTERRUPTED, SIDE_ARGUMENT, run};
use crate::spec::{Spec, Workload};

const FAILED: u8 = 1;
const USAGE: u8 = 2;
const ENDED_BY_INTERRUPT: u8 = 130;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() == Some(SIDE_ARGUMENT) {
        return match side::main(&arguments.next().unwrap_or_default()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(fault) => {
                eprintln!("{fault}");
                ExitCode::from(FAILED)
            }
        };
    }
    let cli = Cli::parse();
    if cli.list {
        for entry in transport::list() {
            println!("{:<18} {}", entry.name, entry.what);
        }
        return ExitCode::SUCCESS;
    }
    match cli.cpus.map_or_else(default_cpus, Ok) {
        Ok(cpus) => comparison(&cli, cpus),
        Err(why) => {
            eprintln!("error: {why}");
            ExitCode::from(USAGE)
        }
    }
}

/// The first two processors that we may use.
fn default_cpus() -> Result<[usize; 2], String> {
    let allowed = rustix::thread::sched_getaffinity(None).map_err(|error| error.to_string())?;
    let mut cpus = (0..rustix::thread::CpuSet::MAX_CPU).filter(|&cpu| allowed.is_set(cpu));
    match (cpus.next(), cpus.next()) {
        (Some(a), Some(b)) => Ok([a, b]),
        _ => {
            Err("two processors are needed, one for each side, and we may use only one".to_owned())
        }
    }
}

fn comparison(cli: &Cli, cpus: [usize; 2]) -> ExitCode {
    // A second handler cannot be set; without one Ctrl-C kills us, and the children with us.
    let _ = ctrlc::set_handler(|| INTERRUPTED.store(true, Ordering::Relaxed));
    let mut rows = cli.rows();
    let run_time = Duration::from_millis(if cli.quick { 40 } else { 150 });
    let limit = Duration::from_secs(cli.limit);
    let effort = Effort { runs: cli.runs(), run_time, limit, cpus };
    let bar = progress(rows.len() as u64 * u64::from(1 + effort.runs));
    let completed = compare(&mut rows, effort, |row| {
        bar.set_message(format!("{} {} {} B", row.entry.name, row.doing(), row.bytes));
        bar.inc(1);
        !INTERRUPTED.load(Ordering::Relaxed)
    });
    let system_calls = if completed { count_system_calls(&rows, effort) } else { None };
    bar.finish_and_clear();
    let report = Report::new(&rows, cpus, system_calls);
    if let Err(error) = show(&report, cli.json.as_deref()) {
        eprintln!("error: writing the results: {error}");
        return ExitCode::from(FAILED);
    }
    if !completed {
        eprintln!("interrupted: the results are those of the runs that were done");
        return ExitCode::from(ENDED_BY_INTERRUPT);
    }
    // A row that noise left without a run that counts says so; the program did what it should.
    let whole = report.results.iter().all(|row| row.failures.is_empty());
    if whole { ExitCode::SUCCESS } else { ExitCode::from(FAILED) }
}

/// How many system calls both sides of the ring make while half a million messages go: each runs where any
/// call but `exit` would kill it, so coming to the end proves that there was none. `None` if it did
/// not come to the end, or if the ring is not part of the comparison.
fn count_system_calls(rows: &[Row], effort: Effort) -> Option<u64> {
    const MESSAGES: u64 = 500_000;
    // A side that is preempted for long asks whether its peer lives, which is a system call.
    const ATTEMPTS: u32 = 10;
    let ring =
        rows.iter().find(|row| row.entry.name == "shm-ring" && row.workload == Workload::Stream)?;
    let spec = Spec { no_system_calls: true, ..ring.spec(MESSAGES, effort.cpus) };
    (0..ATTEMPTS).find_map(|_| run(&spec, effort.limit).ok()).map(|_| 0)
}

fn progress(runs: u64) -> ProgressBar {
    let bar = ProgressBar::new(runs);
    let template = "{bar:30} {pos}/{len} runs, {eta} left   {msg}";
    bar.set_style(ProgressStyle::with_template(template).expect("a constant template"));
    bar
}

fn show(report: &Report, json: Option<&Path>) -> std::io::Result<()> {
    let mut stdout = std::io::stdout().lock();
    match json {
        Some(path) if path == Path::new("-") => {
            serde_json::to_writer_pretty(&mut stdout, report)?;
            writeln!(stdout)
        }
        Some(path) => {
            let text = serde_json::to_string_pretty(report)?;
            std::fs::write(path, text + "\n")?;
            write!(stdout, "{}", table::render(report))
        }
        None => write!(stdout, "{}", table::render(report)),
    }
}
