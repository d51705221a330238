//! The report as one page that needs nothing else: no network, no other file, no script. Whatever comes
//! from outside is escaped. It must not know how plots are drawn.

mod conditions;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::MARK;
use super::Report;
use super::figures::{RATIO, digits, size};
use super::plots::{Chapter, Plot, STYLE};
use super::series::Shown;
use crate::plan::goals::{Goal, Verdict};

const PAGE_STYLE: &str = include_str!("page.css");
/// What the project is about.
const RING: &str = "shm-ring";
const TITLE: &str = "Ways to pass messages between two processes, compared";

pub(super) fn render(report: &Report, baseline: &str, chapters: &[Chapter]) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="generator" content=(MARK);
                title { (TITLE) }
                style { (PreEscaped(PAGE_STYLE)) (PreEscaped(STYLE)) }
            }
            body {
                header {
                    h1 { (TITLE) }
                    (conditions::summary(report))
                    (in_short(chapters, baseline))
                    (contents(report, chapters))
                }
                main {
                    (conditions::method(report, baseline))
                    @for chapter in chapters {
                        (section(chapter))
                    }
                    @if !report.goals.is_empty() {
                        (goals(&report.goals))
                    }
                    (conditions::coverage(report))
                    (conditions::left_out(report))
                    (conditions::machine(report))
                }
                footer {
                    p {
                        "The same results stand in results.json, results.csv and results.md, each plot in a \
                         file of its own in plots, beside this page."
                    }
                }
            }
        }
    };
    page.into_string() + "\n"
}

/// What most readers want to know, where it was measured.
fn in_short(chapters: &[Chapter], baseline: &str) -> Markup {
    let plots = chapters.iter().flat_map(|chapter| &chapter.plots).filter(|plot| !plot.folded);
    let ratios: Vec<&Shown> = plots
        .flat_map(|plot| plot.grid.shown())
        .filter(|shown| shown.measured.kind == RATIO && shown.row.transport == RING)
        .collect();
    html! {
        @if !ratios.is_empty() {
            p { (RING) " against " (baseline) ", the ratio of the medians and of single runs to it:" }
            ul class="short" {
                @for shown in ratios {
                    @let figure = shown.figure();
                    li {
                        strong { (digits(figure.median)) "x" } " "
                        (shown.row.doing()) ", " (size(shown.row.bytes)) " "
                        span class="runs" {
                            "(" (digits(figure.min)) " to " (digits(figure.max)) ")"
                        }
                    }
                }
            }
        }
    }
}

fn contents(report: &Report, chapters: &[Chapter]) -> Markup {
    html! {
        nav aria-label="Contents" {
            ul {
                li { a href="#method" { "Method" } }
                @for chapter in chapters {
                    li { a href={ "#" (chapter.id) } { (chapter.title) } }
                }
                @if !report.goals.is_empty() {
                    li { a href="#goals" { "Goals" } }
                }
                li { a href="#runs" { "Runs" } }
                li { a href="#left-out" { "Left out" } }
                li { a href="#machine" { "Machine" } }
            }
        }
    }
}

fn section(chapter: &Chapter) -> Markup {
    html! {
        section id=(chapter.id) {
            h2 { (chapter.title) }
            p class="read" { (chapter.read) }
            @for plot in chapter.plots.iter().filter(|plot| !plot.folded) {
                (figure(plot))
            }
            @for plot in chapter.plots.iter().filter(|plot| plot.folded) {
                details {
                    summary { (plot.title) }
                    (figure(plot))
                }
            }
            @for missing in &chapter.missing {
                p class="note" { (missing) }
            }
        }
    }
}

fn figure(plot: &Plot) -> Markup {
    html! {
        figure id={ "figure-" (plot.name) } {
            @if !plot.folded {
                h3 { (plot.title) }
            }
            div class="beside" {
                @if let Some(drawing) = &plot.drawing {
                    (drawing.inline())
                }
                (plot.grid.render())
            }
            @if !plot.notes.is_empty() {
                figcaption { (plot.notes.join(" ")) }
            }
        }
    }
}

fn goals(goals: &[Goal]) -> Markup {
    let said = |verdict| match verdict {
        Verdict::AimReached => "aim reached",
        Verdict::MustReached => "must reached",
        Verdict::Missed => "missed",
        Verdict::NotMeasured => "not measured",
        Verdict::NotJudged => "not judged",
    };
    html! {
        section id="goals" {
            h2 { "Goals" }
            p class="read" {
                "What the project set out to reach, as ratios of medians of this comparison, in each state of \
                 the machine by itself: what must be reached, what is aimed at, and which of the two was."
            }
            div class="table" {
                table {
                    caption { "Goals of the project" }
                    thead {
                        tr {
                            th scope="col" { "goal" }
                            th scope="col" class="words" { "measure" }
                            th scope="col" { "state" }
                            @for head in ["value", "single runs", "must", "aim"] {
                                th scope="col" { (head) }
                            }
                            th scope="col" class="words" { "reached" }
                        }
                    }
                    tbody {
                        @for goal in goals {
                            tr {
                                th scope="row" { (goal.id) }
                                td class="words" { (goal.measured()) }
                                td { @if let Some(state) = goal.state { (state) } }
                                td { (goal.value.map_or_else(|| "-".to_owned(), digits)) }
                                td {
                                    @if let Some([least, most]) = goal.range {
                                        (digits(least)) " to " (digits(most))
                                    }
                                }
                                td { (goal.must) }
                                td { (goal.aim) }
                                @let missed = goal.verdict == Verdict::Missed;
                                td class={ "words" (if missed { " bad" } else { "" }) } {
                                    (said(goal.verdict))
                                    @if let Some(note) = &goal.note { ": " (note) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
