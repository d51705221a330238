//! Owns: what a latest value is to an observer that does not know its type: the one record of its dump. Knows nothing of:
//! what proves a copy whole; `version` does.

use super::{DumpError, Observer, Unread};
use crate::protocol::version::{self, Miss, Seen};
use crate::role::Role;

impl Observer {
    /// Bytes from one slot of a latest value to the next.
    pub(super) fn slot(&self) -> u64 {
        version::slot_size(self.header.item_align, self.header.item_size)
    }

    /// The latest value; `None` before the first.
    pub(super) fn latest_value(&self) -> Option<Result<Unread, DumpError>> {
        let slot = self.slot();
        // Checked with the header: a value is shorter than a slot.
        let len = self.header.item_size as usize;
        let mut seen = Seen::nothing(self.layout.records.capacity / slot);
        let take = |version: u64| self.mapping.copy_words(version.wrapping_mul(slot), 0, len);
        match seen.read(self.mapping.side(Role::Writer), 0, take) {
            Ok(payload) => {
                let position = self.versions_before(seen.version().saturating_sub(1));
                let missing = DumpError::NoMemory { position, needed: len };
                Some(payload.map(|payload| Unread { position, payload }).ok_or(missing))
            }
            Err(Miss::Empty) => None,
            Err(Miss::Overrun) => Some(Err(DumpError::Overrun)),
            Err(Miss::Corrupt) => {
                Some(Err(DumpError::Corrupt { position: 0, word: self.published() }))
            }
        }
    }

    /// The bytes of so many slots, as positions count them.
    pub(super) fn versions_before(&self, versions: u64) -> u64 {
        versions.saturating_mul(self.slot())
    }
}
