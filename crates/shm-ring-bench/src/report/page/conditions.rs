//! What has to be known to believe the figures: how they were measured, on what, which runs there were
//! and which were discarded. It must not show any result.

use maud::{Markup, html};

use super::super::figures::{digits, size};
use super::super::{Outcome, Report, what};
use super::heading;
use crate::plan::state::Seen;
use crate::plan::stats::Excluded;
use crate::run::transport::{find, list};

/// The comparison in a few lines.
pub(super) fn summary(report: &Report) -> Markup {
    let machine = &report.machine;
    let runs: u32 = report.results.iter().map(|row| row.runs).sum();
    let out = report.excluded().count();
    html! {
        p class="summary" {
            (machine.cpu) ", " (machine.cores) " processors, Linux " (machine.kernel) ", commit "
            code { (machine.commit) } ". " (report.rows_once().count()) " rows, " (runs) " valid runs, "
            (out) " discarded."
            @for Seen { state, floor_ns, runs } in &report.states {
                " Floor of a round trip, " (state) ": " (digits(floor_ns.median)) " ns ("
                (digits(floor_ns.min)) " to " (digits(floor_ns.max)) ", " (runs) " runs)."
            }
        }
    }
}

pub(super) fn method(report: &Report, baseline: &str) -> Markup {
    html! {
        section id="method" {
            (heading("Method"))
            dl {
                dt { "Processes" }
                dd {
                    "Sender and receiver are two processes, started afresh for each run and pinned to a \
                     processor each. Queues between threads, which are there for reference, run as two \
                     threads pinned alike."
                }
                dt { "Side by side" }
                dd {
                    "A round goes through all rows before the next round begins, so that a machine that \
                     slows down slows all of them. Ratios within this comparison mean something; a figure \
                     alone belongs to the machine."
                }
                dt { "Floor" }
                dd {
                    "Beside every timed run the same two processes play ping-pong on two lines of memory: \
                     the minimum that a round trip between these processors can cost, timed in the same way."
                }
                dt { "States" }
                dd {
                    "A virtual machine is for seconds or minutes in one of two states: near, where both \
                     processors share a cache that answers, and far, where they do not. The floor of a run \
                     tells which. Runs of the two are kept apart, and every figure and every ratio is of runs \
                     of one state."
                }
                dt { "Exclusion" }
                dd {
                    "A run is discarded if the floor beside it fits no state (it is outside 0.6 to 1.6 of the \
                     median floor of each), or if a side that does not sleep had less than 0.85 \
                     of its processor. What the run measured is not looked at."
                }
                dt { "Verification" }
                dd {
                    "Only messages count that the receiver verified: a first word made from the number and a \
                     secret of the run, a last one made from the first, and in the warm-up every word \
                     between. A message that was lost, repeated, reordered, torn or foretold fails the run."
                }
                dt { "Figures" }
                dd {
                    "The median of the valid runs, with the minimum and the maximum of them. Two transports \
                     whose ranges overlap may differ by noise alone. A dash in a table stands where there is no \
                     figure: no run is valid, or the row was not part of the comparison. The baseline of ratios is "
                    (baseline) "."
                    @if report.has("sysv-binary") {
                        " sysv-binary is kept below 32,767 handoffs a run: with SEM_UNDO, as it is taught, \
                         it fails there."
                    }
                }
            }
        }
    }
}

/// Which rows there are, and how many runs of each are valid.
pub(super) fn coverage(report: &Report) -> Markup {
    let mut doings: Vec<(String, Vec<&Outcome>)> = Vec::new();
    for row in &report.results {
        let doing = row.doing();
        match doings.iter_mut().find(|(other, _)| *other == doing) {
            Some((_, rows)) => rows.push(row),
            None => doings.push((doing, vec![row])),
        }
    }
    html! {
        section id="runs" {
            (heading("Runs"))
            p class="read" {
                "How many runs of each row are valid, and in brackets how many were discarded. A dash is a row \
                 that was not part of the comparison: nobody asked for it, or the transport cannot do it, \
                 which its line says."
            }
            div class="small" {
                @for (doing, rows) in &doings {
                    (runs_of(doing, rows))
                }
            }
        }
    }
}

fn runs_of(doing: &str, rows: &[&Outcome]) -> Markup {
    let mut sizes: Vec<usize> = rows.iter().map(|row| row.bytes).collect();
    sizes.sort_unstable();
    sizes.dedup();
    let mut names: Vec<&str> = Vec::new();
    for row in rows {
        if !names.contains(&row.transport.as_str()) {
            names.push(&row.transport);
        }
    }
    let of = |name: &str, bytes: usize| {
        rows.iter().find(|row| row.transport == name && row.bytes == bytes)
    };
    let cannot = |name: &str, bytes: usize| {
        find(name).is_some_and(|entry| !entry.does(rows[0].workload, bytes))
    };
    html! {
        div class="table" {
            table {
                caption { "Runs of " (doing) }
                thead {
                    tr {
                        th scope="col" { "transport" }
                        @for &bytes in &sizes {
                            th scope="col" { (size(bytes)) }
                        }
                    }
                }
                tbody {
                    @for name in names {
                        tr {
                            th scope="row" title=(what(name)) { (name) }
                            @for &bytes in &sizes {
                                @match of(name, bytes) {
                                    Some(row) => td class=[(row.runs == 0).then_some("bad")] {
                                        (row.runs)
                                        @if row.excluded > 0 { " (" (row.excluded) ")" }
                                    },
                                    None => td class="none" {
                                        (if cannot(name, bytes) { "cannot" } else { "-" })
                                    },
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Transports that could have been compared and were not.
fn not_compared(report: &Report) -> Vec<&'static str> {
    list()
        .filter(|entry| !entry.yardstick && !report.has(entry.name))
        .map(|entry| entry.name)
        .collect()
}

pub(super) fn left_out(report: &Report) -> Markup {
    let Excluded { floor, preempted, failed } = report.excluded();
    let reasons = [
        ("floor", floor, "the floor beside the run fits no state"),
        ("preempted", preempted, "a side that does not sleep had to share its processor"),
        ("failed", failed, "the run ended with an error or was stuck and killed"),
    ];
    let none: Vec<&Outcome> = report.results.iter().filter(|row| row.runs == 0).collect();
    html! {
        section id="left-out" {
            (heading("Left out"))
            div class="table" {
                table {
                    caption { "Discarded runs, by reason" }
                    thead {
                        tr { th scope="col" { "reason" } th scope="col" { "runs" } th scope="col" class="words" { "because" } }
                    }
                    tbody {
                        @for (reason, runs, because) in reasons {
                            tr {
                                th scope="row" { (reason) }
                                td { (runs) }
                                td class="words" { (because) }
                            }
                        }
                    }
                }
            }
            @if !none.is_empty() {
                h3 { "Rows without a valid run" }
                ul class="rows" {
                    @for row in none {
                        li {
                            (row.transport) " " (row.doing()) " " (size(row.bytes)) ": "
                            @match row.excluded_for.reasons().join(", ").as_str() {
                                "" => "was not run",
                                reasons => (reasons),
                            }
                        }
                    }
                }
            }
            @let others = not_compared(report);
            @if !others.is_empty() {
                h3 { "Transports that were not part of this comparison" }
                p { (others.join(", ")) }
            }
            @let failed: Vec<_> = report.rows_once().filter(|row| !row.failures.is_empty()).collect();
            h3 { "Failures" }
            @if failed.is_empty() {
                p { "No run failed." }
            } @else {
                ul class="failures" {
                    @for row in failed {
                        @for failure in &row.failures {
                            li { (row.transport) " " (row.workload) " " (size(row.bytes)) ": " (failure) }
                        }
                    }
                }
            }
        }
    }
}

pub(super) fn machine(report: &Report) -> Markup {
    let machine = &report.machine;
    let [receiver, sender] = machine.pinned;
    let clock = if machine.clock.tsc { "time stamp counter" } else { "monotonic clock" };
    let floors = report.states.iter().map(|Seen { state, floor_ns, .. }| {
        let [median, min, max] = [floor_ns.median, floor_ns.min, floor_ns.max].map(digits);
        format!("{state}: {median} ns ({min} to {max})")
    });
    let floor = match floors.collect::<Vec<_>>().join("; ") {
        none if none.is_empty() => "none: on one processor there is no ping-pong".to_owned(),
        floors => floors,
    };
    let facts = [
        ("processor", machine.cpu.clone()),
        ("processors", machine.cores.to_string()),
        ("kernel", format!("Linux {}", machine.kernel)),
        ("receiver pinned to", format!("processor {receiver}")),
        ("sender pinned to", format!("processor {sender}")),
        ("these are", machine.topology.clone()),
        ("floor", floor),
        (
            "clock",
            format!(
                "{clock}, {} ns a tick, {} ns to read (part of every round trip and of the floor)",
                digits(machine.clock.ns_per_tick),
                digits(machine.clock.read_ns)
            ),
        ),
        ("commit", machine.commit.clone()),
        (
            "command",
            report
                .command
                .as_ref()
                .map_or_else(|| "not recorded".to_owned(), |words| words.join(" ")),
        ),
    ];
    html! {
        section id="machine" {
            (heading("Machine"))
            div class="table" {
                table {
                    caption { "What all of this was measured on" }
                    tbody {
                        @for (name, value) in facts {
                            tr { th scope="row" { (name) } td class="words" { (value) } }
                        }
                    }
                }
            }
        }
    }
}
