//! The header of a ring: writing it for a new region, and checking one that was found, for a side that
//! knows what it wants or an observer that takes what is there. It works on a private copy and must not
//! touch the mapping.

use core::mem::{offset_of, size_of};
use std::time::SystemTime;

use zerocopy::{FromZeros, IntoBytes};

use crate::cursor::Shape;
use crate::error::{Error, Property};
use crate::item::{Item, Payload};
use crate::layout::{
    BYTE_ORDER, CONTROL_PAGES, HEADER_LEN, Identity, KIND_LATEST, KIND_MESSAGES, KIND_VALUES, Life,
    MAGIC, SidePage, VERSION, WORD_SIZE,
};
use crate::mirror::Role;
use crate::options::{DEFAULT_BYTES, Options};
use crate::record::{self, PAYLOAD_MAX};
use crate::region::{Backing, os};
use crate::version;

/// The largest data area: twice this must fit an address space.
const CAPACITY_MAX: u64 = 1 << 44;

/// What a ring is made of, private after the header was checked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Geometry {
    pub(crate) page: u64,
    pub(crate) shape: Shape,
    pub(crate) id: [u8; 16],
}

impl Geometry {
    /// Bytes of the whole region.
    pub(crate) fn len(&self) -> u64 {
        CONTROL_PAGES * self.page + self.shape.capacity
    }
}

/// What a region carries, as a header says it.
#[derive(Clone, Copy)]
pub(crate) struct Contents {
    kind: u32,
    /// Bytes of an element: the item of values, one of the items of messages.
    size: u64,
    align: u64,
}

/// A new ring's header, and the geometry in it.
pub(crate) fn new(contents: Contents, options: &Options) -> Result<(Identity, Geometry), Error> {
    let page = rustix::param::page_size() as u64;
    let capacity = contents.capacity(page, options)?;
    let mut id = [0; 16];
    rustix::rand::getrandom(&mut id, rustix::rand::GetRandomFlags::empty())
        .map_err(|errno| os("a new ring", "getrandom", errno, "a sandbox may refuse it"))?;
    let created = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX));
    let identity = Identity {
        magic: MAGIC,
        version: VERSION,
        header_len: HEADER_LEN,
        byte_order: BYTE_ORDER,
        word_size: WORD_SIZE,
        page: page as u32,
        kind: contents.kind,
        item_size: contents.size,
        item_align: contents.align,
        schema: options.schema,
        capacity,
        data_offset: CONTROL_PAGES * page,
        created,
        id,
        label: options.label_bytes().map_err(|why| Error::Options { why })?,
        reserved: [0; 96],
    };
    Ok((identity, contents.geometry(page, capacity, id)))
}

/// Reads the header of `backing` into private memory and checks every field of it.
pub(crate) fn check(
    backing: &Backing,
    contents: Contents,
    options: &Options,
) -> Result<Geometry, Error> {
    let identity = read(backing)?;
    let label = options.label_bytes().map_err(|why| Error::Options { why })?;
    check_layout(backing, &identity)?;
    for (property, found, wanted) in [
        (Property::RecordKind, u64::from(identity.kind), u64::from(contents.kind)),
        (Property::ItemSize, identity.item_size, contents.size),
        (Property::ItemAlignment, identity.item_align, contents.align),
        (Property::Schema, identity.schema, options.schema),
    ] {
        if found != wanted {
            let show = |value: u64| match (property, value.try_into()) {
                (Property::RecordKind, Ok(kind)) => show_kind(kind),
                _ => value.to_string(),
            };
            return differs(backing, property, show(found), show(wanted));
        }
    }
    if identity.label != label {
        return differs(backing, Property::Label, show(&identity.label), show(&label));
    }
    measure(backing, &identity, contents)
}

/// [`check`] for an observer: what the records hold, the schema and the label may be anything that a
/// side could have asked for.
pub(crate) fn examine(backing: &Backing) -> Result<(Identity, Geometry), Error> {
    let identity = read(backing)?;
    check_layout(backing, &identity)?;
    let Identity { kind, item_size: size, item_align: align, page, .. } = identity;
    let kinds = [KIND_VALUES, KIND_MESSAGES, KIND_LATEST];
    if !kinds.contains(&kind) {
        let wanted = kinds.map(|kind| format!("{kind} ({})", show_kind(kind))).join(", ");
        return differs(backing, Property::RecordKind, show_kind(kind), format!("one of {wanted}"));
    }
    for (field, found, valid) in [
        ("item size", size, size <= PAYLOAD_MAX && (kind != KIND_MESSAGES || size > 0)),
        ("item alignment", align, align.is_power_of_two() && align <= u64::from(page)),
    ] {
        if !valid {
            return Err(Error::Header { region: backing.region.clone(), field, found });
        }
    }
    if label(&identity).is_none() {
        let wanted = "UTF-8 that is filled up with zeros".to_owned();
        return differs(backing, Property::Label, show(&identity.label), wanted);
    }
    let geometry = measure(backing, &identity, Contents { kind, size, align })?;
    Ok((identity, geometry))
}

/// The roles that there are in such a region.
pub(crate) fn roles(identity: &Identity) -> &'static [Role] {
    match identity.kind {
        KIND_LATEST => &[Role::Writer],
        _ => &[Role::Producer, Role::Consumer],
    }
}

/// The label in a header, if it is one that a side can have asked for.
pub(crate) fn label(identity: &Identity) -> Option<&str> {
    let bytes = &identity.label;
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    let (label, fill) = bytes.split_at(end);
    core::str::from_utf8(label).ok().filter(|_| fill.iter().all(|&byte| byte == 0))
}

/// The header of `backing`: nothing but its first bytes has been looked at.
fn read(backing: &Backing) -> Result<Identity, Error> {
    let region = || backing.region.clone();
    let mut identity = Identity::new_zeroed();
    let read = backing.read(identity.as_mut_bytes(), 0)?;
    if read >= MAGIC.len() && identity.magic != MAGIC {
        return Err(Error::NotARing { region: region() });
    }
    if read < size_of::<Identity>() {
        let wanted = u64::from(HEADER_LEN);
        return Err(Error::Length { region: region(), found: read as u64, wanted });
    }
    Ok(identity)
}

/// What everybody must agree on who opens the ring.
fn check_layout(backing: &Backing, identity: &Identity) -> Result<(), Error> {
    let page = rustix::param::page_size() as u64;
    for (property, found, wanted) in [
        // In this order: a field means something only where those before it agree.
        (Property::ByteOrder, identity.byte_order, u64::from(BYTE_ORDER)),
        (Property::Version, identity.version, u64::from(VERSION)),
        (Property::WordSize, identity.word_size, u64::from(WORD_SIZE)),
        (Property::PageSize, identity.page, page),
    ] {
        if u64::from(found) != wanted {
            return differs(backing, property, found.to_string(), wanted.to_string());
        }
    }
    Ok(())
}

/// The geometry of a ring of `contents`, if the header's is possible and the region as long as it says.
fn measure(backing: &Backing, identity: &Identity, contents: Contents) -> Result<Geometry, Error> {
    let (page, capacity) = (u64::from(identity.page), identity.capacity);
    // Tested after the capacity itself, by which nothing below can overflow.
    let holds_enough = || contents.capacity_of(1).is_some_and(|least| least <= capacity);
    for (field, found, valid) in [
        ("header length", u64::from(identity.header_len), identity.header_len == HEADER_LEN),
        (
            "capacity",
            capacity,
            capacity.is_power_of_two()
                && (page..=CAPACITY_MAX).contains(&capacity)
                && holds_enough(),
        ),
        ("data offset", identity.data_offset, identity.data_offset == CONTROL_PAGES * page),
    ] {
        if !valid {
            return Err(Error::Header { region: backing.region.clone(), field, found });
        }
    }
    let geometry = contents.geometry(page, capacity, identity.id);
    check_len(backing, &geometry)?;
    Ok(geometry)
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
pub(crate) fn check_len(backing: &Backing, geometry: &Geometry) -> Result<(), Error> {
    let (found, wanted) = (backing.len()?, geometry.len());
    if found == wanted {
        return Ok(());
    }
    Err(Error::Length { region: backing.region.clone(), found, wanted })
}

/// What the holder of `role` wrote down as its process id; 0 if that cannot be read.
pub(crate) fn pid(backing: &Backing, geometry: &Geometry, role: Role) -> u32 {
    let mut pid = [0; 4];
    let in_page = offset_of!(SidePage, life) + offset_of!(Life, pid);
    match backing.read(&mut pid, role.page_index() * geometry.page + in_page as u64) {
        Ok(4) => u32::from_ne_bytes(pid),
        _ => 0,
    }
}

/// Whether an existing ring is as large as the options would have made it.
pub(crate) fn check_capacity(
    backing: &Backing,
    geometry: &Geometry,
    contents: Contents,
    options: &Options,
) -> Result<(), Error> {
    let wanted = contents.capacity(geometry.page, options)?;
    let found = geometry.shape.capacity;
    if found == wanted {
        return Ok(());
    }
    Err(Error::Incompatible {
        region: backing.region.clone(),
        property: Property::Capacity,
        found: format!("{found} bytes"),
        wanted: format!("{wanted} bytes"),
    })
}

impl Contents {
    /// What a ring of `P` carries.
    pub(crate) fn of<P: Payload + ?Sized>() -> Self {
        Self {
            kind: P::KIND,
            size: size_of::<P::Element>() as u64,
            align: align_of::<P::Element>() as u64,
        }
    }

    /// What a region with the latest `T` carries.
    pub(crate) fn latest<T: Item>() -> Self {
        Self { kind: KIND_LATEST, ..Self::of::<T>() }
    }

    fn len_min(&self) -> u64 {
        if self.kind == KIND_MESSAGES { 0 } else { self.size }
    }

    /// Bytes from the shortest record to the next, or from one slot to the next.
    fn least_stride(&self) -> u64 {
        match self.kind {
            KIND_LATEST => version::slot_size(self.align, self.size),
            _ => record::stride(record::alignment(self.align), self.len_min()),
        }
    }

    /// The least capacity for `items` records or slots of the least size.
    fn capacity_of(&self, items: u64) -> Option<u64> {
        match self.kind {
            KIND_LATEST => items.max(version::SLOTS_MIN).checked_mul(self.least_stride()),
            _ => items.max(1).checked_mul(self.least_stride())?.checked_add(record::COMMIT_WORD),
        }
    }

    /// Bytes of data that the options ask for: a power of two, at least a page.
    fn capacity(&self, page: u64, options: &Options) -> Result<u64, Error> {
        let refuse = |why: String| Err(Error::Options { why });
        if self.align > page {
            return refuse(format!(
                "an item is aligned to {} bytes and a page has {page}",
                self.align
            ));
        }
        let Options { items, bytes, .. } = options;
        if self.kind == KIND_MESSAGES && items.is_some() {
            return refuse(
                "messages have no common size: say Options::bytes(), not items()".into(),
            );
        }
        let needed = match (items, bytes) {
            (None, None) if self.kind == KIND_LATEST => self.capacity_of(version::SLOTS_DEFAULT),
            (None, None) => self.capacity_of(1).map(|one| one.max(DEFAULT_BYTES)),
            (items, bytes) => {
                self.capacity_of(items.unwrap_or(1)).map(|items| items.max(bytes.unwrap_or(0)))
            }
        };
        match needed.and_then(u64::checked_next_power_of_two) {
            Some(capacity) if capacity <= CAPACITY_MAX => Ok(capacity.max(page)),
            _ => {
                let asked = match (items, bytes) {
                    (None, Some(bytes)) => format!("{bytes} bytes"),
                    (items, _) => format!("{} items of {} bytes", items.unwrap_or(1), self.size),
                };
                refuse(format!("{asked} are more than a ring's {CAPACITY_MAX} bytes"))
            }
        }
    }

    fn geometry(&self, page: u64, capacity: u64, id: [u8; 16]) -> Geometry {
        let align = record::alignment(self.align);
        let len_max = match self.kind {
            KIND_MESSAGES => record::longest(capacity, align, self.size).unwrap_or(0),
            _ => self.size,
        };
        let unit = self.size.max(1);
        let shape = Shape { capacity, align, len_min: self.len_min(), len_max, unit };
        Geometry { page, shape, id }
    }
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
