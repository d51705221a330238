//! What messages, waiting and being attached cost: processor time and memory. It must not know how it
//! is drawn.

use super::looks::Looks;
use super::shown::{apart, distinct, figures, rows, usual_size};
use super::size::{About, bars, by_doing};
use super::{Chapter, Plot, slug};
use crate::report::Report;
use crate::report::figures::{BLOCKED, CALLS, COST, HELD, Kind, SWITCHES};

pub(super) fn chapter<'a>(report: &'a Report, looks: &Looks) -> Chapter<'a> {
    let mut plots = Vec::new();
    for (kind, name, what) in [
        (COST, "cost", "Processor time of a message"),
        (SWITCHES, "switches", "Context switches of a message"),
        (CALLS, "calls", "System calls of a message"),
    ] {
        plots.extend(by_size(report, looks, kind, name, what));
    }
    let missing = match plots.as_slice() {
        [] => vec!["These results are of before the cost of a message was measured.".to_owned()],
        _ => Vec::new(),
    };
    Chapter {
        id: "cost",
        title: "Cost of a message",
        read: "What one message (in echo, one round trip) costs both sides together. Lower is better. A \
               transport that spins pays for the time in which it waits, one that sleeps for going to \
               sleep and being woken."
            .to_owned(),
        plots,
        missing,
    }
}

pub(super) fn waiting<'a>(report: &'a Report, looks: &Looks) -> Chapter<'a> {
    Chapter {
        id: "waiting",
        title: "Cost of waiting",
        read:
            "The processor time of a side that is blocked for seconds, as a part of one processor. \
               Lower is better."
                .to_owned(),
        plots: by_size(report, looks, BLOCKED, "waiting", "Processor time while waiting"),
        missing: Vec::new(),
    }
}

pub(super) fn memory<'a>(report: &'a Report, looks: &Looks) -> Chapter<'a> {
    Chapter {
        id: "memory",
        title: "Memory",
        read: "What a side holds beyond the bytes in which messages stand. Lower is better."
            .to_owned(),
        plots: by_size(report, looks, HELD, "memory", "Memory of a side"),
        missing: Vec::new(),
    }
}

/// Bars for each workload and size; the usual size first, the others for a closer look.
fn by_size<'a>(
    report: &'a Report,
    looks: &Looks,
    kind: Kind,
    name: &'static str,
    what: &str,
) -> Vec<Plot<'a>> {
    let mut plots = Vec::new();
    for (doing, group) in by_doing(figures(&rows(report), kind, None)) {
        let usual = usual_size(&distinct(&group, |shown| shown.row.bytes as u64));
        for (bytes, group) in apart(group, |shown| shown.row.bytes) {
            let about = About { name, title: format!("{what}, {doing}"), kind, floor: None };
            let plot = bars(&about, &slug(&[name, &doing, &bytes.to_string()]), group, looks);
            let folded = usual != Some(bytes as u64);
            plots.extend(plot.map(|plot| Plot { folded, ..plot }));
        }
    }
    plots
}
