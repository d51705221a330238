//! `shm-ring-bench`: compares ways to pass messages from one process to another, the ring against the
//! semaphore handoff that textbooks teach and others. benches/README.md says how to read what it
//! prints, benches/METHOD.md how it measures.
#![deny(unsafe_code)]

mod cli;
mod clock;
mod control;
mod cpus;
mod floor;
mod goals;
mod histogram;
mod machine;
mod message;
mod output;
mod plan;
mod report;
mod run;
mod side;
mod spec;
mod stats;
mod sys;
mod system_calls;
mod transport;
mod workload;

use std::process::ExitCode;
use std::sync::atomic::Ordering;
use std::time::Duration;

use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::Cli;
use crate::clock::Clock;
use crate::output::Output;
use crate::plan::{Effort, Row, compare};
use crate::report::Report;
use crate::run::{INTERRUPTED, SIDE_ARGUMENT};
use crate::transport::Idle;

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
        for entry in cli::listed() {
            println!("{:<18} {}", entry.name, entry.what);
        }
        return ExitCode::SUCCESS;
    }
    if let Some(why) = cli.contradiction() {
        return usage(why);
    }
    let cpus = match cpus::allowed().and_then(|allowed| cpus::choose(cli.how.cpus, &allowed)) {
        Ok(cpus) => cpus,
        Err(why) => return usage(&why),
    };
    let mut rows = what_can_be_done(cli.rows());
    if rows.is_empty() {
        return usage("nothing is left to compare");
    }
    if cpus[0] == cpus[1] {
        rows = without_spinning(rows);
        if rows.is_empty() {
            return usage("nothing is left to compare: on one processor only what sleeps can be");
        }
    }
    if let Err(error) = ctrlc::set_handler(|| INTERRUPTED.store(true, Ordering::Relaxed)) {
        return failed(&format!("preparing for Ctrl-C: {error}"));
    }
    let outcome =
        Output::new(cli.how.json.clone()).and_then(|out| comparison(&cli, cpus, rows, &out));
    outcome.unwrap_or_else(|why| failed(&why))
}

fn usage(why: &str) -> ExitCode {
    eprintln!("error: {why}");
    ExitCode::from(USAGE)
}

fn failed(why: &str) -> ExitCode {
    eprintln!("error: {why}");
    ExitCode::from(FAILED)
}

/// The rows whose transport can do what is wanted of it.
fn what_can_be_done(rows: Vec<Row>) -> Vec<Row> {
    let (kept, skipped): (Vec<_>, Vec<_>) =
        rows.into_iter().partition(|row| row.entry.does(row.workload, row.bytes));
    for row in skipped {
        eprintln!("{}: skipped", row.why_not());
    }
    kept
}

/// The rows that can run where both sides share one processor. A side that spins would keep its peer
/// from running.
fn without_spinning(rows: Vec<Row>) -> Vec<Row> {
    let (skipped, kept): (Vec<_>, Vec<_>) =
        rows.into_iter().partition(|row| row.entry.idle == Idle::Spins);
    let mut names: Vec<_> = skipped.iter().map(|row| row.entry.name).collect();
    names.dedup();
    if !names.is_empty() {
        let names = names.join(", ");
        eprintln!("we may use one processor only, so what spins is skipped: {names}");
    }
    kept
}

fn comparison(
    cli: &Cli,
    cpus: [usize; 2],
    mut rows: Vec<Row>,
    out: &Output,
) -> Result<ExitCode, String> {
    let run_time = Duration::from_millis(if cli.how.quick { 50 } else { 150 });
    let limit = Duration::from_secs(cli.how.limit);
    let clock = Clock::calibrated();
    let (runs, patience) = (cli.runs(), cli.patience());
    let enough = cli.enough();
    let effort = Effort { runs, enough, patience, run_time, limit, cpus, clock };
    let rows_of_a_round = rows.len() as u64;
    let bar = progress(rows_of_a_round * u64::from(1 + effort.runs));
    compare(&mut rows, effort, |row| {
        bar.set_message(format!("{} {} {} B", row.entry.name, row.doing(), row.bytes));
        if bar.length() == Some(bar.position()) {
            bar.inc_length(rows_of_a_round);
        }
        bar.inc(1);
        !INTERRUPTED.load(Ordering::Relaxed)
    });
    let system_calls = match INTERRUPTED.load(Ordering::Relaxed) {
        true => None,
        false => system_calls::count(&rows, effort),
    };
    if !cli.goals()
        && !INTERRUPTED.load(Ordering::Relaxed)
        && let Err(why) = system_calls::per_message(&mut rows, effort)
    {
        bar.suspend(|| eprintln!("system calls are not counted: {why}"));
    }
    bar.finish_and_clear();
    let goals = match cli.goals() {
        true => goals::all(&rows, system_calls),
        false => goals::of(&rows, system_calls),
    };
    let report = Report::new(&rows, cpus, effort.clock, goals);
    out.write(&report)?;
    if INTERRUPTED.load(Ordering::Relaxed) {
        eprintln!("interrupted: the results are those of the runs that were done");
        return Ok(ExitCode::from(ENDED_BY_INTERRUPT));
    }
    let whole = report.results.iter().all(|row| row.failures.is_empty());
    Ok(if whole { ExitCode::SUCCESS } else { ExitCode::from(FAILED) })
}

fn progress(runs: u64) -> ProgressBar {
    let bar = ProgressBar::new(runs);
    let template = "{bar:30} {pos}/{len} runs, {eta} left   {msg}";
    bar.set_style(ProgressStyle::with_template(template).expect("a constant template"));
    bar
}
