//! What a latest value is, for somebody who does not know its type: the one record of its dump. It must not
//! know what proves a copy whole: `version` does.

use super::{DumpError, Observer, Unread};
use crate::mirror::Role;
use crate::version::{self, Miss, Seen};

impl Observer {
    /// Bytes from one slot of a latest value to the next.
    pub(super) fn slot(&self) -> u64 {
        version::slot_size(self.identity.item_align, self.identity.item_size)
    }

    /// The latest value; `None` before the first.
    pub(super) fn latest_value(&self) -> Option<Result<Unread, DumpError>> {
        let slot = self.slot();
        // Checked with the header: a value is below 4 GiB and shorter than a slot.
        let len = u32::try_from(self.identity.item_size).ok()?;
        let mut seen = Seen::nothing(self.geometry.shape.capacity / slot);
        let take = |version: u64| self.mapping.copy(version.wrapping_mul(slot), 0, len);
        match seen.read(self.mapping.side(Role::Writer), take) {
            Ok(payload) => {
                let position = self.versions_before(seen.version().saturating_sub(1));
                Some(Ok(Unread { position, payload }))
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
