//! The C interface: any calls in any order on the handles of one region, right and wrong, with buffers of exactly the length
//! that is said. Nothing unwinds or aborts, nothing beyond a buffer is touched (AddressSanitizer), nothing is `SHMR_INTERNAL`,
//! and a handle that is closed, lent or of another kind says so, while what was used rightly is a queue.
//!
//! Owns: what the fuzzer chooses, and what is true of every answer. Knows nothing of: the wire format, and how the border does
//! it.
#![no_main]

mod event;
mod latest;
mod play;
mod reading;

use std::mem::MaybeUninit;
use std::ptr::null;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use shmring::*;

use self::latest::play_latest;
use self::play::play;

/// The longest input that is looked at.
const CALLS: usize = 40;
/// Closed handles that are told for certain.
const TOLD: usize = 60;

#[derive(Arbitrary, Debug)]
struct Input {
    carries: Carries,
    options: Chosen,
    calls: Vec<Call>,
}

#[derive(Arbitrary, Clone, Copy, Debug, PartialEq)]
enum Carries {
    Values(u8),
    Messages,
    Latest(u8),
    /// Whatever the options say.
    Any,
}

/// What the options hold besides: small, or wrong.
#[derive(Arbitrary, Clone, Copy, Debug)]
struct Chosen {
    size: Number,
    item_size: Number,
    align: Number,
    items: Number,
    bytes: Number,
    history: Number,
    flags: u32,
    wait: u8,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Number {
    Zero,
    Small(u8),
    Power(u8),
    Right,
    Huge(u8),
}

impl Number {
    fn of(self, right: usize) -> usize {
        match self {
            Self::Zero => 0,
            Self::Small(number) => number.into(),
            Self::Power(exponent) => 1 << (exponent % 13),
            Self::Right => right,
            Self::Huge(less) => usize::MAX - usize::from(less),
        }
    }
}

/// Where a call of C's has its bytes.
#[derive(Arbitrary, Clone, Copy, Debug)]
enum Place {
    Right,
    /// As many, at an address of one byte that must not be touched beyond.
    Null,
    Huge,
    Long(u16),
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Call {
    Push { place: Place, wait: bool },
    PushMany { count: u8, huge: bool, wait: bool },
    PushParts { lens: [u8; 3] },
    Reserve { amount: Number },
    Commit { amount: Number },
    Cancel,
    Pop { place: Place, wait: bool },
    PopMany { count: u8, room: u16, wait: bool },
    NextLen,
    Peek { max: u8 },
    Release { count: Number },
    ReleaseTo { ahead: Number },
    Skip,
    WaitAny { twice: bool, both: bool, peer: bool },
    Event { producer: bool, peer: bool, which: u8 },
    Ask { which: u8 },
    Close { producer: bool },
    Attach { producer: bool },
    Wrong { which: u8, old: u8 },
    Write { place: Place },
    Read { place: Place, which: u8 },
}

type H = *const Handle;

/// A pointer of C's: NULL, or a handle, whose memory is never given back.
fn h(handle: H) -> Option<&'static Handle> {
    // SAFETY: see above; the second law of the crate.
    unsafe { handle.as_ref() }
}

fn make(call: impl FnOnce(Out<'_>) -> i32) -> Result<H, i32> {
    let mut out = MaybeUninit::new(null::<Handle>());
    let code = call(Some(&mut out));
    // SAFETY: it was given a value.
    let handle = unsafe { out.assume_init() };
    assert_eq!(code == 0, !handle.is_null(), "{code}");
    if code == 0 { Ok(handle) } else { Err(known(code.into()) as i32) }
}

/// That a result is a documented one, and has words.
fn known(result: i64) -> i64 {
    let is_code = CODES.iter().any(|(_, code)| i64::from(*code) == result);
    assert!(result >= 0 || is_code, "{result}");
    assert!(!shmr_text(result).is_null());
    assert_ne!(result, i64::from(SHMR_INTERNAL), "a fault of the library");
    result
}

fn is(result: i64, expected: &[i32]) {
    known(result);
    assert!(expected.iter().any(|code| i64::from(*code) == result), "{result}, not {expected:?}");
}

const NONE_NOW: &[i32] = &[SHMR_EMPTY, SHMR_TIMED_OUT, SHMR_CLOSED, SHMR_PEER_DEAD];
const NO_ROOM: &[i32] = &[SHMR_FULL, SHMR_TIMED_OUT, SHMR_CLOSED, SHMR_PEER_DEAD];

fn time(wait: bool) -> i64 {
    i64::from(wait)
}

fuzz_target!(|input: Input| {
    let place = shmr_place { kind: 3, fd: -1, name: c"fuzz".as_ptr(), pid: 0, unused: 0 };
    let mut options = options_of(&input);
    match input.carries {
        Carries::Latest(_) => {
            // SAFETY: the place and the options are whole.
            let latest = make(|out| unsafe { shmr_latest_create(place, &options, out) });
            play_latest(latest.unwrap(), options.item_size, &input.calls);
        }
        Carries::Any => {
            options.size =
                input.options.size.of(size_of::<shmr_options>()).min(size_of_val(&options));
            // SAFETY: the place is whole, and the options are as long as they say.
            let ring = make(|out| unsafe { shmr_ring_create(place, &options, out) });
            if let Ok(ring) = ring {
                let mut info = MaybeUninit::uninit();
                is(shmr_ring_describe(h(ring), Some(&mut info)).into(), &[0]);
                // SAFETY: it succeeded.
                let info: shmr_info = unsafe { info.assume_init() };
                play(ring, info.item_size, &input.calls);
            }
        }
        Carries::Values(_) | Carries::Messages => {
            // SAFETY: the place and the options are whole.
            let ring = make(|out| unsafe { shmr_ring_create(place, &options, out) });
            play(ring.unwrap(), options.item_size, &input.calls);
        }
    }
});

fn options_of(input: &Input) -> shmr_options {
    // SAFETY: zeros are the defaults, by the header.
    let mut options: shmr_options = unsafe { std::mem::zeroed() };
    options.size = size_of::<shmr_options>();
    match input.carries {
        Carries::Values(size) | Carries::Latest(size) => {
            (options.item_size, options.align) = (1 + usize::from(size), 1);
            options.bytes = 4096;
        }
        Carries::Messages => options.bytes = 4096,
        Carries::Any => {
            let chosen = &input.options;
            (options.item_size, options.align) = (chosen.item_size.of(8), chosen.align.of(8));
            (options.items, options.bytes) = (chosen.items.of(16), chosen.bytes.of(4096));
            options.history = chosen.history.of(0);
            // Memory is not to be locked or touched by the gigabyte, and groups are the machine's.
            (options.flags, options.wait) = (chosen.flags & !(2 | 4 | 256), chosen.wait.into());
        }
    }
    options
}
