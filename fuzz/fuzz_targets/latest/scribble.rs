//! Somebody who writes into the region while it is in use, with a liking for what decides. It must not know
//! what anybody makes of it.

use arbitrary::Arbitrary;
use shm_ring_fuzz::bytes::{Bytes, DATA, PAGE, POSITION_MAX, PRODUCER, SESSION};

#[derive(Arbitrary, Clone, Debug)]
pub(crate) enum Scribble {
    Published(Count),
    /// So many sessions from the present one.
    Session(i8),
    /// A word of the writer's page, each on a line of its own.
    Line {
        line: u8,
        word: u64,
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
            Self::AboutTheEndForWriters(by) => (POSITION_MAX / 2).wrapping_add_signed(by.into()),
            Self::AboutTheEnd(by) => POSITION_MAX.wrapping_add_signed(by.into()),
            Self::Any(count) => count,
        }
    }
}

impl Scribble {
    pub(crate) fn write(&self, bytes: &Bytes, slot: u64) {
        match *self {
            Self::Published(count) => bytes.set(PRODUCER, count.from(bytes.word(PRODUCER))),
            Self::Session(by) => {
                bytes.set(SESSION_AT, bytes.word(SESSION_AT).wrapping_add_signed(by.into()));
            }
            Self::Line { line, word } => bytes.set(PRODUCER + u64::from(line % 6) * 128, word),
            Self::Slot { number, at, bytes: ref wild } => {
                bytes.write(DATA + u64::from(number) * slot % PAGE + u64::from(at), wild);
            }
            Self::Anywhere { at, bytes: ref wild } => {
                // Not the header: nobody looks at it any more.
                bytes.write(PRODUCER + u64::from(at) % (DATA + PAGE - PRODUCER), wild);
            }
        }
    }
}

pub(crate) const SESSION_AT: u64 = PRODUCER + SESSION;
