//! The door from bytes to protocol: create or open a ring in a region, check it, and take a role.
//! It must not know how records are published.

use core::marker::PhantomData;
use std::os::fd::{AsFd, BorrowedFd};

use crate::error::Error;
use crate::identity::Contents;
use crate::item::Payload;
use crate::mirror::Role;
use crate::opened::Opened;
use crate::options::Options;
use crate::region::{Access, Region};
use crate::{Consumer, Producer};

/// A region whose header checks out: the handle from which the two roles are taken.
///
/// [`Producer::create`] and its siblings do this in one step for the usual case.
///
/// ```
/// use shm_ring::{Options, Region, Ring};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let ring = Ring::<u64>::create(Region::memfd("numbers"), Options::new().items(100))?;
/// let mut tx = ring.producer()?;
/// let mut rx = ring.consumer()?;
/// tx.push(7)?;
/// assert_eq!(rx.pop()?, 7);
/// # Ok(())
/// # }
/// ```
pub struct Ring<P: ?Sized> {
    opened: Opened,
    payload: PhantomData<fn(&P) -> *const P>,
}

impl<P: Payload + ?Sized> Ring<P> {
    /// Creates a ring in `region`. It appears under its name whole or not at all.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`], [`Error::NoSpace`] with what is needed and what is there,
    /// [`Error::Options`] for what no region can be, [`Error::Name`], [`Error::Os`].
    ///
    /// ```
    /// # use shm_ring::{Options, Region, Ring};
    /// let ring = Ring::<u64>::create(Region::memfd("doc"), Options::new().items(100))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn create(region: impl Into<Region>, options: Options) -> Result<Self, Error> {
        Opened::create(&region.into(), Contents::of::<P>(), options).map(Self::over)
    }

    /// Opens the ring in `region` with default options.
    ///
    /// # Errors
    /// As [`open_with`](Self::open_with).
    ///
    /// ```
    /// # use shm_ring::{Options, Region, Ring};
    /// # let name = &format!("/shm-ring-doc-ring-open-{}", std::process::id());
    /// # let (name, options) = (name.as_str(), Options::new().unlink_on_drop());
    /// let ring = Ring::<u64>::create(name, options)?;
    /// assert_eq!(Ring::<u64>::open(name)?.id(), ring.id());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn open(region: impl Into<Region>) -> Result<Self, Error> {
        Self::open_with(region, Options::new())
    }

    /// Opens the ring in `region`.
    ///
    /// # Errors
    /// [`Error::NotFound`]; what the file is ([`Error::NotRegular`], [`Error::Owner`],
    /// [`Error::Mode`], [`Error::Links`], [`Error::Descriptor`]); what its bytes say
    /// ([`Error::NotARing`], [`Error::Length`], [`Error::Header`], [`Error::Incompatible`] with
    /// both values).
    ///
    /// ```
    /// # use shm_ring::{Options, Region, Ring};
    /// # let name = &format!("/shm-ring-doc-ring-open-with-{}", std::process::id());
    /// # let (name, options) = (name.as_str(), Options::new().unlink_on_drop());
    /// let ring = Ring::<u64>::create(name, options.label("ticks"))?;
    /// assert!(Ring::<u64>::open_with(name, Options::new().label("ticks")).is_ok());
    /// assert!(Ring::<u64>::open(name).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn open_with(region: impl Into<Region>, options: Options) -> Result<Self, Error> {
        let contents = Contents::of::<P>();
        Opened::open(&region.into(), contents, Access::ReadWrite, options).map(Self::over)
    }

    /// Opens the ring in `region`, or creates it: whoever else does the same at the same time,
    /// both get the same ring.
    ///
    /// # Errors
    /// As [`create`](Self::create) and [`open_with`](Self::open_with); a ring that exists with
    /// another capacity is [`Error::Incompatible`].
    ///
    /// ```
    /// # use shm_ring::{Options, Region, Ring};
    /// # let name = &format!("/shm-ring-doc-ring-either-{}", std::process::id());
    /// # let (name, options) = (name.as_str(), Options::new().unlink_on_drop());
    /// let created = Ring::<u64>::open_or_create(name, options.clone())?;
    /// let opened = Ring::<u64>::open_or_create(name, options)?;
    /// assert_eq!(created.id(), opened.id());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn open_or_create(region: impl Into<Region>, options: Options) -> Result<Self, Error> {
        let contents = Contents::of::<P>();
        Opened::open_or_create(&region.into(), contents, Access::ReadWrite, options).map(Self::over)
    }

    /// Becomes the producer.
    ///
    /// # Errors
    /// [`Error::RoleTaken`] if somebody is it, [`Error::Corrupt`] if the positions in the region
    /// contradict each other, [`Error::Length`] if it was cut, [`Error::Os`].
    ///
    /// ```
    /// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), Default::default())?;
    /// let tx = ring.producer()?;
    /// assert!(ring.producer().is_err(), "one at a time");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn producer(&self) -> Result<Producer<P>, Error> {
        let Opened { backing, geometry, options } = &self.opened;
        let (slots, lease) = self.opened.attach(Role::Producer)?;
        Producer::attach(slots, lease, geometry.shape, options, backing.clone())
    }

    /// Becomes the consumer.
    ///
    /// # Errors
    /// As [`producer`](Self::producer).
    ///
    /// ```
    /// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), Default::default())?;
    /// let rx = ring.consumer()?;
    /// assert!(ring.consumer().is_err(), "one at a time");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn consumer(&self) -> Result<Consumer<P>, Error> {
        let Opened { backing, geometry, options } = &self.opened;
        let (slots, lease) = self.opened.attach(Role::Consumer)?;
        Consumer::attach(slots, lease, geometry.shape, options, backing.clone())
    }

    fn over(opened: Opened) -> Self {
        Self { opened, payload: PhantomData }
    }
}

impl<P: ?Sized> Ring<P> {
    /// The region's descriptor, to hand to another process (inherited, or over a Unix socket),
    /// which opens it with [`Region::descriptor`]. Roles are taken through descriptions of their
    /// own, so passing this one on passes no role on.
    ///
    /// ```
    /// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), Default::default())?;
    /// let copy = ring.descriptor().try_clone_to_owned()?; // to be sent elsewhere
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.opened.backing.fd.as_fd()
    }

    /// The random number that tells this ring from another one made later under the same name.
    ///
    /// ```
    /// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), Default::default())?;
    /// println!("ring {:032x}", ring.id());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn id(&self) -> u128 {
        self.opened.id()
    }

    /// Bytes of the data area: a power of two.
    ///
    /// ```
    /// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), Default::default())?;
    /// assert_eq!(ring.capacity_bytes(), 64 * 1024);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn capacity_bytes(&self) -> u64 {
        self.opened.geometry.shape.capacity
    }
}

impl<P: ?Sized> core::fmt::Debug for Ring<P> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Ring")
            .field("region", &self.opened.backing.region)
            .field("capacity_bytes", &self.capacity_bytes())
            .finish_non_exhaustive()
    }
}
