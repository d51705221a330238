//! How each transport looks in every plot: the ring as it waits by default, its other ways, what they are compared with, and
//! the many others. Names tell transports apart, colours only these four. It must not know what is drawn.

use crate::report::{Report, what};
use crate::run::transport::{DEFAULT, is_the_ring};

/// Characters of a name that a plot has room for.
const LABEL_MAX: usize = 26;

/// The look of a series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Style {
    name: String,
    /// The name, as much of it as there is room for.
    pub(super) label: String,
    /// What it is, for those who point at it.
    pub(super) what: &'static str,
    /// The class that the style sheet colours.
    pub(super) class: &'static str,
    /// Whether it is drawn whatever else there is.
    pub(super) strong: bool,
}

/// Styles for all transports of a report, in the order in which they come.
#[derive(Clone, Debug)]
pub(super) struct Styles(Vec<Style>);

impl Styles {
    pub(super) fn of(report: &Report, baseline: &str) -> Self {
        let mut styles: Vec<Style> = Vec::new();
        for row in &report.results {
            let name = row.transport.as_str();
            if styles.iter().any(|style| style.name == name) {
                continue;
            }
            let class = class(name, baseline);
            let (label, strong) = (shortened(name), class != "other");
            styles.push(Style { name: name.to_owned(), label, what: what(name), class, strong });
        }
        Self(styles)
    }

    /// The look of a transport of the report.
    pub(super) fn get(&self, transport: &str) -> &Style {
        let found = self.0.iter().find(|style| style.name == transport);
        found.expect("every transport of the report has a look")
    }
}

/// Which of the four looks a transport has.
pub(in crate::report) fn class(name: &str, baseline: &str) -> &'static str {
    match name {
        DEFAULT => "default",
        name if name == baseline => "base",
        name if is_the_ring(name) => "ring",
        _ => "other",
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
    fn the_default_its_other_ways_the_baseline_and_the_others_differ() {
        let mut report = report();
        let row = report.results[0].clone();
        let named = [DEFAULT, "c-call", "pipe", "an-other", "a-name-that-is-longer-than-a-plot"];
        let rows = named.map(|name| Outcome { transport: name.to_owned(), ..row.clone() });
        report.results.extend(rows);
        let styles = Styles::of(&report, "pipe");
        let look = |name| (styles.get(name).class, styles.get(name).strong);
        let looks = ["shm-ring-spin", DEFAULT, "c-call", "pipe", "an-other"].map(look);
        let wanted =
            [("ring", true), ("default", true), ("ring", true), ("base", true), ("other", false)];
        assert_eq!(looks, wanted);
        assert_eq!(styles.get("pipe").what, "a pipe");
        assert_eq!(styles.get("an-other").what, "no transport of this version of the program");
        assert_eq!(styles.get(named[4]).label, "a-name-that-is-longer-tha\u{2026}");
        assert_eq!(styles.0.len(), 6, "each once");
    }
}
