//! The C interface as C programs see it: installed into an empty folder, found by pkg-config and by CMake, compiled by gcc
//! and by clang, and run against Rust.
//!
//! Owns: the list of tests. Knows nothing of: what they do.

mod conformance;
mod events;
mod examples;
mod header;
mod installed;
mod latest;
mod lengths;
mod misuse;
mod peers;
