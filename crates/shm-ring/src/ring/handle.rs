//! Owns: a region that was created or opened and whose header checks out, and how a role in it is taken, whatever it
//! carries. Knows nothing of: how anything is published.

use core::time::Duration;
use std::sync::Arc;

use zerocopy::IntoBytes;

use super::contents::{Contents, RegionLayout};
use super::header;
use super::removal::{self, Spare};
use super::retry::Retry;
use super::taking;
use crate::error::{Error, os};
use crate::item::{ItemLayout, Payload};
use crate::mapping::records::RecordMap;
use crate::mapping::{Mapping, Preparation};
use crate::options::Options;
use crate::protocol::layout::{WAKE_AT_INITIAL, WAKE_AT_OFFSET};
use crate::region::lease::Lease;
use crate::region::{Access, Backing, Region};
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
        Self::make(contents, options, |len, image| region.create(len, image, options))
    }

    /// Makes a new region by `create`, which gets its length and what it begins with.
    pub(super) fn make(
        contents: Contents,
        options: &Options,
        create: impl FnOnce(u64, &[(u64, &[u8])]) -> Result<Backing, Error>,
    ) -> Result<Self, Error> {
        let (header, layout) = header::new(contents, options)?;
        let image = [
            (0, header.as_bytes()),
            (Role::Producer.page_index() * layout.page + WAKE_AT_OFFSET, &WAKE_AT_INITIAL[..]),
            (Role::Consumer.page_index() * layout.page + WAKE_AT_OFFSET, &WAKE_AT_INITIAL[..]),
        ];
        let backing = create(layout.len(), &image)?;
        Ok(Self::over(backing, layout, options, options.unlink_on_drop))
    }

    /// Opens what is there, if it has these contents.
    pub(crate) fn open(
        region: &Region,
        contents: Contents,
        access: Access,
        options: &Options,
    ) -> Result<Self, Error> {
        Self::open_if(region, contents, access, options, |_, _| Ok(()))
    }

    /// [`open`](Self::open), if it is `right` too. What is refused is not used, and so not removed.
    fn open_if(
        region: &Region,
        contents: Contents,
        access: Access,
        options: &Options,
        right: impl FnOnce(&Backing, &RegionLayout) -> Result<(), Error>,
    ) -> Result<Self, Error> {
        let backing = region.open(options, access)?;
        let layout = header::check(&backing, contents, options)?;
        right(&backing, &layout)?;
        // A handle for reading takes no role, and no role shows that it is there.
        let is_user = access == Access::ReadWrite;
        Ok(Self::over(backing, layout, options, options.unlink_on_drop && is_user))
    }

    fn over(backing: Backing, layout: RegionLayout, options: &Options, removes: bool) -> Self {
        let backing = match removes {
            true => backing.at_the_end(removal::remove_if_last),
            false => backing,
        };
        Self { backing: Arc::new(backing), layout, options: options.clone() }
    }

    /// Opens what is there, whatever values it carries: what they are.
    pub(crate) fn open_any(
        region: &Region,
        options: &Options,
    ) -> Result<(Self, ItemLayout), Error> {
        let backing = region.open(options, Access::ReadWrite)?;
        let (item, layout) = header::check_any(&backing, options)?;
        Ok((Self::over(backing, layout, options, options.unlink_on_drop), item))
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
        let mut rounds = 0;
        let mut room: Option<Room> = None;
        loop {
            let right = |backing: &Backing, layout: &RegionLayout| {
                header::check_limit(backing, layout, contents, options)
            };
            match Self::open_if(region, contents, access, options, right) {
                Err(Error::NotFound { .. }) => {}
                answer => return answer,
            }
            if room.as_ref().is_none_or(|room| region.has_room(room.needed)) {
                match Self::create(region, contents, options) {
                    Err(Error::AlreadyExists { .. }) if rounds < ROUNDS => {
                        rounds += 1;
                        continue;
                    }
                    Err(Error::NoSpace { needed, .. }) if region.could_hold(needed) => {
                        room.get_or_insert_with(|| Room::of(needed));
                    }
                    answer => return answer,
                }
            }
            if room.as_mut().is_some_and(|room| !room.retry.pause()) {
                return Self::create(region, contents, options);
            }
        }
    }

    /// Replaces a region that nobody uses and in which no record is unread by a new one. The name leads to one of the two at
    /// every moment.
    pub(crate) fn replace_if_unused(
        region: &Region,
        contents: Contents,
        options: &Options,
    ) -> Result<Self, Error> {
        let old = region.open(options, Access::ReadWrite)?;
        let vacate = || removal::vacate(&old, Spare::Records);
        // Says no before any memory is taken; what counts is looked at again when the new region is whole.
        drop(vacate()?);
        Self::make(contents, options, |len, image| {
            region.replace(&old, len, image, options, vacate)
        })
    }

    /// Takes `role`, and maps the region for it.
    pub(crate) fn attach<P: Payload + ?Sized>(
        &self,
        role: Role,
    ) -> Result<(RecordMap<P>, Lease), Error> {
        let region = &self.backing.region;
        let patience = self.options.attach_timeout;
        let taken = taking::take(&self.backing, self.layout.page, role, patience);
        // Removing and replacing take all leases: while one of them is held here the name stays. Looked at also if the role
        // is taken: the caller wants the ring that others find, where the role may be free.
        self.backing.refuse_nameless()?;
        let lease = taken?;
        header::check_len(&self.backing, &self.layout)?;
        let Options { prefault, lock_memory, death_notice, .. } = self.options;
        let RegionLayout { page, records, align, .. } = self.layout;
        let capacity = records.capacity;
        let preparation = Preparation { prefault, lock_memory, death_notice };
        let mapping = Mapping::new(lease.descriptor(), page, capacity, role, preparation)
            .map_err(|error| os(region, error.call, error.errno))?;
        let map = RecordMap::over(mapping, &records, align).ok_or_else(|| {
            Error::InvalidHeader { region: region.clone(), field: "capacity", found: capacity }
        })?;
        Ok((map, lease))
    }

    pub(crate) fn id(&self) -> u128 {
        u128::from_le_bytes(self.layout.id)
    }
}

/// Where there was no room for a region. Another process may be making the same one, and both do not fit at once: the one
/// that gave its pages back opens what the other makes.
struct Room {
    needed: u64,
    retry: Retry,
}

impl Room {
    /// Waits for some time more than it takes to make a region of that many bytes.
    fn of(needed: u64) -> Self {
        const A_MOMENT: Duration = Duration::from_millis(500);
        const FOR_A_MIB: Duration = Duration::from_millis(16);
        const AT_MOST: Duration = Duration::from_secs(10);
        const LONGEST_PAUSE: Duration = Duration::from_millis(20);
        let mebibytes = u32::try_from(needed >> 20).unwrap_or(u32::MAX);
        let time = A_MOMENT.saturating_add(FOR_A_MIB.saturating_mul(mebibytes)).min(AT_MOST);
        Self { needed, retry: Retry::within(time, LONGEST_PAUSE) }
    }
}

/// Opens a region and becomes one of its ends, anew each time the region loses its name between the two.
pub(crate) fn open_and_take<H, E>(
    open: impl Fn() -> Result<H, Error>,
    take: impl Fn(&H) -> Result<E, Error>,
) -> Result<E, Error> {
    /// Each round is lost only to somebody who removed or replaced in between.
    const ROUNDS: u32 = 100;
    let mut rounds = 0;
    loop {
        rounds += 1;
        match take(&open()?) {
            Err(Error::NameGone { .. }) if rounds < ROUNDS => {}
            answer => return answer,
        }
    }
}
