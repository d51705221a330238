//! What the hostile hand writes: mostly what keeps a ring going, so that deep states are reached, and now and
//! then anything anywhere. It must not know who is called.

use std::sync::atomic::Ordering::Relaxed;

use super::memory::Hand;
use super::wire::{
    BELL, CONSUMER, COUNTERS, DATA, FENCE_MODE, LIVENESS, NEVER, PAGE, POSITION_END, PRODUCER,
    SESSION, Shape, WAKE_AT, commit_word,
};
use crate::rng::Rng;

/// A value near `near`, or at a border, or anything.
pub(super) fn wild(rng: &mut Rng, near: u64, capacity: u64) -> u64 {
    match rng.below(16) {
        0 => near.wrapping_add(8),
        1 => near.wrapping_sub(8),
        2 => near.wrapping_add(rng.below(16)),
        3 => near.wrapping_sub([capacity, rng.below(capacity)][rng.below(2) as usize]),
        4 => near.wrapping_sub(capacity + 8),
        5 => near.wrapping_add(capacity),
        6 => near ^ 1 << rng.below(64),
        7 => POSITION_END - 8 * rng.below(3),
        8 => u64::MAX - rng.below(17),
        9 => rng.below(3),
        10 => commit_word(near, rng.next() as u32),
        11 => commit_word(near, rng.below(2 * capacity) as u32),
        12 => commit_word(near, u32::MAX - rng.below(32) as u32),
        13 => commit_word(near, 24) ^ 1 << rng.below(64),
        14 => near.wrapping_sub(8 * rng.below(capacity / 8)),
        _ => rng.next() >> rng.below(64),
    }
}

/// A place that decides something.
pub(super) fn place(rng: &mut Rng, hand: &Hand, shape: Shape) -> u64 {
    let side = [PRODUCER, CONSUMER][rng.below(2) as usize];
    let position = hand.word(side).load(Relaxed);
    match rng.below(8) {
        0 | 1 => side,
        2 => side + 8 * rng.below(PAGE / 8),
        3 => 8 * rng.below(PAGE / 8),
        4 => DATA + 8 * rng.below(shape.capacity / 8),
        5 => shape.at(position.wrapping_add(32 * rng.below(4))),
        _ => shape.at(position),
    }
}

/// Writes something that ends an attachment, as often as not.
pub(super) fn hurt(rng: &mut Rng, hand: &Hand, shape: Shape) {
    let side = [PRODUCER, CONSUMER][rng.below(2) as usize];
    let near = hand.word(side).load(Relaxed);
    let place = place(rng, hand, shape);
    hand.word(place).store(wild(rng, near, shape.capacity), Relaxed);
}

/// Writes something by which nothing may be decided, or which no one may believe: wake_at, bell, session,
/// fence mode and pid, liveness, counters.
pub(super) fn tease(rng: &mut Rng, hand: &Hand, shape: Shape) {
    let side = [PRODUCER, CONSUMER][rng.below(2) as usize];
    let near = hand.word(side).load(Relaxed);
    let value = wild(rng, near, shape.capacity);
    match rng.below(8) {
        0 => hand.word(side + WAKE_AT).store(NEVER, Relaxed),
        1 => hand.word(side + WAKE_AT).store(value, Relaxed),
        2 => hand.half(side + BELL).store(value as u32, Relaxed),
        // An even number of somebody who is there is looked at again many times: seldom.
        3 => hand.word(side + SESSION).store(value | u64::from(rng.below(64) != 0), Relaxed),
        4 => hand.half(side + FENCE_MODE).store(value as u32 % 3, Relaxed),
        5 => hand.half(side + FENCE_MODE + 4).store(value as u32, Relaxed),
        6 => hand.half(side + LIVENESS).store(value as u32, Relaxed),
        _ => hand.word(side + COUNTERS + 8 * rng.below(4)).store(value, Relaxed),
    }
}

/// The consumer has read some of what is there, or all.
pub(super) fn drain(rng: &mut Rng, hand: &Hand, shape: Shape, tail: u64) {
    let unread = [0, 0, 8 * rng.below(shape.capacity / 8), shape.capacity][rng.below(4) as usize];
    hand.word(CONSUMER).store(tail.saturating_sub(unread), Relaxed);
}

/// The producer has published some records, with any lengths that fit and any payload.
pub(super) fn forge(rng: &mut Rng, hand: &Hand, shape: Shape, head: u64) {
    let (mut at, mut room) = (head, shape.capacity - 8);
    for _ in 0..1 + rng.below(4) {
        let longest = [64, shape.len_max][usize::from(rng.below(16) == 0)].min(shape.len_max);
        let len = shape.len_min + rng.below(longest - shape.len_min + 1);
        let stride = Shape::stride(len);
        if stride > room {
            break;
        }
        hand.word(shape.at(at + stride)).store(0, Relaxed);
        hand.word(shape.at(at)).store(commit_word(at, len as u32), Relaxed);
        room -= stride;
        at += stride;
    }
}
