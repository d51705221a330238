//! Owns: the clock of the engines, in nanoseconds. Knows nothing of: what is waited for.

use rustix::time::{ClockId, Timespec, clock_gettime};

const SECOND: u64 = 1_000_000_000;

/// `CLOCK_MONOTONIC`, by which futexes tell the time.
pub(crate) fn now() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec as u64 * SECOND + now.tv_nsec as u64
}

/// As the kernel takes it.
pub(crate) fn timespec(nanos: u64) -> Timespec {
    let nanos = nanos.min(i64::MAX as u64);
    Timespec { tv_sec: (nanos / SECOND) as i64, tv_nsec: (nanos % SECOND) as _ }
}
