//! Results of earlier comparisons, read back from what --json wrote. It must not know what is done
//! with them but for showing them again.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use shm_ring_console::terminal::print;

use crate::cli::Saved;
use crate::commands::output::Output;
use crate::complaint::Complaint;
use crate::report::Report;
use crate::report::schema::parse;

/// No results are that long: whoever names a device should not wait for its end.
const LONGEST: u64 = 16 << 20;

/// The results in a file, or on standard input.
pub(crate) fn read(path: &Path) -> Result<Report, Complaint> {
    let name = path.display();
    let cannot = |error: io::Error| {
        let hint = "name a file that --json wrote, or - for standard input";
        Complaint::failed(format!("{name}: {error}"), hint)
    };
    let text = match path == Path::new("-") {
        true => contents(io::stdin().lock()),
        false => File::open(path).and_then(contents),
    };
    parse(&text.map_err(cannot)?)
        .map_err(|(what, hint)| Complaint::failed(format!("{name} holds no results: {what}"), hint))
}

fn contents(source: impl Read) -> io::Result<String> {
    let mut text = String::new();
    if source.take(LONGEST + 1).read_to_string(&mut text)? as u64 > LONGEST {
        return Err(io::Error::other(format!("more than {LONGEST} bytes are no results")));
    }
    Ok(text)
}

/// Shows results as a comparison that measured them would.
pub(crate) fn show(saved: Saved) -> Result<(), Complaint> {
    let reports: Vec<Report> =
        saved.files.iter().map(|path| read(path)).collect::<Result<_, _>>()?;
    if reports.len() > 1 && saved.show.writes_files() {
        let what = format!("{} files of results, and one place to write to", reports.len());
        return Err(Complaint::usage(what, "name one file of results at a time"));
    }
    for report in &reports {
        saved.show.known_baseline(Some(report))?;
    }
    let out = Output::new(&saved.show).map_err(Complaint::unwritten)?;
    for (path, report) in saved.files.iter().zip(&reports) {
        if reports.len() > 1 {
            print(&format!("\n{}:", path.display())).map_err(Complaint::unwritten)?;
        }
        out.write(report).map_err(Complaint::unwritten)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_end_is_not_read_to_it() {
        let error = contents(io::repeat(b'x')).unwrap_err();
        assert!(error.to_string().contains("no results"), "{error}");
    }
}
