//! Owns: finding where a file ends, to go on there. Knows nothing of: what is written behind it.

use std::io::{BufReader, Read, Seek};

use crate::damage::ReadError;
use crate::head::{Content, HEAD_BYTES, Reason};
use crate::header::Header;
use crate::reader::Reader;

/// Where a file ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// The header of the file.
    pub header: Header,
    /// The position behind the last whole block.
    pub position: u64,
    /// Bytes of the file up to there.
    pub byte: u64,
    /// Bytes behind that, of a block that was not written to its end.
    pub half: u64,
    /// Why the recording ended, if it did so in order.
    pub reason: Option<Reason>,
}

/// Finds the end of a file of `len` bytes, which is read from its beginning. It looks at the head of each block, and at the
/// payload of the last one alone: a file is as long as a day, and whoever goes on is waited for.
///
/// A block that was not written to its end is no damage: its writer was killed. `None` if that is true of the header.
///
/// # Errors
/// [`ReadError::Damaged`] for anything else. Nothing may be written behind that: nobody would read it.
///
/// ```
/// use std::io::Cursor;
/// use shm_ring_recording::{Batch, Header, find_end};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let header = Header { size: 4, align: 4, unit: 4, ..Header::default() };
/// let mut file = header.encode()?.to_vec();
/// let mut batch = Batch::new(&header);
/// batch.values(2)?.copy_from_slice(b"one.two.");
/// file.extend_from_slice(batch.seal(0));
/// let whole = file.len() as u64;
/// file.extend_from_slice(&batch.seal(0)[..20]);
/// let end = find_end(Cursor::new(&file), file.len() as u64)?.expect("a header is there");
/// assert_eq!((end.position, end.byte, end.half), (8, whole, 20));
/// # Ok(())
/// # }
/// ```
pub fn find_end<R: Read + Seek>(file: R, len: u64) -> Result<Option<End>, ReadError> {
    let mut reader = match Reader::new(BufReader::new(file)) {
        Ok(reader) => reader,
        Err(ReadError::Damaged(damage)) if damage.is_a_cut() => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut reason = None;
    loop {
        let head = match reader.head() {
            Ok(Some(head)) => head,
            Ok(None) => break,
            Err(ReadError::Damaged(damage)) if damage.is_a_cut() => break,
            Err(error) => return Err(error),
        };
        let behind = reader.byte() + HEAD_BYTES as u64 + u64::from(head.bytes);
        if behind > len {
            break;
        }
        match behind == len {
            true => reader.read_payload(&head)?,
            false => {
                reader.input.seek_relative(i64::from(head.bytes))?;
                reader.pass(&head);
            }
        }
        reason = match head.content {
            Content::End(reason) => Some(reason),
            Content::Records | Content::Gap => None,
        };
    }
    let (position, byte) = (reader.position(), reader.byte());
    let half = len.saturating_sub(byte);
    Ok(Some(End { header: reader.header().clone(), position, byte, half, reason }))
}
