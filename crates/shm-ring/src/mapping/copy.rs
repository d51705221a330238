//! Owns: copying and prefetching across trust. Knows nothing of: what the bytes mean.
//!
//! Invariants that the callers keep, and that every block here rests on:
//! 1. `shared` is mapped for `len` bytes, for reading, and in the `_in` functions for writing. Where a function speaks
//!    of words, `shared` is 8-byte aligned and mapped for `len` rounded up to 8; where it speaks of a part, the same
//!    holds for the words that the part touches;
//! 2. `private` is valid for `len` bytes and no reference into `shared` exists anywhere.
//!
//! The other process may write the same bytes at any moment. Payload therefore crosses by relaxed atomic accesses,
//! which may race, or by a block of assembly, which the compiler cannot see into; never through a reference or a plain
//! copy. Accesses that race have one size: a message, a front and a latest value are accessed as words of 8 bytes, a
//! value in granules (see [`granule`]). (Not `rep movsb`: on AMD Zen 3 it falls to a fiftieth of its speed when the two
//! addresses are close modulo 4096.)
#![allow(unsafe_code)]

use core::ffi::c_int;
use core::ptr;
use std::io;

use crate::protocol::sync::{AtomicU8, AtomicU32, AtomicU64, Ordering};

const WORD: usize = size_of::<u64>();

/// From this length on blocks of vectors are faster than words. Below it words are, since the compiler can see them and
/// need not store an item before it is copied.
#[cfg(target_arch = "x86_64")]
const VECTOR_MIN: usize = 256;

/// Whether bytes may be moved by assembly. Not where somebody decides about each access, or Miri judges it.
#[cfg(target_arch = "x86_64")]
const ASSEMBLY: bool = cfg!(not(any(shm_ring_steps, miri)));

/// The size of the accesses that values of `size` bytes are made of: the place of such a value is a multiple of it.
/// Values are never merged into larger words: the mirror gives one word two addresses.
pub(crate) const fn granule(size: usize) -> usize {
    if size % 8 == 0 {
        8
    } else if size % 4 == 0 {
        4
    } else {
        1
    }
}

macro_rules! granules {
    ($copy_in:ident, $copy_out:ident, $word:ty, $atomic:ident) => {
        /// From the start to the end: the other order cost a third of a round trip at 24 bytes.
        ///
        /// # Safety
        /// The invariants above; `shared` is aligned for a granule, and `len` is a multiple of it.
        #[inline(always)]
        unsafe fn $copy_in(shared: *mut u8, private: *const u8, len: usize) {
            for index in 0..len / size_of::<$word>() {
                // SAFETY: invariant 2; `index` granules are below `len`.
                let from = unsafe { private.cast::<$word>().add(index) };
                // SAFETY: invariant 2; a granule is valid there, at any alignment.
                let word = unsafe { from.read_unaligned() };
                // SAFETY: invariant 1; `index` granules are below `len`.
                let to = unsafe { shared.cast::<$word>().add(index) };
                // SAFETY: invariant 1; aligned and mapped.
                unsafe { $atomic::from_ptr(to) }.store(word, Ordering::Relaxed);
            }
        }

        /// # Safety
        /// The invariants above; `shared` is aligned for a granule, and `len` is a multiple of it.
        #[inline(always)]
        unsafe fn $copy_out(private: *mut u8, shared: *const u8, len: usize) {
            for index in 0..len / size_of::<$word>() {
                // SAFETY: invariant 1; `index` granules are below `len`.
                let from = unsafe { shared.cast::<$word>().add(index) };
                // SAFETY: invariant 1; aligned and mapped, and only loaded from here.
                let word = unsafe { $atomic::from_ptr(from.cast_mut()) }.load(Ordering::Relaxed);
                // SAFETY: invariant 2; `index` granules are below `len`.
                let to = unsafe { private.cast::<$word>().add(index) };
                // SAFETY: invariant 2; a granule is valid there, at any alignment.
                unsafe { to.write_unaligned(word) };
            }
        }
    };
}

granules!(bytes_in, bytes_out, u8, AtomicU8);
granules!(halves_in, halves_out, u32, AtomicU32);
granules!(words_in, words_out, u64, AtomicU64);

/// Copies `len` bytes at `private` into words of the region, and zeros up to the next multiple of 8.
///
/// # Safety
/// The invariants above.
#[inline(always)]
pub(crate) unsafe fn copy_in(shared: *mut u8, private: *const u8, len: usize) {
    let whole = len & !(WORD - 1);
    // SAFETY: invariants 1 and 2.
    unsafe { whole_words_in(shared, private, whole) };
    if whole < len {
        // SAFETY: invariant 2; `whole` is below `len`.
        let from = unsafe { private.add(whole) };
        // SAFETY: invariant 1; the rounded length is mapped.
        let to = unsafe { shared.add(whole) };
        // SAFETY: invariants 1 and 2; fewer than eight bytes are left.
        unsafe { store_part(to, 0, from, 0, len - whole) };
    }
}

/// Copies `len` bytes out of words of the region to `private`.
///
/// # Safety
/// The invariants above, `private` being valid for writing.
#[inline(always)]
pub(crate) unsafe fn copy_out(private: *mut u8, shared: *const u8, len: usize) {
    let whole = len & !(WORD - 1);
    // SAFETY: invariants 1 and 2.
    unsafe { whole_words_out(private, shared, whole) };
    if whole < len {
        // SAFETY: invariant 1; the rounded length is mapped.
        let from = unsafe { shared.add(whole) };
        // SAFETY: invariant 2; `whole` is below `len`.
        let to = unsafe { private.add(whole) };
        // SAFETY: invariants 1 and 2; fewer than eight bytes are left.
        unsafe { load_part(to, from, 0, len - whole) };
    }
}

/// # Safety
/// As [`copy_in`]; `len` is a multiple of 8.
#[inline(always)]
unsafe fn whole_words_in(shared: *mut u8, private: *const u8, len: usize) {
    #[cfg(target_arch = "x86_64")]
    if ASSEMBLY && len >= VECTOR_MIN {
        // SAFETY: invariants 1 and 2.
        return unsafe { moves::run(shared, private, len) };
    }
    // SAFETY: the contract.
    unsafe { words_in(shared, private, len) };
}

/// # Safety
/// As [`copy_out`]; `len` is a multiple of 8.
#[inline(always)]
unsafe fn whole_words_out(private: *mut u8, shared: *const u8, len: usize) {
    #[cfg(target_arch = "x86_64")]
    if ASSEMBLY && len >= VECTOR_MIN {
        // SAFETY: invariants 1 and 2.
        return unsafe { moves::run(private, shared, len) };
    }
    // SAFETY: the contract.
    unsafe { words_out(private, shared, len) };
}

/// Stores `len` bytes at `private` from byte `at` of the word at `shared` on. Its other bytes become those of `rest`.
///
/// # Safety
/// Invariants 1 and 2 for the word; `at + len` is at most 8.
#[inline(always)]
unsafe fn store_part(shared: *mut u8, at: usize, private: *const u8, rest: u64, len: usize) {
    let mut bytes = rest.to_ne_bytes();
    // SAFETY: invariant 2, and `bytes` is our own; `at + len` is at most 8.
    unsafe { ptr::copy_nonoverlapping(private, bytes.as_mut_ptr().wrapping_add(at), len) };
    // SAFETY: invariant 1; aligned and mapped.
    unsafe { AtomicU64::from_ptr(shared.cast()) }
        .store(u64::from_ne_bytes(bytes), Ordering::Relaxed);
}

/// Loads `len` bytes from byte `at` of the word at `shared` on.
///
/// # Safety
/// Invariants 1 and 2 for the word, `private` being valid for writing; `at + len` is at most 8.
#[inline(always)]
unsafe fn load_part(private: *mut u8, shared: *const u8, at: usize, len: usize) {
    // SAFETY: invariant 1; aligned and mapped, and only loaded from here.
    let word = unsafe { AtomicU64::from_ptr(shared.cast_mut().cast()) }.load(Ordering::Relaxed);
    let bytes = word.to_ne_bytes();
    // SAFETY: invariant 2, and `bytes` is our own; `at + len` is at most 8.
    unsafe { ptr::copy_nonoverlapping(bytes.as_ptr().wrapping_add(at), private, len) };
}

/// Where a part begins: the start of its first word, and how many bytes that is before it.
fn first_word(shared: *const u8) -> (*const u8, usize) {
    let at = shared.addr() % WORD;
    (shared.wrapping_sub(at), at)
}

/// Copies `len` bytes at `private` to `shared`, a part of a message. The words that it touches are stored whole, their
/// other bytes as they were: nobody else writes them, and whoever looks meanwhile looks at words.
///
/// # Safety
/// The invariants above.
pub(crate) unsafe fn part_in(shared: *mut u8, private: *const u8, len: usize) {
    let (word, at) = first_word(shared);
    let mut word = word.cast_mut();
    let mut done = (WORD - at) % WORD;
    if at != 0 {
        done = done.min(len);
        // SAFETY: invariants 1 and 2; `at + done` is at most 8.
        unsafe { merge(word, at, private, done) };
        word = word.wrapping_add(WORD);
    }
    let whole = (len - done) & !(WORD - 1);
    // SAFETY: invariant 2; `done` is at most `len`.
    let from = unsafe { private.add(done) };
    // SAFETY: invariants 1 and 2; `word` is aligned, and whole words are left.
    unsafe { copy_in(word, from, whole) };
    // SAFETY: invariant 2; `done + whole` is at most `len`.
    let from = unsafe { from.add(whole) };
    // SAFETY: invariants 1 and 2; fewer than eight bytes are left.
    unsafe { merge(word.wrapping_add(whole), 0, from, len - done - whole) };
}

/// # Safety
/// As [`store_part`].
unsafe fn merge(shared: *mut u8, at: usize, private: *const u8, len: usize) {
    if len > 0 {
        // SAFETY: invariant 1; aligned and mapped.
        let rest = unsafe { AtomicU64::from_ptr(shared.cast()) }.load(Ordering::Relaxed);
        // SAFETY: the contract.
        unsafe { store_part(shared, at, private, rest, len) };
    }
}

/// Copies `len` bytes at `shared`, a part of a message, to `private`.
///
/// # Safety
/// The invariants above, `private` being valid for writing.
pub(crate) unsafe fn part_out(private: *mut u8, shared: *const u8, len: usize) {
    let (mut word, at) = first_word(shared);
    let mut done = (WORD - at) % WORD;
    if at != 0 && len > 0 {
        done = done.min(len);
        // SAFETY: invariants 1 and 2; `at + done` is at most 8.
        unsafe { load_part(private, word, at, done) };
    }
    done = done.min(len);
    if at != 0 {
        word = word.wrapping_add(WORD);
    }
    // SAFETY: invariant 2; `done` is at most `len`.
    let to = unsafe { private.add(done) };
    // SAFETY: invariants 1 and 2; `word` is aligned.
    unsafe { copy_out(to, word, len - done) };
}

/// Copies a value of `len` bytes at `private` into the region, and stores no byte beside it.
///
/// # Safety
/// The invariants above; `shared` is a multiple of [`granule`] of `len`.
#[inline(always)]
pub(crate) unsafe fn value_in(shared: *mut u8, private: *const u8, len: usize) {
    // SAFETY: the contract.
    unsafe { values_in(shared, private, len, len) };
}

/// Copies a value of `len` bytes out of the region to `private`.
///
/// # Safety
/// The invariants above, `private` being valid for writing; `shared` is a multiple of [`granule`] of `len`.
#[inline(always)]
pub(crate) unsafe fn value_out(private: *mut u8, shared: *const u8, len: usize) {
    // SAFETY: the contract.
    unsafe { values_out(private, shared, len, len) };
}

/// Copies values of `size` bytes, `len` bytes in all, into the region, and stores no byte beside them.
///
/// # Safety
/// The invariants above; `shared` is a multiple of [`granule`] of `size`, and `len` is one of `size`.
#[inline(always)]
pub(crate) unsafe fn values_in(shared: *mut u8, private: *const u8, len: usize, size: usize) {
    #[cfg(target_arch = "x86_64")]
    if ASSEMBLY && by_assembly(len, size) {
        // SAFETY: invariants 1 and 2.
        return unsafe { moves::any(shared, private, len) };
    }
    match granule(size) {
        // SAFETY: the contract.
        8 => unsafe { words_in(shared, private, len) },
        // SAFETY: the contract.
        4 => unsafe { halves_in(shared, private, len) },
        // SAFETY: the contract.
        _ => unsafe { bytes_in(shared, private, len) },
    }
}

/// Copies values of `size` bytes, `len` bytes in all, out of the region.
///
/// # Safety
/// As [`values_in`], `private` being valid for writing.
#[inline(always)]
pub(crate) unsafe fn values_out(private: *mut u8, shared: *const u8, len: usize, size: usize) {
    #[cfg(target_arch = "x86_64")]
    if ASSEMBLY && by_assembly(len, size) {
        // SAFETY: invariants 1 and 2.
        return unsafe { moves::any(private, shared, len) };
    }
    match granule(size) {
        // SAFETY: the contract.
        8 => unsafe { words_out(private, shared, len) },
        // SAFETY: the contract.
        4 => unsafe { halves_out(private, shared, len) },
        // SAFETY: the contract.
        _ => unsafe { bytes_out(private, shared, len) },
    }
}

/// Has the kernel copy up to `len` bytes from a file to `shared`, a part of a message. How many it were.
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

/// Has the kernel copy up to `len` bytes at `shared`, a part of a message, to a file. How many it were.
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

/// Whether assembly is faster than granules: for several values at once, for long ones, and for those of more than one
/// granule below 8 bytes.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
const fn by_assembly(len: usize, size: usize) -> bool {
    len != size || size >= VECTOR_MIN || granule(size) < 8 && size != granule(size)
}

#[cfg(target_arch = "x86_64")]
#[path = "copy/moves.rs"]
mod moves;

/// Asks for the line at `address` in order to write it. Never faults, whatever the address.
#[inline(always)]
pub(crate) fn prefetch_write(address: *const u8) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    // SAFETY: a prefetch reads and writes nothing that the program can see and does not fault;
    // processors without PREFETCHW take it for a no-op.
    unsafe {
        core::arch::asm!("prefetchw [{}]", in(reg) address, options(nostack, preserves_flags, readonly));
    }
    #[cfg(all(target_arch = "aarch64", not(miri)))]
    // SAFETY: as above; PRFM is a hint.
    unsafe {
        core::arch::asm!("prfm pstl1keep, [{}]", in(reg) address, options(nostack, preserves_flags, readonly));
    }
    #[cfg(any(miri, not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
    let _ = address;
}

/// Asks for the line at `address` in order to read it. Never faults, whatever the address.
#[inline(always)]
pub(crate) fn prefetch_read(address: *const u8) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    // SAFETY: as in `prefetch_write`.
    unsafe {
        core::arch::asm!("prefetcht0 [{}]", in(reg) address, options(nostack, preserves_flags, readonly));
    }
    #[cfg(all(target_arch = "aarch64", not(miri)))]
    // SAFETY: as in `prefetch_write`.
    unsafe {
        core::arch::asm!("prfm pldl1keep, [{}]", in(reg) address, options(nostack, preserves_flags, readonly));
    }
    #[cfg(any(miri, not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
    let _ = address;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whole words, as a region has: `len` bytes from `at` on lie in them.
    fn shared(at: usize, len: usize) -> Vec<u64> {
        vec![0x5555_5555_5555_5555; (at + len).div_ceil(WORD)]
    }

    fn private(len: usize) -> Vec<u8> {
        (1..=len).map(|at| at as u8).collect()
    }

    /// Each buffer ends where the bytes do: under Miri an access beyond them is reported.
    #[test]
    fn messages_and_parts_of_any_length_come_back() {
        for (at, len) in (0..WORD).flat_map(|at| [0, 1, 3, 8, 11, 17].map(|len| (at, len))) {
            let (mut words, sent, mut got) = (shared(at, len), private(len), vec![0; len]);
            let start = words.as_mut_ptr().cast::<u8>().wrapping_add(at);
            // SAFETY: `len` bytes on both sides, and all words that they touch.
            unsafe { part_in(start, sent.as_ptr(), len) };
            // SAFETY: as above.
            unsafe { part_out(got.as_mut_ptr(), start, len) };
            assert_eq!(got, sent, "{len} bytes at {at}");
            if at == 0 {
                got.fill(0);
                // SAFETY: as above.
                unsafe { copy_in(start, sent.as_ptr(), len) };
                // SAFETY: as above.
                unsafe { copy_out(got.as_mut_ptr(), start, len) };
                assert_eq!(got, sent, "{len} bytes");
            }
        }
    }

    #[test]
    fn values_of_any_size_come_back() {
        for (size, count) in
            [1, 3, 4, 8, 12, 17, 24].into_iter().flat_map(|size| [(size, 1), (size, 3)])
        {
            let len = size * count;
            let (mut words, sent, mut got) = (shared(0, len), private(len), vec![0; len]);
            let start = words.as_mut_ptr().cast::<u8>();
            // SAFETY: `len` bytes on both sides, the words aligned for any granule.
            unsafe { values_in(start, sent.as_ptr(), len, size) };
            // SAFETY: as above.
            unsafe { values_out(got.as_mut_ptr(), start, len, size) };
            assert_eq!(got, sent, "{count} values of {size} bytes");
        }
    }
}
