//! Owns: a mapping of the other side's page alone, for reading: for somebody who sleeps on its words while the end itself may
//! be dropped. Knows nothing of: what the words mean.
//!
//! Invariant of the unsafe blocks: `range` is a page of the region, mapped for reading for as long as the `PeerPage` lives. Its
//! length was checked when the region was opened. In a child that was forked it is zeros.
#![allow(unsafe_code)]

use std::os::fd::BorrowedFd;

use rustix::mm::ProtFlags;

use super::address_range::AddressRange;
use crate::protocol::layout::SidePage;
use crate::protocol::sync::Foreign;
use crate::role::Role;

/// A role's page.
pub(crate) struct PeerPage {
    range: AddressRange,
}

// SAFETY: the invariant: any thread may load the words, and the last one that has it unmaps it.
unsafe impl Send for PeerPage {}
// SAFETY: as above.
unsafe impl Sync for PeerPage {}

impl PeerPage {
    /// Maps the page of `role`. `None` if the kernel refuses.
    pub(crate) fn new(fd: BorrowedFd<'_>, page: u64, role: Role) -> Option<Self> {
        let range = AddressRange::new(page as usize).ok()?;
        range.lay(fd, 0, page as usize, role.page_index() * page, ProtFlags::READ).ok()?;
        Some(Self { range })
    }

    pub(crate) fn side(&self) -> Foreign<'_, SidePage> {
        let address = self.range.at(0).cast::<SidePage>();
        // SAFETY: the invariant: a page-aligned page, larger than `SidePage`, whose words are only ever accessed
        // atomically; `Foreign` only loads.
        Foreign::new(unsafe { &*address })
    }
}
