//! The command line: what may be asked. It must not do any of it.

mod metrics;
mod recording;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ColorChoice, Parser, Subcommand};
use glob::Pattern;

pub(crate) use self::metrics::{Form, Metrics};
pub(crate) use self::recording::{Info, Part, Record, Replay, Tap};
use crate::completing;
use crate::target::Target;
use crate::units::{parse_item, parse_size, parse_time};

/// Lists, watches, feeds, records and removes rings in shared memory.
///
/// A ring is named by NAME (under /dev/shm), by PID:FD (a descriptor of a process, for memfds), or by a path
/// that is not a single component, such as ./FILE.
#[derive(Debug, Parser)]
#[command(
    name = "shm-ring",
    version,
    arg_required_else_help = true,
    after_help = "Exit codes: 0 ok, 1 failure, 2 usage, 3 no such ring, 4 incompatible, 5 the other side died, \
                  6 timed out, 7 a recording is cut or damaged."
)]
pub(crate) struct Cli {
    /// When output is coloured: auto is on a terminal, unless NO_COLOR is set.
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: ColorChoice,

    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Lists the rings under /dev/shm.
    Ls(Ls),
    /// Says everything about one ring.
    ///
    /// Positions count bytes since the ring was created, with 8 for the header of each message and padding. A session counts up
    /// by one when a side attaches (odd) and when it closes (even). A side that has nothing to do looks for a
    /// while (found it empty, or full), then sleeps, and is woken when the other one rings; sides also ring on
    /// attaching and closing. High water is the maximum that the producer found unread.
    Stat(Stat),
    /// Watches rings: rates, fill, how often they were full or empty.
    #[command(after_help = "Example: shm-ring top --interval 200ms ticks; q quits")]
    Top(Top),
    /// Creates a ring of messages, or of values of one size.
    #[command(
        after_help = "Example: shm-ring create ticks --item 16:8 --schema 7, for a producer or consumer of a type of 16 bytes \
                      that is aligned to 8"
    )]
    Create(Create),
    /// Publishes standard input, and closes at its end.
    ///
    /// A ring of values takes whole values, one behind the other as they are in memory.
    #[command(
        after_help = "Example: tar c . | shm-ring send files, and elsewhere shm-ring recv files | tar x"
    )]
    Send(Send),
    /// Writes the contents of a ring to standard output, until its producer closes.
    ///
    /// Values come one behind the other, as they are in memory.
    #[command(
        after_help = "Example: shm-ring recv --lines log | grep error, and shm-ring send --lines log"
    )]
    Recv(Recv),
    /// Records a ring: what it carries, with positions and times, until its producer closes.
    ///
    /// It is the ring's consumer, and gives room back for what is in the file. With -o it goes on where the file ends, also
    /// after it was killed: each record is in the file once.
    #[command(
        after_help = "Example: shm-ring record ticks -o ticks.rec --follow, and shm-ring info ticks.rec"
    )]
    Record(Record),
    /// Publishes a recording, at the times at which it was recorded.
    #[command(after_help = "Example: shm-ring replay ticks.rec ticks --speed 10 --from +60s")]
    Replay(Replay),
    /// Records what is unread in a ring, or each value of a latest value, beside those who use it.
    ///
    /// It takes no part, and nobody waits for it: records that the consumer takes before it looks are missing, and are a gap in
    /// the file.
    #[command(after_help = "Example: shm-ring tap pose -o pose.rec, and Ctrl-C ends it")]
    Tap(Tap),
    /// Says what is in a recording: the ring, positions, times, gaps, and whether it is whole.
    #[command(after_help = "Example: shm-ring info ticks.rec --records --from +60s --limit 10")]
    Info(Info),
    /// Shows the unread records of a ring, or a latest value.
    Dump(Dump),
    /// Removes rings that nobody uses.
    Rm(Rm),
    /// Removes all rings under /dev/shm that nobody uses and that hold nothing unread, no latest value either.
    #[command(after_help = "Example: shm-ring gc 'feed-*' --older-than 1h")]
    Gc(Gc),
    /// Prints what Prometheus reads: the counters and gauges of all rings under /dev/shm.
    ///
    /// Once to standard output or to a file, or again and again: to a file with --interval, and for each request with --listen.
    #[command(
        after_help = "Example: shm-ring metrics --listen 127.0.0.1:9464, and shm-ring metrics | grep unread"
    )]
    Metrics(Metrics),
    /// Says whether this machine is good for rings.
    Doctor(Doctor),
    /// Prints a script by which a shell completes commands, options and names of rings.
    #[command(after_help = "Example: source <(shm-ring completions bash), in ~/.bashrc")]
    Completions(Completions),
    /// Prints a manual page.
    Man(Man),
}

/// Whose rings are used.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Trust {
    /// Also use rings of other users, and those that others may write. Only if they are trusted: a process that may
    /// write a ring can truncate it, which ends its users (SIGBUS).
    #[arg(long)]
    pub(crate) any_owner: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Ls {
    /// Also those without a name, in memfds that processes have open.
    #[arg(long)]
    pub(crate) memfds: bool,

    #[command(flatten)]
    pub(crate) trust: Trust,

    /// As JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Stat {
    /// The ring.
    #[arg(value_name = "NAME", add = completing::rings())]
    pub(crate) target: Target,

    #[command(flatten)]
    pub(crate) trust: Trust,

    /// As JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Create {
    /// The ring.
    #[arg(value_name = "NAME")]
    pub(crate) target: Target,

    /// Carries values of SIZE bytes, aligned to ALIGN: 12, 16:8, 4K:64. Both sides must want the same. The default
    /// alignment is the largest power of two that divides the size, at most 8, as of a struct of such numbers.
    #[arg(long, value_name = "SIZE[:ALIGN]", value_parser = parse_item)]
    pub(crate) item: Option<(usize, usize)>,

    /// The bytes of records that it holds, messages with their headers, or whole values: 64K, 1M.
    #[arg(long, value_name = "SIZE", default_value = "1M", value_parser = parse_size)]
    pub(crate) bytes: usize,

    /// A text of up to 64 bytes that says what is inside.
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) label: String,

    /// A number that names the meaning of the messages or values. Both sides must give the same.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) schema: u64,

    /// Permission bits, in octal.
    #[arg(long, value_name = "MODE", default_value = "600", value_parser = mode)]
    pub(crate) mode: u32,

    /// Gives it to the group of this number (default: yours). With --mode 660 its members can use it, by --any-owner.
    #[arg(long, value_name = "GID")]
    pub(crate) group: Option<u32>,

    /// Reserves no memory: pages are allocated when they are first touched.
    #[arg(long)]
    pub(crate) sparse: bool,
}

fn mode(text: &str) -> Result<u32, String> {
    match u32::from_str_radix(text, 8) {
        Ok(mode) if mode <= 0o777 => Ok(mode),
        _ => Err("a mode is up to three octal digits, such as 660".to_owned()),
    }
}

/// What a message is.
#[derive(Clone, Copy, Debug, Args)]
#[group(multiple = false)]
pub(crate) struct Framing {
    /// Bytes as they come, without boundaries (the default).
    #[arg(long)]
    raw: bool,

    /// Each line is a message.
    #[arg(long)]
    lines: bool,

    /// Each message has its length before it: four bytes, little-endian.
    #[arg(long)]
    length_prefixed: bool,
}

/// How messages stand in a stream of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Frames {
    Raw,
    Lines,
    LengthPrefixed,
}

impl Framing {
    pub(crate) fn frames(self) -> Frames {
        match self {
            Self { lines: true, .. } => Frames::Lines,
            Self { length_prefixed: true, .. } => Frames::LengthPrefixed,
            Self { .. } => Frames::Raw,
        }
    }
}

/// What `send` and `recv` have in common.
#[derive(Clone, Debug, Args)]
pub(crate) struct Copying {
    /// The ring. It is created if it is not there.
    #[arg(value_name = "NAME", add = completing::rings())]
    pub(crate) target: Target,

    #[command(flatten)]
    pub(crate) framing: Framing,

    /// The bytes of records that the ring holds, if it is created: 64K, 1M.
    #[arg(long, value_name = "SIZE", default_value = "1M", value_parser = parse_size)]
    pub(crate) bytes: usize,

    /// The maximum of each wait for the other side: 500ms, 10s (default: for ever).
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(crate) timeout: Option<Duration>,

    #[command(flatten)]
    pub(crate) trust: Trust,
}

#[derive(Debug, Args)]
pub(crate) struct Send {
    #[command(flatten)]
    pub(crate) copying: Copying,

    /// Reads this file instead of standard input.
    #[arg(long, value_name = "FILE")]
    pub(crate) from: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Recv {
    #[command(flatten)]
    pub(crate) copying: Copying,

    /// Keeps a ring that `send` or `recv` created when the stream has ended.
    #[arg(long)]
    pub(crate) keep: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Rm {
    /// The rings.
    #[arg(value_name = "NAME", required = true, add = completing::rings())]
    pub(crate) targets: Vec<Target>,

    /// Also rings with records that nobody has read, latest values, and rings that release 0.1 made, if nobody uses them.
    #[arg(long)]
    pub(crate) unread: bool,

    /// Any file that begins as a ring does: also while somebody holds a role, and with a damaged header.
    #[arg(long)]
    pub(crate) force: bool,

    #[command(flatten)]
    pub(crate) trust: Trust,
}

#[derive(Debug, Args)]
pub(crate) struct Dump {
    /// The ring.
    #[arg(value_name = "NAME", add = completing::rings())]
    pub(crate) target: Target,

    /// Shows at most N records.
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,

    #[command(flatten)]
    pub(crate) trust: Trust,

    /// As JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Gc {
    /// Only rings whose name matches one of these; * stands for any characters, ? for one (default: all).
    #[arg(value_name = "PATTERN", value_parser = pattern, add = completing::rings())]
    pub(crate) names: Vec<Pattern>,

    /// Removes nothing, and lists the rings that would go.
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Keeps rings that are younger than this.
    #[arg(long, value_name = "TIME", default_value = "1m", value_parser = parse_time)]
    pub(crate) older_than: Duration,

    /// Also rings with records that nobody has read, and latest values.
    #[arg(long)]
    pub(crate) unread: bool,

    #[command(flatten)]
    pub(crate) trust: Trust,

    /// As JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// As shm_open has it, one slash in front belongs to a name.
fn pattern(text: &str) -> Result<Pattern, String> {
    let bare = text.strip_prefix('/').unwrap_or(text);
    match Pattern::new(bare) {
        Ok(_) if bare.is_empty() || bare.contains('/') => {
            Err("a name under /dev/shm has no other slash, and is not empty".to_owned())
        }
        pattern => pattern.map_err(|error| error.to_string()),
    }
}

#[derive(Debug, Args)]
pub(crate) struct Top {
    /// The rings (default: all under /dev/shm).
    #[arg(value_name = "NAME", add = completing::rings())]
    pub(crate) targets: Vec<Target>,

    /// The time between two views.
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = interval)]
    pub(crate) interval: Duration,

    /// Ends after N views.
    #[arg(long, value_name = "N")]
    pub(crate) count: Option<u64>,

    #[command(flatten)]
    pub(crate) trust: Trust,

    /// As JSON, a document for each view.
    #[arg(long)]
    pub(crate) json: bool,
}

fn interval(text: &str) -> Result<Duration, String> {
    let interval = parse_time(text)?;
    match interval.is_zero() || interval > Duration::from_secs(86_400) {
        true => Err("views are at least a millisecond and at most a day apart".to_owned()),
        false => Ok(interval),
    }
}

#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// As JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell.
    #[arg(value_name = "SHELL")]
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub(crate) struct Man {
    /// The page of one command (default: of the whole).
    #[arg(value_name = "COMMAND")]
    pub(crate) command: Option<String>,
}
