//! Any calls of both ends while somebody writes anything anywhere in the region, also in the middle of
//! a batch. Each answer must be the one that what stands in the region calls for: see `truth`. Nothing
//! panics, nothing waits, nothing outside is touched, and `Corrupt` is final.
#![no_main]

mod ends;
mod messages;
mod scribble;
mod truth;
mod values;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use shm_ring_fuzz::choice::{Place, Policy, Side, Start, Then};
use zerocopy::{FromBytes, Immutable, IntoBytes};

use self::scribble::Scribble;

#[derive(Arbitrary, Debug)]
struct Input {
    kind: Kind,
    start: Start,
    calls: Vec<Call>,
}

#[derive(Arbitrary, Debug)]
enum Kind {
    Word,
    Long,
    AlignedValue,
    Bytes,
    Odd,
    AlignedMessage,
}

/// More alignment than a commit word.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable)]
#[repr(C, align(64))]
struct Aligned([u8; 64]);

/// A call that may wait is made as `_timeout` of no time if `timed`, else as `try_`.
#[derive(Arbitrary, Debug)]
enum Call {
    Push {
        timed: bool,
        lent: bool,
        len: u16,
    },
    Reserve {
        timed: bool,
        len: u16,
        place: Place,
        fewer: Option<u16>,
        then: Then,
    },
    PushBatch {
        lens: Vec<u16>,
        meanwhile: Option<Scribble>,
    },
    Pop {
        timed: bool,
        into: bool,
        buffer: Option<u16>,
    },
    Peek {
        timed: bool,
        place: Place,
        then: Then,
        meanwhile: Option<Scribble>,
    },
    PopBatch {
        timed: bool,
        max: u8,
        place: Place,
        meanwhile: Option<Scribble>,
    },
    Iterate {
        max: u8,
    },
    Attach(Side),
    Close(Side),
    /// Closes and attaches again, with a word in between.
    Again(Side, Scribble),
    /// Both attach anew at a position so many times 8 below the end of all positions.
    NearTheEnd(u16),
    Wait(Side, Policy),
    Threshold(Option<u16>),
    Ask,
    Scribble(Scribble),
}

fuzz_target!(|input: Input| {
    match input.kind {
        Kind::Word => values::play::<u64>(input.start, &input.calls),
        Kind::Long => values::play::<[u8; 300]>(input.start, &input.calls),
        Kind::AlignedValue => values::play::<Aligned>(input.start, &input.calls),
        Kind::Bytes => messages::play::<u8>(input.start, &input.calls),
        Kind::Odd => messages::play::<[u8; 3]>(input.start, &input.calls),
        Kind::AlignedMessage => messages::play::<Aligned>(input.start, &input.calls),
    }
});
