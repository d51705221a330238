//! What is said to whoever started the program: on standard output, which a pager may close early,
//! and what went wrong with a hint. It must not know what is said.

use std::io::{self, Write};
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};
use clap::ColorChoice;

/// What good news is written in.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
/// What should be looked at.
pub(crate) const LOOK: Style = AnsiColor::Yellow.on_default().bold();
/// What is bad.
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();

const FAILED: u8 = 1;
const USAGE: u8 = 2;

/// Why the program ends: what was wrong, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Complaint {
    code: u8,
    what: String,
    hint: String,
}

impl Complaint {
    /// The arguments are wrong.
    pub(crate) fn usage(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { code: USAGE, what: what.into(), hint: hint.into() }
    }

    /// The arguments are right, and yet it did not work.
    pub(crate) fn failed(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { code: FAILED, what: what.into(), hint: hint.into() }
    }

    /// What there is to say could not be written.
    pub(crate) fn unwritten(what: impl Into<String>) -> Self {
        Self::failed(what, "name a file that can be written, or none for standard output")
    }

    /// Says it on standard error.
    pub(crate) fn say(&self) -> ExitCode {
        let Self { what, hint, .. } = self;
        note(&format!("{BAD}error:{BAD:#} {what}\n{GOOD}hint:{GOOD:#} {hint}"));
        ExitCode::from(self.code)
    }
}

/// Makes everything written through here follow what was asked for. Without a wish the terminal and
/// NO_COLOR decide.
pub(crate) fn color(choice: ColorChoice) {
    match choice {
        ColorChoice::Auto => {}
        ColorChoice::Always => anstream::ColorChoice::Always.write_global(),
        ColorChoice::Never => anstream::ColorChoice::Never.write_global(),
    }
}

/// Says something beside the results, on standard error.
pub(crate) fn note(text: &str) {
    // With standard error closed there is nobody left to tell.
    let _ = writeln!(anstream::stderr(), "{text}");
}

/// Writes lines to standard output. That their reader has seen enough is no error.
pub(crate) fn print(text: &str) -> Result<(), String> {
    let mut out = anstream::stdout().lock();
    match writeln!(out, "{}", text.trim_end()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(format!("writing to standard output: {error}"))
        }
        _ => Ok(()),
    }
}
