//! `shm-ring-bench`: compares ways to pass messages from one process to another, the ring against the
//! semaphore handoff that textbooks teach and others. benches/README.md says how to read what it
//! prints, benches/METHOD.md how it measures.
#![deny(unsafe_code)]

mod cli;
mod commands;
mod complaint;
mod plan;
mod report;
mod run;

use std::process::ExitCode;

use shm_ring_console::terminal;

use crate::cli::{Asked, Cli, Command};
use crate::commands::{comparison, diff, doctor, overview, saved};
use crate::complaint::Complaint;
use crate::run::{SIDE_ARGUMENT, side};

const FAILED: u8 = 1;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_some_and(|first| first == SIDE_ARGUMENT) {
        return match side::main(&arguments.next().unwrap_or_default().to_string_lossy()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(fault) => {
                terminal::say(&fault.to_string());
                ExitCode::from(FAILED)
            }
        };
    }
    let cli = Cli::read();
    terminal::color(cli.color);
    done(cli.wanted()).unwrap_or_else(|complaint| complaint.say())
}

fn done(command: Command) -> Result<ExitCode, Complaint> {
    let text = match command {
        Command::Compare(compare) => return comparison::measure(compare.asked()),
        Command::Goals(how) => return comparison::measure(Asked::goals(how)),
        Command::Sweep(compare) => return comparison::measure(compare.sweep()),
        Command::Report(files) => {
            saved::show(files)?;
            return Ok(ExitCode::SUCCESS);
        }
        Command::Diff(files) => {
            let worse = diff::run(&files)?;
            return Ok(if worse { ExitCode::from(FAILED) } else { ExitCode::SUCCESS });
        }
        Command::List(output) => overview::list(output.json)?,
        Command::Doctor(asked) => doctor::examine(&asked)?,
        Command::Completions { shell } => overview::completions(shell),
        Command::Man { subcommand } => overview::man(subcommand.as_deref())?,
    };
    terminal::print(&text).map_err(Complaint::unwritten)?;
    Ok(ExitCode::SUCCESS)
}
