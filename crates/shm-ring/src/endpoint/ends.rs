//! What both ends answer in the same words, whatever the records hold. It must not know about
//! records.

use super::{Consumer, Peer, Producer};
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
            pub fn create(region: impl Into<Region>, options: Options) -> Result<Self, Error> {
                Ring::create(region, options)?.$role()
            }

            #[doc = concat!("Opens a ring with default options and becomes its ", $name, ".")]
            ///
            /// # Errors
            #[doc = concat!("As [`Ring::open_with`] and [`Ring::", $name, "`].")]
            pub fn open(region: impl Into<Region>) -> Result<Self, Error> {
                Ring::open(region)?.$role()
            }

            #[doc = concat!("Opens a ring and becomes its ", $name, ".")]
            ///
            /// # Errors
            #[doc = concat!("As [`Ring::open_with`] and [`Ring::", $name, "`].")]
            pub fn open_with(region: impl Into<Region>, options: Options) -> Result<Self, Error> {
                Ring::open_with(region, options)?.$role()
            }

            #[doc = concat!("Opens a ring, or creates it, and becomes its ", $name, ".")]
            ///
            /// # Errors
            #[doc = concat!("As [`Ring::open_or_create`] and [`Ring::", $name, "`].")]
            pub fn open_or_create(region: impl Into<Region>, options: Options) -> Result<Self, Error> {
                Ring::open_or_create(region, options)?.$role()
            }
        }

        impl<T: Item> $end<T> {
            /// How many items fit an empty ring.
            #[must_use]
            pub fn capacity(&self) -> u64 {
                let stride = Slots::<T>::stride(u64::from(Slots::<T>::LEN));
                (self.side.shape.capacity - COMMIT_WORD) / stride
            }
        }

        impl<T: Item> $end<[T]> {
            /// The longest message that fits, in elements: bytes for `[u8]`. It fills the ring.
            #[must_use]
            #[inline]
            pub fn max_len(&self) -> usize {
                self.slots.len_max() as usize / size_of::<T>()
            }
        }

        impl<P: ?Sized> $end<P> {
            #[doc = concat!("Asks about the ", $peer, ": two loads and one `fcntl` on the lease.")]
            #[must_use]
            pub fn peer(&self) -> Peer {
                self.side.peer(self.slots.theirs())
            }

            /// The number of this attachment: odd, and another one for each.
            #[must_use]
            pub fn session(&self) -> u64 {
                self.side.session()
            }

            /// Changes how this side waits from now on.
            pub fn set_wait(&mut self, wait: Wait) {
                self.side.set_wait(wait);
            }

            #[doc = concat!("Closes in order: the ", $peer, " learns of it. Dropping does the same.")]
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
