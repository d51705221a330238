//! `shm-ring`: rings in shared memory from the shell. README.md says what each command does; this file only
//! chooses one.
#![deny(unsafe_code)]

mod attach;
mod cli;
mod commands;
mod failure;
mod finding;
mod output;
mod progress;
mod rings;
mod target;
mod units;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Command};
use crate::output::Output;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let output = Output::new(cli.color);
    let done = match cli.command {
        Command::Ls(ls) => commands::ls::run(&ls, output),
        Command::Stat(stat) => commands::stat::run(&stat, output),
        Command::Top(top) => commands::top::run(&top, output),
        Command::Create(create) => commands::create::run(&create),
        Command::Send(send) => commands::send::run(&send),
        Command::Recv(recv) => commands::recv::run(&recv),
        Command::Dump(dump) => commands::dump::run(&dump, output),
        Command::Rm(rm) => commands::rm::run(&rm, |failure| {
            failure.report(output::red_on_stderr(cli.color));
        }),
        Command::Gc(gc) => commands::gc::run(&gc, output),
        Command::Doctor(doctor) => commands::doctor::run(&doctor, output),
        Command::Completions(completions) => commands::shell::completions(&completions),
        Command::Man(man) => commands::shell::man(&man),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(output::red_on_stderr(cli.color)),
    }
}
