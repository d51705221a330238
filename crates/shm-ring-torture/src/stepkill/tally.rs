//! Owns: what was counted of each operation. Knows nothing of: what the operations are.

use crate::report::Report;

/// The counts of one operation.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    name: String,
    /// The fewest instructions of a window, and the fewest kills, that show anything.
    least: (u64, u64),
    pub(crate) windows: u64,
    /// Instructions after each of which the region was looked at.
    pub(crate) steps: u64,
    /// Of the shortest window.
    pub(crate) shortest: Option<u64>,
    pub(crate) images: u64,
    pub(crate) kills: u64,
    pub(crate) violations: u64,
}

impl Tally {
    /// A window that was looked at after each instruction.
    pub(crate) fn window(&mut self, steps: u64, images: u64) {
        self.windows += 1;
        self.steps += steps;
        self.images += images;
        self.shortest = Some(self.shortest.unwrap_or(u64::MAX).min(steps));
    }
}

/// The counts of all of them, in the order in which they came up.
#[derive(Debug, Default)]
pub(crate) struct Tallies(Vec<Tally>);

impl Tallies {
    /// The counts of `name`; `least` are the fewest instructions and kills that show anything.
    pub(crate) fn of(&mut self, name: &str, least: (u64, u64)) -> &mut Tally {
        let found = self.0.iter().position(|tally| tally.name == name);
        let index = found.unwrap_or(self.0.len());
        if found.is_none() {
            self.0.push(Tally { name: name.to_owned(), least, ..Tally::default() });
        }
        &mut self.0[index]
    }

    pub(crate) fn are_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn report(&self, report: &mut Report) {
        let (mut steps, mut kills, mut images, mut violations) = (0, 0, 0, 0);
        for tally in &self.0 {
            let Tally { name, least, .. } = tally;
            let shortest = tally.shortest.unwrap_or(0);
            report.at_least(format!("{name}: shortest window"), shortest, least.0, "instructions");
            report.figure(format!("{name}: windows"), tally.windows as f64, "stepped");
            report.figure(format!("{name}: instructions"), tally.steps as f64, "stepped");
            report.figure(format!("{name}: images"), tally.images as f64, "checked");
            report.at_least(format!("{name}: kills"), tally.kills, least.1, "checked");
            report.figure(format!("{name}: violations"), tally.violations as f64, "");
            steps += tally.steps;
            kills += tally.kills;
            images += tally.images;
            violations += tally.violations;
        }
        report.figure("all: instructions", steps as f64, "stepped");
        report.figure("all: images", images as f64, "checked");
        report.figure("all: kills", kills as f64, "checked");
        report.figure("all: violations", violations as f64, "");
    }
}
