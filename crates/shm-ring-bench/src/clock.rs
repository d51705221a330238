//! Time for measurements: ticks that cost as little as they can, and nanoseconds. It must not know
//! what is timed.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// A moment in ticks. On x86-64 the time stamp counter, elsewhere nanoseconds.
#[inline(always)]
pub(crate) fn ticks() -> u64 {
    #[cfg(target_arch = "x86_64")]
    {
        #[allow(unsafe_code)]
        // SAFETY: the instruction has no preconditions in user space.
        unsafe {
            core::arch::x86_64::_rdtsc()
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    monotonic_ns()
}

/// Nanoseconds of `CLOCK_MONOTONIC`, the same clock in every process.
#[inline]
pub(crate) fn monotonic_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// Nanoseconds in a tick, measured once against the monotonic clock.
pub(crate) fn ns_per_tick() -> f64 {
    static RATIO: OnceLock<f64> = OnceLock::new();
    *RATIO.get_or_init(|| {
        let (start, from) = (Instant::now(), ticks());
        while start.elapsed() < Duration::from_millis(10) {
            std::hint::spin_loop();
        }
        start.elapsed().as_nanos() as f64 / (ticks() - from) as f64
    })
}

/// Sleeps until a moment of [`monotonic_ns`].
pub(crate) fn sleep_until(at: u64) {
    use rustix::thread::clock_nanosleep_absolute;
    use rustix::time::Timespec;
    let moment =
        Timespec { tv_sec: (at / 1_000_000_000) as i64, tv_nsec: (at % 1_000_000_000) as i64 };
    while clock_nanosleep_absolute(ClockId::Monotonic, &moment).is_err() {}
}
