//! Where each word stands, by LAYOUT.md and not by the library: the one place where the campaigns know it. It
//! must not know what a campaign makes of them.

/// Bytes of a page: regions of this machine say so in their header.
pub(crate) const PAGE: u64 = 4096;

/// The producer's page, the consumer's, and the data.
pub(crate) const PRODUCER: u64 = PAGE;
pub(crate) const CONSUMER: u64 = 2 * PAGE;
pub(crate) const DATA: u64 = 3 * PAGE;

/// Words of a side's page.
pub(crate) const WAKE_AT: u64 = 128;
pub(crate) const BELL: u64 = 256;
pub(crate) const SESSION: u64 = 384;
pub(crate) const FENCE_MODE: u64 = 392;
pub(crate) const PID: u64 = 396;
pub(crate) const LIVENESS: u64 = 512;
pub(crate) const COUNTERS: u64 = 640;
pub(crate) const PARKS: u64 = 648;

/// `wake_at` of a side that is awake.
pub(crate) const NEVER: u64 = u64::MAX;
/// Positions end here.
pub(crate) const POSITION_END: u64 = 1 << 62;

/// The word that commits a record of `len` bytes at `position`.
pub(crate) fn commit_word(position: u64, len: u32) -> u64 {
    u64::from((position / 8) as u32 | 1 << 31) << 32 | u64::from(len)
}
