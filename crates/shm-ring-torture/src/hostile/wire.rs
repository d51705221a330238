//! What a ring of layout v1 must answer, from the region's bytes alone. It must not know the library.

use std::sync::atomic::Ordering::Relaxed;

use super::memory::Hand;
pub(super) use crate::layout::{
    BELL, CONSUMER, COUNTERS, DATA, FENCE_MODE, LIVENESS, NEVER, PAGE, POSITION_END, PRODUCER,
    SESSION, WAKE_AT, commit_word,
};

/// What the records of a ring may be. All rings here have a record alignment of 8.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub(super) capacity: u64,
    pub(super) len_min: u64,
    pub(super) len_max: u64,
}

impl Shape {
    pub(super) fn stride(len: u64) -> u64 {
        8 + len.next_multiple_of(8)
    }

    fn len_of(&self, word: u64, position: u64) -> Option<u64> {
        let len = word & 0xffff_ffff;
        let right = word == commit_word(position, len as u32);
        (right && (self.len_min..=self.len_max).contains(&len)).then_some(len)
    }

    pub(super) fn at(&self, position: u64) -> u64 {
        DATA + (position & (self.capacity - 8))
    }
}

fn is_position(position: u64) -> bool {
    position < POSITION_END && position.is_multiple_of(8)
}

/// What a producer must find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    Enough,
    TooLittle,
    Corrupt,
}

/// What a producer must know.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tail {
    pub(super) at: u64,
    /// Records and the zero behind them end here at the latest, by the last look.
    pub(super) limit: u64,
    pub(super) corrupt: bool,
}

impl Tail {
    /// What it knows once attached, or None if it must be refused. To be asked before it attaches.
    pub(super) fn recover(shape: Shape, hand: &Hand) -> Option<Self> {
        let stored = hand.word(PRODUCER).load(Relaxed);
        if !is_position(stored) {
            return None;
        }
        let mut at = stored;
        loop {
            let word = hand.word(shape.at(at)).load(Relaxed);
            if word != commit_word(at, word as u32) {
                break;
            }
            at += Shape::stride(shape.len_of(word, at)?);
            if at + 8 - stored > shape.capacity || at >= POSITION_END {
                return None;
            }
        }
        let mut tail = Self { at, limit: 0, corrupt: false };
        tail.look(shape, hand, Shape::stride(shape.len_min));
        (!tail.corrupt).then_some(tail)
    }

    /// The one look at the consumer's head.
    pub(super) fn look(&mut self, shape: Shape, hand: &Hand, needed: u64) {
        let head = hand.word(CONSUMER).load(Relaxed);
        let possible = is_position(head) && head <= self.at && self.at - head <= shape.capacity;
        if self.corrupt || !possible || self.at + needed + 8 > POSITION_END {
            self.corrupt = true;
            self.limit = 0;
        } else {
            self.limit = (head + shape.capacity).min(POSITION_END);
        }
    }

    pub(super) fn room(&mut self, shape: Shape, hand: &Hand, needed: u64) -> Room {
        if self.at + needed + 8 <= self.limit {
            return Room::Enough;
        }
        self.look(shape, hand, needed);
        match self.at + needed + 8 <= self.limit {
            true => Room::Enough,
            false if self.corrupt => Room::Corrupt,
            false => Room::TooLittle,
        }
    }
}

/// What a consumer must find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    Record(u64),
    Nothing,
    Corrupt,
}

/// What a consumer must know.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    pub(super) at: u64,
    pub(super) corrupt: bool,
}

impl Head {
    pub(super) fn recover(hand: &Hand) -> Option<Self> {
        let at = hand.word(CONSUMER).load(Relaxed);
        is_position(at).then_some(Self { at, corrupt: false })
    }

    pub(super) fn look(&mut self, shape: Shape, hand: &Hand) -> Look {
        let word = hand.word(shape.at(self.at)).load(Relaxed);
        if self.corrupt || self.at >= POSITION_END {
            self.corrupt = true;
            return Look::Corrupt;
        }
        match shape.len_of(word, self.at) {
            _ if word == 0 => Look::Nothing,
            Some(len) => Look::Record(len),
            None => {
                self.corrupt = true;
                Look::Corrupt
            }
        }
    }

    pub(super) fn step(&mut self, len: u64) {
        self.at += Shape::stride(len);
    }
}

/// A ring at rest at `start`, with nothing in it, as far as those words say that are looked at.
pub(super) fn heal(hand: &Hand, shape: Shape, start: u64) {
    for offset in (0..shape.capacity).step_by(8) {
        hand.word(DATA + offset).store(0, Relaxed);
    }
    for side in [PRODUCER, CONSUMER] {
        hand.word(side + WAKE_AT).store(NEVER, Relaxed);
        hand.word(side).store(start, Relaxed);
    }
}
