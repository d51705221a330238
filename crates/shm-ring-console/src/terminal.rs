//! Owns: standard output, which a pager may close early, what is said beside it on standard error, and the colours of
//! both. Knows nothing of: what is said.

use std::io::{self, IsTerminal, StdoutLock, Write};

use anstream::AutoStream;
use anstyle::AnsiColor;
pub use anstyle::Style;
use clap::ColorChoice;

/// All is well, or better.
pub const GOOD: Style = AnsiColor::Green.on_default();
/// Something may be wrong.
pub const DOUBTFUL: Style = AnsiColor::Yellow.on_default();
/// Something is wrong, or worse.
pub const BAD: Style = AnsiColor::Red.on_default();
/// Of less interest.
pub const QUIET: Style = Style::new().dimmed();
/// Above a table, or before a value.
pub const HEADING: Style = Style::new().bold();

/// Makes all that is written through here follow `choice`. `Auto` leaves it to the terminal, NO_COLOR and CLICOLOR.
pub fn color(choice: ColorChoice) {
    match choice {
        ColorChoice::Auto => {}
        ColorChoice::Always => anstream::ColorChoice::Always.write_global(),
        ColorChoice::Never => anstream::ColorChoice::Never.write_global(),
    }
}

/// `text` in a style, which [`stdout`] leaves out where no colour is wanted.
pub fn paint(text: &str, style: Style) -> String {
    format!("{style}{text}{style:#}")
}

/// [`paint`] for text that reaches standard output by another way.
pub fn paint_if_wanted(text: &str, style: Style) -> String {
    match AutoStream::choice(&io::stdout()) {
        anstream::ColorChoice::Never => text.to_owned(),
        _ => paint(text, style),
    }
}

/// Whether standard output is a terminal.
pub fn is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Standard output, without styles where no colour is wanted.
pub fn stdout() -> AutoStream<StdoutLock<'static>> {
    anstream::stdout().lock()
}

/// Writes lines to standard output. That their reader has seen enough is no error.
///
/// # Errors
///
/// What went wrong with standard output otherwise, for people.
pub fn print(text: &str) -> Result<(), String> {
    let mut out = stdout();
    match writeln!(out, "{}", text.trim_end()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(format!("writing to standard output: {error}"))
        }
        _ => Ok(()),
    }
}

/// Says something beside the results, on standard error.
pub fn say(text: &str) {
    // With standard error closed there is nobody left to tell.
    let _ = writeln!(anstream::stderr(), "{text}");
}

/// Says what a person may wonder about, and no program: on standard error, if that is a terminal.
pub fn note(text: &str) {
    if io::stderr().is_terminal() {
        say(&format!("note: {}", shown(text)));
    }
}

/// Says on standard error what went wrong, and below it what to do next.
pub fn error(what: &str, hint: &str) {
    say(&format!("{BAD}error:{BAD:#} {}\n hint: {}", shown(what), shown(hint)));
}

/// Text of somebody else, without what would move a terminal's cursor.
pub fn shown(text: &str) -> String {
    let mut shown = String::new();
    for c in text.chars() {
        match c.is_control() {
            true => shown.extend(c.escape_default()),
            false => shown.push(c),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_cannot_move_a_cursor() {
        assert_eq!(shown("a\u{1b}[2Jb\nc"), "a\\u{1b}[2Jb\\nc");
    }
}
