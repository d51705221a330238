//! Items whose every byte follows from their number.

use shm_ring::Item;
use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::forms::content::fill;
pub(crate) use crate::forms::content::{Random, text};

/// The `n`th item of a stream.
pub(crate) fn make<T: Item>(n: u64) -> T {
    let mut item = T::new_zeroed();
    fill(item.as_mut_bytes(), n);
    item
}

/// Fails unless `item` is the `n`th of a stream, to the last byte.
#[track_caller]
pub(crate) fn check<T: Item>(item: &T, n: u64) {
    let expected = make::<T>(n);
    assert!(
        item.as_bytes() == expected.as_bytes(),
        "item {n} is {:02x?}.. and should be {:02x?}..",
        &item.as_bytes()[..item.as_bytes().len().min(16)],
        &expected.as_bytes()[..expected.as_bytes().len().min(16)],
    );
}

macro_rules! aligned {
    ($($name:ident $align:literal $bytes:literal),*) => {$(
        #[derive(FromBytes, IntoBytes, Immutable)]
        #[repr(C, align($align))]
        pub(crate) struct $name([u8; $bytes]);
    )*};
}

aligned!(A16 16 16, A64 64 192, A4096 4096 4096);

/// An item that says which one it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub(crate) struct Numbered {
    pub(crate) n: u64,
    body: [u8; 88],
}

impl Numbered {
    /// Bytes from one record to the next.
    pub(crate) const STRIDE: u64 = 96;

    pub(crate) fn new(n: u64) -> Self {
        let mut body = [0; 88];
        fill(&mut body, n);
        Self { n, body }
    }

    /// The number, if the item is whole.
    #[track_caller]
    pub(crate) fn checked(&self) -> u64 {
        assert!(*self == Self::new(self.n), "item {} is torn", self.n);
        self.n
    }
}
