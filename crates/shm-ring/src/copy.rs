//! Copying and prefetching across trust. It must not know what the bytes mean.
//!
//! Invariants that the callers keep, and that every block here rests on:
//! 1. `shared` is mapped for `len` bytes, for reading, and in `put` and `put_at` for writing; in `put`
//!    and `take` it is 8-byte aligned and mapped for `len` rounded up to 8;
//! 2. `private` is valid for `len` bytes and no reference into `shared` exists anywhere.
//!
//! The other process may write the same bytes at any moment. Payload therefore crosses by relaxed
//! atomic words, which may race, or by a block of assembly, which the compiler cannot see into; never
//! through a reference or a plain copy. (Not `rep movsb`: on AMD Zen 3 it falls to a fiftieth of its
//! speed when the two addresses are close modulo 4096.)
#![allow(unsafe_code)]

use core::ffi::c_int;
use core::ptr;
use std::io;

use crate::sync::{AtomicU8, AtomicU64, Ordering};

const WORD: usize = size_of::<u64>();

/// Bytes that one round of the vector loop moves.
#[cfg(target_arch = "x86_64")]
const BLOCK: usize = 64;

/// From this length on the vector loop is faster than words. Below it words are, since the compiler
/// can see them and need not store an item before it is copied.
#[cfg(target_arch = "x86_64")]
const VECTOR_MIN: usize = 256;

/// How many of `len` bytes go by blocks; the rest goes by words. Where somebody decides about each
/// access all go by words: assembly asks nobody.
#[inline(always)]
const fn in_blocks(len: usize) -> usize {
    #[cfg(target_arch = "x86_64")]
    if len >= VECTOR_MIN && !cfg!(shm_ring_steps) {
        return len - len % BLOCK;
    }
    let _ = len;
    0
}

/// Copies `len` bytes at `private` into the region, and zeros up to the next multiple of 8. Short
/// payloads from the end to the start: see `Tail::commit`.
///
/// # Safety
/// The invariants above.
#[inline(always)]
pub(crate) unsafe fn put(shared: *mut u8, private: *const u8, len: usize) {
    if cfg!(shm_ring_one_mapping) {
        // SAFETY: invariants 1 and 2, and both sides are ours.
        return unsafe { seen::put(shared, private, len) };
    }
    let (blocks, words) = (in_blocks(len), len / WORD);
    #[cfg(target_arch = "x86_64")]
    if blocks > 0 {
        // SAFETY: invariants 1 and 2: both ends are valid for `blocks` bytes, which is at most `len`.
        unsafe { move_blocks(shared, private, blocks) };
    }
    // SAFETY: invariants 1 and 2.
    unsafe { put_rest(shared, private, words * WORD, len) };
    for index in (blocks / WORD..words).rev() {
        // SAFETY: invariant 2; `index` is below `len / 8`.
        let from = unsafe { private.add(index * WORD) };
        // SAFETY: invariant 2; eight bytes are valid there, at any alignment.
        let word = unsafe { from.cast::<u64>().read_unaligned() };
        // SAFETY: invariant 1; `index` is below `len / 8`.
        let to = unsafe { shared.add(index * WORD) };
        // SAFETY: invariant 1; aligned and mapped, and only ever accessed as atomic words.
        unsafe { AtomicU64::from_ptr(to.cast()) }.store(word, Ordering::Relaxed);
    }
}

/// The last, partial word of a `put`.
///
/// # Safety
/// The invariants above; `done` is `len` rounded down to 8.
#[inline(always)]
unsafe fn put_rest(shared: *mut u8, private: *const u8, done: usize, len: usize) {
    if done < len {
        let mut rest = [0_u8; WORD];
        // SAFETY: invariant 2; `done` is below `len`.
        let from = unsafe { private.add(done) };
        // SAFETY: invariant 2; fewer than eight bytes are left, and `rest` is our own.
        unsafe { ptr::copy_nonoverlapping(from, rest.as_mut_ptr(), len - done) };
        // SAFETY: invariant 1; the rounded length is mapped.
        let to = unsafe { shared.add(done) };
        // SAFETY: invariant 1; aligned and mapped.
        unsafe { AtomicU64::from_ptr(to.cast()) }
            .store(u64::from_ne_bytes(rest), Ordering::Relaxed);
    }
}

/// Copies `len` bytes out of the region to `private`.
///
/// # Safety
/// The invariants above, `private` being valid for writing.
#[inline(always)]
pub(crate) unsafe fn take(private: *mut u8, shared: *const u8, len: usize) {
    if cfg!(shm_ring_one_mapping) {
        // SAFETY: invariants 1 and 2, and both sides are ours.
        return unsafe { seen::take(private, shared, len) };
    }
    let (blocks, words) = (in_blocks(len), len / WORD);
    #[cfg(target_arch = "x86_64")]
    if blocks > 0 {
        // SAFETY: invariants 1 and 2, as in `put`.
        unsafe { move_blocks(private, shared, blocks) };
    }
    for index in blocks / WORD..words {
        // SAFETY: invariant 1; `index` is below `len / 8`.
        let from = unsafe { shared.add(index * WORD) };
        // SAFETY: invariant 1; aligned and mapped, and only loaded from here.
        let word = unsafe { AtomicU64::from_ptr(from.cast_mut().cast()) }.load(Ordering::Relaxed);
        // SAFETY: invariant 2; `index` is below `len / 8`.
        let to = unsafe { private.add(index * WORD) };
        // SAFETY: invariant 2; eight bytes are valid there, at any alignment.
        unsafe { to.cast::<u64>().write_unaligned(word) };
    }
    let done = words * WORD;
    if done < len {
        // SAFETY: invariant 1; the rounded length is mapped.
        let from = unsafe { shared.add(done) };
        // SAFETY: invariant 1; aligned and mapped.
        let word = unsafe { AtomicU64::from_ptr(from.cast_mut().cast()) }.load(Ordering::Relaxed);
        let rest = word.to_ne_bytes();
        // SAFETY: invariant 2; `done` is below `len`.
        let to = unsafe { private.add(done) };
        // SAFETY: invariant 2; fewer than eight bytes are left.
        unsafe { ptr::copy_nonoverlapping(rest.as_ptr(), to, len - done) };
    }
}

/// Copies `len` bytes at `private` to `shared`, wherever in a record that is, and nothing beyond.
///
/// # Safety
/// The invariants above.
pub(crate) unsafe fn put_at(shared: *mut u8, private: *const u8, len: usize) {
    let before = shared.align_offset(WORD).min(len);
    let aligned = (len - before) & !(WORD - 1);
    // SAFETY: invariants 1 and 2; `before` is at most `len`.
    unsafe { put_bytes(shared, private, before) };
    // SAFETY: invariant 1; `before` is at most `len`.
    let to = unsafe { shared.add(before) };
    // SAFETY: invariant 2; the same.
    let from = unsafe { private.add(before) };
    // SAFETY: invariants 1 and 2; `to` is aligned unless nothing is left, and the length is whole
    // words.
    unsafe { put(to, from, aligned) };
    // SAFETY: invariant 1; `before + aligned` is at most `len`.
    let to = unsafe { to.add(aligned) };
    // SAFETY: invariant 2; the same.
    let from = unsafe { from.add(aligned) };
    // SAFETY: invariants 1 and 2; what is left of `len`.
    unsafe { put_bytes(to, from, len - before - aligned) };
}

/// # Safety
/// The invariants above.
unsafe fn put_bytes(shared: *mut u8, private: *const u8, len: usize) {
    for index in 0..len {
        // SAFETY: invariant 2; `index` is below `len`.
        let from = unsafe { private.add(index) };
        // SAFETY: invariant 2; one byte is valid there.
        let byte = unsafe { from.read() };
        // SAFETY: invariant 1; `index` is below `len`.
        let to = unsafe { shared.add(index) };
        // SAFETY: invariant 1; mapped, and a byte is always aligned.
        unsafe { AtomicU8::from_ptr(to) }.store(byte, Ordering::Relaxed);
    }
}

/// Copies `len` bytes at `shared`, wherever in a record that is, to `private`.
///
/// # Safety
/// The invariants above, `private` being valid for writing.
pub(crate) unsafe fn take_at(private: *mut u8, shared: *const u8, len: usize) {
    let before = shared.align_offset(WORD).min(len);
    let aligned = (len - before) & !(WORD - 1);
    // SAFETY: invariants 1 and 2; `before` is at most `len`.
    unsafe { take_bytes(private, shared, before) };
    // SAFETY: invariant 1; `before` is at most `len`.
    let from = unsafe { shared.add(before) };
    // SAFETY: invariant 2; the same.
    let to = unsafe { private.add(before) };
    // SAFETY: invariants 1 and 2; `from` is aligned unless nothing is left, and the length is whole
    // words.
    unsafe { take(to, from, aligned) };
    // SAFETY: invariant 1; `before + aligned` is at most `len`.
    let from = unsafe { from.add(aligned) };
    // SAFETY: invariant 2; the same.
    let to = unsafe { to.add(aligned) };
    // SAFETY: invariants 1 and 2; what is left of `len`.
    unsafe { take_bytes(to, from, len - before - aligned) };
}

/// # Safety
/// The invariants above, `private` being valid for writing.
unsafe fn take_bytes(private: *mut u8, shared: *const u8, len: usize) {
    for index in 0..len {
        // SAFETY: invariant 1; `index` is below `len`.
        let from = unsafe { shared.add(index) };
        // SAFETY: invariant 1; mapped, a byte is always aligned, and it is only loaded from here.
        let byte = unsafe { AtomicU8::from_ptr(from.cast_mut()) }.load(Ordering::Relaxed);
        // SAFETY: invariant 2; `index` is below `len`.
        let to = unsafe { private.add(index) };
        // SAFETY: invariant 2; one byte is valid there.
        unsafe { to.write(byte) };
    }
}

/// Has the kernel copy up to `len` bytes from a file to `shared`, wherever in a record that is. How many
/// it were.
///
/// # Safety
/// Invariant 1; whatever `descriptor` is, the kernel writes nothing else of ours.
pub(crate) unsafe fn read_from(
    shared: *mut u8,
    descriptor: c_int,
    len: usize,
) -> io::Result<usize> {
    // SAFETY: the contract above; a number that is no descriptor is an error.
    let read = unsafe { libc::read(descriptor, shared.cast(), len) };
    usize::try_from(read).map_err(|_| io::Error::last_os_error())
}

/// Has the kernel copy up to `len` bytes at `shared`, wherever in a record that is, to a file. How many it
/// were.
///
/// # Safety
/// Invariant 1.
pub(crate) unsafe fn write_to(
    shared: *const u8,
    descriptor: c_int,
    len: usize,
) -> io::Result<usize> {
    // SAFETY: the contract above; a number that is no descriptor is an error.
    let written = unsafe { libc::write(descriptor, shared.cast(), len) };
    usize::try_from(written).map_err(|_| io::Error::last_os_error())
}

/// # Safety
/// `from` and `to` are valid for `len` bytes and do not overlap; `len` is a multiple of [`BLOCK`]
/// and not zero.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn move_blocks(to: *mut u8, from: *const u8, len: usize) {
    // SAFETY: the contract above. SSE2 is part of x86-64, and unaligned moves are allowed.
    unsafe {
        core::arch::asm!(
            "2:",
            "movups {a}, [{from} + {at}]",
            "movups {b}, [{from} + {at} + 16]",
            "movups {c}, [{from} + {at} + 32]",
            "movups {d}, [{from} + {at} + 48]",
            "movups [{to} + {at}], {a}",
            "movups [{to} + {at} + 16], {b}",
            "movups [{to} + {at} + 32], {c}",
            "movups [{to} + {at} + 48], {d}",
            "add {at}, 64",
            "cmp {at}, {len}",
            "jb 2b",
            from = in(reg) from,
            to = in(reg) to,
            len = in(reg) len,
            at = inout(reg) 0_usize => _,
            a = out(xmm_reg) _,
            b = out(xmm_reg) _,
            c = out(xmm_reg) _,
            d = out(xmm_reg) _,
            options(nostack),
        );
    }
}

/// Plain copies, so that ThreadSanitizer reports whoever is here at the same time: it sees no race between
/// atomic words and nothing in assembly. Only for threads of one process.
mod seen {
    use super::{WORD, ptr};

    /// # Safety
    /// As [`put`](super::put).
    pub(super) unsafe fn put(shared: *mut u8, private: *const u8, len: usize) {
        // SAFETY: the contract above.
        unsafe { ptr::copy_nonoverlapping(private, shared, len) };
        // SAFETY: the contract above; `len` rounded up to 8 is mapped.
        let rest = unsafe { shared.add(len) };
        // SAFETY: the same.
        unsafe { ptr::write_bytes(rest, 0, len.next_multiple_of(WORD) - len) };
    }

    /// # Safety
    /// As [`take`](super::take).
    pub(super) unsafe fn take(private: *mut u8, shared: *const u8, len: usize) {
        // SAFETY: the contract above.
        unsafe { ptr::copy_nonoverlapping(shared, private, len) };
    }
}

/// Asks for the line at `address` in order to write it. Never faults, whatever the address.
#[inline(always)]
pub(crate) fn prefetch_write(address: *const u8) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch reads and writes nothing that the program can see and does not fault;
    // processors without PREFETCHW take it for a no-op.
    unsafe {
        core::arch::asm!("prefetchw [{}]", in(reg) address, options(nostack, preserves_flags, readonly));
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: as above; PRFM is a hint.
    unsafe {
        core::arch::asm!("prfm pstl1keep, [{}]", in(reg) address, options(nostack, preserves_flags, readonly));
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let _ = address;
}
