//! Tables of the page: the figures that a plot shows, to read and to copy. They must not know how
//! figures were chosen.

use maud::{Markup, html};

use super::figures::digits;
use super::series::Shown;
use super::what;
use crate::plan::ENOUGH;

/// The figures of a plot.
#[derive(Clone, Debug)]
pub(super) struct Grid<'a> {
    pub(super) caption: String,
    /// The unit of all cells; nothing where the caption says it.
    pub(super) unit: String,
    pub(super) form: Form<'a>,
}

#[derive(Clone, Debug)]
pub(super) enum Form<'a> {
    /// A line for each figure.
    List(Vec<(String, Shown<'a>)>),
    /// A line for each name, a column for each position, and what holds for all of them.
    Cross {
        columns: Vec<String>,
        lines: Vec<(String, Vec<Option<Shown<'a>>>)>,
        floor: Option<Shown<'a>>,
    },
}

impl<'a> Grid<'a> {
    /// All figures of it.
    pub(super) fn shown(&self) -> Vec<&Shown<'a>> {
        match &self.form {
            Form::List(lines) => lines.iter().map(|(_, shown)| shown).collect(),
            Form::Cross { lines, .. } => {
                lines.iter().flat_map(|(_, cells)| cells).flatten().collect()
            }
        }
    }

    pub(super) fn render(&self) -> Markup {
        html! {
            div class="table" {
                table {
                    caption {
                        (self.caption)
                        @if !self.unit.is_empty() { ", " (self.unit) }
                        @if let Form::Cross { .. } = self.form {
                            ": median (valid runs), below it minimum to maximum"
                        }
                    }
                    @match &self.form {
                        Form::List(lines) => (list(lines)),
                        Form::Cross { columns, lines, floor } => {
                            (cross(columns, lines, floor.as_ref()))
                        },
                    }
                }
            }
        }
    }
}

fn list(lines: &[(String, Shown)]) -> Markup {
    html! {
        thead {
            tr {
                th scope="col" { "transport" }
                th scope="col" { "median" }
                th scope="col" { "min" }
                th scope="col" { "max" }
                th scope="col" { "runs" }
            }
        }
        tbody {
            @for (name, shown) in lines {
                @let figure = shown.figure();
                tr data-row=(shown.index) data-figure=(shown.measured.kind.key)
                    data-part=[shown.measured.part] {
                    th scope="row" title=(explained(name)) { (name) }
                    td { strong { (value("median", figure.median, shown)) } }
                    td { (value("min", figure.min, shown)) }
                    td { (value("max", figure.max, shown)) }
                    td { (runs(shown)) }
                }
            }
        }
    }
}

fn cross(
    columns: &[String],
    lines: &[(String, Vec<Option<Shown>>)],
    floor: Option<&Shown>,
) -> Markup {
    html! {
        thead {
            tr {
                th scope="col" { "transport" }
                @for column in columns {
                    th scope="col" { (column) }
                }
            }
        }
        tbody {
            @for (name, cells) in lines {
                tr {
                    th scope="row" title=(explained(name)) { (name) }
                    @for shown in cells {
                        @match shown {
                            Some(shown) => (cell(shown, 1)),
                            None => td class="none" { "-" },
                        }
                    }
                }
            }
            @if let Some(floor) = floor {
                tr {
                    th scope="row" { "floor" }
                    (cell(floor, columns.len()))
                }
            }
        }
    }
}

/// What stands at the head of a line: a transport, or the floor beneath all of them.
fn explained(name: &str) -> &'static str {
    match name {
        "floor" => "what moving bytes between the two processors costs without any queue",
        name => what(name),
    }
}

/// Median, range and runs in one cell over some columns.
fn cell(shown: &Shown, columns: usize) -> Markup {
    let figure = shown.figure();
    html! {
        td data-row=(shown.index) data-figure=(shown.measured.kind.key)
            data-part=[shown.measured.part] colspan=[(columns > 1).then_some(columns)] {
            strong { (value("median", figure.median, shown)) }
            span class="runs" { " (" (runs(shown)) ")" }
            span class="range" {
                (value("min", figure.min, shown)) " to " (value("max", figure.max, shown))
            }
        }
    }
}

/// A value as it is read, and as it was measured.
fn value(which: &str, value: f64, shown: &Shown) -> Markup {
    html! { data class=(which) value=(value) { (digits(value / shown.measured.kind.scale)) } }
}

/// How many runs are valid; so few that a figure says little are marked.
fn runs(shown: &Shown) -> Markup {
    let class = if shown.row.runs < ENOUGH { "runs few" } else { "runs" };
    html! { data class=(class) value=(shown.row.runs) { (shown.row.runs) } }
}
