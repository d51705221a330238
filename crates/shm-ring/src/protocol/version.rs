//! Owns: versions of a latest value: when one exists, which slot holds it, and what proves that a copy of it is whole.
//! Knows nothing of: payload bytes, sleeping.
//!
//! The versions are counted from 1, and version v stands in slot v modulo the number of slots. One word,
//! `published` (the position in the writer's page), says which is the latest: its store is what makes a
//! version exist, and its second load is what proves that nobody has touched the slot meanwhile. A slot
//! has no word of its own that could contradict it, and a writer that dies leaves nothing to mend.
//!
//! The same proof holds for the versions before the latest. The writer may be writing the version after it, whose slot
//! is that of the oldest; the others are history, as many as there are slots but one ([`kept`]).
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

/// How many versions can be proved whole at any time, the latest among them: one slot may be being written.
#[cfg(not(loom))]
pub(crate) const fn kept(slots: u64) -> u64 {
    slots - 1
}

/// The fewest slots that keep so many versions. More than there can be are for the caller to refuse.
#[cfg(not(loom))]
pub(crate) const fn slots_for(history: u64) -> u64 {
    history.saturating_add(1)
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

/// Why a reader that wants each version has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoNext {
    /// There is none after the last.
    Empty,
    /// So many were overwritten before they were read, or are passed over with those.
    Lagged(u64),
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
    /// [`next`](Self::next) hands out none up to this one: it was there when the reader came, or is lost.
    passed: u64,
    /// How many versions may be published during a copy. The one after the next is written into the slot, and
    /// it may have been begun as soon as the next is published.
    spare: u64,
    /// Final.
    corrupt: bool,
}

impl Seen {
    /// Nothing has been read of a region with this many slots.
    pub(crate) fn nothing(slots: u64) -> Self {
        Self { version: 0, passed: 0, spare: slots - 2, corrupt: false }
    }

    /// From now on [`next`](Self::next) begins behind what is there.
    pub(crate) fn pass(&mut self, theirs: Foreign<'_, SidePage>) {
        // One that cannot be is found by the first look: no version is below this and comes after it.
        self.passed = published(theirs).min(VERSION_MAX);
    }

    /// From now on [`next`](Self::next) begins at the oldest version that is whole and comes after what was read.
    pub(crate) fn rewind(&mut self, theirs: Foreign<'_, SidePage>) -> Result<(), Corrupt> {
        let published = self.look(theirs, self.version)?;
        self.passed = published.saturating_sub(self.spare + 1);
        Ok(())
    }

    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// The last version that was read or passed over.
    #[inline(always)]
    pub(crate) fn position(&self) -> u64 {
        self.version.max(self.passed)
    }

    /// Whether there is a version after `last`, which has been there.
    #[inline]
    pub(crate) fn is_behind(
        &mut self,
        theirs: Foreign<'_, SidePage>,
        last: u64,
    ) -> Result<bool, Corrupt> {
        Ok(self.look(theirs, last)? > last)
    }

    /// Reads the latest version; `at_least` so many have been published, as somebody has seen. `take` copies from the slot
    /// of the version that it is given, perhaps while the writer is there: only what the last call of it copied counts, and
    /// only if this is `Ok`. It is not called where this is [`Miss::Empty`].
    #[inline(always)]
    pub(crate) fn read<R>(
        &mut self,
        theirs: Foreign<'_, SidePage>,
        at_least: u64,
        mut take: impl FnMut(u64) -> R,
    ) -> Result<R, Miss> {
        let mut last = self.version.max(at_least);
        for _ in 0..ATTEMPTS {
            let version = self.look(theirs, last).map_err(|Corrupt| Miss::Corrupt)?;
            last = version;
            if version == 0 {
                return Err(Miss::Empty);
            }
            // The next look tells whether the writer went on too far or its count back.
            if let Ok(copy) = self.copy(theirs, version, &mut take) {
                self.version = version;
                return Ok(copy);
            }
        }
        Err(Miss::Overrun)
    }

    /// Reads the version after [`position`](Self::position), with `take` as [`read`](Self::read) has it: at most one copy.
    /// `at_least` so many have been published, as somebody has seen.
    #[inline(always)]
    pub(crate) fn next<R>(
        &mut self,
        theirs: Foreign<'_, SidePage>,
        at_least: u64,
        take: impl FnOnce(u64) -> R,
    ) -> Result<R, NoNext> {
        let last = self.position();
        let published = self.look(theirs, last.max(at_least)).map_err(|Corrupt| NoNext::Corrupt)?;
        if published == last {
            return Err(NoNext::Empty);
        }
        let version = last + 1;
        match self.copy(theirs, version, take) {
            Ok(copy) => {
                self.version = version;
                Ok(copy)
            }
            Err(published) => Err(self.lag(version, published)),
        }
    }

    /// Goes on where the writer does not come soon, as `version` was overwritten when `published` was the latest: in
    /// the middle of the history. At its oldest the next version that is published would overtake the reader again,
    /// and one that is only a little too slow would lose its way at every other call.
    #[cold]
    fn lag(&mut self, version: u64, published: u64) -> NoNext {
        if published < version || published >= VERSION_MAX {
            self.corrupt = true;
            return NoNext::Corrupt;
        }
        let next = published - self.spare / 2;
        self.passed = next - 1;
        NoNext::Lagged(next - version)
    }

    /// Copies `version`, which was published: the copy if it is whole, else how many versions there are by now.
    #[inline(always)]
    fn copy<R>(
        &self,
        theirs: Foreign<'_, SidePage>,
        version: u64,
        take: impl FnOnce(u64) -> R,
    ) -> Result<R, u64> {
        let copy = take(version);
        fence(Ordering::Acquire); // edge `reuse`
        let published = published(theirs);
        // One that went back is as far away as one that is too far ahead.
        if published.wrapping_sub(version) <= self.spare { Ok(copy) } else { Err(published) }
    }

    /// The latest version: never one before `last`, which has been there.
    #[inline(always)]
    fn look(&mut self, theirs: Foreign<'_, SidePage>, last: u64) -> Result<u64, Corrupt> {
        let version = published(theirs);
        fence(Ordering::Acquire); // edge `latest`
        if self.corrupt || version < last || version >= VERSION_MAX {
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
