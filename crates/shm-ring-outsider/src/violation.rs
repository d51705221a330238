//! Why a region is refused.
//!
//! Owns: the rules by name and the reason as a sentence. Knows nothing of: how a rule is checked.

use core::fmt;

/// What LAYOUT.md demands, by what it is demanded of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rule {
    /// The region's length follows from its header.
    Length,
    /// The header is as its creator wrote it, and possible.
    Header,
    /// Reserved bytes, and words that a side does not have, are zero.
    Reserved,
    /// A position or version is below 2^62.
    Position,
    /// A position is a multiple of the item size or of A.
    Multiple,
    /// `head <= tail`.
    Order,
    /// `tail - head <= limit`.
    Limit,
    /// A message begins with the record header of its position and ends at the tail at the latest.
    RecordHeader,
    /// With bit 63 clear the front is the newest record.
    Front,
    /// `wake_at` is never, or a position that its owner may wait for.
    WakeAt,
    /// The fence mode is 0, 1 or 2.
    FenceMode,
    /// The liveness word is 0, names a thread, or reports its death.
    Liveness,
    /// The high-water mark is at most the limit.
    HighWater,
    /// `died`, the starts and `told` speak of sessions that there were.
    Ends,
    /// The fill behind the item of the latest version is zero.
    Slot,
    /// Nothing that was done comes undone.
    Undone,
    /// The opener expects another region.
    Mismatch,
}

/// A rule that a region breaks, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The rule.
    pub rule: Rule,
    reason: String,
}

impl Violation {
    /// A violation of `rule`, for a reason that is read without further context.
    pub fn new(rule: Rule, reason: impl Into<String>) -> Self {
        Self { rule, reason: reason.into() }
    }

    /// `Ok` if the rule holds; `reason` is asked otherwise.
    pub(crate) fn unless(
        holds: bool,
        rule: Rule,
        reason: impl FnOnce() -> String,
    ) -> Result<(), Self> {
        if holds { Ok(()) } else { Err(Self::new(rule, reason())) }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl core::error::Error for Violation {}

impl From<Violation> for String {
    fn from(violation: Violation) -> Self {
        violation.reason
    }
}
