//! Where output goes: whether it is a terminal, whether it is coloured, and JSON with the number of its
//! schema. It must not know what is printed.

use std::io::{self, IsTerminal, Write};

use clap::ValueEnum;
use clap::builder::styling::{AnsiColor, Style};
use serde::Serialize;

use crate::failure::Failure;
use crate::units::shown;

/// Raised when a reader of the old JSON could misread the new.
pub(crate) const SCHEMA: u32 = 2;

/// When output is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum When {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    Always,
    Never,
}

impl When {
    fn on(self, terminal: bool) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto => {
                let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
                terminal && !refused
            }
        }
    }
}

/// How to print on standard output.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    pub(crate) terminal: bool,
    coloured: bool,
}

impl Output {
    pub(crate) fn new(when: When) -> Self {
        let terminal = io::stdout().is_terminal();
        Self { terminal, coloured: when.on(terminal) }
    }

    pub(crate) fn paint(&self, text: &str, style: Style) -> String {
        paint(self.coloured, text, style)
    }
}

/// What a person may wonder about, and no program: on standard error, if that is a terminal.
pub(crate) fn note(text: &str) {
    if io::stderr().is_terminal() {
        eprintln!("note: {}", shown(text));
    }
}

/// For the word `error:` on standard error.
pub(crate) fn red_on_stderr(when: When) -> impl Fn(&str) -> String {
    let coloured = when.on(io::stderr().is_terminal());
    move |text| paint(coloured, text, BAD)
}

fn paint(coloured: bool, text: &str, style: Style) -> String {
    if coloured { format!("{style}{text}{style:#}") } else { text.to_owned() }
}

/// Something is wrong.
pub(crate) const BAD: Style = AnsiColor::Red.on_default();
/// Something may be.
pub(crate) const DOUBTFUL: Style = AnsiColor::Yellow.on_default();
/// All is well.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
/// Of less interest.
pub(crate) const QUIET: Style = Style::new().dimmed();
pub(crate) const HEADING: Style = Style::new().bold();

/// A document: the number of the schema, and then what it is about.
#[derive(Serialize)]
struct Document<T> {
    schema: u32,
    #[serde(flatten)]
    content: T,
}

/// Prints `content`, an object, as one document of JSON.
pub(crate) fn json(content: impl Serialize) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    serde_json::to_writer(&mut out, &Document { schema: SCHEMA, content })?;
    out.write_all(b"\n")?;
    Ok(())
}
