//! Lines against an axis of chosen positions: the median of each with whiskers from the least to the
//! most, and each line's name at its end. It must not know what is measured.

use maud::{Markup, html};

use super::axis::Axis;
use super::drawing::{Drawing, line, marker, name_width, px, spread, text};
use super::style::Style;
use crate::plan::figure::Figure;
use crate::report::series::{Write, short};

const WIDTH: f64 = 1120.0;
const HEIGHT: f64 = 500.0;
const LEFT: f64 = 74.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 60.0;
/// Between two names.
const LINE: f64 = 15.0;

/// What is drawn.
pub(super) struct Lines<'a> {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) x: Positions,
    pub(super) y: Values,
    pub(super) curves: Vec<Curve<'a>>,
    /// A level to compare with, and what it is.
    pub(super) floor: Option<(String, Figure)>,
}

/// The axis below: what it is of, and each position with its name, from left to right.
pub(super) struct Positions {
    pub(super) title: String,
    pub(super) named: Vec<(f64, String)>,
}

/// The axis at the left: what it is of, and how a value is written.
pub(super) struct Values {
    pub(super) title: String,
    pub(super) write: Write,
}

/// A line.
pub(super) struct Curve<'a> {
    pub(super) style: &'a Style,
    pub(super) points: Vec<Point>,
}

/// A point of it, and its words for who points at it.
pub(super) struct Point {
    pub(super) x: f64,
    pub(super) figure: Figure,
    pub(super) said: String,
}

impl Lines<'_> {
    /// `None` if there is nothing that an axis could carry.
    pub(super) fn draw(&self) -> Option<Drawing> {
        let points = self.curves.iter().flat_map(|curve| &curve.points);
        let floor = self.floor.iter().map(|(_, figure)| figure);
        let figures: Vec<&Figure> = points.map(|point| &point.figure).chain(floor).collect();
        let values = figures.iter().flat_map(|figure| [figure.min, figure.median, figure.max]);
        let bottom = HEIGHT - BOTTOM;
        let y = Axis::log(values, [bottom, TOP])?;
        let names = self.curves.iter().map(|curve| name_width(curve.style));
        let right = WIDTH - names.fold(60.0, f64::max) - 44.0;
        let (first, last) = (self.x.named.first()?.0, self.x.named.last()?.0);
        // Half a step of room at both ends, for lines that stand side by side.
        let room = (last - first).max(1.0) / (self.x.named.len().max(2) - 1) as f64 * 0.35;
        let x = Axis::between(first - room, last + room, [LEFT, right]);
        let body = html! {
            (self.axes(&x, &y, right, bottom))
            (self.level(&y, right))
            (self.curves(&x, &y, right, bottom))
        };
        Some(Drawing {
            id: self.id.clone(),
            width: WIDTH,
            height: HEIGHT,
            title: self.title.clone(),
            description: self.description(),
            body,
        })
    }

    fn description(&self) -> String {
        let names: Vec<&str> = self.curves.iter().map(|curve| curve.style.label.as_str()).collect();
        format!(
            "Lines of {} against {}, for {}. The figures are in the table beside it.",
            self.y.title,
            self.x.title,
            names.join(", ")
        )
    }

    fn axes(&self, x: &Axis, y: &Axis, right: f64, bottom: f64) -> Markup {
        html! {
            @for tick in y.ticks() {
                @let at = y.at(tick.value);
                (line(if tick.named { "grid" } else { "fine" }, (LEFT, at), (right, at)))
                @if tick.named {
                    (text("tick", "end", (LEFT - 8.0, at + 4.0), &(self.y.write)(tick.value, short)))
                }
            }
            @for (value, name) in &self.x.named {
                @let at = x.at(*value);
                (line("frame", (at, bottom), (at, bottom + 5.0)))
                (text("tick", "middle", (at, bottom + 20.0), name))
            }
            (line("frame", (LEFT, bottom), (right, bottom)))
            (line("frame", (LEFT, TOP), (LEFT, bottom)))
            (text("axis", "start", (8.0, 20.0), &self.y.title))
            (text("axis", "middle", ((LEFT + right) / 2.0, bottom + 46.0), &self.x.title))
        }
    }

    fn level(&self, y: &Axis, right: f64) -> Markup {
        html! {
            @if let Some((name, figure)) = &self.floor {
                @let [at, high, low] = [figure.median, figure.max, figure.min].map(|of| y.at(of));
                g class="floor" {
                    title { (name) }
                    rect class="band" x=(px(LEFT)) y=(px(high)) width=(px(right - LEFT))
                        height=(px(low - high)) {}
                    (line("level", (LEFT, at), (right, at)))
                }
            }
        }
    }

    fn curves(&self, x: &Axis, y: &Axis, right: f64, bottom: f64) -> Markup {
        // Side by side, or whiskers of one position would hide each other.
        let apart = self.x.named.windows(2).map(|pair| x.at(pair[1].0) - x.at(pair[0].0));
        let room = apart.fold(100.0, f64::min) * 0.55;
        let step = (room / self.curves.len() as f64).min(5.0);
        let aside = |at: usize| (at as f64 - (self.curves.len() as f64 - 1.0) / 2.0) * step;
        let ends: Vec<(f64, f64)> = (0..)
            .zip(&self.curves)
            .map(|(at, curve)| {
                let end = curve.points.last();
                end.map_or((LEFT, bottom), |p| (x.at(p.x) + aside(at), y.at(p.figure.median)))
            })
            .collect();
        let mut wanted: Vec<f64> = ends.iter().map(|end| end.1).collect();
        wanted.extend(self.floor.iter().map(|(_, figure)| y.at(figure.median)));
        let labels = spread(&wanted, LINE, [TOP, bottom + 12.0]);
        html! {
            @if let (Some((_, figure)), Some(&at)) = (&self.floor, labels.get(ends.len())) {
                g class="floor" {
                    (line("leader", (right, y.at(figure.median)), (right + 26.0, at)))
                    (text("name", "start", (right + 32.0, at + 4.0), "floor"))
                }
            }
            // The strong ones last, so that nothing covers them.
            @for strong in [false, true] {
                @for (at, curve) in self.curves.iter().enumerate() {
                    @if curve.style.strong == strong {
                        (curve.draw(x, y, aside(at), labels[at], right))
                    }
                }
            }
        }
    }
}

impl Curve<'_> {
    fn draw(&self, x: &Axis, y: &Axis, aside: f64, label: f64, right: f64) -> Markup {
        let at = |point: &Point| (x.at(point.x) + aside, y.at(point.figure.median));
        let pairs = self.points.iter().map(at).map(|(x, y)| format!("{} {}", px(x), px(y)));
        let path = format!("M{}", pairs.collect::<Vec<_>>().join("L"));
        let strong = if self.style.strong { " strong" } else { "" };
        html! {
            g class={ "series " (self.style.class) (strong) } {
                title { (self.style.label) }
                @if self.points.len() > 1 {
                    path class="curve" d=(path) stroke-dasharray=[dash(self.style)] {}
                }
                @for point in &self.points {
                    @let (x, median) = at(point);
                    g class="point" {
                        title { (point.said) }
                        (line("whisker", (x, y.at(point.figure.min)), (x, y.at(point.figure.max))))
                        (marker(self.style, (x, median)))
                    }
                }
                @if let Some(end) = self.points.last() {
                    @let (x, median) = at(end);
                    (line("leader", (x + 7.0, median), (right + 18.0, label)))
                    (marker(self.style, (right + 24.0, label)))
                    (text("name", "start", (right + 34.0, label + 4.0), &self.style.label))
                }
            }
        }
    }
}

fn dash(style: &Style) -> Option<&'static str> {
    (!style.dash.is_empty()).then_some(style.dash)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::figures::LATENCY;
    use crate::report::plots::style::Styles;
    use crate::report::series::writes;
    use crate::report::tests::report;

    #[test]
    fn a_marker_stands_at_the_median_and_its_whisker_from_the_least_to_the_most() {
        let styles = Styles::of(&report(), "none");
        let point = |x, [median, min, max]: [f64; 3]| Point {
            x,
            figure: Figure { median, min, max },
            said: String::new(),
        };
        let lines = Lines {
            id: "lines".to_owned(),
            title: String::new(),
            x: Positions {
                title: String::new(),
                named: vec![(3.0, "8 B".to_owned()), (6.0, "64 B".to_owned())],
            },
            y: Values { title: String::new(), write: writes(LATENCY) },
            curves: vec![Curve {
                style: styles.get("shm-ring"),
                points: vec![point(3.0, [200.0, 100.0, 800.0]), point(6.0, [400.0, 400.0, 400.0])],
            }],
            floor: None,
        };
        let svg = lines.draw().unwrap().file();
        let document = roxmltree::Document::parse(&svg).unwrap();
        let points: Vec<_> = document
            .descendants()
            .filter(|node| node.attribute("class") == Some("point"))
            .collect();
        let of = |at: usize, element: &str, name: &str| {
            let mut inside = points[at].descendants();
            let found = inside.find(|node| node.tag_name().name() == element).unwrap();
            found.attribute(name).unwrap().parse::<f64>().unwrap()
        };
        let (least, most) = (of(0, "line", "y1"), of(0, "line", "y2"));
        let octave = (least - most) / 3.0;
        assert!(octave > 0.0, "up is more");
        assert!((of(0, "circle", "cy") - (least - octave)).abs() < 0.2);
        assert!((of(1, "circle", "cy") - (least - 2.0 * octave)).abs() < 0.2);
        assert_eq!(of(0, "line", "x1"), of(0, "circle", "cx"));
        assert!(of(1, "circle", "cx") > of(0, "circle", "cx"));
        let ticks = [("100 ns", least), ("800 ns", most)];
        let text = |said: &str| document.descendants().find(|node| node.text() == Some(said));
        assert!(text(ticks[0].0).is_some_and(|node| {
            (node.attribute("y").unwrap().parse::<f64>().unwrap() - 4.0 - ticks[0].1).abs() < 0.2
        }));
    }
}
