//! Records that are values of one size: what `push` and `pop` mean. It must not know how records
//! are published, only in which order the floor's steps go.

mod consumer;
mod iter;
mod producer;

pub use self::consumer::Consumer;
pub use self::iter::{Iter, TryIter};
pub use self::producer::Producer;

/// What both ends answer in the same words.
macro_rules! both_ends {
    ($end:ident, $peer:literal) => {
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

use both_ends;
