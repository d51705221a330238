//! The report as one page that needs nothing else: no network, no other file, no script. Whatever comes
//! from outside is escaped. It must not know how plots are drawn.

mod conditions;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::MARK;
use super::Report;
use super::figures::digits;
use super::headline::{BRACKETS, QUIETER, headlines, not_judged};
use super::plots::{Chapter, Plot, STYLE, class};
use crate::plan::goals::{Goal, Verdict};
use crate::plan::state::State;

const PAGE_STYLE: &str = include_str!("page.css");
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
                header id="top" {
                    h1 { (TITLE) }
                    (in_short(report, baseline))
                    (conditions::summary(report))
                    (contents(report, chapters))
                }
                main {
                    (transports(report, baseline))
                    @for chapter in chapters {
                        (section(report, chapter))
                    }
                    @if !report.goals.is_empty() {
                        (goals(&report.goals))
                    }
                    (conditions::method(report, baseline))
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

/// What most readers want to know, state by state, and what could not be judged.
fn in_short(report: &Report, baseline: &str) -> Markup {
    let all = headlines(report, baseline);
    html! {
        @for said in &all {
            div class="short" {
                @if let Some(state) = &said.state {
                    p class="state" { "In " (state) ":" }
                }
                @for sentence in &said.sentences {
                    p class="headline" { (sentence) }
                }
                @if !said.runs.is_empty() {
                    p class="note" { "Valid runs: " (said.runs) ". " (BRACKETS) }
                }
                @if let Some(what) = not_judged(said) {
                    p class="withheld" { (what) }
                }
            }
        }
        @if all.iter().any(|said| !said.not_judged.is_empty()) {
            p class="note" { (QUIETER) }
        }
    }
}

/// What each transport is, in the colours that it has in the plots.
fn transports(report: &Report, baseline: &str) -> Markup {
    html! {
        section id="transports" {
            (heading("Transports"))
            p class="read" {
                "Everything that was compared. Pointing at a name, here or in a plot, says what it is. "
                "The ratios of this page are to " (baseline) "."
            }
            dl class="transports" {
                @for (name, what) in report.explained() {
                    dt class=(class(name, baseline)) { (name) }
                    dd { (what) }
                }
            }
        }
    }
}

/// A heading, and the way back.
fn heading(title: &str) -> Markup {
    html! { h2 { (title) " " a class="up" href="#top" { "to the top" } } }
}

fn contents(report: &Report, chapters: &[Chapter]) -> Markup {
    html! {
        nav aria-label="Contents" {
            ul {
                li { a href="#transports" { "Transports" } }
                @for chapter in chapters {
                    li { a href={ "#" (chapter.id) } { (chapter.title) } }
                }
                @if !report.goals.is_empty() {
                    li { a href="#goals" { "Goals" } }
                }
                li { a href="#method" { "Method" } }
                li { a href="#runs" { "Runs" } }
                li { a href="#left-out" { "Left out" } }
                li { a href="#machine" { "Machine" } }
            }
        }
    }
}

fn section(report: &Report, chapter: &Chapter) -> Markup {
    let of = |state: Option<State>| {
        let is_of = move |plot: &&Plot| plot.state() == state;
        chapter.plots.iter().filter(is_of).collect::<Vec<_>>()
    };
    // What belongs to no state comes last.
    let states = report.states.iter().map(|seen| Some(seen.state)).chain([None]);
    html! {
        section id=(chapter.id) {
            (heading(chapter.title))
            p class="read" { (chapter.read) }
            @for (state, plots) in states.map(|state| (state, of(state))) {
                @if !plots.is_empty() {
                    (in_state(report, state, &plots))
                }
            }
            @for missing in &chapter.missing {
                p class="note" { (missing) }
            }
        }
    }
}

/// The plots of one state of the machine, kept apart from those of the other.
fn in_state(report: &Report, state: Option<State>, plots: &[&Plot]) -> Markup {
    let floor = state.and_then(|state| report.floor(state));
    html! {
        div class={ "plots" @if let Some(state) = state { " " (state) } } {
            @if let (Some(state), Some(floor), true) = (state, floor, report.states.len() > 1) {
                p class="state" { "State " (state) ", floor " (digits(floor.median)) " ns" }
            }
            @for plot in plots.iter().filter(|plot| !plot.folded) {
                (figure(plot))
            }
            @for plot in plots.iter().filter(|plot| plot.folded) {
                details {
                    summary { (plot.title) }
                    (figure(plot))
                }
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
            (heading("Goals"))
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
