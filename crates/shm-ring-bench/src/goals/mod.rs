//! The project's goals, as ratios of figures of one comparison and of one state of the machine. It
//! must not measure.

mod list;

use serde::{Deserialize, Serialize};

use crate::plan::{Row, seen};
use crate::run::Sample;
use crate::spec::Workload;
use crate::state::{Seen, State};
use crate::stats::{Excluded, Figure, Reason, judged, valid};
use crate::transport::find;

/// A goal, and how far it was reached.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Goal {
    pub(crate) id: String,
    pub(crate) measure: String,
    /// The state that it is judged in; none for what does not depend on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) state: Option<State>,
    /// `None` if it could not be measured; then `note` says why.
    pub(crate) value: Option<f64>,
    /// The minimum and the maximum of the value by single runs.
    pub(crate) range: Option<[f64; 2]>,
    pub(crate) must: String,
    pub(crate) aim: String,
    pub(crate) verdict: Verdict,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) note: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Verdict {
    AimReached,
    MustReached,
    Missed,
    NotMeasured,
    /// The machine was never seen in that state.
    NotJudged,
}

/// What a goal needs and this program was built without.
pub(crate) const NOT_BUILT: &str = "is not built in";

/// A value, or why there is none.
pub(crate) type Measured = Result<f64, String>;

/// Which row of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Key {
    transport: &'static str,
    workload: Workload,
    bytes: usize,
}

/// What a goal looks at.
#[derive(Clone, Copy, Debug)]
enum Measure {
    Ratio(Key, Key),
    OverFloor(Key),
    /// The worst of several runs over their median.
    Worst(Key),
    /// The processor time of a side that waits.
    Spent(Key),
    /// The memory of a side.
    Held(Key),
    SystemCalls,
}

impl Measure {
    fn keys(&self) -> Vec<Key> {
        match *self {
            Self::Ratio(over, under) => vec![over, under],
            Self::OverFloor(key) | Self::Worst(key) | Self::Spent(key) | Self::Held(key) => {
                vec![key]
            }
            Self::SystemCalls => Vec::new(),
        }
    }

    /// Whether the state of the machine makes a difference: what is measured beside a floor.
    fn has_state(&self) -> bool {
        self.keys().iter().any(|key| key.workload.has_floor())
    }
}

#[derive(Clone, Copy, Debug)]
enum Bound {
    AtMost(f64),
    AtLeast(f64),
    Below(f64),
}

impl Bound {
    fn holds(&self, value: f64) -> bool {
        match *self {
            Self::AtMost(limit) => value <= limit,
            Self::AtLeast(limit) => value >= limit,
            Self::Below(limit) => value < limit,
        }
    }

    fn text(&self) -> String {
        // To the digits in which goals are set.
        let digits = |limit: f64| format!("{}", (limit * 1000.0).round() / 1000.0);
        match *self {
            Self::AtMost(limit) => format!("<= {}", digits(limit)),
            Self::AtLeast(limit) => format!(">= {}", digits(limit)),
            Self::Below(limit) => format!("< {}", digits(limit)),
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Wanted {
    id: &'static str,
    measure: &'static str,
    of: Measure,
    must: Bound,
    aim: Bound,
}

impl Wanted {
    fn judged(&self, state: Option<State>, measured: Result<Figure, String>) -> Goal {
        let (value, range, note) = match measured {
            Ok(figure) => (Some(figure.median), Some([figure.min, figure.max]), None),
            Err(why) => (None, None, Some(why)),
        };
        let verdict = match value {
            None => Verdict::NotMeasured,
            Some(value) if self.aim.holds(value) => Verdict::AimReached,
            Some(value) if self.must.holds(value) => Verdict::MustReached,
            Some(_) => Verdict::Missed,
        };
        let (id, measure) = (self.id.to_owned(), self.measure.to_owned());
        let (must, aim) = (self.must.text(), self.aim.text());
        Goal { id, measure, state, value, range, must, aim, verdict, note }
    }

    /// The goal in a state that the machine was not in.
    fn unseen(&self, state: State) -> Goal {
        let not_seen = self.judged(Some(state), Err(format!("the machine was never {state}")));
        Goal { verdict: Verdict::NotJudged, ..not_seen }
    }
}

/// The rows that all goals together need, those that are compared beside each other. What was not
/// built in is missing.
pub(crate) fn rows() -> Vec<Row> {
    let mut keys: Vec<Key> = Vec::new();
    for key in list::GOALS.iter().flat_map(|goal| goal.of.keys()) {
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    let row = |key: Key| Some(Row::new(find(key.transport)?, key.workload, key.bytes));
    keys.into_iter().filter_map(row).map(|row| Row { for_goals: true, ..row }).collect()
}

/// All goals, those too for which there is no row. What depends on the state of the machine is judged
/// in each state by itself.
pub(crate) fn all(rows: &[Row], system_calls: Option<Measured>) -> Vec<Goal> {
    list::GOALS.iter().flat_map(|wanted| in_each_state(wanted, rows, &system_calls)).collect()
}

/// The goals that this comparison has rows for, and what was counted of system calls.
pub(crate) fn of(rows: &[Row], system_calls: Option<Measured>) -> Vec<Goal> {
    let has = |key: &Key| row(rows, *key).is_ok();
    let measurable = |wanted: &&Wanted| match wanted.of {
        Measure::SystemCalls => system_calls.is_some(),
        of => of.keys().iter().all(has),
    };
    let wanted = list::GOALS.iter().filter(measurable);
    wanted.flat_map(|wanted| in_each_state(wanted, rows, &system_calls)).collect()
}

fn in_each_state(wanted: &Wanted, rows: &[Row], system_calls: &Option<Measured>) -> Vec<Goal> {
    let seen = seen(rows);
    if seen.is_empty() || !wanted.of.has_state() {
        return vec![judge(wanted, &Measures { rows, seen: &seen, state: None }, system_calls)];
    }
    let in_state = |state: State| match seen.iter().any(|seen| seen.state == state) {
        true => {
            let measures = Measures { rows, seen: &seen, state: Some(state) };
            judge(wanted, &measures, system_calls)
        }
        false => wanted.unseen(state),
    };
    State::ALL.into_iter().map(in_state).collect()
}

fn judge(wanted: &Wanted, measures: &Measures, system_calls: &Option<Measured>) -> Goal {
    let not_reached = || Err("the comparison did not get there".to_owned());
    let calls = system_calls.clone().unwrap_or_else(not_reached);
    let mut goal = wanted.judged(measures.state, measures.figure(wanted.of, &calls));
    goal.note = goal.note.or_else(|| measures.remark(wanted.of));
    // Every attempt ended by a system call: they were counted, and there were some.
    match (wanted.of, goal.verdict) {
        (Measure::SystemCalls, Verdict::NotMeasured) if system_calls.is_some() => {
            Goal { verdict: Verdict::Missed, ..goal }
        }
        _ => goal,
    }
}

fn row(rows: &[Row], key: Key) -> Result<&Row, String> {
    if find(key.transport).is_none() {
        return Err(format!("{} {NOT_BUILT}", key.transport));
    }
    // A goal is set for one interval and one size of batches.
    let wanted = Row::new(find("pipe").expect("a pipe is always there"), key.workload, key.bytes);
    let is_it = |row: &&Row| {
        (row.entry.name, row.workload, row.bytes) == (key.transport, key.workload, key.bytes)
            && row.batch == wanted.batch
            && (row.interval_ns == wanted.interval_ns || row.workload != Workload::Wake)
    };
    let none = || format!("{} {} {} B was not run", key.transport, key.workload, key.bytes);
    rows.iter().find(is_it).ok_or_else(none)
}

/// Of how many runs a figure should be. The worst is looked at of no more: it would be worse.
pub(crate) const ENOUGH: usize = 7;

/// What a comparison measured, in one state of the machine.
struct Measures<'a> {
    rows: &'a [Row],
    seen: &'a [Seen],
    state: Option<State>,
}

impl Measures<'_> {
    /// What the valid runs of a row measured, by round.
    fn values(&self, key: Key) -> Result<Vec<(u32, f64)>, String> {
        let row = row(self.rows, key)?;
        let samples = valid(&row.samples, self.seen, self.state, row.idle());
        if samples.is_empty() {
            return Err(self.why_none(row));
        }
        let value = |sample: &Sample| match key.workload {
            Workload::IdleSender => sample.cpu[0] * 100.0,
            Workload::IdleReceiver => sample.cpu[1] * 100.0,
            Workload::Memory => sample.held_bytes as f64 / 1024.0,
            workload if workload.times_each() => sample.percentiles[0],
            _ => sample.verified as f64 * row.bytes as f64 / sample.wall_ns as f64,
        };
        Ok(samples.into_iter().map(|sample| (sample.round, value(sample))).collect())
    }

    fn why_none(&self, row: &Row) -> String {
        let judged = row.samples.iter().map(|sample| judged(sample, self.seen, row.idle()));
        let mut excluded = Excluded { failed: row.failures.len() as u32, ..Excluded::default() };
        for (state, reason) in judged {
            match reason {
                Some(Reason::Floor) => excluded.floor += 1,
                Some(Reason::Preempted) if state == self.state => excluded.preempted += 1,
                _ => {}
            }
        }
        let reasons = match excluded.reasons().join(", ") {
            none if none.is_empty() => "none was made".to_owned(),
            reasons => reasons,
        };
        let (name, workload, bytes) = (row.entry.name, row.workload, row.bytes);
        format!("no valid run of {name} {workload} {bytes} B ({reasons})")
    }

    /// Of how many runs a figure is, if of fewer than it should be.
    fn remark(&self, measure: Measure) -> Option<String> {
        let runs = |key| self.values(key).map_or(0, |runs| runs.len());
        let least = measure.keys().into_iter().map(runs).min();
        least.filter(|&runs| runs < ENOUGH).map(|runs| format!("of {runs} runs only"))
    }

    fn figure(&self, measure: Measure, system_calls: &Measured) -> Result<Figure, String> {
        match measure {
            Measure::Ratio(over, under) => ratio(&self.values(over)?, &self.values(under)?),
            Measure::OverFloor(key) => {
                let seen = self.seen.iter().find(|seen| Some(seen.state) == self.state);
                let floor = seen.ok_or("there is no floor on one processor")?.floor_ns;
                let over = of_values(&self.values(key)?)?;
                let [median, min, max] =
                    [over.median, over.min, over.max].map(|value| value / floor.median);
                Ok(Figure { median, min, max })
            }
            Measure::Worst(key) => {
                let values: Vec<_> = self.values(key)?.into_iter().take(ENOUGH).collect();
                let figure = of_values(&values)?;
                let [min, max] = [figure.min, figure.max].map(|value| value / figure.median);
                Ok(Figure { median: min, min, max })
            }
            Measure::Spent(key) | Measure::Held(key) => of_values(&self.values(key)?),
            Measure::SystemCalls => {
                system_calls.clone().map(|count| Figure { median: count, min: count, max: count })
            }
        }
    }
}

fn of_values(values: &[(u32, f64)]) -> Result<Figure, String> {
    Figure::of(values.iter().map(|&(_, value)| value)).ok_or_else(|| "no runs".to_owned())
}

/// The ratio of the medians, and the range of that of runs of one round, which are the closest in time
/// to each other.
fn ratio(over: &[(u32, f64)], under: &[(u32, f64)]) -> Result<Figure, String> {
    let median = of_values(over)?.median / of_values(under)?.median;
    let pairs = over.iter().filter_map(|&(round, over)| {
        let under = under.iter().find(|&&(other, _)| other == round)?;
        Some(over / under.1)
    });
    let range = Figure::of(pairs.chain([median])).ok_or("no runs")?;
    Ok(Figure { median, ..range })
}

#[cfg(test)]
mod tests;
