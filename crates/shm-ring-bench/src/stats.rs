//! Many runs made one row: medians, and which runs do not count. It must not know where the runs
//! come from.

use serde::{Deserialize, Serialize};

use crate::run::Sample;
use crate::transport::Idle;

/// A figure that was measured several times.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Figure {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Figure {
    /// `None` without values.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let (min, max) = (*values.first()?, *values.last()?);
        let middle = values.len() / 2;
        let median = match values.len() % 2 {
            0 => f64::midpoint(values[middle - 1], values[middle]),
            _ => values[middle],
        };
        Some(Self { median, min, max })
    }
}

/// How many runs were left out, and why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Excluded {
    /// The floor beside the run was outside 0.6 to 1.6 of the comparison's median floor.
    pub(crate) floor: u32,
    /// A side that does not sleep had less than 0.85 of its processor.
    pub(crate) preempted: u32,
    /// The run failed or was killed.
    pub(crate) failed: u32,
}

impl Excluded {
    pub(crate) fn count(&self) -> u32 {
        self.floor + self.preempted + self.failed
    }

    /// Every reason that occurred with how often, for people.
    pub(crate) fn reasons(&self) -> Vec<String> {
        [(self.floor, "floor"), (self.preempted, "preempted"), (self.failed, "failed")]
            .into_iter()
            .filter(|&(count, _)| count > 0)
            .map(|(count, reason)| format!("{count} {reason}"))
            .collect()
    }
}

/// A run's floor may be this far from the median floor.
const FLOOR_BOUNDS: (f64, f64) = (0.6, 1.6);
/// The least processor share of a side that does not sleep.
const AWAKE_SHARE: f64 = 0.85;

/// Whether a side was kept from its processor. A side that never sleeps was if it did not run all
/// the time. One that sleeps when idle may have chosen to: of it only the time counts in which it
/// wanted to run and could not.
fn is_preempted(idle: Idle, cpu: f64, queued: f64) -> bool {
    match idle {
        Idle::Spins => cpu < AWAKE_SHARE,
        Idle::SpinsThenSleeps => queued > 1.0 - AWAKE_SHARE,
        Idle::Sleeps => false,
    }
}

/// The samples that count, and how many do not. `idle` is what B and A do when they have nothing to
/// do. Without a median floor (on one processor) no floor is judged.
pub(crate) fn valid(
    samples: &[Sample],
    median_floor: Option<f64>,
    idle: [Idle; 2],
) -> (Vec<&Sample>, Excluded) {
    let mut excluded = Excluded::default();
    let kept = samples
        .iter()
        .filter(|sample| {
            let judged = median_floor.filter(|_| sample.floor_ns > 0.0);
            let outside = judged.is_some_and(|median| {
                let floor = sample.floor_ns / median;
                floor < FLOOR_BOUNDS.0 || floor > FLOOR_BOUNDS.1
            });
            let preempted =
                (0..2).any(|side| is_preempted(idle[side], sample.cpu[side], sample.queued[side]));
            // Each run is counted once, by the first reason.
            excluded.floor += u32::from(outside);
            excluded.preempted += u32::from(preempted && !outside);
            !outside && !preempted
        })
        .collect();
    (kept, excluded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(floor_ns: f64, cpu: f64, queued: f64) -> Sample {
        let (cpu, queued) = ([cpu, 1.0], [queued, 0.0]);
        Sample { floor_ns, wall_ns: 1, verified: 1, cpu, queued, ..Sample::default() }
    }

    #[test]
    fn a_figure_is_median_min_and_max() {
        let odd = Figure::of([3.0, 1.0, 2.0]).unwrap();
        assert_eq!((odd.median, odd.min, odd.max), (2.0, 1.0, 3.0));
        assert_eq!(Figure::of([4.0, 1.0]).unwrap().median, 2.5);
        assert_eq!(Figure::of([]), None);
    }

    fn counted(samples: &[Sample], floor: Option<f64>, idle: [Idle; 2]) -> (usize, u32, u32) {
        let (kept, excluded) = valid(samples, floor, idle);
        (kept.len(), excluded.floor, excluded.preempted)
    }

    #[test]
    fn runs_beside_a_strange_floor_do_not_count() {
        let samples = [399.0, 239.0, 241.0, 639.0, 641.0].map(|floor| sample(floor, 1.0, 0.0));
        assert_eq!(counted(&samples, Some(400.0), [Idle::Sleeps; 2]), (3, 2, 0));
        assert_eq!(counted(&samples, None, [Idle::Sleeps; 2]), (5, 0, 0));
    }

    #[test]
    fn a_side_that_does_not_sleep_and_was_kept_from_running_does_not_count() {
        let samples = [
            sample(400.0, 1.0, 0.0),
            sample(400.0, 0.84, 0.16),
            sample(400.0, 0.2, 0.0),
            sample(700.0, 0.2, 0.8),
        ];
        let floor = Some(400.0);
        assert_eq!(counted(&samples, floor, [Idle::Spins; 2]), (1, 1, 2));
        assert_eq!(counted(&samples, floor, [Idle::SpinsThenSleeps; 2]), (2, 1, 1));
        assert_eq!(counted(&samples, floor, [Idle::Sleeps; 2]), (3, 1, 0));
        // The first of the two is the side that lacked its processor.
        assert_eq!(counted(&samples, floor, [Idle::Sleeps, Idle::Spins]), (3, 1, 0));
    }

    #[test]
    fn every_reason_is_named() {
        let excluded = Excluded { floor: 1, preempted: 0, failed: 2 };
        assert_eq!(excluded.count(), 3);
        assert_eq!(excluded.reasons(), ["1 floor", "2 failed"]);
    }
}
