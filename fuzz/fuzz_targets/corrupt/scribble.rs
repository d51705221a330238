//! Somebody who writes into the region what and where it should not, with a liking for what decides.
//!
//! Owns: what is written where. Knows nothing of: what anybody makes of it. Wild values are the outsider's.

use arbitrary::Arbitrary;
use shm_ring_fuzz::choice::{Side, message};
use shm_ring_fuzz::memory::Memory;
use shm_ring_outsider::{
    FRONT, Header, NO_FRONT, POSITION, Region, Word, Writable, data, pack, record_header, unpack,
    wild_positions, wild_record_headers,
};

#[derive(Arbitrary, Clone, Debug)]
pub(crate) enum Scribble {
    /// So many records from where this side stands, with the mark or without.
    Moved {
        side: Side,
        units: i8,
        front: bool,
    },
    /// A tail for which the front is one record of so many bytes, and says something else than the data.
    Front {
        len: u8,
        whole: bool,
    },
    /// Where this side comes to next, a record header that is right but for its length.
    Length(Side, u16),
    Mark,
    Hint(u8),
    Position {
        side: Side,
        number: u8,
    },
    Word {
        side: Side,
        word: u8,
        number: u8,
    },
    /// So many records from the one that this side comes to next.
    Record {
        side: Side,
        units: i8,
        number: u8,
    },
    Any {
        at: u16,
        word: u64,
    },
    Bytes {
        at: u16,
        bytes: Vec<u8>,
    },
}

fn page(side: Side, header: &Header) -> u64 {
    shm_ring_outsider::Side::from(side).page(header.page.into())
}

impl Scribble {
    pub(crate) fn write(&self, memory: &Memory, header: &Header) {
        let word_at = |side| page(side, header) + POSITION;
        let position = |side| unpack(memory.word(word_at(side))).0;
        let moved = |side, units: i8| {
            let by = (header.unit() as i64).wrapping_mul(units.into());
            position(side).wrapping_add_signed(by)
        };
        match *self {
            Self::Moved { side, units, front } => {
                let to = moved(side, units);
                let word = if side == Side::Producer { pack(to, front) } else { to };
                memory.set(word_at(side), word);
            }
            Self::Front { len, whole } => {
                let tail = position(Side::Producer);
                let longest = header.longest_in(header.limit).unwrap_or(0);
                let payload = match header.record_kind {
                    1 => message(header.item_size as usize, tail),
                    _ => message(u64::from(len).min(longest) as usize, tail),
                };
                if let Some(front) = header.front_of(tail, &payload) {
                    memory.write(page(Side::Producer, header) + FRONT, &front);
                    let next = tail.wrapping_add(header.stride(payload.len() as u64));
                    memory.set(word_at(Side::Producer), pack(next, whole));
                }
            }
            Self::Length(side, len) => {
                let (next, len) = (position(side), u32::from(len) % (header.capacity as u32 + 256));
                set(memory, header, next, record_header(next, len));
            }
            Self::Mark => {
                let word = memory.word(word_at(Side::Producer));
                memory.set(word_at(Side::Producer), word ^ NO_FRONT);
            }
            Self::Hint(hint) => {
                memory.set(page(Side::Consumer, header) + Word::Hint.offset(), hint.into());
            }
            Self::Position { side, number } => {
                let wild = wild_positions(header, position(side.other()));
                memory.set(word_at(side), wild[usize::from(number) % wild.len()]);
            }
            Self::Word { side, word, number } => {
                let wild = wild_positions(header, position(side.other()));
                let word = Word::ALL[usize::from(word) % Word::ALL.len()];
                let value = wild[usize::from(number) % wild.len()].to_le_bytes();
                let at = page(side, header) + word.offset();
                memory.write(at, &value[..word.bytes().min(8) as usize]);
            }
            Self::Record { side, units, number } => {
                let at = moved(side, units);
                let wild = wild_record_headers(header, at);
                set(memory, header, at, wild[usize::from(number) % wild.len()]);
            }
            Self::Any { at, word } => anywhere(memory, at, &word.to_le_bytes()),
            Self::Bytes { at, ref bytes } => anywhere(memory, at, bytes),
        }
    }
}

/// A word of data: what lies beyond the end is cut off.
fn set(memory: &Memory, header: &Header, position: u64, word: u64) {
    memory.scribble(header.at(position), &word.to_le_bytes());
}

fn anywhere(memory: &Memory, at: u16, bytes: &[u8]) {
    // Half of it in the data.
    let at = if at % 2 == 0 { u64::from(at / 2) } else { data() + u64::from(at / 2) };
    memory.scribble(at % memory.size(), bytes);
}
