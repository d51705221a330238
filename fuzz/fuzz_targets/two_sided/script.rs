//! What an input says: a setting, and commands of two bytes each, so that cutting one out or putting one
//! in leaves the others what they are. It must not know what commands lead to.

use shm_ring::Wait;

/// One of the two sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Producer,
    Consumer,
}

pub(crate) const SIDES: [Side; 2] = [Side::Producer, Side::Consumer];

impl Side {
    pub(crate) fn other(self) -> Self {
        match self {
            Self::Producer => Self::Consumer,
            Self::Consumer => Self::Producer,
        }
    }

    fn of(bit: u8) -> Self {
        SIDES[usize::from(bit & 1)]
    }
}

pub(crate) struct Setting {
    pub(crate) kind: u8,
    /// Where positions begin, in records of the least alignment.
    pub(crate) start: u64,
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
    Reserve { len: u8, commit: bool },
    PushBatch { count: u8 },
    Pop { how: How },
    Peek { how: How, release: bool },
    PopBatch { how: How, max: u8 },
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
}

/// The longest script that is played.
const COMMANDS: usize = 500;

pub(crate) fn read(input: &[u8]) -> Option<(Setting, impl Iterator<Item = Command>)> {
    let (&[kind, start, flags, waits], script) = input.split_first_chunk()?;
    let wait = |bits: u8| match bits & 3 {
        0 | 1 => Wait::PARK,
        2 => Wait { spins: 2, yields: 1, park: true },
        _ => Wait { spins: 0, yields: 3, park: true },
    };
    let setting = Setting {
        kind: kind & 7,
        start: match start {
            // Before the position in commit words starts over.
            200.. => (1 << 31) - u64::from(255 - start),
            start => u64::from(start) * 5,
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
            Command::Run { side: Side::of(what), steps, hold: what & 2 != 0 }
        }
        104..=159 => Command::Do(Side::Producer, push(what - 104, much)),
        160..=215 => Command::Do(Side::Consumer, pop(what - 160, much)),
        216..=231 => Command::Kill { side: Side::of(what), after: u32::from(much) % 32 },
        232..=243 => Command::Drain(Side::of(what), 1 + much % 16),
        _ => Command::Oversleep(Side::of(what)),
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
        0..=31 => Op::Push { how: how(which), len: much },
        32..=39 => Op::Reserve { len: much, commit: which % 4 != 0 },
        40..=53 => Op::PushBatch { count: much },
        _ => Op::Close,
    }
}

fn pop(which: u8, much: u8) -> Op {
    match which {
        0..=27 => Op::Pop { how: how(which) },
        28..=39 => Op::Peek { how: how(which), release: much % 4 != 0 },
        40..=49 => Op::PopBatch { how: how(which), max: much },
        50..=53 => Op::Threshold { words: much },
        _ => Op::Close,
    }
}
