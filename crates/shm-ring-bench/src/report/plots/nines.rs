//! Latency by how many messages it holds for, on an axis of nines, on which each step leaves a tenth of
//! the messages of the step before. It must not know how it is drawn.

use super::lines::{Lines, Point, Positions, Series, Values};
use super::looks::Looks;
use super::shown::{Shown, apart, axis_of_nines, distinct, rows, usual_size, writes};
use super::size::{axis_title, by_doing};
use super::{Chapter, LINES_MAX, Plot, left_to_the_table, slug};
use crate::report::Report;
use crate::report::figures::{LATENCY, digits, percentile, size};
use crate::report::grid::{Form, Grid};
use crate::spec::Workload;

pub(super) fn chapter<'a>(report: &'a Report, looks: &Looks) -> Chapter<'a> {
    let mut timed = Vec::new();
    for (index, row) in rows(report) {
        let latencies = row.figures().into_iter().filter(|measured| measured.kind == LATENCY);
        timed.extend(latencies.map(|measured| Shown { index, row, measured }));
    }
    let mut plots = Vec::new();
    for (doing, group) in by_doing(timed) {
        let sizes = distinct(&group, |shown| shown.row.bytes as u64);
        let usual = usual_size(&sizes);
        for (bytes, group) in apart(group, |shown| shown.row.bytes) {
            if let Some(plot) = plot(report, &doing, bytes, group, looks) {
                plots.push(Plot { folded: usual != Some(bytes as u64), ..plot });
            }
        }
    }
    Chapter {
        id: "percentiles",
        title: "Latency percentiles",
        read: "How long messages took, for more and more of them: at 99 % stands the time that 99 of 100 \
               messages did not exceed. Each step to the right leaves a tenth of the messages of the step \
               before. Lower and flatter is better. Percentiles from 99.9 % on belong to the machine (on a \
               virtual one, to its host) rather than to the transport. The longest of all messages is in the \
               table only. The dashed line is the floor, a ping-pong of two lines of memory timed in the \
               same way, drawn where a round trip is measured."
            .to_owned(),
        plots,
        missing: Vec::new(),
    }
}

fn plot<'a>(
    report: &Report,
    doing: &str,
    bytes: usize,
    group: Vec<Shown<'a>>,
    looks: &Looks,
) -> Option<Plot<'a>> {
    let mut parts: Vec<f64> = group.iter().filter_map(|shown| shown.measured.part).collect();
    parts.sort_by(f64::total_cmp);
    parts.dedup();
    let drawn: Vec<f64> = parts.iter().copied().filter(|&part| part < 1.0).collect();
    if drawn.len() < 2 {
        return None;
    }
    let round_trip = group.iter().any(|shown| shown.row.workload == Workload::Echo);
    let state = group.first().and_then(|shown| shown.row.state);
    let mut transports = apart(group, |shown| shown.row.transport.clone());
    let half = |(_, shown): &(String, Vec<Shown>)| {
        let half = shown.iter().find(|one| one.measured.part == Some(0.5));
        half.map_or(f64::INFINITY, |one| one.figure().median)
    };
    transports.sort_by(|a, b| half(a).total_cmp(&half(b)));
    let mut order: Vec<_> = transports.iter().collect();
    order.sort_by_key(|(name, _)| !looks.get(name).strong);
    let left: Vec<String> = order.iter().skip(LINES_MAX).map(|(name, _)| name.clone()).collect();
    let name = slug(&["percentiles", doing, &bytes.to_string()]);
    let title = format!("Latency percentiles, {doing}, {}", size(bytes));
    let series = transports.iter().filter(|(name, _)| !left.contains(name)).map(|(name, shown)| {
        let points = shown.iter().filter_map(|one| {
            let part = one.measured.part.filter(|part| drawn.contains(part))?;
            Some(Point { x: axis_of_nines(part), figure: one.figure(), said: one.said() })
        });
        Series { look: looks.get(name), points: points.collect() }
    });
    let floor = state.and_then(|state| report.floor(state)).filter(|_| round_trip);
    let said = floor.map(|floor| {
        let [median, min, max] = [floor.median, floor.min, floor.max].map(digits);
        format!("The floor: {median} ns ({min} to {max}).")
    });
    let lines = Lines {
        id: name.clone(),
        title: title.clone(),
        x: Positions {
            title: "messages that did not take longer, on an axis of nines".to_owned(),
            named: drawn
                .iter()
                .map(|&part| {
                    (axis_of_nines(part), format!("{} %", percentile(part).replace('p', "")))
                })
                .collect(),
        },
        y: Values { title: axis_title(LATENCY), write: writes(LATENCY) },
        series: series.collect(),
        floor: said.clone().zip(floor),
    };
    let columns = parts.iter().map(|&part| match part {
        1.0 => "longest".to_owned(),
        part => format!("{} %", percentile(part).replace('p', "")),
    });
    let drawing = lines.draw();
    let columns = columns.collect();
    let cells = transports.into_iter().map(|(name, shown)| {
        let cell = |part: &f64| shown.iter().find(|one| one.measured.part == Some(*part)).cloned();
        (name, parts.iter().map(cell).collect())
    });
    Some(Plot {
        name,
        drawing,
        grid: Grid {
            caption: title.clone(),
            unit: LATENCY.shown.to_owned(),
            form: Form::Cross { columns, lines: cells.collect(), floor: None },
        },
        title,
        notes: said.into_iter().chain(left_to_the_table(&left)).collect(),
        folded: false,
    })
}
