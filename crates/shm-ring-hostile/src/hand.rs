//! What the hostile hand writes: mostly what keeps a ring going, so that deep states are reached, and now and
//! then anything anywhere. Wild values are the outsider's. It must not know who is called.

use shm_ring_outsider::{
    FRONT, Header, Kind, Mapping, NEVER, NO_FRONT, POSITION, Region as _, Side, Word,
    Writable as _, data, pack, page, record_header, unpack, wild_positions, wild_record_headers,
};

use crate::rng::Rng;

/// One of `those`.
pub fn pick<T: Copy>(rng: &mut Rng, those: &[T]) -> T {
    those[rng.below(those.len() as u64) as usize]
}

fn side(rng: &mut Rng) -> Side {
    pick(rng, &Side::BOTH)
}

/// Where `side` stands.
pub fn position(region: &Mapping, side: Side) -> u64 {
    unpack(region.word(side.page(page()) + POSITION)).0
}

pub fn set_position(region: &Mapping, side: Side, word: u64) {
    region.set(side.page(page()) + POSITION, word);
}

/// Stores a word at `at`, rounded down to one.
fn set(region: &Mapping, at: u64, word: u64) {
    region.set(at & !7, word);
}

/// A ring at rest at `start`, with nothing in it and nobody there before: the words that a side looks at say so.
pub fn heal(region: &Mapping, header: &Header, start: u64) {
    for side in Side::BOTH {
        region.set_named(side, Word::WakeAt, NEVER);
        region.set_named(side, Word::Session, 0);
        region.set_named(side, Word::Told, 0);
    }
    shm_ring_outsider::start_at(region, header, start);
}

/// A value near `near`, or at a border, or anything.
pub fn wild(rng: &mut Rng, header: &Header, near: u64) -> u64 {
    match rng.below(4) {
        0 => near ^ 1 << rng.below(64),
        1 => rng.next() >> rng.below(64),
        _ => pick(rng, &wild_positions(header, near)),
    }
}

/// Writes something that ends an attachment, as often as not.
pub fn hurt(rng: &mut Rng, region: &Mapping, header: &Header) {
    let (hit, near) = (side(rng), side(rng));
    let near = position(region, near);
    match rng.below(12) {
        0..4 => set_position(region, hit, wild(rng, header, near)),
        4..6 => record(rng, region, header, near),
        // Right but for its length.
        6 => length(region, header, near, rng.below(header.capacity + 256) as u32),
        7 => set(region, data() + rng.below(header.capacity), wild(rng, header, near)),
        8 => set(region, hit.page(page()) + rng.below(page()), wild(rng, header, near)),
        // The header was looked at when the ring was opened.
        9 => set(region, rng.below(page()), wild(rng, header, near)),
        10 => {
            let at = rng.below(region.size() - 64);
            let bytes: Vec<u8> = (0..rng.below(64)).map(|_| rng.next() as u8).collect();
            region.write(at, &bytes);
        }
        _ => set_position(region, Side::Producer, position(region, Side::Producer) ^ NO_FRONT),
    }
}

/// What is no record header, or perhaps one, where a message stands that somebody comes to soon.
fn record(rng: &mut Rng, region: &Mapping, header: &Header, near: u64) {
    let at = near.wrapping_add(header.unit() * rng.below(4));
    set(region, header.at(at), pick(rng, &wild_record_headers(header, at)));
}

/// A record header at `position` that says `len`.
pub fn length(region: &Mapping, header: &Header, position: u64, len: u32) {
    set(region, header.at(position), record_header(position, len));
}

/// Writes something by which nothing may be decided, or which no one may believe.
pub fn tease(rng: &mut Rng, region: &Mapping, header: &Header) {
    let (side, near) = (side(rng), side(rng));
    let value = wild(rng, header, position(region, near));
    let set = |word, value| region.set_named(side, word, value);
    match rng.below(10) {
        0 => set(Word::WakeAt, NEVER),
        1 => set(Word::WakeAt, value),
        2 => set(Word::Bell, value),
        // An even number of somebody who is there is looked at again many times: seldom.
        3 => set(Word::Session, value | u64::from(rng.below(64) != 0)),
        4 => set(Word::FenceMode, value % 3),
        5 => set(Word::Pid, value),
        // Nobody, a thread, a death, a death of somebody, and what is none of them.
        6 => set(Word::Liveness, pick(rng, &[0, 1 << 31 | value >> 40, 3 << 30, 7 << 29, value])),
        7 => set(Word::Hint, pick(rng, &[0, 1, value])),
        8 => {
            let counters =
                [Word::HighWater, Word::Sleeps, Word::WakesSent, Word::Waits, Word::Dropped];
            set(pick(rng, &counters), value);
        }
        _ => {
            let at = side.page(page()) + FRONT + 8 * rng.below(7);
            region.set(at, value);
        }
    }
}

/// The consumer has read some of what is there, or all.
pub fn drain(rng: &mut Rng, region: &Mapping, header: &Header, tail: u64) {
    let most = header.limit / header.unit();
    let unread = pick(rng, &[0, 0, 1, most]).min(most);
    let unread = if rng.below(4) == 0 { rng.below(most + 1) } else { unread };
    set_position(region, Side::Consumer, tail.saturating_sub(unread * header.unit()));
}

/// The producer has published some records from `from` on, in `room` bytes at most, with any lengths that fit and any
/// payload; and the last one stands in the front, or something else does.
pub fn forge(rng: &mut Rng, region: &Mapping, header: &Header, from: u64, room: u64) {
    let mut at = from;
    let many = if rng.below(16) == 0 { u64::MAX } else { 1 + rng.below(4) };
    for _ in 0..many {
        let len = match (header.kind(), rng.below(16)) {
            (Some(Kind::Messages), 0) => rng.below(header.longest() + 1),
            (Some(Kind::Messages), 1..3) => 0,
            (Some(Kind::Messages), _) => rng.below(64),
            _ => header.item_size,
        };
        let next = at.wrapping_add(header.stride(len));
        if next.wrapping_sub(from) > room || !header.may_be(len) {
            break;
        }
        if header.kind() == Some(Kind::Messages) {
            length(region, header, at, len as u32);
        }
        if rng.below(4) == 0 {
            set(region, header.at(at.wrapping_add(header.payload_offset())), rng.next());
        }
        // What stands in the front is not what stands in the data, and may be that of another record.
        let payload = vec![rng.next() as u8; len as usize];
        if rng.below(3) == 0
            && let Some(front) = header.front_of(at, &payload)
        {
            region.write(Side::Producer.page(page()) + FRONT, &front);
        } else if header.kind() == Some(Kind::Messages) && rng.below(8) == 0 {
            // In the front the header of this message alone, be that too long for it.
            region.set(Side::Producer.page(page()) + FRONT, record_header(at, len as u32));
        }
        at = next;
    }
    set_position(region, Side::Producer, pack(at, rng.below(2) == 0));
}

/// Anything of all that, as somebody writes in the middle of a call.
pub fn anything(rng: &mut Rng, region: &Mapping, header: &Header) {
    let (head, tail) = (position(region, Side::Consumer), position(region, Side::Producer));
    match rng.below(4) {
        0 => hurt(rng, region, header),
        1 => tease(rng, region, header),
        2 => drain(rng, region, header, tail),
        _ => {
            let room = header.limit.saturating_sub(tail.wrapping_sub(head));
            forge(rng, region, header, tail, room);
        }
    }
}
