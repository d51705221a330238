//! How each transport looks in every plot: one colour, one marker and one dash, so that nobody needs
//! to tell colours apart. What the report is about is strong and the many are muted. It must not know
//! what is drawn.

use crate::report::Report;

/// Colours of those that are neither the ring nor what it is compared with.
const MUTED: usize = 4;

/// Characters of a name that a plot has room for.
const LABEL_MAX: usize = 26;

/// The look of a series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Style {
    name: String,
    /// What stands beside its marker: the name, as much of it as there is room for.
    pub(super) label: String,
    /// The class that the style sheet colours.
    pub(super) class: String,
    pub(super) marker: Marker,
    /// Lengths of dashes and gaps; nothing for a whole line.
    pub(super) dash: &'static str,
    pub(super) strong: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Marker {
    Circle,
    Square,
    Diamond,
    Up,
    Down,
    Cross,
    Plus,
    Ring,
    Box,
}

const MARKERS: [Marker; 7] = [
    Marker::Square,
    Marker::Up,
    Marker::Diamond,
    Marker::Down,
    Marker::Cross,
    Marker::Plus,
    Marker::Box,
];
const DASHES: [&str; 5] = ["", "7 3", "2 3", "9 3 2 3", "14 4"];

/// Styles for all transports of a report, in the order in which they come.
#[derive(Clone, Debug)]
pub(super) struct Styles(Vec<Style>);

impl Styles {
    pub(super) fn of(report: &Report, baseline: &str) -> Self {
        let mut styles: Vec<Style> = Vec::new();
        let (mut variants, mut others) = (0, 0);
        for row in &report.results {
            let name = row.transport.as_str();
            if styles.iter().any(|style| style.name == name) {
                continue;
            }
            // Of the ring's, the first is the plain one.
            let (class, marker, dash, strong) = if name == "shm-ring" {
                ("ring".to_owned(), Marker::Circle, DASHES[0], true)
            } else if name == baseline {
                ("base".to_owned(), Marker::Ring, DASHES[0], true)
            } else if name.starts_with("shm-ring") {
                variants += 1;
                let marker = MARKERS[(variants - 1) % MARKERS.len()];
                ("ring".to_owned(), marker, DASHES[1 + (variants - 1) % (DASHES.len() - 1)], true)
            } else {
                others += 1;
                let at = others - 1;
                // Numbers without a common divisor, so that all three repeat as late as possible.
                let (marker, dash) = (MARKERS[at % MARKERS.len()], DASHES[at % DASHES.len()]);
                (format!("other{}", at % MUTED), marker, dash, false)
            };
            let label = shortened(name);
            styles.push(Style { name: name.to_owned(), label, class, marker, dash, strong });
        }
        Self(styles)
    }

    /// The look of a transport of the report.
    pub(super) fn get(&self, transport: &str) -> &Style {
        let found = self.0.iter().find(|style| style.name == transport);
        found.expect("every transport of the report has a look")
    }
}

fn shortened(name: &str) -> String {
    if name.chars().count() <= LABEL_MAX {
        return name.to_owned();
    }
    name.chars().take(LABEL_MAX - 1).chain(['\u{2026}']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Outcome, tests::report};

    #[test]
    fn no_two_of_sixty_transports_look_the_same() {
        let mut report = report();
        let row = report.results[0].clone();
        let named = (0..60).map(|at| match at {
            0..3 => format!("shm-ring-{at}"),
            at => format!("other-{at}"),
        });
        report.results.extend(named.map(|transport| Outcome { transport, ..row.clone() }));
        let Styles(styles) = Styles::of(&report, "other-5");
        assert_eq!(styles.len(), 61);
        for (at, style) in styles.iter().enumerate() {
            let same = |other: &&Style| {
                (other.marker, &other.class, other.dash) == (style.marker, &style.class, style.dash)
            };
            assert_eq!(styles[at + 1..].iter().find(same), None, "{style:?}");
        }
        let strong = styles.iter().filter(|style| style.strong).map(|style| style.name.as_str());
        let strong: Vec<_> = strong.collect();
        assert_eq!(strong, ["shm-ring", "shm-ring-0", "shm-ring-1", "shm-ring-2", "other-5"]);
    }
}
