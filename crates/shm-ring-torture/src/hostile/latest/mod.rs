//! The latest value beside the same hand: its reader and its writer attach, call everything, and each answer is
//! judged by what stood in the region when it was asked, as far as nobody else was writing. It must not know
//! the ring.

mod bytes;
mod calls;

use std::time::{Duration, Instant};

use shm_ring::{Error, Latest, LatestReader, LatestWriter, Options, Region, Wait};
use shm_ring_outsider::{Header, Mapping, POSITION_END, Reader};

use self::bytes::{ATTACH_END, Bytes, LEN, SLOTS, scribble};
use super::scribble::{burst, pause};
use crate::forked::Forked;
use crate::rng::Rng;
use shm_ring_hostile::board::{Board, Count, Op, Outcome};
use shm_ring_hostile::memory::{Guarded, Hole};

/// What is written and read. Its last bytes do not fill a word.
type Value = [u8; LEN];
/// Bytes in front of a caller's buffer that must stay as they are.
const FRONT: usize = 64;
/// What stands in a caller's buffer before a call.
const BLANK: u8 = 0xa5;

/// What went wrong.
type Judged = Result<(), String>;

struct Drive {
    board: Board,
    rng: Rng,
    /// Opened once for each way to wait, before the header is anybody's to write.
    latest: [Latest<Value>; 3],
    bytes: Bytes,
    /// Nobody else writes: every answer can be foretold.
    exact: bool,
    writer: Option<LatestWriter<Value>>,
    reader: Option<LatestReader<Value>>,
    /// What the writer must count.
    written: u64,
    seen: Reader,
    /// One call in so many is one that may wait or asks the kernel.
    costly: u64,
    holes: [Hole; 2],
    source: Guarded,
    buffer: Guarded,
}

/// Alone with the bytes.
pub(super) fn alone(board: Board, seed: u64, until: Instant, calls: u64) -> Judged {
    Drive::new(board, seed, true)?.run(until, calls)
}

/// Beside a process of its own that writes all the time.
pub(super) fn beside(board: Board, seed: u64, until: Instant, calls: u64) -> Judged {
    let mut drive = Drive::new(board, seed, false)?;
    let bytes = drive.bytes;
    let hand = Forked::start(|| {
        let mut rng = Rng::new(seed ^ 1);
        while board.get(Count::Stop) == 0 {
            burst(board, &mut rng, |rng, kind| scribble(rng, kind, bytes));
            pause(&mut rng);
        }
        0
    });
    let mut hand = hand.map_err(|errno| format!("fork: {errno}"))?;
    let answer = drive.run(until, calls);
    match hand.poll() {
        None => answer,
        Some(end) => Err(format!("the hand ended: {end:?}")),
    }
}

impl Drive {
    fn new(board: Board, seed: u64, exact: bool) -> Result<Self, String> {
        let told = |error: std::io::Error| error.to_string();
        let options = Options::new().items(SLOTS as usize);
        let latest = Latest::<Value>::create(Region::memfd("latest"), &options)
            .map_err(|error| error.to_string())?;
        // For as long as this process lives.
        let region: &'static Mapping =
            Box::leak(Box::new(Mapping::writable(latest.descriptor()).map_err(told)?));
        let header = Header::of(region);
        let bytes = Bytes { region, header };
        let open = |wait| {
            let descriptor = latest.descriptor().try_clone_to_owned().map_err(told)?;
            let options =
                Options::new().wait(wait).death_notice(false).attach_timeout(Duration::ZERO);
            Latest::<Value>::open_with(Region::descriptor(descriptor), &options)
                .map_err(|error| error.to_string())
        };
        let latest = [open(Wait::SPIN)?, open(Wait::BALANCED)?, open(Wait::PARK)?];
        // What a process maps once, for all its ends.
        drop(latest[0].writer().map_err(|error| error.to_string())?);
        let mapped = (header.region_bytes() + header.capacity) as usize;
        let mut drive = Self {
            board,
            rng: Rng::new(seed),
            latest,
            bytes,
            exact,
            writer: None,
            reader: None,
            written: 0,
            seen: Reader::default(),
            costly: 512,
            holes: [Hole::new(mapped).map_err(told)?, Hole::new(mapped).map_err(told)?],
            source: Guarded::new(4096).map_err(told)?,
            buffer: Guarded::new(4096).map_err(told)?,
        };
        drive.settle(mapped)?;
        Ok(drive)
    }

    /// Takes up every gap into which a mapping would go before it went into our holes.
    fn settle(&mut self, mapped: usize) -> Judged {
        for _ in 0..1000 {
            let writer = self.latest[0].writer().map_err(|error| error.to_string())?;
            let reader = self.latest[0].reader().map_err(|error| error.to_string())?;
            if self.filled() == 2 {
                return Ok(());
            }
            drop((writer, reader));
            Hole::plug(mapped).map_err(|error| error.to_string())?;
        }
        Err("mappings do not go between the guards on this machine".to_owned())
    }

    fn filled(&self) -> usize {
        self.holes.iter().filter(|hole| hole.is_filled()).count()
    }

    /// Attaches, calls, closes, until told to stop.
    fn run(&mut self, until: Instant, calls: u64) -> Judged {
        if self.exact {
            self.sweep()?;
        }
        while (Instant::now() < until || self.board.get(Count::Calls) < calls)
            && self.board.get(Count::Stop) == 0
        {
            self.round()?;
        }
        Ok(())
    }

    /// Every call of a reader in every plain state, once: what a run reaches does not hang on its luck.
    fn sweep(&mut self) -> Judged {
        // Who never wrote, died, has closed; nothing there, something, nothing newer, what cannot be.
        for session in 0..3 {
            for (published, read_before) in
                [(0, false), (7, false), (7, true), (POSITION_END, false), (u64::MAX, false)]
            {
                for op in
                    [Op::Read, Op::ReadInto, Op::ReadNewer, Op::Next, Op::HasNewer, Op::WriterOf]
                {
                    self.bytes.heal(&mut self.rng, published);
                    self.attach(false, true)?;
                    self.bytes.set_session(session);
                    if read_before {
                        self.read(Op::Read)?;
                    }
                    self.call(op)?;
                    self.close()?;
                }
            }
        }
        for published in [0, ATTACH_END - 1, ATTACH_END, u64::MAX] {
            self.bytes.heal(&mut self.rng, published);
            self.attach(true, true)?;
            for op in [Op::WriterOf, Op::Write, Op::WriteFrom, Op::Notify] {
                self.call(op)?;
            }
            self.close()?;
        }
        Ok(())
    }

    fn round(&mut self) -> Judged {
        self.board.set(Count::Mercy, 1);
        let start = self.bytes.start(&mut self.rng);
        self.bytes.heal(&mut self.rng, start);
        let (wants_writer, wants_reader) = [(true, true), (true, false), (false, true)]
            [[0, 0, 1, 2, 2][self.rng.below(5) as usize]];
        self.attach(wants_writer, wants_reader)?;
        let attached = usize::from(self.writer.is_some()) + usize::from(self.reader.is_some());
        if self.filled() == attached {
            self.board.add(Count::Guarded, attached as u64);
        }
        self.board.set(Count::Mercy, 0);
        if self.writer.is_none() {
            // Who is not there was never there, has closed, or is dead.
            self.bytes.set_session(self.rng.below(3));
        }
        self.costly = if self.rng.below(32) == 0 { 32 } else { 8192 };
        for _ in 0..1 << (4 + self.rng.below(8)) {
            if self.writer.is_none() && self.reader.is_none() || self.seen.corrupt {
                break;
            }
            if self.exact {
                self.meddle();
            }
            let op = self.pick();
            self.call(op)?;
        }
        self.after_corrupt()?;
        self.close()
    }

    fn meddle(&mut self) {
        match self.rng.below(256) {
            0 => self.bytes.hurt(&mut self.rng),
            1..24 => self.bytes.tease(&mut self.rng),
            24..64 => self.bytes.forge(&mut self.rng, 2 * SLOTS),
            _ => return,
        }
        self.board.add(Count::Writes, 1);
    }

    fn pick(&mut self) -> Op {
        use Op::*;
        let writes = match (&self.writer, &self.reader) {
            (Some(_), Some(_)) => self.rng.below(3) == 0,
            (writer, _) => writer.is_some(),
        };
        let ops: &[Op] = match (writes, self.rng.below(self.costly) == 0) {
            (true, true) => &[Notify],
            (true, false) => &[Write, WriteFrom],
            (false, true) => &[ReadNewer, ReadNewer, WriterOf],
            (false, false) => &[Read, ReadInto, Next, Next, HasNewer],
        };
        ops[self.rng.below(ops.len() as u64) as usize]
    }

    fn call(&mut self, op: Op) -> Judged {
        match op {
            Op::Write | Op::WriteFrom | Op::Notify => self.write(op),
            Op::HasNewer => self.has_newer(),
            Op::Next => self.next(),
            Op::WriterOf => self.writer_of(),
            _ => self.read(op),
        }
    }

    fn attach(&mut self, wants_writer: bool, wants_reader: bool) -> Judged {
        if wants_writer {
            let (published, session) = (self.bytes.published(), self.bytes.session());
            self.board.begin(Op::AttachWriter);
            let made = self.latest[0].writer();
            let outcome = match &made {
                Ok(_) => Outcome::Success,
                Err(Error::Corrupt { .. }) => Outcome::Corrupt,
                Err(error) => return Err(format!("AttachWriter answered: {error}")),
            };
            self.board.end(Op::AttachWriter, outcome);
            if self.exact {
                let fine = published < ATTACH_END;
                if fine != made.is_ok() {
                    let says = if fine { "fine" } else { "Corrupt" };
                    return Err(format!(
                        "AttachWriter at version {published:#x} answered {made:?} where the layout says {says}"
                    ));
                }
                let next = if fine { session.wrapping_add(1) | 1 } else { session };
                if self.bytes.session() != next {
                    return Err(format!(
                        "AttachWriter went from session {session:#x} to another than {next:#x}"
                    ));
                }
                self.board.add(Count::Foretold, 1);
            }
            self.writer = made.ok();
            if let Some(writer) = &self.writer {
                self.written = writer.version();
            }
        }
        if wants_reader {
            self.board.begin(Op::AttachReader);
            let made = self.latest[self.rng.below(3) as usize].reader();
            self.board.end(Op::AttachReader, Outcome::Success);
            self.reader = Some(made.map_err(|error| format!("AttachReader answered: {error}"))?);
        }
        self.seen = Reader::attach(self.bytes.region, &self.bytes.header);
        Ok(())
    }

    fn close(&mut self) -> Judged {
        self.board.begin(Op::Close);
        self.reader = None;
        let session = self.writer.as_ref().map(LatestWriter::session);
        self.writer = None;
        self.board.end(Op::Close, Outcome::Success);
        match session {
            Some(session) if self.exact && self.bytes.session() != session.wrapping_add(1) => {
                Err(format!("Close left session {:#x} after {session:#x}", self.bytes.session()))
            }
            _ => Ok(()),
        }
    }

    /// What was corrupt stays corrupt, whatever the region says by then.
    fn after_corrupt(&mut self) -> Judged {
        if !self.seen.corrupt {
            return Ok(());
        }
        if self.exact {
            let version = self.seen.version.max(1);
            self.bytes.heal(&mut self.rng, version);
        }
        for op in [Op::Read, Op::ReadInto, Op::ReadNewer, Op::Next, Op::HasNewer] {
            self.call(op)?;
            self.board.add(Count::StayedCorrupt, 1);
        }
        Ok(())
    }
}
