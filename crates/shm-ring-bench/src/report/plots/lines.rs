//! Small multiples: a panel for each line, all on the same axes, with the median of each position, whiskers from the minimum
//! to the maximum, and one line to compare with that all panels repeat. It must not know what is measured.

use maud::{Markup, html};

use super::axis::Axis;
use super::drawing::{Drawing, Panel, dot, line, px, text, with_room};
use super::style::Style;
use crate::plan::figure::Figure;
use crate::report::series::{Write, short};

const WIDTH: f64 = 258.0;
const HEIGHT: f64 = 178.0;
const LEFT: f64 = 58.0;
const RIGHT: f64 = WIDTH - 12.0;
const TOP: f64 = 28.0;
const BOTTOM: f64 = HEIGHT - 26.0;
/// About how wide a character of a tick's name is.
const TICK: f64 = 6.6;

/// What is drawn.
pub(super) struct Lines<'a> {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) x: Positions,
    pub(super) y: Values,
    /// A panel each, in this order.
    pub(super) curves: Vec<Curve<'a>>,
    /// What all panels repeat.
    pub(super) beside: Option<Curve<'a>>,
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
#[derive(Clone)]
pub(super) struct Curve<'a> {
    pub(super) style: &'a Style,
    pub(super) points: Vec<Point>,
}

/// A point of it, and its words for those who point at it.
#[derive(Clone)]
pub(super) struct Point {
    pub(super) x: f64,
    pub(super) figure: Figure,
    pub(super) said: String,
    /// Whether fewer runs are valid than a figure should be of.
    pub(super) few: bool,
}

impl Lines<'_> {
    /// `None` if there is nothing that an axis could carry.
    pub(super) fn draw(&self) -> Option<Drawing> {
        let curves = || self.curves.iter().chain(&self.beside);
        let points = curves().flat_map(|curve| &curve.points);
        let floor = self.floor.iter().map(|(_, figure)| figure);
        let figures: Vec<&Figure> = points.map(|point| &point.figure).chain(floor).collect();
        let values = figures.iter().flat_map(|figure| [figure.min, figure.median, figure.max]);
        let y = Axis::log(values, [BOTTOM, TOP + 6.0])?;
        let (first, last) = (self.x.named.first()?.0, self.x.named.last()?.0);
        // A little room at both ends.
        let room = (last - first).max(1.0) / (self.x.named.len().max(2) - 1) as f64 * 0.3;
        let x = Axis::between(first - room, last + room, [LEFT, RIGHT]);
        let panel = |curve: &Curve| Panel {
            title: format!("{}: {}", curve.style.label, curve.style.what),
            description: format!(
                "A line of {} against {}. The figures are in the table beside it.",
                self.y.title, self.x.title
            ),
            body: self.panel(curve, &x, &y),
        };
        let beside = self
            .beside
            .as_ref()
            .map(|curve| format!(" The dotted line in each panel is {}.", curve.style.label));
        Some(Drawing {
            id: self.id.clone(),
            title: self.title.clone(),
            axes: format!(
                "Up: {}. Along: {}.{}",
                self.y.title,
                self.x.title,
                beside.unwrap_or_default()
            ),
            size: (WIDTH, HEIGHT),
            panels: self.curves.iter().map(panel).collect(),
        })
    }

    fn panel(&self, curve: &Curve, x: &Axis, y: &Axis) -> Markup {
        let is_own = |beside: &&Curve| beside.style != curve.style;
        html! {
            (self.axes(x, y))
            @if let Some((name, figure)) = &self.floor {
                @let [at, high, low] = [figure.median, figure.max, figure.min].map(|of| y.at(of));
                g class="floor" {
                    title { (name) }
                    rect class="band" x=(px(LEFT)) y=(px(high)) width=(px(RIGHT - LEFT))
                        height=(px(low - high)) {}
                    (line("level", (LEFT, at), (RIGHT, at)))
                }
            }
            @if let Some(beside) = self.beside.as_ref().filter(is_own) {
                g class={ "beside " (beside.style.class) } {
                    title { (beside.style.label) }
                    (beside.path(x, y))
                }
            }
            (curve.draw(x, y))
        }
    }

    fn axes(&self, x: &Axis, y: &Axis) -> Markup {
        let mut above = f64::INFINITY;
        let ticks = y.ticks().into_iter().filter(|tick| tick.named).map(|tick| {
            let at = y.at(tick.value);
            let has_room = above - at >= 14.0;
            if has_room {
                above = at;
            }
            (at, (self.y.write)(tick.value, short), has_room)
        });
        let positions = self.x.named.iter().map(|(value, name)| (x.at(*value), name.clone()));
        html! {
            @for (at, name, has_room) in ticks {
                (line("grid", (LEFT, at), (RIGHT, at)))
                @if has_room {
                    (text("small", "end", (LEFT - 5.0, at + 4.0), &name))
                }
            }
            @for (value, _) in &self.x.named {
                (line("frame", (x.at(*value), BOTTOM), (x.at(*value), BOTTOM + 4.0)))
            }
            @for (at, name) in with_room(positions, TICK) {
                (text("small", "middle", (at, BOTTOM + 17.0), &name))
            }
            (line("frame", (LEFT, BOTTOM), (RIGHT, BOTTOM)))
        }
    }
}

impl Curve<'_> {
    fn path(&self, x: &Axis, y: &Axis) -> Markup {
        let at = |point: &Point| (x.at(point.x), y.at(point.figure.median));
        let pairs = self.points.iter().map(at).map(|(x, y)| format!("{} {}", px(x), px(y)));
        let path = format!("M{}", pairs.collect::<Vec<_>>().join("L"));
        html! {
            @if self.points.len() > 1 {
                path class="curve" d=(path) {}
            }
        }
    }

    fn draw(&self, x: &Axis, y: &Axis) -> Markup {
        html! {
            g class={ "series " (self.style.class) } {
                title { (self.style.label) ": " (self.style.what) }
                (text("name panel", "start", (LEFT, TOP - 12.0), &self.style.label))
                (self.path(x, y))
                @for point in &self.points {
                    @let (across, median) = (x.at(point.x), y.at(point.figure.median));
                    @let [low, high] = [point.figure.min, point.figure.max].map(|of| y.at(of));
                    g class={ "point" @if point.few { " few" } } {
                        title { (point.said) }
                        (line("whisker", (across, low), (across, high)))
                        (dot((across, median)))
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::figures::LATENCY;
    use crate::report::plots::style::Styles;
    use crate::report::series::writes;
    use crate::report::tests::report;

    fn lines<'a>(style: &'a Style, points: Vec<Point>) -> Lines<'a> {
        Lines {
            id: "lines".to_owned(),
            title: String::new(),
            x: Positions {
                title: String::new(),
                named: vec![(3.0, "8 B".to_owned()), (6.0, "64 B".to_owned())],
            },
            y: Values { title: String::new(), write: writes(LATENCY) },
            curves: vec![Curve { style, points }],
            beside: None,
            floor: None,
        }
    }

    fn point(x: f64, [median, min, max]: [f64; 3]) -> Point {
        Point { x, figure: Figure { median, min, max }, said: String::new(), few: false }
    }

    #[test]
    fn a_dot_stands_at_the_median_and_its_whisker_from_the_minimum_to_the_maximum() {
        let styles = Styles::of(&report(), "none");
        let points = vec![point(3.0, [200.0, 100.0, 800.0]), point(6.0, [400.0; 3])];
        let svg = lines(styles.get("shm-ring-spin"), points).draw().unwrap().file();
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
        let text = |said: &str| document.descendants().find(|node| node.text() == Some(said));
        let tick = text("100 ns").unwrap().attribute("y").unwrap().parse::<f64>().unwrap();
        assert!((tick - 4.0 - least).abs() < 0.2);
    }

    #[test]
    fn each_line_has_a_panel_that_says_what_it_is_beside_the_one_to_compare_with() {
        let mut report = report();
        let other =
            crate::report::Outcome { transport: "pipe".to_owned(), ..report.results[0].clone() };
        report.results.push(other);
        let styles = Styles::of(&report, "none");
        let curve = |name| Curve {
            style: styles.get(name),
            points: vec![point(3.0, [200.0; 3]), point(6.0, [400.0; 3])],
        };
        let mut lines = lines(styles.get("pipe"), Vec::new());
        lines.curves = vec![curve("shm-ring-spin"), curve("pipe")];
        lines.curves[1].points[0].few = true;
        lines.beside = Some(curve("shm-ring-spin"));
        let drawing = lines.draw().unwrap();
        assert_eq!(drawing.panels.len(), 2);
        assert!(drawing.axes.ends_with("The dotted line in each panel is shm-ring-spin."));
        let [own, pipe] = [0, 1].map(|at: usize| drawing.panels[at].body.0.clone());
        assert!(!own.contains("beside") && pipe.contains("<g class=\"beside ring\">"), "{pipe}");
        assert!(
            pipe.contains("pipe: a pipe") && pipe.contains("point few") && !own.contains("few")
        );
    }
}
