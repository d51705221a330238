//! Owns: the way from bytes to protocol: creating or opening a ring in a region, checking it, and taking a role:
//! [`Ring`] of values, [`MessageRing`] and [`UntypedRing`]. Knows nothing of: how records are published.

pub(crate) mod contents;
mod ends;
pub(crate) mod handle;
pub(crate) mod header;
#[cfg(all(test, miri))]
mod ordinary;
mod page;
mod removal;
mod retry;
mod taking;

use core::marker::PhantomData;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use self::contents::Contents;
use self::handle::Handle;
use crate::consumer::{Consumer, MessageConsumer, Receiver, UntypedConsumer};
use crate::error::Error;
use crate::item::{Item, ItemLayout, Payload};
use crate::options::Options;
use crate::producer::{MessageProducer, Producer, Publisher, UntypedProducer};
use crate::region::{Access, Region};
use crate::role::Role;

impl Handle {
    fn publisher<P: Payload + ?Sized>(&self) -> Result<Publisher<P>, Error> {
        let (map, lease) = self.attach(Role::Producer)?;
        let Self { backing, layout, options } = self;
        Publisher::attach(map, lease, layout.records, options, backing.clone())
    }

    fn receiver<P: Payload + ?Sized>(&self) -> Result<Receiver<P>, Error> {
        let (map, lease) = self.attach(Role::Consumer)?;
        let Self { backing, layout, options } = self;
        Receiver::attach(map, lease, layout.records, options, backing.clone())
    }
}

/// A region that carries values and whose header checks out: the handle from which the two roles are taken.
///
/// [`Producer::create`] and its siblings do this in one step for the usual case.
///
/// ```
/// use shm_ring::{Options, Region, Ring};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let ring = Ring::<u64>::create(Region::memfd("numbers"), &Options::new().items(100))?;
/// let mut tx = ring.producer()?;
/// let mut rx = ring.consumer()?;
/// tx.push(7)?;
/// assert_eq!(rx.pop()?, 7);
/// # Ok(())
/// # }
/// ```
pub struct Ring<T: Item> {
    handle: Handle,
    item: PhantomData<fn(&T) -> *const T>,
}

/// A region that carries messages and whose header checks out: the handle from which the two roles are taken.
///
/// [`MessageProducer::create`] and its siblings do this in one step for the usual case.
///
/// ```
/// use shm_ring::{MessageRing, Options, Region};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let ring = MessageRing::create(Region::memfd("log"), &Options::new().bytes(1 << 20))?;
/// let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
/// tx.push(b"of any length")?;
/// assert_eq!(rx.pop()?, b"of any length");
/// # Ok(())
/// # }
/// ```
pub struct MessageRing {
    handle: Handle,
}

/// A region that carries values known only as an [`ItemLayout`]: the handle from which the two roles are taken. It is the
/// same ring as a [`Ring`] of a type of that size and alignment.
///
/// [`UntypedProducer::create`] and its siblings do this in one step for the usual case.
///
/// ```
/// use shm_ring::{ItemLayout, Options, Region, Ring, UntypedRing};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let item = ItemLayout { size: 8, align: 8, schema: 0 };
/// let ring = UntypedRing::create(Region::memfd("numbers"), item, &Options::new().items(100))?;
/// // In another process, which was sent the descriptor:
/// let received = Region::descriptor(ring.descriptor().try_clone_to_owned()?);
/// let mut rx = Ring::<u64>::open(received)?.consumer()?;
/// ring.producer()?.push(&7_u64.to_ne_bytes())?;
/// assert_eq!(rx.pop()?, 7);
/// # Ok(())
/// # }
/// ```
pub struct UntypedRing {
    handle: Handle,
    item: ItemLayout,
}

macro_rules! ring {
    (
        [$($generics:tt)*], $ring:ty, $producer:ty, $consumer:ty,
        [$($item:ident: $item_type:ty)?], $contents:expr,
        $name:literal, $path:literal, $shown:literal, $push:literal, $pop:literal
    ) => {
        impl<$($generics)*> $ring {
            /// Creates a ring in `region`. It appears under its name whole or not at all.
            ///
            /// # Errors
            /// [`Error::AlreadyExists`], [`Error::NoSpace`] with what is needed and what is there,
            /// [`Error::InvalidOptions`] for what no region can be, [`Error::InvalidName`], [`Error::Os`].
            pub fn create(
                region: impl Into<Region>,
                $($item: $item_type,)?
                options: &Options,
            ) -> Result<Self, Error> {
                let contents = $contents(options $(, $item)?)?;
                let handle = Handle::create(&region.into(), contents, options)?;
                Ok(Self::over(handle $(, $item)?))
            }

            /// Opens the ring in `region` with default options.
            ///
            /// # Errors
            /// As [`open_with`](Self::open_with).
            pub fn open(
                region: impl Into<Region>,
                $($item: $item_type,)?
            ) -> Result<Self, Error> {
                Self::open_with(region, $($item,)? &Options::new())
            }

            /// Opens the ring in `region`.
            ///
            /// # Errors
            /// [`Error::NotFound`]; what the file is ([`Error::NotRegular`], [`Error::ForeignOwner`],
            /// [`Error::TooPermissive`], [`Error::HardLinked`], [`Error::Descriptor`]); what its bytes say
            /// ([`Error::NotARing`], [`Error::WrongLength`], [`Error::InvalidHeader`], [`Error::Incompatible`] with
            /// both values).
            pub fn open_with(
                region: impl Into<Region>,
                $($item: $item_type,)?
                options: &Options,
            ) -> Result<Self, Error> {
                Self::open_in(&region.into(), $($item,)? options)
            }

            fn open_in(
                region: &Region,
                $($item: $item_type,)?
                options: &Options,
            ) -> Result<Self, Error> {
                let contents = $contents(options $(, $item)?)?;
                let handle = Handle::open(region, contents, Access::ReadWrite, options)?;
                Ok(Self::over(handle $(, $item)?))
            }

            /// Opens the ring in `region`, or creates it: if another process does the same at the same time,
            /// both get the same ring, also where there is room for one alone: then this waits a moment for the other,
            /// longer for a large ring.
            ///
            /// # Errors
            /// As [`create`](Self::create) and [`open_with`](Self::open_with); a ring that exists with
            /// another limit is [`Error::Incompatible`].
            ///
            /// ```
            #[doc = concat!("# use shm_ring::{ItemLayout, Options, ", $name, "};")]
            $(#[doc = concat!("# let ", stringify!($item), " = ItemLayout { size: 8, align: 8, schema: 0 };")])?
            /// # let name = &format!("/shm-ring-doc-ring-either-{}", std::process::id());
            /// let options = Options::new().unlink_on_drop();
            #[doc = concat!("let created = <", $path, ">::open_or_create(name.as_str(), ", $shown, "&options)?;")]
            #[doc = concat!("let opened = <", $path, ">::open_or_create(name.as_str(), ", $shown, "&options)?;")]
            /// assert_eq!(created.id(), opened.id());
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            pub fn open_or_create(
                region: impl Into<Region>,
                $($item: $item_type,)?
                options: &Options,
            ) -> Result<Self, Error> {
                Self::open_or_create_in(&region.into(), $($item,)? options)
            }

            fn open_or_create_in(
                region: &Region,
                $($item: $item_type,)?
                options: &Options,
            ) -> Result<Self, Error> {
                let contents = $contents(options $(, $item)?)?;
                let handle = Handle::open_or_create(region, contents, Access::ReadWrite, options)?;
                Ok(Self::over(handle $(, $item)?))
            }

            /// Replaces the region under its name, which nobody uses and in which no record is unread, by a new ring: to
            /// change the capacity, the label or the kind. The name is never missing: an opener gets the old region or the
            /// new one. Creating never replaces.
            ///
            /// All roles of the old region are held meanwhile, as by
            /// [`Region::unlink_unused`]. A latest value goes. Both regions are there for a moment, so there must be
            /// memory for both.
            ///
            /// # Errors
            /// [`Error::NotFound`] if there is nothing to replace; [`Error::RoleTaken`] and [`Error::Unread`], then all stays
            /// as it was; as [`create`](Self::create) for the new one; as
            /// [`Observer::open_with`](crate::Observer::open_with) if what is there is no region of this layout.
            ///
            /// ```
            #[doc = concat!("# use shm_ring::{Error, ItemLayout, Options, ", $name, "};")]
            $(#[doc = concat!("# let ", stringify!($item), " = ItemLayout { size: 8, align: 8, schema: 0 };")])?
            /// # let name = &format!("/shm-ring-doc-replace-{}", std::process::id());
            /// # let create = |options: &Options| {
            #[doc = concat!("<", $path, ">::create(name.as_str(), ", $shown, "options)")]
            /// # };
            /// # let old = create(&Options::new().bytes(4096))?;
            /// let options = Options::new().bytes(8192).unlink_on_drop();
            #[doc = concat!("let ring = match <", $path, ">::open_or_create(name.as_str(), ", $shown, "&options) {")]
            #[doc = concat!("    Err(Error::Incompatible { .. }) => <", $path, ">::replace_if_unused(name.as_str(), ", $shown, "&options)?,")]
            ///     ring => ring?,
            /// };
            /// assert_eq!(ring.limit_bytes(), 8192);
            /// # assert!(old.has_lost_its_name());
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            pub fn replace_if_unused(
                region: impl Into<Region>,
                $($item: $item_type,)?
                options: &Options,
            ) -> Result<Self, Error> {
                let contents = $contents(options $(, $item)?)?;
                let handle = Handle::replace_if_unused(&region.into(), contents, options)?;
                Ok(Self::over(handle $(, $item)?))
            }

            /// Creates a ring in a memfd and becomes both its ends: for two threads of one process. Another process
            /// can be handed the descriptor of a ring that is [created](Self::create) by itself.
            ///
            /// # Errors
            /// As [`create`](Self::create) and [`producer`](Self::producer).
            ///
            /// ```
            #[doc = concat!("# use shm_ring::{ItemLayout, Options, ", $name, "};")]
            $(#[doc = concat!("# let ", stringify!($item), " = ItemLayout { size: 8, align: 8, schema: 0 };")])?
            #[doc = concat!("let (mut tx, mut rx) = ", $name, "::pair(", $shown, "&Options::new())?;")]
            #[doc = concat!("std::thread::spawn(move || tx.push(", $push, "));")]
            #[doc = $pop]
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            pub fn pair(
                $($item: $item_type,)?
                options: &Options,
            ) -> Result<($producer, $consumer), Error> {
                let ring = Self::create(Region::memfd("pair"), $($item,)? options)?;
                Ok((ring.producer()?, ring.consumer()?))
            }

            /// Becomes the producer.
            ///
            /// # Errors
            /// [`Error::RoleTaken`] if there is one, [`Error::NameGone`] if the name by which this handle was made leads
            /// elsewhere by now, [`Error::Corrupt`] if the positions in the region contradict each other,
            /// [`Error::WrongLength`] if it was cut, [`Error::Os`].
            pub fn producer(&self) -> Result<$producer, Error> {
                Ok(<$producer>::over(self.handle.publisher()? $(, self.$item)?))
            }

            /// Becomes the consumer.
            ///
            /// # Errors
            /// As [`producer`](Self::producer).
            pub fn consumer(&self) -> Result<$consumer, Error> {
                Ok(<$consumer>::over(self.handle.receiver()? $(, self.$item)?))
            }

            /// The region's descriptor, to hand to another process (inherited, or over a Unix socket),
            /// which opens it with [`Region::descriptor`]. Roles are taken through descriptions of their
            /// own, so passing this one on passes no role on.
            pub fn descriptor(&self) -> BorrowedFd<'_> {
                self.handle.backing.fd.as_fd()
            }

            /// A descriptor for a process that becomes one end and may open nothing, not even `/proc`: it opens this with
            /// [`Region::for_one_role`]. Send it and close it here: a copy that stays open keeps the role taken when the
            /// receiver has died.
            ///
            /// # Errors
            /// [`Error::Os`].
            pub fn descriptor_for_one_role(&self) -> Result<OwnedFd, Error> {
                self.handle.backing.reopen()
            }

            /// Whether the name by which it was created or opened leads elsewhere, or nowhere: it was removed or replaced, and
            /// no role can be taken here any more ([`Error::NameGone`]). Always `false` without a name, and if the question
            /// is refused.
            ///
            /// ```
            #[doc = concat!("# use shm_ring::{ItemLayout, Options, Region, ", $name, "};")]
            $(#[doc = concat!("# let ", stringify!($item), " = ItemLayout { size: 8, align: 8, schema: 0 };")])?
            /// # let name = &format!("/shm-ring-doc-lost-{}", std::process::id());
            #[doc = concat!("let ring = <", $path, ">::create(name.as_str(), ", $shown, "&Options::new())?;")]
            /// assert!(!ring.has_lost_its_name());
            /// Region::named(name).unlink_unused(&Options::new())?;
            /// assert!(ring.has_lost_its_name() && ring.producer().is_err());
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            #[must_use]
            pub fn has_lost_its_name(&self) -> bool {
                self.handle.backing.has_lost_its_name()
            }

            /// A random number: another ring made later under the same name has another one.
            pub fn id(&self) -> u128 {
                self.handle.id()
            }

            /// The most bytes of records that are in the ring at once.
            pub fn limit_bytes(&self) -> usize {
                self.handle.layout.records.limit as usize
            }
        }

        impl<$($generics)*> core::fmt::Debug for $ring {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.debug_struct($name)
                    .field("region", &self.handle.backing.region)
                    .field("limit_bytes", &self.limit_bytes())
                    .finish_non_exhaustive()
            }
        }
    };
}

ring!(
    [T: Item], Ring<T>, Producer<T>, Consumer<T>,
    [], |options| Ok::<_, Error>(Contents::values::<T>(options)),
    "Ring", "Ring<u64>", "", "7", "assert_eq!(rx.pop()?, 7);"
);
ring!(
    [],
    MessageRing,
    MessageProducer,
    MessageConsumer,
    [],
    |options| Ok::<_, Error>(Contents::messages(options)),
    "MessageRing",
    "MessageRing",
    "",
    "b\"seven\"",
    "assert_eq!(rx.pop()?, b\"seven\");"
);
ring!(
    [], UntypedRing, UntypedProducer, UntypedConsumer,
    [item: ItemLayout], |options, item| Contents::untyped(item, options),
    "UntypedRing", "UntypedRing", "item, ", "&7_u64.to_ne_bytes()",
    "let mut value = [0; 8];\nrx.pop_into(&mut value)?;\nassert_eq!(value, 7_u64.to_ne_bytes());"
);

impl<T: Item> Ring<T> {
    fn over(handle: Handle) -> Self {
        Self { handle, item: PhantomData }
    }
}

impl MessageRing {
    fn over(handle: Handle) -> Self {
        Self { handle }
    }
}

impl UntypedRing {
    fn over(handle: Handle, item: ItemLayout) -> Self {
        Self { handle, item }
    }

    /// Opens the ring in `region`, whatever values it carries: their size, their alignment, the schema id and the label are
    /// as the header says, and those of `options` do not count. [`item`](Self::item) returns what they are.
    ///
    /// # Errors
    /// As [`open_with`](Self::open_with). A region without values is [`Error::Incompatible`].
    pub fn open_any(region: impl Into<Region>, options: &Options) -> Result<Self, Error> {
        Self::open_any_in(&region.into(), options)
    }

    fn open_any_in(region: &Region, options: &Options) -> Result<Self, Error> {
        let (handle, item) = Handle::open_any(region, options)?;
        Ok(Self::over(handle, item))
    }

    /// The size, alignment and schema id of its values.
    #[must_use]
    pub fn item(&self) -> ItemLayout {
        self.item
    }
}
