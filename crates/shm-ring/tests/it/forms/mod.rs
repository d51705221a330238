//! Every form of every call of both kinds, by name, in terms of the payload's bytes: so that a test can
//! go through all of them.
//!
//! Owns: [`Kind`] and the names of the forms. Knows nothing of: what the answers should be. The fuzz target `queue` compiles
//! this folder too, so it stands on nothing beside it.

use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use shm_ring::{AnyEnd, BatchError, Error, Options, PopError, PushError, Region, Threshold};

pub(crate) mod content;
mod ends;
mod messages;
pub(crate) mod model;
pub(crate) mod slices;
mod values;

pub(crate) use messages::Aligned;

/// The forms of publishing one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Put {
    Try,
    Wait,
    Timeout,
    TryFrom,
    From,
    TryParts,
    Parts,
    PartsTimeout,
    TryBatch,
    Batch,
    TrySlice,
    Slice,
    TryAll,
    All,
    Reserve(Room),
}

/// What is done with a reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    Write,
    Pieces,
    Slice,
    /// Less is committed than was reserved.
    Less,
    /// More is to be committed than was reserved.
    More,
    Drop,
    Forget,
}

/// The forms of taking one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Take {
    Try,
    Wait,
    Timeout,
    TryInto,
    Into,
    IntoTimeout,
    TryTo,
    To,
    ToTimeout,
    TryIterate,
    Iterate,
    Peek,
    TryBatch,
    Batch,
    TrySlice,
    Slice,
    SliceTimeout,
}

impl Put {
    /// Whether it ends with a deadline.
    pub(crate) fn waits(self) -> bool {
        matches!(self, Self::Timeout | Self::PartsTimeout)
    }
}

impl Room {
    /// The last one panics.
    pub(crate) const ALL: [Self; 7] =
        [Self::Write, Self::Pieces, Self::Slice, Self::Less, Self::Drop, Self::Forget, Self::More];
}

impl Take {
    /// Whether it ends with a deadline.
    pub(crate) fn waits(self) -> bool {
        matches!(self, Self::Timeout | Self::IntoTimeout | Self::ToTimeout | Self::SliceTimeout)
    }

    /// Whether the message must fit a buffer.
    pub(crate) fn needs_room(self) -> bool {
        matches!(self, Self::TryTo | Self::To | Self::ToTimeout)
    }
}

/// How buffers look that a call must not have touched.
const UNTOUCHED: u8 = 0xa5;
/// How long a form with a deadline waits, in microseconds: no time, where nobody else moves meanwhile.
pub(crate) static PATIENCE: AtomicU64 = AtomicU64::new(0);

fn patience() -> Duration {
    Duration::from_micros(PATIENCE.load(Relaxed))
}

/// A handle from which the two roles are taken.
pub(crate) trait AnyRing: Sized + Send + Sync {
    type Tx: Send + 'static;
    type Rx: Rx;

    fn open(region: impl Into<Region>) -> Result<Self, Error>;
    fn open_with(region: impl Into<Region>, options: &Options) -> Result<Self, Error>;
    fn producer(&self) -> Result<Self::Tx, Error>;
    fn consumer(&self) -> Result<Self::Rx, Error>;
    fn descriptor(&self) -> BorrowedFd<'_>;
    fn limit_bytes(&self) -> usize;
}

/// What both kinds of consumer answer alike.
pub(crate) trait Rx: AnyEnd + Send + 'static {
    fn set_threshold(&mut self, threshold: Option<Threshold>);
}

/// The ends of a kind.
pub(crate) type TxOf<K> = <<K as Kind>::Ring as AnyRing>::Tx;
pub(crate) type RxOf<K> = <<K as Kind>::Ring as AnyRing>::Rx;

/// A kind of record, by bytes: an item, `[u8]` for messages, [`Aligned`] for messages whose payloads are. `way` is 0 for
/// the form that does not wait, 1 for the one with a deadline and 2 for the one that waits for ever.
pub(crate) trait Kind {
    type Ring: AnyRing;

    /// What positions are multiples of.
    const UNIT: usize;
    /// Bytes of every payload, if all have the same.
    const LEN: Option<usize>;
    const PUSHES: &'static [Put];
    /// Those that return when there is no room.
    const PUSHES_THAT_RETURN: &'static [Put];
    const POPS: &'static [Take];
    /// Those that return when there is nothing.
    const POPS_THAT_RETURN: &'static [Take];

    fn create(region: impl Into<Region>, options: &Options) -> Result<Self::Ring, Error>;

    /// Bytes from a record with a payload of `len` bytes to the next.
    fn stride(len: usize) -> u64;

    fn push(tx: &mut TxOf<Self>, form: Put, bytes: &[u8]) -> Result<(), PushError>;
    /// How many bytes were committed, if any.
    fn reserve(
        tx: &mut TxOf<Self>,
        way: usize,
        room: Room,
        bytes: &[u8],
        part: usize,
    ) -> Result<Option<usize>, PushError>;
    fn push_batch(tx: &mut TxOf<Self>, batch: &[Vec<u8>]) -> Result<usize, BatchError>;
    fn try_push_batch(tx: &mut TxOf<Self>, batch: &[Vec<u8>]) -> Result<usize, PushError>;
    /// `buffer` is how many bytes the buffer has, for the forms that need one.
    fn pop(rx: &mut RxOf<Self>, form: Take, buffer: usize) -> Result<Vec<u8>, PopError>;
    /// Looks at up to `max` records and releases up to as many of them as `release` says: what it saw.
    fn peek(
        rx: &mut RxOf<Self>,
        way: usize,
        form: usize,
        max: usize,
        release: impl FnOnce(&[Vec<u8>]) -> usize,
    ) -> Result<Vec<Vec<u8>>, PopError>;
    fn pop_batch(
        rx: &mut RxOf<Self>,
        way: usize,
        max: usize,
        each: impl FnMut(Vec<u8>),
    ) -> Result<usize, PopError>;
    fn try_iter(rx: &mut RxOf<Self>) -> impl Iterator<Item = Result<Vec<u8>, PopError>>;
    /// Records that fit, if all have the same length; else bytes of records.
    fn room(tx: &mut TxOf<Self>) -> usize;
    /// Records that are there, if all have the same length; else bytes of records.
    fn ready(rx: &RxOf<Self>) -> usize;
}

/// The first record of a peek.
pub(crate) fn peek_one<K: Kind + ?Sized>(
    rx: &mut RxOf<K>,
    way: usize,
    form: usize,
    release: bool,
) -> Result<Vec<u8>, PopError> {
    let mut seen = K::peek(rx, way, form, 1, |_| usize::from(release))?;
    assert_eq!(seen.len(), 1);
    Ok(seen.remove(0))
}

/// Runs what is expected to panic.
fn must_panic(run: impl FnOnce()) {
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).is_err();
    assert!(panicked, "more was committed than was reserved");
}
