//! Owns: moving bytes by assembly, at any alignment. The compiler cannot see into it, so it may race with the other
//! process. Knows nothing of: which side is shared.
//!
//! Invariants of every block: `to` and `from` are valid for `len` bytes and do not overlap. Moves overlap at the ends of
//! a run, so some bytes are written twice with what was read from the same place; no byte beside the run is touched.
//! SSE2 is part of x86-64, and unaligned moves are allowed.
#![allow(unsafe_code)]

use core::arch::asm;

/// Bytes of a round of [`run`].
const BLOCK: usize = 64;

macro_rules! two_moves {
    ($name:ident, $bytes:literal, $register:ident $(, $width:literal)?) => {
        /// Moves the first and the last bytes, as many as the name says: all of them if `len` is at most twice as many.
        ///
        /// # Safety
        /// The invariants above; `len` is at least that many.
        #[inline(always)]
        unsafe fn $name(to: *mut u8, from: *const u8, len: usize) {
            // SAFETY: the contract.
            unsafe {
                asm!(
                    concat!(two_moves!(@mov $register), " {a", $(":", $width,)? "}, [{from}]"),
                    concat!(two_moves!(@mov $register), " {b", $(":", $width,)? "}, [{from} + {rest}]"),
                    concat!(two_moves!(@mov $register), " [{to}], {a", $(":", $width,)? "}"),
                    concat!(two_moves!(@mov $register), " [{to} + {rest}], {b", $(":", $width,)? "}"),
                    from = in(reg) from,
                    to = in(reg) to,
                    rest = in(reg) len - $bytes,
                    a = out($register) _,
                    b = out($register) _,
                    options(nostack, preserves_flags),
                );
            }
        }
    };
    (@mov xmm_reg) => { "movups" };
    (@mov $register:ident) => { "mov" };
}

two_moves!(two_bytes, 1, reg_byte);
two_moves!(two_pairs, 2, reg, "x");
two_moves!(two_halves, 4, reg, "e");
two_moves!(two_words, 8, reg, "r");
two_moves!(two_vectors, 16, xmm_reg);

/// Moves `len` bytes.
///
/// # Safety
/// The invariants above.
#[inline(always)]
pub(super) unsafe fn any(to: *mut u8, from: *const u8, len: usize) {
    match len {
        0 => {}
        // SAFETY: the contract; at most twice the bytes of a move, as below.
        1 => unsafe { two_bytes(to, from, len) },
        // SAFETY: as above.
        2..4 => unsafe { two_pairs(to, from, len) },
        // SAFETY: as above.
        4..8 => unsafe { two_halves(to, from, len) },
        // SAFETY: as above.
        8..16 => unsafe { two_words(to, from, len) },
        // SAFETY: as above.
        16..32 => unsafe { two_vectors(to, from, len) },
        32..BLOCK => {
            // SAFETY: the contract: the first 32 bytes.
            unsafe { two_vectors(to, from, 32) };
            let (to, from) = (to.wrapping_add(len - 32), from.wrapping_add(len - 32));
            // SAFETY: the contract: the last 32 bytes.
            unsafe { two_vectors(to, from, 32) };
        }
        // SAFETY: the contract; at least a block.
        _ => unsafe { run(to, from, len) },
    }
}

/// Moves `len` bytes, at least a block.
///
/// # Safety
/// The invariants above; `len` is at least [`BLOCK`].
#[inline(always)]
pub(super) unsafe fn run(to: *mut u8, from: *const u8, len: usize) {
    // SAFETY: the contract: rounds of a block up to the last whole one, then the last block of the run.
    unsafe {
        asm!(
            "cmp {at}, {last}",
            "jae 3f",
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
            "cmp {at}, {last}",
            "jb 2b",
            "3:",
            "movups {a}, [{from} + {last}]",
            "movups {b}, [{from} + {last} + 16]",
            "movups {c}, [{from} + {last} + 32]",
            "movups {d}, [{from} + {last} + 48]",
            "movups [{to} + {last}], {a}",
            "movups [{to} + {last} + 16], {b}",
            "movups [{to} + {last} + 32], {c}",
            "movups [{to} + {last} + 48], {d}",
            from = in(reg) from,
            to = in(reg) to,
            last = in(reg) len - BLOCK,
            at = inout(reg) 0_usize => _,
            a = out(xmm_reg) _,
            b = out(xmm_reg) _,
            c = out(xmm_reg) _,
            d = out(xmm_reg) _,
            options(nostack),
        );
    }
}
