//! The plots of a report, each with the table of the same figures. It must not know how a page is
//! laid out.

mod axis;
mod bars;
mod cost;
mod drawing;
mod lines;
mod looks;
mod nines;
mod ratio;
mod shown;
mod size;
mod wake;

pub(super) use self::drawing::{Drawing, STYLE};
use self::looks::Looks;
pub(super) use self::shown::Shown;
use super::Report;
use super::grid::Grid;

/// Lines that one plot can carry and still be read. The rest is in the table.
const LINES_MAX: usize = 14;

/// Plots of one kind, and how to read them.
#[derive(Clone, Debug)]
pub(super) struct Chapter<'a> {
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    pub(super) read: String,
    pub(super) plots: Vec<Plot<'a>>,
    /// What is not there, and why.
    pub(super) missing: Vec<String>,
}

/// A plot with its table; where a drawing would say nothing, the table alone.
#[derive(Clone, Debug)]
pub(super) struct Plot<'a> {
    /// Of its file, and in the page.
    pub(super) name: String,
    pub(super) title: String,
    pub(super) drawing: Option<Drawing>,
    pub(super) grid: Grid<'a>,
    /// What else is to be said of it.
    pub(super) notes: Vec<String>,
    /// Whether it is one for a closer look.
    pub(super) folded: bool,
}

/// All that a report has data for.
pub(super) fn chapters<'a>(report: &'a Report, baseline: &str) -> Vec<Chapter<'a>> {
    let looks = Looks::of(report, baseline);
    let mut chapters = vec![
        ratio::chapter(report, &looks, baseline),
        size::throughput(report, &looks),
        size::bandwidth(report, &looks),
        size::latency(report, &looks),
        nines::chapter(report, &looks),
        wake::chapter(report, &looks),
        cost::chapter(report, &looks),
        cost::waiting(report, &looks),
        cost::memory(report, &looks),
    ];
    for plot in chapters.iter_mut().flat_map(|chapter| &mut chapter.plots) {
        let missing = without_valid_run(report, &plot.grid);
        if !missing.is_empty() {
            plot.notes.push(format!("No valid run, so not here: {}.", missing.join(", ")));
        }
    }
    let said = |chapter: &Chapter| !(chapter.plots.is_empty() && chapter.missing.is_empty());
    chapters.into_iter().filter(said).collect()
}

/// Transports that ran beside those of a table and of which no run counts.
fn without_valid_run<'a>(report: &'a Report, grid: &Grid) -> Vec<&'a str> {
    let shown = grid.shown();
    let mut missing: Vec<&str> = Vec::new();
    for row in report.results.iter().filter(|row| row.runs == 0) {
        let beside = |one: &&Shown| (one.row.doing(), one.row.bytes) == (row.doing(), row.bytes);
        let is_there = shown.iter().any(|one| one.row.transport == row.transport);
        if shown.iter().any(beside) && !is_there && !missing.contains(&row.transport.as_str()) {
            missing.push(&row.transport);
        }
    }
    missing
}

/// A word on what would make a plot illegible.
fn left_to_the_table(names: &[String]) -> Option<String> {
    let drawn = "Drawn are the ring, the baseline and the best of the others";
    (!names.is_empty()).then(|| format!("{drawn}; in the table only: {}.", names.join(", ")))
}

/// A name for files and addresses within the page.
fn slug(parts: &[&str]) -> String {
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
