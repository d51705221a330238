//! A producer that runs the protocol of LAYOUT.md in a live region, and never sleeps.
//!
//! Owns: the order of stores of publishing. Knows nothing of: waiting.

use core::fmt;
use core::sync::atomic::Ordering::Release;
use core::sync::atomic::fence;

use crate::attached::Attached;
use crate::header::Header;
use crate::kernel::Mapping;
use crate::lay::lay;
use crate::record::{NO_FRONT, pack};
use crate::region::{Region, Writable};
use crate::tail::{Room, Tail};
use crate::words::{FRONT, HINT, POSITION, Side};

/// Why a record was not published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PushError {
    /// There is no room now.
    Full,
    /// It never fits, or is no value of this ring.
    WrongLength,
    /// The region is corrupt, permanently.
    Corrupt,
}

impl fmt::Display for PushError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "the ring is full",
            Self::WrongLength => "no record of this ring has that length",
            Self::Corrupt => "the consumer's head cannot be, or positions have come to their end",
        })
    }
}

impl core::error::Error for PushError {}

/// A producer. One that is dropped without [`close`](Self::close) has died.
#[derive(Debug)]
pub struct Producer<'a> {
    attached: Attached<'a>,
    header: Header,
    tail: Tail,
}

impl<'a> Producer<'a> {
    /// Attaches to a ring with `header`. Takes no lease: see [`Lease`](crate::Lease).
    pub fn attach(region: &'a Mapping, header: &Header) -> Result<Self, PushError> {
        let tail = Tail::attach(region, header).ok_or(PushError::Corrupt)?;
        let attached = Attached::attach(region, header, Side::Producer);
        Ok(Self { attached, header: *header, tail })
    }

    /// The number of this attachment.
    pub fn session(&self) -> u64 {
        self.attached.session()
    }

    /// Where the next record goes.
    pub fn tail(&self) -> u64 {
        self.tail.position
    }

    /// Publishes one record, with the front if the consumer wants it.
    pub fn push(&mut self, payload: &[u8]) -> Result<(), PushError> {
        let (region, old) = (self.attached.region, self.tail.position);
        let next = self.write(&[payload])?;
        let wanted = region.word(self.attached.others(HINT)) != 0;
        let front = self.header.front_of(old, payload).filter(|_| wanted);
        let word = region.atomic(self.attached.own(POSITION));
        if let Some(mut front) = front.clone() {
            word.store((old | NO_FRONT).to_le(), Release);
            fence(Release);
            front.resize(front.len().next_multiple_of(8), 0);
            for (at, bytes) in (self.attached.own(FRONT)..).step_by(8).zip(front.chunks_exact(8)) {
                let mut front = [0; 8];
                front.copy_from_slice(bytes);
                region.set(at, u64::from_le_bytes(front));
            }
        }
        word.store(pack(next, front.is_some()).to_le(), Release);
        self.published(next);
        Ok(())
    }

    /// Publishes all of `payloads` or none.
    pub fn push_batch(&mut self, payloads: &[&[u8]]) -> Result<(), PushError> {
        let next = self.write(payloads)?;
        let word = self.attached.region.atomic(self.attached.own(POSITION));
        word.store(pack(next, false).to_le(), Release);
        self.published(next);
        Ok(())
    }

    /// Writes records into the data. The position behind them.
    fn write(&mut self, payloads: &[&[u8]]) -> Result<u64, PushError> {
        let header = &self.header;
        if payloads.iter().any(|payload| !header.may_be(payload.len() as u64)) {
            return Err(PushError::WrongLength);
        }
        let bytes = payloads.iter().map(|payload| header.stride(payload.len() as u64)).sum();
        if bytes > header.limit {
            return Err(PushError::WrongLength);
        }
        match self.tail.room_for(self.attached.region, header, bytes) {
            Room::Enough => {}
            Room::Full => return Err(PushError::Full),
            Room::Corrupt => return Err(PushError::Corrupt),
        }
        let lay = |at, payload: &&[u8]| lay(self.attached.region, header, at, payload);
        Ok(payloads.iter().fold(self.tail.position, lay))
    }

    fn published(&mut self, next: u64) {
        self.tail.advance(next - self.tail.position);
        self.attached.stored(next);
    }

    /// Bytes that are free now.
    pub fn room(&mut self) -> u64 {
        self.tail.room(self.attached.region, &self.header)
    }

    /// Closes in order.
    pub fn close(self) {
        self.attached.close();
    }
}
