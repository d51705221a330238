//! What depends on the size of messages: throughput, bytes a second, the median latency, the cost. A
//! plot against the size where there are several, bars where there is one. It must not know how
//! either is drawn.

use super::bars::{Bar, Bars};
use super::lines::{Lines, Point, Positions, Series, Values};
use super::looks::Looks;
use super::shown::{
    Shown, apart, distinct, figures, more_is_better, rows, usual_size, writes, yardstick,
};
use super::{Chapter, LINES_MAX, Plot, left_to_the_table, slug};
use crate::report::Report;
use crate::report::figures::{BYTES, Kind, LATENCY, MESSAGES, size};
use crate::report::grid::{Form, Grid};

pub(super) fn throughput<'a>(report: &'a Report, looks: &Looks) -> Chapter<'a> {
    let mut plots = Vec::new();
    for (doing, group) in by_doing(figures(&rows(report), MESSAGES, None)) {
        let title = format!("Messages a second, {doing}");
        let about = About { name: "throughput", title, kind: MESSAGES, floor: None };
        plots.extend(plot(&about, &doing, group, looks));
    }
    Chapter {
        id: "throughput",
        title: "Throughput",
        read: "Messages that the receiver verified in a second. Higher is better. Both axes are \
               logarithmic: the same distance is the same factor. A marker is the median of the valid \
               runs, the whisker through it reaches from the slowest run to the fastest; where \
               whiskers of two transports overlap, the difference between them is not certain."
            .to_owned(),
        missing: none("message rate", &plots),
        plots,
    }
}

pub(super) fn bandwidth<'a>(report: &'a Report, looks: &Looks) -> Chapter<'a> {
    let (mut plots, mut missing) = (Vec::new(), Vec::new());
    let mut has_floor = false;
    for (doing, group) in by_doing(figures(&rows(report), BYTES, None)) {
        let floor = yardstick(report, group.first().and_then(|shown| shown.row.state));
        has_floor |= floor.is_some();
        if distinct(&group, |shown| shown.row.bytes as u64).len() < 2 {
            missing.push(format!(
                "{doing}: of one size only, at which bytes a second say the same as messages a second."
            ));
            continue;
        }
        let title = format!("Bytes a second, {doing}");
        let about = About { name: "bandwidth", title, kind: BYTES, floor };
        plots.extend(plot(&about, &doing, group, looks));
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

pub(super) fn latency<'a>(report: &'a Report, looks: &Looks) -> Chapter<'a> {
    let mut plots = Vec::new();
    for (doing, group) in by_doing(figures(&rows(report), LATENCY, Some(0.5))) {
        if distinct(&group, |shown| shown.row.bytes as u64).len() < 2 {
            // The percentiles show it.
            continue;
        }
        let title = format!("Median latency, {doing}");
        let about = About { name: "latency", title, kind: LATENCY, floor: None };
        plots.extend(plot(&about, &doing, group, looks));
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

/// What a plot is about.
pub(super) struct About<'a> {
    pub(super) name: &'static str,
    pub(super) title: String,
    pub(super) kind: Kind,
    pub(super) floor: Option<Shown<'a>>,
}

pub(super) fn by_doing(shown: Vec<Shown>) -> Vec<(String, Vec<Shown>)> {
    apart(shown, |one| one.row.doing())
}

pub(super) fn none(what: &str, plots: &[Plot]) -> Vec<String> {
    match plots {
        [] => vec![format!("No row of this comparison has a {what}.")],
        _ => Vec::new(),
    }
}

/// Against the size, or bars where there is only one.
pub(super) fn plot<'a>(
    about: &About<'a>,
    doing: &str,
    group: Vec<Shown<'a>>,
    looks: &Looks,
) -> Option<Plot<'a>> {
    let sizes = distinct(&group, |shown| shown.row.bytes as u64);
    match sizes.as_slice() {
        [bytes] => bars(about, &slug(&[about.name, doing, &bytes.to_string()]), group, looks),
        _ => against(
            about,
            doing,
            group,
            looks,
            &By {
                title: "size of a message (the lines stand side by side around each)",
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
    looks: &Looks,
    by: &By,
) -> Option<Plot<'a>> {
    let keys = distinct(&group, by.key);
    let position = |key: u64| (key.max(1) as f64).log2();
    let mut transports = apart(group, |shown| shown.row.transport.clone());
    for (_, shown) in &mut transports {
        shown.sort_by_key(by.key);
    }
    let (drawn, left) = chosen(&transports, looks, about.kind, by.key);
    let series = drawn.iter().map(|(name, shown)| Series {
        look: looks.get(name),
        points: shown
            .iter()
            .map(|one| Point { x: position((by.key)(one)), figure: one.figure(), said: one.said() })
            .collect(),
    });
    let name = slug(&[about.name, doing]);
    let lines = Lines {
        id: name.clone(),
        title: about.title.clone(),
        x: Positions {
            title: by.title.to_owned(),
            named: keys.iter().map(|&key| (position(key), (by.write)(key))).collect(),
        },
        y: Values { title: axis_title(about.kind), write: writes(about.kind) },
        series: series.collect(),
        floor: about.floor.as_ref().map(|floor| (floor.said(), floor.figure())),
    };
    let mut table: Vec<(String, Vec<Option<Shown>>)> = Vec::new();
    for (name, shown) in transports {
        let cell = |key: &u64| shown.iter().find(|one| (by.key)(one) == *key).cloned();
        table.push((name, keys.iter().map(cell).collect()));
    }
    let columns = keys.iter().map(|&key| (by.write)(key)).collect();
    Some(Plot {
        name,
        title: about.title.clone(),
        drawing: lines.draw(),
        grid: Grid {
            caption: about.title.clone(),
            unit: about.kind.shown.to_owned(),
            form: Form::Cross { columns, lines: table, floor: about.floor.clone() },
        },
        notes: left_to_the_table(&left).into_iter().collect(),
        folded: false,
    })
}

type OfTransport<'a> = (String, Vec<Shown<'a>>);

/// As many transports as can be told apart, in the order of the results, and the names of the others.
fn chosen<'b, 'a>(
    transports: &'b [OfTransport<'a>],
    looks: &Looks,
    kind: Kind,
    key: fn(&Shown) -> u64,
) -> (Vec<&'b OfTransport<'a>>, Vec<String>) {
    let all: Vec<Shown> = transports.iter().flat_map(|(_, shown)| shown.clone()).collect();
    let keys = distinct(&all, key);
    // Judged by where most of them have a figure.
    let most =
        keys.into_iter().max_by_key(|&at| all.iter().filter(|shown| key(shown) == at).count());
    let judged = |(_, shown): &OfTransport| {
        let median = shown.iter().find(|one| Some(key(one)) == most).map(|one| one.figure().median);
        let sign = if more_is_better(kind) { -1.0 } else { 1.0 };
        median.map_or(f64::INFINITY, |median| sign * median)
    };
    let mut order: Vec<&OfTransport> = transports.iter().collect();
    order.sort_by(|a, b| {
        let strong = |of: &OfTransport| !looks.get(&of.0).strong;
        strong(a).cmp(&strong(b)).then(judged(a).total_cmp(&judged(b)))
    });
    let left: Vec<String> = order.iter().skip(LINES_MAX).map(|(name, _)| name.clone()).collect();
    let drawn = transports.iter().filter(|(name, _)| !left.contains(name)).collect();
    (drawn, left)
}

/// A transport's bar.
pub(super) fn bar<'a>(one: &Shown, looks: &'a Looks) -> Bar<'a> {
    Bar { look: looks.get(&one.row.transport), figure: one.figure(), said: one.said() }
}

/// Bars of figures of one size, the best first.
pub(super) fn bars<'a>(
    about: &About<'a>,
    name: &str,
    mut group: Vec<Shown<'a>>,
    looks: &Looks,
) -> Option<Plot<'a>> {
    let bytes = usual_size(&distinct(&group, |shown| shown.row.bytes as u64))?;
    group.sort_by(|a, b| {
        let order = a.figure().median.total_cmp(&b.figure().median);
        if more_is_better(about.kind) { order.reverse() } else { order }
    });
    let title = format!("{}, {}", about.title, size(bytes as usize));
    let bars = Bars {
        id: name.to_owned(),
        title: title.clone(),
        axis: axis_title(about.kind),
        write: writes(about.kind),
        from: None,
        bars: group.iter().map(|one| bar(one, looks)).collect(),
        floor: about.floor.as_ref().map(|floor| (floor.said(), floor.figure())),
    };
    let drawing = if group.len() > 1 { bars.draw() } else { None };
    let alone = drawing.is_none().then(|| "One row only: there is nothing to draw.".to_owned());
    let mut lines: Vec<_> =
        group.into_iter().map(|shown| (shown.row.transport.clone(), shown)).collect();
    lines.extend(about.floor.clone().map(|floor| ("floor".to_owned(), floor)));
    Some(Plot {
        name: name.to_owned(),
        drawing,
        grid: Grid {
            caption: title.clone(),
            unit: about.kind.shown.to_owned(),
            form: Form::List(lines),
        },
        title,
        notes: alone.into_iter().collect(),
        folded: false,
    })
}

/// What the axis of a kind of figure is of.
pub(super) fn axis_title(kind: Kind) -> String {
    let better = if more_is_better(kind) { "higher is better" } else { "lower is better" };
    format!("{} ({better})", kind.what)
}
