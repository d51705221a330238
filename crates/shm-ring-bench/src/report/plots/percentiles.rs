//! Latency by how many messages it holds for, on an axis of nines, on which each step leaves a tenth of
//! the messages of the step before. It must not know how it is drawn.

use super::plot::{Across, Chapter, Column, Plot, slug};
use super::style::Styles;
use crate::report::Report;
use crate::report::figures::{LATENCY, digits, percentile, size};
use crate::report::series::{Series, Shown, apart, axis_of_nines, by_doing, usual_size};
use crate::run::spec::Workload;

pub(super) fn chapter<'a>(series: &Series<'a>, styles: &Styles) -> Chapter<'a> {
    let mut plots = Vec::new();
    for (doing, group) in by_doing(series.every(LATENCY)) {
        let usual = usual_size(&group);
        for (bytes, group) in apart(group, |shown| shown.row.bytes) {
            if let Some(plot) = plot(series.report, &doing, bytes, group, styles) {
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
    styles: &Styles,
) -> Option<Plot<'a>> {
    let mut parts: Vec<f64> = group.iter().filter_map(|shown| shown.measured.part).collect();
    parts.sort_by(f64::total_cmp);
    parts.dedup();
    if parts.iter().filter(|&&part| part < 1.0).count() < 2 {
        return None;
    }
    let column = |&key: &f64| match key {
        1.0 => Column { key, named: "longest".to_owned(), at: None },
        part => {
            let named = format!("{} %", percentile(part).replace('p', ""));
            Column { key, named, at: Some(axis_of_nines(part)) }
        }
    };
    let round_trip = group.iter().any(|shown| shown.row.workload == Workload::Echo);
    let state = group.first().and_then(|shown| shown.row.state);
    let floor = state.and_then(|state| report.floor(state)).filter(|_| round_trip);
    let said = floor.map(|floor| {
        let [median, min, max] = [floor.median, floor.min, floor.max].map(digits);
        format!("The floor: {median} ns ({min} to {max}).")
    });
    let half = |shown: &[Shown]| {
        let half = shown.iter().find(|one| one.measured.part == Some(0.5));
        half.map_or(f64::INFINITY, |one| one.figure().median)
    };
    let transports = apart(group, |shown| shown.row.transport.clone());
    let across = Across {
        name: slug(&["percentiles", doing, &bytes.to_string()]),
        title: format!("Latency percentiles, {doing}, {}", size(bytes)),
        kind: LATENCY,
        below: "messages that did not take longer",
        columns: parts.iter().map(column).collect(),
        key: |one: &Shown| one.measured.part.unwrap_or_default(),
        level: said.clone().zip(floor),
        floor: None,
    };
    let plot = across.plot(transports, styles, half);
    Some(Plot { notes: said.into_iter().chain(plot.notes).collect(), ..plot })
}
