//! Records that are values of one size: what `push` and `pop` mean. It must not know how records
//! are published, only in which order the floor's steps go.

mod consumer;
mod iter;
mod producer;

pub use self::consumer::Consumer;
pub use self::iter::{Iter, TryIter};
pub use self::producer::Producer;

use crate::endpoint::Peer;
use crate::error::Error;
use crate::item::Item;
use crate::mirror::Slots;
use crate::options::{Options, Wait};
use crate::record::COMMIT_WORD;
use crate::region::Region;
use crate::ring::Ring;

/// What both ends answer in the same words.
macro_rules! both_ends {
    ($end:ident, $role:ident, $name:literal, $peer:literal) => {
        impl<T: Item> $end<T> {
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

            /// How many items fit an empty ring.
            #[must_use]
            pub fn capacity(&self) -> u64 {
                (self.side.shape.capacity - COMMIT_WORD) / Slots::<T>::STRIDE
            }
        }

        impl<T: ?Sized> $end<T> {
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

        impl<T: ?Sized> Drop for $end<T> {
            fn drop(&mut self) {
                self.side.close(self.slots.mine());
            }
        }

        impl<T: ?Sized> core::fmt::Debug for $end<T> {
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
