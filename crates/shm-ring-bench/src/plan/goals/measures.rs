//! What a goal looks at, taken from the rows of a comparison in one state of the machine. It must not
//! know any goal.

use super::{Beside, ENOUGH, Key, Measure, Measured, NOT_BUILT};
use crate::plan::Row;
use crate::plan::figure::Figure;
use crate::plan::state::{Seen, State};
use crate::plan::stats::{Excluded, Reason, judged, valid};
use crate::run::Sample;
use crate::run::spec::Workload;
use crate::run::transport::find;

/// What a comparison measured, in one state of the machine.
pub(super) struct Measures<'a> {
    pub(super) rows: &'a [Row],
    pub(super) seen: &'a [Seen],
    pub(super) state: Option<State>,
    pub(super) beside: &'a Beside,
}

/// What runs measured, by round.
type Values = Vec<(u32, f64)>;

pub(super) fn row(rows: &[Row], key: Key) -> Result<&Row, String> {
    let Some(wanted) = key.row() else {
        return Err(format!("{} {NOT_BUILT}", key.transport));
    };
    // A goal is set for one interval and one size of batches. How long a side is watched that waits
    // makes no difference.
    let at_interval = matches!(key.workload, Workload::Wake | Workload::Burst);
    let is_it = |row: &&Row| {
        (row.entry.name, row.workload, row.bytes) == (key.transport, key.workload, key.bytes)
            && (row.batch, row.burst) == (wanted.batch, wanted.burst)
            && (row.interval_ns == wanted.interval_ns || !at_interval)
    };
    let none = || format!("{} {} {} B was not run", key.transport, key.workload, key.bytes);
    rows.iter().find(is_it).ok_or_else(none)
}

impl Measures<'_> {
    /// What the valid runs of a row measured: rates in bytes, times, or what a side used.
    fn values(&self, key: Key) -> Result<Values, String> {
        self.each(key, |sample| match key.workload {
            Workload::IdleSender => sample.cpu[0] * 100.0,
            Workload::IdleReceiver => sample.cpu[1] * 100.0,
            Workload::Memory => sample.held_bytes as f64 / 1024.0,
            workload if workload.times_each() => sample.percentiles[0],
            _ => sample.verified as f64 * key.bytes as f64 / sample.wall_ns as f64,
        })
    }

    fn each(&self, key: Key, value: impl Fn(&Sample) -> f64) -> Result<Values, String> {
        let row = row(self.rows, key)?;
        let samples = valid(&row.samples, self.seen, self.state, row.idle());
        if samples.is_empty() {
            return Err(self.why_none(row));
        }
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

    /// The measure with the best peer in place of all of them, and who that is. Without one of the
    /// peers nobody knows which is the best, unless only its runs are missing: [`Self::without`].
    pub(super) fn resolved(
        &self,
        measure: Measure,
    ) -> Result<(Measure, Option<&'static str>), String> {
        let Measure::Best(ring, peers) = measure else {
            return Ok((measure, None));
        };
        if let Some(missing) = peers.iter().find(|&&peer| find(peer).is_none()) {
            return Err(format!("{missing} {NOT_BUILT}"));
        }
        let less_is_faster = ring.workload.times_each();
        let speed = |&transport: &&'static str| {
            let key = Key { transport, ..ring };
            let median = of_values(&self.values(key).ok()?).ok()?.median;
            Some((key, if less_is_faster { -median } else { median }))
        };
        let best = peers.iter().filter_map(speed).max_by(|a, b| a.1.total_cmp(&b.1));
        let (key, _) = best.ok_or("no valid run of any peer")?;
        Ok((Measure::Ratio(ring, key), Some(key.transport)))
    }

    /// Peers that might have been the best one and have no valid run.
    pub(super) fn without(&self, measure: Measure) -> Option<String> {
        let Measure::Best(ring, peers) = measure else {
            return None;
        };
        let has_none =
            |&&transport: &&&'static str| self.values(Key { transport, ..ring }).is_err();
        let missing: Vec<&str> = peers.iter().filter(has_none).copied().collect();
        (!missing.is_empty()).then(|| format!("no valid run of {}", missing.join(", ")))
    }

    /// Of how many runs a figure is, if of fewer than it should be.
    pub(super) fn few(&self, measure: Measure) -> Option<String> {
        let runs = |key| self.values(key).map_or(0, |runs| runs.len());
        let least = measure.keys().into_iter().map(runs).min();
        least.filter(|&runs| runs < ENOUGH).map(|runs| match runs {
            1 => "of 1 run only".to_owned(),
            runs => format!("of {runs} runs only"),
        })
    }

    pub(super) fn figure(&self, measure: Measure) -> Result<Figure, String> {
        match measure {
            Measure::Ratio(over, under) => ratio(&self.values(over)?, &self.values(under)?),
            Measure::Best(..) => self.figure(self.resolved(measure)?.0),
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
            Measure::SleeperCpu(over, under) => {
                let of_message =
                    |run: &Sample| run.cpu[1] * run.wall_ns as f64 / run.verified as f64;
                ratio(&self.each(over, of_message)?, &self.each(under, of_message)?)
            }
            Measure::Spent(key) | Measure::Held(key) => of_values(&self.values(key)?),
            Measure::SystemCalls => beside(&self.beside.system_calls),
            Measure::Instructions => beside(&self.beside.instructions),
        }
    }
}

fn beside(measured: &Option<Measured>) -> Result<Figure, String> {
    let not_reached = || Err("the comparison did not get there".to_owned());
    let value = measured.clone().unwrap_or_else(not_reached)?;
    Ok(Figure { median: value, min: value, max: value })
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
