//! Owns: what a producer of values, typed or not, counts in items: room, waiting for it, its threshold, what was dropped.
//! Knows nothing of: values themselves.

use core::time::Duration;

use super::{Producer, UntypedProducer};
use crate::attachment::wait::Timeout;
use crate::error::PushError;
use crate::item::Item;

macro_rules! counted {
    ([$($generics:tt)*], $producer:ty) => {
        impl<$($generics)*> $producer {
            /// Waits until there is room for `count` items, at most `timeout` (`None`: for ever). Then
            /// [`try_reserve`](Self::try_reserve) of as many is not refused.
            ///
            /// # Errors
            /// As [`reserve`](Self::reserve), and [`PushError::TimedOut`].
            ///
            /// ```
            /// use std::time::Duration;
            /// # use shm_ring::{Options, PushError, Region, Ring};
            /// # let ring = Ring::<u64>::create(Region::memfd("doc"), &Options::new().items(64))?;
            /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
            /// tx.push_slice(&[7; 60])?;
            /// assert_eq!(tx.wait(5, Some(Duration::from_millis(1))), Err(PushError::TimedOut));
            /// tx.wait(4, None)?;
            /// tx.try_reserve(4)?.commit(0);
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            #[inline]
            pub fn wait(&mut self, count: usize, timeout: Option<Duration>) -> Result<(), PushError> {
                let bytes = self.inner.bytes_of(count)?;
                self.inner.await_room(bytes, Timeout::of_any(timeout))
            }

            /// Counts `records` that the caller throws away, because the ring was full or for another reason of its own: one store.
            /// [`stats`](Self::stats), [`Snapshot::dropped`](crate::Snapshot::dropped) and `shm-ring stat` show the sum.
            pub fn count_dropped(&mut self, records: u64) {
                self.inner.count_dropped(records);
            }

            /// An upper bound on the number of items that the consumer has not released. It may release more at any time.
            #[must_use]
            pub fn len(&mut self) -> usize {
                self.capacity() - self.room_at_least()
            }

            /// Whether the consumer has released everything.
            #[must_use]
            pub fn is_empty(&mut self) -> bool {
                self.len() == 0
            }

            /// A lower bound on the number of items that fit. The consumer may free more at any time.
            ///
            /// ```
            /// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), &shm_ring::Options::new().items(3))?;
            /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
            /// tx.push(7)?;
            /// assert_eq!(tx.room_at_least(), 2);
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            #[must_use]
            pub fn room_at_least(&mut self) -> usize {
                (self.inner.room() / self.inner.size()) as usize
            }

            /// Sets at how much room a `push` that found the ring full is woken: as soon as
            /// this many items fit. `None` is the default: half the
            /// ring, so that a fast producer does not sleep once for each record. `Some(1)` is the first free place, for
            /// producers that must not stay behind: a window of credits, a conversation in a small ring. It then costs the
            /// consumer a system call for each record that it takes while the ring is full.
            ///
            /// A call that needs more room is woken when there is as much as it needs. More than the ring holds counts as all of
            /// it.
            ///
            /// ```
            /// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), &Default::default())?;
            /// let mut tx = ring.producer()?;
            /// tx.set_threshold(Some(1));
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            pub fn set_threshold(&mut self, items: Option<usize>) {
                let size = self.inner.size();
                let bytes = items.map(|items| (items as u64).saturating_mul(size));
                self.inner.set_threshold(bytes);
            }
        }
    };
}

counted!([T: Item], Producer<T>);
counted!([], UntypedProducer);
