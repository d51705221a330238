//! The bytes of a latest value's region as LAYOUT.md has them, what a reader and a writer must make of them, and
//! what the hostile hand does to them. It must not know the library.

use shm_ring_outsider::{
    BELL, FENCE_MODE, FRONT, Header, LIVENESS, Latest, Mapping, POSITION_END, Reader, Region as _,
    SESSION, Writable as _, consumer, data, page, producer, wild_versions,
};

use crate::rng::Rng;
use shm_ring_hostile::hand::pick;

/// Bytes of the value, and how many slots there are.
pub(super) const LEN: usize = 300;
pub(super) const SLOTS: u64 = 8;

/// A writer attaches below this version.
pub(super) const ATTACH_END: u64 = Latest::ATTACH_END;

/// A region that is cut as this one is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bytes {
    pub(super) region: &'static Mapping,
    pub(super) header: Header,
}

impl Bytes {
    /// The latest version, or None if that cannot be for a reader that has `seen` others.
    pub(super) fn look(self, seen: &mut Reader) -> Option<u64> {
        seen.look(self.region, &self.header)
    }

    pub(super) fn published(self) -> u64 {
        self.region.word(producer())
    }

    pub(super) fn publish(self, version: u64) {
        self.region.set(producer(), version);
    }

    pub(super) fn session(self) -> u64 {
        self.region.word(producer() + SESSION)
    }

    pub(super) fn liveness(self) -> u64 {
        self.region.word(producer() + LIVENESS)
    }

    pub(super) fn set_session(self, session: u64) {
        self.region.set(producer() + SESSION, session);
    }

    pub(super) fn bell(self) -> u32 {
        self.region.half(producer() + BELL)
    }

    /// The data area, word by word.
    pub(super) fn data(self) -> Vec<u64> {
        let word = |offset| self.region.word(data() + offset);
        (0..self.header.capacity).step_by(8).map(word).collect()
    }

    /// Where `version` stands in [`data`](Self::data).
    fn words_of(self, version: u64) -> core::ops::Range<usize> {
        let start = (self.header.slot_at(version) - data()) as usize / 8;
        start..start + LEN.div_ceil(8)
    }

    /// What stands in the slot of `version`, up to the end of the value's last word.
    pub(super) fn slot(self, version: u64) -> Vec<u8> {
        self.data()[self.words_of(version)].iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    /// Whether nothing but the slot of `version` is another than in `before`.
    pub(super) fn untouched_but(self, version: u64, before: &[u64]) -> bool {
        let (words, slot) = (self.data(), self.words_of(version));
        let slot = slot.start..slot.start + self.header.slot() as usize / 8;
        (0..words.len()).all(|at| slot.contains(&at) || words[at] == before[at])
    }

    /// A region whose latest version is `version`, with anything in its slots.
    pub(super) fn heal(self, rng: &mut Rng, version: u64) {
        for offset in (0..self.header.capacity).step_by(8) {
            self.region.set(data() + offset, rng.next());
        }
        self.publish(version);
    }

    /// A version to begin with: none, a small one, one at a border, any.
    pub(super) fn start(self, rng: &mut Rng) -> u64 {
        match rng.below(8) {
            0 => 0,
            1 => rng.below(2 * SLOTS),
            2 => ATTACH_END - 1 - rng.below(300),
            3 => (1 << 32) - rng.below(300),
            4 => self.wild(rng, POSITION_END),
            _ => rng.next() % ATTACH_END,
        }
    }

    /// A number near `near`, or at a border, or any.
    fn wild(self, rng: &mut Rng, near: u64) -> u64 {
        match rng.below(4) {
            0 => near ^ 1 << rng.below(64),
            1 => rng.next() >> rng.below(64),
            _ => pick(rng, &wild_versions(&self.header, near)),
        }
    }

    /// Some word that is nobody's business, or a value's: what a reader may copy, and nothing is decided by.
    pub(super) fn tease(self, rng: &mut Rng) {
        let value = rng.next() >> rng.below(64);
        match rng.below(8) {
            0 => self.region.set_half(producer() + BELL, value as u32),
            // An even number of a writer that is there is looked at again many times: seldom.
            1 => self.set_session(value | u64::from(rng.below(64) != 0)),
            2 => self.region.set(producer() + FENCE_MODE, value),
            3 => self.region.set(producer() + FRONT + 8 * rng.below(40), value),
            4 => self.region.set(consumer() + 8 * rng.below(page() / 8), value),
            // The header was looked at when the region was opened.
            5 => self.region.set(8 * rng.below(page() / 8), value),
            _ => self.region.set(data() + 8 * rng.below(self.header.capacity / 8), value),
        }
    }

    /// A number for the latest version that may be, or may not.
    pub(super) fn hurt(self, rng: &mut Rng) {
        let near = self.published();
        self.publish(self.wild(rng, near));
    }

    /// A newer version, and something in its slot.
    pub(super) fn forge(self, rng: &mut Rng, most: u64) {
        let version = self.published().wrapping_add(1 + rng.below(most));
        for at in self.words_of(version) {
            self.region.set(data() + 8 * at as u64, rng.next());
        }
        self.publish(version);
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
            bytes.publish(bytes.wild(rng, published));
            bytes.publish(published);
        }
        _ => bytes.hurt(rng),
    }
}
