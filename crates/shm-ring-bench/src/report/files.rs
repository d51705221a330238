//! The report as files in a directory: the page, its plots, and the results for programs and for
//! people. It must not know what stands in them, only which are ours.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{MARK, Report, csv, markdown, page, plots};
use crate::run::transport::find;

const PAGE: &str = "index.html";
const PLOTS: &str = "plots";
/// What else stands beside the page.
const RESULTS: [&str; 3] = ["results.json", "results.csv", "results.md"];

/// Makes the directory ready to be written to, or says why it cannot be: before anything is measured.
pub(crate) fn prepare(dir: &Path) -> Result<(), String> {
    let failed = |error: io::Error| format!("--report {}: {error}", dir.display());
    if dir.exists() && !dir.is_dir() {
        return Err(format!(
            "--report {}: is no directory; name a directory that is empty or new",
            dir.display()
        ));
    }
    let foreign = if dir.exists() { not_ours(dir).map_err(failed)? } else { None };
    if let Some(path) = foreign {
        return Err(format!(
            "--report {}: {} is not of a report; name a directory that is empty, new, or holds an \
             earlier report",
            dir.display(),
            path.display()
        ));
    }
    fs::create_dir_all(dir.join(PLOTS)).map_err(failed)?;
    // A directory that may be read need not be one that may be written to.
    let probe = dir.join(RESULTS[0]);
    let opened = fs::OpenOptions::new().write(true).create(true).truncate(false).open(&probe);
    opened.map_err(|error| format!("--report {}: {error}", probe.display()))?;
    Ok(())
}

/// Something in the directory that we would not have written.
fn not_ours(dir: &Path) -> io::Result<Option<PathBuf>> {
    let has_page = has_mark(&dir.join(PAGE));
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let (path, name) = (entry.path(), entry.file_name());
        let empty = || path.metadata().is_ok_and(|about| about.is_file() && about.len() == 0);
        let ours = match name.to_str() {
            Some(PAGE) => has_page,
            Some(PLOTS) => path.is_dir(),
            // One of these alone may be anybody's.
            Some(name) if RESULTS.contains(&name) => has_page || empty(),
            _ => false,
        };
        if !ours {
            return Ok(Some(path));
        }
    }
    let plots = dir.join(PLOTS);
    for entry in plots.is_dir().then(|| fs::read_dir(&plots)).transpose()?.into_iter().flatten() {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "svg") || !has_mark(&path) {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

fn has_mark(path: &Path) -> bool {
    fs::read_to_string(path).is_ok_and(|text| text.contains(MARK))
}

/// Writes the report with ratios to `baseline` and says which files that made. What an earlier report
/// left there is replaced.
pub(crate) fn write(report: &Report, baseline: &str, dir: &Path) -> Result<Vec<PathBuf>, String> {
    if !report.has(baseline) && find(baseline).is_none() {
        let names: BTreeSet<&str> =
            report.results.iter().map(|row| row.transport.as_str()).collect();
        let names = names.into_iter().collect::<Vec<_>>().join(", ");
        return Err(format!("--baseline {baseline}: is no transport; the results have {names}"));
    }
    prepare(dir)?;
    // All of it is made before any of it is written.
    let chapters = plots::chapters(report, baseline);
    let results = [report.json()?, csv::render(report)?, markdown::render(report, baseline)];
    // The page comes first: with it the directory is known to be ours, whatever happens next.
    let mut files = vec![(PathBuf::from(PAGE), page::render(report, baseline, &chapters))];
    files.extend(RESULTS.map(PathBuf::from).into_iter().zip(results));
    for plot in chapters.iter().flat_map(|chapter| &chapter.plots) {
        if let Some(drawing) = &plot.drawing {
            let name = Path::new(PLOTS).join(format!("{}.svg", plot.name));
            files.push((name, drawing.file()));
        }
    }
    let failed = |path: &Path, error: io::Error| format!("--report {}: {error}", path.display());
    let mut old = Vec::new();
    for entry in fs::read_dir(dir.join(PLOTS)).map_err(|error| failed(dir, error))? {
        old.push(entry.map_err(|error| failed(dir, error))?.path());
    }
    for path in old {
        fs::remove_file(&path).map_err(|error| failed(&path, error))?;
    }
    let mut written = Vec::new();
    for (name, text) in files {
        let path = dir.join(name);
        fs::write(&path, text).map_err(|error| failed(&path, error))?;
        written.push(path);
    }
    Ok(written)
}

#[cfg(test)]
mod tests {
    use super::super::records::{Directory, RECORDED, recorded};
    use super::*;

    #[test]
    fn a_baseline_that_nobody_knows_is_refused() {
        let directory = Directory::new("baseline");
        let why = write(&recorded(RECORDED[1]).1, "sysv-binry", &directory.0).unwrap_err();
        assert!(why.contains("sysv-binry") && why.contains("posix-two, rtrb"), "{why}");
        assert!(!directory.0.exists());
        // One that is known and was not compared leaves the ratios out with a word.
        write(&recorded(RECORDED[0]).1, "posix-two", &directory.0).unwrap();
        let page = fs::read_to_string(directory.0.join("index.html")).unwrap();
        assert!(page.contains("since posix-two or any other transport has no figure there"));
    }

    #[test]
    fn a_directory_that_holds_something_else_is_refused_and_stays_as_it_is() {
        let report = recorded(RECORDED[1]).1;
        let directory = Directory::new("refused");
        let dir = &directory.0;
        fs::create_dir_all(dir).unwrap();
        for (name, text) in [
            ("notes.txt", "mine"),
            ("index.html", "<html>mine</html>"),
            ("results.json", "{}"),
            ("plots/mine.svg", "<svg/>"),
        ] {
            if name.starts_with("plots") {
                // Until now nothing of ours was made there.
                assert_eq!(fs::read_dir(dir).unwrap().count(), 0);
                fs::create_dir(dir.join("plots")).unwrap();
            }
            fs::write(dir.join(name), text).unwrap();
            let why = write(&report, "pipe", dir).unwrap_err();
            assert!(why.contains(name) && why.contains("empty, new"), "{why}");
            assert_eq!(prepare(dir), Err(why));
            assert_eq!(fs::read_to_string(dir.join(name)).unwrap(), text);
            fs::remove_file(dir.join(name)).unwrap();
        }
    }

    #[test]
    fn an_earlier_report_is_replaced_whole() {
        let directory = Directory::new("replaced");
        let dir = &directory.0;
        // Preparing twice is what two comparisons do of which the first was interrupted.
        prepare(dir).unwrap();
        prepare(dir).unwrap();
        let listed = || {
            let of = |dir: &Path| fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
            of(dir)
                .chain(of(&dir.join("plots")))
                .filter(|path| path.is_file())
                .collect::<BTreeSet<_>>()
        };
        let first: BTreeSet<_> =
            write(&recorded(RECORDED[0]).1, "sysv-binary", dir).unwrap().into_iter().collect();
        assert_eq!(listed(), first);
        let second: BTreeSet<_> =
            write(&recorded(RECORDED[1]).1, "pipe", dir).unwrap().into_iter().collect();
        assert_eq!(listed(), second);
        assert!(first != second);
        let json = fs::read_to_string(dir.join("results.json")).unwrap();
        assert_eq!(serde_json::from_str::<Report>(&json).unwrap(), recorded(RECORDED[1]).1);
    }
}
