//! What messages, waiting and being attached cost: processor time and memory. It must not know how it
//! is drawn.

use super::plot::{About, Chapter, Plot, bars, slug};
use super::style::Styles;
use crate::report::figures::{BLOCKED, CALLS, COST, HELD, Kind, SWITCHES};
use crate::report::series::{Series, apart, by_doing, usual_size};

pub(super) fn chapter<'a>(series: &Series<'a>, styles: &Styles) -> Chapter<'a> {
    let mut plots = Vec::new();
    for (kind, name, what) in [
        (COST, "cost", "Processor time of a message"),
        (SWITCHES, "switches", "Context switches of a message"),
        (CALLS, "calls", "System calls of a message"),
    ] {
        plots.extend(by_size(series, styles, kind, name, what));
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

pub(super) fn waiting<'a>(series: &Series<'a>, styles: &Styles) -> Chapter<'a> {
    Chapter {
        id: "waiting",
        title: "Cost of waiting",
        read:
            "The processor time of a side that is blocked for seconds, as a part of one processor. \
               Lower is better."
                .to_owned(),
        plots: by_size(series, styles, BLOCKED, "waiting", "Processor time while waiting"),
        missing: Vec::new(),
    }
}

pub(super) fn memory<'a>(series: &Series<'a>, styles: &Styles) -> Chapter<'a> {
    Chapter {
        id: "memory",
        title: "Memory",
        read: "What a side holds beyond the bytes in which messages stand. Lower is better."
            .to_owned(),
        plots: by_size(series, styles, HELD, "memory", "Memory of a side"),
        missing: Vec::new(),
    }
}

/// Bars for each workload and size; the usual size first, the others for a closer look.
fn by_size<'a>(
    series: &Series<'a>,
    styles: &Styles,
    kind: Kind,
    name: &'static str,
    what: &str,
) -> Vec<Plot<'a>> {
    let mut plots = Vec::new();
    for (doing, group) in by_doing(series.one(kind, None)) {
        let usual = usual_size(&group);
        for (bytes, group) in apart(group, |shown| shown.row.bytes) {
            let about = About { name, title: format!("{what}, {doing}"), kind, floor: None };
            let plot = bars(&about, &slug(&[name, &doing, &bytes.to_string()]), group, styles);
            let folded = usual != Some(bytes as u64);
            plots.extend(plot.map(|plot| Plot { folded, ..plot }));
        }
    }
    plots
}
