//! The results as comma-separated values, one line for each figure of each row. benches/README.md
//! documents the header. It must not round anything.

use serde::Serialize;

use super::{Outcome, Report};
use crate::plan::state::State;

/// One line; a field without a meaning there is empty.
#[derive(Serialize)]
struct Line<'a> {
    transport: &'a str,
    workload: String,
    bytes: usize,
    state: Option<State>,
    batch: Option<usize>,
    burst: Option<usize>,
    fan: Option<usize>,
    rate: Option<u64>,
    interval_ns: Option<u64>,
    messages: u64,
    runs: u32,
    excluded_floor: u32,
    excluded_preempted: u32,
    excluded_failed: u32,
    figure: &'a str,
    part: Option<f64>,
    unit: &'a str,
    median: Option<f64>,
    min: Option<f64>,
    max: Option<f64>,
    failures: String,
}

impl<'a> Line<'a> {
    /// The line of a row of which nothing was measured.
    fn of(row: &'a Outcome) -> Self {
        Self {
            transport: &row.transport,
            workload: row.workload.to_string(),
            bytes: row.bytes,
            state: row.state,
            batch: row.batch,
            burst: row.burst,
            fan: row.fan,
            rate: row.rate,
            interval_ns: row.interval_ns,
            messages: row.messages,
            runs: row.runs,
            excluded_floor: row.excluded_for.floor,
            excluded_preempted: row.excluded_for.preempted,
            excluded_failed: row.excluded_for.failed,
            figure: "",
            part: None,
            unit: "",
            median: None,
            min: None,
            max: None,
            failures: row.failures.join("; "),
        }
    }
}

pub(super) fn render(report: &Report) -> Result<String, String> {
    let failed = |error: &dyn std::fmt::Display| format!("results as CSV: {error}");
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in &report.results {
        let figures = row.figures();
        if figures.is_empty() {
            writer.serialize(Line::of(row)).map_err(|error| failed(&error))?;
        }
        for measured in figures {
            let line = Line {
                figure: measured.kind.key,
                part: measured.part,
                unit: measured.kind.unit,
                median: Some(measured.figure.median),
                min: Some(measured.figure.min),
                max: Some(measured.figure.max),
                ..Line::of(row)
            };
            writer.serialize(line).map_err(|error| failed(&error))?;
        }
    }
    let bytes = writer.into_inner().map_err(|error| failed(&error))?;
    String::from_utf8(bytes).map_err(|error| failed(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_figure_comes_back_to_the_last_digit_and_failures_whole() {
        let mut report = super::super::tests::report();
        report.results[0].failures = vec!["said \"no\", twice\nand ended".to_owned()];
        report.results[0].msgs_per_s.as_mut().unwrap().median = 161_469_202.721_836_2;
        let text = render(&report).unwrap();
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let header = reader.headers().unwrap().clone();
        let at = |name: &str| header.iter().position(|field| field == name).unwrap();
        let lines: Vec<_> = reader.records().map(Result::unwrap).collect();
        let mut expected = 0;
        for row in &report.results {
            for measured in row.figures() {
                let line = &lines[expected];
                expected += 1;
                assert_eq!(&line[at("figure")], measured.kind.key);
                assert_eq!(line[at("part")].parse().ok(), measured.part);
                let figure = measured.figure;
                for (name, value) in
                    [("median", figure.median), ("min", figure.min), ("max", figure.max)]
                {
                    assert_eq!(line[at(name)].parse(), Ok(value), "{name}");
                }
                assert_eq!(&line[at("failures")], row.failures.join("; "));
            }
        }
        assert_eq!(lines.len(), expected);
    }

    #[test]
    fn a_row_of_which_nothing_was_measured_has_a_line_too() {
        let mut report = super::super::tests::report();
        for row in &mut report.results {
            (row.runs, row.msgs_per_s, row.bytes_per_s, row.rtt_ns) = (0, None, None, None);
            (row.cpu, row.cost, row.latency) = (None, None, Vec::new());
        }
        let text = render(&report).unwrap();
        assert_eq!(text.lines().count(), 3, "{text}");
        assert!(
            text.contains("shm-ring-spin,echo,64,near,,,,,,0,0,1,0,1,,,,,,,timed out"),
            "{text}"
        );
    }
}
