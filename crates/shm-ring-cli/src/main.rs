//! `shm-ring`: rings in shared memory from the shell. README.md says what each command does; this file only
//! chooses one.
#![deny(unsafe_code)]

mod attach;
mod cli;
mod commands;
mod completing;
mod failure;
mod finding;
mod output;
mod progress;
mod recording;
mod rings;
mod target;
mod units;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use clap_complete::CompleteEnv;
use shm_ring_console::terminal;

use crate::cli::{Cli, Command};

fn main() -> ExitCode {
    // A shell that asks for candidates gets them, and nothing else happens.
    CompleteEnv::with_factory(Cli::command).var(completing::VARIABLE).complete();
    let cli = Cli::parse();
    terminal::color(cli.color);
    let done = match cli.command {
        Command::Ls(ls) => commands::ls::run(&ls),
        Command::Stat(stat) => commands::stat::run(&stat),
        Command::Top(top) => commands::top::run(&top),
        Command::Create(create) => commands::create::run(&create),
        Command::Send(send) => commands::send::run(&send),
        Command::Recv(recv) => commands::recv::run(&recv),
        Command::Record(record) => commands::record::run(&record),
        Command::Replay(replay) => commands::replay::run(&replay),
        Command::Tap(tap) => commands::tap::run(&tap),
        Command::Info(info) => commands::info::run(&info),
        Command::Dump(dump) => commands::dump::run(&dump),
        Command::Rm(rm) => commands::rm::run(&rm),
        Command::Gc(gc) => commands::gc::run(&gc),
        Command::Metrics(metrics) => commands::metrics::run(&metrics),
        Command::Doctor(doctor) => commands::doctor::run(&doctor),
        Command::Completions(completions) => commands::shell::completions(&completions),
        Command::Man(man) => commands::shell::man(&man),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
