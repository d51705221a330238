//! Percentiles of what was timed. It must not know the unit.

use crate::control::{Control, Measure, Side};

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

    pub(crate) fn percentile(&self, percentile: f64) -> f64 {
        self.0.value_at_percentile(percentile) as f64
    }

    /// Writes the percentiles down in nanoseconds.
    pub(crate) fn report(&self, control: &Control, side: Side, ns_per_unit: f64) {
        for (measure, percentile) in [
            (Measure::P50, 50.0),
            (Measure::P90, 90.0),
            (Measure::P99, 99.0),
            (Measure::P999, 99.9),
            (Measure::Max, 100.0),
        ] {
            control.record(side, measure, (self.percentile(percentile) * ns_per_unit) as u64);
        }
    }
}
