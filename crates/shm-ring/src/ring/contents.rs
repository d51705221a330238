//! Owns: what a region carries, whether there can be such, and how much room it takes. Knows nothing of: headers and files.

use crate::error::Error;
use crate::item::{Item, ItemLayout, Payload};
use crate::options::{DEFAULT_BYTES, Options};
use crate::protocol::layout::{CONTROL_PAGES, KIND_LATEST, KIND_MESSAGES, KIND_VALUES};
use crate::protocol::record::{self, PAYLOAD_MAX, RecordLayout};
use crate::protocol::version;

/// The largest data area: twice this must fit an address space.
pub(super) const CAPACITY_MAX: u64 = 1 << 44;

/// What a region is made of, private after the header was checked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RegionLayout {
    pub(crate) page: u64,
    pub(crate) records: RecordLayout,
    /// What payloads are aligned to.
    pub(crate) align: u64,
    pub(crate) id: [u8; 16],
}

impl RegionLayout {
    /// Bytes of the whole region.
    pub(crate) fn len(&self) -> u64 {
        CONTROL_PAGES * self.page + self.records.capacity
    }
}

/// What a region carries, as a header says it.
#[derive(Clone, Copy)]
pub(crate) struct Contents {
    pub(super) kind: u32,
    /// Bytes of a value; 1 for messages.
    pub(super) size: u64,
    /// Of a value, or what the payloads of messages are aligned to at least.
    pub(super) align: u64,
    /// The user's.
    pub(super) schema: u64,
}

impl Contents {
    /// Values of type `T`.
    pub(crate) fn values<T: Item>(options: &Options) -> Self {
        let (size, align) = (const { <T as Payload>::SIZE.unwrap() }, align_of::<T>() as u64);
        Self { kind: KIND_VALUES, size, align, schema: options.schema }
    }

    /// Values such as `item` says, if there can be such.
    pub(crate) fn untyped(item: ItemLayout, options: &Options) -> Result<Self, Error> {
        let ItemLayout { size, align, schema } = item;
        let (size, align) = (size as u64, align as u64);
        // The page of this machine is that of all rings that it opens.
        check_align(align, rustix::param::page_size() as u64)?;
        let why = if !(1..=PAYLOAD_MAX).contains(&size) {
            format!("values of {size} bytes: they have at least 1 byte, and at most {PAYLOAD_MAX}")
        } else if size % align != 0 {
            format!("values of {size} bytes aligned to {align}: make the size a multiple of that")
        } else if ![0, schema].contains(&options.schema) {
            let asked = options.schema;
            format!("schema id {asked} in the options and {schema} in the item: say one of them")
        } else {
            return Ok(Self { kind: KIND_VALUES, size, align, schema });
        };
        Err(Error::InvalidOptions { why })
    }

    /// Messages, aligned as the options say.
    pub(crate) fn messages(options: &Options) -> Self {
        Self { kind: KIND_MESSAGES, size: 1, align: options.align, schema: options.schema }
    }

    /// The latest value of type `T`.
    pub(crate) fn latest<T: Item>(options: &Options) -> Self {
        Self { kind: KIND_LATEST, ..Self::values::<T>(options) }
    }

    /// The latest value such as `item` says, if there can be such.
    pub(crate) fn untyped_latest(item: ItemLayout, options: &Options) -> Result<Self, Error> {
        Ok(Self { kind: KIND_LATEST, ..Self::untyped(item, options)? })
    }

    /// Positions are multiples of this, and no record is shorter. For the latest value: from one slot to the next.
    fn unit(&self) -> u64 {
        match self.kind {
            KIND_LATEST => version::slot_size(self.align, self.size),
            KIND_MESSAGES => record::alignment(self.align),
            _ => self.size,
        }
    }

    pub(super) fn least_limit(&self) -> u64 {
        match self.kind {
            KIND_LATEST => version::SLOTS_MIN * self.unit(),
            _ => self.unit(),
        }
    }

    /// Whether a header may say so of such contents.
    pub(super) fn may_have_limit(&self, limit: u64, capacity: u64) -> bool {
        match self.kind {
            KIND_LATEST => limit == capacity,
            KIND_MESSAGES => (self.unit()..=capacity).contains(&limit),
            _ => (self.unit()..=capacity).contains(&limit) && limit % self.unit() == 0,
        }
    }

    /// The most bytes of records in flight that the options ask for.
    pub(super) fn limit(&self, page: u64, options: &Options) -> Result<u64, Error> {
        let refuse = |why: String| Err(Error::InvalidOptions { why });
        check_align(self.align, page)?;
        check_history(self.kind, options)?;
        let Options { items, bytes, history, .. } = options;
        let items = match history {
            0 => *items,
            &history => Some(items.unwrap_or(0).max(version::slots_for(history))),
        };
        if self.kind == KIND_MESSAGES && items.is_some() {
            return refuse(
                "messages have no common size: say Options::bytes(), not items()".into(),
            );
        }
        let (unit, least) = (self.unit(), self.least_limit());
        if let (KIND_MESSAGES, Some(bytes)) = (self.kind, *bytes) {
            if bytes < least {
                return refuse(format!(
                    "{bytes} bytes hold no message: the shortest takes {least}"
                ));
            }
        }
        let whole = |bytes: u64| match self.kind {
            KIND_MESSAGES => bytes,
            _ => bytes - bytes % unit,
        };
        let asked = match (items, bytes) {
            (None, None) if self.kind == KIND_LATEST => Some(version::SLOTS_DEFAULT * unit),
            (None, None) => Some(whole(DEFAULT_BYTES)),
            (items, bytes) => items
                .unwrap_or(0)
                .checked_mul(unit)
                .map(|items| items.max(whole(bytes.unwrap_or(0)))),
        };
        match asked.map(|asked| asked.max(least)) {
            Some(limit) if limit <= CAPACITY_MAX => Ok(limit),
            _ => {
                let asked = match (items, bytes) {
                    (Some(slots), _) if *history > 0 && slots == version::slots_for(*history) => {
                        format!("{history} versions of {} bytes", self.size)
                    }
                    (None, Some(bytes)) => format!("{bytes} bytes"),
                    (items, _) => format!("{} items of {} bytes", items.unwrap_or(1), self.size),
                };
                refuse(format!("{asked} are more than a ring's {CAPACITY_MAX} bytes"))
            }
        }
    }

    pub(super) fn layout(
        &self,
        page: u64,
        capacity: u64,
        limit: u64,
        id: [u8; 16],
    ) -> RegionLayout {
        let records = RecordLayout { capacity, limit, unit: self.unit() };
        RegionLayout { page, records, align: self.align, id }
    }
}

/// A history is asked for only where there is one.
pub(super) fn check_history(kind: u32, options: &Options) -> Result<(), Error> {
    if kind == KIND_LATEST || options.history == 0 {
        return Ok(());
    }
    let why = "a ring keeps each record until it is consumed: Options::history() is for a Latest";
    Err(Error::InvalidOptions { why: why.into() })
}

fn check_align(align: u64, page: u64) -> Result<(), Error> {
    if align.is_power_of_two() && align <= page {
        return Ok(());
    }
    let why = format!(
        "an alignment of {align} bytes: it must be a power of two, and at most a page, {page} bytes"
    );
    Err(Error::InvalidOptions { why })
}
