//! Both sides of a ring, stopped, killed and started again between any two accesses to shared memory.
//!
//! The sides are the real ones, each a coroutine, and a step is one access: `script` is read from the
//! input and says who makes the next steps, who calls what, who is killed; `machine` does the steps,
//! holds stores back as a processor does, and knows who sleeps; `oracle` watches what becomes visible
//! and says what each call may answer. Coroutines and not threads: passing a baton between threads
//! costs microseconds, a switch here some nanoseconds, and a side that is killed can be unwound without
//! a single store of its own.
//!
//! Needs `--cfg shm_ring_steps`, with which `fuzz/run` builds this target alone.
#![no_main]

#[cfg(shm_ring_steps)]
mod ends;
#[cfg(shm_ring_steps)]
mod fiber;
#[cfg(shm_ring_steps)]
mod kind;
#[cfg(shm_ring_steps)]
mod machine;
#[cfg(shm_ring_steps)]
mod oracle;
#[cfg(shm_ring_steps)]
mod play;
#[cfg(shm_ring_steps)]
mod script;

#[cfg(shm_ring_steps)]
libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let Some((setting, script)) = script::read(input) else { return };
    match setting.kind {
        // Short ones most of the time: what goes wrong goes wrong between records.
        0..=2 => play::play::<[u8; 8]>(&setting, script),
        3 => play::play::<[u8; 21]>(&setting, script),
        4 => play::play::<[u8; 500]>(&setting, script),
        5 => play::play::<[u8; 1300]>(&setting, script),
        _ => play::play::<[u8]>(&setting, script),
    }
});

#[cfg(not(shm_ring_steps))]
libfuzzer_sys::fuzz_target!(|_input: &[u8]| {
    eprintln!("built without --cfg shm_ring_steps: start it by fuzz/run two_sided");
    std::process::exit(2);
});
