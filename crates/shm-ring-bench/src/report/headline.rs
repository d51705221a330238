//! Owns: what a comparison says in a few sentences of the ring as it waits by default: beside the baseline, beside the
//! best other queue and beside the floor, and what it could not judge. Knows nothing of: where that is shown.

use super::figures::digits;
use super::table::{BASELINE, latency};
use super::{Outcome, Report};
use crate::plan::ENOUGH;
use crate::plan::figure::Figure;
use crate::plan::state::Seen;
use crate::run::spec::Workload;
use crate::run::transport::{DEFAULT, is_the_ring};

/// What is said of one state of the machine.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Headline {
    /// The state with its floor, if there is one.
    pub(super) state: Option<String>,
    pub(super) sentences: Vec<String>,
    /// Of how many valid runs that is.
    pub(super) runs: String,
    /// What has too few valid runs.
    pub(super) not_judged: Vec<String>,
}

/// What the brackets of a headline are.
pub(super) const BRACKETS: &str =
    "In brackets: the minimum and the maximum that a run of one can be to a run of the other.";
/// What to do about what could not be judged.
pub(super) const QUIETER: &str = "Other work had the processors, here or, beside a virtual machine, on its host. Measure again \
     when it is quiet; `shm-ring-bench doctor` says what else may be in the way.";

/// Of each state that is shown. Nothing where the ring as it waits by default was not compared with anything.
pub(super) fn headlines(report: &Report, baseline: &str) -> Vec<Headline> {
    // Goals say themselves how they were reached.
    if !report.goals.is_empty() {
        return Vec::new();
    }
    let seen: Vec<Option<&Seen>> = match report.states.as_slice() {
        [] => vec![None],
        states => states.iter().filter(|seen| report.shows(seen.state)).map(Some).collect(),
    };
    let all = seen.into_iter().map(|seen| headline(report, baseline, seen));
    all.filter(|one| !(one.sentences.is_empty() && one.not_judged.is_empty())).collect()
}

fn headline(report: &Report, baseline: &str, seen: Option<&Seen>) -> Headline {
    let mut said = Headline { state: seen.map(named), ..Headline::default() };
    let mut runs: Vec<String> = Vec::new();
    let streams = rows(report, Workload::Stream, seen);
    if let Some(ring) = the_ring(&streams) {
        let beside = beside(ring, &streams, baseline, &mut said.not_judged);
        if !beside.is_empty() {
            let ratios: Vec<&str> = beside.iter().map(|(ratio, _)| ratio.as_str()).collect();
            said.sentences.push(format!(
                "On this machine the ring, waiting as it does by default, passes {}-byte messages {}.",
                ring.bytes,
                ratios.join(" and ")
            ));
            let of = std::iter::once(ring).chain(beside.iter().map(|&(_, row)| row));
            runs.extend(of.map(|row| format!("{} of {}", row.runs, row.transport)));
        }
    }
    if let (Some(ring), Some(seen)) = (the_ring(&rows(report, Workload::Echo, seen)), seen) {
        match latency(ring, 0.5).filter(|_| ring.runs >= ENOUGH) {
            Some(half) => {
                let floor = seen.floor_ns.median;
                let over = Figure {
                    median: half.median / floor,
                    min: half.min / floor,
                    max: half.max / floor,
                };
                said.sentences.push(format!(
                    "A round trip takes {} what two cache lines cost ({} beside {} ns).",
                    times(over),
                    digits(half.median),
                    digits(floor)
                ));
                runs.push(format!("{} of the round trip", ring.runs));
            }
            None => said.not_judged.push(format!("the round trip ({})", valid(&[ring]))),
        }
    }
    said.runs = runs.join(", ");
    said
}

/// The state, with what tells it.
fn named(seen: &Seen) -> String {
    format!("state {}, floor {} ns", seen.state, digits(seen.floor_ns.median))
}

/// What does that with messages of the usual size in that state.
fn rows<'a>(report: &'a Report, workload: Workload, seen: Option<&Seen>) -> Vec<&'a Outcome> {
    let state = seen.map(|seen| seen.state);
    let does = |row: &&Outcome| row.workload == workload && row.state == state;
    let sizes = || report.results.iter().filter(does).map(|row| row.bytes);
    let usual = sizes().find(|&bytes| bytes == 64).or_else(|| sizes().min());
    report.results.iter().filter(does).filter(|row| Some(row.bytes) == usual).collect()
}

fn the_ring<'a>(rows: &[&'a Outcome]) -> Option<&'a Outcome> {
    rows.iter().copied().find(|row| row.transport == DEFAULT)
}

/// How many times as fast as the baseline and as the best of the others the ring is, and beside which row that is.
fn beside<'a>(
    ring: &Outcome,
    rows: &[&'a Outcome],
    baseline: &str,
    not_judged: &mut Vec<String>,
) -> Vec<(String, &'a Outcome)> {
    let mut ratios = Vec::new();
    let base = rows.iter().copied().find(|row| row.transport == baseline);
    if let Some(base) = base.filter(|base| !is_the_ring(&base.transport)) {
        let called = match baseline {
            BASELINE => format!("the textbook semaphore ({BASELINE})"),
            other => other.to_owned(),
        };
        match ratio(ring, base) {
            Some(ratio) => ratios.push((format!("{} as fast as {called}", times(ratio)), base)),
            None => not_judged.push(format!("the ring beside {called} ({})", valid(&[ring, base]))),
        }
    }
    let is_other = |row: &&&Outcome| !is_the_ring(&row.transport) && row.transport != baseline;
    let (known, unknown): (Vec<&Outcome>, Vec<&Outcome>) =
        rows.iter().filter(is_other).partition(|row| row.runs >= ENOUGH);
    let speed = |row: &&Outcome| row.msgs_per_s.map_or(0.0, |figure| figure.median);
    let best = known.into_iter().max_by(|a, b| speed(a).total_cmp(&speed(b)));
    match best.and_then(|best| Some((ratio(ring, best)?, best))) {
        Some((ratio, best)) => {
            let and_not = match unknown.as_slice() {
                [] => String::new(),
                some => format!(", not judged: {}", names(some)),
            };
            let other = format!("the best other queue here ({}{and_not})", best.transport);
            ratios.push((format!("{} as fast as {other}", times(ratio)), best));
        }
        None if rows.iter().any(|row| is_other(&row)) => {
            not_judged.push(match best {
                Some(best) => {
                    format!("the ring beside the best other queue ({})", valid(&[ring, best]))
                }
                None => format!("the best other queue ({})", valid(&unknown)),
            });
        }
        None => {}
    }
    ratios
}

/// The ratio of the medians, and from the slowest run beside the other's fastest to the fastest beside the
/// other's slowest. `None` if one of the two has too few valid runs.
fn ratio(over: &Outcome, under: &Outcome) -> Option<Figure> {
    let (a, b) = (over.msgs_per_s?, under.msgs_per_s?);
    let (median, min, max) = (a.median / b.median, a.min / b.max, a.max / b.min);
    let judged = over.runs >= ENOUGH && under.runs >= ENOUGH && median.is_finite();
    judged.then_some(Figure { median, min, max })
}

fn times(figure: Figure) -> String {
    let [median, min, max] = [figure.median, figure.min, figure.max].map(digits);
    format!("{median} times ({min} to {max})")
}

fn names(rows: &[&Outcome]) -> String {
    rows.iter().map(|row| row.transport.as_str()).collect::<Vec<_>>().join(", ")
}

/// The valid runs of each.
fn valid(rows: &[&Outcome]) -> String {
    let runs = |row: &&Outcome| match row.runs {
        0 => format!("no valid run of {}", row.transport),
        1 => format!("1 valid run of {}", row.transport),
        many => format!("{many} of {}", row.transport),
    };
    rows.iter().map(runs).collect::<Vec<_>>().join(", ")
}

/// How what was not judged begins.
pub(super) fn not_judged(said: &Headline) -> Option<String> {
    let all = said.not_judged.join("; ");
    (!all.is_empty())
        .then(|| format!("Not judged, since {ENOUGH} valid runs of each are needed: {all}."))
}
