//! Owns: reading a file from its beginning, block by block, and what makes a block whole. Knows nothing of: where the file is.

use std::io::{self, Read};

use crate::damage::{Damage, Fault, ReadError};
use crate::head::{BlockHead, Content, HEAD_BYTES};
use crate::header::{HEADER_BYTES, Header, Kind};

/// The reader allocates at most this many bytes ahead of those that it has read: a length may be wrong.
const AHEAD: usize = 1 << 20;

/// Bytes of the length before a message.
const PREFIX: usize = 4;

/// Reads a file block by block. A block is returned only if all of it is as it was written.
#[derive(Debug)]
pub struct Reader<R> {
    pub(crate) input: R,
    header: Header,
    /// Where the next block begins, in bytes of the file.
    byte: u64,
    /// The position up to which blocks were read.
    position: u64,
    payload: Vec<u8>,
    over: bool,
}

impl<R: Read> Reader<R> {
    /// Reads the header. Give it a [`BufReader`](io::BufReader): blocks may be short.
    ///
    /// # Errors
    /// [`ReadError::Damaged`] if it is none.
    pub fn new(mut input: R) -> Result<Self, ReadError> {
        let damage = |fault| Damage { byte: 0, position: 0, fault };
        let mut bytes = [0; HEADER_BYTES];
        let found = fill(&mut input, &mut bytes)?;
        if found < HEADER_BYTES {
            let (cut, short) = (&bytes[..found], Header::begins_with(&bytes[..found]));
            let wanted = HEADER_BYTES as u64;
            return Err(damage(match short {
                true => Fault::Cut { wanted, found: found as u64 },
                false => Fault::NotARecording { found: cut[..found.min(8)].to_vec() },
            })
            .into());
        }
        let header = Header::decode(&bytes).map_err(damage)?;
        let position = header.base;
        Ok(Self {
            input,
            header,
            byte: HEADER_BYTES as u64,
            position,
            payload: Vec::new(),
            over: false,
        })
    }

    /// The header of the file.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Bytes of the file that were read and found whole.
    #[must_use]
    pub fn byte(&self) -> u64 {
        self.byte
    }

    /// The position up to which blocks were read.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The next block; `None` at the end of the file, and after an error.
    ///
    /// # Errors
    /// [`ReadError::Damaged`]: nothing behind that is read, since nothing says where the next block begins.
    // An iterator cannot lend what it reads.
    #[expect(clippy::should_implement_trait, reason = "an iterator cannot lend its items")]
    pub fn next(&mut self) -> Result<Option<Block<'_>>, ReadError> {
        let Some(head) = self.head()? else { return Ok(None) };
        let byte = self.byte;
        self.read_payload(&head)?;
        let Self { header, payload, .. } = self;
        Ok(Some(Block { head, byte, header, payload }))
    }

    /// The head of the next block, held against where the one before it ended.
    pub(crate) fn head(&mut self) -> Result<Option<BlockHead>, ReadError> {
        if self.over {
            return Ok(None);
        }
        self.over = true;
        let mut bytes = [0; HEAD_BYTES];
        let found = fill(&mut self.input, &mut bytes)?;
        if found == 0 {
            return Ok(None);
        }
        if found < HEAD_BYTES {
            return Err(self.cut(HEAD_BYTES, found).into());
        }
        let head = BlockHead::decode(&bytes).and_then(|head| self.check(&head).map(|()| head));
        Ok(Some(head.map_err(|fault| self.damage(fault))?))
    }

    /// Goes on behind the block with this head, whose payload was read or passed.
    pub(crate) fn pass(&mut self, head: &BlockHead) {
        self.byte += HEAD_BYTES as u64 + u64::from(head.bytes);
        self.position = head.end;
        self.over = false;
    }

    /// Reads the payload of the block with this head, and checks it.
    pub(crate) fn read_payload(&mut self, head: &BlockHead) -> Result<(), ReadError> {
        let bytes = head.bytes as usize;
        self.payload.clear();
        let no_memory = |_| io::Error::from(io::ErrorKind::OutOfMemory);
        self.payload.try_reserve(bytes.min(AHEAD)).map_err(no_memory)?;
        self.input.by_ref().take(bytes as u64).read_to_end(&mut self.payload)?;
        if self.payload.len() < bytes {
            return Err(self.cut(HEAD_BYTES + bytes, HEAD_BYTES + self.payload.len()).into());
        }
        let (stored, computed) = (head.checksum, crc32fast::hash(&self.payload));
        let fault = match stored == computed {
            false => Some(Fault::Checksum { of: "the records of a block", stored, computed }),
            true if self.header.kind == Kind::Messages && head.content == Content::Records => {
                self.check_messages(head).err()
            }
            true => None,
        };
        if let Some(fault) = fault {
            return Err(self.damage(fault).into());
        }
        self.pass(head);
        Ok(())
    }

    /// Whether a head can be that of the next block.
    fn check(&self, head: &BlockHead) -> Result<(), Fault> {
        let BlockHead { content, position, end, count, bytes, .. } = *head;
        if position != self.position {
            return Err(Fault::OutOfOrder { found: position, wanted: self.position });
        }
        let Header { kind, size, unit, .. } = self.header;
        let field = |name, found| Err(Fault::Field { name, found });
        let said = |of, said: u64, found: u64| match said == found {
            true => Ok(()),
            false => Err(Fault::Records { of, said, found }),
        };
        match content {
            Content::Records if count == 0 => field("the number of records", count),
            Content::Records if kind == Kind::Messages => {
                match count > u64::from(bytes) / PREFIX as u64 {
                    true => field("the number of records", count),
                    false => Ok(()),
                }
            }
            Content::Records => {
                said("bytes of records", u64::from(bytes), count.saturating_mul(size))?;
                said("that they end at", end, position.saturating_add(count.saturating_mul(unit)))
            }
            Content::Gap => {
                said("bytes of a gap", u64::from(bytes), 0)?;
                match end <= position || (end - position) % unit != 0 {
                    true => field("the end of a gap", end),
                    false => Ok(()),
                }
            }
            Content::End(_) => {
                said("bytes at an end", u64::from(bytes), 0)?;
                said("that nothing ends at", end, position)?;
                said("records at an end", count, 0)
            }
        }
    }

    /// Whether the messages of a block are as many as its head says, and end where it says.
    fn check_messages(&self, head: &BlockHead) -> Result<(), Fault> {
        let mut records = Records::of(&self.header, &self.payload, head.position);
        let found = records.by_ref().count() as u64;
        let rest = records.payload.len() as u64;
        for (of, said, found) in [
            ("that behind its records there are bytes:", 0, rest),
            ("a number of records:", head.count, found),
            ("that they end at", head.end, records.position),
        ] {
            if said != found {
                return Err(Fault::Records { of, said, found });
            }
        }
        Ok(())
    }

    pub(crate) fn cut(&self, wanted: usize, found: usize) -> Damage {
        self.damage(Fault::Cut { wanted: wanted as u64, found: found as u64 })
    }

    fn damage(&self, fault: Fault) -> Damage {
        Damage { byte: self.byte, position: self.position, fault }
    }
}

/// Reads until `bytes` are full, or the input is at its end: how many it was.
fn fill(input: &mut impl Read, bytes: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < bytes.len() {
        match input.read(&mut bytes[filled..]) {
            Ok(0) => break,
            Ok(more) => filled += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// A block of a file, which is whole.
#[derive(Clone, Copy, Debug)]
pub struct Block<'a> {
    /// Its head.
    pub head: BlockHead,
    /// Where it begins, in bytes of the file.
    pub byte: u64,
    header: &'a Header,
    payload: &'a [u8],
}

impl<'a> Block<'a> {
    /// The records, oldest first; none of a gap and of an end.
    #[must_use]
    pub fn records(&self) -> Records<'a> {
        Records::of(self.header, self.payload, self.head.position)
    }

    /// The bytes of the records: of values one behind the other, of messages each behind its length.
    #[must_use]
    pub fn payload(&self) -> &'a [u8] {
        self.payload
    }
}

/// A record of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// Where it was in the ring.
    pub position: u64,
    /// The value, or the message.
    pub payload: &'a [u8],
}

/// The records of a [`Block`], oldest first.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    header: &'a Header,
    payload: &'a [u8],
    position: u64,
}

impl<'a> Records<'a> {
    fn of(header: &'a Header, payload: &'a [u8], position: u64) -> Self {
        Self { header, payload, position }
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Record<'a>;

    fn next(&mut self) -> Option<Record<'a>> {
        let (len, rest) = match self.header.kind {
            Kind::Messages => {
                let (prefix, rest) = self.payload.split_first_chunk::<PREFIX>()?;
                (u32::from_le_bytes(*prefix) as usize, rest)
            }
            Kind::Values | Kind::Latest => (self.header.size as usize, self.payload),
        };
        let (payload, rest) = rest.split_at_checked(len)?;
        let position = self.position;
        self.position = position.checked_add(self.header.stride(len as u64))?;
        self.payload = rest;
        Some(Record { position, payload })
    }
}
