//! Results of earlier comparisons, read back from what --json wrote. It must not know what is done
//! with them but for showing them again.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use serde_json::Value;

use crate::cli::Saved;
use crate::output::Output;
use crate::report::Report;
use crate::terminal::{Complaint, print};

/// No results are that long: whoever names a device should not wait for its end.
const LONGEST: u64 = 16 << 20;
/// The schema that this program writes and reads.
const SCHEMA: u64 = 1;

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

fn parse(text: &str) -> Result<Report, (String, &'static str)> {
    let written = "write them with `shm-ring-bench --json FILE`";
    let value: Value = serde_json::from_str(text).map_err(|error| (error.to_string(), written))?;
    match &value["schema"] {
        Value::Number(schema) if schema.as_u64() == Some(SCHEMA) => {}
        Value::Null => return Err(("they name no schema".to_owned(), written)),
        other => {
            let what = format!("their schema is {other}, and this program reads {SCHEMA}");
            return Err((what, "read them with the version that wrote them"));
        }
    }
    serde_json::from_value(value).map_err(|error| (error.to_string(), written))
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
    fn what_is_no_results_is_said_to_be_none_and_why() {
        let report = crate::report::tests::report();
        let good = serde_json::to_string(&report).unwrap();
        assert_eq!(parse(&good), Ok(report));
        let newer = good.replacen("\"schema\":1", "\"schema\":7", 1);
        for (text, why) in [
            ("", "EOF while parsing"),
            ("[1, 2]", "no schema"),
            ("{\"schema\":1}", "missing field"),
            (&good[..good.len() / 2], "EOF while parsing"),
            (&newer, "their schema is 7, and this program reads 1"),
            (&good.replacen("\"stream\"", "\"dance\"", 1), "dance"),
        ] {
            let (what, _) = parse(text).unwrap_err();
            assert!(what.contains(why), "{text:.40}: {what}");
        }
    }

    #[test]
    fn what_has_no_end_is_not_read_to_it() {
        let error = contents(io::repeat(b'x')).unwrap_err();
        assert!(error.to_string().contains("no results"), "{error}");
    }
}
