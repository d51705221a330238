//! Owns: absolute points on `CLOCK_MONOTONIC`, the clock that a futex deadline is read against. Knows nothing of: what is
//! waited for.

#[cfg(not(loom))]
pub(crate) use real::Deadline;

/// Under loom there is no time: a wait that nobody ends is a deadlock, and is reported.
#[cfg(loom)]
pub(crate) struct Deadline;

#[cfg(not(loom))]
mod real {
    use core::time::Duration;

    #[cfg(not(shm_ring_steps))]
    use rustix::time::Timespec;
    use rustix::time::{ClockId, clock_gettime};

    /// A point in time, in nanoseconds of `CLOCK_MONOTONIC`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
    pub(crate) struct Deadline(u64);

    impl Deadline {
        /// The deadline of a wait without one.
        pub(crate) const END_OF_TIME: Self = Self(i64::MAX as u64);

        /// Answered by the vDSO: not a system call.
        pub(crate) fn now() -> Self {
            #[cfg(shm_ring_steps)]
            if let Some(nanos) = crate::protocol::steps::now() {
                return Self(nanos);
            }
            let now = clock_gettime(ClockId::Monotonic);
            Self(now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64)
        }

        /// The moment `after` this one, or the end of time.
        pub(crate) fn plus(self, after: Duration) -> Self {
            let nanos = u64::try_from(after.as_nanos()).unwrap_or(u64::MAX);
            Self(self.0.saturating_add(nanos)).min(Self::END_OF_TIME)
        }

        pub(crate) fn nanos(self) -> u64 {
            self.0
        }

        /// As the kernel takes it.
        #[cfg(not(shm_ring_steps))]
        pub(crate) fn timespec(self) -> Timespec {
            Timespec {
                tv_sec: (self.0 / 1_000_000_000) as i64,
                tv_nsec: (self.0 % 1_000_000_000) as _,
            }
        }
    }
}
