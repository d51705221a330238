//! What the program says about itself: its transports, what completes its command line, its manual.
//! It must not know how anything is measured.

use std::fmt::Write;

use clap::CommandFactory;
use clap_complete::Shell;
use serde::Serialize;

use crate::cli::{Cli, listed};
use crate::complaint::Complaint;
use crate::run::spec::{SIZES, Workload};
use crate::run::transport::{Entry, Idle};

/// A transport as `list` shows it.
#[derive(Serialize)]
struct Listed {
    name: &'static str,
    kind: &'static str,
    idle: &'static str,
    /// The largest message in bytes.
    bytes_max: usize,
    batches: bool,
    what: &'static str,
}

impl Listed {
    fn of(entry: &Entry) -> Self {
        let carried = SIZES.into_iter().filter(|&bytes| entry.does(Workload::Stream, bytes));
        Self {
            name: entry.name,
            kind: if entry.threads { "threads" } else { "processes" },
            idle: match entry.idle {
                Idle::Spins => "spins",
                Idle::SpinsThenSleeps => "spins-then-sleeps",
                Idle::Sleeps => "sleeps",
            },
            bytes_max: carried.max().unwrap_or_default(),
            batches: entry.batches,
            what: entry.what,
        }
    }
}

/// The transports, a line for each that begins with its name.
pub(crate) fn list(json: bool) -> Result<String, Complaint> {
    let listed: Vec<Listed> = listed().map(Listed::of).collect();
    if json {
        return serde_json::to_string_pretty(&listed)
            .map_err(|error| Complaint::unwritten(format!("transports as JSON: {error}")));
    }
    let mut text = String::new();
    for entry in listed {
        let Listed { name, kind, idle, bytes_max, .. } = entry;
        let batches = if entry.batches { "batches" } else { "" };
        let _ = writeln!(
            text,
            "{name:<18} {kind:<9}  {idle:<17}  to {bytes_max:>7} B  {batches:<7}  {}",
            entry.what
        );
    }
    Ok(text)
}

pub(crate) fn completions(shell: Shell) -> String {
    let mut text = Vec::new();
    let mut command = Cli::command();
    let name = command.get_name().to_owned();
    clap_complete::generate(shell, &mut command, name, &mut text);
    String::from_utf8_lossy(&text).into_owned()
}

/// The manual page of the program or of one of its subcommands.
pub(crate) fn man(subcommand: Option<&str>) -> Result<String, Complaint> {
    let mut command = Cli::command();
    // Names the page of a subcommand after the program.
    command.build();
    let page = match subcommand {
        None => command,
        Some(name) => match command.find_subcommand(name) {
            Some(found) => found.clone(),
            None => {
                let all = command.get_subcommands().map(|sub| sub.get_name());
                let all: Vec<_> = all.filter(|name| *name != "help").collect();
                let hint = format!("there are {}", all.join(", "));
                return Err(Complaint::usage(format!("there is no subcommand {name}"), hint));
            }
        },
    };
    let mut text = Vec::new();
    clap_mangen::Man::new(page)
        .render(&mut text)
        .map_err(|error| Complaint::unwritten(format!("the manual page: {error}")))?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}
