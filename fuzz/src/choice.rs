//! What the fuzzer chooses.
//!
//! Owns: sides, limits, forms of waiting, and contents by which each record can be told from all others. Knows nothing of:
//! what a ring answers.

use arbitrary::{Arbitrary, Unstructured};
use shm_ring::{Item, Wait};

/// One of the two sides, for the fuzzer to choose.
#[derive(Arbitrary, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Producer,
    Consumer,
}

impl From<Side> for shm_ring_outsider::Side {
    fn from(side: Side) -> Self {
        match side {
            Side::Producer => Self::Producer,
            Side::Consumer => Self::Consumer,
        }
    }
}

impl Side {
    pub fn other(self) -> Self {
        match self {
            Self::Producer => Self::Consumer,
            Self::Consumer => Self::Producer,
        }
    }
}

/// Where the positions of a ring begin.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Start {
    Zero,
    Anywhere(u32),
    /// A few records before the position in record headers starts over.
    BeforeChecksRepeat(u8),
}

impl Start {
    /// A multiple of `unit`.
    pub fn position(self, unit: u64) -> u64 {
        match self {
            Self::Zero => 0,
            Self::Anywhere(records) => u64::from(records) * unit,
            Self::BeforeChecksRepeat(records) => ((1 << 34) / unit - u64::from(records)) * unit,
        }
    }
}

/// How much a ring may hold, down to one record.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct Limit(pub u16);

impl Limit {
    /// From 1 to `most`: often few, nearly all or all.
    pub fn of(self, most: u64) -> u64 {
        let number = u64::from(self.0 / 4);
        match self.0 % 4 {
            0 => most,
            1 => 1 + number % most.min(8),
            2 => most - number % most.min(8),
            _ => 1 + number % most,
        }
    }
}

/// One time in sixteen: a wait of no time at all sleeps, and a sleep takes as long as twenty other calls.
pub fn rarely(u: &mut Unstructured<'_>) -> arbitrary::Result<bool> {
    Ok(u8::arbitrary(u)? >= 240)
}

#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Policy {
    Park,
    Balanced,
    Spin,
    Other { spins: u8, yields: u8, park: bool },
}

impl Policy {
    pub fn wait(self) -> Wait {
        match self {
            Self::Park => Wait::PARK,
            Self::Balanced => Wait::BALANCED,
            Self::Spin => Wait::SPIN,
            Self::Other { spins, yields, park } => {
                Wait { spins: spins.into(), yields: (yields % 4).into(), park, ..Wait::SPIN }
            }
        }
    }
}

/// Fills `bytes` with what no other `number` gives.
pub fn fill(bytes: &mut [u8], number: u64) {
    let mut state = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    for chunk in bytes.chunks_mut(8) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        chunk.copy_from_slice(&state.to_le_bytes()[..chunk.len()]);
    }
}

/// A value that no other `number` gives.
pub fn value<T: Item>(number: u64) -> T {
    let mut value = T::new_zeroed();
    fill(value.as_mut_bytes(), number);
    value
}

/// A message of `len` bytes that no other `number` gives.
pub fn message(len: usize, number: u64) -> Vec<u8> {
    let mut bytes = vec![0; len];
    fill(&mut bytes, number);
    bytes
}
