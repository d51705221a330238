//! Owns: what a child made by `fork` does not keep of its parent: descriptors that hold locks, and mappings that it could
//! write through. Knows nothing of: whose they are.
//!
//! Each stands in a table that the child's handler goes through before anything else runs there. It closes the
//! descriptors and lays private pages of zeros over the mappings: what the child reads there is nothing, and what it writes
//! nobody sees. The handler may do no more than that: other threads of the parent may have held any lock.
//!
//! A fork between opening a descriptor and its entry would leave a duplicate with the child. Forks are counted at both
//! ends, and a descriptor beside which one was under way is given up for another. The entry is written before the count is
//! read, and the count is raised before memory is copied: if no fork was seen, the next one copies the entry.
//!
//! Children that are made without the handlers (`_Fork`, `clone`) keep the descriptors until they exit or exec, and find no
//! memory where the mappings were (MADV_DONTFORK).
//!
//! Invariants of the unsafe blocks:
//! 1. Blocks that were added are never freed.
//! 2. An entry with a length stands for what is open or mapped in this process: it is written after that was made, and
//!    cleared before it goes.
#![allow(unsafe_code)]

use core::ffi::c_void;
use core::mem::ManuallyDrop;
use core::ptr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::mm::{MapFlags, ProtFlags};

use super::{Process, page};
use crate::protocol::sync::Ordering;
use crate::protocol::sync::private::{AtomicPtr, AtomicU32, AtomicU64};

/// Something that no child keeps.
struct Entry {
    /// [`FREE`], [`CLAIMED`], [`DESCRIPTOR`], or the bytes of a mapping.
    len: AtomicU64,
    /// The descriptor, or where the mapping is.
    at: AtomicU64,
}

const FREE: u64 = 0;
/// It is being written.
const CLAIMED: u64 = 1;
const DESCRIPTOR: u64 = 2;

const ENTRIES: usize = 64;

struct Block {
    entries: [Entry; ENTRIES],
    next: AtomicPtr<Block>,
}

impl Block {
    const fn new() -> Self {
        let entries = [const { Entry { len: AtomicU64::new(FREE), at: AtomicU64::new(0) } }; _];
        Self { entries, next: AtomicPtr::new(ptr::null_mut()) }
    }

    fn next(&self) -> Option<&'static Self> {
        // SAFETY: invariant 1.
        unsafe { self.next.load(Ordering::Acquire).as_ref() }
    }

    /// The next block, which is added if there is none.
    fn next_or_new(&self) -> &'static Self {
        if let Some(next) = self.next() {
            return next;
        }
        let fresh = Box::into_raw(Box::new(Self::new()));
        let (ok, failed) = (Ordering::AcqRel, Ordering::Acquire);
        // One that is lost to another thread stays unused.
        let next = match self.next.compare_exchange(ptr::null_mut(), fresh, ok, failed) {
            Ok(_) => fresh,
            Err(another) => another,
        };
        // SAFETY: invariant 1.
        unsafe { &*next }
    }
}

static TABLE: Block = Block::new();

/// Forks that were begun, and those that are over in the parent.
static BEGUN: AtomicU64 = AtomicU64::new(0);
static OVER: AtomicU64 = AtomicU64::new(0);

/// How many forks there were, if none is under way.
fn forks() -> Option<u64> {
    // In this order: as many were over as had begun a moment later.
    let over = OVER.load(Ordering::SeqCst);
    let begun = BEGUN.load(Ordering::SeqCst);
    (over == begun).then_some(begun)
}

/// A fork that is under way when the handlers are added does not run them, and nobody learns of it: they are added when the
/// program is loaded, before it has a second thread.
// SAFETY: the loader calls what stands in this section, with arguments that a function without any does not look at.
#[cfg(not(miri))]
#[used]
#[unsafe(link_section = ".init_array")]
static AT_LOAD: extern "C" fn() = watch_at_load;

#[cfg(not(miri))]
extern "C" fn watch_at_load() {
    watch();
}

/// Has the handlers run from now on, if that was not done yet. More than once does no harm, and who waited for another thread
/// to do it could wait for ever in a child.
pub(super) fn watch() {
    static WATCHED: AtomicU32 = AtomicU32::new(0);
    // Miri does not fork.
    if WATCHED.load(Ordering::Acquire) == 0 && !cfg!(miri) {
        // SAFETY: functions that live as long as this library, and call only what may be called in a child.
        unsafe { libc::pthread_atfork(Some(before), Some(in_parent), Some(in_child)) };
        WATCHED.store(1, Ordering::Release);
    }
}

extern "C" fn before() {
    BEGUN.fetch_add(1, Ordering::SeqCst);
}

extern "C" fn in_parent() {
    OVER.fetch_add(1, Ordering::SeqCst);
}

extern "C" fn in_child() {
    page::wipe();
    empty(|len, at| match len {
        // SAFETY: invariant 2: a duplicate of what the parent has open.
        DESCRIPTOR => _ = unsafe { libc::close(at as libc::c_int) },
        len => lay_zeros(at as usize, len as usize),
    });
}

/// For a child that was made without the handlers, before it has anything of its own: what stands in the table is its
/// parent's, and the numbers may lead elsewhere by now.
pub(super) fn forget() {
    empty(|_, _| ());
}

/// Empties the table of a child: `each` gets what there was.
fn empty(each: impl Fn(u64, u64)) {
    let mut block = Some(&TABLE);
    while let Some(Block { entries, .. }) = block {
        for Entry { len, at } in entries {
            let at = at.load(Ordering::Relaxed);
            match len.swap(FREE, Ordering::Acquire) {
                // Who was writing it is not here.
                FREE | CLAIMED => {}
                len => each(len, at),
            }
        }
        block = block.and_then(Block::next);
    }
    // Of the forks of other threads there is nothing here.
    OVER.store(BEGUN.load(Ordering::SeqCst), Ordering::SeqCst);
}

fn lay_zeros(at: usize, len: usize) {
    let address = ptr::with_exposed_provenance_mut::<c_void>(at);
    let protection = ProtFlags::READ | ProtFlags::WRITE;
    let flags = MapFlags::PRIVATE | MapFlags::FIXED | MapFlags::NORESERVE;
    // SAFETY: invariant 2: in the parent that is a mapping of ours, here nothing. If it fails that stays so.
    let _ = unsafe { rustix::mm::mmap_anonymous(address, len, protection, flags) };
}

/// An entry of the table.
#[derive(Debug)]
pub(crate) struct Inherited {
    entry: &'static Entry,
    process: Process,
}

impl Inherited {
    /// `len` bytes at `address` are mapped, and no child is to reach what is behind them.
    pub(crate) fn mapping(address: *mut c_void, len: usize) -> Self {
        Self::new(address.expose_provenance() as u64, len as u64)
    }

    fn new(at: u64, len: u64) -> Self {
        let process = Process::this();
        let mut block = &TABLE;
        loop {
            for entry in &block.entries {
                let (ok, failed) = (Ordering::Acquire, Ordering::Relaxed);
                if entry.len.compare_exchange(FREE, CLAIMED, ok, failed).is_ok() {
                    entry.at.store(at, Ordering::Relaxed);
                    entry.len.store(len, Ordering::SeqCst);
                    return Self { entry, process };
                }
            }
            block = block.next_or_new();
        }
    }
}

impl Drop for Inherited {
    fn drop(&mut self) {
        // In a child it is somebody else's by now.
        if self.process.is_this() {
            self.entry.len.store(FREE, Ordering::Release);
        }
    }
}

impl core::fmt::Debug for Entry {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Entry").finish_non_exhaustive()
    }
}

/// For how long a descriptor is opened anew because of forks: a thread that forks may have lost its processor. Beside a
/// program that never stops forking the last one is as good as can be.
const PATIENCE: Duration = Duration::from_secs(1);

/// An open file that no child keeps.
#[derive(Debug)]
pub(crate) struct Descriptor {
    descriptor: ManuallyDrop<OwnedFd>,
    /// Gone before the descriptor is closed: its number may be another file's at once.
    inherited: Option<Inherited>,
}

impl Descriptor {
    /// What `open` opens.
    pub(crate) fn open<E>(mut open: impl FnMut() -> Result<OwnedFd, E>) -> Result<Self, E> {
        let start = Instant::now();
        watch();
        loop {
            let before = forks();
            if before.is_none() && start.elapsed() < PATIENCE {
                std::thread::yield_now();
                continue;
            }
            let descriptor = ManuallyDrop::new(open()?);
            let inherited = Inherited::new(descriptor.as_raw_fd() as u64, DESCRIPTOR);
            let opened = Self { descriptor, inherited: Some(inherited) };
            if before.is_some() && forks() == before || start.elapsed() >= PATIENCE {
                return Ok(opened);
            }
            drop(opened);
            std::thread::yield_now();
        }
    }

    /// Whether this process is the one that opened it. In a child it is closed.
    pub(crate) fn is_ours(&self) -> bool {
        self.inherited.as_ref().is_some_and(|inherited| inherited.process.is_this())
    }
}

impl AsFd for Descriptor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

impl Drop for Descriptor {
    fn drop(&mut self) {
        // The handler has closed a child's: the number may be another file's there.
        let ours = self.is_ours();
        self.inherited = None;
        if ours {
            // SAFETY: dropped once, here.
            unsafe { ManuallyDrop::drop(&mut self.descriptor) };
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io;

    use super::*;

    /// Forks a child that ends at once.
    fn fork() {
        // SAFETY: the child calls one function, which a child may call.
        let child = unsafe { libc::fork() };
        if child == 0 {
            // SAFETY: ends the child.
            unsafe { libc::_exit(0) };
        }
        let mut status = 0;
        // SAFETY: `status` outlives the call.
        assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    }

    #[test]
    fn a_descriptor_beside_which_a_fork_was_under_way_is_opened_anew() {
        let mut opened = 0;
        let open = || {
            let file = File::open("/dev/null")?;
            opened += 1;
            if opened == 1 {
                fork();
            }
            Ok::<_, io::Error>(file.into())
        };
        drop(Descriptor::open(open).unwrap());
        // Once more, or oftener beside the forks of other tests.
        assert!(opened > 1, "{opened}");
    }

    #[test]
    fn a_program_that_never_stops_forking_gets_a_descriptor() {
        let (mut opened, start) = (0, Instant::now());
        let open = || {
            opened += 1;
            fork();
            Ok::<_, io::Error>(File::open("/dev/null")?.into())
        };
        drop(Descriptor::open(open).unwrap());
        assert!(opened > 1 && start.elapsed() >= PATIENCE, "{opened} times");
    }

    #[test]
    fn entries_are_given_back_and_more_are_made_where_there_are_none() {
        // Numbers of no descriptors, for the children of the tests beside this one.
        let entries = || -> Vec<_> {
            (0..3 * ENTRIES).map(|n| Inherited::new((1 << 30) + n as u64, DESCRIPTOR)).collect()
        };
        for _ in 0..2 {
            let held = entries();
            let places: std::collections::HashSet<_> =
                held.iter().map(|one| ptr::from_ref(one.entry)).collect();
            assert_eq!(places.len(), held.len(), "one for each");
        }
        let mut blocks = 1;
        let mut block = &TABLE;
        while let Some(next) = block.next() {
            (block, blocks) = (next, blocks + 1);
        }
        assert!(blocks <= 5, "{blocks} blocks: entries are not given back");
    }
}
