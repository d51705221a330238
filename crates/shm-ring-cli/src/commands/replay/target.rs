//! Where a recording is replayed to: a ring of the same shape, found or made. It must not know about times.

use std::time::Duration;

use shm_ring::{
    Contents, Error, Interrupt, ItemLayout, MessageProducer, MessageRing, Observer, Options,
    PushError, Snapshot, UntypedLatest, UntypedLatestWriter, UntypedProducer, UntypedRing,
};
use shm_ring_console::terminal;
use shm_ring_recording::{Block, Header, Kind};

use crate::cli::Replay;
use crate::failure::{Code, Failure};
use crate::recording::Selection;

/// An end that records are published by.
pub(super) trait Publishes {
    /// Publishes the records of a block that are meant, in order; false if the user wants it to end before.
    fn publish(
        &mut self,
        block: &Block<'_>,
        header: &Header,
        selection: &Selection,
    ) -> Result<bool, Failure>;

    /// Ends a wait for room, if there may be one.
    fn interrupt_handle(&self) -> Option<Interrupt> {
        None
    }
}

/// Finds a ring of the shape that the header has, or makes one, and becomes its producer.
pub(super) fn attach(replay: &Replay, header: &Header) -> Result<Box<dyn Publishes>, Failure> {
    let region = || replay.target.region();
    let look = Observer::open_with(region(), &replay.trust.to_look());
    let snapshot = match look {
        Ok(observer) => Some(observer.snapshot()),
        Err(Error::NotFound { .. }) if replay.target.has_a_name() => None,
        Err(error) => return Err(error.into()),
    };
    if let Some(found) = &snapshot {
        same_shape(replay, header, found)?;
    } else {
        let target = &replay.target;
        terminal::note(&format!("created {target}, as the ring was that was recorded"));
    }
    // Those of the ring that is there; it would be refused with others.
    let align = snapshot.as_ref().map_or(header.align, |found| parts(found.contents).2);
    let options = replay.trust.to_attach().schema(header.schema).label(header.label.as_str());
    let item = ItemLayout {
        size: header.size as usize,
        align: header.align as usize,
        schema: header.schema,
    };
    let timeout = replay.timeout;
    let there = snapshot.is_some();
    let room = options.clone().bytes(header.limit as usize);
    Ok(match header.kind {
        Kind::Values => {
            let ring = match there {
                true => UntypedRing::open_with(region(), item, &options)?,
                false => UntypedRing::open_or_create(region(), item, &room)?,
            };
            Box::new(Values { end: ring.producer()?, timeout })
        }
        Kind::Messages => {
            let ring = match there {
                true => MessageRing::open_with(region(), &options.align(align as usize))?,
                false => MessageRing::open_or_create(region(), &room.align(align as usize))?,
            };
            Box::new(Messages { end: ring.producer()?, timeout })
        }
        Kind::Latest => {
            let latest = match there {
                true => UntypedLatest::open_with(region(), item, &options)?,
                false => UntypedLatest::open_or_create(region(), item, &history(options, header))?,
            };
            Box::new(Latest { end: latest.writer()? })
        }
    })
}

/// As many values as the latest value kept that was recorded.
fn history(options: Options, header: &Header) -> Options {
    let kept = (header.capacity / header.unit).saturating_sub(1);
    options.history(kept as usize)
}

fn parts(contents: Contents) -> (Option<Kind>, u64, u64) {
    match contents {
        Contents::Values { size, align } => (Some(Kind::Values), size, align),
        Contents::Messages { size, align } => (Some(Kind::Messages), size, align),
        Contents::Latest { size, align } => (Some(Kind::Latest), size, align),
        _ => (None, 0, 0),
    }
}

/// Refuses a ring that could not take what was recorded for what it was.
fn same_shape(replay: &Replay, header: &Header, found: &Snapshot) -> Result<(), Failure> {
    let (kind, size, align) = parts(found.contents);
    let differ = |what: &str, recorded: String, ring: String| {
        let (file, target) = (replay.file.display(), &replay.target);
        Err(Failure::new(
            Code::Incompatible,
            format!(
                "{file} was recorded from a ring with {what} {recorded}, and {target} has {ring}"
            ),
            "replay into a ring of that shape; under a name that is not there it is created",
        ))
    };
    if kind != Some(header.kind) {
        let name = |kind: Option<Kind>| match kind {
            Some(Kind::Values) => "values",
            Some(Kind::Messages) => "messages",
            Some(Kind::Latest) => "a latest value",
            None => "what this release does not know",
        };
        return differ("", name(Some(header.kind)).to_owned(), name(kind).to_owned());
    }
    if size != header.size {
        return differ("values of", format!("{} bytes", header.size), format!("{size}"));
    }
    // Payloads that are aligned to more are aligned to less.
    let fits = match header.kind {
        Kind::Messages => align >= header.align,
        Kind::Values | Kind::Latest => align == header.align,
    };
    if !fits {
        return differ("an alignment of", header.align.to_string(), align.to_string());
    }
    if found.schema != header.schema {
        return differ("schema id", header.schema.to_string(), found.schema.to_string());
    }
    if found.label != header.label {
        return differ("label", format!("{:?}", header.label), format!("{:?}", found.label));
    }
    Ok(())
}

/// What an answer to a wait for room comes to: whether to go on.
fn waited(answer: Result<(), PushError>) -> Result<bool, Failure> {
    match answer {
        Ok(()) => Ok(true),
        Err(PushError::Interrupted) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

struct Values {
    end: UntypedProducer,
    timeout: Option<Duration>,
}

impl Publishes for Values {
    fn publish(
        &mut self,
        block: &Block<'_>,
        header: &Header,
        selection: &Selection,
    ) -> Result<bool, Failure> {
        let mut values = selection.values(block, header);
        while !values.is_empty() {
            match self.end.try_push_slice(values) {
                Ok(pushed) => values = &values[pushed * self.end.item().size..],
                Err(PushError::Full) => {
                    if !waited(self.end.wait(1, self.timeout))? {
                        return Ok(false);
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(true)
    }

    fn interrupt_handle(&self) -> Option<Interrupt> {
        Some(self.end.interrupt_handle())
    }
}

struct Messages {
    end: MessageProducer,
    timeout: Option<Duration>,
}

impl Publishes for Messages {
    fn publish(
        &mut self,
        block: &Block<'_>,
        _: &Header,
        selection: &Selection,
    ) -> Result<bool, Failure> {
        let meant = block.records().filter(|record| selection.wants(record.position));
        let messages: Vec<&[u8]> = meant.map(|record| record.payload).collect();
        let mut rest = &messages[..];
        while let Some(first) = rest.first() {
            match self.end.try_push_batch(rest) {
                Ok(pushed) => rest = &rest[pushed..],
                Err(PushError::Full) => {
                    if !waited(self.end.wait(first.len(), self.timeout))? {
                        return Ok(false);
                    }
                }
                Err(PushError::TooLarge { len, max }) => {
                    return Err(Failure::new(
                        Code::Incompatible,
                        format!(
                            "a message of {len} bytes was recorded, and this ring takes {max} at most"
                        ),
                        "all before it is published: create a ring with more --bytes",
                    ));
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(true)
    }

    fn interrupt_handle(&self) -> Option<Interrupt> {
        Some(self.end.interrupt_handle())
    }
}

/// Nobody is waited for: it replaces what was there.
struct Latest {
    end: UntypedLatestWriter,
}

impl Publishes for Latest {
    fn publish(
        &mut self,
        block: &Block<'_>,
        header: &Header,
        selection: &Selection,
    ) -> Result<bool, Failure> {
        for value in selection.values(block, header).chunks_exact(header.size as usize) {
            self.end.write(value)?;
        }
        Ok(true)
    }
}
