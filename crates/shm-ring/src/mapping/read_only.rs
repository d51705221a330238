//! Owns: a mapping of the whole region for somebody who only looks: nothing of it can be written through it. Knows
//! nothing of: the protocol, what records hold.
//!
//! Invariants that every unsafe block here rests on:
//! 1. `raw` spans `CONTROL_PAGES * page + 2 * capacity` bytes of the region, control pages and then the
//!    data twice in a row, all of it mapped for reading for as long as the `ReadOnly` lives. Nothing else
//!    of this process is mapped there.
//! 2. `capacity` is a power of two, at least a page; the page is at least 4096 bytes and a power of two,
//!    so a position masked with `capacity - 1` is a place below `capacity`, as aligned as the position up to a page.
//! 3. The region's length was checked against the descriptor before it was mapped; see `mirror` on
//!    SIGBUS.
#![allow(unsafe_code)]

use core::mem::MaybeUninit;
use std::os::fd::BorrowedFd;

use memmap2::{Advice, MmapOptions, MmapRaw};
use rustix::io::Errno;
use rustix::mm::{MapFlags, ProtFlags};

use super::{MapError, copy};
use crate::item::Item;
use crate::protocol::layout::{CONTROL_PAGES, SidePage};
use crate::protocol::sync::{AtomicU64, Foreign};
use crate::role::Role;

/// A region, mapped for reading alone.
pub(crate) struct ReadOnly {
    raw: MmapRaw,
    page: usize,
    capacity: usize,
}

impl ReadOnly {
    /// Maps the region behind `fd`, which may be open for reading only. Its length has been checked.
    pub(crate) fn new(fd: BorrowedFd<'_>, page: u64, capacity: u64) -> Result<Self, MapError> {
        let (page, capacity) = (page as usize, capacity as usize);
        let first = CONTROL_PAGES as usize * page + capacity;
        // The second half shows what is behind the end of the region until the data is laid over it.
        let raw =
            MmapOptions::new().len(first + capacity).map_raw_read_only(&fd).map_err(|error| {
                let errno = Errno::from_io_error(&error).unwrap_or(Errno::NOMEM);
                MapError { call: "mmap", errno }
            })?;
        let watched = Self { raw, page, capacity };
        let (address, offset) = (watched.at(first).cast(), (first - capacity) as u64);
        let flags = MapFlags::SHARED | MapFlags::FIXED;
        // SAFETY: invariant 1: the range lies within our own reservation, to which no reference exists
        // yet, so replacing its pages disturbs nobody.
        unsafe { rustix::mm::mmap(address, capacity, ProtFlags::READ, flags, fd, offset) }
            .map_err(|errno| MapError { call: "mmap", errno })?;
        Ok(watched)
    }

    /// Touches every page now, and keeps them all in memory, where that is asked for.
    pub(crate) fn prepared(self, prefault: bool, lock: bool) -> Result<Self, MapError> {
        let failed = |call| {
            move |error: std::io::Error| {
                let errno = Errno::from_io_error(&error).unwrap_or(Errno::NOMEM);
                MapError { call, errno }
            }
        };
        if prefault {
            match self.raw.advise(Advice::PopulateRead) {
                // Before Linux 5.14: locking and the first use do it.
                Err(error) if Errno::from_io_error(&error) == Some(Errno::INVAL) => {}
                answer => answer.map_err(failed("madvise(MADV_POPULATE)"))?,
            }
        }
        if lock {
            self.raw.lock().map_err(failed("mlock"))?;
        }
        Ok(self)
    }

    /// The address `offset` bytes from the start of the region.
    fn at(&self, offset: usize) -> *mut u8 {
        self.raw.as_mut_ptr().wrapping_add(offset)
    }

    /// The address `offset` bytes behind the place of `position` in the data area.
    fn data(&self, position: u64, offset: usize) -> *mut u8 {
        let place = (position & (self.capacity as u64 - 1)) as usize;
        self.at(CONTROL_PAGES as usize * self.page + place + offset)
    }

    /// A role's page.
    pub(crate) fn side(&self, role: Role) -> Foreign<'_, SidePage> {
        let address = self.at(role.page_index() as usize * self.page).cast::<SidePage>();
        // SAFETY: invariants 1 and 2: a page-aligned page, larger than `SidePage`, whose words are only
        // ever accessed atomically; `Foreign` only loads.
        Foreign::new(unsafe { &*address })
    }

    /// The word at `position`, a multiple of 8.
    ///
    /// # Panics
    /// If it is not.
    pub(crate) fn word(&self, position: u64) -> Foreign<'_, AtomicU64> {
        assert!(position % 8 == 0, "words are aligned");
        let address = self.data(position, 0).cast();
        // SAFETY: invariants 1 and 2: an aligned word of the data area; `Foreign` only loads.
        Foreign::new(unsafe { AtomicU64::from_ptr(address) })
    }

    /// A copy of the `len` bytes of words that stand `offset` bytes behind `position`, both multiples of 8: of a message
    /// or a slot. `None` if there is no memory for them.
    ///
    /// # Panics
    /// If they are not, or no record of this ring is that long: callers have refused that before.
    pub(crate) fn copy_words(&self, position: u64, offset: usize, len: usize) -> Option<Vec<u8>> {
        assert!(position % 8 == 0 && offset % 8 == 0, "words are aligned");
        assert!(offset + len <= self.capacity, "longer than the longest record");
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(len).ok()?;
        let from = self.data(position, offset);
        // SAFETY: `copy`'s invariants: `from` is aligned, and mapped for `len` rounded up to 8, since it
        // begins below the capacity and `offset + len` is at most that; the memory of `bytes` is ours.
        unsafe { copy::copy_out(bytes.as_mut_ptr(), from, len) };
        // SAFETY: that many bytes have just been written.
        unsafe { bytes.set_len(len) };
        Some(bytes)
    }

    /// A copy of the value of `size` bytes at `position`, a multiple of that. `None` if there is no memory for it.
    ///
    /// # Panics
    /// If it is not, or no value of this ring is that long: callers have refused that before.
    pub(crate) fn copy_value(&self, position: u64, size: usize) -> Option<Vec<u8>> {
        assert!(position % size as u64 == 0, "values stand at multiples of their size");
        assert!(size <= self.capacity, "longer than the data area");
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(size).ok()?;
        // SAFETY: `copy`'s invariants: the place of a value is a multiple of its granule, and mapped for its size; the
        // memory of `bytes` is ours.
        unsafe { copy::value_out(bytes.as_mut_ptr(), self.data(position, 0), size) };
        // SAFETY: that many bytes have just been written.
        unsafe { bytes.set_len(size) };
        Some(bytes)
    }

    /// Copies the item out of the slot at `position`, a multiple of the size of a slot: whatever bytes stand
    /// there.
    #[inline(always)]
    pub(crate) fn take<T: Item>(&self, position: u64) -> T {
        let mut item = MaybeUninit::<T>::uninit();
        // SAFETY: `item` is our own and as long as a `T`.
        unsafe { self.take_slot::<T>(position, item.as_mut_ptr()) };
        // SAFETY: all of its bytes have been written, and any bytes are a `T` (FromBytes).
        unsafe { item.assume_init() }
    }

    /// `take` into a place that is there already.
    #[inline(always)]
    pub(crate) fn take_into<T: Item>(&self, position: u64, item: &mut T) {
        // SAFETY: a place of our own; any bytes are a `T`, so it stays valid.
        unsafe { self.take_slot::<T>(position, item) };
    }

    /// Copies as many bytes as `value` has out of the slot at `position`, a multiple of the size of a slot.
    ///
    /// # Panics
    /// If they are more than the data area holds.
    pub(crate) fn take_bytes(&self, position: u64, value: &mut [u8]) {
        assert!(value.len() <= self.capacity, "longer than the data area");
        let from = self.data(position, 0);
        // SAFETY: `copy`'s invariants: `from` is aligned and begins below the capacity, and the length,
        // rounded up to 8, is at most the capacity; `value` is ours.
        unsafe { copy::copy_out(value.as_mut_ptr(), from, value.len()) };
    }

    /// # Safety
    /// `item` is valid for writing a `T`.
    #[inline(always)]
    unsafe fn take_slot<T: Item>(&self, position: u64, item: *mut T) {
        assert!(size_of::<T>() <= self.capacity, "longer than the data area");
        let from = self.data(position, 0);
        // SAFETY: `copy`'s invariants: `from` is aligned and begins below the capacity, and the length,
        // rounded up to 8, is at most the capacity; `item` by the contract above.
        unsafe { copy::copy_out(item.cast(), from, size_of::<T>()) };
    }
}
