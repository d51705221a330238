//! Owns: what a record looks like: how many bytes it takes, where it may stand, and the header of a message. Pure
//! arithmetic. Knows nothing of: where records live, who reads them.

/// Positions at and above this are `Corrupt`: far beyond what a ring can carry in a machine's
/// life, and far enough below `u64::MAX` that no sum of a position and a length can overflow.
pub(crate) const POSITION_MAX: u64 = 1 << 62;

/// Bytes of a message's record header.
pub(crate) const HEADER_BYTES: u64 = 8;

/// The largest payload in bytes that the length field of a record header can carry.
#[cfg(not(loom))]
pub(crate) const PAYLOAD_MAX: u64 = (1 << 32) - 16;

/// What the records of a ring may be. Private after attach: never loaded from the region again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RecordLayout {
    /// Bytes of the data area, a power of two: for masks and maps only.
    #[cfg(not(loom))]
    pub(crate) capacity: u64,
    /// The most bytes of records in flight.
    pub(crate) limit: u64,
    /// Positions are multiples of this: the size of a value, or the alignment of messages. No record is shorter.
    pub(crate) unit: u64,
}

impl RecordLayout {
    /// Whether a side of this ring may have stored `position`.
    pub(crate) fn is_position(&self, position: u64) -> bool {
        position < POSITION_MAX && position % self.unit == 0
    }
}

/// The alignment of messages whose payloads are to be aligned to `asked` bytes: it is also the distance from a
/// message to its payload.
#[cfg(not(loom))]
pub(crate) const fn alignment(asked: u64) -> u64 {
    if asked > HEADER_BYTES { asked } else { HEADER_BYTES }
}

/// Bytes from the start of a message of `len` bytes to the start of the next.
#[inline]
pub(crate) const fn stride(align: u64, len: u64) -> u64 {
    align + ((len + align - 1) & !(align - 1))
}

/// Bytes of the longest message that fits `limit` bytes. `None` if not even an empty one does.
#[cfg(not(loom))]
pub(crate) const fn longest(limit: u64, align: u64) -> Option<u64> {
    let Some(longest) = (limit & !(align - 1)).checked_sub(align) else {
        return None;
    };
    Some(if longest > PAYLOAD_MAX { PAYLOAD_MAX } else { longest })
}

/// The header of a message of `len` bytes at `position`. Its upper half recognises stray writes; whether the message
/// exists is for `tail` to say.
#[inline]
pub(crate) const fn header(position: u64, len: u32) -> u64 {
    let check = (position >> 3) as u32 | 1 << 31;
    (check as u64) << 32 | len as u64
}

/// The length in `word`, if it is the header of a message at `position`.
#[inline]
pub(crate) const fn header_len(word: u64, position: u64) -> Option<u32> {
    let len = word as u32;
    if word == header(position, len) { Some(len) } else { None }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn strides_keep_messages_and_payloads_aligned() {
        assert_eq!(stride(8, 0), 8);
        assert_eq!(stride(8, 1), 16);
        assert_eq!(stride(8, 8), 16);
        assert_eq!(stride(8, 9), 24);
        assert_eq!(stride(64, 1), 128);
        assert_eq!(stride(64, 64), 128);
        assert_eq!(stride(4096, 4097), 3 * 4096);
        assert_eq!(stride(8, PAYLOAD_MAX), 8 + PAYLOAD_MAX);
    }

    #[test]
    fn the_longest_message_fills_the_limit() {
        assert_eq!(longest(4096, 8), Some(4088));
        assert_eq!(longest(4095, 8), Some(4080));
        assert_eq!(longest(8, 8), Some(0));
        assert_eq!(longest(7, 8), None);
        assert_eq!(longest(4096, 64), Some(4096 - 64));
        assert_eq!(longest(4096, 4096), Some(0));
        assert_eq!(longest(1 << 40, 8), Some(PAYLOAD_MAX));
        assert_eq!(PAYLOAD_MAX, 0xffff_fff0);
        for (limit, align) in [(4096, 8), (100, 8), (4096, 64), (8192, 4096), (65536, 16)] {
            let most = longest(limit, align).unwrap();
            assert!(stride(align, most) <= limit);
            assert!(stride(align, most + 1) > limit);
        }
    }

    #[test]
    fn a_header_is_never_zero_and_names_its_position() {
        for position in [0, 8, 1 << 31, 1 << 34, (1 << 35) - 8, POSITION_MAX - 8] {
            let word = header(position, 24);
            assert_ne!(word, 0);
            assert_eq!(header_len(word, position), Some(24));
            assert_eq!(header_len(word, position + 8), None);
            assert_eq!(header_len(word & !(1 << 63), position), None);
        }
        assert_eq!(header_len(0, 0), None);
        assert_eq!(header(0, 0), 1 << 63);
    }
}
