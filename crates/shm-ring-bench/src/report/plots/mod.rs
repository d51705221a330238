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
    pub(super) note: Option<String>,
    /// Whether it is one for a closer look.
    pub(super) folded: bool,
}

/// All that a report has data for.
pub(super) fn chapters<'a>(report: &'a Report, baseline: &str) -> Vec<Chapter<'a>> {
    let looks = Looks::of(report, baseline);
    let chapters = vec![
        size::throughput(report, &looks),
        size::bandwidth(report, &looks),
        size::latency(report, &looks),
        nines::chapter(report, &looks),
        wake::chapter(report, &looks),
        cost::chapter(report, &looks),
        ratio::chapter(report, &looks, baseline),
        cost::waiting(report, &looks),
        cost::memory(report, &looks),
    ];
    let said = |chapter: &Chapter| !(chapter.plots.is_empty() && chapter.missing.is_empty());
    chapters.into_iter().filter(said).collect()
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
