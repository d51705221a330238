//! Headers that are not what they should be.
//!
//! Owns: what becomes of a field, how long such a region is made, and which refusals there are.
//! Knows nothing of: what the fields mean, and whether a damaged one is refused.

use arbitrary::Arbitrary;
use shm_ring::Error;
use shm_ring_outsider::{FIELDS, HEADER, Header, data};

use crate::DATA_BYTES;

/// What one field of the header is instead of what it should be.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Damage {
    None,
    Moved { field: u8, by: i8 },
    Shifted { field: u8, by: i8 },
    PowerOfTwo { field: u8, shift: u8 },
    Any { field: u8, value: u64 },
    Byte { at: u8, value: u8 },
}

impl Damage {
    pub fn inflict(self, header: &mut [u8; HEADER]) {
        let mut change = |field: u8, value: &dyn Fn(u64) -> u64| {
            let field = FIELDS[usize::from(field) % FIELDS.len()];
            let bytes = field.bytes.min(8);
            let mut word = [0; 8];
            word[..bytes].copy_from_slice(&header[field.at..][..bytes]);
            let changed = value(u64::from_le_bytes(word)).to_le_bytes();
            header[field.at..][..bytes].copy_from_slice(&changed[..bytes]);
        };
        match self {
            Self::None => {}
            Self::Moved { field, by } => {
                change(field, &|right| right.wrapping_add_signed(by.into()));
            }
            Self::Shifted { field, by: by @ 0.. } => {
                change(field, &|right| right.wrapping_shl(by.unsigned_abs().into()));
            }
            Self::Shifted { field, by } => {
                change(field, &|right| right.wrapping_shr(by.unsigned_abs().into()));
            }
            Self::PowerOfTwo { field, shift } => change(field, &|_| 1_u64 << (shift % 64)),
            Self::Any { field, value } => change(field, &|_| value),
            Self::Byte { at, value } => header[usize::from(at)] = value,
        }
    }
}

/// Bytes of a region with `header`: as many as that says, where they can be afforded.
pub fn affordable(header: &Header) -> u64 {
    let most = 16 * DATA_BYTES;
    data() + if header.capacity <= most { header.capacity } else { DATA_BYTES }
}

/// The library refused a region: by one of the documented errors.
pub fn check_refusal(error: &Error) {
    let documented = matches!(
        error,
        Error::NotARing { .. }
            | Error::Incompatible { .. }
            | Error::InvalidHeader { .. }
            | Error::WrongLength { .. }
    );
    assert!(documented && !error.to_string().is_empty(), "{error:?}");
}
