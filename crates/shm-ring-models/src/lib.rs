//! Owns: the models of the protocol under loom, which compile the library's own sources. Knows nothing of: mappings, files.
//!
//! `RUSTFLAGS="--cfg loom" CARGO_TARGET_DIR=target/loom cargo test -p shm-ring-models --release`. Without that it is
//! empty.
#![cfg(loom)]
#![allow(dead_code, reason = "the models use the protocol, not all that the library uses of it")]

#[path = "../../shm-ring/src/protocol/mod.rs"]
mod protocol;

#[cfg(test)]
mod models;
