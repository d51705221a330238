//! `shm-ring-torture`: campaigns that kill, stop, interleave, starve and attack a ring. Each prints its
//! figures and ends non-zero on any violation of what the library promises. README.md says what each
//! shows; FAULTS.md which fault is shown by which.
#![deny(unsafe_code)]

mod forked;
// The library's tests and the campaign `soak` make the same calls. The library is for older compilers.
#[allow(dead_code, unused_imports, clippy::manual_is_multiple_of)]
#[path = "../../shm-ring/tests/it/forms/mod.rs"]
mod forms;
mod hostile;
mod interleave;
mod notice;
mod region;
mod report;
mod soak;
mod stepkill;
mod trace;
mod world;

use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use shm_ring_hostile::{rng, shared};

use crate::report::Report;

/// Kills, stops, interleaves, starves and attacks a ring, and counts what it withstood.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Exit codes: 0 nothing was violated and enough was tried, 1 a violation or too little \
                  tried, 2 the arguments are wrong."
)]
struct Cli {
    #[command(subcommand)]
    campaign: Campaign,

    #[command(flatten)]
    how: How,
}

/// How long and from which seed.
#[derive(Clone, Debug, Args)]
pub(crate) struct How {
    /// About how long the campaign may take, in seconds (default: as long as its short form needs).
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) seconds: Option<u64>,

    /// Everything, however long it takes: the run whose figures are published.
    #[arg(long, global = true)]
    pub(crate) full: bool,

    /// Figures as JSON on stdout.
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// What random choices start from (default: the clock; always printed).
    #[arg(long, global = true, value_name = "N")]
    seed: Option<u64>,
}

impl How {
    /// The seed that was given or the clock's: a figure of `report`.
    pub(crate) fn seed(&self, report: &mut Report) -> u64 {
        let since = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
        // Few enough bits that a figure shows all of them.
        let seed = self.seed.unwrap_or(since.as_nanos() as u64 >> 10 & 0xffff_ffff);
        report.figure("seed", seed as f64, "");
        seed
    }
}

#[derive(Clone, Debug, Subcommand)]
enum Campaign {
    /// Kills a process after every instruction of every operation.
    Stepkill(stepkill::Which),
    /// The two sides single-stepped against each other.
    Interleave(interleave::Which),
    /// Everything that a buggy or hostile peer can write.
    Hostile,
    /// Processes that are killed and stopped at random, and restarted in place.
    Soak,
    /// Deaths of every kind beside a peer that sleeps, told by the kernel.
    Notice(notice::Which),
    /// Storms of processes that come, go, die, stop, fork and remove, on few names.
    World,
    /// One that dies, for `notice`.
    #[command(hide = true)]
    Victim(notice::Arguments),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let how = &cli.how;
    let report = match cli.campaign {
        Campaign::Stepkill(which) => stepkill::run(how, &which),
        Campaign::Interleave(which) => interleave::run(how, &which),
        Campaign::Hostile => hostile::run(how),
        Campaign::Soak => soak::run(how),
        Campaign::Notice(which) => notice::run(how, &which),
        Campaign::World => world::run(how),
        Campaign::Victim(arguments) => return notice::main_of_victim(&arguments),
    };
    report.print(cli.how.json);
    if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
