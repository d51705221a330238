//! A region that was created or opened and whose header checks out, and how a role in it is taken, whatever
//! the region carries. It must not know how anything is published.

use std::sync::Arc;

use zerocopy::IntoBytes;

use crate::error::Error;
use crate::identity::{self, Contents, Geometry};
use crate::item::Payload;
use crate::layout::{WAKE_AT_INITIAL, WAKE_AT_OFFSET};
use crate::lease::Lease;
use crate::mirror::{Mapping, Preparation, Role, Slots};
use crate::options::Options;
use crate::region::{Access, Backing, Region, os};

/// What a handle holds.
pub(crate) struct Opened {
    pub(crate) backing: Arc<Backing>,
    pub(crate) geometry: Geometry,
    pub(crate) options: Options,
}

impl Opened {
    /// Creates it: it appears under its name whole or not at all.
    pub(crate) fn create(
        region: &Region,
        contents: Contents,
        options: Options,
    ) -> Result<Self, Error> {
        let (identity, geometry) = identity::new(contents, &options)?;
        let image = [
            (0, identity.as_bytes()),
            (Role::Producer.page_index() * geometry.page + WAKE_AT_OFFSET, &WAKE_AT_INITIAL[..]),
            (Role::Consumer.page_index() * geometry.page + WAKE_AT_OFFSET, &WAKE_AT_INITIAL[..]),
        ];
        let backing = region.create(geometry.len(), &image, &options)?;
        Ok(Self { backing: Arc::new(backing), geometry, options })
    }

    /// Opens what is there, if it has these contents.
    pub(crate) fn open(
        region: &Region,
        contents: Contents,
        access: Access,
        options: Options,
    ) -> Result<Self, Error> {
        let backing = region.open(&options, access)?;
        let geometry = identity::check(&backing, contents, &options)?;
        Ok(Self { backing: Arc::new(backing), geometry, options })
    }

    /// Opens it, or creates it: whoever else does the same at the same time, both get the same.
    pub(crate) fn open_or_create(
        region: &Region,
        contents: Contents,
        access: Access,
        options: Options,
    ) -> Result<Self, Error> {
        /// Each round is lost only to somebody who unlinked or created in between.
        const ROUNDS: u32 = 100;
        let mut last = Error::NotFound { region: region.describe() };
        for _ in 0..ROUNDS {
            match Self::open(region, contents, access, options.clone()) {
                Ok(opened) => {
                    let Self { backing, geometry, options } = &opened;
                    identity::check_capacity(backing, geometry, contents, options)?;
                    return Ok(opened);
                }
                Err(Error::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
            match Self::create(region, contents, options.clone()) {
                Err(error @ Error::AlreadyExists { .. }) => last = error,
                answer => return answer,
            }
        }
        Err(last)
    }

    /// Takes `role`, and maps the region for it.
    pub(crate) fn attach<P: Payload + ?Sized>(
        &self,
        role: Role,
    ) -> Result<(Slots<P>, Lease), Error> {
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
        // Nobody who waits for a writer relies on the kernel's word: readers ask for themselves.
        let death_notice = death_notice && role != Role::Writer;
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

    pub(crate) fn id(&self) -> u128 {
        u128::from_le_bytes(self.geometry.id)
    }
}
