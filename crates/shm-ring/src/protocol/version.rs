//! Owns: versions of a latest value: when one exists, which slot holds it, and what proves that a copy of it is whole.
//! Knows nothing of: payload bytes, sleeping.
//!
//! The versions are counted from 1, and version v stands in slot v modulo the number of slots. One word,
//! `published` (the position in the writer's page), says which is the latest: its store is what makes a
//! version exist, and its second load is what proves that nobody has touched the slot meanwhile. A slot
//! has no word of its own that could contradict it, and a writer that dies leaves nothing to mend.
//!
//! | edge | release end | acquire end | carries |
//! |---|---|---|---|
//! | `latest` | the writer stores `published` | a reader loads it, then fences | the payload of that version |
//! | `reuse` | the writer fences before it touches a slot | a reader fences after its copy, then loads `published` | that `published` had come to the version before |

use crate::protocol::layout::SidePage;
use crate::protocol::position::Corrupt;
use crate::protocol::record::POSITION_MAX;
use crate::protocol::sync::{Foreign, Ordering, fence};

/// Versions at and above this are `Corrupt`, as positions are.
pub(crate) const VERSION_MAX: u64 = POSITION_MAX;

/// A writer attaches only below this: what is left up to [`VERSION_MAX`] no writer lives to write.
const ATTACH_MAX: u64 = VERSION_MAX / 2;

/// The fewest slots: a payload and room for a record's words fit the data area whatever its alignment.
#[cfg(not(loom))]
pub(crate) const SLOTS_MIN: u64 = 4;

/// Slots when the user says nothing.
#[cfg(not(loom))]
pub(crate) const SLOTS_DEFAULT: u64 = 8;

/// A slot has lines to itself: adjacent lines are fetched in pairs.
#[cfg(not(loom))]
const SLOT_MIN: u64 = 128;

/// Bytes from one slot to the next: a power of two, so that slots fill the data area and are aligned.
#[cfg(not(loom))]
pub(crate) const fn slot_size(align: u64, size: u64) -> u64 {
    let least = if align > SLOT_MIN { align } else { SLOT_MIN };
    let least = if size > least { size } else { least };
    least.next_power_of_two()
}

/// How often a read that finds its slot overwritten starts again.
pub(crate) const ATTEMPTS: u32 = if cfg!(loom) { 2 } else { 64 };

/// Why a read has no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Miss {
    /// Nothing was ever written.
    Empty,
    /// The writer came round to the slot in each of [`ATTEMPTS`] attempts.
    Overrun,
    Corrupt,
}

/// The writer's count. Private: what its page says after attaching is never believed, not even by itself.
#[derive(Debug)]
pub(crate) struct Written {
    version: u64,
}

impl Written {
    /// Takes up where the last writer stopped: the version it had begun and not published is written
    /// anew, into the same slot.
    pub(crate) fn recover(mine: &SidePage) -> Result<Self, Corrupt> {
        let version = mine.position.0.word.load(Ordering::Relaxed);
        if version < ATTACH_MAX { Ok(Self { version }) } else { Err(Corrupt) }
    }

    /// The last version that was written; 0 if none was.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// Makes the next version exist. `put` writes its payload into the slot of the version that it is
    /// given.
    #[inline(always)]
    pub(crate) fn write(&mut self, mine: &SidePage, put: impl FnOnce(u64)) {
        let next = self.version + 1;
        fence(Ordering::Release); // edge `reuse`
        put(next);
        mine.position.0.word.store(next, Ordering::Release); // edge `latest`
        self.version = next;
    }
}

/// A reader's count.
#[derive(Debug)]
pub(crate) struct Seen {
    /// The last version that was read; 0 if none was.
    version: u64,
    /// How many versions may be published during a copy. The one after the next is written into the slot, and
    /// it may have been begun as soon as the next is published.
    spare: u64,
    /// Final.
    corrupt: bool,
}

impl Seen {
    /// Nothing has been read of a region with this many slots.
    pub(crate) fn nothing(slots: u64) -> Self {
        Self { version: 0, spare: slots - 2, corrupt: false }
    }

    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// Whether there is a version that was not read.
    #[inline]
    pub(crate) fn is_behind(&mut self, theirs: Foreign<'_, SidePage>) -> Result<bool, Corrupt> {
        Ok(self.look(theirs)? > self.version)
    }

    /// Reads the latest version. `take` copies from the slot of the version that it is given, perhaps
    /// while the writer is there: only what the last call of it copied counts, and only if this is `Ok`.
    #[inline(always)]
    pub(crate) fn read<R>(
        &mut self,
        theirs: Foreign<'_, SidePage>,
        mut take: impl FnMut(u64) -> R,
    ) -> Result<R, Miss> {
        for _ in 0..ATTEMPTS {
            let version = self.look(theirs).map_err(|Corrupt| Miss::Corrupt)?;
            if version == 0 {
                return Err(Miss::Empty);
            }
            let copy = take(version);
            fence(Ordering::Acquire); // edge `reuse`
            // One that went back is as far away as one that is too far ahead: the next look tells.
            let published = published(theirs);
            if published.wrapping_sub(version) <= self.spare {
                self.version = version;
                return Ok(copy);
            }
        }
        Err(Miss::Overrun)
    }

    /// The latest version: never one before the last that was read.
    #[inline(always)]
    fn look(&mut self, theirs: Foreign<'_, SidePage>) -> Result<u64, Corrupt> {
        let version = published(theirs);
        fence(Ordering::Acquire); // edge `latest`
        if self.corrupt || version < self.version || version >= VERSION_MAX {
            self.corrupt = true;
            return Err(Corrupt);
        }
        Ok(version)
    }
}

#[inline(always)]
fn published(theirs: Foreign<'_, SidePage>) -> u64 {
    theirs.map(|page| &page.position.0.word).relaxed()
}
