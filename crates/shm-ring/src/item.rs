//! What may cross from one process to another as a value. It must not know how.

use zerocopy::{FromBytes, Immutable, IntoBytes};

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
pub trait Item: FromBytes + IntoBytes + Immutable {}

impl<T: FromBytes + IntoBytes + Immutable> Item for T {}
