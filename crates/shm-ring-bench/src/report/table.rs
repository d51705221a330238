//! The tables that people read. They must not compute anything but ratios of what the report holds.

use std::fmt::Write;

use comfy_table::{CellAlignment, Table, presets};

use super::{Outcome, Report, footer};
use crate::spec::Workload;
use crate::stats::Figure;

/// What everything is compared with, unless something else is asked for.
pub(crate) const BASELINE: &str = "sysv-binary";

/// The report as text.
pub(crate) fn render(report: &Report) -> String {
    let mut text = String::new();
    let mut sections: Vec<(Workload, usize)> = Vec::new();
    for row in &report.results {
        if !sections.contains(&(row.workload, row.bytes)) {
            sections.push((row.workload, row.bytes));
        }
    }
    for (workload, bytes) in sections {
        let rows: Vec<&Outcome> = report
            .results
            .iter()
            .filter(|row| (row.workload, row.bytes) == (workload, bytes) && !row.for_goals)
            .collect();
        if rows.is_empty() {
            continue;
        }
        let _ = writeln!(text, "\n{}", title(workload, bytes, &rows));
        // Padding up to the right edge is of no use to anyone.
        for line in section(workload, &rows).lines() {
            let _ = writeln!(text, "{}", line.trim_end());
        }
    }
    text + &footer::render(report)
}

fn title(workload: Workload, bytes: usize, rows: &[&Outcome]) -> String {
    match workload {
        Workload::Stream => format!("Stream: {bytes}-byte messages one way, each verified"),
        Workload::Batch => {
            let batch = rows[0].batch.unwrap_or_default();
            format!("Batch: {bytes}-byte messages one way, {batch} at a time, each verified")
        }
        Workload::Lines => "Lines: memory written by one side and read by the other".to_owned(),
        Workload::IdleReceiver => {
            format!("Idle receiver: waiting {} s for a message", seconds(rows))
        }
        Workload::IdleSender => format!("Idle sender: waiting {} s for room", seconds(rows)),
        Workload::Memory => {
            format!(
                "Memory: held by each side beyond the bytes in which {bytes}-byte messages stand"
            )
        }
        Workload::Echo => format!("Echo: a {bytes}-byte message there and back, one at a time"),
        Workload::Wake => {
            let interval = rows[0].interval_ns.unwrap_or_default() / 1000;
            format!(
                "Wake: a {bytes}-byte message every {interval} us to a receiver that waits for it"
            )
        }
    }
}

fn seconds(rows: &[&Outcome]) -> f64 {
    rows[0].interval_ns.unwrap_or_default() as f64 / 1e9
}

/// One table: a median and, below it, the least and the most in each cell.
fn section(workload: Workload, rows: &[&Outcome]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    let measures: &[&str] = match workload {
        Workload::Stream | Workload::Batch | Workload::Lines => &["million/s", "GB/s"],
        Workload::IdleReceiver | Workload::IdleSender => &["% of a core"],
        Workload::Memory => &["KiB"],
        Workload::Echo => &["p50 us", "p90 us", "p99 us", "p99.9 us", "max us"],
        Workload::Wake => &["p50 us"],
    };
    let faster = format!("times faster\nthan {BASELINE}");
    let rest = ["CPU tx", "CPU rx", &faster, "runs"];
    table.set_header([&[""], measures, &rest].concat());
    let baseline = rows.iter().find(|row| row.transport == BASELINE).and_then(|row| speed(row));
    for row in rows {
        let faster = match (speed(row), baseline) {
            (Some(speed), Some(baseline)) => format!("{} x", digits(speed / baseline)),
            _ => "-".to_owned(),
        };
        let mut cells = vec![row.transport.clone()];
        match workload {
            Workload::Stream | Workload::Batch | Workload::Lines => {
                cells.push(scaled(row.msgs_per_s, 1e-6));
                cells.push(scaled(row.bytes_per_s, 1e-9));
            }
            Workload::Echo => {
                let rtt = row.rtt_ns.map(|rtt| [rtt.p50, rtt.p90, rtt.p99, rtt.p999, rtt.max]);
                cells.extend((0..5).map(|at| scaled(rtt.map(|rtt| rtt[at]), 1e-3)));
            }
            Workload::Wake => cells.push(scaled(row.wake_ns, 1e-3)),
            Workload::IdleReceiver | Workload::IdleSender => {
                cells.push(scaled(row.blocked_cpu, 100.0));
            }
            Workload::Memory => cells.push(scaled(row.held_bytes, 1.0 / 1024.0)),
        }
        cells.push(percent(row.cpu.map(|cpu| cpu.tx)));
        cells.push(percent(row.cpu.map(|cpu| cpu.rx)));
        cells.extend([faster, runs(row)]);
        table.add_row(cells);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.to_string()
}

/// How many runs count, and below it how many were left out and why.
fn runs(row: &Outcome) -> String {
    let valid = if row.runs == 0 { "no valid run".to_owned() } else { row.runs.to_string() };
    let reasons = row.excluded_for.reasons().into_iter().map(|reason| format!("not {reason}"));
    std::iter::once(valid).chain(reasons).collect::<Vec<_>>().join("\n")
}

/// More is faster: messages a second, or one over the time of a message.
fn speed(row: &Outcome) -> Option<f64> {
    match row.workload {
        Workload::Stream | Workload::Batch | Workload::Lines => {
            row.msgs_per_s.map(|figure| figure.median)
        }
        Workload::IdleReceiver | Workload::IdleSender | Workload::Memory => None,
        Workload::Echo => row.rtt_ns.map(|rtt| 1.0 / rtt.p50.median),
        Workload::Wake => row.wake_ns.map(|figure| 1.0 / figure.median),
    }
}

/// The median with as many digits as mean something, and the range below.
pub(super) fn scaled(figure: Option<Figure>, scale: f64) -> String {
    cell(figure, |value| digits(value * scale), "")
}

fn percent(figure: Option<Figure>) -> String {
    cell(figure, |value| format!("{:.0}", value * 100.0), " %")
}

fn cell(figure: Option<Figure>, show: impl Fn(f64) -> String, unit: &str) -> String {
    figure.map_or_else(
        || "-".to_owned(),
        |figure| {
            let [median, min, max] = [figure.median, figure.min, figure.max].map(show);
            format!("{median}{unit}\n{min}-{max}")
        },
    )
}

pub(crate) fn digits(value: f64) -> String {
    match value {
        0.0 => "0".to_owned(),
        value if value >= 100.0 => format!("{value:.0}"),
        value if value >= 10.0 => format!("{value:.1}"),
        value if value >= 0.1 => format!("{value:.2}"),
        value => format!("{value:.4}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_as_many_digits_as_mean_something() {
        let shown = [0.0, 0.00123, 0.123, 1.234, 12.34, 123.4].map(digits);
        assert_eq!(shown, ["0", "0.0012", "0.12", "1.23", "12.3", "123"]);
        let figure = Figure { median: 2000.0, min: 1000.0, max: 30_000.0 };
        assert_eq!(scaled(Some(figure), 1e-3), "2.00\n1.00-30.0");
        assert_eq!(scaled(None, 1.0), "-");
    }

    #[test]
    fn a_row_without_a_valid_run_says_so_and_why() {
        let report = super::super::tests::report();
        let mut row = report.results[0].clone();
        assert_eq!(runs(&row), "2\nnot 1 floor\nnot 1 failed");
        row.runs = 0;
        assert_eq!(runs(&row), "no valid run\nnot 1 floor\nnot 1 failed");
        assert!(render(&report).contains("shm-ring stream 64 B: timed out and was killed"));
    }
}
