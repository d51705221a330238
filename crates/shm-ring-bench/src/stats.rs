//! Many runs made one row: medians, and which runs do not count. It must not know where the runs
//! come from.

use serde::{Deserialize, Serialize};

use crate::run::Sample;

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
    /// A spinning side had less than 0.85 of its processor.
    pub(crate) preempted: u32,
    /// The run failed or was killed.
    pub(crate) failed: u32,
}

impl Excluded {
    pub(crate) fn count(&self) -> u32 {
        self.floor + self.preempted + self.failed
    }
}

/// A run's floor may be this far from the median floor.
const FLOOR_BOUNDS: (f64, f64) = (0.6, 1.6);
/// The least processor share of a spinning side.
const SPINNING_SHARE: f64 = 0.85;

/// Which sides of a run keep their processors busy: B, which sends, and A.
pub(crate) type Spinning = [bool; 2];

/// The samples that count, and how many do not.
pub(crate) fn valid(
    samples: &[Sample],
    median_floor: f64,
    spinning: Spinning,
) -> (Vec<&Sample>, Excluded) {
    let mut excluded = Excluded::default();
    let kept = samples
        .iter()
        .filter(|sample| {
            let floor = sample.floor_ns as f64 / median_floor;
            let outside = floor < FLOOR_BOUNDS.0 || floor > FLOOR_BOUNDS.1;
            let starved = |(&share, spins): (&f64, bool)| spins && share < SPINNING_SHARE;
            let preempted = sample.cpu.iter().zip(spinning).any(starved);
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

    fn sample(floor_ns: u64, cpu: f64) -> Sample {
        let percentiles = [0; 5];
        Sample { floor_ns, wall_ns: 1, verified: 1, cpu: [cpu, 1.0], percentiles }
    }

    #[test]
    fn a_figure_is_median_min_and_max() {
        let odd = Figure::of([3.0, 1.0, 2.0]).unwrap();
        assert_eq!((odd.median, odd.min, odd.max), (2.0, 1.0, 3.0));
        assert_eq!(Figure::of([4.0, 1.0]).unwrap().median, 2.5);
        assert_eq!(Figure::of([]), None);
    }

    #[test]
    fn runs_with_a_strange_floor_or_a_starved_spinner_do_not_count() {
        let samples = [
            sample(400, 1.0),
            sample(200, 1.0),
            sample(700, 0.1),
            sample(400, 0.8),
            sample(250, 0.9),
        ];
        let (kept, excluded) = valid(&samples, 400.0, [true; 2]);
        assert_eq!(kept.len(), 2);
        assert_eq!((excluded.floor, excluded.preempted), (2, 1));
        for spinning in [[false; 2], [false, true]] {
            let (kept, excluded) = valid(&samples, 400.0, spinning);
            assert_eq!((kept.len(), excluded.floor, excluded.preempted), (3, 2, 0));
        }
    }
}
