//! The results as Markdown: what they say in words, and one table for each workload, size and state. It must not compute
//! anything.

use std::fmt::Write;

use super::figures::{Measured, digits, size};
use super::headline::{BRACKETS, headlines, not_judged};
use super::{Outcome, Report};
use crate::plan::state::Seen;

pub(super) fn render(report: &Report, baseline: &str) -> String {
    let machine = &report.machine;
    let mut text = String::from("# Ways to pass messages between two processes, compared\n\n");
    for said in headlines(report, baseline) {
        let state = said.state.iter().map(|state| format!("In {state}:"));
        let runs =
            (!said.runs.is_empty()).then(|| format!("Valid runs: {}. {BRACKETS}", said.runs));
        let all = state.chain(said.sentences.clone()).chain(runs).chain(not_judged(&said));
        let _ = writeln!(text, "{}\n", plain(&all.collect::<Vec<_>>().join(" ")));
    }
    let _ = writeln!(
        text,
        "{}, {} processors, Linux {}, commit {}. Pinned to processors {} and {} ({}).",
        plain(&machine.cpu),
        machine.cores,
        plain(&machine.kernel),
        plain(&machine.commit),
        machine.pinned[1],
        machine.pinned[0],
        plain(&machine.topology)
    );
    for Seen { state, floor_ns, runs } in &report.states {
        let [median, min, max] = [floor_ns.median, floor_ns.min, floor_ns.max].map(digits);
        let _ = writeln!(text, "State {state}: floor {median} ns ({min} to {max}), {runs} runs.");
    }
    text.push_str("Each cell: the median of the valid runs, then the minimum and the maximum.\n");
    for rows in sections(&report.results) {
        let _ = writeln!(text, "\n## {}, {}\n", plain(&rows[0].doing()), size(rows[0].bytes));
        text.push_str(&section(&rows));
    }
    text.push_str("\n## Transports\n\n");
    for (name, what) in report.explained() {
        let _ = writeln!(text, "- {}: {}", plain(name), plain(what));
    }
    let failed: Vec<_> = report.rows_once().filter(|row| !row.failures.is_empty()).collect();
    if !failed.is_empty() {
        text.push_str("\n## Runs that failed\n\n");
    }
    for row in failed {
        for failure in &row.failures {
            let (name, workload, bytes) = (&row.transport, row.workload, size(row.bytes));
            let _ = writeln!(text, "- {} {workload} {bytes}: {}", plain(name), plain(failure));
        }
    }
    text
}

/// Rows that do the same with the same size in the same state, in the order of the results.
pub(super) fn sections(rows: &[Outcome]) -> Vec<Vec<&Outcome>> {
    let mut sections: Vec<Vec<&Outcome>> = Vec::new();
    for row in rows {
        let same = |other: &Outcome| (other.doing(), other.bytes) == (row.doing(), row.bytes);
        match sections.iter_mut().find(|section| same(section[0])) {
            Some(section) => section.push(row),
            None => sections.push(vec![row]),
        }
    }
    sections
}

fn section(rows: &[&Outcome]) -> String {
    let mut columns: Vec<String> = Vec::new();
    for column in rows.iter().flat_map(|row| row.figures()).map(|measured| measured.column()) {
        if !columns.contains(&column) {
            columns.push(column);
        }
    }
    let last = ["valid runs".to_owned(), "discarded".to_owned()];
    let head = [&["transport".to_owned()], &columns[..], &last].concat();
    let mut text = format!("| {} |\n|---|{}\n", head.join(" | "), "---:|".repeat(head.len() - 1));
    for row in rows {
        let figures = row.figures();
        let shown = columns.iter().map(|column| {
            let found = figures.iter().find(|measured| measured.column() == *column);
            found.map_or_else(|| "-".to_owned(), cell)
        });
        let mut cells = vec![plain(&row.transport)];
        cells.extend(shown);
        cells.push(match row.runs {
            0 => "none".to_owned(),
            runs => runs.to_string(),
        });
        cells.push(row.excluded_for.reasons().join(", "));
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    }
    text
}

fn cell(measured: &Measured) -> String {
    let figure = measured.figure;
    let [median, min, max] =
        [figure.median, figure.min, figure.max].map(|value| digits(value / measured.kind.scale));
    format!("{median} ({min} to {max})")
}

/// Text in which Markdown finds nothing of its own.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    for character in text.chars() {
        match character {
            '\n' | '\r' => plain.push(' '),
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '#' | '&' | '!' | '~' => {
                plain.extend(['\\', character]);
            }
            other => plain.push(other),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_have_as_many_cells_in_each_line_and_text_stays_text() {
        let mut report = super::super::tests::report();
        report.results[0].failures = vec!["a | b\n<script>`x`</script>".to_owned()];
        let text = render(&report, "pipe");
        assert!(
            text.contains("| shm-ring-spin | 10.0 (10.0 to 10.0) | 0.640 (0.640 to 0.640) |"),
            "{text}"
        );
        assert!(
            text.contains("| valid runs | discarded |\n")
                && text.contains("| 2 | 1 floor, 1 failed |")
        );
        assert!(text.contains("\n- shm-ring-spin: the ring told never to sleep"), "{text}");
        assert!(text.contains("shm-ring-spin stream 64 B: a \\| b \\<script\\>\\`x\\`"), "{text}");
        for table in text.split("\n\n").filter(|part| part.starts_with('|')) {
            let cells = |line: &str| line.matches('|').count();
            let of_head = cells(table.lines().next().unwrap());
            assert!(table.lines().all(|line| cells(line) == of_head), "{table}");
        }
    }
}
