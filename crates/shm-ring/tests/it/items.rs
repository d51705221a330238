//! Items and messages whose every byte follows from their number, and random numbers that follow
//! from a seed.

use shm_ring::Item;
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// SplitMix64: enough to be unlike its neighbours.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// One of `choices`.
    pub(crate) fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize]
    }
}

fn fill(bytes: &mut [u8], n: u64) {
    let mut random = Random::new(n.wrapping_mul(0x2545_f491_4f6c_dd1d));
    for chunk in bytes.chunks_mut(8) {
        chunk.copy_from_slice(&random.next().to_le_bytes()[..chunk.len()]);
    }
}

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

/// The bytes of the `n`th message of a stream, `len` of them.
pub(crate) fn text(n: u64, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    fill(&mut bytes, n);
    bytes
}

macro_rules! aligned {
    ($($name:ident $align:literal $bytes:literal),*) => {$(
        #[derive(FromBytes, IntoBytes, Immutable)]
        #[repr(C, align($align))]
        pub(crate) struct $name([u8; $bytes]);
    )*};
}

aligned!(A16 16 16, A64 64 192, A128 128 128, A2048 2048 2048, A4096 4096 4096);

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
