//! Somebody who writes into the region what and where it should not, with a liking for what decides.

use arbitrary::Arbitrary;
use shm_ring_fuzz::bytes::{
    Bytes, CONSUMER, DATA, POSITION_MAX, PRODUCER, SESSION, WAKE_AT, commit_word,
};
use shm_ring_fuzz::choice::Side;

#[derive(Arbitrary, Clone, Debug)]
pub(crate) struct Scribble {
    place: Place,
    what: What,
}

#[derive(Arbitrary, Clone, Debug)]
enum Place {
    Anywhere(u16),
    Page(Side, Word),
    /// So many times 8 bytes from the record that this side comes to next.
    Record(Side, i8),
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Word {
    Position,
    WakeAt,
    Bell,
    Session,
    FenceMode,
    Counter(u8),
}

#[derive(Arbitrary, Clone, Debug)]
enum What {
    Bytes(Vec<u8>),
    Word(u64),
    /// So many times 8 from where this side stands.
    Position(Side, i16),
    NearTheEnd(i8),
    /// A commit word that is right but for its length.
    Commit(u32),
    CommitAbout(u16),
}

fn page(side: Side) -> u64 {
    match side {
        Side::Producer => PRODUCER,
        Side::Consumer => CONSUMER,
    }
}

impl Scribble {
    pub(crate) fn write(&self, bytes: &Bytes, capacity: u64) {
        let (at, position) = match self.place {
            Place::Anywhere(at) => (u64::from(at) % (DATA + capacity), 0),
            Place::Page(side, word) => {
                let word = match word {
                    Word::Position => 0,
                    Word::WakeAt => WAKE_AT,
                    Word::Bell => 256,
                    Word::Session => SESSION,
                    Word::FenceMode => 392,
                    Word::Counter(index) => 640 + u64::from(index) % 4 * 8,
                };
                (page(side) + word, 0)
            }
            Place::Record(side, words) => {
                let stands = bytes.word(page(side));
                let position = stands.wrapping_add_signed(i64::from(words) * 8);
                (DATA + position % capacity, position)
            }
        };
        let word = match self.what {
            What::Bytes(ref wild) => return bytes.write(at, wild),
            What::Word(word) => word,
            What::Position(side, words) => {
                bytes.word(page(side)).wrapping_add_signed(i64::from(words) * 8)
            }
            What::NearTheEnd(words) => POSITION_MAX.wrapping_add_signed(i64::from(words) * 8),
            What::Commit(len) => commit_word(position, len),
            What::CommitAbout(len) => commit_word(position, u32::from(len) % 4352),
        };
        bytes.set(at, word);
    }
}
