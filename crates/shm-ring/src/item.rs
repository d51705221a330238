//! Owns: what may cross from one process to another: an [`Item`], or what an [`ItemLayout`] says. Knows nothing of: how
//! it crosses.

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

/// The layout of a ring's values, known only when the program runs: what an
/// [`UntypedProducer`](crate::UntypedProducer) and an [`UntypedConsumer`](crate::UntypedConsumer) agree on, and what they
/// have in common with a [`Producer`](crate::Producer) and a [`Consumer`](crate::Consumer) of such a type.
///
/// Any values may stand in the fields. Creating and opening check them: a size of at least 1 and at most 2^32 - 16 bytes,
/// and a multiple of the alignment, which is a power of two and at most a page.
///
/// ```
/// use shm_ring::{Error, ItemLayout, Options, Producer, UntypedConsumer};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let name = &format!("/shm-ring-doc-item-layout-{}", std::process::id());
/// let options = Options::new().schema(7).unlink_on_drop();
/// let tx = Producer::<[u32; 3]>::create(name.as_str(), &options)?;
/// let item = ItemLayout { size: 12, align: 4, schema: 7 };
/// let rx = UntypedConsumer::open(name.as_str(), item)?;
///
/// let other = ItemLayout { align: 8, ..item }; // of which 12 is no multiple
/// let refused = UntypedConsumer::open(name.as_str(), other);
/// assert!(matches!(refused, Err(Error::InvalidOptions { .. })));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ItemLayout {
    /// Bytes of a value, and from one to the next.
    pub size: usize,
    /// The alignment of values, in bytes.
    pub align: usize,
    /// The number that names their meaning, as [`Options::schema`](crate::Options::schema) does; 0 if there is none.
    pub schema: u64,
}

/// Stands for the values of an end that knows them by an [`ItemLayout`].
pub(crate) struct Untyped;

/// Calls that which was compiled for values of so many bytes, if that is a usual length.
macro_rules! by_length {
    ($len:expr, $inner:expr, $call:ident($($value:expr),*), otherwise $otherwise:expr) => {
        match $len {
            4 => $inner.$call::<4>($($value),*),
            8 => $inner.$call::<8>($($value),*),
            16 => $inner.$call::<16>($($value),*),
            24 => $inner.$call::<24>($($value),*),
            32 => $inner.$call::<32>($($value),*),
            40 => $inner.$call::<40>($($value),*),
            48 => $inner.$call::<48>($($value),*),
            56 => $inner.$call::<56>($($value),*),
            64 => $inner.$call::<64>($($value),*),
            128 => $inner.$call::<128>($($value),*),
            256 => $inner.$call::<256>($($value),*),
            _ => $otherwise,
        }
    };
}
pub(crate) use by_length;

/// What the records of a ring are: values, or messages (`[u8]`).
pub(crate) trait Payload {
    /// Bytes of a value, and from one to the next, where they are known when this is compiled.
    const SIZE: Option<u64>;
    /// Whether records have lengths of their own.
    const MESSAGES: bool;
}

/// Records of one size.
pub(crate) trait Values: Payload {}

impl<T: Item> Payload for T {
    const SIZE: Option<u64> = {
        assert!(size_of::<T>() > 0, "an item of no bytes cannot be told from no item");
        assert!(size_of::<T>() as u64 <= PAYLOAD_MAX, "an item is at most 2^32 - 16 bytes");
        Some(size_of::<T>() as u64)
    };
    const MESSAGES: bool = false;
}

impl<T: Item> Values for T {}

impl Payload for Untyped {
    const SIZE: Option<u64> = None;
    const MESSAGES: bool = false;
}

impl Values for Untyped {}

impl Payload for [u8] {
    const SIZE: Option<u64> = None;
    const MESSAGES: bool = true;
}
