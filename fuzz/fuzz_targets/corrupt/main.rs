//! Any calls of both ends while somebody writes anything anywhere in the region, also in the middle of a batch. Each
//! answer must be the one that the words in the region call for: see `truth`. Nothing panics, nothing waits, nothing
//! outside is touched, and `Corrupt` is final.
//!
//! Owns: what an input says. Knows nothing of: the wire format.
#![no_main]

mod ends;
mod messages;
mod scribble;
mod truth;
mod values;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use shm_ring_fuzz::choice::{Limit, Place, Policy, Side, Start, Then, rarely};
use zerocopy::{FromBytes, Immutable, IntoBytes};

use self::scribble::Scribble;

#[derive(Arbitrary, Debug)]
struct Input {
    kind: Kind,
    limit: Limit,
    start: Start,
    calls: Vec<Call>,
}

#[derive(Arbitrary, Debug)]
enum Kind {
    Word,
    Three,
    TwentyFour,
    Long,
    AlignedValue,
    Bytes,
    AlignedMessage,
}

/// More alignment than a word.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable)]
#[repr(C, align(64))]
struct Aligned([u8; 64]);

/// A call that may wait is made as `_timeout` of no time if `timed`, else as `try_`.
#[derive(Arbitrary, Debug)]
enum Call {
    Push {
        #[arbitrary(with = rarely)]
        timed: bool,
        lent: bool,
        len: u16,
    },
    /// Of so many values, or of a message of so many bytes.
    Reserve {
        #[arbitrary(with = rarely)]
        timed: bool,
        len: u16,
        place: Place,
        commit: u16,
        then: Then,
    },
    PushBatch {
        lens: Vec<u16>,
        meanwhile: Option<Scribble>,
    },
    PushSlice {
        count: u8,
    },
    Pop {
        #[arbitrary(with = rarely)]
        timed: bool,
        into: bool,
        buffer: Option<u16>,
    },
    Peek {
        #[arbitrary(with = rarely)]
        timed: bool,
        max: u8,
        place: Place,
        release: u8,
        then: Then,
        meanwhile: Option<Scribble>,
    },
    PopBatch {
        #[arbitrary(with = rarely)]
        timed: bool,
        max: u8,
        place: Place,
        meanwhile: Option<Scribble>,
    },
    PopSlice {
        #[arbitrary(with = rarely)]
        timed: bool,
        count: u8,
    },
    Iterate {
        max: u8,
    },
    Attach(Side),
    Close(Side),
    /// Closes and attaches again, with a word in between.
    Again(Side, Scribble),
    /// Both attach anew so many records below the end of all positions.
    NearTheEnd(u8),
    Wait(Side, Policy),
    Threshold(Option<u16>),
    Ask {
        #[arbitrary(with = rarely)]
        any: bool,
    },
    Scribble(Scribble),
}

fuzz_target!(|input: Input| {
    match input.kind {
        Kind::Word => values::play::<u64>(&input),
        Kind::Three => values::play::<[u8; 3]>(&input),
        Kind::TwentyFour => values::play::<[u32; 6]>(&input),
        Kind::Long => values::play::<[u8; 300]>(&input),
        Kind::AlignedValue => values::play::<Aligned>(&input),
        Kind::Bytes => messages::play(&input, 1),
        Kind::AlignedMessage => messages::play(&input, 64),
    }
});
