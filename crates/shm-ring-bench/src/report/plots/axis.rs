//! Axes: where a value stands, and which values are named. They must not know what is measured.

use std::ops::RangeInclusive;

/// From values to pixels.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    least: f64,
    most: f64,
    log: bool,
    /// Where the least and the most stand.
    pixels: [f64; 2],
}

/// A value on an axis, and whether it is one to write beside it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Tick {
    pub(super) value: f64,
    pub(super) named: bool,
}

/// What results that somebody wrote by hand may exceed; whatever is measured is far within.
const MEASURABLE: RangeInclusive<f64> = 1e-15..=1e21;

/// Steps within a decade.
const STEPS: [f64; 3] = [1.0, 2.0, 5.0];

impl Axis {
    /// An axis on which equal distances are equal ratios, wide enough for all the values and ending
    /// at round ones. `None` if no value is above zero.
    pub(super) fn log(values: impl IntoIterator<Item = f64>, pixels: [f64; 2]) -> Option<Self> {
        let values = values.into_iter().filter(|value| MEASURABLE.contains(value));
        let (mut least, mut most) = (f64::INFINITY, 0.0_f64);
        for value in values {
            least = least.min(value);
            most = most.max(value);
        }
        if most == 0.0 {
            return None;
        }
        let rounds = |value: f64| {
            let decade = 10_f64.powf(value.log10().floor());
            [1.0, 2.0, 5.0, 10.0].map(|step| step * decade)
        };
        // A little room, so that nothing stands on the frame.
        let mut below = rounds(least / 1.03).into_iter().filter(|round| *round <= least / 1.03);
        let above = rounds(most * 1.03).into_iter().find(|round| *round >= most * 1.03);
        let least = below.next_back().unwrap_or(least / 2.0);
        let most = above.unwrap_or(most * 2.0);
        Some(Self { least, most, log: true, pixels })
    }

    /// An axis on which equal distances are equal differences, from zero to a round value.
    pub(super) fn linear(values: impl IntoIterator<Item = f64>, pixels: [f64; 2]) -> Self {
        let values = values.into_iter().filter(|value| MEASURABLE.contains(value));
        let most = values.fold(0.0, f64::max);
        let most = if most > 0.0 { most } else { 1.0 };
        let step = Self::step(most);
        Self { least: 0.0, most: (most / step).ceil() * step, log: false, pixels }
    }

    /// An axis whose ends are given.
    pub(super) fn between(least: f64, most: f64, pixels: [f64; 2]) -> Self {
        Self { least, most, log: false, pixels }
    }

    /// A round step of which five or so reach `most`.
    fn step(most: f64) -> f64 {
        let decade = 10_f64.powf((most / 5.0).log10().floor());
        let steps = STEPS.into_iter().chain([10.0]).map(|step| step * decade);
        steps.into_iter().find(|step| most / step <= 5.0).unwrap_or(most)
    }

    /// Where a value stands; one that is off the axis at its end.
    pub(super) fn at(&self, value: f64) -> f64 {
        let value = value.clamp(self.least, self.most);
        let part = match self.log {
            true => (value / self.least).ln() / (self.most / self.least).ln(),
            false => (value - self.least) / (self.most - self.least),
        };
        self.pixels[0] + part * (self.pixels[1] - self.pixels[0])
    }

    pub(super) fn ticks(&self) -> Vec<Tick> {
        if !self.log {
            let step = Self::step(self.most);
            let count = (self.most / step).round() as u32;
            return (0..=count)
                .map(|at| Tick { value: f64::from(at) * step, named: true })
                .collect();
        }
        let decades = (self.most / self.least).log10();
        let first = self.least.log10().floor() as i32;
        let last = self.most.log10().ceil() as i32;
        let mut ticks = Vec::new();
        for exponent in first..=last {
            for step in STEPS {
                let value = step * 10_f64.powi(exponent);
                // The ends are computed otherwise, so they may differ in the last digit.
                if value >= self.least * 0.999 && value <= self.most * 1.001 {
                    ticks.push(Tick { value, named: step == 1.0 || decades < 2.5 });
                }
            }
        }
        ticks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_stands_where_its_ratio_to_the_ends_puts_it() {
        let axis = Axis::log([15.0, 900.0], [0.0, 300.0]).unwrap();
        let ends: Vec<_> = axis.ticks().iter().map(|tick| tick.value).collect();
        assert_eq!(ends, [10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0]);
        assert_eq!(
            [10.0, 100.0, 1000.0, 1e9].map(|value| axis.at(value)),
            [0.0, 150.0, 300.0, 300.0]
        );
        assert!(Axis::log([0.0, f64::NAN], [0.0, 1.0]).is_none());
        // One value alone still has an axis around it.
        let one = Axis::log([64.0], [0.0, 100.0]).unwrap();
        assert!((0.0..100.0).contains(&one.at(64.0)) && one.ticks().len() >= 2);
    }

    #[test]
    fn a_linear_axis_begins_at_zero_and_names_a_few_values() {
        let axis = Axis::linear([0.0, 37.0], [0.0, 100.0]);
        let named: Vec<_> = axis.ticks().iter().map(|tick| tick.value).collect();
        assert_eq!(named, [0.0, 10.0, 20.0, 30.0, 40.0]);
        assert_eq!(axis.at(20.0), 50.0);
        assert_eq!(Axis::linear([0.0], [0.0, 1.0]).at(0.0), 0.0);
    }
}
