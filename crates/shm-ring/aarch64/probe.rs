//! Push and pop as functions of their own, so that `run` can read what they were compiled to. Not run.

#![crate_type = "lib"]

use shm_ring::{Consumer, PopError, Producer, PushError};

#[unsafe(no_mangle)]
#[inline(never)]
pub fn probe_try_push(tx: &mut Producer<u64>, value: u64) -> Result<(), PushError> {
    tx.try_push(value)
}

#[unsafe(no_mangle)]
#[inline(never)]
pub fn probe_try_pop(rx: &mut Consumer<u64>) -> Result<u64, PopError> {
    rx.try_pop()
}
