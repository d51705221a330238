//! What a hostile creator writes into the identity page: every field at its borders, at random and with bits
//! turned over, in files of any length. A region is opened if and only if LAYOUT.md allows it, and then works.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::time::Instant;

use rustix::fs::{MemfdFlags, memfd_create};
use shm_ring::{Error, Latest, Options, Region, Ring};

use super::board::{Board, Count, Op, Outcome};
use super::wire::{DATA, PAGE};
use crate::rng::Rng;

const LABEL: &str = "attacked";
const SCHEMA: u64 = 77;
const HEADER: usize = 256;

/// Offset and bytes of each field: those that are checked, and creation time, id and what is reserved.
const FIELDS: [(usize, usize); 17] = [
    (0, 8),
    (8, 4),
    (12, 4),
    (16, 4),
    (20, 4),
    (24, 4),
    (28, 4),
    (32, 8),
    (40, 8),
    (48, 8),
    (56, 8),
    (64, 8),
    (72, 8),
    (80, 8),
    (88, 8),
    (96, 8),
    (160, 8),
];

/// What is opened.
pub(super) trait Opened: Sized {
    /// The record kind, the bytes and the alignment of an item, and the least capacity that it needs.
    const RECORDS: u32;
    const SIZE: u64;
    const ALIGN: u64;
    const LEAST: u64;

    fn open(region: Region, options: Options) -> Result<Self, Error>;
    /// Checks that one that was opened works.
    fn works(&self, board: Board, capacity: u64) -> Result<(), String>;
}

/// A header as LAYOUT.md wants it.
fn whole<O: Opened>(capacity: u64) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, b"shm-ring");
    for (at, word) in
        [(8, 1_u32), (12, 256), (16, 0x0102_0304), (20, 8), (24, PAGE as u32), (28, O::RECORDS)]
    {
        put(at, &word.to_le_bytes());
    }
    for (at, word) in [(32, O::SIZE), (40, O::ALIGN), (48, SCHEMA), (56, capacity), (64, DATA)] {
        put(at, &word.to_le_bytes());
    }
    put(96, LABEL.as_bytes());
    header
}

/// Whether an opener takes this, in a file of `len` bytes.
fn is_right<O: Opened>(header: &[u8; HEADER], len: u64) -> bool {
    let capacity = u64::from_le_bytes(header[56..64].try_into().expect("eight bytes"));
    let possible = capacity.is_power_of_two() && (O::LEAST..=1 << 44).contains(&capacity);
    let right = whole::<O>(capacity);
    possible
        && header[..72] == right[..72]
        && header[96..160] == right[96..160]
        && len == DATA + capacity
}

/// Opens headers until the time is over and `least` were opened.
pub(super) fn run<O: Opened>(
    board: Board,
    seed: u64,
    until: Instant,
    least: u64,
) -> Result<(), String> {
    let mut rng = Rng::new(seed);
    let file = memfd_create("headers", MemfdFlags::CLOEXEC).map_err(|errno| errno.to_string())?;
    let file = File::from(file);
    while (Instant::now() < until || board.get(Count::Calls) < least) && board.get(Count::Stop) == 0
    {
        // All of the control words are zero here but for what an opener does not look at.
        one::<O>(board, &mut rng, &file).map_err(|error| error.to_string())??;
    }
    Ok(())
}

fn one<O: Opened>(board: Board, rng: &mut Rng, file: &File) -> std::io::Result<Result<(), String>> {
    // Up to the most that there may be.
    let capacity = (O::LEAST << [0, 0, 0, 1, 4, 18, 32][rng.below(7) as usize]).min(1 << 44);
    let mut header = whole::<O>(capacity);
    for _ in 0..rng.below(3) {
        let (at, size) = FIELDS[rng.below(FIELDS.len() as u64) as usize];
        let mut old = [0; 8];
        old[..size].copy_from_slice(&header[at..at + size]);
        let old = u64::from_le_bytes(old);
        let new = match rng.below(12) {
            0 => 0,
            1 => old.wrapping_add(1),
            2 => old.wrapping_sub(1),
            3 => old << 1,
            4 => old >> 1,
            5 => u64::MAX,
            6 => 1 << 63,
            7 => 1 << rng.below(64),
            8 => (1 << 44) << rng.below(2),
            9 => rng.next(),
            _ => old ^ 1 << rng.below(8 * size as u64),
        };
        header[at..at + size].copy_from_slice(&new.to_le_bytes()[..size]);
        board.add(Count::Writes, 1);
    }
    let right =
        DATA + u64::from_le_bytes(header[56..64].try_into().expect("eight bytes")).min(1 << 50);
    let len = match rng.below(24) {
        0 => right + 1,
        1 => right - 1,
        2 => right + PAGE,
        3 => right.saturating_sub(PAGE),
        4 => rng.below(300),
        5 => rng.below(1 << 20),
        _ => right,
    };
    file.set_len(0)?;
    file.set_len(len)?;
    file.write_all_at(&header[..HEADER.min(len as usize)], 0)?;
    let expected = is_right::<O>(&header, len);
    let region = Region::unsealed_descriptor(file.try_clone()?);
    let options = Options::new().label(LABEL).schema(SCHEMA);
    board.begin(Op::Open);
    let opened = O::open(region, options);
    board.end(Op::Open, if opened.is_ok() { Outcome::Success } else { Outcome::Refused });
    board.add(Count::Foretold, 1);
    Ok(match opened {
        Ok(_) if !expected => {
            let differs = (0..HEADER).filter(|at| header[*at] != whole::<O>(capacity)[*at]);
            let differs: Vec<usize> = differs.collect();
            Err(format!(
                "Open took a header whose bytes {differs:?} are wrong, or a file of {len} bytes that has \
                 the wrong length"
            ))
        }
        Err(error) if expected => Err(format!("Open refused what the layout allows: {error}")),
        Ok(opened) => opened.works(board, capacity),
        Err(Error::Os { .. }) => Err("Open failed in a system call".to_owned()),
        Err(_) => Ok(()),
    })
}

impl Opened for Ring<[u8]> {
    const RECORDS: u32 = 2;
    const SIZE: u64 = 1;
    const ALIGN: u64 = 1;
    const LEAST: u64 = PAGE;

    fn open(region: Region, options: Options) -> Result<Self, Error> {
        Self::open_with(region, options)
    }

    fn works(&self, board: Board, capacity: u64) -> Result<(), String> {
        board.begin(Op::AttachProducer);
        let mut tx =
            self.producer().map_err(|error| format!("AttachProducer answered: {error}"))?;
        board.end(Op::AttachProducer, Outcome::Success);
        board.begin(Op::AttachConsumer);
        let mut rx =
            self.consumer().map_err(|error| format!("AttachConsumer answered: {error}"))?;
        board.end(Op::AttachConsumer, Outcome::Success);
        let longest = vec![7; tx.max_len().min(1 << 16)];
        board.begin(Op::TryPush);
        let pushed = tx.try_push(&longest);
        board.begin(Op::TryPop);
        let popped = rx.try_pop();
        if pushed.is_err() || popped.as_ref() != Ok(&longest) {
            let popped = popped.map(|message| message.len());
            return Err(format!("in a ring of {capacity} bytes: {pushed:?}, and then {popped:?}"));
        }
        board.end(Op::TryPush, Outcome::Success);
        board.end(Op::TryPop, Outcome::Success);
        Ok(())
    }
}

/// A value that needs slots of two pages, and four of them.
pub(super) type Long = [u64; 640];

impl Opened for Latest<Long> {
    const RECORDS: u32 = 3;
    const SIZE: u64 = size_of::<Long>() as u64;
    const ALIGN: u64 = 8;
    const LEAST: u64 = 4 * Self::SIZE.next_power_of_two();

    fn open(region: Region, options: Options) -> Result<Self, Error> {
        Self::open_with(region, options)
    }

    fn works(&self, board: Board, capacity: u64) -> Result<(), String> {
        board.begin(Op::AttachWriter);
        let mut writer =
            self.writer().map_err(|error| format!("AttachWriter answered: {error}"))?;
        board.end(Op::AttachWriter, Outcome::Success);
        board.begin(Op::AttachReader);
        let mut reader =
            self.reader().map_err(|error| format!("AttachReader answered: {error}"))?;
        board.end(Op::AttachReader, Outcome::Success);
        let value = [7; 640];
        board.begin(Op::WriteFrom);
        writer.write_from(&value);
        board.begin(Op::Read);
        let read = reader.read();
        if read != Ok(value) {
            let read = read.map(|_| "another value");
            return Err(format!("in a region of {capacity} bytes of data: Read answered {read:?}"));
        }
        board.end(Op::WriteFrom, Outcome::Success);
        board.end(Op::Read, Outcome::Success);
        Ok(())
    }
}
