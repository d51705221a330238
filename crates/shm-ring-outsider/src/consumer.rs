//! A consumer that runs the protocol of LAYOUT.md in a live region, and never sleeps.
//!
//! Owns: the order of loads and stores of taking records. Knows nothing of: waiting.

use core::fmt;

use crate::attached::Attached;
use crate::head::{Head, Look};
use crate::header::Header;
use crate::kernel::Mapping;
use crate::region::Writable;
use crate::words::{HINT, POSITION, Side};

/// The region is corrupt, permanently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Corrupt;

impl fmt::Display for Corrupt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the producer's tail or a record cannot be")
    }
}

impl core::error::Error for Corrupt {}

/// A consumer. One that is dropped without [`close`](Self::close) has died.
#[derive(Debug)]
pub struct Consumer<'a> {
    attached: Attached<'a>,
    header: Header,
    head: Head,
    hint: u64,
    fronts: u64,
}

impl<'a> Consumer<'a> {
    /// Attaches to a ring with `header`. Takes no lease: see [`Lease`](crate::Lease).
    pub fn attach(region: &'a Mapping, header: &Header) -> Result<Self, Corrupt> {
        let head = Head::attach(region, header).ok_or(Corrupt)?;
        let attached = Attached::attach(region, header, Side::Consumer);
        Ok(Self { attached, header: *header, head, hint: 1, fronts: 0 })
    }

    /// The number of this attachment.
    pub fn session(&self) -> u64 {
        self.attached.session()
    }

    /// The head that it has stored.
    pub fn head(&self) -> u64 {
        self.head.released
    }

    /// How many records it took from the front.
    pub fn fronts(&self) -> u64 {
        self.fronts
    }

    /// Takes the oldest record: from the front if that is allowed. `None` if there is none.
    pub fn pop(&mut self) -> Result<Option<Vec<u8>>, Corrupt> {
        let seen = self.head.tail;
        let payload = match self.head.look(self.attached.region, &self.header) {
            Look::Empty => return Ok(None),
            Look::Record { front: Some(front), .. } => {
                self.fronts += 1;
                front
            }
            Look::Record { front: None, data: Some(data) } => data,
            Look::Corrupt | Look::Record { .. } => {
                self.head.corrupt = true;
                return Err(Corrupt);
            }
        };
        self.head.step(&self.header, payload.len() as u64);
        if seen != self.head.tail {
            self.want(self.head.position == self.head.tail);
        }
        let region = self.attached.region;
        region.set(self.attached.own(POSITION), self.head.position);
        self.head.release();
        self.attached.stored(self.head.position);
        Ok(Some(payload))
    }

    /// Stores the hint, if it is another one than before.
    fn want(&mut self, front: bool) {
        if self.hint != u64::from(front) {
            self.hint = u64::from(front);
            self.attached.region.set(self.attached.own(HINT), self.hint);
        }
    }

    /// Closes in order.
    pub fn close(self) {
        self.attached.close();
    }
}
