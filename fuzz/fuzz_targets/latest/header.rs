//! A region for a latest value, of which somebody may have damaged the header, and whether it may be opened
//! (LAYOUT.md, worked out here a second time). It must not know what happens in a region that is open.

use arbitrary::Arbitrary;
use rustix::io::pread;
use shm_ring::{Item, Latest, Options, Region};
use shm_ring_fuzz::bytes::{Bytes, CONSUMER, DATA, PAGE, PRODUCER, WAKE_AT};

const HEADER: usize = 256;
const CAPACITY_MAX: u64 = 1 << 44;

#[derive(Arbitrary, Debug)]
pub(crate) enum Damage {
    Bytes {
        at: u8,
        bytes: Vec<u8>,
    },
    /// One of the fields, of four bytes or eight.
    Field {
        number: u8,
        value: u64,
    },
    /// A power of two.
    Capacity(u8),
    Length(u16),
}

/// Where fields stand, and how long they are.
const FIELDS: [(usize, usize); 12] = [
    (8, 4),
    (12, 4),
    (16, 4),
    (20, 4),
    (24, 4),
    (28, 4),
    (32, 8),
    (40, 8),
    (48, 8),
    (56, 8),
    (64, 8),
    (72, 8),
];

pub(crate) struct Damaged {
    pub(crate) bytes: Bytes,
    pub(crate) header: [u8; HEADER],
    /// Whether the header is one for a latest `T`, and the region as long as it says.
    pub(crate) opens: bool,
    pub(crate) capacity: u64,
}

/// Bytes from one slot to the next.
pub(crate) fn slot_of<T>() -> u64 {
    (size_of::<T>().max(align_of::<T>()).max(128) as u64).next_power_of_two()
}

pub(crate) fn region<T: Item>(damages: &[Damage]) -> Damaged {
    let mut header = [0; HEADER];
    let whole = Latest::<T>::create(Region::memfd("whole"), Options::new().bytes(PAGE)).unwrap();
    pread(whole.descriptor(), &mut header, 0).unwrap();
    let right = header;
    let mut length = None;
    for damage in damages {
        match *damage {
            Damage::Bytes { at, ref bytes } => {
                let there = &mut header[at.into()..];
                let len = bytes.len().min(there.len());
                there[..len].copy_from_slice(&bytes[..len]);
            }
            Damage::Field { number, value } => {
                let (at, len) = FIELDS[usize::from(number) % FIELDS.len()];
                header[at..at + len].copy_from_slice(&value.to_le_bytes()[..len]);
            }
            Damage::Capacity(shift) => {
                header[56..64].copy_from_slice(&1_u64.wrapping_shl(shift.into()).to_le_bytes());
            }
            Damage::Length(bytes) => length = Some(u64::from(bytes)),
        }
    }
    let capacity = u64::from_le_bytes(header[56..64].try_into().unwrap());
    // As long as the header says, where that can be afforded, unless the input says otherwise.
    let affordable = if capacity <= 16 * PAGE { capacity } else { PAGE };
    let length = length.unwrap_or(DATA + affordable);
    let bytes = Bytes::empty(length);
    bytes.write(0, &header);
    for side in [PRODUCER, CONSUMER] {
        bytes.set(side + WAKE_AT, u64::MAX);
    }
    let possible = capacity.is_power_of_two()
        && (PAGE..=CAPACITY_MAX).contains(&capacity)
        && capacity >= 4 * slot_of::<T>();
    // All but the capacity, the time, the random number and what is reserved.
    let fits =
        [0..56, 64..72, 96..160].into_iter().all(|field| header[field.clone()] == right[field]);
    let opens = possible && fits && length == DATA + capacity;
    Damaged { bytes, header, opens, capacity }
}
