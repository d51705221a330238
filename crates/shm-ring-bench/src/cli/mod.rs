//! The command line: what may be asked for. It must not know how anything of it is done.

mod how;
mod rows;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::time::Duration;

use clap::parser::ValueSource;
use clap::{ArgMatches, Args, ColorChoice, CommandFactory, FromArgMatches, Parser, Subcommand};
use clap_complete::Shell;

pub(crate) use self::how::{How, Show};
pub(crate) use self::rows::What;
use crate::plan::goals;
use crate::plan::{ENOUGH, Row};
use crate::run::transport::{Entry, list};

/// Compares ways to pass messages from one process to another.
///
/// Without arguments: stream and echo at 64 bytes, stream at 4096, wake at 100 us, every transport,
/// within two minutes. Transports, workloads and sizes that are named are combined.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Exit codes: 0 the comparison came to its end, on a busy machine too; 1 a transport failed \
                  (an error, or no run of a row that ended), results could not be read or written, or \
                  diff found what --fail-above forbids; 2 the arguments are wrong; 130 interrupted."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    #[command(flatten)]
    compare: Compare,

    /// Lists the transports and ends, as `list` does.
    #[arg(long)]
    list: bool,

    /// Whether to color what is said.
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: ColorChoice,
}

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Command {
    /// Compares transports: what is done without a subcommand.
    ///
    /// Without arguments: stream and echo at 64 bytes, stream at 4096, wake at 100 us, every
    /// transport, within two minutes. Transports, workloads and sizes that are named are combined.
    Compare(Compare),
    /// Measures every goal of the project in one comparison, within five minutes.
    ///
    /// Every row that a goal needs, interleaved, seven valid runs of each or more (three with
    /// --quick, within a minute). Goals against other people's queues need the feature `peers`. Prints the goals
    /// and, with --wide, what was measured.
    Goals(How),
    /// Measures throughput and latency over all sizes of messages.
    ///
    /// Without arguments: stream and echo at every size, five runs of each (three with --quick), of
    /// every transport between processes that a comparison shows, each up to its largest message. It takes minutes; --time bounds it.
    Sweep(Compare),
    /// Shows results that were saved with --json, without measuring.
    Report(Saved),
    /// Compares saved results row by row: the ratio of medians, and whether it is more than noise.
    Diff(Diff),
    /// Lists the transports and what each can do.
    List(AsJson),
    /// Says what on this machine will spoil numbers, and what to do about it.
    Doctor(Doctor),
    /// Prints what completes this command line in a shell.
    Completions {
        /// Which shell.
        shell: Shell,
    },
    /// Prints the manual page, or that of a subcommand.
    Man {
        /// Whose page.
        subcommand: Option<String>,
    },
}

/// What to compare, and how.
#[derive(Clone, Debug, Args)]
pub(crate) struct Compare {
    #[command(flatten)]
    pub(crate) what: What,

    #[command(flatten)]
    pub(crate) how: How,
}

/// Results of earlier comparisons.
#[derive(Clone, Debug, Args)]
pub(crate) struct Saved {
    /// What --json wrote; - for standard input.
    #[arg(value_name = "FILE.json", required = true)]
    pub(crate) files: Vec<PathBuf>,

    #[command(flatten)]
    pub(crate) show: Show,
}

/// What to compare with what.
#[derive(Clone, Debug, Args)]
pub(crate) struct Diff {
    /// The results to compare with.
    #[arg(value_name = "A.json")]
    pub(crate) a: PathBuf,

    /// The results to judge.
    #[arg(value_name = "B.json")]
    pub(crate) b: PathBuf,

    /// Exits with 1 if a row of B is worse than in A by more than noise and by more than this.
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    pub(crate) fail_above: Option<f64>,

    #[command(flatten)]
    pub(crate) output: AsJson,
}

/// Whether a list is for programs.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct AsJson {
    /// Prints JSON instead.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Which machine is looked at.
#[derive(Clone, Debug, Args)]
pub(crate) struct Doctor {
    /// The processors that a comparison would be pinned to, such as 0,1 (default: the first two that
    /// we may use).
    #[arg(long, value_parser = how::cpus)]
    pub(crate) cpus: Option<[usize; 2]>,

    #[command(flatten)]
    pub(crate) output: AsJson,
}

/// The transports that may be asked for.
pub(crate) fn listed() -> impl Iterator<Item = &'static Entry> {
    list().filter(|entry| !entry.yardstick)
}

fn percent(text: &str) -> Result<f64, String> {
    let number: Option<f64> = text.trim_end_matches('%').parse().ok();
    let wanted = || "a percentage of 0 or more, such as 5".to_owned();
    number.filter(|percent| percent.is_finite() && *percent >= 0.0).ok_or_else(wanted)
}

/// A comparison that was asked for: its rows and how much is done about them.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) how: How,
    pub(crate) rows: Vec<Row>,
    /// Runs of each row, unless it lacks valid ones and some are added.
    pub(crate) runs: u32,
    /// How many valid runs a row needs in each state of the machine.
    pub(crate) enough: u32,
    /// How long a comparison may take by adding runs.
    pub(crate) patience: Duration,
    /// Whether the goals of the project are judged.
    pub(crate) goals: bool,
}

impl Compare {
    /// The usual comparison stays within two minutes, the quick one within 20 seconds, and one that
    /// was asked for in detail gets what it asked for.
    pub(crate) fn asked(self) -> Asked {
        let rows = self.what.rows(self.how.quick);
        let seconds = match (self.what.names_nothing(), self.how.quick) {
            (false, _) => 0,
            (true, true) => 14,
            (true, false) => 100,
        };
        Asked::new(self.how, rows, 7, ENOUGH, seconds)
    }

    pub(crate) fn sweep(self) -> Asked {
        let rows = self.what.sweep(self.how.quick);
        Asked::new(self.how, rows, 5, ENOUGH, 0)
    }
}

impl Asked {
    fn new(how: How, rows: Vec<Row>, usual: u32, enough: u32, seconds: u64) -> Self {
        let as_asked = how.runs.is_some() || how.time.is_some();
        let patience = Duration::from_secs(if as_asked { 0 } else { seconds });
        Self { runs: how.runs(usual), how, rows, enough, patience, goals: false }
    }

    /// Every goal, within five minutes or, quickly, one.
    pub(crate) fn goals(how: How) -> Self {
        let rows = rows::for_goals(how.quick);
        let seconds = if how.quick { 30 } else { 240 };
        let asked = Self::new(how, rows, 7, goals::ENOUGH as u32, seconds);
        Self { goals: true, ..asked }
    }
}

impl Cli {
    /// What was asked for on the command line; the program ends here with help or an error.
    pub(crate) fn read() -> Self {
        let arguments: Vec<_> = std::env::args_os().collect();
        // What the parser itself says has the color that is asked for further on.
        let texts: Vec<_> = arguments.iter().map(|argument| argument.to_string_lossy()).collect();
        let color = match texts.iter().position(|text| text.starts_with("--color")) {
            Some(at) if texts[at..].join("=").starts_with("--color=never") => ColorChoice::Never,
            Some(at) if texts[at..].join("=").starts_with("--color=always") => ColorChoice::Always,
            _ => ColorChoice::Auto,
        };
        Self::from(arguments, color).unwrap_or_else(|error| error.exit())
    }

    fn from(
        arguments: impl IntoIterator<Item = impl Into<std::ffi::OsString> + Clone>,
        color: ColorChoice,
    ) -> Result<Self, clap::Error> {
        let mut command = Self::command().color(color);
        let matches = command.try_get_matches_from_mut(arguments)?;
        if let Some((option, subcommand)) = misplaced(&matches) {
            let why = format!(
                "--{option} stands before {subcommand}, where it says nothing\n\nhint: options of a \
                 subcommand come after it: {subcommand} --{option}"
            );
            return Err(command.error(clap::error::ErrorKind::ArgumentConflict, why));
        }
        Self::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
    }

    /// The subcommand, spelled out.
    pub(crate) fn wanted(self) -> Command {
        match self.command {
            Some(command) => command,
            None if self.list => Command::List(AsJson { json: false }),
            None => Command::Compare(self.compare),
        }
    }
}

/// An option of the comparison that was given before the name of a subcommand.
fn misplaced(matches: &ArgMatches) -> Option<(String, String)> {
    let (subcommand, _) = matches.subcommand()?;
    let command = Cli::command();
    let mut own = command.get_arguments().filter(|argument| !argument.is_global_set());
    let given = own.find(|argument| {
        let id = argument.get_id().as_str();
        matches.try_contains_id(id).is_ok()
            && matches.value_source(id) == Some(ValueSource::CommandLine)
    })?;
    Some((given.get_long()?.to_owned(), subcommand.to_owned()))
}
