//! `record`: a ring into a file, as its consumer. Room is given back for what is in the file, and a file that is there goes on
//! where it ends: whoever is killed, each record is in it once.

use std::time::Duration;

use shm_ring::{
    Contents, Interrupt, MessageConsumer, MessageRing, Observer, Peer, PopError, Region, Snapshot,
    Threshold, UntypedConsumer, UntypedRing,
};
use shm_ring_console::terminal;
use shm_ring_recording::{Batch, BlockHead, End, Header, Maker, Reason};

use crate::cli::Record;
use crate::failure::{Code, Failure};
use crate::progress::Progress;
use crate::recording::{self, Clock, Opened, Output, Stop};
use crate::target::Target;

/// Bytes of a block: as many as stay in a processor's second cache while they are copied, checked and written.
const MOST: usize = 128 * 1024;
/// The same where each waits for the disk, which takes longer than that.
const MOST_SYNCED: usize = 4 * 1024 * 1024;

/// So many blocks fill the ring: its producer goes on while one is written.
const BLOCKS_OF_A_RING: u64 = 4;

pub(crate) fn run(record: &Record) -> Result<(), Failure> {
    recording::name_process(recording::RECORDER);
    let snapshot = Observer::open_with(record.target.region(), &record.trust.to_look())?.snapshot();
    let options = record.trust.to_attach();
    match snapshot.contents {
        Contents::Values { .. } => {
            let ring = UntypedRing::open_any(record.target.region(), &options)?;
            let region = ring.descriptor().try_clone_to_owned()?;
            into_file(record, ring.consumer()?, Region::unsealed_descriptor(region))
        }
        Contents::Latest { .. } => Err(Failure::new(
            Code::Incompatible,
            format!("{} is a latest value, which has no consumer", record.target),
            format!("`shm-ring tap {}` records each of its values", record.target),
        )),
        _ => {
            let options = options.schema(snapshot.schema).label(snapshot.label.as_str());
            let ring = MessageRing::open_with(record.target.region(), &options)?;
            let region = ring.descriptor().try_clone_to_owned()?;
            into_file(record, ring.consumer()?, Region::unsealed_descriptor(region))
        }
    }
}

/// An end whose records are copied to blocks. Of each kind of ring there is one.
trait Source {
    fn position(&self) -> u64;
    /// Whether there is something, now.
    fn look(&mut self) -> Result<(), PopError>;
    /// Waits until there is.
    fn wait(&mut self, record: &Record) -> Result<(), PopError>;
    /// Makes a block of up to `most` bytes, or of one record, of what is there, has `write` write it, and then gives its room
    /// back.
    fn pass_on(
        &mut self,
        batch: &mut Batch,
        most: usize,
        write: impl FnOnce(&mut Batch) -> Result<(), Failure>,
    ) -> Result<(), Failure>;
    fn release_to(&mut self, position: u64) -> Result<(), PopError>;
    fn peer(&self) -> Peer;
    fn wait_for_peer(&mut self, timeout: Duration) -> Peer;
    fn interrupt_handle(&self) -> Interrupt;
    fn set_threshold(&mut self, threshold: Threshold);
}

macro_rules! source {
    ($consumer:ty, |$end:ident, $batch:ident, $most:ident, $write:ident| $pass_on:block) => {
        impl Source for $consumer {
            fn position(&self) -> u64 {
                self.position()
            }

            fn look(&mut self) -> Result<(), PopError> {
                self.try_peek(1).map(drop)
            }

            fn wait(&mut self, record: &Record) -> Result<(), PopError> {
                self.wait(1, record.timeout)
            }

            fn pass_on(
                &mut self,
                $batch: &mut Batch,
                $most: usize,
                $write: impl FnOnce(&mut Batch) -> Result<(), Failure>,
            ) -> Result<(), Failure> {
                $batch.begin(self.position());
                let $end = self;
                $pass_on
            }

            fn release_to(&mut self, position: u64) -> Result<(), PopError> {
                self.release_to(position).map(drop)
            }

            fn peer(&self) -> Peer {
                self.peer()
            }

            fn wait_for_peer(&mut self, timeout: Duration) -> Peer {
                self.wait_for_peer(timeout)
            }

            fn interrupt_handle(&self) -> Interrupt {
                self.interrupt_handle()
            }

            fn set_threshold(&mut self, threshold: Threshold) {
                self.set_threshold(Some(threshold));
            }
        }
    };
}

source!(UntypedConsumer, |end, batch, most, write| {
    let count = (most / end.item().size).max(1);
    let view = end.try_peek(count)?;
    let count = view.len();
    view.copy_to(0, batch.values(count)?)?;
    write(batch)?;
    view.release(count);
    Ok(())
});

source!(MessageConsumer, |end, batch, most, write| {
    let view = end.try_peek(usize::MAX)?;
    for message in view.iter() {
        if !batch.is_empty() && batch.len().saturating_add(message.len()) > most {
            break;
        }
        let room = batch.message(message.len())?;
        message.copy_to(0, room).expect("it is as long as the message");
    }
    write(batch)?;
    view.release(batch.count() as usize);
    Ok(())
});

fn into_file(record: &Record, mut source: impl Source, region: Region) -> Result<(), Failure> {
    // Of the very ring whose consumer we are.
    let snapshot = Observer::open_with(region, &record.trust.to_look())?.snapshot();
    let clock = Clock::started();
    let header = recording::header(&snapshot, Maker::Record, source.position(), &clock)?;
    let (mut output, header) = match Output::open(record.output.as_deref(), record.sync)? {
        Opened::New(mut output) => {
            let bytes = header.encode().map_err(|error| {
                Failure::new(Code::Failure, error.to_string(), "create the ring anew")
            })?;
            output.write(&bytes)?;
            (output, header)
        }
        Opened::Found(mut output, end) => {
            same_ring(output.name(), &end.header, &record.target, &snapshot)?;
            go_on(record, &mut output, &end, &mut source, &snapshot, &clock)?;
            (output, end.header)
        }
    };
    if let Some(within) = record.linger {
        source.set_threshold(Threshold::bytes(most_of(record, &snapshot), within));
    }
    let stop = Stop::on_signal(Some(source.interrupt_handle()))?;
    let mut run =
        Run { record, batch: Batch::new(&header), most: most_of(record, &snapshot), records: 0 };
    let (first, ended) =
        (source.position(), run.until_the_end(&mut source, &mut output, &stop, &clock)?);
    output.write(&ended.at(source.position(), clock.now()))?;
    let (last, records) = (source.position(), run.records);
    terminal::note(&format!("recorded {records} records, positions {first} to {last}"));
    match ended {
        Reason::Closed | Reason::Stopped => Ok(()),
        Reason::Died => Err(died()),
    }
}

/// The session of a producer that has ended.
fn session(peer: Peer) -> Option<u64> {
    match peer {
        Peer::Closed { session } | Peer::Dead { session, .. } => Some(session),
        _ => None,
    }
}

fn most_of(record: &Record, snapshot: &Snapshot) -> usize {
    let most = if record.sync { MOST_SYNCED } else { MOST };
    (snapshot.limit / BLOCKS_OF_A_RING).clamp(1, most as u64) as usize
}

fn died() -> Failure {
    Failure::new(
        Code::PeerDead,
        "the producer died or failed: all that it had published is recorded",
        "when it is back, the same command with -o goes on; --follow waits for it",
    )
}

/// Refuses to go on with the recording of another ring.
pub(crate) fn same_ring(
    file: &str,
    recorded: &Header,
    target: &Target,
    ring: &Snapshot,
) -> Result<(), Failure> {
    if recorded.id == ring.id {
        return Ok(());
    }
    Err(Failure::new(
        Code::Incompatible,
        format!(
            "{file} records the ring {:032x} ({:?}), and {target} is {:032x} ({:?})",
            recorded.id, recorded.label, ring.id, ring.label
        ),
        "the ring was created anew, or it is another one: record it into another file",
    ))
}

/// Goes on where the file ends: what is in it is given back, and not recorded again.
fn go_on(
    record: &Record,
    output: &mut Output,
    end: &End,
    source: &mut impl Source,
    ring: &Snapshot,
    clock: &Clock,
) -> Result<(), Failure> {
    let (recorded, read, target) = (end.position, source.position(), &record.target);
    if recorded < read && !record.accept_gap {
        return Err(Failure::new(
            Code::Failure,
            format!(
                "{} ends at position {recorded}, and {target} has been read up to {read}: {} bytes of records are missing",
                output.name(),
                read - recorded
            ),
            "somebody else read them, or the file was cut: record into another file, or with --accept-gap",
        ));
    }
    if recorded < read {
        let missing = ring.contents.stride().map_or(0, |stride| (read - recorded) / stride);
        return output.write(&BlockHead::gap(recorded, read, missing, clock.now()));
    }
    match source.release_to(recorded) {
        Err(PopError::NotABoundary { .. }) => Err(Failure::new(
            Code::Incompatible,
            format!(
                "{} ends at position {recorded}, and no record of {target} ends there: it has read {read} and published {}",
                output.name(),
                ring.tail
            ),
            "the ring is not as it was when it was recorded: record into another file",
        )),
        released => Ok(released?),
    }
}

/// What goes on from block to block.
struct Run<'a> {
    record: &'a Record,
    batch: Batch,
    most: usize,
    records: u64,
}

impl Run<'_> {
    /// Records until the recording ends, and says why.
    fn until_the_end(
        &mut self,
        source: &mut impl Source,
        output: &mut Output,
        stop: &Stop,
        clock: &Clock,
    ) -> Result<Reason, Failure> {
        let mut progress = Progress::new(None, output.is_terminal());
        while !stop.is_asked() {
            match source.look() {
                Ok(()) => {
                    // Behind the look that found them: none was published later.
                    let write = |batch: &mut Batch| output.write(batch.seal(clock.now()));
                    source.pass_on(&mut self.batch, self.most, write)?;
                    progress.add(self.batch.len());
                    self.records += self.batch.count();
                    continue;
                }
                Err(PopError::Empty) => {}
                Err(error) => return Err(error.into()),
            }
            progress.tell();
            let reason = match source.wait(self.record) {
                Ok(()) | Err(PopError::Interrupted) => continue,
                Err(PopError::Closed) => Reason::Closed,
                Err(PopError::PeerDead) => Reason::Died,
                Err(error) => return Err(error.into()),
            };
            if !self.record.follow {
                return Ok(reason);
            }
            output.write(&reason.at(source.position(), clock.now()))?;
            self.await_next(source, stop)?;
        }
        Ok(Reason::Stopped)
    }

    /// Waits for the producer that follows the one whose end was reported, and would be again until then.
    fn await_next(&self, source: &mut impl Source, stop: &Stop) -> Result<(), Failure> {
        let gone = session(source.peer());
        while !stop.is_asked() && source.look() == Err(PopError::Empty) {
            let timeout = self.record.timeout.unwrap_or(Duration::MAX);
            if session(source.wait_for_peer(timeout)) != gone {
                break;
            }
            let nobody = source.look() == Err(PopError::Empty) && !stop.is_asked();
            if nobody && self.record.timeout.is_some() {
                return Err(PopError::TimedOut.into());
            }
        }
        Ok(())
    }
}
