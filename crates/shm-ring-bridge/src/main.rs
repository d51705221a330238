//! `shm-ring-bridge`: a ring here to a ring on another machine, exactly once. README.md is the manual and says why it is
//! exactly once.
//!
//! Owns: the choice of a side, and the runtime. Knows nothing of: what a side does.
#![deny(unsafe_code)]

mod cli;
mod companion;
mod engine;
mod failure;
mod flow;
mod inlet;
#[cfg(test)]
mod model;
mod names;
mod outlet;
mod pairing;
mod reader;
mod session;
mod shape;
mod sink;
mod source;
mod target;
mod wire;

use std::process::ExitCode;

use clap::Parser;
use shm_ring_console::terminal;

use crate::cli::{Cli, Command};
use crate::failure::{Code, Failure};

fn main() -> ExitCode {
    let cli = Cli::parse();
    terminal::color(cli.color);
    match run(&cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn run(command: &Command) -> Result<(), Failure> {
    // One thread: what is to be done between two waits is short, and a bridge leaves the other processors to others.
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| {
            Failure::new(Code::Failure, format!("no runtime: {error}"), "start it again")
        })?;
    let done = runtime.block_on(async {
        match command {
            Command::Source(source) => source::run(source).await,
            Command::Sink(sink) => sink::run(sink).await,
        }
    });
    // What the client left behind, such as a connection that is being tried, is not waited for.
    runtime.shutdown_background();
    done
}
