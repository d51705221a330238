//! Owns: a word that is 0 in a child until the child writes it. Knows nothing of: what stands there.
//!
//! Invariant of the unsafe blocks: `WORD` is null, or leads to a word that is mapped for the rest of the process.
#![allow(unsafe_code)]

use core::ptr;

use rustix::mm::{Advice, MapFlags, ProtFlags};
use rustix::param::page_size;

use crate::protocol::sync::Ordering;
use crate::protocol::sync::private::{AtomicPtr, AtomicU64};

static WORD: AtomicPtr<AtomicU64> = AtomicPtr::new(ptr::null_mut());

/// Where the kernel wipes no page: the handler of a fork wipes this.
static UNWIPED: AtomicU64 = AtomicU64::new(0);

/// The word. Not in a `OnceLock`: a child that was forked while another thread filled that would wait for ever.
pub(super) fn word() -> &'static AtomicU64 {
    let mut word = WORD.load(Ordering::Acquire);
    if word.is_null() {
        let fresh = wiped().unwrap_or(ptr::from_ref(&UNWIPED).cast_mut());
        // A page that is lost to another thread stays: it happens once.
        word = match WORD.compare_exchange(word, fresh, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => fresh,
            Err(another) => another,
        };
    }
    // SAFETY: the invariant.
    unsafe { &*word }
}

/// For a child, whose kernel may not have done it.
pub(super) fn wipe() {
    // SAFETY: the invariant.
    if let Some(word) = unsafe { WORD.load(Ordering::Acquire).as_ref() } {
        word.store(0, Ordering::Relaxed);
    }
}

/// A page of zeros that the kernel makes one of zeros again in every child with memory of its own (Linux 4.14).
fn wiped() -> Option<*mut AtomicU64> {
    if cfg!(miri) {
        return None;
    }
    let (len, protection) = (page_size(), ProtFlags::READ | ProtFlags::WRITE);
    // SAFETY: memory where the kernel likes, which nobody uses.
    let mapped =
        unsafe { rustix::mm::mmap_anonymous(ptr::null_mut(), len, protection, MapFlags::PRIVATE) };
    let page = mapped.ok()?;
    // SAFETY: a page of ours; the advice changes nothing here.
    match unsafe { rustix::mm::madvise(page, len, Advice::LinuxWipeOnFork) } {
        Ok(()) => Some(page.cast()),
        Err(_) => {
            // SAFETY: the page that was mapped above, and nobody knows of it.
            let _ = unsafe { rustix::mm::munmap(page, len) };
            None
        }
    }
}
