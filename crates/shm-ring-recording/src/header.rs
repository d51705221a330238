//! Owns: the header of a file: which ring was recorded, and its shape. Knows nothing of: blocks.

use std::fmt;

use crate::damage::Fault;

/// Bytes of the header.
pub const HEADER_BYTES: usize = 256;

/// The version of the format. A reader knows one; there is no negotiation.
pub const VERSION: u32 = 1;

const MAGIC: &[u8; 8] = b"shmr-rec";
const LABEL: usize = 64;
/// Of the checksum, which ends the header.
const CHECKED: usize = HEADER_BYTES - 4;
/// Positions of a ring are below it.
const POSITION_MAX: u64 = 1 << 62;
/// The largest page whose size an alignment may have: far more than any machine's.
const ALIGN_MAX: u64 = 1 << 30;
/// The longest value or message of a ring.
pub(crate) const SIZE_MAX: u64 = (1 << 32) - 16;

/// What was recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// Values of one size, of a ring.
    #[default]
    Values,
    /// Messages of any length, of a ring.
    Messages,
    /// The values that a latest value had, one after the other.
    Latest,
}

/// Who made a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Maker {
    /// The consumer of the ring: it has each record.
    #[default]
    Record,
    /// An observer beside the ring: it has what it saw.
    Tap,
}

/// The header of a file. Numbers of the ring are those of its own header (LAYOUT.md).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// What was recorded.
    pub kind: Kind,
    /// Who made the file.
    pub maker: Maker,
    /// Bytes of a value; of messages 1.
    pub size: u64,
    /// Its alignment; of messages, that of their payloads.
    pub align: u64,
    /// The schema id of the ring.
    pub schema: u64,
    /// Bytes of the ring's data area.
    pub capacity: u64,
    /// The most bytes of records in flight.
    pub limit: u64,
    /// By how much positions count on: of values the size, of a latest value the bytes of a slot; of messages what record
    /// headers and payloads are rounded up to.
    pub unit: u64,
    /// The position at which the recording begins.
    pub base: u64,
    /// When the ring was created: nanoseconds since 1970-01-01 UTC, as all times here.
    pub created: u64,
    /// When the recording began.
    pub began: u64,
    /// The random number of the ring.
    pub id: u128,
    /// The label of the ring, at most 64 bytes.
    pub label: String,
}

/// A label has more than 64 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LabelTooLong {
    /// Bytes of the label.
    pub len: usize,
}

impl fmt::Display for LabelTooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the label has {} bytes, and a header has room for {LABEL}: use a shorter one",
            self.len
        )
    }
}

impl std::error::Error for LabelTooLong {}

impl Kind {
    /// As the layout of a ring numbers them.
    fn code(self) -> u32 {
        match self {
            Self::Values => 1,
            Self::Messages => 2,
            Self::Latest => 3,
        }
    }
}

impl Maker {
    fn code(self) -> u32 {
        match self {
            Self::Record => 1,
            Self::Tap => 2,
        }
    }
}

impl Header {
    /// The bytes of the header.
    ///
    /// # Errors
    /// [`LabelTooLong`].
    pub fn encode(&self) -> Result<[u8; HEADER_BYTES], LabelTooLong> {
        if self.label.len() > LABEL {
            return Err(LabelTooLong { len: self.label.len() });
        }
        let mut bytes = [0; HEADER_BYTES];
        let mut at = 0;
        let mut put = |field: &[u8]| {
            bytes[at..at + field.len()].copy_from_slice(field);
            at += field.len();
        };
        put(MAGIC);
        for word in [VERSION, HEADER_BYTES as u32, self.kind.code(), self.maker.code()] {
            put(&word.to_le_bytes());
        }
        let Self { size, align, schema, capacity, limit, unit, base, created, began, .. } = *self;
        for word in [size, align, schema, capacity, limit, unit, base, created, began] {
            put(&word.to_le_bytes());
        }
        put(&self.id.to_le_bytes());
        put(self.label.as_bytes());
        let checksum = crc32fast::hash(&bytes[..CHECKED]);
        bytes[CHECKED..].copy_from_slice(&checksum.to_le_bytes());
        Ok(bytes)
    }

    /// The header that these bytes are.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn decode(bytes: &[u8; HEADER_BYTES]) -> Result<Self, Fault> {
        let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("4 bytes"));
        let long = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("8 bytes"));
        if &bytes[..8] != MAGIC {
            return Err(Fault::NotARecording { found: bytes[..8].to_vec() });
        }
        // Before the checksum: another version may have that elsewhere.
        if word(8) != VERSION {
            return Err(Fault::Version { found: word(8), known: VERSION });
        }
        let (stored, computed) = (word(CHECKED), crc32fast::hash(&bytes[..CHECKED]));
        if stored != computed {
            return Err(Fault::Checksum { of: "the header", stored, computed });
        }
        let field = |name, found: u64| Fault::Field { name, found };
        let kind = match word(16) {
            1 => Kind::Values,
            2 => Kind::Messages,
            3 => Kind::Latest,
            other => return Err(field("the kind of record", u64::from(other))),
        };
        let maker = match word(20) {
            1 => Maker::Record,
            2 => Maker::Tap,
            other => return Err(field("who made the file", u64::from(other))),
        };
        if word(12) as usize != HEADER_BYTES {
            return Err(field("the length of the header", u64::from(word(12))));
        }
        let label = &bytes[112..112 + LABEL];
        let label = label.split(|&byte| byte == 0).next().unwrap_or_default();
        let label = std::str::from_utf8(label)
            .map_err(|error| field("a byte of the label", u64::from(label[error.valid_up_to()])))?;
        let header = Self {
            kind,
            maker,
            size: long(24),
            align: long(32),
            schema: long(40),
            capacity: long(48),
            limit: long(56),
            unit: long(64),
            base: long(72),
            created: long(80),
            began: long(88),
            id: u128::from_le_bytes(bytes[96..112].try_into().expect("16 bytes")),
            label: label.to_owned(),
        };
        header.check().map(|()| header)
    }

    /// Whether the numbers can be those of a ring, so that nothing behind this asks again.
    fn check(&self) -> Result<(), Fault> {
        let field = |name, found: u64| Err(Fault::Field { name, found });
        let Self { kind, size, align, unit, base, .. } = *self;
        if size == 0 || size > SIZE_MAX {
            return field("the size of a value", size);
        }
        if !align.is_power_of_two() || align > ALIGN_MAX {
            return field("the alignment", align);
        }
        let fits = match kind {
            Kind::Values => unit == size,
            Kind::Messages => unit == align.max(8),
            Kind::Latest => unit >= size && unit < POSITION_MAX,
        };
        if !fits {
            return field("the unit of positions", unit);
        }
        if base >= POSITION_MAX || base % unit != 0 {
            return field("the position at which it begins", base);
        }
        Ok(())
    }

    /// Bytes of positions that a record of `len` bytes takes.
    #[must_use]
    pub fn stride(&self, len: u64) -> u64 {
        let below = self.unit.wrapping_sub(1);
        match self.kind {
            Kind::Messages => self.unit.saturating_add(len.saturating_add(below) & !below),
            Kind::Values | Kind::Latest => self.unit,
        }
    }

    /// Whether these bytes may be the first of a header that was not written to its end.
    pub(crate) fn begins_with(bytes: &[u8]) -> bool {
        let len = bytes.len().min(MAGIC.len());
        bytes.len() < HEADER_BYTES && bytes[..len] == MAGIC[..len]
    }
}
