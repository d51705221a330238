//! What the fuzz targets share.
//!
//! Owns: the memory under test ([`memory`]), damaged headers ([`damage`]), and how the fuzzer chooses ([`choice`]).
//! Knows nothing of: what a target is about, and of the wire format: `shm-ring-outsider` knows that.

pub mod choice;
pub mod damage;
pub mod memory;

/// The most bytes of data of a ring under test: one page, so that a few records fill it.
pub const DATA_BYTES: u64 = 4096;
