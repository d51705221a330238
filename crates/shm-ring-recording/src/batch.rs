//! Owns: a block of records while it is made: one piece of memory, head and payload, that goes to the file by one write. Knows
//! nothing of: where the records come from.

use std::fmt;

use crate::head::{BlockHead, Content, HEAD_BYTES};
use crate::header::{Header, Kind};

/// A block of records that is made again and again in the same memory.
#[derive(Debug)]
pub struct Batch {
    header: Header,
    /// The head, the payload, and room that was used before.
    buffer: Vec<u8>,
    /// Bytes of head and payload.
    filled: usize,
    position: u64,
    end: u64,
    count: u64,
}

/// There is no memory for a record, or no room for it in a block, which holds less than 4 GiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoMemory {
    /// Bytes of the block that would hold it.
    pub needed: usize,
}

impl fmt::Display for NoMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no memory for a block of {} bytes: free some", self.needed)
    }
}

impl std::error::Error for NoMemory {}

impl Batch {
    /// A block without records, of a file that begins with `header`.
    #[must_use]
    pub fn new(header: &Header) -> Self {
        let (position, buffer) = (header.base, vec![0; HEAD_BYTES]);
        Self {
            header: header.clone(),
            buffer,
            filled: HEAD_BYTES,
            position,
            end: position,
            count: 0,
        }
    }

    /// Begins anew with the record at `position`.
    pub fn begin(&mut self, position: u64) {
        (self.position, self.end, self.count, self.filled) = (position, position, 0, HEAD_BYTES);
    }

    /// Where `count` values go, one behind the other. They count as there.
    ///
    /// # Errors
    /// [`NoMemory`]. Then it is as it was.
    ///
    /// # Panics
    /// If the file holds messages.
    pub fn values(&mut self, count: usize) -> Result<&mut [u8], NoMemory> {
        assert!(self.header.kind != Kind::Messages, "the file holds messages");
        let len = (self.header.size as usize).saturating_mul(count);
        let at = self.extend(len)?;
        self.end = self.end.saturating_add((count as u64).saturating_mul(self.header.unit));
        self.count += count as u64;
        Ok(&mut self.buffer[at..at + len])
    }

    /// Where a message of `len` bytes goes. It counts as there.
    ///
    /// # Errors
    /// [`NoMemory`]. Then it is as it was.
    ///
    /// # Panics
    /// If the file holds values.
    pub fn message(&mut self, len: usize) -> Result<&mut [u8], NoMemory> {
        assert!(self.header.kind == Kind::Messages, "the file holds values");
        let at = self.extend(len.saturating_add(4))?;
        let (prefix, message) = self.buffer[at..at + len + 4].split_at_mut(4);
        // A block is shorter than 4 GiB.
        prefix.copy_from_slice(&(len as u32).to_le_bytes());
        self.end = self.end.saturating_add(self.header.stride(len as u64));
        self.count += 1;
        Ok(message)
    }

    /// Makes room for `len` bytes more, and says where they are.
    fn extend(&mut self, len: usize) -> Result<usize, NoMemory> {
        let at = self.filled;
        let needed = at.saturating_add(len);
        let fits = u32::try_from(needed - HEAD_BYTES).is_ok();
        if !fits {
            return Err(NoMemory { needed });
        }
        if let Some(more) = needed.checked_sub(self.buffer.len()) {
            self.buffer.try_reserve(more).map_err(|_| NoMemory { needed })?;
            self.buffer.resize(needed, 0);
        }
        self.filled = needed;
        Ok(at)
    }

    /// Bytes of payload.
    #[must_use]
    pub fn len(&self) -> usize {
        self.filled - HEAD_BYTES
    }

    /// Whether it has no records.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Records that are there.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The position behind the last record.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.end
    }

    /// The bytes of the block, whose records were found at `time`.
    pub fn seal(&mut self, time: u64) -> &[u8] {
        let Self { position, end, count, .. } = *self;
        let payload = &self.buffer[HEAD_BYTES..self.filled];
        let (bytes, checksum) = (payload.len() as u32, crc32fast::hash(payload));
        let content = Content::Records;
        let head = BlockHead { content, position, end, time, count, bytes, checksum };
        self.buffer[..HEAD_BYTES].copy_from_slice(&head.encode());
        &self.buffer[..self.filled]
    }
}
