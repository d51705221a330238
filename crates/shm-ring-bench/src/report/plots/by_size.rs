//! What depends on the size of messages: throughput, bytes a second, the median latency. A
//! panel for each transport against the size where there are several, bars where there is one. It must not know how
//! either is drawn.

use super::plot::{About, Across, Chapter, Column, Plot, bars, slug};
use super::style::Styles;
use crate::report::figures::{BYTES, LATENCY, MESSAGES, size};
use crate::report::series::{Series, Shown, apart, by_doing, distinct, more_is_better, sizes};

pub(super) fn throughput<'a>(series: &Series<'a>, styles: &Styles) -> Chapter<'a> {
    let mut plots = Vec::new();
    for (doing, group) in by_doing(series.one(MESSAGES, None)) {
        let title = format!("Messages a second, {doing}");
        let about = About { name: "throughput", title, kind: MESSAGES, floor: None };
        plots.extend(plot(&about, &doing, group, styles));
    }
    Chapter {
        id: "throughput",
        title: "Throughput",
        read: "Messages that the receiver verified in a second. Higher is better. Axes are logarithmic: the same \
               distance is the same factor. Where there are several sizes each transport has a panel, the best first, \
               all on the same axes. A dot is the median of the valid runs, the line through it reaches from \
               the slowest run to the fastest; where those of two transports overlap, the difference between \
               them is not certain. A hollow dot or a pale bar is of fewer than three valid runs."
            .to_owned(),
        missing: none("message rate", &plots),
        plots,
    }
}

pub(super) fn bandwidth<'a>(series: &Series<'a>, styles: &Styles) -> Chapter<'a> {
    let (mut plots, mut missing) = (Vec::new(), Vec::new());
    let mut has_floor = false;
    for (doing, group) in by_doing(series.one(BYTES, None)) {
        let floor = series.yardstick(group.first().and_then(|shown| shown.row.state));
        has_floor |= floor.is_some();
        if sizes(&group).len() < 2 {
            missing.push(format!(
                "{doing}: of one size only, at which bytes a second say the same as messages a second."
            ));
            continue;
        }
        let title = format!("Bytes a second, {doing}");
        let about = About { name: "bandwidth", title, kind: BYTES, floor };
        plots.extend(plot(&about, &doing, group, styles));
    }
    let mut read =
        "The same runs in bytes. Higher is better; what rises by the same factor as the size \
                    pays for each message, and what is level pays for each byte. "
            .to_owned();
    read.push_str(match has_floor {
        true => {
            "The dashed line is the floor: lines of memory written by one processor and read by the \
             other, without messages and without copies, and the band around it its slowest and \
             fastest run. It is what moving bytes can cost here, for messages that are read from \
             memory and written to it."
        }
        false => {
            "No floor is drawn, since the workload \"lines\", which measures what moving bytes can \
             cost, was not part of this comparison."
        }
    });
    Chapter { id: "bandwidth", title: "Bytes a second", read, plots, missing }
}

pub(super) fn latency<'a>(series: &Series<'a>, styles: &Styles) -> Chapter<'a> {
    let mut plots = Vec::new();
    for (doing, group) in by_doing(series.one(LATENCY, Some(0.5))) {
        if sizes(&group).len() < 2 {
            // The percentiles show it.
            continue;
        }
        let title = format!("Median latency, {doing}");
        let about = About { name: "latency", title, kind: LATENCY, floor: None };
        plots.extend(plot(&about, &doing, group, styles));
    }
    Chapter {
        id: "latency",
        title: "Latency by size",
        read:
            "The time that half of the messages took at the most: for echo there and back, for the \
               others from just before sending to just after receiving. Lower is better."
                .to_owned(),
        plots,
        missing: Vec::new(),
    }
}

fn none(what: &str, plots: &[Plot]) -> Vec<String> {
    match plots {
        [] => vec![format!("No row of this comparison has a {what}.")],
        _ => Vec::new(),
    }
}

/// Against the size, or bars where there is only one.
fn plot<'a>(
    about: &About<'a>,
    doing: &str,
    group: Vec<Shown<'a>>,
    styles: &Styles,
) -> Option<Plot<'a>> {
    let sizes = sizes(&group);
    match sizes.as_slice() {
        [bytes] => bars(about, &slug(&[about.name, doing, &bytes.to_string()]), group, styles),
        _ => against(
            about,
            doing,
            group,
            styles,
            &By {
                title: "size of a message",
                key: |shown| shown.row.bytes as u64,
                write: |bytes| size(bytes as usize),
            },
        ),
    }
}

/// What a plot is against.
pub(super) struct By {
    pub(super) title: &'static str,
    pub(super) key: fn(&Shown) -> u64,
    pub(super) write: fn(u64) -> String,
}

/// Lines against what `by` says.
pub(super) fn against<'a>(
    about: &About<'a>,
    doing: &str,
    group: Vec<Shown<'a>>,
    styles: &Styles,
    by: &By,
) -> Option<Plot<'a>> {
    let keys = distinct(&group, by.key);
    // Judged by where most of them have a figure.
    let most = keys
        .iter()
        .rev()
        .copied()
        .max_by_key(|&at| group.iter().filter(|one| (by.key)(one) == at).count());
    let mut transports = apart(group, |shown| shown.row.transport.clone());
    for (_, shown) in &mut transports {
        shown.sort_by_key(by.key);
    }
    let column = |&key: &u64| {
        let at = Some((key.max(1) as f64).log2());
        Column { key: key as f64, named: (by.write)(key), at }
    };
    let across = Across {
        name: slug(&[about.name, doing]),
        title: about.title.clone(),
        kind: about.kind,
        below: by.title,
        columns: keys.iter().map(column).collect(),
        key: |one: &Shown| (by.key)(one) as f64,
        level: about.floor.as_ref().map(|floor| (floor.said(), floor.figure())),
        floor: about.floor.clone(),
    };
    let sign = if more_is_better(about.kind) { -1.0 } else { 1.0 };
    Some(across.plot(transports, styles, |shown| {
        let judged = shown.iter().find(|one| Some((by.key)(one)) == most);
        judged.map_or(f64::INFINITY, |one| sign * one.figure().median)
    }))
}
