//! Both kinds of ring against a queue, as the test `model` does with a seed: any calls of both ends, in one process, so
//! that what must be there and what must fit is known exactly. After some calls the outsider reads the region.
//!
//! Owns: what an input says, and the kinds. Knows nothing of: the calls, and what each must answer.
#![no_main]

#[allow(dead_code, unused_imports)]
#[path = "../../crates/shm-ring/tests/it/forms/mod.rs"]
mod forms;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use shm_ring::{Item, Options, Wait};
use shm_ring_fuzz::DATA_BYTES;
use shm_ring_fuzz::choice::{Limit, Start};
use shm_ring_fuzz::memory::memory;
use shm_ring_outsider::{Header, start_at};
use zerocopy::{FromBytes, Immutable, IntoBytes};

use self::forms::model::{Model, Op};
use self::forms::{Aligned, AnyRing, Kind, Room};

/// The longest input that is looked at.
const CALLS: usize = 40;

#[derive(Arbitrary, Debug)]
struct Input {
    kind: u8,
    limit: Limit,
    start: Start,
    /// What to do, by which form, with how much.
    ops: Vec<(u8, u8, u16)>,
}

/// More alignment than a word.
#[derive(FromBytes, IntoBytes, Immutable)]
#[repr(C, align(64))]
struct Wide([u8; 128]);

// Sizes of each granule, on both sides of where the front ends and where assembly copies; and messages.
fuzz_target!(|input: Input| {
    match input.kind % 16 {
        0 => values::<u8>(&input),
        1 => values::<[u8; 2]>(&input),
        2 => values::<[u8; 3]>(&input),
        3 => values::<[u8; 5]>(&input),
        4 => values::<u64>(&input),
        5 => values::<[u32; 3]>(&input),
        6 => values::<[u64; 3]>(&input),
        7 => values::<[u8; 56]>(&input),
        8 => values::<[u64; 8]>(&input),
        9 => values::<Wide>(&input),
        10 => values::<[u8; 300]>(&input),
        11 => messages::<Aligned<16>>(&input, 16),
        12 => messages::<Aligned<64>>(&input, 64),
        13 => messages::<Aligned<512>>(&input, 512),
        _ => messages::<[u8]>(&input, 1),
    }
});

fn values<T: Item + Send + 'static>(input: &Input) {
    let size = size_of::<T>() as u64;
    let items = input.limit.of(DATA_BYTES / size);
    play::<T>(&Header::values(size, align_of::<T>() as u64, items), input, 1);
}

fn messages<K: Kind + ?Sized>(input: &Input, align: u64) {
    // Any number of bytes, from those of an empty message on.
    let least = align.max(8);
    let limit = least - 1 + input.limit.of(DATA_BYTES - least + 1);
    play::<K>(&Header::messages(align, limit), input, align as usize);
}

fn play<K: Kind + ?Sized>(header: &Header, input: &Input, align: usize) {
    memory().create(header);
    start_at(memory(), header, input.start.position(header.unit()));
    let options = Options::new().wait(Wait::PARK).death_notice(false).align(align);
    let ring = K::Ring::open_with(memory().region(), &options).expect("a ring as LAYOUT.md has it");
    // A panic ends a fuzzer.
    let mut model = Model::<K>::new(ring, &Room::ALL[..Room::ALL.len() - 1]);
    for &(what, form, size) in input.ops.iter().take(CALLS) {
        model.apply(Op { what, form, size });
        // It looks at every byte, which takes as long as many calls.
        if form % 8 == 0 {
            model.judge();
        }
    }
    model.drain();
}
