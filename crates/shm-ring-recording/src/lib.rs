//! The file that `shm-ring record` and `shm-ring tap` write: what a ring carried, with positions and times.
//!
//! Owns: the format, reading and writing it. Knows nothing of: rings; it depends on nothing of theirs. RECORDING.md beside the
//! command has every byte.
//!
//! ```
//! use std::io::Cursor;
//! use shm_ring_recording::{Batch, Content, Header, Kind, Reader, Reason};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let header = Header { kind: Kind::Messages, size: 1, align: 8, unit: 8, ..Header::default() };
//! let mut file = header.encode()?.to_vec();
//! let mut batch = Batch::new(&header);
//! batch.begin(0);
//! batch.message(5)?.copy_from_slice(b"first");
//! batch.message(6)?.copy_from_slice(b"second");
//! file.extend_from_slice(batch.seal(1_700_000_000_000_000_000));
//! file.extend(Reason::Closed.at(batch.end(), 1_700_000_000_000_000_001));
//!
//! let mut reader = Reader::new(Cursor::new(file))?;
//! let block = reader.next()?.expect("records come first");
//! let records: Vec<_> = block.records().map(|record| (record.position, record.payload)).collect();
//! assert_eq!(records, [(0, &b"first"[..]), (16, b"second")]);
//! assert_eq!(reader.next()?.expect("then the end").head.content, Content::End(Reason::Closed));
//! assert!(reader.next()?.is_none());
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

mod batch;
mod damage;
mod end;
mod head;
mod header;
mod reader;

pub use self::batch::{Batch, NoMemory};
pub use self::damage::{Damage, Fault, ReadError};
pub use self::end::{End, find_end};
pub use self::head::{BlockHead, Content, HEAD_BYTES, Reason};
pub use self::header::{HEADER_BYTES, Header, Kind, LabelTooLong, Maker, VERSION};
pub use self::reader::{Block, Reader, Record, Records};
