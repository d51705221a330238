//! Owns: which results this program reads, and how those of earlier schemas become today's. Knows nothing of: files,
//! how results are shown.

use serde_json::{Value, json};

use super::{Report, SCHEMA};
use crate::plan::state::State;
use crate::run::spec::Workload;
use crate::run::transport::DEFAULT;

/// The schema of results without states.
const STATELESS: u64 = 1;
/// The schema in which the plainest name was that of a ring that never sleeps.
const OLD_NAMES: u64 = 2;

/// Reads results; if they are none, why and what to do.
pub(crate) fn parse(text: &str) -> Result<Report, (String, &'static str)> {
    let written = "write them with `shm-ring-bench --json FILE`";
    let value: Value = serde_json::from_str(text).map_err(|error| (error.to_string(), written))?;
    let value = match (&value["schema"], value["schema"].as_u64()) {
        (_, Some(schema)) if schema == u64::from(SCHEMA) => value,
        (_, Some(OLD_NAMES)) => with_policies(value),
        (_, Some(STATELESS)) => with_policies(with_states(value)),
        (Value::Null, _) => return Err(("they name no schema".to_owned(), written)),
        (other, _) => {
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

/// Results of before each of the ring's rows had its policy in its name. Comparisons judged some goals then, which
/// have a comparison of their own now; there every row was there for them.
fn with_policies(mut results: Value) -> Value {
    results["schema"] = SCHEMA.into();
    let rows = results.get_mut("results").and_then(Value::as_array_mut);
    let mut only_goals = true;
    for row in rows.into_iter().flatten() {
        only_goals &= row["for_goals"] == true;
        match row["transport"].as_str() {
            Some("shm-ring") => row["transport"] = "shm-ring-spin".into(),
            Some("shm-ring-balanced") => row["transport"] = DEFAULT.into(),
            _ => {}
        }
    }
    if !only_goals {
        results["goals"] = json!([]);
    }
    results
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::report;

    #[test]
    fn what_is_no_results_is_said_to_be_none_and_why() {
        let report = report();
        let good = serde_json::to_string(&report).unwrap();
        assert_eq!(parse(&good), Ok(report));
        let newer = good.replacen("\"schema\":3", "\"schema\":7", 1);
        for (text, why) in [
            ("", "EOF while parsing"),
            ("[1, 2]", "no schema"),
            ("{\"schema\":3}", "missing field"),
            ("{\"schema\":2}", "missing field"),
            ("{\"schema\":1}", "missing field"),
            (&good[..good.len() / 2], "EOF while parsing"),
            (&newer, "their schema is 7, and this program reads 3"),
            (&good.replacen("\"stream\"", "\"dance\"", 1), "dance"),
        ] {
            let (what, _) = parse(text).unwrap_err();
            assert!(what.contains(why), "{text:.40}: {what}");
        }
    }

    #[test]
    fn results_of_before_there_were_states_are_of_the_one_of_their_floor() {
        let mut old = serde_json::to_value(report()).unwrap();
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
    fn rows_of_before_they_named_their_policies_have_the_names_of_today() {
        let mut old = serde_json::to_value(report()).unwrap();
        old["schema"] = 2.into();
        old["goals"] = json!([{ "id": "R1", "measure": "it", "value": 1.0, "range": null,
            "must": "", "aim": "", "verdict": "missed" }]);
        old["results"][0]["transport"] = "shm-ring".into();
        old["results"][1]["transport"] = "shm-ring-balanced".into();
        old["results"][1]["for_goals"] = true.into();
        let names = |report: &Report| {
            report.results.iter().map(|row| row.transport.clone()).collect::<Vec<_>>()
        };
        let report = parse(&old.to_string()).unwrap();
        assert_eq!(names(&report), ["shm-ring-spin", "shm-ring-default"]);
        assert_eq!(report.goals, [], "a comparison judges none");
        old["results"][0]["for_goals"] = true.into();
        assert_eq!(parse(&old.to_string()).unwrap().goals.len(), 1);
    }
}
