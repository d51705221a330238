//! The project's goals, as ratios of figures of one comparison. It must not measure.

mod list;

use serde::{Deserialize, Serialize};

use crate::plan::{Row, floor};
use crate::run::Sample;
use crate::spec::Workload;
use crate::stats::{Figure, valid};
use crate::transport::find;

/// A goal, and how far it was reached.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Goal {
    pub(crate) id: String,
    pub(crate) measure: String,
    /// `None` if it could not be measured; then `note` says why.
    pub(crate) value: Option<f64>,
    /// The least and the most of the value by single runs.
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
    fn judged(&self, measured: Result<Figure, String>) -> Goal {
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
        Goal { id, measure, value, range, must, aim, verdict, note }
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

/// All goals, those too for which there is no row.
pub(crate) fn all(rows: &[Row], system_calls: Option<Measured>) -> Vec<Goal> {
    let counted = system_calls.is_some();
    let calls = system_calls.unwrap_or_else(|| Err("the comparison did not get there".to_owned()));
    let judge = |wanted: &Wanted| {
        let mut goal = wanted.judged(figure(wanted.of, rows, &calls));
        goal.note = goal.note.or_else(|| remark(wanted.of, rows));
        // Every attempt ended by a system call: they were counted, and there were some.
        match (wanted.of, goal.verdict) {
            (Measure::SystemCalls, Verdict::NotMeasured) if counted => {
                Goal { verdict: Verdict::Missed, ..goal }
            }
            _ => goal,
        }
    };
    list::GOALS.iter().map(judge).collect()
}

/// The goals that this comparison has rows for, and what was counted of system calls.
pub(crate) fn of(rows: &[Row], system_calls: Option<Measured>) -> Vec<Goal> {
    let counted = system_calls.is_some();
    let has = |key: &Key| row(rows, *key).is_ok();
    let measurable = |goal: &Goal| goal.id != "P13" || counted;
    let goals = list::GOALS.iter().zip(all(rows, system_calls));
    goals
        .filter(|(wanted, goal)| wanted.of.keys().iter().all(has) && measurable(goal))
        .map(|(_, goal)| goal)
        .collect()
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

/// What the runs of a row that count measured, by round.
fn values(rows: &[Row], key: Key) -> Result<Vec<(u32, f64)>, String> {
    let row = row(rows, key)?;
    let (samples, mut excluded) =
        valid(&row.samples, floor(rows).map(|floor| floor.median), row.idle());
    excluded.failed = row.failures.len() as u32;
    if samples.is_empty() {
        let (name, workload, bytes) = (row.entry.name, row.workload, row.bytes);
        let why = match excluded.reasons().join(", ") {
            none if none.is_empty() => "none was made".to_owned(),
            reasons => reasons,
        };
        return Err(format!("no valid run of {name} {workload} {bytes} B ({why})"));
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

/// Of how many runs a figure should be. The worst is looked at of no more: it would be worse.
pub(crate) const ENOUGH: usize = 7;

/// Of how many runs a figure is, if of fewer than it should be.
fn remark(measure: Measure, rows: &[Row]) -> Option<String> {
    let runs = measure.keys().into_iter().map(|key| values(rows, key).map_or(0, |runs| runs.len()));
    let least = runs.min().filter(|&runs| runs < ENOUGH)?;
    Some(format!("of {least} runs only"))
}

fn of_values(values: &[(u32, f64)]) -> Result<Figure, String> {
    Figure::of(values.iter().map(|&(_, value)| value)).ok_or_else(|| "no runs".to_owned())
}

fn figure(measure: Measure, rows: &[Row], system_calls: &Measured) -> Result<Figure, String> {
    match measure {
        Measure::Ratio(over, under) => {
            let (over, under) = (values(rows, over)?, values(rows, under)?);
            let median = of_values(&over)?.median / of_values(&under)?.median;
            // Runs of one round are the closest in time to each other.
            let pairs = over.iter().filter_map(|&(round, over)| {
                let under = under.iter().find(|&&(other, _)| other == round)?;
                Some(over / under.1)
            });
            let range = Figure::of(pairs.chain([median])).ok_or("no runs")?;
            Ok(Figure { median, ..range })
        }
        Measure::OverFloor(key) => {
            let floor = floor(rows).ok_or("there is no floor on one processor")?;
            let over = of_values(&values(rows, key)?)?;
            let [median, min, max] = [over.median, over.min, over.max].map(|v| v / floor.median);
            Ok(Figure { median, min, max })
        }
        Measure::Worst(key) => {
            let values: Vec<_> = values(rows, key)?.into_iter().take(ENOUGH).collect();
            let figure = of_values(&values)?;
            let [min, max] = [figure.min, figure.max].map(|value| value / figure.median);
            Ok(Figure { median: min, min, max })
        }
        Measure::Spent(key) | Measure::Held(key) => of_values(&values(rows, key)?),
        Measure::SystemCalls => {
            system_calls.clone().map(|count| Figure { median: count, min: count, max: count })
        }
    }
}

#[cfg(test)]
mod tests;
