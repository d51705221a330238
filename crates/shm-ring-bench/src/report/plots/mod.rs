//! The plots of a report, each with the table of the same figures. It must not know how a page is
//! laid out.

mod axis;
mod bars;
mod by_size;
mod cost;
mod drawing;
mod lines;
mod percentiles;
mod plot;
mod ratio;
mod style;
mod wake;

pub(super) use self::drawing::STYLE;
pub(super) use self::plot::{Chapter, Plot};
use self::style::Styles;
pub(super) use self::style::class;
use super::Report;
use super::grid::Grid;
use super::series::{Series, Shown};

/// All that a report has data for.
pub(super) fn chapters<'a>(report: &'a Report, baseline: &str) -> Vec<Chapter<'a>> {
    let (styles, series) = (Styles::of(report, baseline), Series::of(report));
    let mut chapters = vec![
        ratio::chapter(&series, &styles, baseline),
        by_size::throughput(&series, &styles),
        by_size::bandwidth(&series, &styles),
        by_size::latency(&series, &styles),
        percentiles::chapter(&series, &styles),
        wake::chapter(&series, &styles),
        cost::chapter(&series, &styles),
        cost::waiting(&series, &styles),
        cost::memory(&series, &styles),
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
