//! How long a receiver that has nothing else to do takes to wake up, by how long it slept. It must not
//! know how it is drawn.

use super::by_size::{By, against};
use super::plot::{About, Chapter, Plot, bars, slug};
use super::style::Styles;
use crate::report::figures::{LATENCY, duration, size};
use crate::report::series::{Series, apart, distinct, usual_size};

pub(super) fn chapter<'a>(series: &Series<'a>, styles: &Styles) -> Chapter<'a> {
    let mut shown = series.one(LATENCY, Some(0.5));
    shown.retain(|one| one.row.wake_ns.is_some() && one.row.interval_ns.is_some());
    let usual = usual_size(&shown);
    let mut plots = Vec::new();
    for ((bytes, state), group) in apart(shown, |one| (one.row.bytes, one.row.state)) {
        let state = state.map_or_else(String::new, |state| format!(" ({state})"));
        let intervals = distinct(&group, |one| one.row.interval_ns.unwrap_or_default());
        let title = format!("Median wake-up latency{state}");
        let about = About { name: "wake", title, kind: LATENCY, floor: None };
        let plot = match intervals.as_slice() {
            [interval] => {
                let about = About {
                    title: format!("{}, a message every {}", about.title, duration(*interval)),
                    ..about
                };
                bars(&about, &slug(&["wake", &bytes.to_string(), &state]), group, styles)
            }
            _ => {
                let about = About { title: format!("{}, {}", about.title, size(bytes)), ..about };
                against(
                    &about,
                    &slug(&[&bytes.to_string(), &state]),
                    group,
                    styles,
                    &By {
                        title: "time between two messages",
                        key: |one| one.row.interval_ns.unwrap_or_default(),
                        write: duration,
                    },
                )
            }
        };
        let folded = usual != Some(bytes as u64);
        plots.extend(plot.map(|plot| Plot { folded, ..plot }));
    }
    Chapter {
        id: "wake",
        title: "Wake-up latency",
        read: "One message at an interval to a receiver that has nothing else to do: the time from just \
               before sending to just after receiving, on one clock. Lower is better. What spins answers \
               at once and pays with a processor, as the costs below show; what sleeps pays for being \
               woken."
            .to_owned(),
        plots,
        missing: Vec::new(),
    }
}
