//! Somebody who writes into the region while it is in use, with a liking for what decides.
//!
//! Owns: what is written where. Knows nothing of: what anybody makes of it.

use arbitrary::Arbitrary;
use shm_ring_fuzz::memory::Memory;
use shm_ring_outsider::{
    Header, Latest, POSITION_END, Region, Side, Word, Writable, producer, wild_versions,
};

#[derive(Arbitrary, Clone, Debug)]
pub(crate) enum Scribble {
    Published(Count),
    /// One of the versions that decide.
    Version(u8),
    /// So many sessions from the present one.
    Session(i8),
    /// A word of the writer's page, or of the page that nobody owns.
    Word {
        nobody: bool,
        word: u8,
        value: u64,
    },
    Slot {
        number: u8,
        at: u8,
        bytes: [u8; 9],
    },
    Anywhere {
        at: u16,
        bytes: Vec<u8>,
    },
}

#[derive(Arbitrary, Clone, Copy, Debug)]
pub(crate) enum Count {
    /// So many versions from the present one.
    Moved(i8),
    /// So many versions from where counting ends for a writer that attaches.
    AboutTheEndForWriters(i8),
    /// So many versions from where counting ends.
    AboutTheEnd(i8),
    Any(u64),
}

impl Count {
    pub(crate) fn from(self, present: u64) -> u64 {
        match self {
            Self::Moved(by) => present.wrapping_add_signed(by.into()),
            Self::AboutTheEndForWriters(by) => Latest::ATTACH_END.wrapping_add_signed(by.into()),
            Self::AboutTheEnd(by) => POSITION_END.wrapping_add_signed(by.into()),
            Self::Any(count) => count,
        }
    }
}

impl Scribble {
    pub(crate) fn write(&self, memory: &Memory, header: &Header) {
        let writer = Side::Producer;
        let present = |word| memory.named(writer, word);
        match *self {
            Self::Published(count) => {
                memory.set_named(writer, Word::Position, count.from(present(Word::Position)));
            }
            Self::Version(number) => {
                let wild = wild_versions(header, present(Word::Position));
                memory.set_named(writer, Word::Position, wild[usize::from(number) % wild.len()]);
            }
            Self::Session(by) => {
                let session = present(Word::Session).wrapping_add_signed(by.into());
                memory.set_named(writer, Word::Session, session);
            }
            Self::Word { nobody, word, value } => {
                let side = if nobody { Side::Consumer } else { writer };
                memory.set_named(side, Word::ALL[usize::from(word) % Word::ALL.len()], value);
            }
            Self::Slot { number, at, bytes: ref wild } => {
                memory.scribble(header.slot_at(number.into()) + u64::from(at), wild);
            }
            Self::Anywhere { at, bytes: ref wild } => {
                // Not the header: nobody looks at it any more.
                let behind = memory.size() - producer();
                memory.scribble(producer() + u64::from(at) % behind, wild);
            }
        }
    }
}
