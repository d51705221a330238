//! Memory with nothing around it: buffers that end where touching faults, and holes in which the library's
//! mappings come to lie. It must not know a ring.
//!
//! Invariants of the unsafe blocks: all mappings here are never unmapped, except the middle of a hole, into
//! which nothing of ours leads; buffers are handed out through `&mut` alone.
#![allow(unsafe_code)]

use core::ffi::c_void;
use std::io;

use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};

/// How far beyond a mapping no access goes unnoticed: as far as a 32-bit length leads.
pub const GUARD: usize = 1 << 32;

fn reserve(len: usize) -> io::Result<*mut c_void> {
    let flags = MapFlags::PRIVATE | MapFlags::NORESERVE;
    // SAFETY: a new mapping at an address of the kernel's choice disturbs nobody.
    Ok(unsafe { mmap_anonymous(core::ptr::null_mut(), len, ProtFlags::empty(), flags) }?)
}

/// Bytes that end at memory which nobody may touch, and begin behind such memory.
#[derive(Debug)]
pub struct Guarded(&'static mut [u8]);

impl Guarded {
    /// `len` bytes, whole pages.
    pub fn new(len: usize) -> io::Result<Self> {
        let at = reserve(GUARD + len + GUARD)?.wrapping_byte_add(GUARD);
        let protection = ProtFlags::READ | ProtFlags::WRITE;
        let flags = MapFlags::PRIVATE | MapFlags::FIXED;
        // SAFETY: the middle of our own reservation, to which nothing leads yet.
        unsafe { mmap_anonymous(at, len, protection, flags) }?;
        // SAFETY: mapped for reading and writing for ever, and nobody else has the address.
        Ok(Self(unsafe { core::slice::from_raw_parts_mut(at.cast::<u8>(), len) }))
    }

    /// All of it: its last byte is the last that may be touched.
    pub fn all(&mut self) -> &mut [u8] {
        self.0
    }

    /// The last `len` bytes.
    pub fn last(&mut self, len: usize) -> &mut [u8] {
        let start = self.0.len() - len;
        &mut self.0[start..]
    }
}

/// A gap of one size between reservations, where the kernel puts the next mapping of that size.
#[derive(Debug)]
pub struct Hole {
    at: *mut c_void,
    len: usize,
}

impl Hole {
    /// A gap of `len` bytes, whole pages.
    pub fn new(len: usize) -> io::Result<Self> {
        let at = reserve(GUARD + len + GUARD)?.wrapping_byte_add(GUARD);
        // SAFETY: the middle of our own reservation, to which nothing leads.
        unsafe { munmap(at, len) }?;
        Ok(Self { at, len })
    }

    /// Whether all of it is mapped.
    pub fn is_filled(&self) -> bool {
        let mut pages = [0_u8; 64];
        // SAFETY: tells of pages whether they are mapped; `pages` has a byte for each.
        let answer = unsafe { libc::mincore(self.at, self.len.min(64 * 4096), pages.as_mut_ptr()) };
        answer == 0
    }

    /// Takes up the place of the next mapping of this size, which has gone somewhere else before.
    pub fn plug(len: usize) -> io::Result<()> {
        reserve(len).map(|_| ())
    }
}
