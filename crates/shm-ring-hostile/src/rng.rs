//! Choices that can be repeated: by a seed, with splitmix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number
//! generators", 2014), or by the bytes of a fuzzer, which learns what they lead to.

/// Where choices come from. Good enough to choose what to break next.
#[derive(Clone, Debug)]
pub struct Rng(Source);

#[derive(Clone, Debug)]
enum Source {
    Seed(u64),
    /// The first byte last.
    Bytes(Vec<u8>),
}

impl Rng {
    pub fn new(seed: u64) -> Self {
        Self(Source::Seed(seed))
    }

    /// As the bytes say, and zeros behind them.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Source::Bytes(bytes.iter().rev().copied().collect()))
    }

    /// Whether they come from bytes, of which there is an end.
    pub fn is_given(&self) -> bool {
        matches!(self.0, Source::Bytes(_))
    }

    /// Whether there are no more bytes.
    pub fn is_spent(&self) -> bool {
        matches!(&self.0, Source::Bytes(bytes) if bytes.is_empty())
    }

    #[allow(clippy::should_implement_trait)] // It has no end, and is no iterator.
    pub fn next(&mut self) -> u64 {
        self.number(8)
    }

    /// A number below `end`, which is not 0.
    pub fn below(&mut self, end: u64) -> u64 {
        // No more bytes than it takes, so that an input says much.
        self.number(match end {
            ..=0x100 => 1,
            0x101..=0x1_0000 => 2,
            _ => 8,
        }) % end
    }

    fn number(&mut self, bytes: usize) -> u64 {
        match &mut self.0 {
            Source::Seed(seed) => {
                *seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
                let mut z = *seed;
                z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
                z ^ (z >> 31)
            }
            Source::Bytes(given) => {
                (0..bytes).fold(0, |number, _| number << 8 | u64::from(given.pop().unwrap_or(0)))
            }
        }
    }
}
