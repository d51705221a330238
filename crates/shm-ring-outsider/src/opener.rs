//! Which headers are possible, and which regions an opener takes.
//!
//! Owns: the rules for the fields of a header. Knows nothing of: names, modes and seals.

use crate::header::{BYTE_ORDER, HEADER, Header, Kind, MAGIC, VERSION, WORD_SIZE};
use crate::record::{CAPACITY_MAX, LEN_MAX};
use crate::violation::{Rule, Violation};

impl Header {
    /// The numbers that decide, for messages.
    pub(crate) fn summary(&self) -> String {
        format!(
            "version {}, page {}, kind {}, item {} aligned {}, capacity {}, limit {}, schema {}, label {:?}",
            self.version,
            self.page,
            self.record_kind,
            self.item_size,
            self.item_align,
            self.capacity,
            self.limit,
            self.schema,
            String::from_utf8_lossy(&self.label).trim_end_matches('\0'),
        )
    }

    /// Refuses a header that no creator of this layout writes, on whatever machine.
    pub fn possible(&self) -> Result<(), Violation> {
        let need = |holds: bool, what: &str| {
            Violation::unless(holds, Rule::Header, || {
                format!("the header's {what} is impossible: {}", self.summary())
            })
        };
        need(self.magic == MAGIC, "magic")?;
        need(self.version == VERSION, "version")?;
        need(self.header_len == HEADER as u32, "header length")?;
        need(self.byte_order == BYTE_ORDER, "byte order mark")?;
        need(self.word_size == WORD_SIZE, "word size")?;
        let page = u64::from(self.page);
        need(page.is_power_of_two() && page >= 4096, "page")?;
        let align = self.item_align;
        need(align.is_power_of_two() && align <= page, "item alignment")?;
        let capacity = self.capacity;
        let range = page..=CAPACITY_MAX;
        need(capacity.is_power_of_two() && range.contains(&capacity), "capacity")?;
        need(self.data_offset == 3 * page, "data offset")?;
        let one_size =
            (1..=LEN_MAX).contains(&self.item_size) && self.item_size.is_multiple_of(align);
        let (size, limit) = match self.kind() {
            None => return need(false, "record kind"),
            Some(Kind::Values) => {
                (one_size, one_size && self.limit > 0 && self.limit.is_multiple_of(self.item_size))
            }
            Some(Kind::Messages) => (self.item_size == 1, self.limit >= self.message_align()),
            Some(Kind::Latest) => {
                need(one_size && self.slots() >= 4, "item size or capacity")?;
                (true, self.limit == capacity)
            }
        };
        need(size, "item size")?;
        need(limit && self.limit <= capacity, "limit")?;
        let text = self.label.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
        let whole = core::str::from_utf8(&self.label[..text]);
        need(whole.is_ok_and(|text| !text.contains('\0')), "label")
    }

    /// Refuses this header, found in a region of `bytes` bytes, as an opener does that expects `wanted`. Of
    /// `wanted` only what the two must agree on counts: the capacity, the limit, the creation time and the id
    /// are the creator's.
    pub fn opens(&self, wanted: &Self, bytes: u64) -> Result<(), Violation> {
        let agree = |same: bool, what: &str| {
            Violation::unless(same, Rule::Mismatch, || {
                let (wanted, found) = (wanted.summary(), self.summary());
                format!("the opener expects another {what}: {wanted}; and not {found}")
            })
        };
        agree(self.magic == wanted.magic, "magic")?;
        agree(self.version == wanted.version, "version")?;
        agree(self.byte_order == wanted.byte_order, "byte order mark")?;
        agree(self.word_size == wanted.word_size, "word size")?;
        agree(self.page == wanted.page, "page")?;
        agree(self.record_kind == wanted.record_kind, "record kind")?;
        agree(self.item_size == wanted.item_size, "item size")?;
        agree(self.item_align == wanted.item_align, "item alignment")?;
        agree(self.schema == wanted.schema, "schema id")?;
        agree(self.label == wanted.label, "label")?;
        self.possible()?;
        self.fits(bytes)
    }

    /// Refuses a region of `bytes` bytes that is not as long as this header says.
    pub fn fits(&self, bytes: u64) -> Result<(), Violation> {
        let says = self.region_bytes();
        Violation::unless(bytes == says, Rule::Length, || {
            format!("the region has {bytes} bytes and must have {says}")
        })
    }
}
