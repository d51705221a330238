//! A live peer that writes at full speed while the victim calls: in bursts of one kind of harm, with pauses in
//! which a ring can get somewhere. It must not know the victim.

use shm_ring_outsider::{Header, Mapping, NO_FRONT, Side, pack};

use crate::rng::Rng;
use shm_ring_hostile::board::{Board, Count};
use shm_ring_hostile::hand::{self, position, set_position};

/// Writes until it is told to stop.
pub(super) fn run(board: Board, mut rng: Rng, region: &Mapping, header: &Header) {
    while board.get(Count::Stop) == 0 {
        burst(board, &mut rng, |rng, kind| one(rng, kind, region, header));
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

fn one(rng: &mut Rng, kind: u64, region: &Mapping, header: &Header) {
    let (head, tail) = (position(region, Side::Consumer), position(region, Side::Producer));
    let whole = header.limit / header.unit() * header.unit();
    match kind {
        0..16 => hand::drain(rng, region, header, tail),
        16..28 => {
            let room = header.limit.saturating_sub(tail.wrapping_sub(head));
            hand::forge(rng, region, header, tail, room);
        }
        28..44 => two_lengths(rng, region, header, head),
        44..54 => hand::tease(rng, region, header),
        // One record that is in the front, or is not, while it is looked at.
        54..58 => {
            hand::forge(rng, region, header, head, whole);
            let next = head.wrapping_add(header.unit());
            set_position(region, Side::Producer, pack(next, rng.below(2) == 0));
        }
        // A position that comes and goes.
        58 => {
            set_position(region, Side::Consumer, hand::wild(rng, header, tail));
            set_position(region, Side::Consumer, tail);
        }
        59 => {
            set_position(region, Side::Producer, hand::wild(rng, header, head));
            set_position(region, Side::Producer, head.wrapping_add(whole) | NO_FRONT);
        }
        _ => hand::hurt(rng, region, header),
    }
}

/// A message at every place that the consumer can come to, and the next one has two lengths that are both allowed, one
/// after the other, and now and then one that is not: one of them was checked.
fn two_lengths(rng: &mut Rng, region: &Mapping, header: &Header, head: u64) {
    let (unit, short) = (header.unit(), rng.below(17).min(header.longest()) as u32);
    let span = (64 * unit).min(header.limit / unit * unit);
    for place in (0..span).step_by(unit as usize) {
        hand::length(region, header, head.wrapping_add(place), short);
    }
    let end = head.wrapping_add(span);
    set_position(region, Side::Producer, end | NO_FRONT);
    for _ in 0..64 {
        let head = position(region, Side::Consumer);
        let left = end.wrapping_sub(head);
        let Some(long) = header.longest_in(left).filter(|_| left <= span) else { break };
        if rng.below(64) == 0 {
            hand::length(region, header, head, u32::MAX - 15);
        }
        hand::length(region, header, head, long as u32);
        hand::length(region, header, head, short);
    }
}
