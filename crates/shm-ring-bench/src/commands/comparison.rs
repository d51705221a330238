//! A comparison from its rows to its results: what can be run here, how far it is, and what ends it.
//! It must not know the command line's spelling nor how results are shown.

use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::atomic::Ordering;
use std::time::Duration;

use shm_ring_console::terminal::say;

use crate::cli::Asked;
use crate::commands::doctor;
use crate::commands::output::Output;
use crate::commands::progress::Progress;
use crate::complaint::Complaint;
use crate::plan::goals::Beside;
use crate::plan::{Effort, Row, compare};
use crate::plan::{cpus, goals, instructions, system_calls};
use crate::report::Report;
use crate::run::INTERRUPTED;
use crate::run::clock::Clock;
use crate::run::transport::Idle;

const SOME_FAILED: u8 = 1;
const ENDED_BY_INTERRUPT: u8 = 130;

/// Measures what was asked for and writes down what came of it.
pub(crate) fn measure(asked: Asked) -> Result<ExitCode, Complaint> {
    asked.how.show.known_baseline(None)?;
    let cpus = cpus::pinned(asked.how.cpus)?;
    let mut rows = what_can_be_done(asked.rows);
    if cpus[0] == cpus[1] {
        rows = without_spinning(rows);
    }
    if rows.is_empty() {
        let hint = "`shm-ring-bench list` says what each transport can do; on one processor only \
                    what sleeps is compared";
        return Err(Complaint::usage("nothing is left to compare", hint));
    }
    ctrlc::set_handler(|| INTERRUPTED.store(true, Ordering::Relaxed)).map_err(|error| {
        Complaint::failed(format!("preparing for Ctrl-C: {error}"), "start the program afresh")
    })?;
    let effort = Effort {
        runs: asked.runs,
        enough: asked.enough,
        patience: asked.patience,
        run_time: asked.how.run_time(),
        messages: asked.how.messages,
        limit: Duration::from_secs(asked.how.limit),
        cpus,
        clock: Clock::calibrated(),
    };
    // For a person who looks on: a program reads what was discarded.
    if std::io::stderr().is_terminal()
        && let Some(warning) = doctor::other_work()
    {
        say(&warning);
    }
    let time = asked.how.time();
    let out = Output::new(&asked.how.show).map_err(Complaint::unwritten)?;
    // A round of trials comes first.
    let mut progress = Progress::new(rows.len(), 1 + u64::from(effort.runs), time);
    compare(&mut rows, effort, |row| {
        let time = progress.done(format!("{} {} {} B", row.entry.name, row.doing(), row.bytes));
        time && !INTERRUPTED.load(Ordering::Relaxed)
    });
    let system_calls = match INTERRUPTED.load(Ordering::Relaxed) {
        true => None,
        false => system_calls::count(&rows, effort),
    };
    let counted = match asked.all_goals || INTERRUPTED.load(Ordering::Relaxed) {
        true => Ok(()),
        false => system_calls::per_message(&mut rows, effort),
    };
    drop(progress);
    if let Err(why) = counted {
        say(&format!("system calls are not counted: {why}"));
    }
    let counts_instructions = asked.all_goals && !INTERRUPTED.load(Ordering::Relaxed);
    let instructions = counts_instructions.then(|| match asked.how.quick {
        true => Err("--quick does not count them".to_owned()),
        false => instructions::more_than_recorded(),
    });
    let beside = Beside { system_calls, instructions };
    let goals = match asked.all_goals {
        true => goals::all(&rows, &beside),
        false => goals::of(&rows, &beside),
    };
    let report = Report::new(&rows, cpus, effort.clock, goals);
    out.write(&report).map_err(Complaint::unwritten)?;
    if INTERRUPTED.load(Ordering::Relaxed) {
        say("interrupted: the results are those of the runs that were done");
        return Ok(ExitCode::from(ENDED_BY_INTERRUPT));
    }
    let whole = report.results.iter().all(|row| row.failures.is_empty());
    Ok(if whole { ExitCode::SUCCESS } else { ExitCode::from(SOME_FAILED) })
}

/// The rows whose transport can do what is wanted of it.
fn what_can_be_done(rows: Vec<Row>) -> Vec<Row> {
    let (kept, skipped): (Vec<_>, Vec<_>) =
        rows.into_iter().partition(|row| row.entry.does(row.workload, row.bytes));
    for row in skipped {
        say(&format!("{}: skipped", row.why_not()));
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
        say(&format!("we may use one processor only, so what spins is skipped: {names}"));
    }
    kept
}
