//! The outcome of a comparison, as JSON carries it (`"schema": 3`). It must not know how it is shown.

mod csv;
#[cfg(test)]
mod documents;
mod figures;
pub(crate) mod files;
mod footer;
mod grid;
mod headline;
mod json;
pub(crate) mod machine;
mod markdown;
mod page;
mod plots;
#[cfg(test)]
mod records;
pub(crate) mod schema;
mod series;
pub(crate) mod table;
#[cfg(test)]
pub(crate) mod tests;
#[cfg(test)]
mod texts;

pub(crate) use self::figures::digits;

use serde::{Deserialize, Serialize};

use crate::plan::figure::Figure;
use crate::plan::goals::Goal;
use crate::plan::state::{Seen, State};
use crate::plan::stats::{Excluded, Reason, judged, valid};
use crate::plan::{ENOUGH, Row, seen};
use crate::report::machine::Machine;
use crate::run::Sample;
use crate::run::clock::Clock;
use crate::run::control::Measure;
use crate::run::histogram::PARTS;
use crate::run::spec::Workload;
use crate::run::transport::{DEFAULT, explained};

/// Stands in every page and plot that we write, so that we replace nobody else's.
const MARK: &str = "shm-ring-bench report";

/// The schema that this program writes. It reads those before, too.
pub(crate) const SCHEMA: u32 = 3;

/// A whole comparison.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Report {
    pub(crate) schema: u32,
    pub(crate) machine: Machine,
    /// The command line that asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) command: Option<Vec<String>>,
    /// The states that the machine was in, and the floor of each.
    pub(crate) states: Vec<Seen>,
    pub(crate) results: Vec<Outcome>,
    pub(crate) goals: Vec<Goal>,
}

/// How results are shown to people.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look<'a> {
    /// Whether all of it is shown, and not only what a first reader needs.
    pub(crate) wide: bool,
    /// What everything is compared with.
    pub(crate) baseline: &'a str,
}

/// One row of it in one state of the machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Outcome {
    pub(crate) transport: String,
    pub(crate) workload: Workload,
    pub(crate) bytes: usize,
    /// The state of the machine; none where no floor is measured.
    pub(crate) state: Option<State>,
    /// Nanoseconds between messages, for `wake`, and between bursts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) interval_ns: Option<u64>,
    /// Messages at a time, for `batch`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) batch: Option<usize>,
    /// Messages at once, for `burst`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) burst: Option<usize>,
    /// Messages a second that were due, for `paced`; those that came are `msgs_per_s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) rate: Option<u64>,
    /// Channels, for `fan`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) fan: Option<usize>,
    /// Messages in each run.
    pub(crate) messages: u64,
    /// Valid runs.
    pub(crate) runs: u32,
    /// Discarded runs, by reason. Those that failed or whose floor fits no state belong to the row in
    /// every state.
    pub(crate) excluded: u32,
    pub(crate) excluded_for: Excluded,
    pub(crate) msgs_per_s: Option<Figure>,
    pub(crate) bytes_per_s: Option<Figure>,
    pub(crate) rtt_ns: Option<Percentiles>,
    pub(crate) wake_ns: Option<Figure>,
    /// Of a burst, the time from its first send to its last message received.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) drain_ns: Option<Figure>,
    /// Of a side that waits for seconds, its processor time over wall time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) blocked_cpu: Option<Figure>,
    /// What a side holds in memory beyond the bytes in which messages stand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) held_bytes: Option<Figure>,
    pub(crate) cpu: Option<Cpu>,
    /// How long messages took, from the median to the longest, for workloads that time each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) latency: Vec<Quantile>,
    /// What a message costs both sides together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cost: Option<Cost>,
    /// What the runs that failed said, each once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) failures: Vec<String>,
    /// Every run that came to its end in this state, and those that fit no state.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) each_run: Vec<EachRun>,
}

/// One run of a row.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct EachRun {
    pub(crate) round: u32,
    /// 0 where no floor is measured.
    pub(crate) floor_ns: f64,
    pub(crate) state: Option<State>,
    /// Why it is discarded, if it is.
    pub(crate) excluded: Option<Reason>,
}

/// Percentiles of one run, over the runs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Percentiles {
    pub(crate) p50: Figure,
    pub(crate) p90: Figure,
    pub(crate) p99: Figure,
    pub(crate) p999: Figure,
    pub(crate) max: Figure,
}

/// The time that a part of the messages did not exceed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Quantile {
    /// Which part: 0.5, 0.75, 0.9, 0.99 and so on, and 1 for the longest.
    pub(crate) part: f64,
    pub(crate) ns: Figure,
}

/// What one message costs, both sides together.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Cost {
    /// Processor time in nanoseconds, less that in which the sender of `paced` waits for the next
    /// message to be due.
    pub(crate) cpu_ns: Figure,
    /// Context switches, voluntary and not, less those of a sender that sleeps because the workload
    /// wants it to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) switches: Option<Figure>,
    /// System calls, where they could be counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) system_calls: Option<Figure>,
}

/// Processor time over wall time of the sender (in `echo` the side that answers) and the receiver.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Cpu {
    pub(crate) tx: Figure,
    pub(crate) rx: Figure,
}

impl Report {
    pub(crate) fn new(rows: &[Row], pinned: [usize; 2], clock: Clock, goals: Vec<Goal>) -> Self {
        let states = seen(rows);
        let in_each = |row| {
            let of = |state| Outcome::of(row, &states, state);
            row.states(&states).into_iter().map(of).collect::<Vec<_>>()
        };
        let results = rows.iter().flat_map(in_each).collect();
        let machine = Machine::describe(pinned, clock);
        // Not where the program stands, which says nothing about the results.
        let words = std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned());
        let command = Some(std::iter::once("shm-ring-bench".to_owned()).chain(words).collect());
        let report = Self { schema: SCHEMA, machine, command, states, results, goals };
        // What is shown now is what a file shows later, to the last digit.
        report.json().ok().and_then(|json| serde_json::from_str(&json).ok()).unwrap_or(report)
    }

    /// The report as tables for people, and below them what is to be said of all. Goals stand for the rows behind them.
    pub(crate) fn text(&self, look: Look) -> String {
        let shows_rows = self.goals.is_empty() || look.wide;
        let tables = if shows_rows { table::render(self, look) } else { String::new() };
        tables + &footer::render(self, look)
    }

    /// Whether a state is worth a reader's time: a short visit in which no row has enough valid runs is not, beside another
    /// state in which one has.
    pub(crate) fn shows(&self, state: State) -> bool {
        let enough = |row: &&Outcome| row.runs >= ENOUGH;
        let mut known = self.results.iter().filter(enough).filter_map(|row| row.state).peekable();
        known.peek().is_none() || known.any(|of| of == state)
    }

    /// Whether rows of a state are in the tables.
    pub(crate) fn tabled(&self, state: Option<State>, look: Look) -> bool {
        look.wide || state.is_none_or(|state| self.shows(state))
    }

    /// The transports with what each is: first the ring as it waits by default, then as their rows come.
    fn explained(&self) -> Vec<(&str, &'static str)> {
        let mut names: Vec<&str> = Vec::new();
        for row in &self.results {
            if !names.contains(&row.transport.as_str()) {
                names.push(&row.transport);
            }
        }
        names.sort_by_key(|name| *name != DEFAULT);
        names.into_iter().map(|name| (name, what(name))).collect()
    }

    /// The report as JSON: a line for each row, figures of [`json::DIGITS`] digits.
    pub(crate) fn json(&self) -> Result<String, String> {
        json::render(self).map_err(|error| format!("results as JSON: {error}"))
    }

    /// Whether a transport is part of the comparison.
    pub(crate) fn has(&self, transport: &str) -> bool {
        self.results.iter().any(|row| row.transport == transport)
    }

    /// The floor of a state.
    pub(crate) fn floor(&self, state: State) -> Option<Figure> {
        self.states.iter().find(|seen| seen.state == state).map(|seen| seen.floor_ns)
    }

    /// Each row once, whatever the states: what belongs to no state is in the first of them.
    fn rows_once(&self) -> impl Iterator<Item = &Outcome> {
        let first = self.states.first().map(|seen| seen.state);
        self.results.iter().filter(move |row| row.state.is_none() || row.state == first)
    }

    /// All discarded runs, by reason.
    fn excluded(&self) -> Excluded {
        let once =
            |of: fn(&Excluded) -> u32| self.rows_once().map(|row| of(&row.excluded_for)).sum();
        Excluded {
            floor: once(|excluded| excluded.floor),
            preempted: self.results.iter().map(|row| row.excluded_for.preempted).sum(),
            failed: once(|excluded| excluded.failed),
        }
    }
}

/// What a transport is.
fn what(name: &str) -> &'static str {
    explained(name).unwrap_or("no transport of this version of the program")
}

impl Outcome {
    fn of(row: &Row, states: &[Seen], state: Option<State>) -> Self {
        let samples = valid(&row.samples, states, state, row.idle());
        let each_run: Vec<EachRun> = row
            .samples
            .iter()
            .map(|sample| {
                let (state, excluded) = judged(sample, states, row.idle());
                EachRun { round: sample.round, floor_ns: sample.floor_ns, state, excluded }
            })
            .filter(|run| run.state == state || run.excluded == Some(Reason::Floor))
            .collect();
        let discarded =
            |reason| each_run.iter().filter(|run| run.excluded == Some(reason)).count() as u32;
        let excluded = Excluded {
            floor: discarded(Reason::Floor),
            preempted: discarded(Reason::Preempted),
            failed: row.failures.len() as u32,
        };
        let figure = |value: &dyn Fn(&Sample) -> f64| Figure::of(samples.iter().map(|s| value(s)));
        let rate = |sample: &Sample| sample.verified as f64 * 1e9 / sample.span_ns as f64;
        let quantile = |wanted: Measure| {
            let at = PARTS.iter().position(|&(measure, _)| measure as usize == wanted as usize)?;
            figure(&|sample| sample.percentiles[at])
        };
        let is = |workload| row.workload == workload;
        let counts = row.workload.is_stream() || is(Workload::Paced);
        let blocked_cpu = match row.workload {
            Workload::IdleSender => figure(&|s| s.cpu[0]),
            Workload::IdleReceiver => figure(&|s| s.cpu[1]),
            _ => None,
        };
        let percentiles = || {
            Some(Percentiles {
                p50: quantile(Measure::P50)?,
                p90: quantile(Measure::P90)?,
                p99: quantile(Measure::P99)?,
                p999: quantile(Measure::P999)?,
                max: quantile(Measure::Max)?,
            })
        };
        let latency = || {
            let timed = PARTS.into_iter().filter(|_| row.workload.times_each());
            timed.filter_map(|(of, part)| Some(Quantile { part, ns: quantile(of)? })).collect()
        };
        let cost = || {
            Some(Cost {
                cpu_ns: figure(&|s| s.cpu_ns as f64 / s.verified as f64)?,
                switches: figure(&|s| s.switches as f64 / s.verified as f64),
                system_calls: Figure::of(row.system_calls),
            })
        };
        let cpu = || Some(Cpu { tx: figure(&|s| s.cpu[0])?, rx: figure(&|s| s.cpu[1])? });
        let mut failures: Vec<String> = row.failures.iter().map(ToString::to_string).collect();
        failures.sort();
        failures.dedup();
        Self {
            transport: row.entry.name.to_owned(),
            workload: row.workload,
            bytes: row.bytes,
            state,
            interval_ns: row.workload.has_interval().then_some(row.interval_ns),
            batch: is(Workload::Batch).then_some(row.batch),
            burst: is(Workload::Burst).then_some(row.burst),
            rate: is(Workload::Paced).then_some(row.rate),
            fan: is(Workload::Fan).then_some(row.fan),
            messages: row.messages,
            runs: samples.len() as u32,
            excluded: excluded.count(),
            excluded_for: excluded,
            msgs_per_s: figure(&rate).filter(|_| counts),
            bytes_per_s: figure(&|s| rate(s) * row.bytes as f64).filter(|_| counts),
            rtt_ns: percentiles().filter(|_| row.workload.is_echo()),
            wake_ns: quantile(Measure::P50).filter(|_| is(Workload::Wake)),
            drain_ns: figure(&|s| s.drain_ns).filter(|_| is(Workload::Burst)),
            blocked_cpu,
            held_bytes: figure(&|s| s.held_bytes as f64).filter(|_| is(Workload::Memory)),
            cpu: cpu().filter(|_| !row.workload.is_steady()),
            latency: latency(),
            cost: cost().filter(|_| !row.workload.is_steady()),
            failures,
            each_run,
        }
    }
}
