//! Owns: the models of the protocol under loom, which compile the library's own sources, and those of the tasks of
//! `shm-ring-async`. Knows nothing of: mappings, files.
//!
//! `RUSTFLAGS="--cfg loom" CARGO_TARGET_DIR=target/loom cargo test -p shm-ring-models --release`. Without that it is
//! empty.
#![cfg(loom)]
#![allow(dead_code, reason = "the models use the protocol, not all that the library uses of it")]

#[path = "../../shm-ring/src/protocol/mod.rs"]
mod protocol;

/// One wait of a task.
#[path = "../../shm-ring-async/src/sleeper.rs"]
mod sleeper;
/// What a task and its engine share.
#[path = "../../shm-ring-async/src/slot.rs"]
mod slot;
/// The ends that sleep in one helper thread.
#[path = "../../shm-ring-async/src/engine/table.rs"]
mod table;

#[cfg(test)]
mod models;
