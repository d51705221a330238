//! Owns: the source ring: reading ahead of what is given back, in batches. Knows nothing of: who takes the batches, or what is
//! done about a hole.

use shm_ring::{Error, Message, MessageConsumer, Observer, Options, PopError, UntypedConsumer};

use crate::failure::{Code, Failure};
use crate::flow::{Cursor, Extent, Part};
use crate::shape::{Kind, Shape};
use crate::target::Target;
use crate::wire::HEAD;

/// A batch whose head is not written yet.
pub(crate) struct Batch {
    pub(crate) extent: Extent,
    pub(crate) bytes: Vec<u8>,
}

/// How much is read at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measure {
    /// Bytes of records in a batch; one record that is larger goes in parts.
    pub(crate) batch: usize,
    /// Batches.
    pub(crate) count: usize,
    /// No record is begun behind this position.
    pub(crate) until: u64,
}

/// The consumer of the source ring.
pub(crate) struct Outlet {
    consumer: Consumer,
    shape: Shape,
    /// Records between the head and where the last reading ended: so many are there and do not count as news.
    held: usize,
}

enum Consumer {
    Values(UntypedConsumer),
    Messages(MessageConsumer),
}

impl Outlet {
    /// Becomes the consumer of the ring. Also what looks at it from now on.
    pub(crate) fn open(target: &Target, options: &Options) -> Result<(Self, Observer), Failure> {
        let before = Observer::open_with(target.region(), options)?.snapshot();
        let shape = Shape::of(&before).ok_or_else(|| no_ring(target))?;
        let attach = shape.options(options.clone());
        let consumer = match shape.kind {
            Kind::Values => Consumer::Values(UntypedConsumer::open_any(target.region(), &attach)?),
            Kind::Messages => {
                Consumer::Messages(MessageConsumer::open_with(target.region(), &attach)?)
            }
        };
        // Whoever has a role of a ring keeps its name where it is.
        let observer = Observer::open_with(target.region(), options)?;
        if observer.snapshot().id != before.id {
            return Err(Error::NameGone { region: target.to_string() }.into());
        }
        Ok((Self { consumer, shape, held: 0 }, observer))
    }

    /// What is below has been given back.
    pub(crate) fn head(&self) -> u64 {
        match &self.consumer {
            Consumer::Values(rx) => rx.position(),
            Consumer::Messages(rx) => rx.position(),
        }
    }

    /// Ends a wait.
    pub(crate) fn interrupt_handle(&self) -> shm_ring::Interrupt {
        match &self.consumer {
            Consumer::Values(rx) => rx.interrupt_handle(),
            Consumer::Messages(rx) => rx.interrupt_handle(),
        }
    }

    /// What is there from `cursor` on, without giving anything back. None: nothing new, or nothing before `until`.
    pub(crate) fn read(
        &mut self,
        cursor: Cursor,
        measure: Measure,
    ) -> Result<Vec<Batch>, PopError> {
        let Self { consumer, shape, held, .. } = self;
        let mut reading = Reading { measure, cursor, batches: Vec::new() };
        match consumer {
            Consumer::Values(rx) => {
                let (head, size, capacity) = (rx.position(), rx.item().size, rx.capacity());
                let view = match rx.try_peek(capacity) {
                    Ok(view) => view,
                    Err(PopError::Empty) => return Ok(Vec::new()),
                    Err(error) => return Err(error),
                };
                let mut index = ((cursor.at - head) / size as u64) as usize;
                while index < view.len() && reading.goes_on() {
                    let copy = |index, to: &mut [u8]| view.copy_to(index, to);
                    let took = reading.values(size, index, view.len(), copy)?;
                    index += took;
                }
                *held = index.min(view.len());
            }
            Consumer::Messages(rx) => {
                let view = match rx.try_peek(usize::MAX) {
                    Ok(view) => view,
                    Err(PopError::Empty) => return Ok(Vec::new()),
                    Err(error) => return Err(error),
                };
                *held = 0;
                for message in view.iter() {
                    if message.end() <= cursor.at {
                        *held += 1;
                    } else if !reading.message(&message, shape) {
                        break;
                    } else {
                        *held += 1;
                    }
                }
            }
        }
        Ok(reading.batches)
    }

    /// Waits until there is more than the last reading saw, or there is an interrupt.
    pub(crate) fn wait(&mut self) -> Result<(), PopError> {
        let count = self.held + 1;
        match &mut self.consumer {
            Consumer::Values(rx) => rx.wait(count, None),
            Consumer::Messages(rx) => rx.wait(count, None),
        }
    }

    /// Gives back what is below `position`.
    pub(crate) fn release_to(&mut self, position: u64) -> Result<(), PopError> {
        if position <= self.head() {
            return Ok(());
        }
        let released = match &mut self.consumer {
            Consumer::Values(rx) => rx.release_to(position)?,
            Consumer::Messages(rx) => rx.release_to(position)?,
        };
        self.held = self.held.saturating_sub(released);
        Ok(())
    }
}

fn no_ring(target: &Target) -> Failure {
    let what = format!("{target} holds a latest value, which has no records");
    Failure::new(Code::Incompatible, what, "a bridge carries rings of values and of messages")
}

/// Batches that are being filled.
struct Reading {
    measure: Measure,
    /// Where the next record, or part of one, is.
    cursor: Cursor,
    batches: Vec<Batch>,
}

impl Reading {
    /// Whether another batch may begin.
    fn goes_on(&self) -> bool {
        self.batches.len() < self.measure.count && self.cursor.at < self.measure.until
    }

    fn push(&mut self, extent: Extent, bytes: Vec<u8>) {
        self.cursor = extent.behind();
        self.batches.push(Batch { extent, bytes });
    }

    /// A batch of values from the one with `index` on, of `count`. How many values are behind it.
    fn values(
        &mut self,
        size: usize,
        index: usize,
        count: usize,
        copy: impl Fn(usize, &mut [u8]) -> Result<usize, PopError>,
    ) -> Result<usize, PopError> {
        let first = self.cursor.at;
        if size > self.measure.batch {
            let mut value = vec![0; size];
            copy(index, &mut value)?;
            return Ok(usize::from(self.parts(first + size as u64, &value)));
        }
        let taken = (self.measure.batch / size).min(count - index);
        let mut bytes = vec![0; HEAD + taken * size];
        copy(index, &mut bytes[HEAD..])?;
        self.push(Extent { first, end: first + (taken * size) as u64, part: None }, bytes);
        Ok(taken)
    }

    /// Adds a message to the last batch, or to a new one. Whether it is in whole, and another may follow.
    fn message(&mut self, message: &Message<'_>, shape: &Shape) -> bool {
        let (len, end) = (message.len(), message.end());
        let taken = 4 + len;
        if taken > self.measure.batch {
            return self.goes_on() && self.parts(end, &message.to_vec());
        }
        let room = self.measure.batch + HEAD - taken;
        let fits = |batch: &&mut Batch| batch.extent.part.is_none() && batch.bytes.len() <= room;
        let is_over = self.cursor.at >= self.measure.until;
        if let Some(last) = self.batches.last_mut().filter(fits)
            && !is_over
        {
            append(&mut last.bytes, message);
            last.extent.end = end;
            self.cursor = Cursor::at(end);
            return true;
        }
        if !self.goes_on() {
            return false;
        }
        let mut bytes = Vec::with_capacity(HEAD + self.measure.batch);
        bytes.resize(HEAD, 0);
        append(&mut bytes, message);
        let first = end - shape.stride(len as u64);
        self.push(Extent { first, end, part: None }, bytes);
        true
    }

    /// Batches with parts of a record that is longer than one. Whether all of it is in them.
    fn parts(&mut self, end: u64, record: &[u8]) -> bool {
        let Cursor { at: first, offset } = self.cursor;
        let mut rest = &record[offset as usize..];
        while !rest.is_empty() && self.batches.len() < self.measure.count {
            let (bytes, behind) = rest.split_at(rest.len().min(self.measure.batch));
            let offset = (record.len() - rest.len()) as u32;
            let part = Some(Part { total: record.len() as u32, offset, len: bytes.len() as u32 });
            let mut batch = Vec::with_capacity(HEAD + bytes.len());
            batch.resize(HEAD, 0);
            batch.extend_from_slice(bytes);
            self.push(Extent { first, end, part }, batch);
            rest = behind;
        }
        rest.is_empty()
    }
}

/// The message behind its length.
fn append(bytes: &mut Vec<u8>, message: &Message<'_>) {
    bytes.extend_from_slice(&(message.len() as u32).to_le_bytes());
    let from = bytes.len();
    bytes.resize(from + message.len(), 0);
    let copied = message.copy_to(0, &mut bytes[from..]);
    debug_assert!(copied.is_ok(), "as long as the message is");
}
