//! In which order points are tried, so that whenever time is over those tried were the best to try.
//!
//! Owns: the order. Knows nothing of: what is tried.

use super::path::Path;

/// The points of a path in the order in which they are tried: around its system calls first, where most
/// of what others can see happens, and then evenly spread.
pub(crate) fn order(path: &Path, random: u64) -> Vec<usize> {
    let calls = path.calls.iter().flat_map(|call| [*call, call + 1]);
    let points = path.len() + 1;
    let spread = Spread::new(points as u64, random);
    let all = (0..points as u64).map(|round| spread.at(round) as usize);
    let mut seen = vec![false; points];
    calls
        .chain(all)
        .filter(|&point| point < points && !std::mem::replace(&mut seen[point], true))
        .collect()
}

/// All numbers below a count, each once, in an order that is spread evenly however early it is left.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spread {
    count: u64,
    stride: u64,
    offset: u64,
}

impl Spread {
    pub(crate) fn new(count: u64, random: u64) -> Self {
        // The golden section leaves gaps of few different lengths.
        let wanted = (count as f64 * 0.618_034) as u64;
        let stride = (wanted.max(1)..).find(|stride| gcd(*stride, count) == 1).unwrap_or(1);
        Self { count, stride, offset: random % count }
    }

    pub(crate) fn at(self, round: u64) -> u64 {
        let reached = u128::from(round) * u128::from(self.stride) + u128::from(self.offset);
        (reached % u128::from(self.count)) as u64
    }
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}
