//! Owns: a region that was created or opened and whose header checks out, and how a role in it is taken, whatever it
//! carries. Knows nothing of: how anything is published.

use std::sync::Arc;

use zerocopy::IntoBytes;

use super::contents::{Contents, RegionLayout};
use super::header;
use crate::error::Error;
use crate::item::{ItemLayout, Payload};
use crate::mapping::records::RecordMap;
use crate::mapping::{Mapping, Preparation};
use crate::options::Options;
use crate::protocol::layout::{WAKE_AT_INITIAL, WAKE_AT_OFFSET};
use crate::region::lease::Lease;
use crate::region::{Access, Backing, Region, os};
use crate::role::Role;

/// What a handle holds.
pub(crate) struct Handle {
    pub(crate) backing: Arc<Backing>,
    pub(crate) layout: RegionLayout,
    pub(crate) options: Options,
}

impl Handle {
    /// Creates it: it appears under its name whole or not at all.
    pub(crate) fn create(
        region: &Region,
        contents: Contents,
        options: &Options,
    ) -> Result<Self, Error> {
        let (header, layout) = header::new(contents, options)?;
        let image = [
            (0, header.as_bytes()),
            (Role::Producer.page_index() * layout.page + WAKE_AT_OFFSET, &WAKE_AT_INITIAL[..]),
            (Role::Consumer.page_index() * layout.page + WAKE_AT_OFFSET, &WAKE_AT_INITIAL[..]),
        ];
        let backing = region.create(layout.len(), &image, options)?;
        Ok(Self { backing: Arc::new(backing), layout, options: options.clone() })
    }

    /// Opens what is there, if it has these contents.
    pub(crate) fn open(
        region: &Region,
        contents: Contents,
        access: Access,
        options: &Options,
    ) -> Result<Self, Error> {
        let backing = region.open(options, access)?;
        let layout = header::check(&backing, contents, options)?;
        Ok(Self { backing: Arc::new(backing), layout, options: options.clone() })
    }

    /// Opens what is there, whatever values it carries: what they are.
    pub(crate) fn open_any(
        region: &Region,
        options: &Options,
    ) -> Result<(Self, ItemLayout), Error> {
        let backing = region.open(options, Access::ReadWrite)?;
        let (item, layout) = header::check_any(&backing, options)?;
        Ok((Self { backing: Arc::new(backing), layout, options: options.clone() }, item))
    }

    /// Opens it, or creates it: whoever else does the same at the same time, both get the same.
    pub(crate) fn open_or_create(
        region: &Region,
        contents: Contents,
        access: Access,
        options: &Options,
    ) -> Result<Self, Error> {
        /// Each round is lost only to somebody who unlinked or created in between.
        const ROUNDS: u32 = 100;
        let mut last = Error::NotFound { region: region.describe() };
        for _ in 0..ROUNDS {
            match Self::open(region, contents, access, options) {
                Ok(opened) => {
                    let Self { backing, layout, options } = &opened;
                    header::check_limit(backing, layout, contents, options)?;
                    return Ok(opened);
                }
                Err(Error::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
            match Self::create(region, contents, options) {
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
    ) -> Result<(RecordMap<P>, Lease), Error> {
        let region = &self.backing.region;
        let taken = Lease::take(self.backing.reopen()?, self.layout.page, role);
        let lease = match taken {
            Ok(Some(lease)) => lease,
            Ok(None) => {
                let pid = header::pid(&self.backing, self.layout.page, role);
                let region = region.clone();
                return Err(Error::RoleTaken { region, role, pid });
            }
            Err(source) => {
                let hint = "the file system must support open file description locks";
                let (region, call) = (region.clone(), "fcntl(F_OFD_SETLK)");
                return Err(Error::Os { region, call, source, hint });
            }
        };
        header::check_len(&self.backing, &self.layout)?;
        let Options { prefault, lock_memory, death_notice, .. } = self.options;
        let RegionLayout { page, records, align, .. } = self.layout;
        let capacity = records.capacity;
        // Nobody who waits for a writer relies on the kernel's word: readers ask for themselves.
        let death_notice = death_notice && role != Role::Writer;
        let preparation = Preparation { prefault, lock_memory, death_notice };
        let mapping = Mapping::new(lease.descriptor(), page, capacity, role, preparation).map_err(
            |error| {
                let hint = match error.call {
                    "mlock" => "raise RLIMIT_MEMLOCK (ulimit -l); the data counts twice",
                    _ => "there must be address space for the region and its mirror",
                };
                os(region, error.call, error.errno, hint)
            },
        )?;
        let map = RecordMap::over(mapping, &records, align).ok_or_else(|| {
            Error::InvalidHeader { region: region.clone(), field: "capacity", found: capacity }
        })?;
        Ok((map, lease))
    }

    pub(crate) fn id(&self) -> u128 {
        u128::from_le_bytes(self.layout.id)
    }
}
