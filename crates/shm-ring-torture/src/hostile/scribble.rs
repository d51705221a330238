//! A live peer that writes at full speed while the victim calls: in bursts of one kind of harm, with pauses in
//! which a ring can get somewhere. It must not know the victim.

use std::sync::atomic::Ordering::Relaxed;

use super::board::{Board, Count};
use super::hand;
use super::memory::Hand;
use super::wire::{CONSUMER, PRODUCER, Shape, commit_word};
use crate::rng::Rng;

/// Writes until it is told to stop.
pub(super) fn run(board: Board, mut rng: Rng, hand: &Hand, shape: Shape) {
    while board.get(Count::Stop) == 0 {
        burst(board, &mut rng, |rng, kind| one(rng, kind, hand, shape));
        pause(&mut rng);
    }
}

/// Some writes of one of 64 kinds, by `write`, but for the moments in which the victim begs for mercy.
pub(super) fn burst(board: Board, rng: &mut Rng, mut write: impl FnMut(&mut Rng, u64)) {
    let turns = 1 + rng.below(400);
    let kind = rng.below(64);
    for _ in 0..turns {
        if board.get(Count::Mercy) != 0 {
            std::hint::spin_loop();
            continue;
        }
        write(rng, kind);
        board.add(Count::Writes, 1);
    }
}

pub(super) fn pause(rng: &mut Rng) {
    match rng.below(8) {
        0 => std::thread::sleep(std::time::Duration::from_micros(rng.below(100))),
        1 => (0..rng.below(20_000)).for_each(|_| std::hint::spin_loop()),
        _ => {}
    }
}

fn one(rng: &mut Rng, kind: u64, hand: &Hand, shape: Shape) {
    let head = hand.word(CONSUMER).load(Relaxed);
    let tail = hand.word(PRODUCER).load(Relaxed);
    match kind {
        0..16 => hand::drain(rng, hand, shape, tail),
        16..28 => hand::forge(rng, hand, shape, head),
        // Two lengths that are both allowed, one after the other: one of them was checked.
        28..44 => {
            let place = hand.word(shape.at(head));
            let short = shape.len_min.max(rng.below(32));
            place.store(commit_word(head, short.min(shape.len_max) as u32), Relaxed);
            place.store(
                commit_word(head, (shape.len_max - rng.below(64).min(shape.len_max)) as u32),
                Relaxed,
            );
            if rng.below(4) == 0 {
                place.store(commit_word(head, u32::MAX - 15), Relaxed);
                place.store(commit_word(head, shape.len_min as u32), Relaxed);
            }
        }
        44..58 => hand::tease(rng, hand, shape),
        // A position that comes and goes.
        58..60 => {
            hand.word(CONSUMER).store(hand::wild(rng, tail, shape.capacity), Relaxed);
            hand.word(CONSUMER).store(tail, Relaxed);
        }
        60 => hand.word(shape.at(head)).store(0, Relaxed),
        _ => hand::hurt(rng, hand, shape),
    }
}
