//! Tables of the page: the figures that a plot shows, to read and to copy. They must not know how
//! figures were chosen.

use maud::{Markup, html};

use super::figures::digits;
use super::plots::Shown;

/// The figures of a plot.
#[derive(Clone, Debug)]
pub(super) struct Grid<'a> {
    pub(super) caption: String,
    /// The unit of all cells, in the words of the heading.
    pub(super) unit: String,
    pub(super) form: Form<'a>,
}

#[derive(Clone, Debug)]
pub(super) enum Form<'a> {
    /// A line for each figure.
    List(Vec<(String, Shown<'a>)>),
    /// A line for each name, a column for each position.
    Cross { columns: Vec<String>, lines: Vec<(String, Vec<Option<Shown<'a>>>)> },
}

impl Grid<'_> {
    pub(super) fn render(&self) -> Markup {
        html! {
            div class="table" {
                table {
                    caption { (self.caption) }
                    @match &self.form {
                        Form::List(lines) => (list(&self.unit, lines)),
                        Form::Cross { columns, lines } => (cross(&self.unit, columns, lines)),
                    }
                }
            }
        }
    }
}

fn list(unit: &str, lines: &[(String, Shown)]) -> Markup {
    html! {
        thead {
            tr {
                th scope="col" { "transport" }
                th scope="col" { "median, " (unit) }
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
                    th scope="row" { (name) }
                    td { strong { (value("median", figure.median, shown)) } }
                    td { (value("min", figure.min, shown)) }
                    td { (value("max", figure.max, shown)) }
                    td { (runs(shown)) }
                }
            }
        }
    }
}

fn cross(unit: &str, columns: &[String], lines: &[(String, Vec<Option<Shown>>)]) -> Markup {
    html! {
        thead {
            tr {
                th scope="col" { (unit) }
                @for column in columns {
                    th scope="col" { (column) }
                }
            }
        }
        tbody {
            @for (name, cells) in lines {
                tr {
                    th scope="row" { (name) }
                    @for cell in cells {
                        @if let Some(shown) = cell {
                            @let figure = shown.figure();
                            td data-row=(shown.index) data-figure=(shown.measured.kind.key)
                                data-part=[shown.measured.part] {
                                strong { (value("median", figure.median, shown)) }
                                span class="range" {
                                    (value("min", figure.min, shown)) " to "
                                    (value("max", figure.max, shown))
                                }
                                span class="range" { (runs(shown)) " runs" }
                            }
                        } @else {
                            td class="none" { "not measured" }
                        }
                    }
                }
            }
        }
    }
}

/// A value as it is read, and as it was measured.
fn value(which: &str, value: f64, shown: &Shown) -> Markup {
    html! { data class=(which) value=(value) { (digits(value / shown.measured.kind.scale)) } }
}

fn runs(shown: &Shown) -> Markup {
    html! { data class="runs" value=(shown.row.runs) { (shown.row.runs) } }
}
