//! Owns: the mapping of a region: control pages, then the data area twice in a row, so that a record never wraps. Knows
//! nothing of: the protocol. [`records`] sees it as records.
//!
//! Invariants that every unsafe block here and in `records` and `messages` rests on:
//! 1. `range` spans `NODE_PAGES` private pages for the death notice and then, from `at(0)` on,
//!    `CONTROL_PAGES * page + 2 * capacity` bytes of the region, all of it mapped for reading for as
//!    long as the `Mapping` lives; the private pages, a role's own page, and for the producer or the
//!    writer the data, for writing too. Nothing else of this process is mapped there. In a child that was forked the whole
//!    is private zeros, or, made without the handlers of a fork, not mapped: then touching it ends the child.
//! 2. `capacity` is a power of two, at least a page; the page is at least 4096 bytes and a power of
//!    two. A position masked with `capacity - 1` is a place below `capacity`, and as aligned as the position: `capacity`
//!    bytes from there are mapped.
//! 3. A `RecordMap` exists only if the shortest record fits the limit, the limit fits `capacity`, and the alignment is
//!    at most a page. Positions of values are multiples of their size, which is a multiple of their alignment; positions
//!    of messages are multiples of their alignment, at least 8. `len_max` is such that the longest message with its
//!    header fits the limit: its payload, rounded up to 8, ends within `capacity` bytes of its position.
//! 4. The region's length was checked against the descriptor before it was mapped. Where it can
//!    still be cut by another process, SIGBUS is possible and documented (`Region`).
#![allow(unsafe_code)]

mod address_range;
pub(crate) mod copy;
mod death_notice;
mod keeper;
pub(crate) mod messages;
mod one_page;
mod read_only;
pub(crate) mod records;

pub(crate) use self::one_page::PeerPage;
pub(crate) use self::read_only::ReadOnly;

use core::ffi::c_void;
use core::ptr::NonNull;
use std::os::fd::BorrowedFd;

use rustix::io::Errno;
use rustix::mm::{Advice, ProtFlags};

use self::address_range::AddressRange;
use self::death_notice::DeathNotice;
use crate::protocol::layout::{CONTROL_PAGES, LIVENESS_OFFSET, SidePage};
use crate::protocol::sync::{AtomicU64, Foreign};
use crate::role::Role;

/// A system call that mapping needs and that failed.
#[derive(Debug)]
pub(crate) struct MapError {
    pub(crate) call: &'static str,
    pub(crate) errno: Errno,
}

/// Private pages before the region's: as many as lead from either role's own page, by the same
/// distance, to a page of its own. The kernel wants one distance for all words that a thread's list
/// leads to.
const NODE_PAGES: usize = 2;
/// Pages from the node in a private page to the liveness word that it stands for.
const NODE_DISTANCE: usize = 3;

/// The mapping of one role's attachment. No child that is forked reaches the region through it.
pub(crate) struct Mapping {
    /// Leads into `range`: dropped before it.
    notice: Option<DeathNotice>,
    range: AddressRange,
    page: usize,
    capacity: usize,
    role: Role,
}

/// How a mapping is prepared before it is used.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Preparation {
    pub(crate) prefault: bool,
    pub(crate) lock_memory: bool,
    pub(crate) death_notice: bool,
}

impl Mapping {
    /// Maps the region behind `fd` for `role`. Its length has been checked.
    pub(crate) fn new(
        fd: BorrowedFd<'_>,
        page: u64,
        capacity: u64,
        role: Role,
        preparation: Preparation,
    ) -> Result<Self, MapError> {
        let (page, capacity) = (page as usize, capacity as usize);
        let control = CONTROL_PAGES as usize * page;
        let range = AddressRange::new(NODE_PAGES * page + control + 2 * capacity)?;
        range.lay_private(NODE_PAGES * page)?;
        let mut mapping = Self { notice: None, range, page, capacity, role };
        let data = match role.writes_data() {
            true => ProtFlags::READ | ProtFlags::WRITE,
            false => ProtFlags::READ,
        };
        let own = role.page_index() as usize * page;
        mapping.lay(fd, 0, control, 0, ProtFlags::READ)?;
        mapping.lay(fd, own, page, own, ProtFlags::READ | ProtFlags::WRITE)?;
        mapping.lay(fd, control, capacity, control, data)?;
        mapping.lay(fd, control + capacity, capacity, control, data)?;
        mapping.range.keep_from_any_child();
        mapping.keep_from_dumps();
        if preparation.prefault {
            mapping.prefault()?;
        }
        if preparation.lock_memory {
            mapping.lock()?;
        }
        if preparation.death_notice {
            mapping.notice = mapping.give_notice();
        }
        Ok(mapping)
    }

    /// A region in ordinary memory, mapped for the producer and for the consumer: for Miri, which maps no files. The data
    /// does not stand there twice, so records must not wrap: Miri reports what goes beyond the end. It is never unmapped.
    #[cfg(miri)]
    pub(crate) fn ordinary(page: u64, capacity: u64) -> [Self; 2] {
        let (page, capacity) = (page as usize, capacity as usize);
        let len = (NODE_PAGES + CONTROL_PAGES as usize) * page + capacity;
        let memory = memmap2::MmapOptions::new().len(len).map_anon().expect("memory");
        let start = std::mem::ManuallyDrop::new(memmap2::MmapRaw::from(memory)).as_mut_ptr().cast();
        [Role::Producer, Role::Consumer].map(|role| {
            let range = AddressRange::ordinary(start, len);
            Self { notice: None, range, page, capacity, role }
        })
    }

    /// The second mapping of the data stands in no core dump: the first one does.
    fn keep_from_dumps(&self) {
        let second = self.at(CONTROL_PAGES as usize * self.page + self.capacity);
        // SAFETY: invariant 1; the advice changes no bytes.
        let _ = unsafe { rustix::mm::madvise(second, self.capacity, Advice::LinuxDontDump) };
    }

    /// The address `offset` bytes from the start of the region.
    fn at(&self, offset: usize) -> *mut c_void {
        self.range.at(NODE_PAGES * self.page + offset)
    }

    /// Has the kernel tell the other side of our death, if it will.
    fn give_notice(&self) -> Option<DeathNotice> {
        let distance = NODE_DISTANCE * self.page;
        let word = self.role.page_index() as usize * self.page + LIVENESS_OFFSET as usize;
        let node = NonNull::new(self.at(word).wrapping_byte_sub(distance))?;
        // SAFETY: invariant 1: the node lies in a private page, aligned as the word is, and only the
        // notice uses it; node and word stay mapped until the notice is dropped, before `range`.
        unsafe { DeathNotice::give(node.cast(), distance) }
    }

    /// What belongs into our liveness word: what the kernel looks for when this process ends, or 0
    /// if it will not tell anybody.
    pub(crate) fn liveness(&self) -> u32 {
        self.notice.as_ref().map_or(0, DeathNotice::liveness)
    }

    /// Maps `len` bytes of the region from `offset` over the range at `at`.
    fn lay(
        &self,
        fd: BorrowedFd<'_>,
        at: usize,
        len: usize,
        offset: usize,
        protection: ProtFlags,
    ) -> Result<(), MapError> {
        self.range.lay(fd, NODE_PAGES * self.page + at, len, offset as u64, protection)
    }

    /// The ranges that this role may write and those that it may only read.
    fn ranges(&self) -> [(usize, usize, bool); 4] {
        let control = CONTROL_PAGES as usize * self.page;
        let own = self.role.page_index() as usize * self.page;
        let peer = self.role.peer().page_index() as usize * self.page;
        [
            (0, self.page, false),
            (own, self.page, true),
            (peer, self.page, false),
            (control, 2 * self.capacity, self.role.writes_data()),
        ]
    }

    /// Touches every page now, so that no first use pays for a fault.
    fn prefault(&self) -> Result<(), MapError> {
        for (at, len, writable) in self.ranges() {
            let advice =
                if writable { Advice::LinuxPopulateWrite } else { Advice::LinuxPopulateRead };
            let address = self.at(at);
            // SAFETY: invariant 1; populating changes no bytes.
            match unsafe { rustix::mm::madvise(address, len, advice) } {
                Ok(()) => {}
                // Before Linux 5.14: read a word of each page instead.
                Err(Errno::INVAL) => self.touch(at, len),
                Err(errno) => {
                    return Err(MapError { call: "madvise(MADV_POPULATE)", errno });
                }
            }
        }
        Ok(())
    }

    fn touch(&self, at: usize, len: usize) {
        for offset in (at..at + len).step_by(self.page) {
            let address = self.at(offset).cast();
            // SAFETY: invariant 1: an aligned word that is mapped for reading.
            let word = unsafe { AtomicU64::from_ptr(address) };
            core::hint::black_box(Foreign::new(word).relaxed());
        }
    }

    /// Keeps the pages in memory.
    fn lock(&self) -> Result<(), MapError> {
        for (at, len, _) in self.ranges() {
            let address = self.at(at);
            // SAFETY: invariant 1; locking changes no bytes, and unmapping unlocks.
            unsafe { rustix::mm::mlock(address, len) }
                .map_err(|errno| MapError { call: "mlock", errno })?;
        }
        Ok(())
    }

    fn side(&self, role: Role) -> NonNull<SidePage> {
        let at = role.page_index() as usize * self.page;
        let address = self.at(at).cast();
        // SAFETY: invariant 1: an address inside a mapping is not null.
        unsafe { NonNull::new_unchecked(address) }
    }
}

#[cfg(shm_ring_steps)]
impl Drop for Mapping {
    fn drop(&mut self) {
        // What is held back must have been stored by then.
        crate::protocol::steps::system_call();
    }
}
