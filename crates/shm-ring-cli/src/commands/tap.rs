//! `tap`: a recording of what is unread in a ring, or of each value of a latest value, by somebody who takes no part. `ring`
//! and `latest` look; this file only writes down what they see, and what they did not.

mod latest;
mod ring;

use shm_ring::{Contents, Observer, Snapshot};
use shm_ring_console::terminal;
use shm_ring_recording::{Batch, BlockHead, Maker, NoMemory, Reason};

use crate::cli::Tap;
use crate::commands::record::same_ring;
use crate::failure::{Code, Failure};
use crate::progress::Progress;
use crate::recording::{self, Clock, Opened, Output, Stop};
use crate::units;

/// Bytes of a block.
const MOST: usize = 512 * 1024;

pub(crate) fn run(tap: &Tap) -> Result<(), Failure> {
    recording::name_process(recording::TAP);
    let observer = Observer::open_with(tap.target.region(), &tap.trust.to_look())?;
    let snapshot = observer.snapshot();
    let stop = Stop::on_signal(None)?;
    match snapshot.contents {
        Contents::Latest { .. } => latest::run(tap, &snapshot, &stop),
        _ => ring::run(tap, &observer, &snapshot, &stop),
    }
}

/// What was seen, on its way to the file.
struct Seen {
    output: Output,
    clock: Clock,
    batch: Batch,
    progress: Progress,
    /// Of the records: bytes of positions from one to the next, where that is the same.
    stride: Option<u64>,
    /// The position up to which all was seen or counted as missed.
    next: u64,
    records: u64,
    missed: Missed,
}

#[derive(Default)]
struct Missed {
    gaps: u64,
    bytes: u64,
    records: u64,
}

impl Seen {
    /// Nothing yet, from `base` on, or behind what the file has.
    fn nothing(tap: &Tap, snapshot: &Snapshot, base: u64) -> Result<Self, Failure> {
        let clock = Clock::started();
        let header = recording::header(snapshot, Maker::Tap, base, &clock)?;
        let (output, header, next) = match Output::open(tap.output.as_deref(), false)? {
            Opened::New(mut output) => {
                let bytes = header.encode().map_err(|error| {
                    Failure::new(Code::Failure, error.to_string(), "create the ring anew")
                })?;
                output.write(&bytes)?;
                (output, header, base)
            }
            Opened::Found(output, end) => {
                same_ring(output.name(), &end.header, &tap.target, snapshot)?;
                (output, end.header, end.position)
            }
        };
        let progress = Progress::new(None, output.is_terminal());
        let (batch, stride) = (Batch::new(&header), snapshot.contents.stride());
        let missed = Missed::default();
        Ok(Self { output, clock, batch, progress, stride, next, records: 0, missed })
    }

    /// Has `copy` add the record at `position` to the block. What was between it and the last one was missed.
    fn add(
        &mut self,
        position: u64,
        copy: impl FnOnce(&mut Batch) -> Result<(), NoMemory>,
    ) -> Result<(), Failure> {
        if position > self.next || self.batch.len() >= MOST {
            self.write()?;
            self.miss_up_to(position)?;
        }
        if self.batch.is_empty() {
            self.batch.begin(position);
        }
        copy(&mut self.batch)?;
        self.next = self.batch.end();
        Ok(())
    }

    /// Writes what is in the block.
    fn write(&mut self) -> Result<(), Failure> {
        if self.batch.is_empty() {
            return Ok(());
        }
        self.output.write(self.batch.seal(self.clock.now()))?;
        self.records += self.batch.count();
        self.progress.add(self.batch.len());
        self.batch.begin(self.next);
        Ok(())
    }

    /// Writes down that nothing up to `position` was seen, if that is so.
    fn miss_up_to(&mut self, position: u64) -> Result<(), Failure> {
        if position <= self.next {
            return Ok(());
        }
        let bytes = position - self.next;
        let records = self.stride.map_or(0, |stride| bytes / stride);
        self.output.write(&BlockHead::gap(self.next, position, records, self.clock.now()))?;
        self.missed.gaps += 1;
        self.missed.bytes += bytes;
        self.missed.records += records;
        self.next = position;
        Ok(())
    }

    /// Writes down that one producer has ended; the recording goes on.
    fn producer_ended(&mut self, reason: Reason) -> Result<(), Failure> {
        self.write()?;
        self.output.write(&reason.at(self.next, self.clock.now()))
    }

    /// Ends the recording, and says what it lacks.
    fn end(mut self, reason: Reason) -> Result<(), Failure> {
        self.producer_ended(reason)?;
        terminal::note(&format!("recorded {} records up to position {}", self.records, self.next));
        let Missed { gaps, bytes, records } = self.missed;
        if gaps > 0 {
            let records = self.stride.map_or(String::new(), |_| format!("{records} records, "));
            terminal::say(&format!(
                "note: missed {records}{} in {gaps} gaps, which `shm-ring info` shows",
                units::size(bytes)
            ));
        }
        match reason {
            Reason::Closed | Reason::Stopped => Ok(()),
            Reason::Died => Err(Failure::new(
                Code::PeerDead,
                "the producer died or failed: what was seen of it is recorded",
                "--follow goes on with the next one",
            )),
        }
    }
}
