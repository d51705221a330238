//! What a hostile creator writes into the identity page: every field at its borders, at random and with bits
//! turned over, in files of any length. A region is opened if and only if LAYOUT.md allows it, and then works.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::time::Instant;

use rustix::fs::{MemfdFlags, memfd_create};
use shm_ring::{Error, Latest, MessageRing, Options, Region};
use shm_ring_outsider::{FIELDS, HEADER, Header, Kind, page, wild_headers};

use crate::rng::Rng;
use shm_ring_hostile::board::{Board, Count, Op, Outcome};
use shm_ring_hostile::hand::pick;

const LABEL: &str = "attacked";
const SCHEMA: u64 = 77;

/// What is opened.
pub(super) trait Opened: Sized {
    /// What it begins with, as an outsider has it, with the least capacity.
    fn header() -> Header;
    fn open(region: Region, options: &Options) -> Result<Self, Error>;
    /// Checks that one that was opened works.
    fn works(&self, board: Board, capacity: u64) -> Result<(), String>;
}

/// A header that may be, of anything up to the most that there may be.
fn whole<O: Opened>(rng: &mut Rng) -> Header {
    let mut header = Header { schema: SCHEMA, ..O::header() }.labelled(LABEL);
    header.capacity = (header.capacity << pick(rng, &[0, 0, 0, 1, 4, 18, 32])).min(1 << 44);
    // Or that would be one, had it more data.
    header.capacity >>= pick(rng, &[0, 0, 0, 0, 0, 1, 2]);
    header.limit = header.capacity;
    header
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
    let wanted = whole::<O>(rng);
    let mut bytes = match rng.below(4) {
        0 => pick(rng, &wild_headers(&wanted)).1.to_bytes(),
        _ => wanted.to_bytes(),
    };
    for _ in 0..rng.below(3) {
        let field = pick(rng, &FIELDS);
        let (at, size) = (field.at, field.bytes.min(8));
        let mut old = [0; 8];
        old[..size].copy_from_slice(&bytes[at..at + size]);
        let old = u64::from_le_bytes(old);
        let new = match rng.below(8) {
            0 => 1 << rng.below(64),
            1 => rng.next(),
            2 => old.wrapping_sub(8 * rng.below(512)),
            _ => old ^ 1 << rng.below(8 * size as u64),
        };
        bytes[at..at + size].copy_from_slice(&new.to_le_bytes()[..size]);
        board.add(Count::Writes, 1);
    }
    let header = Header::parse(&bytes);
    let right = 3 * page() + header.capacity.min(1 << 50);
    let len = match rng.below(24) {
        0 => right + 1,
        1 => right - 1,
        2 => right + page(),
        3 => right.saturating_sub(page()),
        4 => rng.below(300),
        5 => rng.below(1 << 20),
        _ => right,
    };
    file.set_len(0)?;
    file.set_len(len)?;
    file.write_all_at(&bytes[..HEADER.min(len as usize)], 0)?;
    // A side that opens messages takes an alignment that is more than it asked for.
    let item_align = match header.kind() {
        Some(Kind::Messages) => wanted.item_align.max(header.item_align),
        _ => wanted.item_align,
    };
    let expected = header.opens(&Header { item_align, ..wanted }, len);
    let region = Region::unsealed_descriptor(file.try_clone()?);
    let options = Options::new().label(LABEL).schema(SCHEMA);
    board.begin(Op::Open);
    let opened = O::open(region, &options);
    board.end(Op::Open, if opened.is_ok() { Outcome::Success } else { Outcome::Refused });
    board.add(Count::Foretold, 1);
    Ok(match opened {
        Ok(_) if expected.is_err() => Err(format!(
            "Open took a header, in a file of {len} bytes, although {}",
            expected.err().map(String::from).unwrap_or_default()
        )),
        Err(error) if expected.is_ok() => {
            Err(format!("Open refused what the layout allows: {error}"))
        }
        Ok(opened) => opened.works(board, header.capacity),
        Err(Error::Os { .. }) => Err("Open failed in a system call".to_owned()),
        Err(_) => Ok(()),
    })
}

impl Opened for MessageRing {
    fn header() -> Header {
        Header::messages(1, page())
    }

    fn open(region: Region, options: &Options) -> Result<Self, Error> {
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
    fn header() -> Header {
        Header::latest(size_of::<Long>() as u64, align_of::<Long>() as u64)
    }

    fn open(region: Region, options: &Options) -> Result<Self, Error> {
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
