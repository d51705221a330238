//! Owns: the sink ring: publishing what is taken of batches, at the positions of the source ring. Its tail is the durable
//! answer to where the sink stands. Knows nothing of: where batches come from.

use shm_ring::{
    Error, MessageProducer, Observer, Options, Peer, PushError, Snapshot, UntypedProducer,
};
use shm_ring_async::{Async, Engine};

use crate::failure::{Code, Failure};
use crate::flow::{Extent, Verdict, judge};
use crate::pairing::Side;
use crate::shape::{Kind, Shape};
use crate::target::Target;

/// The producer of the sink ring.
pub(crate) struct Inlet {
    producer: Producer,
    shape: Shape,
    id: u128,
    /// The first bytes of a record that comes in parts, which is the next one.
    assembled: Vec<u8>,
}

enum Producer {
    Values(Async<UntypedProducer>),
    Messages(Async<MessageProducer>),
}

/// How far a batch got.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// It is in the ring, or was before.
    Done,
    /// One before it is missing.
    Hole,
    /// There must be room for so much first: values, or bytes of a message.
    Full(usize),
}

impl Inlet {
    /// Opens the ring, if there is one.
    pub(crate) fn open(
        target: &Target,
        options: &Options,
        engine: &Engine,
    ) -> Result<Option<Self>, Failure> {
        let snapshot = match Observer::open_with(target.region(), options) {
            Ok(observer) => observer.snapshot(),
            Err(Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let Some(shape) = Shape::of(&snapshot) else {
            let what = format!("{target} holds a latest value, which takes no records");
            let hint = "name another ring: the sink makes one if there is none";
            return Err(Failure::new(Code::Incompatible, what, hint));
        };
        Self::attach(target, options, engine, shape, &snapshot).map(Some)
    }

    /// Makes a ring that carries what a ring of `shape` does, and opens it.
    pub(crate) fn create(
        target: &Target,
        options: &Options,
        engine: &Engine,
        shape: &Shape,
        bytes: Option<usize>,
    ) -> Result<Self, Failure> {
        let made = shape.options(Options::new()).bytes(bytes.unwrap_or(shape.limit as usize));
        let created = match shape.kind {
            Kind::Values => {
                let (size, align) = (shape.size as usize, shape.align as usize);
                let item = shm_ring::ItemLayout { size, align, schema: shape.schema };
                shm_ring::UntypedRing::create(target.region(), item, &made).map(drop)
            }
            Kind::Messages => shm_ring::MessageRing::create(target.region(), &made).map(drop),
        };
        match created {
            Ok(()) | Err(Error::AlreadyExists { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        let missing = || Error::NotFound { region: target.to_string() };
        Self::open(target, options, engine)?.ok_or_else(|| missing().into())
    }

    fn attach(
        target: &Target,
        options: &Options,
        engine: &Engine,
        shape: Shape,
        snapshot: &Snapshot,
    ) -> Result<Self, Failure> {
        let options = shape.options(options.clone());
        let refused = |error: std::io::Error| {
            Failure::new(
                Code::Failure,
                format!("no engine for the ring: {error}"),
                "start it again",
            )
        };
        let producer = match shape.kind {
            Kind::Values => {
                let end = UntypedProducer::open_any(target.region(), &options)?;
                Producer::Values(Async::with_engine(end, engine).map_err(refused)?)
            }
            Kind::Messages => {
                let end = MessageProducer::open_with(target.region(), &options)?;
                Producer::Messages(Async::with_engine(end, engine).map_err(refused)?)
            }
        };
        // A producer's lease is ours now: whatever the name leads to stays what it is.
        let now = Observer::open_with(target.region(), &options.any_owner())?.snapshot();
        if now.id != snapshot.id {
            return Err(Error::NameGone { region: target.to_string() }.into());
        }
        Ok(Self { producer, shape, id: now.id, assembled: Vec::new() })
    }

    /// The ring, with nothing known of a pair.
    pub(crate) fn side(&self) -> Side {
        let (id, shape) = (self.id, self.shape.clone());
        Side { id, head: 0, tail: self.tail(), shape, pair: None, anew: false }
    }

    pub(crate) fn id(&self) -> u128 {
        self.id
    }

    pub(crate) fn tail(&self) -> u64 {
        match &self.producer {
            Producer::Values(tx) => tx.get_ref().position(),
            Producer::Messages(tx) => tx.get_ref().position(),
        }
    }

    /// Publishes the new records of a batch, whose records are `bytes`, until the ring is full. `base` is where the ring begins in
    /// the positions of the source ring.
    pub(crate) fn take(
        &mut self,
        base: u64,
        extent: &Extent,
        bytes: &[u8],
    ) -> Result<Progress, Failure> {
        let stand = base.wrapping_add(self.tail());
        match judge(stand, self.assembled.len() as u32, extent) {
            Verdict::Known => return Ok(Progress::Done),
            Verdict::Hole => return Ok(Progress::Hole),
            Verdict::Take => {}
        }
        let Some(part) = extent.part else {
            self.assembled.clear();
            return self.take_whole(stand, extent, bytes);
        };
        if part.offset + part.len < part.total {
            self.assembled.extend_from_slice(bytes);
            return Ok(Progress::Done);
        }
        let before = self.assembled.len();
        self.assembled.extend_from_slice(bytes);
        let pushed = match &mut self.producer {
            Producer::Values(tx) => tx.get_mut().try_push(&self.assembled),
            Producer::Messages(tx) => tx.get_mut().try_push(&self.assembled),
        };
        match pushed {
            Ok(()) => {
                self.assembled = Vec::new();
                self.arrived_at(base, extent)
            }
            Err(PushError::Full) => {
                let len = self.assembled.len();
                self.assembled.truncate(before);
                Ok(Progress::Full(if self.shape.kind == Kind::Values { 1 } else { len }))
            }
            Err(error) => Err(refused(error)),
        }
    }

    fn take_whole(
        &mut self,
        stand: u64,
        extent: &Extent,
        bytes: &[u8],
    ) -> Result<Progress, Failure> {
        let base = stand.wrapping_sub(self.tail());
        match &mut self.producer {
            Producer::Values(tx) => {
                let known = (stand.saturating_sub(extent.first)) as usize;
                let new = bytes.get(known..).ok_or_else(|| damaged(extent))?;
                let pushed = match tx.get_mut().try_push_slice(new) {
                    Ok(pushed) => pushed,
                    Err(PushError::Full) => 0,
                    Err(error) => return Err(refused(error)),
                };
                let size = self.shape.size as usize;
                let left = new.len() / size - pushed;
                if left > 0 {
                    return Ok(Progress::Full(1));
                }
            }
            Producer::Messages(tx) => {
                let mut at = extent.first;
                let mut new = Vec::with_capacity(bytes.len() / 16);
                let mut rest = bytes;
                while let Some((len, behind)) = rest.split_first_chunk::<4>() {
                    let len = u32::from_le_bytes(*len) as usize;
                    let message = behind.get(..len).ok_or_else(|| damaged(extent))?;
                    if at >= stand {
                        new.push(message);
                    }
                    at += self.shape.stride(len as u64);
                    rest = &behind[len..];
                }
                if !rest.is_empty() || at != extent.end {
                    return Err(damaged(extent));
                }
                let pushed = match tx.get_mut().try_push_batch(&new) {
                    Ok(pushed) => pushed,
                    Err(PushError::Full) => 0,
                    Err(error) => return Err(refused(error)),
                };
                if let Some(next) = new.get(pushed) {
                    return Ok(Progress::Full(next.len()));
                }
            }
        }
        self.arrived_at(base, extent)
    }

    /// A batch that was taken whole ends where it says, or its records are not those of its positions.
    fn arrived_at(&self, base: u64, extent: &Extent) -> Result<Progress, Failure> {
        match base.wrapping_add(self.tail()) == extent.end {
            true => Ok(Progress::Done),
            false => Err(damaged(extent)),
        }
    }

    /// Waits for room.
    pub(crate) async fn room(&mut self, wanted: usize) -> Result<(), PushError> {
        match &mut self.producer {
            Producer::Values(tx) => tx.writable(wanted).await,
            Producer::Messages(tx) => tx.writable(wanted).await,
        }
    }

    /// Waits until somebody reads.
    pub(crate) async fn peer(&mut self) -> Peer {
        match &mut self.producer {
            Producer::Values(tx) => tx.wait_for_peer().await,
            Producer::Messages(tx) => tx.wait_for_peer().await,
        }
    }
}

pub(crate) fn refused(error: PushError) -> Failure {
    let what = format!("the sink ring takes no more: {error}");
    Failure::new(Code::Failure, what, "if it is damaged, remove it (`shm-ring rm`) and pair anew")
}

fn damaged(extent: &Extent) -> Failure {
    let what = format!("the batch from position {} to {} is damaged", extent.first, extent.end);
    let hint = "somebody else publishes to the stream, or the two sides are of different releases";
    Failure::new(Code::Failure, what, hint)
}
