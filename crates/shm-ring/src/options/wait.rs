//! Owns: [`Wait`], how a side waits, and [`Threshold`], for how much. Knows nothing of: how that is done.

use core::time::Duration;

use crate::item::Item;

/// How a side waits when it has nothing to do: spin, then yield, then sleep.
///
/// ```
/// use shm_ring::{Options, Wait};
/// let brief = Wait { spins: 100, ..Wait::PARK };
/// let options = Options::new().items(1024).wait(brief);
/// assert_eq!(Wait::default(), Wait::BALANCED);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    /// The number of looks at the ring with a processor pause between them, before anything else. A machine with one
    /// processor skips them if `park` or `yields` is set.
    pub spins: u32,
    /// The time for which a wait goes on like that after the spins, counted from its start: for gaps of a known length,
    /// whatever a processor pause takes. Skipped like them.
    ///
    /// ```
    /// use std::time::Duration;
    /// use shm_ring::{Options, Wait};
    /// let bursts = Wait { spin_for: Duration::from_micros(200), ..Wait::BALANCED };
    /// let options = Options::new().wait(bursts);
    /// ```
    pub spin_for: Duration,
    /// The number of looks with `sched_yield` between them, after the spins.
    pub yields: u32,
    /// Whether the wait then sleeps on a futex. If not, spinning starts over.
    pub park: bool,
}

impl Wait {
    /// Never sleeps: the lowest latency, for a whole processor.
    ///
    /// ```
    /// let options = shm_ring::Options::new().wait(shm_ring::Wait::SPIN);
    /// ```
    pub const SPIN: Self = Self { spins: 1024, spin_for: Duration::ZERO, yields: 0, park: false };
    /// Spins for some tens of microseconds, a little longer than a wake-up takes, then sleeps.
    ///
    /// ```
    /// assert_eq!(shm_ring::Wait::BALANCED, shm_ring::Wait::default());
    /// ```
    pub const BALANCED: Self =
        Self { spins: 1024, spin_for: Duration::ZERO, yields: 0, park: true };
    /// Sleeps as soon as there is nothing to do: the minimum of processor time.
    ///
    /// ```
    /// let options = shm_ring::Options::new().wait(shm_ring::Wait::PARK);
    /// ```
    pub const PARK: Self = Self { spins: 0, spin_for: Duration::ZERO, yields: 0, park: true };
}

impl Default for Wait {
    fn default() -> Self {
        Self::BALANCED
    }
}

/// How much must be there before a consumer that waits goes on, and how long it waits for that once
/// something may come: [`Consumer::set_threshold`](crate::Consumer::set_threshold).
///
/// Network cards know the same as interrupt coalescing.
///
/// ```
/// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), &Default::default())?;
/// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
/// let enough = shm_ring::Threshold::items::<u64>(64, std::time::Duration::from_micros(200));
/// rx.set_threshold(Some(enough));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Threshold {
    /// Bytes of records.
    pub(crate) bytes: u64,
    pub(crate) within: Duration,
}

impl Threshold {
    /// `count` values of type `T`.
    ///
    /// ```
    /// use shm_ring::Threshold;
    /// let within = std::time::Duration::from_micros(200);
    /// assert_eq!(Threshold::items::<u64>(64, within), Threshold::bytes(64 * 8, within));
    /// ```
    pub fn items<T: Item>(count: usize, within: Duration) -> Self {
        Self::bytes(count.saturating_mul(size_of::<T>()), within)
    }

    /// This many bytes of records: for messages with their headers, 8 bytes each, and each rounded up to a multiple of
    /// 8, or as the ring's messages are aligned.
    ///
    /// ```
    /// # let ring = shm_ring::MessageRing::create(shm_ring::Region::memfd("doc"), &Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// let enough = shm_ring::Threshold::bytes(1 << 14, std::time::Duration::from_millis(1));
    /// rx.set_threshold(Some(enough));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn bytes(bytes: usize, within: Duration) -> Self {
        Self { bytes: bytes as u64, within }
    }
}
