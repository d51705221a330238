//! The tables that people read. They must not compute anything but ratios of what the report holds.

use std::fmt::Write;

use comfy_table::{CellAlignment, Table, presets};

use super::figures::digits;
use super::{Look, Outcome, Report};
use crate::plan::figure::Figure;
use crate::plan::state::State;
use crate::run::spec::Workload;
use crate::run::transport::DEFAULT;

/// What everything is compared with, unless something else is asked for.
pub(crate) const BASELINE: &str = "sysv-binary";

/// Messages of as many bytes are a matter of bytes a second, shorter ones of messages a second.
const LARGE: usize = 1024;

/// What the rows of one table have in common: the state of the machine, workload, size, and what the workload is
/// done with.
type Kind = (Option<State>, Workload, usize, [Option<u64>; 3], Option<usize>);

fn kind(row: &Outcome) -> Kind {
    let with = [row.interval_ns, row.rate, row.burst.map(|burst| burst as u64)];
    (row.state, row.workload, row.bytes, with, row.batch.or(row.fan))
}

/// The tables of a report, those of one state before those of another.
pub(super) fn render(report: &Report, look: Look) -> String {
    let mut kinds: Vec<Kind> = Vec::new();
    for row in &report.results {
        if !kinds.contains(&kind(row)) {
            kinds.push(kind(row));
        }
    }
    let place =
        |state: Option<State>| report.states.iter().position(|seen| Some(seen.state) == state);
    kinds.sort_by_key(|kind| place(kind.0).unwrap_or(usize::MAX));
    kinds.retain(|kind| report.tabled(kind.0, look));
    let mut text = String::new();
    for wanted in kinds {
        let mut rows: Vec<&Outcome> =
            report.results.iter().filter(|row| kind(row) == wanted).collect();
        rows.sort_by_key(|row| row.transport != DEFAULT);
        let state = wanted.0.and_then(|state| in_state(report, state)).unwrap_or_default();
        let title = format!("{}{state}", title(wanted.1, wanted.2, &rows));
        if rows.iter().all(|row| row.runs == 0) {
            let _ = writeln!(text, "\n{title}: no row has a valid run");
            continue;
        }
        let _ = writeln!(text, "\n{title}");
        // Padding up to the right edge is of no use to anyone.
        for line in section(wanted.1, &rows, look).lines() {
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

/// A figure of each row.
#[derive(Clone, Copy)]
struct Column {
    above: &'static str,
    of: fn(&Outcome) -> Option<Figure>,
    /// How many of the shown unit one of the results' unit is.
    scale: f64,
    /// Whether its minimum and maximum are shown. Those of the others are in the JSON.
    ranged: bool,
    /// Whether a first reader needs it.
    first: bool,
}

const fn column(above: &'static str, of: fn(&Outcome) -> Option<Figure>, scale: f64) -> Column {
    Column { above, of, scale, ranged: true, first: false }
}

/// Of both sides together.
const fn cost(above: &'static str, of: fn(&Outcome) -> Option<Figure>) -> Column {
    Column { ranged: false, ..column(above, of, 1.0) }
}

impl Column {
    const fn first(self) -> Self {
        Self { first: true, ..self }
    }
}

const MILLIONS: Column = column("million/s", |row| row.msgs_per_s, 1e-6);
const GIGABYTES: Column = column("GB/s", |row| row.bytes_per_s, 1e-9);
const P50: Column = column("p50 us", |row| latency(row, 0.5), 1e-3).first();
const P90: Column = column("p90 us", |row| latency(row, 0.9), 1e-3);
const P99: Column = column("p99 us", |row| latency(row, 0.99), 1e-3).first();
const P999: Column = column("p99.9 us", |row| latency(row, 0.999), 1e-3);
const MAX: Column = column("max us", |row| latency(row, 1.0), 1e-3);
const THOUSANDS: Column = column("thousand/s", |row| row.msgs_per_s, 1e-3).first();
const DRAIN: Column = column("drain us", |row| row.drain_ns, 1e-3).first();
const BLOCKED: Column = column("% of a core", |row| row.blocked_cpu, 100.0).first();
const HELD: Column = column("KiB", |row| row.held_bytes, 1.0 / 1024.0).first();
const CPU: [Column; 5] = [
    column("CPU tx %", |row| row.cpu.map(|cpu| cpu.tx), 100.0),
    column("CPU rx %", |row| row.cpu.map(|cpu| cpu.rx), 100.0),
    cost("CPU ns\n/msg", |row| row.cost.map(|cost| cost.cpu_ns)),
    cost("switches\n/msg", |row| row.cost.and_then(|cost| cost.switches)),
    cost("calls\n/msg", |row| row.cost.and_then(|cost| cost.system_calls)),
];

fn columns(workload: Workload, bytes: usize) -> Vec<Column> {
    let mut columns = match workload {
        Workload::IdleReceiver | Workload::IdleSender => vec![BLOCKED],
        Workload::Memory => vec![HELD],
        Workload::Echo | Workload::OneCoreEcho => vec![P50, P90, P99, P999, MAX],
        Workload::Wake => vec![P50, P99, MAX],
        Workload::Burst => vec![DRAIN, P50, P99, MAX],
        Workload::Paced => vec![THOUSANDS, P50, P90, P99, P999, MAX],
        _ if bytes < LARGE => vec![MILLIONS.first(), GIGABYTES],
        _ => vec![MILLIONS, GIGABYTES.first()],
    };
    if !workload.is_steady() {
        columns.extend(CPU);
    }
    columns
}

/// One table. To a first reader each row is a line; a wide one has the minimum and the maximum below.
fn section(workload: Workload, rows: &[&Outcome], look: Look) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    let columns: Vec<Column> = columns(workload, rows[0].bytes)
        .into_iter()
        .filter(|column| look.wide || column.first)
        .collect();
    let baseline = rows.iter().find(|row| row.transport == look.baseline);
    let baseline = baseline.and_then(|row| speed(row));
    let discards = rows.iter().any(|row| row.excluded_for.count() > 0);
    let mut head = vec![String::new()];
    for column in &columns {
        head.push(column.above.to_owned());
        head.extend((!look.wide).then(String::new));
    }
    head.extend(baseline.map(|_| format!("times faster\nthan {}", look.baseline)));
    head.push("valid\nruns".to_owned());
    head.extend(discards.then(|| "discarded".to_owned()));
    let width = head.len();
    table.set_header(head);
    for row in rows {
        let mut cells = vec![row.transport.clone()];
        for column in &columns {
            let figure = (column.of)(row);
            let [median, range] = said(figure, column.scale);
            match (look.wide, column.ranged && figure.is_some()) {
                (true, true) => cells.push(format!("{median}\n{range}")),
                (true, false) => cells.push(median),
                (false, _) => cells.extend([median, range]),
            }
        }
        cells.extend(baseline.map(|baseline| match speed(row) {
            Some(speed) => format!("{} x", digits(speed / baseline)),
            None => "-".to_owned(),
        }));
        cells.push(if row.runs == 0 { "none".to_owned() } else { row.runs.to_string() });
        cells.extend(discards.then(|| row.excluded_for.reasons().join(", ")));
        table.add_row(cells);
    }
    let right = 1..width - usize::from(discards);
    for (at, column) in table.column_iter_mut().enumerate() {
        // A range stands beside its median.
        let is_range = !look.wide && at % 2 == 0 && at <= 2 * columns.len();
        if right.contains(&at) && !is_range {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.to_string()
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

/// The time that a part of the messages did not exceed.
pub(super) fn latency(row: &Outcome, part: f64) -> Option<Figure> {
    let quantiles = row.quantiles().into_iter();
    quantiles.filter(|quantile| quantile.part == part).map(|quantile| quantile.ns).next()
}

/// The median, and from the minimum to the maximum.
fn said(figure: Option<Figure>, scale: f64) -> [String; 2] {
    let Some(figure) = figure else {
        return ["-".to_owned(), String::new()];
    };
    let [median, min, max] =
        [figure.median, figure.min, figure.max].map(|value| digits(value * scale));
    [median, format!("{min}-{max}")]
}
