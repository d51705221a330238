//! What a hostile peer writes: values at the borders of what may be.
//!
//! Owns: lists of wild values, to be written by [`Writable::set_named`](crate::Writable::set_named) and
//! [`Writable::set`](crate::Writable::set). Knows nothing of: which one is chosen, and when.

use crate::header::{FIELDS, Header};
use crate::record::{NO_FRONT, record_header};
use crate::words::{NEVER, POSITION_END};

/// Values for the tail word, `head`, `wake_at` and other words of 8 bytes, about the position `near`.
pub fn wild_positions(header: &Header, near: u64) -> Vec<u64> {
    let (unit, capacity, limit) = (header.unit(), header.capacity, header.limit);
    let mut values = vec![0, 1, 2, near, near ^ 8, near | 1, near | 3];
    for distance in [1, unit, 2 * unit, limit, limit + unit, capacity, capacity + unit] {
        values.extend([near.wrapping_add(distance), near.wrapping_sub(distance)]);
    }
    values.extend([
        POSITION_END - unit,
        POSITION_END - 1,
        POSITION_END,
        POSITION_END + unit,
        NEVER - 7,
    ]);
    // The same with the bit that only the tail word may have.
    for index in 0..values.len() {
        values.push(values[index] ^ NO_FRONT);
    }
    values.push(NEVER);
    values
}

/// Words for the place of the record header of a message at `position`. Those that may be are among them.
pub fn wild_record_headers(header: &Header, position: u64) -> Vec<u64> {
    let longest = header.longest() as u32;
    let mut words = vec![0, 1, u64::MAX];
    for len in [
        0,
        1,
        8,
        48,
        49,
        longest.wrapping_sub(1),
        longest,
        longest.wrapping_add(1),
        longest.wrapping_add(header.message_align() as u32),
        1 << 31,
        u32::MAX - 15,
        u32::MAX,
    ] {
        words.push(record_header(position, len));
    }
    let right = record_header(position, 8);
    let elsewhere = [8, header.capacity, header.capacity.wrapping_neg(), 8_u64.wrapping_neg()];
    words.extend(elsewhere.map(|far| record_header(position.wrapping_add(far), 8)));
    words.extend([right & !(1 << 63), right ^ 1 << 40, right & 0xffff_ffff]);
    words
}

/// Numbers for `published` of a latest value, about the version `near`.
pub fn wild_versions(header: &Header, near: u64) -> Vec<u64> {
    let slots = header.slots();
    let mut values = vec![0, 1, near | 1 << 63, POSITION_END / 2 - 1, POSITION_END / 2];
    for distance in [1, slots - 2, slots - 1, slots, slots + 1] {
        values.extend([near.wrapping_add(distance), near.wrapping_sub(distance)]);
    }
    values.extend([POSITION_END - 1, POSITION_END, u64::MAX - slots, u64::MAX]);
    values
}

/// Headers that differ from `header` in one field, and the name of that field. Of the fields that an opener
/// looks at, all are among them; what it makes of each is for [`Header::opens`] to say.
pub fn wild_headers(header: &Header) -> Vec<(&'static str, Header)> {
    let mut headers = Vec::new();
    for field in FIELDS {
        let mut right = [0; 8];
        let bytes = field.bytes.min(8);
        right[..bytes].copy_from_slice(&header.to_bytes()[field.at..field.at + bytes]);
        let right = u64::from_le_bytes(right);
        for value in [
            0,
            1,
            right.wrapping_add(1),
            right.wrapping_sub(1),
            right.wrapping_shl(1),
            right >> 1,
            1 << 44,
            1 << 45,
            1 << 63,
            u64::MAX,
        ] {
            let mut forged = header.to_bytes();
            forged[field.at..field.at + bytes].copy_from_slice(&value.to_le_bytes()[..bytes]);
            let forged = Header::parse(&forged);
            if forged != *header {
                headers.push((field.name, forged));
            }
        }
    }
    headers
}
