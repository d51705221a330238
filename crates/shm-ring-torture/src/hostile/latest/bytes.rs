//! The bytes of a latest value's region as LAYOUT.md has them, what a reader and a writer must make of them, and
//! what the hostile hand does to them. It must not know the library.

use std::sync::atomic::Ordering::Relaxed;

use super::super::memory::Hand;
use super::super::wire::{BELL, CONSUMER, DATA, FENCE_MODE, PAGE, POSITION_END, PRODUCER, SESSION};
use crate::rng::Rng;

/// Bytes of the data area, of a slot, and of the value in it; and how many slots there are.
pub(super) const CAPACITY: u64 = 4096;
const SLOT: u64 = 512;
pub(super) const LEN: usize = 300;
pub(super) const SLOTS: u64 = CAPACITY / SLOT;

/// A writer attaches below this version.
pub(super) const ATTACH_END: u64 = POSITION_END / 2;

/// A region that is cut as this one is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bytes(pub(super) Hand);

/// What a reader must know.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    pub(super) version: u64,
    pub(super) corrupt: bool,
}

impl Seen {
    /// The latest version, or None if that cannot be.
    pub(super) fn look(&mut self, bytes: Bytes) -> Option<u64> {
        let published = bytes.published();
        self.corrupt |= published < self.version || published >= POSITION_END;
        (!self.corrupt).then_some(published)
    }
}

impl Bytes {
    pub(super) fn published(self) -> u64 {
        self.0.word(PRODUCER).load(Relaxed)
    }

    pub(super) fn publish(self, version: u64) {
        self.0.word(PRODUCER).store(version, Relaxed);
    }

    pub(super) fn session(self) -> u64 {
        self.0.word(PRODUCER + SESSION).load(Relaxed)
    }

    pub(super) fn set_session(self, session: u64) {
        self.0.word(PRODUCER + SESSION).store(session, Relaxed);
    }

    pub(super) fn bell(self) -> u32 {
        self.0.half(PRODUCER + BELL).load(Relaxed)
    }

    /// The data area, word by word.
    pub(super) fn data(self) -> Vec<u64> {
        let word = |offset| self.0.word(DATA + offset).load(Relaxed);
        (0..CAPACITY).step_by(8).map(word).collect()
    }

    /// Where `version` stands in [`data`](Self::data).
    fn words_of(version: u64) -> core::ops::Range<usize> {
        let start = (version % SLOTS * SLOT) as usize / 8;
        start..start + LEN.div_ceil(8)
    }

    /// What stands in the slot of `version`, up to the end of the value's last word.
    pub(super) fn slot(self, version: u64) -> Vec<u8> {
        self.data()[Self::words_of(version)].iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    /// Whether nothing but the slot of `version` is another than in `before`.
    pub(super) fn untouched_but(self, version: u64, before: &[u64]) -> bool {
        let (words, slot) = (self.data(), Self::words_of(version));
        let slot = slot.start..slot.start + SLOT as usize / 8;
        (0..words.len()).all(|at| slot.contains(&at) || words[at] == before[at])
    }

    /// A region whose latest version is `version`, with anything in its slots.
    pub(super) fn heal(self, rng: &mut Rng, version: u64) {
        for offset in (0..CAPACITY).step_by(8) {
            self.0.word(DATA + offset).store(rng.next(), Relaxed);
        }
        self.publish(version);
    }

    /// A version to begin with: none, a small one, one at a border, any.
    pub(super) fn start(rng: &mut Rng) -> u64 {
        match rng.below(8) {
            0 => 0,
            1 => rng.below(2 * SLOTS),
            2 => ATTACH_END - 1 - rng.below(300),
            3 => (1 << 32) - rng.below(300),
            4 => wild(rng, POSITION_END),
            _ => rng.next() % ATTACH_END,
        }
    }

    /// Some word that is nobody's business, or a value's: what a reader may copy, and nothing is decided by.
    pub(super) fn tease(self, rng: &mut Rng) {
        let value = rng.next() >> rng.below(64);
        match rng.below(8) {
            0 => self.0.half(PRODUCER + BELL).store(value as u32, Relaxed),
            // An even number of a writer that is there is looked at again many times: seldom.
            1 => self.set_session(value | u64::from(rng.below(64) != 0)),
            2 => self.0.word(PRODUCER + FENCE_MODE).store(value, Relaxed),
            3 => self.0.word(PRODUCER + 8 + 8 * rng.below(40)).store(value, Relaxed),
            4 => self.0.word(CONSUMER + 8 * rng.below(PAGE / 8)).store(value, Relaxed),
            // The header was looked at when the region was opened.
            5 => self.0.word(8 * rng.below(PAGE / 8)).store(value, Relaxed),
            _ => self.0.word(DATA + 8 * rng.below(CAPACITY / 8)).store(value, Relaxed),
        }
    }

    /// A number for the latest version that may be, or may not.
    pub(super) fn hurt(self, rng: &mut Rng) {
        let near = self.published();
        self.publish(wild(rng, near));
    }

    /// A newer version, and something in its slot.
    pub(super) fn forge(self, rng: &mut Rng, most: u64) {
        let version = self.published().wrapping_add(1 + rng.below(most));
        for at in Self::words_of(version) {
            self.0.word(DATA + 8 * at as u64).store(rng.next(), Relaxed);
        }
        self.publish(version);
    }
}

/// A number near `near`, or at a border, or any.
fn wild(rng: &mut Rng, near: u64) -> u64 {
    match rng.below(12) {
        0 => near.wrapping_add(rng.below(2 * SLOTS)),
        1 => near.wrapping_sub(rng.below(2 * SLOTS)),
        2 => near.wrapping_add(SLOTS),
        3 => near ^ 1 << rng.below(64),
        4 => POSITION_END - 1 + rng.below(2),
        5 => ATTACH_END - 1 + rng.below(2),
        6 => u64::MAX - rng.below(SLOTS),
        7 => rng.below(3),
        8 => near | 1 << 63,
        _ => rng.next() >> rng.below(64),
    }
}

/// One write of a live hand, of a burst of one `kind`.
pub(super) fn scribble(rng: &mut Rng, kind: u64, bytes: Bytes) {
    match kind {
        0..20 => bytes.forge(rng, 2),
        // As fast as can be, so that readers find their slot overwritten each time.
        20..36 => bytes.publish(bytes.published().wrapping_add(SLOTS - 1 + rng.below(3))),
        36..60 => bytes.tease(rng),
        // There and back.
        60..62 => {
            let published = bytes.published();
            bytes.publish(wild(rng, published));
            bytes.publish(published);
        }
        _ => bytes.hurt(rng),
    }
}
