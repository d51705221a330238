//! What a ring at rest holds, and whether it may: after a kill at any instruction of either side, too.
//!
//! Owns: the rules of LAYOUT.md for positions, records and `wake_at`. Knows nothing of: who was killed when.

use crate::front;
use crate::header::{Header, Kind};
use crate::record::{message_len, unpack};
use crate::region::Region;
use crate::reserved;
use crate::side::SideWords;
use crate::violation::{Rule, Violation};
use crate::words::{POSITION_END, Side};

/// An unread record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Where it begins.
    pub position: u64,
    /// The value, or the message.
    pub payload: Vec<u8>,
}

/// A ring that breaks no rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ring {
    /// The words of the producer.
    pub producer: SideWords,
    /// The words of the consumer.
    pub consumer: SideWords,
    /// Where the next record goes.
    pub tail: u64,
    /// Where the first unread record begins.
    pub head: u64,
    /// Whether bit 63 is clear.
    pub front: bool,
    /// All that is unread.
    pub records: Vec<Record>,
}

impl Ring {
    /// The words of `side`.
    pub fn side(&self, side: Side) -> &SideWords {
        match side {
            Side::Producer => &self.producer,
            Side::Consumer => &self.consumer,
        }
    }

    /// The payloads of all that is unread.
    pub fn payloads(&self) -> Vec<Vec<u8>> {
        self.records.iter().map(|record| record.payload.clone()).collect()
    }
}

/// Judges a region that was created with `header` and holds a ring.
pub fn judge<R: Region + ?Sized>(region: &R, header: &Header) -> Result<Ring, Violation> {
    Violation::unless(header.kind() != Some(Kind::Latest), Rule::Header, || {
        "the region holds a latest value and no ring".to_owned()
    })?;
    reserved::check(region, header)?;
    let [producer, consumer] = Side::BOTH.map(|side| SideWords::of(region, header, side));
    let ((tail, front), head) = (unpack(producer.position), consumer.position);
    let records = read(region, header, head, tail)?;
    let ring = Ring { producer, consumer, tail, head, front, records };
    front::check(region, header, &ring)?;
    producer.check(Side::Producer, header)?;
    consumer.check(Side::Consumer, header)?;
    wake_at(header, &ring)?;
    told(&ring)?;
    Ok(ring)
}

/// The records from `head` to `tail`, if those are positions that a side believes.
pub fn read<R: Region + ?Sized>(
    region: &R,
    header: &Header,
    head: u64,
    tail: u64,
) -> Result<Vec<Record>, Violation> {
    positions(header, head, tail)?;
    let (mut position, mut records) = (head, Vec::new());
    while position < tail {
        let len = payload_len(region, header, position, tail)?;
        let payload = data(region, header, position + header.payload_offset(), len as usize);
        records.push(Record { position, payload });
        position += header.stride(len);
    }
    Ok(records)
}

fn positions(header: &Header, head: u64, tail: u64) -> Result<(), Violation> {
    for (name, position) in [("tail", tail), ("head", head)] {
        Violation::unless(position < POSITION_END, Rule::Position, || {
            format!("{name} is {position:#x}: 2^62 or more")
        })?;
        let unit = header.unit();
        Violation::unless(position.is_multiple_of(unit), Rule::Multiple, || {
            format!("{name} is {position}, which is no multiple of {unit}")
        })?;
    }
    Violation::unless(head <= tail, Rule::Order, || format!("head {head} is beyond tail {tail}"))?;
    let limit = header.limit;
    Violation::unless(tail - head <= limit, Rule::Limit, || {
        format!("{} bytes are in flight with a limit of {limit}", tail - head)
    })
}

/// Bytes of the payload of the record at `position`, which must end at `tail` at the latest.
pub(crate) fn payload_len<R: Region + ?Sized>(
    region: &R,
    header: &Header,
    position: u64,
    tail: u64,
) -> Result<u64, Violation> {
    if header.kind() == Some(Kind::Values) {
        return Ok(header.item_size);
    }
    let word = region.word(header.at(position));
    message_len(word, position)
        .filter(|&len| header.may_be(len) && header.stride(len) <= tail - position)
        .ok_or_else(|| {
            Violation::new(
                Rule::RecordHeader,
                format!("the word at {position} is {word:#x}: no message that ends by {tail}"),
            )
        })
}

/// `len` bytes of data from `position` on, around the end of the data area.
pub(crate) fn data<R: Region + ?Sized>(
    region: &R,
    header: &Header,
    position: u64,
    len: usize,
) -> Vec<u8> {
    let at = header.at(position);
    let first = len.min((header.region_bytes() - at) as usize);
    let mut bytes = region.read(at, first);
    bytes.extend(region.read(header.at(0), len - first));
    bytes
}

/// Whose end was returned had begun.
fn told(ring: &Ring) -> Result<(), Violation> {
    let (told, session) = (ring.consumer.told, ring.producer.session);
    Violation::unless(told == 0 || told % 2 == 1 && told <= session, Rule::Ends, || {
        format!("the end of session {told} was reported, and the last one is {session}")
    })
}

/// A sleeper stores where it wants to be woken, and does not move before it has taken that back.
fn wake_at(header: &Header, ring: &Ring) -> Result<(), Violation> {
    let (head, tail, limit) = (ring.head, ring.tail, header.limit);
    let wakes = ring.consumer.wake_at;
    let possible = !ring.consumer.is_asleep() || (head < wakes && wakes <= head + limit);
    Violation::unless(possible, Rule::WakeAt, || {
        format!("the consumer at {head} wants to be woken at {wakes}, with a limit of {limit}")
    })?;
    let wakes = ring.producer.wake_at;
    let possible =
        !ring.producer.is_asleep() || (tail.saturating_sub(limit) <= wakes && wakes <= tail);
    Violation::unless(possible, Rule::WakeAt, || {
        format!("the producer at {tail} wants to be woken at {wakes}, with a limit of {limit}")
    })
}
