//! Faults of the operating system: what is full, limited, refused, interrupted, or ends a process at a system call.
//!
//! Owns: what these tests share. Knows nothing of: peers that break the protocol.

mod creating;
mod injected;
mod limits;
mod memory;
mod refused;

use shm_ring::{Options, Ring};

use crate::alone::in_fork;

fn sized(bytes: usize) -> Options {
    Options::new().bytes(bytes)
}

/// Three laps: every page of the ring is touched through both mappings.
fn three_laps(ring: &Ring<u64>) {
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    for n in 0..3 * tx.capacity() as u64 {
        tx.try_push(n).unwrap();
        assert_eq!(rx.try_pop(), Ok(n));
    }
}

/// Runs `body` in a fork, which may break itself, to its end.
fn forked(body: impl FnOnce()) {
    assert!(in_fork(body).success(), "a fork failed");
}
