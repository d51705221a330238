//! The door from bytes to protocol: create or open a ring in a region, check it, and take a role.
//! It must not know how records are published.

use core::marker::PhantomData;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use zerocopy::IntoBytes;

use crate::error::Error;
use crate::identity::{self, Geometry};
use crate::item::Payload;
use crate::layout::{WAKE_AT_INITIAL, WAKE_AT_OFFSET};
use crate::lease::Lease;
use crate::mirror::{Mapping, Preparation, Role, Slots};
use crate::options::Options;
use crate::region::{Access, Backing, Region, os};
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
    backing: Arc<Backing>,
    geometry: Geometry,
    options: Options,
    payload: PhantomData<fn(&P) -> *const P>,
}

impl<P: Payload + ?Sized> Ring<P> {
    /// Creates a ring in `region`. It appears under its name whole or not at all.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`], [`Error::NoSpace`] with what is needed and what is there,
    /// [`Error::Options`] for what no region can be, [`Error::Name`], [`Error::Os`].
    pub fn create(region: impl Into<Region>, options: Options) -> Result<Self, Error> {
        Self::create_in(&region.into(), options)
    }

    fn create_in(region: &Region, options: Options) -> Result<Self, Error> {
        let (identity, geometry) = identity::new::<P>(&options)?;
        let image = [
            (0, identity.as_bytes()),
            (Role::Producer.page_index() * geometry.page + WAKE_AT_OFFSET, &WAKE_AT_INITIAL[..]),
            (Role::Consumer.page_index() * geometry.page + WAKE_AT_OFFSET, &WAKE_AT_INITIAL[..]),
        ];
        let backing = region.create(geometry.len(), &image, &options)?;
        Ok(Self::over(backing, geometry, options))
    }

    /// Opens the ring in `region` with default options.
    ///
    /// # Errors
    /// As [`open_with`](Self::open_with).
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
    pub fn open_with(region: impl Into<Region>, options: Options) -> Result<Self, Error> {
        let backing = region.into().open(&options, Access::ReadWrite)?;
        let geometry = identity::check::<P>(&backing, &options)?;
        Ok(Self::over(backing, geometry, options))
    }

    /// Opens the ring in `region`, or creates it: whoever else does the same at the same time,
    /// both get the same ring.
    ///
    /// # Errors
    /// As [`create`](Self::create) and [`open_with`](Self::open_with); a ring that exists with
    /// another capacity is [`Error::Incompatible`].
    pub fn open_or_create(region: impl Into<Region>, options: Options) -> Result<Self, Error> {
        /// Each round is lost only to somebody who unlinked or created in between.
        const ROUNDS: u32 = 100;
        let region = region.into();
        let mut last = Error::NotFound { region: region.describe() };
        for _ in 0..ROUNDS {
            match region.open(&options, Access::ReadWrite) {
                Ok(backing) => {
                    let geometry = identity::check::<P>(&backing, &options)?;
                    identity::check_capacity::<P>(&backing, &geometry, &options)?;
                    return Ok(Self::over(backing, geometry, options));
                }
                Err(Error::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
            match Self::create_in(&region, options.clone()) {
                Err(error @ Error::AlreadyExists { .. }) => last = error,
                answer => return answer,
            }
        }
        Err(last)
    }

    /// Becomes the producer.
    ///
    /// # Errors
    /// [`Error::RoleTaken`] if somebody is it, [`Error::Corrupt`] if the positions in the region
    /// contradict each other, [`Error::Length`] if it was cut, [`Error::Os`].
    pub fn producer(&self) -> Result<Producer<P>, Error> {
        let (slots, lease) = self.attach(Role::Producer)?;
        Producer::attach(slots, lease, self.geometry.shape, &self.options, self.backing.clone())
    }

    /// Becomes the consumer.
    ///
    /// # Errors
    /// As [`producer`](Self::producer).
    pub fn consumer(&self) -> Result<Consumer<P>, Error> {
        let (slots, lease) = self.attach(Role::Consumer)?;
        Consumer::attach(slots, lease, self.geometry.shape, &self.options, self.backing.clone())
    }

    fn attach(&self, role: Role) -> Result<(Slots<P>, Lease), Error> {
        let region = &self.backing.region;
        let taken = Lease::take(self.backing.reopen()?, self.geometry.page, role);
        let lease = match taken {
            Ok(Some(lease)) => lease,
            Ok(None) => {
                let pid = identity::pid(&self.backing, &self.geometry, role);
                let region = region.clone();
                return Err(Error::RoleTaken { region, role, pid });
            }
            Err(source) => {
                let hint = "the file system must support open file description locks";
                let (region, call) = (region.clone(), "fcntl(F_OFD_SETLK)");
                return Err(Error::Os { region, call, source, hint });
            }
        };
        identity::check_len(&self.backing, &self.geometry)?;
        let Options { prefault, lock, death_notice, .. } = self.options;
        let (page, capacity) = (self.geometry.page, self.geometry.shape.capacity);
        let preparation = Preparation { prefault, lock, death_notice };
        let mapping = Mapping::new(lease.descriptor(), page, capacity, role, preparation).map_err(
            |error| {
                let hint = match error.call {
                    "mlock" => "raise RLIMIT_MEMLOCK (ulimit -l); the data counts twice",
                    _ => "there must be address space for the region and its mirror",
                };
                os(region, error.call, error.errno, hint)
            },
        )?;
        let slots = Slots::over(mapping).ok_or_else(|| Error::Header {
            region: region.clone(),
            field: "capacity",
            found: capacity,
        })?;
        Ok((slots, lease))
    }

    fn over(backing: Backing, geometry: Geometry, options: Options) -> Self {
        Self { backing: Arc::new(backing), geometry, options, payload: PhantomData }
    }
}

impl<P: ?Sized> Ring<P> {
    /// The region's descriptor, to hand to another process (inherited, or over a Unix socket),
    /// which opens it with [`Region::descriptor`]. Roles are taken through descriptions of their
    /// own, so passing this one on passes no role on.
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.backing.fd.as_fd()
    }

    /// The random number that tells this ring from another one made later under the same name.
    pub fn id(&self) -> u128 {
        u128::from_le_bytes(self.geometry.id)
    }

    /// Bytes of the data area: a power of two.
    pub fn capacity_bytes(&self) -> u64 {
        self.geometry.shape.capacity
    }
}

impl<P: ?Sized> core::fmt::Debug for Ring<P> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Ring")
            .field("region", &self.backing.region)
            .field("capacity_bytes", &self.capacity_bytes())
            .finish_non_exhaustive()
    }
}
