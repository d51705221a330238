//! Which records of a recording are meant, by position or by time. It must not know what becomes of them.

use shm_ring_recording::{Block, BlockHead, Content, Header, Kind};

use crate::cli::Part;
use crate::units::Since;

/// A part of a recording. A time selects whole blocks, whose records have one time.
pub(crate) struct Selection {
    part: Part,
    /// The time of the first block with records.
    first: Option<u64>,
}

/// Where a block is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Before,
    /// At least a part of it.
    Inside,
    /// So is everything that follows.
    Behind,
}

impl Selection {
    pub(crate) fn of(part: Part) -> Self {
        Self { part, first: None }
    }

    /// Where a block is, of which those before it were asked about.
    pub(crate) fn place(&mut self, head: &BlockHead) -> Place {
        if head.content == Content::Records {
            self.first.get_or_insert(head.time);
        }
        let first = self.first.unwrap_or(head.time);
        // Whether the block ends at or before that, and whether it begins there or behind.
        let compared = |since| match since {
            Since::Position(position) => (head.end <= position, head.position >= position),
            Since::Elapsed(time) => {
                let at = first.saturating_add(time.as_nanos() as u64);
                (head.time < at, head.time >= at)
            }
            Since::Time(at) => (head.time < at, head.time >= at),
        };
        match (self.part.from.map(compared), self.part.to.map(compared)) {
            (_, Some((_, true))) => Place::Behind,
            (Some((true, _)), _) => Place::Before,
            _ => Place::Inside,
        }
    }

    /// Whether a record of a block inside is meant.
    pub(crate) fn wants(&self, position: u64) -> bool {
        let from = match self.part.from {
            Some(Since::Position(from)) => position >= from,
            _ => true,
        };
        let to = match self.part.to {
            Some(Since::Position(to)) => position < to,
            _ => true,
        };
        from && to
    }

    /// The values of a block that are meant, one behind the other.
    pub(crate) fn values<'a>(&self, block: &Block<'a>, header: &Header) -> &'a [u8] {
        debug_assert_ne!(header.kind, Kind::Messages, "they have one size");
        let (size, unit) = (header.size as usize, header.unit);
        let before = |since: Option<Since>, otherwise: u64| match since {
            Some(Since::Position(position)) => {
                position.saturating_sub(block.head.position).div_ceil(unit).min(block.head.count)
            }
            _ => otherwise,
        };
        let (from, to) = (before(self.part.from, 0), before(self.part.to, block.head.count));
        let index = |count: u64| count as usize * size;
        block.payload().get(index(from)..index(to)).unwrap_or_default()
    }
}
