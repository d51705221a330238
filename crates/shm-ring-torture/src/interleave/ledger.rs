//! What the two children and their parent tell each other outside the ring: a few words in a file
//! without a name.
//!
//! Owns: the words in that file. Knows nothing of: what they mean to the ring.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use rustix::fs::{MemfdFlags, memfd_create};

use super::case::Outcome;

/// Words that a side writes down about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) outcome: Outcome,
    /// Records pushed and taken so far.
    pub(crate) pushed: u64,
    pub(crate) taken: u64,
    /// Whether the other side looked dead.
    pub(crate) saw_dead: bool,
    /// The ring's own random number; 0 if the side has none.
    pub(crate) ring: u128,
}

/// One word for each of these, and the ring's number in two.
const WORDS: usize = 6;

/// The file.
#[derive(Debug)]
pub(crate) struct Ledger(File);

impl Ledger {
    pub(crate) fn new() -> io::Result<Self> {
        let fd = memfd_create("shm-ring-torture-ledger", MemfdFlags::CLOEXEC)?;
        Ok(Self(File::from(fd)))
    }

    pub(crate) fn clear(&self) -> io::Result<()> {
        self.put(0, &[0; 3 * WORDS])
    }

    pub(crate) fn write(&self, side: usize, entry: &Entry) -> io::Result<()> {
        let Entry { outcome, pushed, taken, saw_dead, ring } = *entry;
        let ring = [ring as u64, (ring >> 64) as u64];
        let words = [outcome as u64, pushed, taken, u64::from(saw_dead), ring[0], ring[1]];
        self.put(side, &words)
    }

    pub(crate) fn read(&self, side: usize) -> io::Result<Entry> {
        let [outcome, pushed, taken, dead, low, high] = self.get(side)?;
        let ring = u128::from(low) | u128::from(high) << 64;
        let outcome = Outcome::from_word(outcome);
        Ok(Entry { outcome, pushed, taken, saw_dead: dead != 0, ring })
    }

    /// How many records are to be taken in all.
    pub(crate) fn set_goal(&self, records: u64) -> io::Result<()> {
        self.put(2, &[records])
    }

    pub(crate) fn goal(&self) -> io::Result<u64> {
        Ok(self.get(2)?[0])
    }

    fn put(&self, line: usize, words: &[u64]) -> io::Result<()> {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        self.0.write_all_at(&bytes, (line * WORDS * 8) as u64)
    }

    fn get(&self, line: usize) -> io::Result<[u64; WORDS]> {
        let mut bytes = [0; WORDS * 8];
        self.0.read_exact_at(&mut bytes, (line * WORDS * 8) as u64)?;
        let (words, _) = bytes.as_chunks::<8>();
        Ok(std::array::from_fn(|at| u64::from_le_bytes(words[at])))
    }
}
