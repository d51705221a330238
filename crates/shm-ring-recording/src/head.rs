//! Owns: the head of a block: what the block holds, where, and since when. Knows nothing of: payloads.

use crate::damage::Fault;

/// Bytes of the head of a block.
pub const HEAD_BYTES: usize = 56;

const MAGIC: &[u8; 4] = b"blck";
/// Of the checksum, which ends the head.
const CHECKED: usize = HEAD_BYTES - 4;

/// What a block holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Records, one behind the other.
    Records,
    /// Nothing: the records between the two positions were not seen.
    Gap,
    /// Nothing: the recording ends here in order, or a producer did. It may go on behind it.
    End(Reason),
}

/// Why a recording ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The producer closed.
    Closed,
    /// The producer died, and this is all that it had published.
    Died,
    /// The user ended the recording.
    Stopped,
}

/// The head of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockHead {
    /// What the block holds.
    pub content: Content,
    /// The position of the first record.
    pub position: u64,
    /// The position behind the last one.
    pub end: u64,
    /// When the records were found: nanoseconds since 1970-01-01 UTC.
    pub time: u64,
    /// Records in the block. Of a gap, how many are missing; 0 if nobody knows.
    pub count: u64,
    /// Bytes of the payload, which follows.
    pub bytes: u32,
    /// The checksum of the payload.
    pub checksum: u32,
}

impl Reason {
    /// The block that says so, at a position and a time.
    #[must_use]
    pub fn at(self, position: u64, time: u64) -> [u8; HEAD_BYTES] {
        BlockHead::empty(Content::End(self), position, position, time, 0).encode()
    }

    fn code(self) -> u32 {
        match self {
            Self::Closed => 1,
            Self::Died => 2,
            Self::Stopped => 3,
        }
    }
}

impl BlockHead {
    /// A block without a payload.
    fn empty(content: Content, position: u64, end: u64, time: u64, count: u64) -> Self {
        Self { content, position, end, time, count, bytes: 0, checksum: 0 }
    }

    /// The block of a gap: `count` records are missing, 0 if nobody knows how many.
    #[must_use]
    pub fn gap(position: u64, end: u64, count: u64, time: u64) -> [u8; HEAD_BYTES] {
        Self::empty(Content::Gap, position, end, time, count).encode()
    }

    /// The bytes of the head.
    #[must_use]
    pub fn encode(&self) -> [u8; HEAD_BYTES] {
        let (kind, reason) = match self.content {
            Content::Records => (1, 0),
            Content::Gap => (2, 0),
            Content::End(reason) => (3, reason.code()),
        };
        let mut bytes = [0; HEAD_BYTES];
        bytes[..4].copy_from_slice(MAGIC);
        for (at, word) in [(4, kind), (40, self.bytes), (44, self.checksum), (48, reason)] {
            bytes[at..at + 4].copy_from_slice(&u32::to_le_bytes(word));
        }
        let longs = [self.position, self.end, self.time, self.count];
        for (field, long) in bytes[8..40].chunks_exact_mut(8).zip(longs) {
            field.copy_from_slice(&long.to_le_bytes());
        }
        let checksum = crc32fast::hash(&bytes[..CHECKED]);
        bytes[CHECKED..].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// The head that these bytes are.
    pub(crate) fn decode(bytes: &[u8; HEAD_BYTES]) -> Result<Self, Fault> {
        let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("4 bytes"));
        let long = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("8 bytes"));
        let (stored, computed) = (word(CHECKED), crc32fast::hash(&bytes[..CHECKED]));
        if stored != computed {
            return Err(Fault::Checksum { of: "the head of a block", stored, computed });
        }
        let field = |name, found: u32| Fault::Field { name, found: u64::from(found) };
        if &bytes[..4] != MAGIC {
            return Err(field("the first word of a block", word(0)));
        }
        let reason = match word(48) {
            0 => None,
            1 => Some(Reason::Closed),
            2 => Some(Reason::Died),
            3 => Some(Reason::Stopped),
            other => return Err(field("why it ends", other)),
        };
        let content = match (word(4), reason) {
            (1, None) => Content::Records,
            (2, None) => Content::Gap,
            (3, Some(reason)) => Content::End(reason),
            (kind, _) => return Err(field("the kind of a block", kind)),
        };
        Ok(Self {
            content,
            position: long(8),
            end: long(16),
            time: long(24),
            count: long(32),
            bytes: word(40),
            checksum: word(44),
        })
    }
}
