//! The command line of what records rings and plays recordings. It must not do any of it.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::Trust;
use crate::completing;
use crate::target::Target;
use crate::units::{Since, parse_since, parse_time};

#[derive(Debug, Args)]
pub(crate) struct Record {
    /// The ring.
    #[arg(value_name = "NAME", add = completing::rings())]
    pub(crate) target: Target,

    /// Records into this file, and goes on where it ends if it is there (default: standard output).
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    /// Gives room in the ring back only for what fdatasync has brought to the disk.
    #[arg(long, requires = "output")]
    pub(crate) sync: bool,

    /// Goes on with the next producer when one has closed or died, until it is interrupted.
    #[arg(long)]
    pub(crate) follow: bool,

    /// Goes on with a file that lacks what somebody else has read out of the ring, and writes down the gap.
    #[arg(long, requires = "output")]
    pub(crate) accept_gap: bool,

    /// Waits so long for more once there is something: fewer and larger blocks, and times that are as coarse.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(crate) linger: Option<Duration>,

    /// How long to wait for the producer at a time: 500ms, 10s (default: for ever).
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(crate) timeout: Option<Duration>,

    #[command(flatten)]
    pub(crate) trust: Trust,
}

#[derive(Debug, Args)]
pub(crate) struct Tap {
    /// The ring, or the latest value.
    #[arg(value_name = "NAME", add = completing::rings())]
    pub(crate) target: Target,

    /// Records into this file, and goes on behind its end if it is there (default: standard output).
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    /// Goes on with the next producer when one has closed or died, until it is interrupted.
    #[arg(long)]
    pub(crate) follow: bool,

    #[command(flatten)]
    pub(crate) trust: Trust,
}

/// Which part of a recording is meant.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Part {
    /// Begins here: a position (4096), a time since the first record (+10s, +1.5), or a time in seconds since 1970
    /// (@1700000000.5).
    #[arg(long, value_name = "WHERE", value_parser = parse_since)]
    pub(crate) from: Option<Since>,

    /// Ends before this, which is as for --from.
    #[arg(long, value_name = "WHERE", value_parser = parse_since)]
    pub(crate) to: Option<Since>,
}

#[derive(Debug, Args)]
pub(crate) struct Replay {
    /// The recording; - is standard input.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// The ring. It is created as the one that was recorded if it is not there.
    #[arg(value_name = "NAME", add = completing::rings())]
    pub(crate) target: Target,

    /// So many times as fast as it was recorded: 2, 0.5.
    #[arg(long, value_name = "FACTOR", default_value = "1", value_parser = factor, conflicts_with = "fast")]
    pub(crate) speed: f64,

    /// As fast as the ring takes it, whenever it was recorded.
    #[arg(long)]
    pub(crate) fast: bool,

    /// Waits at most so long between two blocks, however long it was quiet: 500ms, 10s.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(crate) max_wait: Option<Duration>,

    #[command(flatten)]
    pub(crate) part: Part,

    /// How long to wait for room at a time: 500ms, 10s (default: for ever).
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(crate) timeout: Option<Duration>,

    #[command(flatten)]
    pub(crate) trust: Trust,
}

fn factor(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(factor) if (0.001..=1e6).contains(&factor) => Ok(factor),
        _ => Err("a factor is a number from 0.001 to 1000000, such as 2 or 0.5".to_owned()),
    }
}

#[derive(Debug, Args)]
pub(crate) struct Info {
    /// The recording; - is standard input.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// Shows the records as well, in hexadecimal and as text, with positions and times.
    #[arg(long)]
    pub(crate) records: bool,

    /// Shows so many records at most.
    #[arg(long, value_name = "N", requires = "records")]
    pub(crate) limit: Option<u64>,

    #[command(flatten)]
    pub(crate) part: Part,

    /// As JSON.
    #[arg(long, conflicts_with = "records")]
    pub(crate) json: bool,
}
