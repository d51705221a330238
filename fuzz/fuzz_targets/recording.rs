//! A recording that somebody else made: a header and blocks with any fields and right checksums, bytes that follow or lack, and
//! any bytes at all. Reading ends with blocks that keep what RECORDING.md says of them, or with damage that is said.
//!
//! Owns: what an input says of a file, and what a block must keep. Knows nothing of: how a file is read.
#![no_main]

use std::io::Cursor;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use shm_ring_fuzz::choice::rarely;
use shm_ring_recording::{
    Batch, Block, BlockHead, Content, Header, Kind, Maker, ReadError, Reader, Reason, find_end,
};

#[derive(Arbitrary, Debug)]
enum Input<'a> {
    Bytes(&'a [u8]),
    File { header: Made, pieces: Vec<Piece<'a>>, cut: Option<u16>, changed: Option<(u16, u8)> },
}

#[derive(Arbitrary, Debug)]
struct Made {
    kind: Carried,
    size: u8,
    shift: u8,
    base: u8,
    label: String,
    /// Fields that no recorder would write.
    #[arbitrary(with = rarely)]
    wild: bool,
    size_of_any: u64,
    unit_of_any: u64,
    base_of_any: u64,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Carried {
    Values,
    Messages,
    Latest,
}

#[derive(Arbitrary, Debug)]
enum Piece<'a> {
    /// As a recorder makes them.
    Records {
        bytes: &'a [u8],
        count: u8,
        time: u64,
    },
    Gap {
        units: u8,
        count: u64,
    },
    End(u8),
    /// A head with any fields, and some bytes.
    Wild {
        head: Wild,
        bytes: &'a [u8],
    },
    Bytes(&'a [u8]),
}

#[derive(Arbitrary, Clone, Copy, Debug)]
struct Wild {
    content: u8,
    /// From where the last block ended.
    from: i8,
    end: u64,
    count: u64,
    bytes: u32,
    /// Whether the checksum, the length and the number of records are right all the same.
    right: [bool; 2],
}

impl Made {
    fn header(&self) -> Header {
        let (size, align) = (u64::from(self.size) + 1, 1 << (self.shift % 13));
        let (kind, size, unit) = match self.kind {
            Carried::Values => (Kind::Values, size, size),
            Carried::Messages => (Kind::Messages, 1, align.max(8)),
            Carried::Latest => (Kind::Latest, size, size.next_multiple_of(8) + 8),
        };
        let mut label = self.label.clone();
        while label.len() > 64 {
            label.pop();
        }
        let base = u64::from(self.base) * unit;
        let header =
            Header { kind, maker: Maker::Tap, size, align, unit, base, label, ..Header::default() };
        match self.wild {
            false => header,
            true => Header {
                size: self.size_of_any,
                unit: self.unit_of_any,
                base: self.base_of_any,
                ..header
            },
        }
    }
}

fn reason(n: u8) -> Reason {
    [Reason::Closed, Reason::Died, Reason::Stopped][usize::from(n % 3)]
}

/// The bytes of a piece, and where it ends.
fn piece(header: &Header, batch: &mut Batch, position: u64, piece: &Piece<'_>) -> (Vec<u8>, u64) {
    match piece {
        Piece::Records { bytes, count, time } => {
            batch.begin(position);
            let count = usize::from(*count % 8) + 1;
            let mut parts = bytes.chunks(bytes.len() / count + 1);
            for _ in 0..count {
                let part = parts.next().unwrap_or_default();
                match header.kind {
                    Kind::Messages => {
                        let Ok(room) = batch.message(part.len()) else { break };
                        room.copy_from_slice(part);
                    }
                    // A size that no value has would take memory without end.
                    Kind::Values | Kind::Latest if header.size < 1 << 16 => {
                        let Ok(room) = batch.values(1) else { break };
                        let len = part.len().min(room.len());
                        room[..len].copy_from_slice(&part[..len]);
                    }
                    Kind::Values | Kind::Latest => break,
                }
            }
            (batch.seal(*time).to_vec(), batch.end())
        }
        Piece::Gap { units, count } => {
            let end = position.saturating_add(u64::from(*units).saturating_mul(header.unit));
            (BlockHead::gap(position, end, *count, 0).to_vec(), end)
        }
        Piece::End(n) => (reason(*n).at(position, 0).to_vec(), position),
        Piece::Wild { head, bytes } => {
            let [payload, records] = head.right;
            let content = match head.content % 3 {
                0 => Content::Records,
                1 => Content::Gap,
                _ => Content::End(reason(head.content)),
            };
            let count = if records { bytes.len() as u64 / header.size.max(1) } else { head.count };
            let position = position.wrapping_add_signed(i64::from(head.from));
            let end = match records {
                true => position.wrapping_add(count.wrapping_mul(header.unit)),
                false => head.end,
            };
            let head = BlockHead {
                content,
                position,
                end,
                time: 0,
                count,
                bytes: if payload { bytes.len() as u32 } else { head.bytes },
                checksum: if payload { crc32fast::hash(bytes) } else { head.bytes },
            };
            ([&head.encode()[..], bytes].concat(), end)
        }
        Piece::Bytes(bytes) => (bytes.to_vec(), position),
    }
}

/// Holds a block to what RECORDING.md says of it.
fn check(header: &Header, block: &Block<'_>, position: u64) {
    let head = &block.head;
    assert_eq!(head.position, position, "each begins where the one before it ended");
    assert_eq!(block.payload().len(), head.bytes as usize);
    let (mut count, mut next, mut bytes) = (0, head.position, 0);
    for record in block.records() {
        assert_eq!(record.position, next);
        let len = record.payload.len() as u64;
        let (stride, prefix) = match header.kind {
            Kind::Messages => (header.unit + len.next_multiple_of(header.unit), 4),
            Kind::Values | Kind::Latest => (header.unit, 0),
        };
        assert!(header.kind == Kind::Messages || len == header.size);
        (count, next, bytes) = (count + 1, next + stride, bytes + len + prefix);
    }
    match head.content {
        Content::Records => {
            assert_eq!((count, next, bytes), (head.count, head.end, u64::from(head.bytes)));
            assert!(count > 0);
        }
        Content::Gap => assert!(count == 0 && head.bytes == 0 && head.end > head.position),
        Content::End(_) => assert!(count == 0 && head.bytes == 0 && head.end == head.position),
    }
}

/// Reads a file to its end or to what is wrong: the blocks, where they end, and whether that is the end or a cut.
fn read(bytes: &[u8]) -> (u64, u64, u64, Result<(), ReadError>) {
    let mut reader = match Reader::new(bytes) {
        Ok(reader) => reader,
        Err(error) => return (0, 0, 0, Err(error)),
    };
    let header = reader.header().clone();
    let (mut blocks, mut position) = (0, header.base);
    let answer = loop {
        let at = reader.byte();
        match reader.next() {
            Ok(Some(block)) => {
                assert_eq!(block.byte, at);
                check(&header, &block, position);
                (blocks, position) = (blocks + 1, block.head.end);
            }
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    assert!(reader.next().is_ok_and(|block| block.is_none()), "nothing comes behind that");
    (blocks, position, reader.byte(), answer)
}

fuzz_target!(|input: Input<'_>| {
    let (bytes, changed) = match input {
        Input::Bytes(bytes) => (bytes.to_vec(), None),
        Input::File { header, pieces, cut, changed } => {
            let header = header.header();
            let mut bytes = header.encode().expect("the label is short").to_vec();
            let (mut batch, mut position) = (Batch::new(&header), header.base);
            for one in &pieces {
                let (more, end) = piece(&header, &mut batch, position, one);
                bytes.extend(more);
                position = end;
            }
            if let Some(cut) = cut {
                bytes.truncate(usize::from(cut));
            }
            let whole = read(&bytes);
            let changed = changed.filter(|&(_, bits)| bits != 0).and_then(|(at, bits)| {
                *bytes.get_mut(usize::from(at))? ^= bits;
                Some((u64::from(at), whole.2))
            });
            (bytes, changed)
        }
    };
    let (blocks, position, byte, answer) = read(&bytes);
    if let Some((at, whole)) = changed.filter(|&(at, whole)| at < whole) {
        assert!(
            answer.is_err() && byte <= at,
            "byte {at} of {whole} was changed, and nobody says so"
        );
    }
    let damage = match &answer {
        Err(ReadError::Damaged(damage)) => Some(damage),
        Err(other) => panic!("there is memory for as much: {other}"),
        Ok(()) => None,
    };
    if let Some(damage) = damage {
        assert_eq!((damage.byte, damage.position), (byte, position), "{damage}");
    }
    // Going on begins exactly there, or is refused.
    let end = find_end(Cursor::new(&bytes), bytes.len() as u64);
    match (&answer, end) {
        (Ok(()), Ok(Some(end))) => {
            assert_eq!((end.position, end.byte, end.half), (position, byte, 0))
        }
        (Err(_), Ok(None)) => assert!(blocks == 0 && bytes.len() < 256),
        (Err(_), Ok(Some(end))) => {
            let cut = damage.is_some_and(|damage| damage.is_a_cut());
            // What is damaged in the middle is passed over: its head is right.
            assert!(if cut {
                (end.position, end.byte) == (position, byte)
            } else {
                end.byte > byte
            });
        }
        (Err(_), Err(_)) => {}
        (answer, end) => panic!("{answer:?}, and going on: {end:?}"),
    }
});
