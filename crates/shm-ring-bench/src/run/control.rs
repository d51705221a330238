//! The page that the parent and both sides of a run share: who has come how far, the floor's two
//! lines, and what each side measured. It must not know any transport.
//!
//! Invariant of the unsafe blocks: a `Control` is mapped from a memfd of `size_of::<Page>()` bytes
//! rounded up to pages, and `Page` is atomics only, for which any bytes are valid.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{MemfdFlags, ftruncate, memfd_create};
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};
use serde::{Deserialize, Serialize};

/// The two sides of a run. `A` measures: it receives streams and starts round trips.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Side {
    A,
    B,
}

impl Side {
    pub(crate) fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }
}

/// A word alone on its line (two lines, since they are fetched in pairs).
#[repr(C, align(128))]
struct Line(AtomicU64);

#[repr(C)]
struct Page {
    stage: [Line; 2],
    floor: [Line; 2],
    measured: [[AtomicU64; Measure::COUNT]; 2],
}

/// What a side may measure.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Measure {
    /// 1 when the side came to its end in order.
    Done,
    /// Nanoseconds from the first measured message to the last.
    WallNs,
    /// Processor time of the side in that interval.
    CpuNs,
    /// Time in that interval in which the side could have run and another had its processor.
    QueuedNs,
    /// Messages that the side verified.
    Verified,
    /// Nanoseconds from when the first measured message was due to when the last had come, where that
    /// is what the rate is reckoned from.
    SpanNs,
    /// Processor time of the side in which it only waited for the next message to be due.
    WaitedNs,
    /// Context switches of the side in the measured interval, those left out that a workload asked for.
    Switches,
    /// 1 more than its system calls in that interval, where they were counted.
    Calls,
    /// The process of the side.
    Process,
    /// What the side holds in memory for itself.
    PrivateBytes,
    /// Its part of the memory that it shares.
    SharedBytes,
    /// The floor: a median of the two-line ping-pong. This and the percentiles are in picoseconds, since a
    /// nanosecond is a hundredth of the shortest.
    Floor,
    /// Median of how long bursts took.
    Drain,
    P50,
    P75,
    P90,
    P99,
    P999,
    P9999,
    Max,
}

/// Picoseconds in a nanosecond.
pub(crate) const PER_NANOSECOND: f64 = 1000.0;

impl Measure {
    const COUNT: usize = Self::Max as usize + 1;
}

/// A mapping of the page.
pub(crate) struct Control {
    fd: OwnedFd,
    page: NonNull<Page>,
}

impl Control {
    /// A fresh page.
    pub(crate) fn new() -> io::Result<Self> {
        let fd = memfd_create("shm-ring-bench-control", MemfdFlags::empty())?;
        ftruncate(&fd, size_of::<Page>() as u64)?;
        Self::over(fd)
    }

    /// The page behind an inherited descriptor.
    pub(crate) fn over(fd: OwnedFd) -> io::Result<Self> {
        let protection = ProtFlags::READ | ProtFlags::WRITE;
        let len = size_of::<Page>();
        // SAFETY: a new mapping at an address of the kernel's choice.
        let page =
            unsafe { mmap(std::ptr::null_mut(), len, protection, MapFlags::SHARED, &fd, 0)? };
        let page = NonNull::new(page.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self { fd, page })
    }

    /// Bytes of the page.
    #[cfg(feature = "go")]
    pub(crate) const LENGTH: usize = size_of::<Page>();

    /// Where what a side measured is in the page, in bytes: for a program that is not of this crate.
    #[cfg(feature = "go")]
    pub(crate) fn place(side: Side, measure: Measure) -> usize {
        let index = side as usize * Measure::COUNT + measure as usize;
        std::mem::offset_of!(Page, measured) + index * size_of::<AtomicU64>()
    }

    /// Where is how far a side has come.
    #[cfg(feature = "go")]
    pub(crate) fn stage_place(side: Side) -> usize {
        std::mem::offset_of!(Page, stage) + side as usize * size_of::<Line>()
    }

    fn page(&self) -> &Page {
        // SAFETY: the invariant above.
        unsafe { self.page.as_ref() }
    }

    /// Waits until the other side has come to `stage` too.
    pub(crate) fn meet(&self, side: Side, stage: u64) {
        self.arrive(side, stage);
        while self.stage(side.other()) < stage {
            std::thread::yield_now();
        }
    }

    /// [`meet`](Self::meet) without a system call.
    pub(crate) fn meet_spinning(&self, side: Side, stage: u64) {
        self.arrive(side, stage);
        while self.stage(side.other()) < stage {
            std::hint::spin_loop();
        }
    }

    /// Says that a side has come this far.
    pub(crate) fn arrive(&self, side: Side, stage: u64) {
        self.page().stage[side as usize].0.store(stage, Ordering::Release);
    }

    /// How far a side has come.
    pub(crate) fn stage(&self, side: Side) -> u64 {
        self.page().stage[side as usize].0.load(Ordering::Acquire)
    }

    /// The floor's lines: the one that `side` writes and the one that it reads.
    pub(crate) fn floor(&self, side: Side) -> (&AtomicU64, &AtomicU64) {
        let lines = &self.page().floor;
        (&lines[side as usize].0, &lines[side.other() as usize].0)
    }

    pub(crate) fn record(&self, side: Side, measure: Measure, value: u64) {
        self.page().measured[side as usize][measure as usize].store(value, Ordering::Release);
    }

    pub(crate) fn measured(&self, side: Side, measure: Measure) -> u64 {
        self.page().measured[side as usize][measure as usize].load(Ordering::Acquire)
    }
}

impl AsFd for Control {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        // SAFETY: our own mapping, to which no reference is left.
        let _ = unsafe { munmap(self.page.as_ptr().cast(), size_of::<Page>()) };
    }
}

// SAFETY: the page is atomics only.
unsafe impl Sync for Control {}
// SAFETY: the mapping belongs to the process, not to a thread.
unsafe impl Send for Control {}
