//! Owns: what may cross from one process to another, an [`Item`]. Knows nothing of: how it crosses.

use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::protocol::record::PAYLOAD_MAX;

#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot cross to another process",
    label = "not an `Item`",
    note = "derive `FromBytes`, `IntoBytes` and `Immutable` of the crate `zerocopy` for it, and `#[repr(C)]`",
    note = "`bool`, `char`, references and types with padding cannot: use integers, offsets, and named fields for padding"
)]
/// A value that can cross: any bytes are one (`FromBytes`), no padding leaks our memory
/// (`IntoBytes`), and nobody changes it through a shared reference (`Immutable`).
///
/// Implemented for every type that has the three; derive them with [`zerocopy`]. Integers, floats
/// and arrays of them have them already. A `bool`, a reference or a type with padding does not
/// compile:
///
/// ```
/// use zerocopy::{FromBytes, Immutable, IntoBytes};
///
/// #[derive(FromBytes, IntoBytes, Immutable)]
/// #[repr(C)]
/// struct Tick {
///     price: u64,
///     size: u64,
/// }
/// fn may_cross<T: shm_ring::Item>() {}
/// may_cross::<Tick>();
/// may_cross::<[u64; 8]>();
/// ```
///
/// ```compile_fail
/// fn may_cross<T: shm_ring::Item>() {}
/// may_cross::<bool>();
/// ```
///
/// Padding would carry whatever stood in memory there. With the hole named it compiles:
///
/// ```compile_fail
/// use zerocopy::{FromBytes, Immutable, IntoBytes};
///
/// #[derive(FromBytes, IntoBytes, Immutable)]
/// #[repr(C)]
/// struct Holed {
///     price: u64,
///     size: u32,
/// }
/// ```
///
/// ```
/// use zerocopy::{FromBytes, Immutable, IntoBytes};
///
/// #[derive(FromBytes, IntoBytes, Immutable)]
/// #[repr(C)]
/// struct Whole {
///     price: u64,
///     size: u32,
///     unused: u32,
/// }
/// # fn may_cross<T: shm_ring::Item>() {}
/// # may_cross::<Whole>();
/// ```
///
/// An address means nothing in another process. An offset does:
///
/// ```compile_fail
/// # fn may_cross<T: shm_ring::Item>() {}
/// may_cross::<&'static u64>();
/// ```
///
/// ```compile_fail
/// # fn may_cross<T: shm_ring::Item>() {}
/// may_cross::<*const u64>();
/// ```
///
/// ```
/// # fn may_cross<T: shm_ring::Item>() {}
/// may_cross::<u64>();
/// ```
pub trait Item: FromBytes + IntoBytes + Immutable {}

#[diagnostic::do_not_recommend]
impl<T: FromBytes + IntoBytes + Immutable> Item for T {}

/// What the records of a ring are: values, or messages (`[u8]`).
pub(crate) trait Payload {
    /// Bytes of a value, and from one to the next. `None` for messages.
    const SIZE: Option<u64>;
}

impl<T: Item> Payload for T {
    const SIZE: Option<u64> = {
        assert!(size_of::<T>() > 0, "an item of no bytes cannot be told from no item");
        assert!(size_of::<T>() as u64 <= PAYLOAD_MAX, "an item is at most 2^32 - 16 bytes");
        Some(size_of::<T>() as u64)
    };
}

impl Payload for [u8] {
    const SIZE: Option<u64> = None;
}
