//! The latest value in a region of which somebody may have damaged the header: any calls of its writer and of
//! two readers, and in the middle of a reader's call, before any of its loads, whatever the others do then:
//! the writer goes on by some stores, is killed, closes, comes again; somebody writes anything anywhere.
//!
//! Everything runs in one thread: the library puts each access to shared memory to `machine`, which lets
//! `others` act before a reader's step. A writer's stores are made at once and shown one by one, so a
//! reader finds it between any two of them. `reader` says what a call must answer, by what its loads
//! found, and, as long as nobody wrote what he should not, by what was written; `next` does so for
//! those that want each version.
//!
//! Needs `--cfg shm_ring_steps`, with which `fuzz/run` builds this target.
#![no_main]

#[cfg(shm_ring_steps)]
mod header;
#[cfg(shm_ring_steps)]
mod machine;
#[cfg(shm_ring_steps)]
mod next;
#[cfg(shm_ring_steps)]
mod others;
#[cfg(shm_ring_steps)]
mod play;
#[cfg(shm_ring_steps)]
mod reader;
#[cfg(shm_ring_steps)]
mod scribble;

#[cfg(shm_ring_steps)]
libfuzzer_sys::fuzz_target!(|input: play::Input| play::choose(&input));

#[cfg(not(shm_ring_steps))]
libfuzzer_sys::fuzz_target!(|_input: &[u8]| {
    eprintln!("built without --cfg shm_ring_steps: start it by fuzz/run latest");
    std::process::exit(2);
});
