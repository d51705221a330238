//! Owns: trying again what may succeed in a moment: random pauses, so that two who wait for each other part, and an end to
//! them. Knows nothing of: what is tried.

use core::time::Duration;
use std::time::Instant;

/// The first pause, on average.
const FIRST: Duration = Duration::from_micros(50);

/// Pauses between tries.
pub(super) struct Retry {
    start: Instant,
    time: Duration,
    pause: Duration,
    longest: Duration,
}

impl Retry {
    /// For `time` from now, with pauses that grow up to `longest`.
    pub(super) fn within(time: Duration, longest: Duration) -> Self {
        Self { start: Instant::now(), time, pause: FIRST, longest }
    }

    /// Sleeps for a while. `false`, at once, if the time is over.
    pub(super) fn pause(&mut self) -> bool {
        if self.start.elapsed() >= self.time {
            return false;
        }
        std::thread::sleep(self.pause.mul_f64(2.0 * random()));
        self.pause = (2 * self.pause).min(self.longest);
        true
    }
}

/// From 0 to below 1; in the middle where the kernel has nothing random.
fn random() -> f64 {
    let mut random = [0_u8; 4];
    let flags = rustix::rand::GetRandomFlags::NONBLOCK;
    match rustix::rand::getrandom(&mut random, flags) {
        Ok(4) => f64::from(u32::from_ne_bytes(random)) / (f64::from(u32::MAX) + 1.0),
        _ => 0.5,
    }
}
