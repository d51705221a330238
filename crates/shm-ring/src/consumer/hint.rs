//! Owns: what the consumer tells the producer about the front: whether it is wanted. Knows nothing of: records.
//!
//! A conversation wants the front: its one record comes with the line that said so. A stream does not: copying each
//! record twice costs it up to a third. Any value is right; see LAYOUT.md, "The tail word and the front".

use crate::protocol::layout::SidePage;
use crate::protocol::sync::Ordering;

#[derive(Debug)]
pub(crate) struct Hint {
    wanted: bool,
    /// The position when the ring last ran dry.
    dry_at: u64,
}

impl Hint {
    /// A consumer that attaches at `position` wants the front.
    pub(crate) fn attach(mine: &SidePage, position: u64) -> Self {
        mine.park.0.hint.store(1, Ordering::Relaxed);
        Self { wanted: true, dry_at: position }
    }

    /// Whether the front is wanted: after a record at a time, as in a conversation.
    #[inline]
    pub(crate) fn is_wanted(&self) -> bool {
        self.wanted
    }

    /// The ring ran dry at `position`, the last record having had `stride` bytes: the front is wanted after a run of at
    /// most one record, and not after a longer one. Stored when that changes.
    #[inline]
    pub(crate) fn ran_dry(&mut self, mine: &SidePage, position: u64, stride: u64) {
        let run = position - self.dry_at;
        let wanted = run <= stride;
        if run != 0 {
            self.dry_at = position;
            if wanted != self.wanted {
                self.wanted = wanted;
                mine.park.0.hint.store(wanted.into(), Ordering::Relaxed);
            }
        }
    }
}
