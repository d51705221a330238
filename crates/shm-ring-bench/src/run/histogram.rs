//! Percentiles of what was timed. It must not know the unit.

use crate::run::control::{Control, Measure, PER_NANOSECOND, Side};

/// Which part of what was timed each percentile is of, in the order of [`Sample`](crate::run::Sample).
pub(crate) const PARTS: [(Measure, f64); 7] = [
    (Measure::P50, 0.5),
    (Measure::P75, 0.75),
    (Measure::P90, 0.9),
    (Measure::P99, 0.99),
    (Measure::P999, 0.999),
    (Measure::P9999, 0.9999),
    (Measure::Max, 1.0),
];

/// A histogram to three digits.
pub(crate) struct Histogram(hdrhistogram::Histogram<u64>);

impl Histogram {
    pub(crate) fn new() -> Self {
        let counts = hdrhistogram::Histogram::new_with_bounds(1, 1 << 40, 3);
        Self(counts.expect("the bounds are constants that hdrhistogram allows"))
    }

    #[inline]
    pub(crate) fn record(&mut self, value: u64) {
        self.0.saturating_record(value);
    }

    /// The value that `percentile` percent of what was recorded does not exceed.
    ///
    /// A recorded value stands for everything from halfway to the next lower one to halfway to the
    /// next higher one. Time stamp counters often advance by many ticks at once (by 10 ns, where a
    /// round trip takes 100); without this a median would jump by such a step.
    pub(crate) fn percentile(&self, percentile: f64) -> f64 {
        let recorded: Vec<(f64, f64)> = self
            .0
            .iter_recorded()
            .map(|bucket| (bucket.value_iterated_to() as f64, bucket.count_at_value() as f64))
            .collect();
        let halfway =
            |from: f64, to: Option<&(f64, f64)>| to.map_or(from, |to| from.midpoint(to.0));
        let wanted = percentile / 100.0 * self.0.len() as f64;
        let mut below = 0.0;
        for (index, &(value, count)) in recorded.iter().enumerate() {
            if below + count >= wanted {
                let least = halfway(value, index.checked_sub(1).and_then(|i| recorded.get(i)));
                let most = halfway(value, recorded.get(index + 1));
                return least + (most - least) * (wanted - below) / count;
            }
            below += count;
        }
        0.0
    }

    /// Writes the percentiles down, `ns_per_unit` nanoseconds for each unit.
    pub(crate) fn report(&self, control: &Control, side: Side, ns_per_unit: f64) {
        for (measure, part) in PARTS {
            self.report_one(control, side, measure, part, ns_per_unit);
        }
    }

    /// Writes one of them down as `measure`.
    pub(crate) fn report_one(
        &self,
        control: &Control,
        side: Side,
        measure: Measure,
        part: f64,
        ns_per_unit: f64,
    ) {
        let ns = self.percentile(part * 100.0) * ns_per_unit;
        control.record(side, measure, (ns * PER_NANOSECOND) as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: impl IntoIterator<Item = u64>) -> Histogram {
        let mut histogram = Histogram::new();
        values.into_iter().for_each(|value| histogram.record(value));
        histogram
    }

    #[test]
    fn percentiles_are_those_of_what_was_recorded() {
        let histogram = of(1..=1000);
        for percentile in [50.0, 90.0, 99.0, 99.9, 100.0] {
            let error = histogram.percentile(percentile) - percentile * 10.0;
            assert!(error.abs() <= 1.0, "{percentile}: {error}");
        }
        assert_eq!(of([7]).percentile(50.0), 7.0);
        assert_eq!(of([]).percentile(50.0), 0.0);
    }

    #[test]
    fn a_counter_that_advances_in_steps_does_not_move_the_median_by_a_step() {
        // True times from 90 to 109 in steps of 25: only 75 and 100 are seen.
        let seen = |times: std::ops::Range<u64>| of(times.map(|time| time / 25 * 25));
        let (sooner, later) = (seen(90..110).percentile(50.0), seen(95..115).percentile(50.0));
        let moved = later - sooner;
        assert!((2.0..8.0).contains(&moved), "5 later was seen as {moved} later");
    }
}
