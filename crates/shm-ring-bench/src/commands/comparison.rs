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
use crate::commands::progress::{Ahead, Progress};
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
    let mut progress = Progress::new(Ahead {
        rows: rows.len(),
        // A round of trials comes first.
        rounds: 1 + u64::from(effort.runs),
        time,
        patience: effort.patience,
        counts: !asked.goals,
    });
    let named = |row: &Row| format!("{} {} {} B", row.entry.name, row.doing(), row.bytes);
    compare(&mut rows, effort, |row| {
        let time = progress.ran(named(row));
        time && !INTERRUPTED.load(Ordering::Relaxed)
    });
    let interrupted = || INTERRUPTED.load(Ordering::Relaxed);
    let goals = match asked.goals {
        true => {
            let beside = match interrupted() {
                true => Beside::default(),
                false => measured_beside(&rows, effort, asked.how.quick),
            };
            goals::all(&rows, &beside)
        }
        false => Vec::new(),
    };
    let counted = match asked.goals || interrupted() {
        true => Ok(()),
        false => system_calls::per_message(&mut rows, effort, |row| {
            progress.counted(format!("counting the system calls of {}", named(row)));
        }),
    };
    drop(progress);
    if let Err(why) = counted {
        say(&format!("system calls are not counted: {why}"));
    }
    let report = Report::new(&rows, cpus, effort.clock, goals);
    out.write(&report).map_err(Complaint::unwritten)?;
    if interrupted() {
        say("interrupted: the results are those of the runs that were done");
        return Ok(ExitCode::from(ENDED_BY_INTERRUPT));
    }
    let fails = rows.iter().any(Row::fails);
    Ok(if fails { ExitCode::from(SOME_FAILED) } else { ExitCode::SUCCESS })
}

/// What goals look at that no row measures.
fn measured_beside(rows: &[Row], effort: Effort, quick: bool) -> Beside {
    let system_calls = system_calls::count(rows, effort);
    let instructions = match quick {
        true => Err("--quick does not count them".to_owned()),
        false => instructions::more_than_recorded(),
    };
    Beside { system_calls, instructions: Some(instructions) }
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
