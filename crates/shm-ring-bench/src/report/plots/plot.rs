//! What plots have in common: a chapter of them, each with the table of its figures, drawn as panels of lines against
//! something or as bars. It must not know what is measured nor how a page is laid out.

use super::bars::{Bar, Bars};
use super::drawing::Drawing;
use super::lines::{Curve, Lines, Point, Positions, Values};
use super::style::Styles;
use crate::plan::ENOUGH;
use crate::plan::figure::Figure;
use crate::plan::state::State;
use crate::report::figures::{Kind, size};
use crate::report::grid::{Form, Grid};
use crate::report::series::{Shown, more_is_better, usual_size, writes};
use crate::run::transport::DEFAULT;

/// Panels of one plot that somebody looks at. The rest is in the table.
const PANELS_MAX: usize = 12;

/// Plots of one kind, and how to read them.
#[derive(Clone, Debug)]
pub(in crate::report) struct Chapter<'a> {
    pub(in crate::report) id: &'static str,
    pub(in crate::report) title: &'static str,
    pub(in crate::report) read: String,
    pub(in crate::report) plots: Vec<Plot<'a>>,
    /// What is not there, and why.
    pub(in crate::report) missing: Vec<String>,
}

/// A plot with its table; where a drawing would say nothing, the table alone.
#[derive(Clone, Debug)]
pub(in crate::report) struct Plot<'a> {
    /// Of its file, and in the page.
    pub(in crate::report) name: String,
    pub(in crate::report) title: String,
    pub(in crate::report) drawing: Option<Drawing>,
    pub(in crate::report) grid: Grid<'a>,
    /// What else is to be said of it.
    pub(in crate::report) notes: Vec<String>,
    /// Whether it is one for a closer look.
    pub(in crate::report) folded: bool,
}

impl Plot<'_> {
    /// The state of the machine that all of its figures are of.
    pub(in crate::report) fn state(&self) -> Option<State> {
        self.grid.shown().first().and_then(|shown| shown.row.state)
    }
}

/// What a plot is about.
pub(super) struct About<'a> {
    pub(super) name: &'static str,
    pub(super) title: String,
    pub(super) kind: Kind,
    pub(super) floor: Option<Shown<'a>>,
}

/// Lines over columns.
pub(super) struct Across<'a, K> {
    pub(super) name: String,
    pub(super) title: String,
    pub(super) kind: Kind,
    /// What the axis below is of.
    pub(super) below: &'static str,
    pub(super) columns: Vec<Column>,
    /// In which column a figure stands: that of the same key.
    pub(super) key: K,
    /// A level to compare with, what it is, and its figure in the table.
    pub(super) level: Option<(String, Figure)>,
    pub(super) floor: Option<Shown<'a>>,
}

/// A column of the table, and a position of the plot.
pub(super) struct Column {
    pub(super) key: f64,
    pub(super) named: String,
    /// `None` for what is in the table only.
    pub(super) at: Option<f64>,
}

impl<'a, K: Fn(&Shown) -> f64> Across<'a, K> {
    /// Those first of which `judged` finds the least. Of `transports` as many have panels as are looked at: the ring, what it
    /// is compared with, and the best of the others.
    pub(super) fn plot(
        self,
        mut transports: Vec<(String, Vec<Shown<'a>>)>,
        styles: &Styles,
        judged: impl Fn(&[Shown]) -> f64,
    ) -> Plot<'a> {
        transports.sort_by(|(_, a), (_, b)| judged(a).total_cmp(&judged(b)));
        let strong = transports.iter().filter(|(name, _)| styles.get(name).strong).count();
        let mut room = PANELS_MAX.saturating_sub(strong);
        let mut left: Vec<String> = Vec::new();
        let mut curves = Vec::new();
        for (name, shown) in &transports {
            if !styles.get(name).strong && room == 0 {
                left.push(name.clone());
                continue;
            }
            room -= usize::from(!styles.get(name).strong);
            let points = shown.iter().filter_map(|one| {
                let column = self.columns.iter().find(|column| column.key == (self.key)(one))?;
                let few = one.row.runs < ENOUGH;
                Some(Point { x: column.at?, figure: one.figure(), said: one.said(), few })
            });
            curves.push((name, Curve { style: styles.get(name), points: points.collect() }));
        }
        let beside = curves.iter().find(|(name, _)| *name == DEFAULT);
        let positions = self.columns.iter().filter_map(|one| Some((one.at?, one.named.clone())));
        let lines = Lines {
            id: self.name.clone(),
            title: self.title.clone(),
            x: Positions { title: self.below.to_owned(), named: positions.collect() },
            y: Values { title: axis_title(self.kind), write: writes(self.kind) },
            beside: beside.map(|(_, curve)| curve.clone()),
            curves: curves.into_iter().map(|(_, curve)| curve).collect(),
            floor: self.level,
        };
        let drawing = lines.draw();
        let line = |(name, shown): (String, Vec<Shown<'a>>)| {
            let of =
                |column: &Column| shown.iter().find(|one| (self.key)(one) == column.key).cloned();
            (name, self.columns.iter().map(of).collect())
        };
        let lines = transports.into_iter().map(line).collect();
        let columns = self.columns.iter().map(|column| column.named.clone()).collect();
        Plot {
            name: self.name,
            drawing,
            grid: Grid {
                caption: self.title.clone(),
                unit: self.kind.shown.to_owned(),
                form: Form::Cross { columns, lines, floor: self.floor },
            },
            title: self.title,
            notes: left_to_the_table(&left).into_iter().collect(),
            folded: false,
        }
    }
}

/// A transport's bar.
pub(super) fn bar<'a>(one: &Shown, styles: &'a Styles) -> Bar<'a> {
    let few = Some(one.row.runs).filter(|&runs| runs < ENOUGH);
    Bar { style: styles.get(&one.row.transport), figure: one.figure(), said: one.said(), few }
}

/// Bars of figures of one size, the best first.
pub(super) fn bars<'a>(
    about: &About<'a>,
    name: &str,
    mut group: Vec<Shown<'a>>,
    styles: &Styles,
) -> Option<Plot<'a>> {
    let bytes = usual_size(&group)?;
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
        bars: group.iter().map(|one| bar(one, styles)).collect(),
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

/// A word on what would make a plot illegible.
fn left_to_the_table(names: &[String]) -> Option<String> {
    let drawn = "Drawn are the ring, the baseline and the best of the others";
    (!names.is_empty()).then(|| format!("{drawn}. In the table only: {}.", names.join(", ")))
}

/// A name for files and addresses within the page.
pub(super) fn slug(parts: &[&str]) -> String {
    let mut slug = String::new();
    for character in parts.join("-").chars() {
        match character {
            letter if letter.is_ascii_alphanumeric() => slug.push(letter.to_ascii_lowercase()),
            _ if slug.ends_with('-') => {}
            _ => slug.push('-'),
        }
    }
    slug.trim_matches('-').to_owned()
}
