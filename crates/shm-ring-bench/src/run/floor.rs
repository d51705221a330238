//! The floor: a ping-pong of two lines between the two sides, the least that a round trip between
//! these two processors can cost. It is timed as `echo` is, clock reads included, so that the ratio of
//! the two is fair.
//!
//! One loop has modes: its two sides fall into step in one way or another, with medians up to twice as
//! far apart. The floor is therefore the minimum of the medians of several loops, with and without a
//! pause between two looks.

use std::hint::spin_loop;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::run::clock::Clock;
use crate::run::control::{Control, Measure, PER_NANOSECOND, Side};
use crate::run::histogram::Histogram;

/// Whether a side pauses between two looks, in each of the loops.
const PAUSES: [bool; 4] = [false, true, false, true];
/// Round trips of one loop.
const TRIPS: u64 = 5000;

/// Measures the floor from side A while side B answers.
pub(crate) fn measure(control: &Control, side: Side, clock: Clock) {
    let (mine, theirs) = control.floor(side);
    let trips = |round: u64| round * TRIPS + 1..=(round + 1) * TRIPS;
    let loops = PAUSES.into_iter().zip(0..).map(|(pause, round)| (pause, trips(round)));
    match side {
        Side::A => {
            let medians = loops.map(|(pause, trips)| {
                let mut histogram = Histogram::new();
                for trip in trips {
                    let from = clock.ticks();
                    mine.store(trip, Ordering::Release);
                    wait_for(theirs, trip, pause);
                    histogram.record(clock.ticks() - from);
                }
                histogram.percentile(50.0)
            });
            let floor = medians.fold(f64::INFINITY, f64::min) * clock.ns_per_tick;
            control.record(side, Measure::Floor, (floor * PER_NANOSECOND) as u64);
        }
        Side::B => {
            for (pause, trips) in loops {
                for trip in trips {
                    wait_for(theirs, trip, pause);
                    mine.store(trip, Ordering::Release);
                }
            }
        }
    }
}

#[inline(always)]
fn wait_for(line: &AtomicU64, trip: u64, pause: bool) {
    while line.load(Ordering::Acquire) != trip {
        if pause {
            spin_loop();
        }
    }
}
