//! What the fuzz targets share: the bytes of a region ([`bytes`]), what they must be ([`model`]), the
//! two ends and what each must know of the other ([`pair`]), and how the fuzzer chooses among forms of
//! a call ([`choice`]). It must not know what a target is about.

pub mod bytes;
pub mod choice;
pub mod model;
pub mod pair;
