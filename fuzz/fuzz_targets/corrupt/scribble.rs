//! Somebody who writes into the region what and where it should not, with a liking for what decides.

use arbitrary::Arbitrary;
use shm_ring_fuzz::bytes::{
    Bytes, CONSUMER, DATA, POSITION_MAX, PRODUCER, SESSION, WAKE_AT, commit_word,
};
use shm_ring_fuzz::choice::Side;

#[derive(Arbitrary, Clone, Debug)]
pub(crate) enum Scribble {
    /// Where this side comes to next, a commit word that is right but for its length.
    Length(Side, u32),
    /// A length around those that may be.
    LengthAbout(Side, u16),
    /// So many times 8 from where this side stands.
    Moved(Side, i16),
    Other {
        place: Place,
        what: What,
    },
}

#[derive(Arbitrary, Clone, Debug)]
pub(crate) enum Place {
    Anywhere(u16),
    Page(Side, Word),
    /// So many times 8 bytes from the record that this side comes to next.
    Record(Side, i8),
}

#[derive(Arbitrary, Clone, Copy, Debug)]
pub(crate) enum Word {
    Position,
    WakeAt,
    Bell,
    Session,
    FenceMode,
    Counter(u8),
}

#[derive(Arbitrary, Clone, Debug)]
pub(crate) enum What {
    Bytes(Vec<u8>),
    Word(u64),
    /// So many times 8 from where this side stands.
    Position(Side, i16),
    NearTheEnd(i8),
    /// A commit word that is right but for its length.
    Commit(u32),
}

fn page(side: Side) -> u64 {
    match side {
        Side::Producer => PRODUCER,
        Side::Consumer => CONSUMER,
    }
}

impl Scribble {
    pub(crate) fn write(&self, bytes: &Bytes, capacity: u64) {
        let moved =
            |side, words: i16| bytes.word(page(side)).wrapping_add_signed(8 * i64::from(words));
        match *self {
            Self::Length(side, len) => {
                let next = moved(side, 0);
                bytes.set(DATA + next % capacity, commit_word(next, len));
            }
            Self::LengthAbout(side, len) => {
                let (next, len) = (moved(side, 0), u32::from(len) % (capacity as u32 + 256));
                bytes.set(DATA + next % capacity, commit_word(next, len));
            }
            Self::Moved(side, words) => bytes.set(page(side), moved(side, words)),
            Self::Other { ref place, ref what } => {
                let (at, position) = match *place {
                    Place::Anywhere(at) => (u64::from(at) % (DATA + capacity), 0),
                    Place::Page(side, word) => (page(side) + word.offset(), 0),
                    Place::Record(side, words) => {
                        let position = moved(side, words.into());
                        (DATA + position % capacity, position)
                    }
                };
                let word = match *what {
                    What::Bytes(ref wild) => return bytes.write(at, wild),
                    What::Word(word) => word,
                    What::Position(side, words) => moved(side, words),
                    What::NearTheEnd(words) => {
                        POSITION_MAX.wrapping_add_signed(8 * i64::from(words))
                    }
                    What::Commit(len) => commit_word(position, len),
                };
                bytes.set(at, word);
            }
        }
    }
}

impl Word {
    fn offset(self) -> u64 {
        match self {
            Self::Position => 0,
            Self::WakeAt => WAKE_AT,
            Self::Bell => 256,
            Self::Session => SESSION,
            Self::FenceMode => 392,
            Self::Counter(index) => 640 + u64::from(index) % 4 * 8,
        }
    }
}
