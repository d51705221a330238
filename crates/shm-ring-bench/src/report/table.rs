//! The tables that people read. They must not compute anything but ratios of what the report holds.

use std::fmt::Write;

use comfy_table::{CellAlignment, Table, presets};

use super::{Outcome, Report};
use crate::plan::figure::Figure;
use crate::plan::state::State;
use crate::run::spec::Workload;

/// What everything is compared with, unless something else is asked for.
pub(crate) const BASELINE: &str = "sysv-binary";

/// What the rows of one table have in common: workload, size, what the workload is done with, and the
/// state of the machine.
fn kind(row: &Outcome) -> (Workload, usize, [Option<u64>; 3], Option<usize>, Option<State>) {
    let with = [row.interval_ns, row.rate, row.burst.map(|burst| burst as u64)];
    (row.workload, row.bytes, with, row.batch.or(row.fan), row.state)
}

/// The tables of a report.
pub(crate) fn render(report: &Report) -> String {
    let mut text = String::new();
    let mut kinds = Vec::new();
    for row in report.results.iter().filter(|row| !row.for_goals) {
        if !kinds.contains(&kind(row)) {
            kinds.push(kind(row));
        }
    }
    for wanted in kinds {
        let is_wanted = |row: &&Outcome| kind(row) == wanted && !row.for_goals;
        let rows: Vec<&Outcome> = report.results.iter().filter(is_wanted).collect();
        let state = wanted.4.and_then(|state| in_state(report, state)).unwrap_or_default();
        let _ = writeln!(text, "\n{}{state}", title(wanted.0, wanted.1, &rows));
        // Padding up to the right edge is of no use to anyone.
        for line in section(wanted.0, &rows).lines() {
            let _ = writeln!(text, "{}", line.trim_end());
        }
    }
    text
}

/// What follows a title in which no state is named.
fn in_state(report: &Report, state: State) -> Option<String> {
    Some(format!(" - {state} (floor {} ns)", digits(report.floor(state)?.median)))
}

fn title(workload: Workload, bytes: usize, rows: &[&Outcome]) -> String {
    let interval = rows[0].interval_ns.unwrap_or_default() / 1000;
    match workload {
        Workload::Stream => format!("Stream: {bytes}-byte messages one way, each verified"),
        Workload::Batch => {
            let batch = rows[0].batch.unwrap_or_default();
            format!("Batch: {bytes}-byte messages one way, {batch} at a time, each verified")
        }
        Workload::Burst => {
            let burst = rows[0].burst.unwrap_or_default();
            format!("Burst: {burst} {bytes}-byte messages at once, then {interval} us of silence")
        }
        Workload::Paced => {
            let rate = rows[0].rate.unwrap_or_default();
            format!("Paced: {rate} {bytes}-byte messages a second, timed from when each was due")
        }
        Workload::Fan => {
            let fan = rows[0].fan.unwrap_or_default();
            format!("Fan: {bytes}-byte messages one way over {fan} channels in turn, each verified")
        }
        Workload::OneCore => {
            format!("One core: {bytes}-byte messages one way, both sides on one processor")
        }
        Workload::OneCoreEcho => {
            format!("One core: a {bytes}-byte message there and back, both sides on one processor")
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
            format!(
                "Wake: a {bytes}-byte message every {interval} us to a receiver that waits for it"
            )
        }
    }
}

fn seconds(rows: &[&Outcome]) -> f64 {
    rows[0].interval_ns.unwrap_or_default() as f64 / 1e9
}

/// A column: what stands above it and what it says of a row.
type Column = (&'static str, fn(&Outcome) -> String);

const RATE: [Column; 2] = [
    ("million/s", |row| scaled(row.msgs_per_s, 1e-6)),
    ("GB/s", |row| scaled(row.bytes_per_s, 1e-9)),
];
const P50: Column = ("p50 us", |row| microseconds(row, 0.5));
const P90: Column = ("p90 us", |row| microseconds(row, 0.9));
const P99: Column = ("p99 us", |row| microseconds(row, 0.99));
const P999: Column = ("p99.9 us", |row| microseconds(row, 0.999));
const MAX: Column = ("max us", |row| microseconds(row, 1.0));

/// What a message costs both sides together. Their ranges are in the JSON.
const COST: [Column; 3] = [
    ("CPU ns\n/msg", |row| median(row.cost.map(|cost| cost.cpu_ns))),
    ("switches\n/msg", |row| median(row.cost.and_then(|cost| cost.switches))),
    ("calls\n/msg", |row| median(row.cost.and_then(|cost| cost.system_calls))),
];

fn measures(workload: Workload) -> Vec<Column> {
    match workload {
        Workload::IdleReceiver | Workload::IdleSender => {
            vec![("% of a core", |row| scaled(row.blocked_cpu, 100.0))]
        }
        Workload::Memory => vec![("KiB", |row| scaled(row.held_bytes, 1.0 / 1024.0))],
        Workload::Echo | Workload::OneCoreEcho => vec![P50, P90, P99, P999, MAX],
        Workload::Wake => vec![P50, P99, MAX],
        Workload::Burst => {
            vec![("drain us", |row| scaled(row.drain_ns, 1e-3)), P50, P99, MAX]
        }
        Workload::Paced => {
            vec![("thousand/s", |row| scaled(row.msgs_per_s, 1e-3)), P50, P90, P99, P999, MAX]
        }
        Workload::Stream
        | Workload::Batch
        | Workload::Fan
        | Workload::OneCore
        | Workload::Lines => RATE.to_vec(),
    }
}

/// One table: a median and, below it, the minimum and the maximum in each cell.
fn section(workload: Workload, rows: &[&Outcome]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    let mut columns = measures(workload);
    if !workload.is_steady() {
        columns.push(("CPU tx", |row| percent(row.cpu.map(|cpu| cpu.tx))));
        columns.push(("CPU rx", |row| percent(row.cpu.map(|cpu| cpu.rx))));
        columns.extend(COST);
    }
    let faster = format!("times faster\nthan {BASELINE}");
    let above = columns.iter().map(|&(above, _)| above);
    table.set_header([""].into_iter().chain(above).chain([faster.as_str(), "runs"]));
    let baseline = rows.iter().find(|row| row.transport == BASELINE).and_then(|row| speed(row));
    for row in rows {
        let faster = match (speed(row), baseline) {
            (Some(speed), Some(baseline)) => format!("{} x", digits(speed / baseline)),
            _ => "-".to_owned(),
        };
        let mut cells = vec![row.transport.clone()];
        cells.extend(columns.iter().map(|(_, says)| says(row)));
        cells.extend([faster, runs(row)]);
        table.add_row(cells);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.to_string()
}

/// How many runs are valid, and below it how many were discarded and why.
fn runs(row: &Outcome) -> String {
    let valid = if row.runs == 0 { "no valid run".to_owned() } else { row.runs.to_string() };
    let reasons = row.excluded_for.reasons().into_iter().map(|reason| format!("not {reason}"));
    std::iter::once(valid).chain(reasons).collect::<Vec<_>>().join("\n")
}

/// More is faster: messages a second, or one over the time of a message.
fn speed(row: &Outcome) -> Option<f64> {
    let time = match row.workload {
        workload if workload.is_steady() => None,
        workload if workload.is_stream() => {
            return row.msgs_per_s.map(|figure| figure.median);
        }
        Workload::Burst => row.drain_ns,
        _ => latency(row, 0.5),
    };
    time.map(|figure| 1.0 / figure.median)
}

fn latency(row: &Outcome, part: f64) -> Option<Figure> {
    row.latency.iter().find(|quantile| quantile.part == part).map(|quantile| quantile.ns)
}

fn microseconds(row: &Outcome, part: f64) -> String {
    scaled(latency(row, part), 1e-3)
}

fn median(figure: Option<Figure>) -> String {
    figure.map_or_else(|| "-".to_owned(), |figure| digits(figure.median))
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
        let text = report.text();
        assert!(text.contains("each verified - near (floor 130 ns)"), "{text}");
        assert!(text.contains("shm-ring stream 64 B: timed out and was killed"));
    }
}
