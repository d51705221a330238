//! The bytes of a region, read and laid by LAYOUT.md and by nothing else: what was published is decided
//! here, independently of the library's own reading and recovery. It must not know how a region is mapped.

use std::io;
use std::os::fd::BorrowedFd;

use crate::layout::{CONSUMER, DATA, NEVER, PAGE, PRODUCER, WAKE_AT, commit_word};

/// Bytes of the data area.
pub(crate) const CAPACITY: u64 = 4096;
/// Bytes of the region.
pub(crate) const REGION: usize = (DATA + CAPACITY) as usize;
/// The record alignment of everything that is carried here.
pub(crate) const ALIGN: u64 = 8;

/// The two roles, as the pages stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Producer,
    Consumer,
}

impl Side {
    fn page(self) -> usize {
        match self {
            Self::Producer => PRODUCER as usize,
            Self::Consumer => CONSUMER as usize,
        }
    }

    pub(crate) fn wake_at_offset(self) -> u64 {
        self.page() as u64 + WAKE_AT
    }

    pub(crate) fn position_offset(self) -> u64 {
        self.page() as u64
    }
}

/// Bytes from the start of a record with a payload of `len` bytes to the next one.
pub(crate) fn stride(len: usize) -> u64 {
    ALIGN + (len as u64).next_multiple_of(ALIGN)
}

/// All bytes of a region at one moment.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Image(Vec<u8>);

impl Image {
    pub(crate) fn of(region: BorrowedFd<'_>) -> io::Result<Self> {
        let mut image = Self(vec![0; REGION]);
        image.refresh(region)?;
        Ok(image)
    }

    /// Reads the region again, into the same memory.
    pub(crate) fn refresh(&mut self, region: BorrowedFd<'_>) -> io::Result<()> {
        let read = rustix::io::pread(region, &mut self.0, 0)?;
        if read == REGION { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }

    pub(crate) fn write_to(&self, region: BorrowedFd<'_>) -> io::Result<()> {
        write_at(region, 0, &self.0)
    }

    /// What is wrong with it as a region of this record kind that its creator has just left.
    pub(crate) fn header_is_whole(&self, kind: u32) -> Result<(), String> {
        let fields: [(usize, &[u8], &str); 6] = [
            (0, b"shm-ring", "magic"),
            (8, &1_u32.to_le_bytes(), "version"),
            (24, &(PAGE as u32).to_le_bytes(), "page"),
            (28, &kind.to_le_bytes(), "record kind"),
            (56, &CAPACITY.to_le_bytes(), "capacity"),
            (64, &DATA.to_le_bytes(), "data offset"),
        ];
        for (offset, wanted, what) in fields {
            if &self.0[offset..offset + wanted.len()] != wanted {
                return Err(format!("the header's {what} is not what LAYOUT.md says"));
            }
        }
        if self.0[80..96] == [0; 16] {
            return Err("the header has no id".to_owned());
        }
        for side in [Side::Producer, Side::Consumer] {
            if self.wake_at(side) != NEVER {
                return Err(format!("the {side:?}'s wake_at is not `never` in a fresh ring"));
            }
        }
        Ok(())
    }

    fn word(&self, offset: usize) -> u64 {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&self.0[offset..offset + 8]);
        u64::from_le_bytes(bytes)
    }

    fn set(&mut self, offset: usize, word: u64) {
        self.0[offset..offset + 8].copy_from_slice(&word.to_le_bytes());
    }

    /// `tail` or `head`.
    pub(crate) fn position(&self, side: Side) -> u64 {
        self.word(side.page())
    }

    pub(crate) fn set_position(&mut self, side: Side, position: u64) {
        self.set(side.page(), position);
    }

    pub(crate) fn wake_at(&self, side: Side) -> u64 {
        self.word(side.page() + 128)
    }

    pub(crate) fn set_wake_at(&mut self, side: Side, position: u64) {
        self.set(side.page() + 128, position);
    }

    pub(crate) fn is_asleep(&self, side: Side) -> bool {
        self.wake_at(side) != NEVER
    }

    pub(crate) fn bell(&self, side: Side) -> u32 {
        self.word(side.page() + 256) as u32
    }

    pub(crate) fn session(&self, side: Side) -> u64 {
        self.word(side.page() + 384)
    }

    pub(crate) fn set_session(&mut self, side: Side, session: u64) {
        self.set(side.page() + 384, session);
    }

    pub(crate) fn parks(&self, side: Side) -> u64 {
        self.word(side.page() + 648)
    }

    /// Byte `position` of the data area, which is mapped twice in a row.
    fn data(position: u64) -> usize {
        (DATA + (position & (CAPACITY - 1))) as usize
    }

    fn data_word(&self, position: u64) -> u64 {
        self.word(Self::data(position))
    }

    fn set_data_word(&mut self, position: u64, word: u64) {
        self.set(Self::data(position), word);
    }

    /// Lays a record at `position` and the zero behind it. The position behind it.
    pub(crate) fn lay(&mut self, position: u64, payload: &[u8]) -> u64 {
        let next = position + stride(payload.len());
        for (index, &byte) in payload.iter().enumerate() {
            self.0[Self::data(position + ALIGN + index as u64)] = byte;
        }
        self.set_data_word(next, 0);
        self.set_data_word(position, commit_word(position, payload.len() as u32));
        next
    }

    /// Fills what is free, but for the zero at `tail`, with the worst that former payloads can have left
    /// there: at each place the commit word of the record of `len` bytes that may come to stand there; or,
    /// without a length, what never is one, so that a commit word that is not stored shows.
    pub(crate) fn poison(&mut self, head: u64, tail: u64, len: Option<usize>) {
        for position in (tail + ALIGN..head + CAPACITY).step_by(ALIGN as usize) {
            let word = len.map_or(u64::MAX, |len| commit_word(position, len as u32));
            self.set_data_word(position, word);
        }
    }

    /// The payloads of all records that exist from `head` on, and the position behind them.
    pub(crate) fn published(&self) -> (Vec<Vec<u8>>, u64) {
        let head = self.position(Side::Consumer);
        let (mut position, mut payloads) = (head, Vec::new());
        loop {
            let word = self.data_word(position);
            let len = (word & 0xffff_ffff) as usize;
            let end = position + stride(len.min(CAPACITY as usize));
            if word != commit_word(position, len as u32) || end + ALIGN > head + CAPACITY {
                return (payloads, position);
            }
            let byte = |index| self.0[Self::data(position + ALIGN + index as u64)];
            payloads.push((0..len).map(byte).collect());
            position = end;
        }
    }

    /// What was written between `before` and this, in the words of LAYOUT.md. `tail` is where the next
    /// record goes.
    pub(crate) fn changes(&self, before: &Self, tail: u64, ends: &[u64]) -> Vec<&'static str> {
        let mut changes = Vec::new();
        for offset in (0..REGION).step_by(8) {
            if self.0[offset..offset + 8] == before.0[offset..offset + 8] {
                continue;
            }
            let what = self.name(offset, tail, ends);
            if !changes.contains(&what) {
                changes.push(what);
            }
        }
        changes
    }

    fn name(&self, offset: usize, tail: u64, ends: &[u64]) -> &'static str {
        let in_page = offset % PAGE as usize;
        match (offset / PAGE as usize, in_page) {
            (0, _) => "header",
            (1, 0) => "tail",
            (2, 0) => "head",
            (1 | 2, 128) => "wake_at",
            (1 | 2, 256) => "bell",
            (1 | 2, 384) => "session",
            (1 | 2, 392) => "pid and fence mode",
            (1 | 2, 512) => "liveness",
            (1 | 2, 640..=664) => "counter",
            (1 | 2, _) => "reserved bytes",
            _ if offset == Self::data(tail) => "commit word",
            _ if ends.iter().any(|&end| offset == Self::data(end)) => match self.word(offset) {
                0 => "zero ahead",
                _ => "later commit word",
            },
            _ => "payload",
        }
    }
}

/// Writes `bytes` at `offset` of the region, as its other side would.
pub(crate) fn write_at(region: BorrowedFd<'_>, offset: u64, bytes: &[u8]) -> io::Result<()> {
    let written = rustix::io::pwrite(region, bytes, offset)?;
    if written == bytes.len() { Ok(()) } else { Err(io::ErrorKind::WriteZero.into()) }
}
