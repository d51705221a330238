//! Owns: [`Stats`], what an end has counted. Knows nothing of: who counts it.

use crate::protocol::layout::SidePage;
use crate::protocol::sync::Ordering;

/// The counters of an end: [`Producer::stats`](crate::Producer::stats) and its siblings. Everything counts from the
/// creation of the ring, over all attachments of the role. Reading it costs a few loads.
///
/// ```
/// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), &shm_ring::Options::new().items(2))?;
/// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
/// for reading in 0..5 {
///     if tx.try_push(reading).is_err() {
///         tx.count_dropped(1);
///     }
/// }
/// assert_eq!((tx.stats().dropped, tx.stats().high_water), (3, 16));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// The number of waits of this side: a producer for room, a consumer for a record. A call without any time, `try_` or a
    /// time-out of zero, does not wait.
    pub waits: u64,
    /// The number of its sleeps.
    pub sleeps: u64,
    /// The number of times that it rang for the other side: to wake it, on attaching and on closing.
    pub wakes_sent: u64,
    /// Of a producer: the maximum of bytes that it saw in flight when it looked, which it does when it runs out of room that it
    /// knows of.
    pub high_water: u64,
    /// Of a producer: how many records its user counted as thrown away.
    pub dropped: u64,
}

impl Stats {
    /// What stands in our own page.
    pub(crate) fn of(mine: &SidePage) -> Self {
        let counters = &mine.counters.0;
        Self {
            waits: counters.waits.load(Ordering::Relaxed),
            sleeps: counters.sleeps.load(Ordering::Relaxed),
            wakes_sent: counters.wakes_sent.load(Ordering::Relaxed),
            high_water: counters.high_water.load(Ordering::Relaxed),
            dropped: counters.dropped.load(Ordering::Relaxed),
        }
    }
}
