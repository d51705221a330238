//! The 256 bytes at the start of a region.
//!
//! Owns: the fields of the header, parsed from bytes and built into bytes, be they right or forged.
//! Knows nothing of: what an opener makes of them.

use crate::region::Region;
use crate::words::page;

/// Bytes of a header.
pub const HEADER: usize = 256;

pub(crate) const MAGIC: [u8; 8] = *b"shm-ring";
pub(crate) const VERSION: u32 = 2;
pub(crate) const BYTE_ORDER: u32 = 0x0102_0304;
pub(crate) const WORD_SIZE: u32 = 8;

/// What a region holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum Kind {
    /// Values of one size.
    Values = 1,
    /// Messages of any length.
    Messages = 2,
    /// The latest value of one size, and no records.
    Latest = 3,
}

/// A field of the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// What LAYOUT.md calls it.
    pub name: &'static str,
    /// Its offset.
    pub at: usize,
    /// Its size in bytes.
    pub bytes: usize,
}

const fn field(name: &'static str, at: usize, bytes: usize) -> Field {
    Field { name, at, bytes }
}

/// All fields, by offset.
pub const FIELDS: [Field; 17] = [
    field("magic", 0, 8),
    field("version", 8, 4),
    field("header length", 12, 4),
    field("byte order mark", 16, 4),
    field("word size", 20, 4),
    field("page", 24, 4),
    field("record kind", 28, 4),
    field("item size", 32, 8),
    field("item alignment", 40, 8),
    field("schema id", 48, 8),
    field("capacity", 56, 8),
    field("data offset", 64, 8),
    field("created", 72, 8),
    field("id", 80, 16),
    field("label", 96, 64),
    field("limit", 160, 8),
    field("reserved", 168, 88),
];

/// A header, right or forged: parsing never fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// `shm-ring`.
    pub magic: [u8; 8],
    /// 2.
    pub version: u32,
    /// 256.
    pub header_len: u32,
    /// 0x01020304.
    pub byte_order: u32,
    /// 8.
    pub word_size: u32,
    /// Bytes of a page.
    pub page: u32,
    /// A [`Kind`], if it is one.
    pub record_kind: u32,
    /// Bytes of a value; 1 for messages.
    pub item_size: u64,
    /// Alignment of a value, or of the payloads of messages.
    pub item_align: u64,
    /// The user's.
    pub schema: u64,
    /// Bytes of data.
    pub capacity: u64,
    /// Three pages.
    pub data_offset: u64,
    /// Nanoseconds since 1970.
    pub created: u64,
    /// Random.
    pub id: [u8; 16],
    /// UTF-8, filled up with zeros.
    pub label: [u8; 64],
    /// The most bytes of records in flight.
    pub limit: u64,
    /// Zero.
    pub reserved: [u8; 88],
}

impl Header {
    fn new(kind: Kind, item_size: u64, item_align: u64, capacity: u64, limit: u64) -> Self {
        Self {
            magic: MAGIC,
            version: VERSION,
            header_len: HEADER as u32,
            byte_order: BYTE_ORDER,
            word_size: WORD_SIZE,
            page: page() as u32,
            record_kind: kind as u32,
            item_size,
            item_align,
            schema: 0,
            capacity,
            data_offset: 3 * page(),
            created: 1,
            id: [0x1d; 16],
            label: [0; 64],
            limit,
            reserved: [0; 88],
        }
    }

    /// Of a ring on this machine for at most `items` values, with the least capacity.
    pub fn values(size: u64, align: u64, items: u64) -> Self {
        let limit = items * size;
        Self::new(Kind::Values, size, align, limit.next_power_of_two().max(page()), limit)
    }

    /// Of a ring on this machine for messages in at most `limit` bytes, with the least capacity.
    pub fn messages(align: u64, limit: u64) -> Self {
        Self::new(Kind::Messages, 1, align, limit.next_power_of_two().max(page()), limit)
    }

    /// Of a latest value on this machine, with the least capacity.
    pub fn latest(size: u64, align: u64) -> Self {
        let slot = size.max(align).max(128).next_power_of_two();
        let capacity = (4 * slot).max(page());
        Self::new(Kind::Latest, size, align, capacity, capacity)
    }

    /// The same with a label, which must not be longer than 64 bytes.
    #[must_use]
    pub fn labelled(mut self, label: &str) -> Self {
        self.label = [0; 64];
        self.label[..label.len()].copy_from_slice(label.as_bytes());
        self
    }

    /// What stands at the start of `region`, which must be long enough.
    #[track_caller]
    pub fn of<R: Region + ?Sized>(region: &R) -> Self {
        let mut bytes = [0; HEADER];
        bytes.copy_from_slice(&region.read(0, HEADER));
        Self::parse(&bytes)
    }

    /// The fields in `bytes`.
    pub fn parse(bytes: &[u8; HEADER]) -> Self {
        fn part<const N: usize>(bytes: &[u8; HEADER], at: usize) -> [u8; N] {
            let mut part = [0; N];
            part.copy_from_slice(&bytes[at..at + N]);
            part
        }
        let four = |at| u32::from_le_bytes(part(bytes, at));
        let eight = |at| u64::from_le_bytes(part(bytes, at));
        Self {
            magic: part(bytes, 0),
            version: four(8),
            header_len: four(12),
            byte_order: four(16),
            word_size: four(20),
            page: four(24),
            record_kind: four(28),
            item_size: eight(32),
            item_align: eight(40),
            schema: eight(48),
            capacity: eight(56),
            data_offset: eight(64),
            created: eight(72),
            id: part(bytes, 80),
            label: part(bytes, 96),
            limit: eight(160),
            reserved: part(bytes, 168),
        }
    }

    /// The bytes of these fields.
    pub fn to_bytes(&self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        let mut put = |at: usize, part: &[u8]| bytes[at..at + part.len()].copy_from_slice(part);
        put(0, &self.magic);
        put(8, &self.version.to_le_bytes());
        put(12, &self.header_len.to_le_bytes());
        put(16, &self.byte_order.to_le_bytes());
        put(20, &self.word_size.to_le_bytes());
        put(24, &self.page.to_le_bytes());
        put(28, &self.record_kind.to_le_bytes());
        put(32, &self.item_size.to_le_bytes());
        put(40, &self.item_align.to_le_bytes());
        put(48, &self.schema.to_le_bytes());
        put(56, &self.capacity.to_le_bytes());
        put(64, &self.data_offset.to_le_bytes());
        put(72, &self.created.to_le_bytes());
        put(80, &self.id);
        put(96, &self.label);
        put(160, &self.limit.to_le_bytes());
        put(168, &self.reserved);
        bytes
    }

    /// What the region holds, if that is one of the kinds there are.
    pub fn kind(&self) -> Option<Kind> {
        [Kind::Values, Kind::Messages, Kind::Latest]
            .into_iter()
            .find(|&kind| kind as u32 == self.record_kind)
    }

    /// Bytes of the whole region.
    pub fn region_bytes(&self) -> u64 {
        (3 * u64::from(self.page)).saturating_add(self.capacity)
    }
}
