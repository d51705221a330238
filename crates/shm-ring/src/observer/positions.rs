//! Owns: where the sides of a ring stand, or the writer of a latest value. Knows nothing of: who they are.

use super::Observer;
use crate::protocol::position::unpack;
use crate::protocol::sync::{Ordering, fence};
use crate::protocol::version::VERSION_MAX;
use crate::role::Role;

/// Where the two sides stand.
pub(super) struct Positions {
    pub(super) head: u64,
    pub(super) tail: u64,
    /// Whether both were so at one moment.
    pub(super) settled: bool,
    /// Whether they contradict the protocol.
    pub(super) corrupt: bool,
}

/// How often the positions are read again because the consumer moved on in between.
const LOOKS: u32 = 16;

impl Observer {
    pub(super) fn positions(&self) -> Positions {
        if self.is_latest() { self.of_versions() } else { self.of_sides() }
    }

    /// Head and tail, of one moment if the head had not moved when the tail had been read.
    fn of_sides(&self) -> Positions {
        let mut head = self.head();
        let (mut tail, mut settled) = (0, false);
        for _ in 0..LOOKS {
            tail = unpack(self.published()).0;
            // Keeps the three loads in order; what is copied below this tail is there.
            fence(Ordering::Acquire); // edge `publish`, observed
            let again = self.head();
            settled = again == head;
            if settled {
                break;
            }
            head = again;
        }
        let layout = &self.layout.records;
        let corrupt = !layout.is_position(head)
            || !layout.is_position(tail)
            || settled && (head > tail || tail - head > layout.limit);
        Positions { head, tail, settled, corrupt }
    }

    /// What stands for the positions of a latest value.
    fn of_versions(&self) -> Positions {
        let published = self.published();
        let tail = self.versions_before(published);
        Positions { head: 0, tail, settled: true, corrupt: published >= VERSION_MAX }
    }

    /// The consumer's position; what is loaded after this is no older.
    pub(super) fn head(&self) -> u64 {
        let head = self.mapping.side(Role::Consumer).map(|page| &page.position.0.word).relaxed();
        fence(Ordering::Acquire);
        head
    }

    /// The tail word of the producer, or how many values the writer has written.
    pub(super) fn published(&self) -> u64 {
        self.mapping.side(Role::Producer).map(|page| &page.position.0.word).relaxed()
    }
}
