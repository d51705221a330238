//! What a producer must know and answer, whatever the words hold.
//!
//! Owns: the producer's copies of the positions, and its checks. Knows nothing of: stores.

use core::sync::atomic::Ordering::AcqRel;
use core::sync::atomic::fence;

use crate::header::Header;
use crate::record::unpack;
use crate::region::Region;
use crate::words::{POSITION, POSITION_END, Side};

/// What a producer finds that needs room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// The record fits.
    Enough,
    /// It does not fit now.
    Full,
    /// The consumer's head cannot be, or positions end here. Permanently.
    Corrupt,
}

/// A producer's private state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tail {
    /// Where the next record goes.
    pub position: u64,
    /// The last head that it loaded and believed.
    pub head: u64,
    /// Permanently.
    pub corrupt: bool,
}

impl Tail {
    /// What a producer that attaches now knows; `None` if it must find the region corrupt.
    pub fn attach<R: Region + ?Sized>(region: &R, header: &Header) -> Option<Self> {
        let word = region.word(Side::Producer.page(header.page.into()) + POSITION);
        let (position, _) = unpack(word);
        // One for whose shortest record no position is left does not attach.
        let can_go_on = position.saturating_add(header.unit()) < POSITION_END;
        if !can_go_on || !position.is_multiple_of(header.unit()) {
            return None;
        }
        let mut tail = Self { position, head: position, corrupt: false };
        tail.look(region, header);
        (!tail.corrupt).then_some(tail)
    }

    /// Loads the consumer's head and checks it.
    fn look<R: Region + ?Sized>(&mut self, region: &R, header: &Header) {
        let head = region.word(Side::Consumer.page(header.page.into()) + POSITION);
        fence(AcqRel);
        // For messages a tail that is a multiple of A makes this the same as a check of the head.
        let believed = head < POSITION_END
            && head <= self.position
            && self.position - head <= header.limit
            && (self.position - head).is_multiple_of(header.unit());
        self.corrupt |= !believed;
        if !self.corrupt {
            self.head = head;
        }
    }

    /// Whether `bytes` of records fit, at most the limit. The head is loaded only if the last one does not suffice.
    pub fn room_for<R: Region + ?Sized>(
        &mut self,
        region: &R,
        header: &Header,
        bytes: u64,
    ) -> Room {
        self.corrupt |= self.position + bytes >= POSITION_END;
        let fits = |tail: &Self| tail.position + bytes - tail.head <= header.limit;
        if !self.corrupt && !fits(self) {
            self.look(region, header);
        }
        match fits(self) {
            _ if self.corrupt => Room::Corrupt,
            true => Room::Enough,
            false => Room::Full,
        }
    }

    /// Bytes that are free by the head that stands in the region now; 0 if that is corrupt.
    pub fn room<R: Region + ?Sized>(&mut self, region: &R, header: &Header) -> u64 {
        self.look(region, header);
        if self.corrupt { 0 } else { header.limit - (self.position - self.head) }
    }

    /// Records of `bytes` were published.
    pub fn advance(&mut self, bytes: u64) {
        self.position += bytes;
    }
}
