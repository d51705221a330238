//! Any calls of both ends while somebody writes anything anywhere in the region, also in the middle of a call. Each answer
//! must be the one that the words in the region call for. Nothing panics, nothing touches what is outside, and `Corrupt` is
//! final. The campaign `hostile` does the same by a seed.
//!
//! Owns: which ring an input is about. Knows nothing of: calls and their answers, which `shm-ring-hostile` knows.
#![no_main]

use std::cell::RefCell;

use libfuzzer_sys::fuzz_target;
use shm_ring_hostile::board::Board;
use shm_ring_hostile::drive::Drive;
use shm_ring_hostile::kind::{Aligned, Kind, Messages, Values};
use shm_ring_hostile::rng::Rng;

/// One ring of each kind for all inputs: making one takes longer than an input.
fn drive<K: Kind>() -> RefCell<Drive<K>> {
    let board = Board::new().expect("memory for a board");
    RefCell::new(Drive::new(board, 0, true).expect("a ring between guards"))
}

macro_rules! play {
    ($input:expr, $($number:pat => $kind:ty),*) => {
        match $input.split_first() {
            $(Some(($number, rest)) => {
                thread_local!(static DRIVE: RefCell<Drive<$kind>> = drive());
                DRIVE.with_borrow_mut(|drive| drive.play(Rng::of(rest)));
            })*
            None => {}
        }
    };
}

fuzz_target!(|input: &[u8]| {
    play!(
        input,
        0..32 => Values<[u64; 3], 170>,
        32..64 => Values<u64, 512>,
        64..96 => Values<[u8; 3], 1000>,
        96..128 => Values<[u8; 300], 13>,
        128..160 => Values<Aligned, 40>,
        160..208 => Messages<1, 4096>,
        _ => Messages<64, 4000>
    );
});
