//! The tables that people read. They must not compute anything but ratios of what the report holds.

use std::fmt::Write;

use comfy_table::{CellAlignment, Table, presets};

use super::{Outcome, Report};
use crate::spec::Workload;
use crate::stats::Figure;
use crate::transport::find;

/// What everything is compared with.
const BASELINE: &str = "sysv-binary";

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
            .filter(|row| (row.workload, row.bytes) == (workload, bytes) && is_shown(row, report))
            .collect();
        if rows.is_empty() {
            continue;
        }
        let _ = writeln!(text, "\n{}", title(workload, bytes, &rows));
        let _ = writeln!(text, "{}", section(workload, &rows));
    }
    text + &goals(report) + &footer(report)
}

/// Rows that are there for a goal's sake only, in a comparison that shows others, stay out of sight.
fn is_shown(row: &Outcome, report: &Report) -> bool {
    let shown = |row: &Outcome| find(&row.transport).is_some_and(|entry| entry.shown);
    let alone = report
        .results
        .iter()
        .filter(|other| (other.workload, other.bytes) == (row.workload, row.bytes));
    let has_baseline = alone.clone().any(|other| other.transport == BASELINE);
    !report.results.iter().any(shown) || !has_others(report) || (shown(row) && has_baseline)
}

fn has_others(report: &Report) -> bool {
    report.results.iter().any(|row| row.transport == BASELINE)
}

fn title(workload: Workload, bytes: usize, rows: &[&Outcome]) -> String {
    match workload {
        Workload::Stream => format!("Stream: {bytes}-byte messages one way, each verified"),
        Workload::Echo => format!("Echo: a {bytes}-byte message there and back, one at a time"),
        Workload::Wake => {
            let interval = rows[0].interval_ns.unwrap_or_default() / 1000;
            format!(
                "Wake: a {bytes}-byte message every {interval} us to a receiver that waits for it"
            )
        }
    }
}

fn section(workload: Workload, rows: &[&Outcome]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    let against = format!("times faster than {BASELINE}");
    table.set_header(match workload {
        Workload::Stream => vec!["", "million/s", "GB/s", "CPU tx", "CPU rx", &against, "runs"],
        Workload::Echo => {
            vec!["", "p50 us", "p90 us", "p99 us", "p99.9 us", "CPU tx", "CPU rx", &against, "runs"]
        }
        Workload::Wake => vec!["", "p50 us", "CPU tx", "CPU rx", &against, "runs"],
    });
    let baseline = rows.iter().find(|row| row.transport == BASELINE).and_then(|row| speed(row));
    for row in rows {
        let faster = match (speed(row), baseline) {
            (Some(speed), Some(baseline)) => times(speed / baseline),
            _ => "-".to_owned(),
        };
        let runs = match row.excluded {
            0 => row.runs.to_string(),
            excluded => format!("{} (-{excluded})", row.runs),
        };
        let mut cells = vec![row.transport.clone()];
        match workload {
            Workload::Stream => {
                cells.push(scaled(row.msgs_per_s, 1e-6));
                cells.push(scaled(row.bytes_per_s, 1e-9));
            }
            Workload::Echo => {
                let rtt = row.rtt_ns;
                cells.push(scaled(rtt.map(|rtt| rtt.p50), 1e-3));
                cells.push(scaled(rtt.map(|rtt| rtt.p90), 1e-3));
                cells.push(scaled(rtt.map(|rtt| rtt.p99), 1e-3));
                cells.push(scaled(rtt.map(|rtt| rtt.p999), 1e-3));
            }
            Workload::Wake => cells.push(scaled(row.wake_ns, 1e-3)),
        }
        cells.push(percent(row.cpu.map(|cpu| cpu.tx)));
        cells.push(percent(row.cpu.map(|cpu| cpu.rx)));
        cells.extend([faster, runs]);
        table.add_row(cells);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// More is faster: messages a second, or one over the time of a message.
fn speed(row: &Outcome) -> Option<f64> {
    match row.workload {
        Workload::Stream => row.msgs_per_s.map(|figure| figure.median),
        Workload::Echo => row.rtt_ns.map(|rtt| 1.0 / rtt.p50.median),
        Workload::Wake => row.wake_ns.map(|figure| 1.0 / figure.median),
    }
}

/// `median (min-max)`, with as many digits as mean something.
fn scaled(figure: Option<Figure>, scale: f64) -> String {
    let Some(figure) = figure else { return "no valid run".to_owned() };
    let [median, min, max] = [figure.median, figure.min, figure.max].map(|v| digits(v * scale));
    format!("{median} ({min}-{max})")
}

fn percent(figure: Option<Figure>) -> String {
    figure.map_or("-".to_owned(), |figure| format!("{:.0} %", figure.median * 100.0))
}

fn times(ratio: f64) -> String {
    format!("{} x", digits(ratio))
}

fn digits(value: f64) -> String {
    match value {
        value if value >= 100.0 => format!("{value:.0}"),
        value if value >= 10.0 => format!("{value:.1}"),
        value if value >= 0.1 => format!("{value:.2}"),
        value => format!("{value:.4}"),
    }
}

fn goals(report: &Report) -> String {
    let mut text = String::new();
    if !report.goals.is_empty() {
        let _ = writeln!(text, "\nGoals of the project (ratios of medians of this comparison)");
    }
    for goal in &report.goals {
        let verdict = if goal.reached { "reached" } else { "MISSED" };
        let (id, measure, value, must) =
            (&goal.id, &goal.measure, digits_or_zero(goal.value), &goal.must);
        let _ = writeln!(text, "  {id:<4} {measure:<38} {value:>8}   must be {must:<10} {verdict}");
    }
    text
}

fn digits_or_zero(value: f64) -> String {
    if value == 0.0 { "0".to_owned() } else { digits(value) }
}

fn footer(report: &Report) -> String {
    let mut text = String::new();
    let machine = &report.machine;
    let _ = writeln!(
        text,
        "\nFigures are medians of the runs that count (least-most). Sender and receiver are processes \
         pinned to\nprocessors {} and {} of: {}, {} processors, Linux {}, commit {}.",
        machine.pinned[1],
        machine.pinned[0],
        machine.cpu,
        machine.cores,
        machine.kernel,
        machine.commit
    );
    if let Some(floor) = report.floor_ns {
        let _ = writeln!(
            text,
            "Floor (two-line ping-pong between them): {} ns.",
            scaled(Some(floor), 1.0)
        );
    }
    let count = |of: fn(&Outcome) -> u32| report.results.iter().map(of).sum::<u32>();
    let (floor, preempted, failed) = (
        count(|row| row.excluded_for.floor),
        count(|row| row.excluded_for.preempted),
        count(|row| row.excluded_for.failed),
    );
    let _ = writeln!(
        text,
        "Left out: {floor} runs beside a floor outside 0.6 to 1.6 of its median, {preempted} in which a \
         spinning side\nhad less than 0.85 of its processor, {failed} that failed."
    );
    if has_others(report) {
        let _ = writeln!(
            text,
            "sysv-binary is kept below 32,767 handoffs a run: with SEM_UNDO, as it is taught, it fails \
             there."
        );
    }
    for row in report.results.iter().filter(|row| !row.failures.is_empty()) {
        for failure in &row.failures {
            let _ = writeln!(text, "{} {} {} B: {failure}", row.transport, row.workload, row.bytes);
        }
    }
    text
}
