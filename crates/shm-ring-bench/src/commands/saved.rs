//! Results of earlier comparisons, read back from what --json wrote. It must not know what is done
//! with them but for showing them again.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use serde_json::{Value, json};
use shm_ring_console::terminal::print;

use crate::cli::Saved;
use crate::commands::output::Output;
use crate::complaint::Complaint;
use crate::plan::state::State;
use crate::report::{Report, SCHEMA};
use crate::run::spec::Workload;

/// No results are that long: whoever names a device should not wait for its end.
const LONGEST: u64 = 16 << 20;
/// The schema of results without states.
const STATELESS: u32 = 1;

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
    let value = match &value["schema"] {
        Value::Number(schema) if schema.as_u64() == Some(SCHEMA.into()) => value,
        Value::Number(schema) if schema.as_u64() == Some(STATELESS.into()) => with_states(value),
        Value::Null => return Err(("they name no schema".to_owned(), written)),
        other => {
            let what = format!("their schema is {other}, and this program reads {SCHEMA}");
            return Err((what, "read them with the version that wrote them"));
        }
    };
    serde_json::from_value(value).map_err(|error| (error.to_string(), written))
}

/// Results of before there were states. Runs whose floor was far from the median of all floors were
/// discarded then, so what they hold is of one state.
fn with_states(mut results: Value) -> Value {
    let floor = results["floor_ns"].take();
    let runs = results.get("results").and_then(Value::as_array).into_iter().flatten();
    let runs: u64 = runs.filter_map(|row| row["runs"].as_u64()).sum();
    let state = floor["median"].as_f64().map(State::named);
    results["schema"] = SCHEMA.into();
    results["states"] = match state {
        Some(state) => json!([{ "state": state, "floor_ns": floor, "runs": runs }]),
        None => json!([]),
    };
    let rows = results.get_mut("results").and_then(Value::as_array_mut);
    for row in rows.into_iter().flatten() {
        let has_floor =
            serde_json::from_value(row["workload"].clone()).is_ok_and(Workload::has_floor);
        row["state"] = json!(state.filter(|_| has_floor));
    }
    results
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
        let newer = good.replacen("\"schema\":2", "\"schema\":7", 1);
        for (text, why) in [
            ("", "EOF while parsing"),
            ("[1, 2]", "no schema"),
            ("{\"schema\":2}", "missing field"),
            ("{\"schema\":1}", "missing field"),
            (&good[..good.len() / 2], "EOF while parsing"),
            (&newer, "their schema is 7, and this program reads 2"),
            (&good.replacen("\"stream\"", "\"dance\"", 1), "dance"),
        ] {
            let (what, _) = parse(text).unwrap_err();
            assert!(what.contains(why), "{text:.40}: {what}");
        }
    }

    #[test]
    fn results_of_before_there_were_states_are_of_the_one_of_their_floor() {
        let mut old = serde_json::to_value(crate::report::tests::report()).unwrap();
        let floor = json!({ "median": 512.0, "min": 480.0, "max": 700.0 });
        (old["schema"], old["floor_ns"]) = (1.into(), floor);
        for row in old["results"].as_array_mut().unwrap() {
            row["state"].take();
        }
        old["results"][1]["workload"] = "memory".into();
        let report = parse(&old.to_string()).unwrap();
        assert_eq!((report.states.len(), report.floor(State::Far).unwrap().min), (1, 480.0));
        assert_eq!(report.states[0].runs, 4);
        let states: Vec<_> = report.results.iter().map(|row| row.state).collect();
        assert_eq!(states, [Some(State::Far), None], "no floor is measured beside memory");
    }

    #[test]
    fn what_has_no_end_is_not_read_to_it() {
        let error = contents(io::repeat(b'x')).unwrap_err();
        assert!(error.to_string().contains("no results"), "{error}");
    }
}
