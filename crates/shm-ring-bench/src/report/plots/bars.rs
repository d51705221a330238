//! Horizontal bars, one for each transport: its median, whiskers from the minimum to the maximum, and the
//! value in words. On an axis of ratios without a natural beginning there are no bars, only marks,
//! since their length would mean nothing. It must not know what is measured.

use maud::{Markup, html};

use super::axis::Axis;
use super::drawing::{Drawing, Panel, dot, line, name_width, px, text, width, with_room};
use super::style::Style;
use crate::plan::figure::Figure;
use crate::report::figures::digits;
use crate::report::series::{Write, short};

const WIDTH: f64 = 580.0;
const ROW: f64 = 25.0;
const TOP: f64 = 30.0;
const BOTTOM: f64 = 52.0;
/// About how wide a character of the name of a tick is.
const TICK: f64 = 7.9;
/// Values that differ by more than this factor do not fit one axis of differences.
const FEW_TIMES: f64 = 15.0;

/// What is drawn.
pub(super) struct Bars<'a> {
    pub(super) id: String,
    pub(super) title: String,
    /// What the axis is of.
    pub(super) axis: String,
    /// How a value is written.
    pub(super) write: Write,
    /// For ratios, the one from which bars go both ways.
    pub(super) from: Option<f64>,
    pub(super) bars: Vec<Bar<'a>>,
    /// A level to compare with, and what it is.
    pub(super) floor: Option<(String, Figure)>,
}

/// One of them.
pub(super) struct Bar<'a> {
    pub(super) style: &'a Style,
    pub(super) figure: Figure,
    pub(super) said: String,
    /// How many runs are valid, where that is fewer than a figure should be of.
    pub(super) few: Option<u32>,
}

impl Bar<'_> {
    fn value(&self, write: Write) -> String {
        let value = write(self.figure.median, digits);
        match self.few {
            Some(1) => format!("{value} (1 run)"),
            Some(runs) => format!("{value} ({runs} runs)"),
            None => value,
        }
    }
}

impl Bars<'_> {
    /// `None` if there is nothing to draw.
    pub(super) fn draw(&self) -> Option<Drawing> {
        if self.bars.is_empty() {
            return None;
        }
        let names = self.bars.iter().map(|bar| name_width(bar.style));
        let values = self.bars.iter().map(|bar| width(&bar.value(self.write)));
        let left = names.fold(40.0, f64::max) + 14.0;
        let right = WIDTH - values.fold(40.0, f64::max) - 14.0;
        let bottom = TOP + ROW * self.bars.len() as f64;
        let (axis, from) = self.axis([left, right]);
        let body = html! {
            @for tick in axis.ticks() {
                @let at = axis.at(tick.value);
                (line(if tick.named { "grid" } else { "fine" }, (at, TOP), (at, bottom)))
            }
            (names_of_ticks(&axis, self.write, bottom))
            (self.level(&axis, bottom))
            (line("frame", (left, bottom), (right, bottom)))
            @if let Some(from) = from.filter(|_| self.from.is_some()) {
                (line("frame", (axis.at(from), TOP), (axis.at(from), bottom)))
            }
            @for (at, bar) in self.bars.iter().enumerate() {
                (self.bar(bar, &axis, from, left, TOP + ROW * (at as f64 + 0.5)))
            }
            (text("axis", "middle", ((left + right) / 2.0, bottom + 42.0), &self.axis))
        };
        let named: Vec<&str> = self.bars.iter().map(|bar| bar.style.label.as_str()).collect();
        let description = format!(
            "Bars of {}, from top to bottom {}. The figures are in the table beside it.",
            self.axis,
            named.join(", ")
        );
        Some(Drawing {
            id: self.id.clone(),
            title: self.title.clone(),
            axes: String::new(),
            size: (WIDTH, bottom + BOTTOM),
            panels: vec![Panel { title: self.title.clone(), description, body }],
        })
    }

    /// The axis, and where bars begin on it.
    fn axis(&self, pixels: [f64; 2]) -> (Axis, Option<f64>) {
        let floor = self.floor.iter().map(|(_, figure)| *figure);
        let figures: Vec<Figure> = self.bars.iter().map(|bar| bar.figure).chain(floor).collect();
        let all = || figures.iter().flat_map(|figure| [figure.min, figure.median, figure.max]);
        let most = all().fold(0.0, f64::max);
        let least = all().fold(f64::INFINITY, f64::min);
        // What does not stand above zero has no place on an axis of ratios.
        let log = match self.from {
            Some(from) => Axis::log(all().chain([from]), pixels),
            None if least <= 0.0 || most / least <= FEW_TIMES => None,
            None => Axis::log(all(), pixels),
        };
        log.map_or_else(|| (Axis::linear(all(), pixels), Some(0.0)), |axis| (axis, self.from))
    }

    fn level(&self, axis: &Axis, bottom: f64) -> Markup {
        html! {
            @if let Some((name, figure)) = &self.floor {
                @let [at, low, high] = [figure.median, figure.min, figure.max].map(|of| axis.at(of));
                g class="floor" {
                    title { (name) }
                    rect class="band" x=(px(low)) y=(px(TOP)) width=(px(high - low))
                        height=(px(bottom - TOP)) {}
                    (line("level", (at, TOP - 4.0), (at, bottom)))
                    (text("tick", "middle", (at, TOP - 10.0), "floor"))
                }
            }
        }
    }

    fn bar(&self, bar: &Bar, axis: &Axis, from: Option<f64>, left: f64, y: f64) -> Markup {
        let [median, min, max] =
            [bar.figure.median, bar.figure.min, bar.figure.max].map(|value| axis.at(value));
        html! {
            g class={ "series " (bar.style.class) @if bar.few.is_some() { " few" } } {
                title { (bar.said) " " (bar.style.label) ": " (bar.style.what) "." }
                (text("name", "end", (left - 8.0, y + 4.5), &bar.style.label))
                @if let Some(from) = from {
                    @let from = axis.at(from);
                    rect class="bar" x=(px(from.min(median))) y=(px(y - 7.0))
                        width=(px((median - from).abs())) height="14" {}
                } @else {
                    (line("fine", (left, y), (median, y)))
                }
                (line("whisker", (min, y), (max, y)))
                @for end in [min, max] {
                    (line("whisker", (end, y - 4.0), (end, y + 4.0)))
                }
                (dot((median, y)))
                (text("value", "end", (WIDTH - 4.0, y + 4.5), &bar.value(self.write)))
            }
        }
    }
}

/// The names of the ticks that have room beside each other.
fn names_of_ticks(axis: &Axis, write: Write, bottom: f64) -> Markup {
    let named = axis.ticks().into_iter().filter(|tick| tick.named);
    let named = named.map(|tick| (axis.at(tick.value), write(tick.value, short)));
    html! {
        @for (at, name) in with_room(named, TICK) {
            (text("tick", "middle", (at, bottom + 20.0), &name))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::figures::{COST, RATIO};
    use crate::report::plots::style::Styles;
    use crate::report::series::writes;
    use crate::report::tests::report;

    fn drawn(from: Option<f64>, write: Write, figures: &[[f64; 3]]) -> String {
        let styles = Styles::of(&report(), "none");
        let figure = |&[median, min, max]: &[f64; 3]| Figure { median, min, max };
        let style = styles.get("shm-ring-spin");
        let bar = |of| Bar { style, figure: figure(of), said: String::new(), few: None };
        let bars = Bars {
            id: "bars".to_owned(),
            title: String::new(),
            axis: String::new(),
            write,
            from,
            bars: figures.iter().map(bar).collect(),
            floor: None,
        };
        bars.draw().unwrap().file()
    }

    /// The numbers of an attribute of every element of a class.
    fn all(svg: &str, class: &str, attribute: &str) -> Vec<f64> {
        let document = roxmltree::Document::parse(svg).unwrap();
        let of_class = document.descendants().filter(|node| node.attribute("class") == Some(class));
        of_class.filter_map(|node| node.attribute(attribute)?.parse().ok()).collect()
    }

    #[test]
    fn a_ratio_goes_both_ways_from_one_and_its_whiskers_from_the_minimum_to_the_maximum() {
        // An axis from 0.1 to 10, since a little room is left around 0.2 and 5.
        let svg = drawn(Some(1.0), writes(RATIO), &[[4.0, 2.0, 5.0], [0.25, 0.2, 0.5]]);
        let (x, width) = (all(&svg, "bar", "x"), all(&svg, "bar", "width"));
        let one = x[0];
        assert!((x[1] + width[1] - one).abs() < 0.2 && (width[0] - width[1]).abs() < 0.2, "{svg}");
        let (from, to) = (all(&svg, "whisker", "x1"), all(&svg, "whisker", "x2"));
        // As 4 is twice as far from 1 as 2 is.
        let far = (x[0] + width[0] - one) / (from[0] - one);
        assert!((far - 2.0).abs() < 0.02 && to[0] > x[0] + width[0], "{svg}");
    }

    #[test]
    fn bars_begin_at_zero_or_are_none() {
        let svg = drawn(None, writes(COST), &[[4.0, 4.0, 4.0], [8.0, 8.0, 8.0]]);
        let width = all(&svg, "bar", "width");
        assert!((width[1] / width[0] - 2.0).abs() < 0.01, "{width:?}");
        let svg = drawn(None, writes(COST), &[[4.0, 4.0, 4.0], [8000.0, 8000.0, 8000.0]]);
        assert!(all(&svg, "bar", "width").is_empty());
        assert!(svg.contains(">8.00 us<") && svg.contains(">10 ns<"), "{svg}");
        // What is nothing stands on the axis and not beside it.
        let svg = drawn(None, writes(COST), &[[0.0, 0.0, 0.0], [8000.0, 1.0, 8000.0]]);
        assert_eq!(all(&svg, "bar", "width")[0], 0.0);
    }

    #[test]
    fn a_bar_of_few_runs_says_so() {
        let styles = Styles::of(&report(), "none");
        let figure = Figure { median: 4000.0, min: 4000.0, max: 4000.0 };
        let value = |few| {
            Bar { style: styles.get("shm-ring-spin"), figure, said: String::new(), few }
                .value(writes(COST))
        };
        let said = [None, Some(1), Some(2)].map(value);
        assert_eq!(said, ["4.00 us", "4.00 us (1 run)", "4.00 us (2 runs)"]);
    }
}
