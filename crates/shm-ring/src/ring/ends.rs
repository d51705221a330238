//! Owns: what all ends answer in the same words, whatever they carry. Knows nothing of: records.

use core::time::Duration;

use super::handle::open_and_take;
use super::{MessageRing, Ring, UntypedRing};
use crate::attachment::interrupt::Interrupt;
use crate::attachment::wait::Timeout;
use crate::attachment::wait_any::AwaitedPeer;
use crate::consumer::{Consumer, MessageConsumer, Receiver, UntypedConsumer};
use crate::error::Error;
use crate::item::{Item, ItemLayout, Untyped};
use crate::options::{Options, Wait};
use crate::peer::Peer;
use crate::producer::{MessageProducer, Producer, Publisher, UntypedProducer};
use crate::protocol::session;
use crate::region::Region;
use crate::stats::Stats;

macro_rules! end {
    (
        [$($generics:tt)*], $end:ty, $inner:ty, $ring:ty, [$($item:ident: $item_type:ty)?], $role:ident,
        $name:literal, $peer:literal, $shown:literal, $path:literal, $position:literal
    ) => {
        impl<$($generics)*> $end {
            pub(super) fn over(inner: $inner $(, $item: $item_type)?) -> Self {
                Self { inner $(, $item)? }
            }

            #[doc = concat!("Creates a ring and becomes its ", $name, ".")]
            ///
            /// # Errors
            #[doc = concat!("As [`Ring::create`] and [`Ring::", $name, "`].")]
            pub fn create(
                region: impl Into<Region>,
                $($item: $item_type,)?
                options: &Options,
            ) -> Result<Self, Error> {
                <$ring>::create(region, $($item,)? options)?.$role()
            }

            #[doc = concat!("Opens a ring with default options and becomes its ", $name, ".")]
            ///
            /// # Errors
            #[doc = concat!("As [`Ring::open`] and [`Ring::", $name, "`].")]
            pub fn open(
                region: impl Into<Region>,
                $($item: $item_type,)?
            ) -> Result<Self, Error> {
                Self::open_with(region, $($item,)? &Options::new())
            }

            #[doc = concat!("Opens a ring and becomes its ", $name, ".")]
            ///
            /// # Errors
            #[doc = concat!("As [`Ring::open_with`] and [`Ring::", $name, "`].")]
            pub fn open_with(
                region: impl Into<Region>,
                $($item: $item_type,)?
                options: &Options,
            ) -> Result<Self, Error> {
                let region = region.into();
                let open = || <$ring>::open_in(&region, $($item,)? options);
                open_and_take(open, <$ring>::$role)
            }

            #[doc = concat!("Opens a ring, or creates it, and becomes its ", $name, ". One that is removed in between is opened or \
                created anew: the ring of an end is the one that the name leads to.")]
            ///
            /// # Errors
            #[doc = concat!("As [`Ring::open_or_create`] and [`Ring::", $name, "`].")]
            ///
            /// ```
            #[doc = concat!("# let name = &format!(\"/shm-ring-doc-either-", $shown, "-{}\", std::process::id());")]
            /// let options = shm_ring::Options::new().unlink_on_drop();
            $(#[doc = concat!("let ", stringify!($item), " = shm_ring::ItemLayout { size: 8, align: 8, schema: 0 };")])?
            #[doc = concat!("let end = shm_ring::", $path, "::open_or_create(name.as_str(), ", $(stringify!($item), ", ",)? "&options)?;")]
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            pub fn open_or_create(
                region: impl Into<Region>,
                $($item: $item_type,)?
                options: &Options,
            ) -> Result<Self, Error> {
                let region = region.into();
                let open = || <$ring>::open_or_create_in(&region, $($item,)? options);
                open_and_take(open, <$ring>::$role)
            }

            #[doc = concat!("Asks about the ", $peer, ": two loads and one `fcntl` on the lease.")]
            #[must_use]
            pub fn peer(&self) -> Peer {
                self.inner.side.peer(self.inner.map.theirs())
            }

            #[doc = concat!("Waits up to `timeout` for a ", $peer, " to attach and returns its state.")]
            ///
            /// For an end that has learned that the other side closed or died, and goes on with the next. It sleeps, and
            /// the side that attaches wakes it. It returns at once if somebody is there, or came and has gone since, or if a
            /// consumer has something to read. A side that had gone before this end attached does not count
            /// ([`Ends`](crate::Ends)). `Duration::MAX` is forever. An [`Interrupt`] ends it too.
            ///
            /// ```
            /// use std::time::Duration;
            /// use shm_ring::{Options, Peer, PopError, Region, Ring};
            /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
            /// let ring = Ring::<u64>::create(Region::memfd("doc"), &Options::new())?;
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
                let deadline = Timeout::of(timeout).deadline();
                let map = &self.inner.map;
                self.inner.side.endings.has_read(self.inner.position());
                self.inner.side.await_peer(map.mine(), map.theirs(), deadline)
            }

            #[doc = concat!("Waits up to `timeout` for the end of the ", $peer, ", and returns its state.")]
            ///
            /// For an end that has nothing to push or to pop, and must not leave before the other. It returns at once if the
            /// other side has closed or died, whatever is unread, and waits for one to come and go if there was none, or if it
            /// had gone before this end attached ([`Ends`](crate::Ends)). It returns an end that somebody has followed, too:
            /// a death then without a process id.
            /// `Duration::MAX` is forever. An [`Interrupt`] ends it too.
            ///
            /// ```
            /// use std::time::Duration;
            /// use shm_ring::{Options, Peer, Region, Ring};
            /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
            /// let (tx, mut rx) = Ring::<u64>::pair(&Options::new())?;
            /// assert!(matches!(rx.wait_for_end(Duration::from_millis(1)), Peer::Alive { .. }));
            /// let waiting = std::thread::spawn(move || rx.wait_for_end(Duration::MAX));
            /// tx.close();
            /// assert_eq!(waiting.join().unwrap(), Peer::Closed { session: 2 });
            /// # Ok(())
            /// # }
            /// ```
            pub fn wait_for_end(&mut self, timeout: Duration) -> Peer {
                let position = self.inner.position();
                let (side, map) = (&mut self.inner.side, &self.inner.map);
                side.endings.has_read(position);
                side.await_end(map.mine(), map.theirs(), Timeout::of(timeout).deadline())
            }

            #[doc = concat!("The ", $peer, " that [`wait_for_peer`](Self::wait_for_peer) waits for, to be waited for beside")]
            /// other ends by [`wait_any`](crate::wait_any).
            ///
            /// ```
            /// use std::time::Duration;
            /// use shm_ring::{Options, Region, Ring, wait_any};
            /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
            /// let one = Ring::<u64>::create(Region::memfd("one"), &Options::new())?;
            /// let other = Ring::<u64>::create(Region::memfd("other"), &Options::new())?;
            /// let (mut rx, free) = (one.consumer()?, other.consumer()?);
            /// let (_tx, _new) = (one.producer()?, other.producer()?);
            /// // Nothing is to be read, but somebody has attached to the other ring.
            /// let timeout = Some(Duration::from_secs(1));
            /// assert_eq!(wait_any(&mut [&mut rx, &mut free.awaited_peer()], timeout)?, 1);
            /// # Ok(())
            /// # }
            /// ```
            pub fn awaited_peer(&self) -> AwaitedPeer<'_> {
                let map = &self.inner.map;
                self.inner.side.endings.has_read(self.inner.position());
                AwaitedPeer::of(&self.inner.side, map.mine(), map.theirs())
            }

            #[doc = concat!("The ", $peer, ", to be waited for until it is another than it is now: it attached, closed or died.")]
            /// For [`wait_any`](crate::wait_any), and for [`arm`](crate::arm). Ask [`peer`](Self::peer) after this: what has
            /// changed before it was made is not waited for. Where the kernel does not report deaths
            /// ([`Options::death_notice`]), only the lock that [`peer`](Self::peer) asks about shows one.
            ///
            /// ```
            /// use std::time::Duration;
            /// use shm_ring::{Options, Peer, Region, Ring, WaitAnyError, wait_any};
            /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
            /// let (tx, rx) = Ring::<u64>::pair(&Options::new())?;
            /// let mut change = rx.awaited_change();
            /// let briefly = Some(Duration::from_millis(1));
            /// assert_eq!(wait_any(&mut [&mut change], briefly), Err(WaitAnyError::TimedOut));
            /// tx.close();
            /// assert_eq!(wait_any(&mut [&mut change], None), Ok(0));
            /// assert_eq!(rx.peer(), Peer::Closed { session: 2 });
            /// # Ok(())
            /// # }
            /// ```
            pub fn awaited_change(&self) -> AwaitedPeer<'_> {
                self.awaited_peer().changing()
            }

            #[doc = concat!("Whether the ", $peer, " has closed in order, and nobody has followed it: one load.")]
            ///
            /// Everything that it published is then visible, so a `try_` call that finds nothing has found the end. Its death takes a
            /// system call to find: [`peer`](Self::peer).
            #[must_use]
            pub fn is_closed(&self) -> bool {
                session::is_closed(self.inner.map.theirs())
            }

            #[doc = $position]
            /// with headers and fill. It goes on across attachments, and each record has its own.
            #[must_use]
            #[inline]
            pub fn position(&self) -> u64 {
                self.inner.position()
            }

            /// Whether the name by which the ring was created or opened leads elsewhere, or nowhere: it was removed or
            /// replaced by force, and nobody who comes by the name is found here. Two system calls. Always `false`
            /// without a name, and if the question is refused.
            #[must_use]
            pub fn has_lost_its_name(&self) -> bool {
                self.inner.side.has_lost_its_name()
            }

            /// The number of this attachment: odd, and another one for each.
            #[must_use]
            pub fn session(&self) -> u64 {
                self.inner.side.session()
            }

            /// The counters of this role since the ring was created.
            #[must_use]
            pub fn stats(&self) -> Stats {
                Stats::of(self.inner.map.mine())
            }

            /// Changes how this side waits from now on.
            pub fn set_wait(&mut self, wait: Wait) {
                self.inner.side.set_wait(wait);
            }

            /// A handle by which another thread or a signal handler ends a wait of this end: see [`Interrupt`].
            #[must_use]
            pub fn interrupt_handle(&self) -> Interrupt {
                self.inner.side.interrupt_handle()
            }

            #[doc = concat!("Closes in order: the ", $peer, " learns of it. Dropping does the same.")]
            pub fn close(self) {}
        }

        impl<$($generics)*> core::fmt::Debug for $end {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.debug_struct($shown)
                    .field("session", &self.session())
                    .field("peer", &self.peer())
                    .finish_non_exhaustive()
            }
        }
    };
}

end!(
    [T: Item], Producer<T>, Publisher<T>, Ring<T>, [], producer,
    "producer", "consumer", "Producer", "Producer::<u64>",
    "Bytes of records that have been published since the ring was created, messages"
);
end!(
    [T: Item], Consumer<T>, Receiver<T>, Ring<T>, [], consumer,
    "consumer", "producer", "Consumer", "Consumer::<u64>",
    "Bytes of records that have been released since the ring was created, messages"
);
end!(
    [],
    MessageProducer,
    Publisher<[u8]>,
    MessageRing,
    [],
    producer,
    "producer",
    "consumer",
    "MessageProducer",
    "MessageProducer",
    "Bytes of records that have been published since the ring was created, messages"
);
end!(
    [],
    MessageConsumer,
    Receiver<[u8]>,
    MessageRing,
    [],
    consumer,
    "consumer",
    "producer",
    "MessageConsumer",
    "MessageConsumer",
    "Bytes of records that have been released since the ring was created, messages"
);

end!(
    [],
    UntypedProducer,
    Publisher<Untyped>,
    UntypedRing,
    [item: ItemLayout],
    producer,
    "producer",
    "consumer",
    "UntypedProducer",
    "UntypedProducer",
    "Bytes of records that have been published since the ring was created, messages"
);
end!(
    [],
    UntypedConsumer,
    Receiver<Untyped>,
    UntypedRing,
    [item: ItemLayout],
    consumer,
    "consumer",
    "producer",
    "UntypedConsumer",
    "UntypedConsumer",
    "Bytes of records that have been released since the ring was created, messages"
);

macro_rules! any {
    ($end:ty, $name:literal, $role:ident) => {
        impl $end {
            #[doc = concat!("Opens a ring of whatever values and becomes its ", $name, ".")]
            ///
            /// # Errors
            #[doc = concat!("As [`UntypedRing::open_any`] and [`UntypedRing::", $name, "`].")]
            pub fn open_any(region: impl Into<Region>, options: &Options) -> Result<Self, Error> {
                let region = region.into();
                open_and_take(|| UntypedRing::open_any_in(&region, options), UntypedRing::$role)
            }

            /// The size, alignment and schema id of the ring's values.
            #[must_use]
            pub fn item(&self) -> ItemLayout {
                self.item
            }
        }
    };
}

any!(UntypedProducer, "producer", producer);
any!(UntypedConsumer, "consumer", consumer);

macro_rules! size {
    ([$($generics:tt)*], $end:ty, $what:literal, $name:ident, $inner:ident => $value:expr) => {
        impl<$($generics)*> $end {
            #[doc = $what]
            #[must_use]
            #[inline]
            pub fn $name(&self) -> usize {
                let $inner = &self.inner;
                $value
            }
        }
    };
}

size!([T: Item], Producer<T>, "How many items fit an empty ring.", capacity,
    inner => inner.side.layout.limit as usize / size_of::<T>());
size!([T: Item], Consumer<T>, "How many items fit an empty ring.", capacity,
    inner => inner.side.layout.limit as usize / size_of::<T>());
size!([], UntypedProducer, "How many items fit an empty ring.", capacity,
    inner => (inner.side.layout.limit / inner.side.layout.unit) as usize);
size!([], UntypedConsumer, "How many items fit an empty ring.", capacity,
    inner => (inner.side.layout.limit / inner.side.layout.unit) as usize);
size!([], MessageProducer, "Bytes of the longest message that fits. It fills the ring.", max_len,
    inner => inner.map.len_max() as usize);
size!([], MessageConsumer, "Bytes of the longest message that fits. It fills the ring.", max_len,
    inner => inner.map.len_max() as usize);
