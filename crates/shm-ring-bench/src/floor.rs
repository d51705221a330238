//! The floor: a ping-pong of two lines between the two sides, the least that a round trip between
//! these two processors can cost. It is timed as `echo` is, clock reads included, so that the ratio of
//! the two is fair.

use std::sync::atomic::Ordering;

use crate::clock::Clock;
use crate::control::{Control, Measure, PER_NANOSECOND, Side};
use crate::histogram::Histogram;

const TRIPS: u64 = 20_000;

/// Measures the floor from side A while side B answers.
pub(crate) fn measure(control: &Control, side: Side, clock: Clock) {
    let (mine, theirs) = control.floor(side);
    match side {
        Side::A => {
            let mut histogram = Histogram::new();
            for trip in 1..=TRIPS {
                let from = clock.ticks();
                mine.store(trip, Ordering::Release);
                while theirs.load(Ordering::Acquire) != trip {}
                histogram.record(clock.ticks() - from);
            }
            let floor = histogram.percentile(50.0) * clock.ns_per_tick;
            control.record(side, Measure::Floor, (floor * PER_NANOSECOND) as u64);
        }
        Side::B => {
            for trip in 1..=TRIPS {
                while theirs.load(Ordering::Acquire) != trip {}
                mine.store(trip, Ordering::Release);
            }
        }
    }
}
