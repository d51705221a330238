//! The path of an operation that nobody disturbs, instruction by instruction, and how one gets to a
//! place on it without stepping all of it: by system calls, then by a breakpoint, then by steps. And in
//! which order places are tried, so that whenever time is over those tried were the best to try.
//!
//! Owns: paths, places on them, and their order. Knows nothing of: how a process is moved.

/// What was walked once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Path {
    /// The address of each instruction.
    pub(crate) addresses: Vec<u64>,
    /// Which of them are system calls.
    pub(crate) calls: Vec<usize>,
}

/// The point before an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// System calls to go through first.
    pub(crate) calls: usize,
    /// Where to stop then, for the so many-th time; not at all if that is 0.
    pub(crate) address: u64,
    pub(crate) passes: usize,
    /// Instructions from there.
    pub(crate) steps: usize,
}

impl Path {
    /// Instructions.
    pub(crate) fn len(&self) -> usize {
        self.addresses.len()
    }

    /// The point after `done` instructions; after all of them, where the operation ends or sleeps.
    pub(crate) fn place(&self, done: usize) -> Place {
        let calls = self.calls.partition_point(|call| *call < done);
        let from = calls.checked_sub(1).map_or(0, |last| self.calls[last] + 1);
        let Some(&address) = self.addresses.get(done) else {
            // The last stretch has no instruction to stop at.
            return match done - from {
                0 => Place { calls, address: 0, passes: 0, steps: 0 },
                _ => Place { steps: 1, ..self.place(done - 1) },
            };
        };
        // An instruction that repeats itself (a string copy) is one to a breakpoint and many to a
        // step.
        let is_first = |at: usize| at == from || self.addresses[at - 1] != self.addresses[at];
        let entry = (from..=done).rev().find(|at| is_first(*at)).unwrap_or(from);
        let steps = done - entry;
        if entry == from {
            return Place { calls, address, passes: 0, steps };
        }
        let passes =
            (from..=entry).filter(|at| self.addresses[*at] == address && is_first(*at)).count();
        Place { calls, address, passes, steps }
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_reached_by_calls_then_passes_then_steps() {
        // 10 20 20 20 30 (a call) 10 40 10 40, and the end.
        let addresses = vec![10, 20, 20, 20, 30, 10, 40, 10, 40];
        let path = Path { addresses, calls: vec![4] };
        let place = |calls, address, passes, steps| Place { calls, address, passes, steps };
        assert_eq!(path.place(0), place(0, 10, 0, 0));
        assert_eq!(path.place(1), place(0, 20, 1, 0));
        assert_eq!(path.place(3), place(0, 20, 1, 2));
        assert_eq!(path.place(4), place(0, 30, 1, 0));
        assert_eq!(path.place(5), place(1, 10, 0, 0));
        assert_eq!(path.place(7), place(1, 10, 2, 0));
        assert_eq!(path.place(8), place(1, 40, 2, 0));
        assert_eq!(path.place(9), place(1, 40, 2, 1));
    }
}
