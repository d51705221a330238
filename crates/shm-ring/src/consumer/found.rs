//! Owns: where a message stands and how long it is, once its header was checked. Knows nothing of: who asks, and what
//! becomes of it.

use crate::mapping::records::Area;
use crate::protocol::record;

/// A message whose header was loaded once and checked: what the region says later is not believed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    pub(super) at: u64,
    /// Bytes of its payload.
    pub(super) len: u32,
    /// Bytes to the next.
    pub(super) stride: u64,
}

/// The message at `position`, if there is one that ends at `tail` at the latest.
#[inline(always)]
pub(super) fn found_at(area: Area<'_, [u8]>, position: u64, tail: u64) -> Option<Found> {
    let len = record::header_len(area.header(position), position)?;
    let stride = area.stride(u64::from(len));
    let fits = u64::from(len) <= area.len_max() && stride <= tail - position;
    fits.then_some(Found { at: position, len, stride })
}
