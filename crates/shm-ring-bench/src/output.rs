//! Where the results go: a table for people, JSON for programs, or both. It must not know what they
//! say.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};

use crate::cli::Show;
use crate::report::{Report, table};
use crate::terminal;

/// Where the results of a comparison go.
pub(crate) struct Output {
    json: Option<PathBuf>,
}

impl Output {
    /// Checks that the file can be written, so that no comparison is measured in vain. What an
    /// existing one holds stays until there are results.
    pub(crate) fn new(show: &Show) -> Result<Self, String> {
        let out = Self { json: show.json.clone() };
        if let Some(path) = out.file() {
            let opened = OpenOptions::new().write(true).create(true).truncate(false).open(path);
            opened.map_err(|error| format!("--json {}: {error}", path.display()))?;
        }
        Ok(out)
    }

    fn file(&self) -> Option<&Path> {
        self.json.as_deref().filter(|path| *path != Path::new("-"))
    }

    pub(crate) fn write(&self, report: &Report) -> Result<(), String> {
        let json = serde_json::to_string_pretty(report)
            .map_err(|error| format!("results as JSON: {error}"))?;
        let text = match (&self.json, self.file()) {
            (Some(_), None) => json,
            (_, Some(path)) => {
                std::fs::write(path, json + "\n")
                    .map_err(|error| format!("--json {}: {error}", path.display()))?;
                table::render(report)
            }
            (None, None) => table::render(report),
        };
        terminal::print(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_cannot_be_written_is_refused_by_name() {
        let output = |json: &str| Output::new(&Show { json: Some(PathBuf::from(json)) });
        let why = output("/proc/no/such/place.json").err().unwrap();
        assert!(why.starts_with("--json /proc/no/such/place.json: "), "{why}");
        assert!(output("-").is_ok());
    }
}
