//! What both ends answer in the same words, whatever the records hold. It must not know about
//! records.

use std::time::Duration;

use super::{Consumer, Patience, Peer, Producer};
use crate::error::Error;
use crate::item::{Item, Payload};
use crate::mirror::Slots;
use crate::options::{Options, Wait};
use crate::record::COMMIT_WORD;
use crate::region::Region;
use crate::ring::Ring;

macro_rules! both_ends {
    ($end:ident, $role:ident, $name:literal, $peer:literal) => {
        impl<P: Payload + ?Sized> $end<P> {
            #[doc = concat!("Creates a ring and becomes its ", $name, ": [`Ring::create`] and [`Ring::", $name, "`].")]
            ///
            /// # Errors
            /// As those two.
            ///
            /// ```
            #[doc = concat!("let ", stringify!($role), " = shm_ring::", stringify!($end), "::<u64>::create(")]
            ///     shm_ring::Region::memfd("doc"),
            ///     shm_ring::Options::new().items(100),
            /// )?;
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            pub fn create(region: impl Into<Region>, options: Options) -> Result<Self, Error> {
                Ring::create(region, options)?.$role()
            }

            #[doc = concat!("Opens a ring with default options and becomes its ", $name, ".")]
            ///
            /// # Errors
            #[doc = concat!("As [`Ring::open_with`] and [`Ring::", $name, "`].")]
            ///
            /// ```
            /// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), Default::default())?;
            /// # let region = shm_ring::Region::descriptor(ring.descriptor().try_clone_to_owned()?);
            #[doc = concat!("let ", stringify!($role), " = shm_ring::", stringify!($end), "::<u64>::open(region)?;")]
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            pub fn open(region: impl Into<Region>) -> Result<Self, Error> {
                Ring::open(region)?.$role()
            }

            #[doc = concat!("Opens a ring and becomes its ", $name, ".")]
            ///
            /// # Errors
            #[doc = concat!("As [`Ring::open_with`] and [`Ring::", $name, "`].")]
            ///
            /// ```
            /// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), Default::default())?;
            /// # let region = shm_ring::Region::descriptor(ring.descriptor().try_clone_to_owned()?);
            /// let options = shm_ring::Options::new().wait(shm_ring::Wait::PARK);
            #[doc = concat!("let ", stringify!($role), " = shm_ring::", stringify!($end), "::<u64>::open_with(region, options)?;")]
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            pub fn open_with(region: impl Into<Region>, options: Options) -> Result<Self, Error> {
                Ring::open_with(region, options)?.$role()
            }

            #[doc = concat!("Opens a ring, or creates it, and becomes its ", $name, ".")]
            ///
            /// # Errors
            #[doc = concat!("As [`Ring::open_or_create`] and [`Ring::", $name, "`].")]
            ///
            /// ```
            #[doc = concat!("# let name = &format!(\"/shm-ring-doc-either-", stringify!($role), "-{}\", std::process::id());")]
            /// let options = shm_ring::Options::new().items(100).unlink_on_drop();
            #[doc = concat!("let ", stringify!($role), " = shm_ring::", stringify!($end), "::<u64>::open_or_create(name.as_str(), options)?;")]
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            pub fn open_or_create(region: impl Into<Region>, options: Options) -> Result<Self, Error> {
                Ring::open_or_create(region, options)?.$role()
            }
        }

        impl<T: Item> $end<T> {
            /// How many items fit an empty ring.
            ///
            /// ```
            /// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), Default::default())?;
            /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
            /// assert_eq!(tx.capacity(), (64 * 1024 - 8) / 16);
            /// assert_eq!(rx.capacity(), tx.capacity());
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            #[must_use]
            pub fn capacity(&self) -> u64 {
                let stride = Slots::<T>::stride(u64::from(Slots::<T>::LEN));
                (self.side.shape.capacity - COMMIT_WORD) / stride
            }
        }

        impl<T: Item> $end<[T]> {
            /// The longest message that fits, in elements: bytes for `[u8]`. It fills the ring.
            ///
            /// ```
            /// # let ring = shm_ring::Ring::<[u8]>::create(shm_ring::Region::memfd("doc"), Default::default())?;
            /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
            /// assert_eq!(tx.max_len(), 64 * 1024 - 16);
            /// assert_eq!(rx.max_len(), tx.max_len());
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            #[must_use]
            #[inline]
            pub fn max_len(&self) -> usize {
                self.slots.len_max() as usize / size_of::<T>()
            }
        }

        impl<P: ?Sized> $end<P> {
            #[doc = concat!("Asks about the ", $peer, ": two loads and one `fcntl` on the lease.")]
            ///
            /// ```
            /// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), Default::default())?;
            /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
            /// drop(rx);
            /// assert_eq!(tx.peer(), shm_ring::Peer::Closed { session: 2 });
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            #[must_use]
            pub fn peer(&self) -> Peer {
                self.side.peer(self.slots.theirs())
            }

            #[doc = concat!("Waits until there is a ", $peer, ", for `timeout` at most, and says how things stand then.")]
            ///
            /// For whoever was told that the other side closed or died, and goes on with the next. It sleeps, and
            /// whoever attaches wakes it. It returns at once if somebody is there. `Duration::MAX` is for ever.
            ///
            /// ```
            /// use std::time::Duration;
            /// use shm_ring::{Options, Peer, PopError, Region, Ring};
            /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
            /// let ring = Ring::<u64>::create(Region::memfd("doc"), Options::new())?;
            /// let (tx, mut rx) = (ring.producer()?, ring.consumer()?);
            /// tx.close();
            /// assert_eq!(rx.pop(), Err(PopError::Closed));
            /// assert_eq!(rx.wait_for_peer(Duration::from_millis(1)), Peer::Closed { session: 2 });
            /// let waiting = std::thread::spawn(move || (rx.wait_for_peer(Duration::MAX), rx));
            /// let mut tx = ring.producer()?;
            /// let (peer, mut rx) = waiting.join().unwrap();
            /// assert!(matches!(peer, Peer::Alive { session: 3, .. }));
            /// tx.push(7)?;
            /// assert_eq!(rx.pop()?, 7);
            /// # Ok(())
            /// # }
            /// ```
            pub fn wait_for_peer(&mut self, timeout: Duration) -> Peer {
                let deadline = Patience::of(timeout).deadline();
                self.side.await_peer(self.slots.theirs(), deadline)
            }

            /// The number of this attachment: odd, and another one for each.
            ///
            /// ```
            /// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), Default::default())?;
            /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
            /// assert_eq!(tx.session(), 1);
            /// drop(tx);
            /// assert_eq!(ring.producer()?.session(), 3);
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            #[must_use]
            pub fn session(&self) -> u64 {
                self.side.session()
            }

            /// Changes how this side waits from now on.
            ///
            /// ```
            /// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), Default::default())?;
            /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
            /// tx.set_wait(shm_ring::Wait::PARK);
            /// rx.set_wait(shm_ring::Wait::SPIN);
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            pub fn set_wait(&mut self, wait: Wait) {
                self.side.set_wait(wait);
            }

            #[doc = concat!("Closes in order: the ", $peer, " learns of it. Dropping does the same.")]
            ///
            /// ```
            /// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), Default::default())?;
            /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
            /// tx.close();
            /// assert_eq!(rx.pop(), Err(shm_ring::PopError::Closed));
            /// rx.close();
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            pub fn close(self) {}
        }

        impl<P: ?Sized> Drop for $end<P> {
            fn drop(&mut self) {
                self.side.close(self.slots.mine());
            }
        }

        impl<P: ?Sized> core::fmt::Debug for $end<P> {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.debug_struct(stringify!($end))
                    .field("session", &self.side.session())
                    .field("peer", &self.peer())
                    .finish_non_exhaustive()
            }
        }
    };
}

both_ends!(Producer, producer, "producer", "consumer");
both_ends!(Consumer, consumer, "consumer", "producer");
