//! Where the results go: a table for people, JSON for programs, a report with plots, or all of them.
//! It must not know what they say.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};

use shm_ring_console::terminal;

use crate::cli::Show;
use crate::report::{Look, Report, files};

/// Where the results of a comparison go.
pub(crate) struct Output {
    json: Option<PathBuf>,
    report: Option<PathBuf>,
    wide: bool,
    baseline: String,
}

impl Output {
    /// Checks that the files can be written, so that no comparison is measured in vain. What existing
    /// ones hold stays until there are results.
    pub(crate) fn new(show: &Show) -> Result<Self, String> {
        let (json, report) = (show.json.clone(), show.report.clone());
        let out = Self { json, report, wide: show.wide, baseline: show.baseline.clone() };
        if let Some(path) = out.file() {
            let opened = OpenOptions::new().write(true).create(true).truncate(false).open(path);
            opened.map_err(|error| format!("--json {}: {error}", path.display()))?;
        }
        if let Some(dir) = &out.report {
            files::prepare(dir)?;
        }
        Ok(out)
    }

    fn file(&self) -> Option<&Path> {
        self.json.as_deref().filter(|path| *path != Path::new("-"))
    }

    pub(crate) fn write(&self, report: &Report) -> Result<(), String> {
        // Of two places that were asked for, one that fails must not cost the other.
        let written = self.report.as_deref().map(|dir| files::write(report, &self.baseline, dir));
        self.show(report)?;
        if let Some(files) = written {
            terminal::say(&format!("the report is {}", files?[0].display()));
        }
        Ok(())
    }

    fn show(&self, report: &Report) -> Result<(), String> {
        let look = Look { wide: self.wide, baseline: &self.baseline };
        let text = match (&self.json, self.file()) {
            (Some(_), None) => report.json()?,
            (_, Some(path)) => {
                std::fs::write(path, report.json()?)
                    .map_err(|error| format!("--json {}: {error}", path.display()))?;
                report.text(look)
            }
            (None, None) => report.text(look),
        };
        terminal::print(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        show: Show,
    }

    fn output(arguments: &[&str]) -> Result<Output, String> {
        let line = <Line as clap::Parser>::parse_from([&["shm-ring-bench"], arguments].concat());
        Output::new(&line.show)
    }

    #[test]
    fn a_file_that_cannot_be_written_is_refused_by_name() {
        let why = output(&["--json", "/proc/no/such/place.json"]).err().unwrap();
        assert!(why.starts_with("--json /proc/no/such/place.json: "), "{why}");
        assert!(output(&["--json", "-"]).is_ok());
        let why = output(&["--report", "/proc/no/such/place"]).err().unwrap();
        assert!(why.starts_with("--report /proc/no/such/place: "), "{why}");
        let why = output(&["--report", "/proc/version"]).err().unwrap();
        assert!(why.contains("is no directory"), "{why}");
    }
}
