//! What an input says: a setting, and commands of two bytes each, so that cutting one out or putting one in leaves the
//! others what they are.
//!
//! Owns: how bytes become commands. Knows nothing of: what commands lead to.

use shm_ring::Wait;
pub(crate) use shm_ring_fuzz::choice::Side;
use shm_ring_fuzz::choice::{Limit, Start};

pub(crate) const SIDES: [Side; 2] = [Side::Producer, Side::Consumer];

fn side(bit: u8) -> Side {
    SIDES[usize::from(bit & 1)]
}

pub(crate) struct Setting {
    pub(crate) kind: u8,
    pub(crate) limit: Limit,
    pub(crate) start: Start,
    /// Whether a side, as a waker, relies on the sleeper's membarrier.
    pub(crate) relies: [bool; 2],
    pub(crate) waits: [Wait; 2],
}

/// How a call that may wait is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    Try,
    Wait,
    Timeout,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Op {
    Push { how: How, len: u8 },
    Reserve { how: How, much: u8 },
    PushBatch { how: How, count: u8 },
    PushSlice { how: How, count: u8 },
    Pop { how: How },
    Peek { how: How, much: u8 },
    PopBatch { how: How, max: u8 },
    PopSlice { how: How, max: u8 },
    Threshold { words: u8 },
    Close,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Command {
    /// The side has something more to do, once it comes to it.
    Do(Side, Op),
    /// The side makes so many steps, its stores being held back or not.
    Run { side: Side, steps: u32, hold: bool },
    /// So many stores that were held back become visible.
    Drain(Side, u8),
    /// The side makes so many steps at most, and is killed.
    Kill { side: Side, after: u32 },
    /// The side, if it sleeps, has slept for as long as it wanted.
    Oversleep(Side),
    /// The consumer's hint says this: any value is right.
    Hint(u8),
}

/// The longest script that is played.
const COMMANDS: usize = 500;

pub(crate) fn read(input: &[u8]) -> Option<(Setting, impl Iterator<Item = Command>)> {
    let (&[kind, limit, start, flags, waits], script) = input.split_first_chunk()?;
    let wait = |bits: u8| match bits & 3 {
        0 | 1 => Wait::PARK,
        2 => Wait { spins: 2, yields: 1, park: true, ..Wait::SPIN },
        _ => Wait { spins: 0, yields: 3, park: true, ..Wait::SPIN },
    };
    let setting = Setting {
        kind: kind & 7,
        limit: Limit(limit.into()),
        start: match start {
            0 => Start::Zero,
            200.. => Start::BeforeChecksRepeat(255 - start),
            start => Start::Anywhere(u32::from(start) * 5),
        },
        relies: [flags & 1 == 0, flags & 2 == 0],
        waits: [wait(waits), wait(waits >> 2)],
    };
    let script = script.chunks_exact(2).take(COMMANDS).map(|pair| command(pair[0], pair[1]));
    Some((setting, script))
}

fn command(what: u8, much: u8) -> Command {
    match what {
        0..=103 => {
            let steps = match much {
                0..=159 => 1 + u32::from(much) % 20,
                160..=223 => 8 * (u32::from(much) - 159),
                _ => 1 << 14,
            };
            Command::Run { side: side(what), steps, hold: what & 2 != 0 }
        }
        104..=159 => Command::Do(Side::Producer, push(what - 104, much)),
        160..=215 => Command::Do(Side::Consumer, pop(what - 160, much)),
        216..=231 => Command::Kill { side: side(what), after: u32::from(much) % 32 },
        232..=243 => Command::Drain(side(what), 1 + much % 16),
        244..=251 => Command::Oversleep(side(what)),
        _ => Command::Hint(much % 4),
    }
}

fn how(number: u8) -> How {
    match number % 4 {
        0 => How::Try,
        1 => How::Timeout,
        _ => How::Wait,
    }
}

fn push(which: u8, much: u8) -> Op {
    match which {
        0..=23 => Op::Push { how: how(which), len: much },
        24..=31 => Op::Reserve { how: how(which), much },
        32..=43 => Op::PushBatch { how: how(which), count: much },
        44..=53 => Op::PushSlice { how: how(which), count: much },
        _ => Op::Close,
    }
}

fn pop(which: u8, much: u8) -> Op {
    match which {
        0..=19 => Op::Pop { how: how(which) },
        20..=31 => Op::Peek { how: how(which), much },
        32..=41 => Op::PopBatch { how: how(which), max: much },
        42..=49 => Op::PopSlice { how: how(which), max: much },
        50..=53 => Op::Threshold { words: much },
        _ => Op::Close,
    }
}
