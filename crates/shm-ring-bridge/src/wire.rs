//! Owns: what the two sides say to each other: batches of records, whose head is binary, and everything else, which is JSON.
//! Knows nothing of: how it gets there.
//!
//! A batch, numbers little-endian: the magic (8 bytes), the ids of the source ring and the sink ring (16 each), the run, the
//! positions of its first record and behind its last one (8 each), and of a part of a record its whole length and where the
//! part begins (4 each; a length of 0 means whole records). Then values as they lie in the ring, or messages, each with its
//! length in 4 bytes before it, or a part.

use serde::{Deserialize, Serialize};

use crate::flow::{Extent, Part};
use crate::pairing::{Pair, Refusal, Side, show};
use crate::shape::Shape;

const MAGIC: [u8; 8] = *b"shmrbr\x01\n";
/// Bytes of a batch before its records.
pub(crate) const HEAD: usize = 72;

/// Whose a batch is: the two rings, and which return of the source it follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) source: u128,
    pub(crate) sink: u128,
    pub(crate) run: u64,
}

/// Writes the head of a batch into the first [`HEAD`] bytes.
pub(crate) fn stamp(batch: &mut [u8], stamp: Stamp, extent: &Extent) {
    let part = extent.part.unwrap_or(Part { total: 0, offset: 0, len: 0 });
    batch[..8].copy_from_slice(&MAGIC);
    batch[8..24].copy_from_slice(&stamp.source.to_le_bytes());
    batch[24..40].copy_from_slice(&stamp.sink.to_le_bytes());
    for (at, number) in [(40, stamp.run), (48, extent.first), (56, extent.end)] {
        batch[at..at + 8].copy_from_slice(&number.to_le_bytes());
    }
    batch[64..68].copy_from_slice(&part.total.to_le_bytes());
    batch[68..72].copy_from_slice(&part.offset.to_le_bytes());
}

/// The head of a batch, if it is one.
pub(crate) fn read(batch: &[u8]) -> Option<(Stamp, Extent)> {
    let (head, records) = batch.split_first_chunk::<HEAD>()?;
    let long = |at: usize| u128::from_le_bytes(head[at..at + 16].try_into().expect("16 bytes"));
    let number = |at: usize| u64::from_le_bytes(head[at..at + 8].try_into().expect("8 bytes"));
    let short = |at: usize| u32::from_le_bytes(head[at..at + 4].try_into().expect("4 bytes"));
    if head[..8] != MAGIC || number(56) <= number(48) {
        return None;
    }
    let (total, offset, len) = (short(64), short(68), u32::try_from(records.len()).ok()?);
    if total > 0 && offset.checked_add(len).is_none_or(|end| end > total) {
        return None;
    }
    let part = (total > 0).then_some(Part { total, offset, len });
    let stamp = Stamp { source: long(8), sink: long(24), run: number(40) };
    Some((stamp, Extent { first: number(48), end: number(56), part }))
}

/// A ring and how it is, as one side tells the other.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Ring {
    id: String,
    head: u64,
    tail: u64,
    shape: Shape,
    /// The ring that it is paired with, and where the sink ring begins.
    paired: Option<(String, u64)>,
    anew: bool,
}

impl From<&Side> for Ring {
    fn from(side: &Side) -> Self {
        let Side { id, head, tail, shape, pair, anew } = side;
        let paired = pair.map(|Pair { other, base }| (show(other), base));
        let (id, shape) = (show(*id), shape.clone());
        Self { id, head: *head, tail: *tail, shape, paired, anew: *anew }
    }
}

impl Ring {
    /// What it says, if that can be.
    pub(crate) fn side(self) -> Option<Side> {
        let Self { id, head, tail, shape, paired, anew } = self;
        let pair = match paired {
            Some((other, base)) => Some(Pair { other: parse(&other)?, base }),
            None => None,
        };
        Some(Side { id: parse(&id)?, head, tail, shape, pair, anew })
    }
}

pub(crate) fn parse(id: &str) -> Option<u128> {
    u128::from_str_radix(id, 16).ok()
}

/// What the sink asks the source: with its ring, once it has one.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Hello {
    pub(crate) ring: Option<Ring>,
}

/// What the source answers.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Welcome {
    pub(crate) ring: Ring,
    pub(crate) verdict: Option<Result<u64, Refusal>>,
}

/// Where the sink stands, in positions of the source ring.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stand {
    pub(crate) source: String,
    pub(crate) sink: String,
    pub(crate) position: u64,
    /// The run of a batch that came although one before it is missing.
    pub(crate) hole: Option<u64>,
}

/// What the source asks of whoever is the sink: for a [`Stand`].
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Where {
    pub(crate) source: String,
}

/// What a source says to other sources, of which there must be none.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Presence {
    /// A number that this process alone has.
    pub(crate) instance: u64,
    pub(crate) ring: String,
    pub(crate) pid: u32,
    /// The instance that came later, if this is an answer to it.
    pub(crate) answers: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_says_what_was_written() {
        let part = Some(Part { total: 24, offset: 10, len: 4 });
        for extent in
            [Extent { first: 80, end: 1 << 61, part: None }, Extent { first: 80, end: 112, part }]
        {
            let whose = Stamp { source: u128::MAX - 1, sink: 2, run: 3 };
            let mut batch = vec![0; HEAD + 4];
            stamp(&mut batch, whose, &extent);
            assert_eq!(read(&batch), Some((whose, extent)));
        }
    }

    #[test]
    fn what_is_no_batch_is_none() {
        let whose = Stamp { source: 1, sink: 2, run: 3 };
        let of = |extent: Extent, len: usize| {
            let mut batch = vec![0; HEAD + len];
            stamp(&mut batch, whose, &extent);
            batch
        };
        let whole = Extent { first: 8, end: 16, part: None };
        assert!(read(&of(whole, 8)).is_some());
        assert_eq!(read(&of(whole, 8)[..HEAD - 1]), None);
        assert_eq!(read(&of(Extent { end: 8, ..whole }, 8)), None);
        let part = Part { total: 8, offset: 6, len: 3 };
        assert_eq!(read(&of(Extent { part: Some(part), ..whole }, 3)), None);
        let mut other = of(whole, 8);
        other[0] ^= 1;
        assert_eq!(read(&other), None);
    }
}
