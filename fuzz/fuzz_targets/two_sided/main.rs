//! Both sides of a ring, stopped, killed and started again between any two accesses to shared memory.
//!
//! The sides are the real ones, each a coroutine, and a step is one access: `script` is read from the input and says who
//! makes the next steps, who calls what, who is killed; `machine` does the steps, holds stores back as a processor does,
//! and knows who sleeps; `oracle` watches what becomes visible and says what each call may answer. Coroutines and not
//! threads: passing a baton between threads costs microseconds, a switch here some nanoseconds, and a side that is killed
//! can be unwound without a single store of its own.
//!
//! Needs `--cfg shm_ring_steps`, with which `fuzz/run` builds this target.
#![no_main]

#[cfg(shm_ring_steps)]
mod ends;
#[cfg(shm_ring_steps)]
mod fiber;
// The calls that the library's tests make.
#[cfg(shm_ring_steps)]
#[allow(dead_code, unused_imports)]
#[path = "../../../crates/shm-ring/tests/it/forms/mod.rs"]
mod forms;
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
    use shm_ring_fuzz::DATA_BYTES;
    use shm_ring_outsider::Header;

    let Some((setting, script)) = script::read(input) else { return };
    let values = |size, align| Header::values(size, align, setting.limit.of(DATA_BYTES / size));
    let messages = |align: u64| {
        // Down to one that holds nothing but its header.
        let limit = setting.limit.of(DATA_BYTES / align) * align;
        Header::messages(align, limit.max(align))
    };
    match setting.kind {
        // Short ones most of the time: what goes wrong goes wrong between records.
        0 | 1 => play::play::<u64>(&setting, values(8, 8), script),
        2 => play::play::<[u8; 21]>(&setting, values(21, 1), script),
        // What fills the front, and what is too long for it.
        3 => play::play::<[u64; 7]>(&setting, values(56, 8), script),
        4 => play::play::<[u32; 125]>(&setting, values(500, 4), script),
        5 => play::play::<[u8]>(&setting, messages(64), script),
        _ => play::play::<[u8]>(&setting, messages(8), script),
    }
});

#[cfg(not(shm_ring_steps))]
libfuzzer_sys::fuzz_target!(|_input: &[u8]| {
    eprintln!("built without --cfg shm_ring_steps: start it by fuzz/run two_sided");
    std::process::exit(2);
});
