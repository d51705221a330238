//! Owns: [`Clock`], the time by which two processes compare stamps. Knows nothing of: rings.

use core::time::Duration;

use crate::protocol::clock::Deadline;

/// A clock that all processes of a machine share, for stamps from which the other side computes a latency.
///
/// It is `CLOCK_MONOTONIC`: nobody sets it, it stands still while the machine is suspended, and it starts anew at a boot.
/// Reading it is no system call (some 20 ns). A process in a time namespace with an offset of its own reads another time.
///
/// ```
/// use shm_ring::{Clock, Options, Region, Ring};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let ring = Ring::<u64>::create(Region::memfd("doc"), &Options::new())?;
/// let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
/// tx.push(Clock::now())?;
/// println!("{:?} in the ring", Clock::since(rx.pop()?));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Clock;

impl Clock {
    /// Nanoseconds since a moment that is the same for all processes.
    pub fn now() -> u64 {
        Deadline::now().nanos()
    }

    /// The time since `stamp`, which [`now`](Self::now) gave to somebody; zero if that lies ahead, as a stamp that somebody
    /// made up may.
    pub fn since(stamp: u64) -> Duration {
        Duration::from_nanos(Self::now().saturating_sub(stamp))
    }
}
