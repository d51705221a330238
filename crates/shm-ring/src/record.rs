//! What a record looks like: its commit word and the bytes it takes. Pure arithmetic; it must not
//! know where records live or who reads them.

/// Positions at and above this are `Corrupt`: far beyond what a ring can carry in a machine's
/// life, and far enough below `u64::MAX` that no sum of a position and a length can overflow.
pub(crate) const POSITION_MAX: u64 = 1 << 62;

/// Bytes of a commit word, and of the zero that is kept ahead of the last record.
pub(crate) const COMMIT_WORD: u64 = 8;

/// The largest payload in bytes that the length field of a commit word can carry.
#[cfg(not(loom))]
pub(crate) const PAYLOAD_MAX: u64 = (1 << 32) - 16;

/// The alignment of records whose payload must be aligned to `item_align`: it is also the distance
/// from the start of a record to its payload.
#[cfg(not(loom))]
pub(crate) const fn alignment(item_align: u64) -> u64 {
    if item_align > COMMIT_WORD { item_align } else { COMMIT_WORD }
}

/// Bytes from the start of one record to the start of the next.
#[inline]
pub(crate) const fn stride(align: u64, len: u64) -> u64 {
    align + ((len + align - 1) & !(align - 1))
}

/// Bytes of the longest payload of a ring of `capacity` bytes, in whole elements of `unit` bytes:
/// its record and the zero behind it fill the ring. `None` if not even an empty record fits.
#[cfg(not(loom))]
pub(crate) const fn longest(capacity: u64, align: u64, unit: u64) -> Option<u64> {
    let Some(longest) = ((capacity - COMMIT_WORD) & !(align - 1)).checked_sub(align) else {
        return None;
    };
    let longest = if longest > PAYLOAD_MAX { PAYLOAD_MAX } else { longest };
    Some(longest - longest % unit)
}

/// The word that says: a whole record of `len` bytes stands at `position`.
///
/// Never zero, since bit 63 is always set. The tag recognises stray writes; correctness rests on
/// the zero that the producer keeps ahead.
#[inline]
pub(crate) const fn commit_word(position: u64, len: u32) -> u64 {
    let tag = (position >> 3) as u32 | 1 << 31;
    (tag as u64) << 32 | len as u64
}

/// The payload length that `word` states if it is the commit word of a record at `position`.
#[inline]
pub(crate) const fn committed_len(word: u64, position: u64) -> Option<u32> {
    let len = word as u32;
    if word == commit_word(position, len) { Some(len) } else { None }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn strides_keep_starts_and_payloads_aligned() {
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
    fn the_longest_payload_fills_the_ring() {
        assert_eq!(longest(4096, 8, 1), Some(4080));
        assert_eq!(longest(4096, 8, 24), Some(4080));
        assert_eq!(longest(4096, 8, 25), Some(4075));
        assert_eq!(longest(4096, 64, 1), Some(4096 - 128));
        assert_eq!(longest(4096, 4096, 1), None);
        assert_eq!(longest(8192, 4096, 1), Some(0));
        assert_eq!(longest(1 << 40, 8, 1), Some(PAYLOAD_MAX));
        assert_eq!(PAYLOAD_MAX, 0xffff_fff0);
        for (capacity, align) in [(4096, 8), (4096, 64), (8192, 4096), (65536, 16)] {
            let most = longest(capacity, align, 1).unwrap();
            assert!(stride(align, most) + COMMIT_WORD <= capacity);
            assert!(stride(align, most + 1) + COMMIT_WORD > capacity);
        }
    }

    #[test]
    fn a_commit_word_is_never_zero_and_names_its_position() {
        for position in [0, 8, 1 << 31, 1 << 34, (1 << 35) - 8, POSITION_MAX - 8] {
            let word = commit_word(position, 24);
            assert_ne!(word, 0);
            assert_eq!(committed_len(word, position), Some(24));
            assert_eq!(committed_len(word, position + 8), None);
            assert_eq!(committed_len(word & !(1 << 63), position), None);
        }
        assert_eq!(committed_len(0, 0), None);
        assert_eq!(commit_word(0, 0), 1 << 63);
    }
}
