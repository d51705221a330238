//! Words that a campaign shares with its children, whatever becomes of them: anonymous memory that a fork
//! inherits. It must not know what the words mean.
//!
//! Invariant of the unsafe blocks: the mapping is never unmapped, fresh pages are zero, and it is accessed
//! only as atomic words and bytes.
#![allow(unsafe_code)]

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::SeqCst};

use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous};

/// `count` zero bytes.
pub fn bytes(count: usize) -> std::io::Result<&'static [AtomicU8]> {
    let protection = ProtFlags::READ | ProtFlags::WRITE;
    let flags = MapFlags::SHARED | MapFlags::NORESERVE;
    // SAFETY: a new mapping at an address of the kernel's choice disturbs nobody.
    let start = unsafe { mmap_anonymous(core::ptr::null_mut(), count, protection, flags) }?;
    // SAFETY: the invariant above: `count` bytes that live for ever and are zero.
    Ok(unsafe { core::slice::from_raw_parts(start.cast::<AtomicU8>(), count) })
}

/// `count` zero words.
pub fn words(count: usize) -> std::io::Result<&'static [AtomicU64]> {
    let bytes = bytes(count * size_of::<u64>())?;
    // SAFETY: the invariant above; a mapping starts at a page, and the bytes are used as words only.
    Ok(unsafe { core::slice::from_raw_parts(bytes.as_ptr().cast::<AtomicU64>(), count) })
}

/// Writes down `text`, cut to what fits, unless something stands there already.
pub fn write_text(place: &[AtomicU8], text: &str) {
    if place[0].load(SeqCst) == 0 {
        let last = place.len() - 1;
        // The first byte last: who reads sees all of it or nothing.
        for (to, byte) in place[..last].iter().zip(text.bytes()).rev() {
            to.store(byte.max(1), SeqCst);
        }
    }
}

/// What [`write_text`] wrote, if it did.
pub fn read_text(place: &[AtomicU8]) -> Option<String> {
    let bytes = place.iter().map(|byte| byte.load(SeqCst)).take_while(|byte| *byte != 0);
    let bytes: Vec<u8> = bytes.collect();
    (!bytes.is_empty()).then(|| String::from_utf8_lossy(&bytes).into_owned())
}
