//! What may cross from one process to another: an [`Item`], and what a record holds of them, a
//! [`Payload`]. It must not know how.

use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::layout::{KIND_MESSAGES, KIND_VALUES};
use crate::record::PAYLOAD_MAX;

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

impl<T: FromBytes + IntoBytes + Immutable> Item for T {}

/// What the records of a ring hold: one [`Item`] each (values), or a slice of items of any length
/// (messages, `[u8]` in most cases). Sealed: these two are all there are.
///
/// The elements of a slice must have a size; if not, creating or opening a ring does not compile.
///
/// ```
/// fn owned<P: shm_ring::Payload + ?Sized>(rx: &P::Owned) {}
/// owned::<u64>(&7);
/// owned::<[u8]>(&vec![7]);
/// ```
pub trait Payload: sealed::Sealed {
    /// What a consumer gets that takes a record out of the ring: the item, or a `Vec` of them.
    type Owned;

    /// What payloads are made of.
    #[doc(hidden)]
    type Element: Item;

    /// The record kind in the header.
    #[doc(hidden)]
    const KIND: u32;

    /// Bytes of every payload, if all have the same.
    #[doc(hidden)]
    const FIXED: Option<u32>;
}

impl<T: Item> Payload for T {
    type Owned = T;
    type Element = T;
    const KIND: u32 = KIND_VALUES;
    const FIXED: Option<u32> = {
        assert!(size_of::<T>() as u64 <= PAYLOAD_MAX, "an item is at most 2^32 - 16 bytes");
        Some(size_of::<T>() as u32)
    };
}

impl<T: Item> Payload for [T] {
    type Owned = Vec<T>;
    type Element = T;
    const KIND: u32 = {
        assert!(size_of::<T>() > 0, "a message of elements without a size has no length");
        assert!(size_of::<T>() as u64 <= PAYLOAD_MAX, "an element is at most 2^32 - 16 bytes");
        KIND_MESSAGES
    };
    const FIXED: Option<u32> = None;
}

mod sealed {
    pub trait Sealed {}
    impl<T: super::Item> Sealed for T {}
    impl<T: super::Item> Sealed for [T] {}
}
