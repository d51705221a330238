//! `shm-ring-torture`: campaigns that kill, stop, interleave, starve and attack a ring. Each prints its
//! figures and ends non-zero on any violation of what the library promises. README.md says what each
//! shows; FAULTS.md which fault is shown by which.
#![deny(unsafe_code)]

mod forked;
mod hostile;
mod report;
mod rng;
mod shared;
mod soak;
mod trace;

use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

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
    pub(crate) seed: Option<u64>,
}

#[derive(Clone, Copy, Debug, Subcommand)]
enum Campaign {
    /// Attacks: every call over anything that a region can hold, and beside a process that writes all the
    /// time.
    Hostile,
    /// Kills, stops and restarts two processes that talk, and accounts for every record.
    Soak,
}

impl Campaign {
    fn run(self, how: &How) -> Report {
        match self {
            Self::Hostile => hostile::run(how),
            Self::Soak => soak::run(how),
        }
    }
}

/// A seed for who wants another run each time.
pub(crate) fn clock_seed() -> u64 {
    let since = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
    // Few enough bits that a figure shows all of them.
    since.as_nanos() as u64 >> 10 & 0xffff_ffff
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let report = cli.campaign.run(&cli.how);
    report.print(cli.how.json);
    if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
