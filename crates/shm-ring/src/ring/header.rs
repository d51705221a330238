//! Owns: the header of a region: writing it for a new one, and checking one that was found, for a side that knows what
//! it wants or an observer that takes what is there. Knows nothing of: the mapping; it works on a private copy.

use core::mem::size_of;
use std::time::SystemTime;

use zerocopy::{FromZeros, IntoBytes};

use super::contents::{CAPACITY_MAX, Contents, RegionLayout, check_history};
use crate::error::{Error, Property, os};
use crate::item::ItemLayout;
use crate::options::Options;
use crate::protocol::layout::{
    BYTE_ORDER, CONTROL_PAGES, HEADER_LEN, Header, KIND_LATEST, KIND_MESSAGES, KIND_VALUES, MAGIC,
    VERSION, WORD_SIZE,
};
use crate::protocol::record::{PAYLOAD_MAX, RecordLayout};
use crate::protocol::version;
use crate::region::Backing;
use crate::role::Role;

/// The layout of release 0.1.
const VERSION_1: u32 = 1;

/// A new region's header, and the layout in it.
pub(crate) fn new(contents: Contents, options: &Options) -> Result<(Header, RegionLayout), Error> {
    let page = rustix::param::page_size() as u64;
    let limit = contents.limit(page, options)?;
    let capacity = limit.next_power_of_two().max(page);
    // Slots fill the data area.
    let limit = if contents.kind == KIND_LATEST { capacity } else { limit };
    let mut id = [0; 16];
    rustix::rand::getrandom(&mut id, rustix::rand::GetRandomFlags::empty())
        .map_err(|errno| os("a new ring", "getrandom", errno))?;
    let created = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX));
    let header = Header {
        magic: MAGIC,
        version: VERSION,
        header_len: HEADER_LEN,
        byte_order: BYTE_ORDER,
        word_size: WORD_SIZE,
        page: page as u32,
        kind: contents.kind,
        item_size: contents.size,
        item_align: contents.align,
        schema: contents.schema,
        capacity,
        data_offset: CONTROL_PAGES * page,
        created,
        id,
        label: options.label_bytes().map_err(|why| Error::InvalidOptions { why })?,
        limit,
        reserved: [0; 88],
    };
    Ok((header, contents.layout(page, capacity, limit, id)))
}

/// Reads the header of `backing` into private memory and checks every field of it.
pub(crate) fn check(
    backing: &Backing,
    contents: Contents,
    options: &Options,
) -> Result<RegionLayout, Error> {
    let header = read(backing)?;
    let label = options.label_bytes().map_err(|why| Error::InvalidOptions { why })?;
    check_history(contents.kind, options)?;
    check_layout(backing, &header)?;
    // A side that opens messages takes their alignment as it is, if it is one and as much as it asked for.
    let found = header.item_align;
    let aligned = contents.kind == KIND_MESSAGES
        && found.is_power_of_two()
        && (contents.align..=u64::from(header.page)).contains(&found);
    let align = if aligned { found } else { contents.align };
    let contents = Contents { align, ..contents };
    for (property, found, wanted) in [
        (Property::RecordKind, u64::from(header.kind), u64::from(contents.kind)),
        (Property::ItemSize, header.item_size, contents.size),
        (Property::ItemAlignment, header.item_align, contents.align),
        (Property::Schema, header.schema, contents.schema),
    ] {
        if found != wanted {
            let show = |value: u64| match (property, value.try_into()) {
                (Property::RecordKind, Ok(kind)) => show_kind(kind),
                _ => value.to_string(),
            };
            return differs(backing, property, show(found), show(wanted));
        }
    }
    check_capacity(backing, &header, options)?;
    if header.label != label {
        return differs(backing, Property::Label, show(&header.label), show(&label));
    }
    let layout = measure(backing, &header, contents)?;
    if options.history > 0 {
        let slots = layout.records.capacity / layout.records.unit;
        let (kept, wanted) = (version::kept(slots), options.history);
        if kept < wanted {
            let (kept, wanted) =
                (format!("{kept} versions"), format!("at least {wanted} versions"));
            return differs(backing, Property::History, kept, wanted);
        }
    }
    Ok(layout)
}

/// [`check`] for an observer: what the records hold, the schema and the label may be anything that a
/// side could have asked for.
pub(crate) fn examine(backing: &Backing) -> Result<(Header, RegionLayout), Error> {
    let header = read(backing)?;
    check_layout(backing, &header)?;
    let Header { kind, item_size: size, item_align: align, schema, page, .. } = header;
    let kinds = [KIND_VALUES, KIND_MESSAGES, KIND_LATEST];
    if !kinds.contains(&kind) {
        let wanted = kinds.map(|kind| format!("{kind} ({})", show_kind(kind))).join(", ");
        return differs(backing, Property::RecordKind, show_kind(kind), format!("one of {wanted}"));
    }
    let of_messages = size == 1;
    let of_values = (1..=PAYLOAD_MAX).contains(&size);
    for (field, found, valid) in [
        ("item size", size, if kind == KIND_MESSAGES { of_messages } else { of_values }),
        ("item alignment", align, align.is_power_of_two() && align <= u64::from(page)),
    ] {
        if !valid {
            return Err(Error::InvalidHeader { region: backing.region.clone(), field, found });
        }
    }
    if kind != KIND_MESSAGES && size % align != 0 {
        let field = "item size (no multiple of the alignment)";
        return Err(Error::InvalidHeader { region: backing.region.clone(), field, found: size });
    }
    if label(&header).is_none() {
        let wanted = "UTF-8 that is filled up with zeros".to_owned();
        return differs(backing, Property::Label, show(&header.label), wanted);
    }
    let layout = measure(backing, &header, Contents { kind, size, align, schema })?;
    Ok((header, layout))
}

/// [`check`] for a side that takes whatever values there are: what they are.
pub(crate) fn check_any(
    backing: &Backing,
    options: &Options,
) -> Result<(ItemLayout, RegionLayout), Error> {
    check_history(KIND_VALUES, options)?;
    let (header, layout) = examine(backing)?;
    if header.kind != KIND_VALUES {
        let (found, wanted) = (show_kind(header.kind), show_kind(KIND_VALUES));
        return differs(backing, Property::RecordKind, found, wanted);
    }
    check_capacity(backing, &header, options)?;
    let Header { item_size, item_align, schema, .. } = header;
    Ok((ItemLayout { size: item_size as usize, align: item_align as usize, schema }, layout))
}

fn check_capacity(backing: &Backing, header: &Header, options: &Options) -> Result<(), Error> {
    let (found, wanted) = (header.capacity, options.max_capacity);
    if found <= wanted {
        return Ok(());
    }
    let (found, wanted) = (format!("{found} bytes"), format!("at most {wanted} bytes"));
    differs(backing, Property::Capacity, found, wanted)
}

/// What is needed to take a region out of use: its page, the roles that there are in it, and where something unread is, if
/// this release knows that. Layout 1 has page and roles where this one has them, and locks its roles alike; nothing else of
/// it is looked at.
pub(crate) struct Anatomy {
    pub(crate) page: u64,
    pub(crate) roles: &'static [Role],
    /// What its records are like, and of one version of a latest value the bytes; of this layout alone.
    pub(crate) contents: Option<(RecordLayout, u64)>,
}

pub(crate) fn anatomy(backing: &Backing) -> Result<Anatomy, Error> {
    let header = read(backing)?;
    if (header.byte_order, header.version) == (BYTE_ORDER, VERSION_1) {
        let (found, page) = (u64::from(header.page), rustix::param::page_size() as u64);
        return match found == page {
            true => Ok(Anatomy { page, roles: roles(&header), contents: None }),
            false => differs(backing, Property::PageSize, found.to_string(), page.to_string()),
        };
    }
    let (header, layout) = examine(backing)?;
    let contents = Some((layout.records, header.item_size));
    Ok(Anatomy { page: layout.page, roles: roles(&header), contents })
}

/// What is said of a region of layout 1 where it must be known what is in it.
pub(crate) fn is_of_version_1<T>(backing: &Backing) -> Result<T, Error> {
    differs(backing, Property::Version, VERSION_1.to_string(), VERSION.to_string())
}

/// The roles that there are in such a region.
pub(crate) fn roles(header: &Header) -> &'static [Role] {
    match header.kind {
        KIND_LATEST => &[Role::Writer],
        _ => &[Role::Producer, Role::Consumer],
    }
}

/// The label in a header, if it is one that a side can have asked for.
pub(crate) fn label(header: &Header) -> Option<&str> {
    let bytes = &header.label;
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    let (label, fill) = bytes.split_at(end);
    core::str::from_utf8(label).ok().filter(|_| fill.iter().all(|&byte| byte == 0))
}

/// The header of `backing`: nothing but its first bytes has been looked at.
fn read(backing: &Backing) -> Result<Header, Error> {
    let region = || backing.region.clone();
    let mut header = Header::new_zeroed();
    let read = backing.read(header.as_mut_bytes(), 0)?;
    if read >= MAGIC.len() && header.magic != MAGIC {
        return Err(Error::NotARing { region: region() });
    }
    if read < size_of::<Header>() {
        let wanted = u64::from(HEADER_LEN);
        return Err(Error::WrongLength { region: region(), found: read as u64, wanted });
    }
    Ok(header)
}

/// What everybody must agree on who opens the ring.
fn check_layout(backing: &Backing, header: &Header) -> Result<(), Error> {
    let page = rustix::param::page_size() as u64;
    for (property, found, wanted) in [
        // In this order: a field means something only where those before it agree.
        (Property::ByteOrder, header.byte_order, u64::from(BYTE_ORDER)),
        (Property::Version, header.version, u64::from(VERSION)),
        (Property::WordSize, header.word_size, u64::from(WORD_SIZE)),
        (Property::PageSize, header.page, page),
    ] {
        if u64::from(found) != wanted {
            return differs(backing, property, found.to_string(), wanted.to_string());
        }
    }
    Ok(())
}

/// The layout of a region of `contents`, if the header's is possible and the region as long as it says.
fn measure(backing: &Backing, header: &Header, contents: Contents) -> Result<RegionLayout, Error> {
    let (page, capacity, limit) = (u64::from(header.page), header.capacity, header.limit);
    for (field, found, valid) in [
        ("header length", u64::from(header.header_len), header.header_len == HEADER_LEN),
        (
            "capacity",
            capacity,
            capacity.is_power_of_two()
                && (page..=CAPACITY_MAX).contains(&capacity)
                && contents.least_limit() <= capacity,
        ),
        ("limit", limit, contents.may_have_limit(limit, capacity)),
        ("data offset", header.data_offset, header.data_offset == CONTROL_PAGES * page),
    ] {
        if !valid {
            return Err(Error::InvalidHeader { region: backing.region.clone(), field, found });
        }
    }
    let layout = contents.layout(page, capacity, limit, header.id);
    check_len(backing, &layout)?;
    Ok(layout)
}

fn differs<T>(
    backing: &Backing,
    property: Property,
    found: String,
    wanted: String,
) -> Result<T, Error> {
    Err(Error::Incompatible { region: backing.region.clone(), property, found, wanted })
}

/// The region must be as long as its header says, by the descriptor that will be mapped.
pub(crate) fn check_len(backing: &Backing, layout: &RegionLayout) -> Result<(), Error> {
    let (found, wanted) = (backing.len()?, layout.len());
    if found == wanted {
        return Ok(());
    }
    Err(Error::WrongLength { region: backing.region.clone(), found, wanted })
}

/// Whether an existing ring holds as much as the options would have made it hold.
pub(crate) fn check_limit(
    backing: &Backing,
    layout: &RegionLayout,
    contents: Contents,
    options: &Options,
) -> Result<(), Error> {
    let wanted = contents.limit(layout.page, options)?;
    let found = layout.records.limit;
    // Slots fill the data area, whose size is rounded up.
    let rounded =
        contents.kind == KIND_LATEST && found == wanted.next_power_of_two().max(layout.page);
    if found == wanted || rounded {
        return Ok(());
    }
    Err(Error::Incompatible {
        region: backing.region.clone(),
        property: Property::Capacity,
        found: format!("{found} bytes"),
        wanted: format!("{wanted} bytes"),
    })
}

fn show_kind(kind: u32) -> String {
    match kind {
        KIND_VALUES => "values".to_owned(),
        KIND_MESSAGES => "messages".to_owned(),
        KIND_LATEST => "latest value".to_owned(),
        other => other.to_string(),
    }
}

/// A label for people: whatever stands there, quoted.
fn show(label: &[u8]) -> String {
    let end = label.iter().position(|&byte| byte == 0).unwrap_or(label.len());
    format!("{:?}", String::from_utf8_lossy(&label[..end]))
}
