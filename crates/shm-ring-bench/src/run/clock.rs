//! Time for measurements: ticks that cost as little as they can, and nanoseconds. It must not know
//! what is timed.

use std::fs;
use std::time::{Duration, Instant};

use rustix::thread::clock_nanosleep_absolute;
use rustix::time::{ClockId, Timespec, clock_gettime};
use serde::{Deserialize, Serialize};

/// The counter that round trips are timed with. The parent finds out about it and tells both sides,
/// so that a whole comparison is measured with one ratio.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Clock {
    /// Whether ticks are the processor's time stamp counter; else they are nanoseconds.
    pub(crate) tsc: bool,
    pub(crate) ns_per_tick: f64,
    /// What reading it costs, in nanoseconds. It is part of every round trip and of the floor.
    pub(crate) read_ns: f64,
}

impl Clock {
    /// The best counter of this machine, calibrated.
    pub(crate) fn calibrated() -> Self {
        let mut clock = Self { tsc: has_steady_tsc(), ns_per_tick: 1.0, read_ns: 0.0 };
        if clock.tsc {
            let (start, from) = clock.both();
            std::thread::sleep(CALIBRATION);
            let (end, to) = clock.both();
            clock.ns_per_tick = (end - start).as_nanos() as f64 / (to - from) as f64;
        }
        clock.read_ns = clock.cost();
        clock
    }

    /// A moment in ticks.
    #[inline(always)]
    pub(crate) fn ticks(self) -> u64 {
        #[cfg(target_arch = "x86_64")]
        if self.tsc {
            #[allow(unsafe_code)]
            // SAFETY: the instruction has no preconditions in user space.
            return unsafe { core::arch::x86_64::_rdtsc() };
        }
        monotonic_ns()
    }

    /// Both clocks at one moment: the closest of several pairs, since we may be preempted between
    /// the two readings of one.
    fn both(self) -> (Instant, u64) {
        (0..PAIRS)
            .map(|_| {
                let before = Instant::now();
                let ticks = self.ticks();
                (before.elapsed(), (before, ticks))
            })
            .min_by_key(|&(apart, _)| apart)
            .map_or_else(|| (Instant::now(), self.ticks()), |(_, pair)| pair)
    }

    fn cost(self) -> f64 {
        let each = (0..PAIRS).map(|_| {
            let from = self.ticks();
            for _ in 1..READS {
                std::hint::black_box(self.ticks());
            }
            (self.ticks() - from) as f64 / f64::from(READS)
        });
        each.fold(f64::INFINITY, f64::min) * self.ns_per_tick
    }
}

const CALIBRATION: Duration = Duration::from_millis(50);
const PAIRS: u32 = 100;
const READS: u32 = 100;

/// Whether the time stamp counter runs at one rate whatever the processor does.
fn has_steady_tsc() -> bool {
    cfg!(target_arch = "x86_64")
        && fs::read_to_string("/proc/cpuinfo").is_ok_and(|text| {
            let flags = text.lines().find(|line| line.starts_with("flags")).unwrap_or_default();
            ["constant_tsc", "nonstop_tsc"]
                .iter()
                .all(|wanted| flags.split_whitespace().any(|flag| flag == *wanted))
        })
}

/// Nanoseconds of `CLOCK_MONOTONIC`, the same clock in every process.
#[inline]
pub(crate) fn monotonic_ns() -> u64 {
    nanoseconds(ClockId::Monotonic)
}

/// Processor time of this thread so far, user and system, in nanoseconds.
pub(crate) fn thread_cpu_ns() -> u64 {
    nanoseconds(ClockId::ThreadCPUTime)
}

/// How long this thread could have run so far and another had its processor, in nanoseconds; 0
/// where the kernel does not count that.
pub(crate) fn thread_queued_ns() -> u64 {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split_whitespace().nth(1).and_then(|field| field.parse().ok()).unwrap_or_default()
}

#[inline]
fn nanoseconds(clock: ClockId) -> u64 {
    let now = clock_gettime(clock);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// Sleeps until a moment of [`monotonic_ns`]. Whether that was still to come: else there is no system
/// call.
pub(crate) fn sleep_until(at: u64) -> bool {
    if monotonic_ns() >= at {
        return false;
    }
    let moment =
        Timespec { tv_sec: (at / 1_000_000_000) as i64, tv_nsec: (at % 1_000_000_000) as i64 };
    while clock_nanosleep_absolute(ClockId::Monotonic, &moment).is_err() {}
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_and_the_monotonic_clock_tell_the_same_time() {
        let clock = Clock::calibrated();
        let (start, from) = clock.both();
        std::thread::sleep(Duration::from_millis(20));
        let (end, to) = clock.both();
        let ratio = (to - from) as f64 * clock.ns_per_tick / (end - start).as_nanos() as f64;
        assert!((0.99..1.01).contains(&ratio), "{ratio}: {clock:?}");
    }
}
