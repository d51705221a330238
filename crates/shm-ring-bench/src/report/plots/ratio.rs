//! How many times faster each transport is than a chosen one. It must not know how it is drawn.

use super::bars::Bars;
use super::plot::{Chapter, Plot, bar, slug};
use super::style::Styles;
use crate::plan::figure::Figure;
use crate::report::figures::{LATENCY, MESSAGES, Measured, RATIO, size};
use crate::report::grid::{Form, Grid};
use crate::report::series::{Series, Shown, apart, by_doing, usual_size, writes};

pub(super) fn chapter<'a>(series: &Series<'a>, styles: &Styles, baseline: &str) -> Chapter<'a> {
    let mut speeds = series.one(MESSAGES, None);
    speeds.extend(series.one(LATENCY, Some(0.5)));
    let (mut plots, mut missing) = (Vec::new(), Vec::new());
    for (doing, group) in by_doing(speeds) {
        let with_baseline: Vec<_> = apart(group, |shown| shown.row.bytes)
            .into_iter()
            .filter_map(|(bytes, group)| {
                let base = group.iter().find(|shown| shown.row.transport == baseline);
                let base = base.map(Shown::figure).filter(|base| base.median > 0.0);
                if base.is_none() || group.len() < 2 {
                    missing.push(format!("{doing} {}", size(bytes)));
                }
                Some((bytes, base.filter(|_| group.len() > 1)?, group))
            })
            .collect();
        let sizes: Vec<Shown> =
            with_baseline.iter().flat_map(|(_, _, group)| group.clone()).collect();
        let usual = usual_size(&sizes);
        for (bytes, base, group) in with_baseline {
            let plot = plot(&doing, bytes, base, group, styles, baseline);
            plots.push(Plot { folded: usual != Some(bytes as u64), ..plot });
        }
    }
    let missing = match missing.as_slice() {
        [] => Vec::new(),
        some => vec![format!(
            "Not compared, since {baseline} or any other transport has no figure there: {}.",
            some.join(", ")
        )],
    };
    Chapter {
        id: "ratio",
        title: "Times faster",
        read: format!(
            "Each transport against {baseline}: messages a second over its messages a second, or its \
             median latency over theirs. To the right of 1 is faster, to the left slower; the axis is \
             logarithmic. A bar is the ratio of the medians; whiskers are the transport's single runs \
             over the median of {baseline}, so those of {baseline} show how far it swings itself. Every \
             ratio is of rows that ran side by side, and a pale bar is of fewer than three valid runs. A row that spins is fast and keeps its processors busy: look at \
             the cost of a message, too."
        ),
        plots,
        missing,
    }
}

fn plot<'a>(
    doing: &str,
    bytes: usize,
    base: Figure,
    group: Vec<Shown<'a>>,
    styles: &Styles,
    baseline: &str,
) -> Plot<'a> {
    let mut group: Vec<Shown> = group.into_iter().filter_map(|shown| ratio(shown, base)).collect();
    group.sort_by(|a, b| b.figure().median.total_cmp(&a.figure().median));
    let title = format!("Times faster than {baseline}, {doing}, {}", size(bytes));
    let name = slug(&["ratio", doing, &bytes.to_string()]);
    let bars = Bars {
        id: name.clone(),
        title: title.clone(),
        axis: format!("times faster than {baseline}"),
        write: writes(RATIO),
        from: Some(1.0),
        bars: group.iter().map(|one| bar(one, styles)).collect(),
        floor: None,
    };
    Plot {
        name,
        drawing: bars.draw(),
        grid: Grid {
            caption: title.clone(),
            unit: String::new(),
            form: Form::List(
                group.into_iter().map(|shown| (shown.row.transport.clone(), shown)).collect(),
            ),
        },
        title,
        notes: Vec::new(),
        folded: false,
    }
}

/// A speed over the baseline's, or the baseline's time over one.
fn ratio(shown: Shown, base: Figure) -> Option<Shown> {
    let figure = shown.figure();
    let figure = if shown.measured.kind == LATENCY {
        // The longest time is the least speed.
        let [median, min, max] =
            [figure.median, figure.max, figure.min].map(|time| base.median / time);
        Figure { median, min, max }
    } else {
        let [median, min, max] =
            [figure.median, figure.min, figure.max].map(|speed| speed / base.median);
        Figure { median, min, max }
    };
    let measured = Measured { kind: RATIO, part: None, figure };
    (figure.median.is_finite() && figure.max.is_finite()).then_some(Shown { measured, ..shown })
}
