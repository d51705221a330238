//! Every form of every call of both kinds, by name, in terms of the payload's bytes: so that a test can
//! go through all of them. It must not know what the answers should be.

use std::time::Duration;

use shm_ring::{Consumer, Payload, PopError, Producer, PushError, Record};

mod messages;
mod values;

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
    Reserve(Room),
}

/// What is done with a reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    Write,
    Pieces,
    Slice,
    /// Fewer are committed than were reserved: messages only.
    Less,
    /// More are to be committed than were reserved: messages only.
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
}

impl Put {
    /// Whether it ends with a deadline.
    pub(crate) fn waits(self) -> bool {
        matches!(self, Self::Timeout | Self::PartsTimeout)
    }
}

impl Room {
    pub(crate) const ALL: [Self; 7] =
        [Self::Write, Self::Pieces, Self::Slice, Self::Less, Self::More, Self::Drop, Self::Forget];
}

impl Take {
    /// Whether it ends with a deadline.
    pub(crate) fn waits(self) -> bool {
        matches!(self, Self::Timeout | Self::IntoTimeout | Self::ToTimeout)
    }

    /// Whether the message must fit a buffer.
    pub(crate) fn needs_room(self) -> bool {
        matches!(self, Self::TryTo | Self::To | Self::ToTimeout)
    }
}

/// How buffers look that a call must not have touched.
const UNTOUCHED: u8 = 0xa5;
const NOW: Duration = Duration::ZERO;

/// A kind of record, by bytes. `way` is 0 for the form that does not wait, 1 for the one with a deadline
/// and 2 for the one that waits for ever.
pub(crate) trait Kind: Payload {
    /// The record alignment.
    const ALIGN: usize;
    /// Bytes of an element.
    const UNIT: usize;
    /// Elements of every payload, if all have the same.
    const LEN: Option<usize>;
    const PUSHES: &'static [Put];
    /// Those that return when there is no room.
    const PUSHES_THAT_RETURN: &'static [Put];
    const POPS: &'static [Take];
    /// Those that return when there is nothing.
    const POPS_THAT_RETURN: &'static [Take];

    fn push(tx: &mut Producer<Self>, form: Put, bytes: &[u8]) -> Result<(), PushError>;
    /// How many bytes were committed, if any.
    fn reserve(
        tx: &mut Producer<Self>,
        way: usize,
        room: Room,
        bytes: &[u8],
        part: usize,
    ) -> Result<Option<usize>, PushError>;
    fn push_batch(tx: &mut Producer<Self>, batch: &[Vec<u8>]) -> Result<usize, PushError>;
    fn try_push_batch(tx: &mut Producer<Self>, batch: &[Vec<u8>]) -> Result<usize, PushError>;
    /// `buffer` is how many elements the buffer has, for the forms that need one.
    fn pop(rx: &mut Consumer<Self>, form: Take, buffer: usize) -> Result<Vec<u8>, PopError>;
    fn peek(
        rx: &mut Consumer<Self>,
        way: usize,
        form: usize,
        release: bool,
    ) -> Result<Vec<u8>, PopError>;
    fn pop_batch(
        rx: &mut Consumer<Self>,
        way: usize,
        max: usize,
        each: impl FnMut(Vec<u8>),
    ) -> Result<usize, PopError>;
    fn room(tx: &mut Producer<Self>) -> Option<u64>;
    fn ready(rx: &Consumer<Self>) -> u64;
}

/// All bytes of a record, in two copies whose border is anywhere.
fn in_two<P: Payload + ?Sized>(record: &Record<'_, P>, form: usize) -> Vec<u8> {
    let mut bytes = vec![UNTOUCHED; record.size()];
    let border = form % (record.size() + 1);
    let (first, second) = bytes.split_at_mut(border);
    record.copy_to(border, second).unwrap();
    record.copy_to(0, first).unwrap();
    bytes
}
