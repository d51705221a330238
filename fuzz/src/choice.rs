//! What the fuzzer chooses: sides, forms of waiting, what becomes of a view, and contents by which each
//! record can be told from all others. It must not know what a ring answers.

use std::time::Duration;

use arbitrary::Arbitrary;
use shm_ring::{Item, Wait};
use zerocopy::IntoBytes;

#[derive(Arbitrary, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Producer,
    Consumer,
}

/// Where the positions of a ring begin.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Start {
    Zero,
    Anywhere(u32),
    /// A few records before the position in commit words starts over.
    BeforeTagsRepeat(u8),
}

impl Start {
    pub fn position(self, item_align: usize) -> u64 {
        let align = item_align.max(8) as u64;
        match self {
            Self::Zero => 0,
            Self::Anywhere(records) => u64::from(records) * align,
            Self::BeforeTagsRepeat(records) => (1 << 34) - u64::from(records) * align,
        }
    }
}

/// How a call that may wait is made.
#[derive(Arbitrary, Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// `try_`.
    Try,
    /// `_timeout`, of no time at all.
    AtOnce,
    /// For as long as it takes: only where it is known to take no time.
    Wait,
}

/// What becomes of a reservation or a view.
#[derive(Arbitrary, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// Committed or released.
    Finish,
    Drop,
    Forget,
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
                Wait { spins: spins.into(), yields: (yields % 4).into(), park }
            }
        }
    }
}

/// Somewhere in a record, or beyond it.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct Place {
    offset: u16,
    pub len: u8,
    /// Whether offset and length overflow.
    beyond: bool,
}

impl Place {
    pub fn offset(self) -> usize {
        match self.beyond {
            true => usize::MAX - usize::from(self.offset % 256),
            false => self.offset.into(),
        }
    }
}

pub const NO_TIME: Duration = Duration::ZERO;

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

/// `len` elements that no other `number` gives.
pub fn elements<T: Item>(len: usize, number: u64) -> Vec<T> {
    let mut elements: Vec<T> = std::iter::repeat_with(T::new_zeroed).take(len).collect();
    fill(elements.as_mut_slice().as_mut_bytes(), number);
    elements
}
