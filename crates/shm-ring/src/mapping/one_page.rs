//! Owns: a mapping of the other side's page alone, for reading: for somebody who sleeps on its words while the end itself may
//! be dropped. Knows nothing of: what the words mean.
//!
//! Invariant of the one unsafe block: `raw` is a page of the region, mapped for reading for as long as the `PeerPage` lives.
//! Its length was checked when the region was opened. A child that was forked has it too, and can only read it.
#![allow(unsafe_code)]

use std::os::fd::BorrowedFd;

use memmap2::{MmapOptions, MmapRaw};

use crate::protocol::layout::SidePage;
use crate::protocol::sync::Foreign;
use crate::role::Role;

/// A role's page.
pub(crate) struct PeerPage {
    raw: MmapRaw,
}

impl PeerPage {
    /// Maps the page of `role`. `None` if the kernel refuses.
    pub(crate) fn new(fd: BorrowedFd<'_>, page: u64, role: Role) -> Option<Self> {
        let mut options = MmapOptions::new();
        let options = options.offset(role.page_index() * page).len(page as usize);
        let raw = options.map_raw_read_only(&fd).ok()?;
        Some(Self { raw })
    }

    pub(crate) fn side(&self) -> Foreign<'_, SidePage> {
        let address = self.raw.as_ptr().cast::<SidePage>();
        // SAFETY: the invariant: a page-aligned page, larger than `SidePage`, whose words are only ever accessed
        // atomically; `Foreign` only loads.
        Foreign::new(unsafe { &*address })
    }
}
