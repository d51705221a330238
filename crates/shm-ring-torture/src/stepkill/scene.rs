//! Owns: where an operation begins, and what the region holds by then. Knows nothing of: how an operation is performed or
//! what becomes of it.

use shm_ring_outsider::{
    FRONT, FRONT_BYTES, Header, Side, Word, Writable, cells, lay, pack, poison, publish,
};

use super::kind::{BATCH, Kind};
use super::op::Op;

/// How the newest record stands, and what the producer is to do with the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Newest {
    /// In the front, if it fits, and the next one is wanted there. A consumer finds this record alone.
    InFront,
    /// In the data alone: the front is marked, and holds the record that would come next. The rest is as above.
    Marked,
    /// In the front, and the next one is not wanted there. A consumer finds several records.
    Among,
}

impl Newest {
    pub(crate) const ALL: [Self; 3] = [Self::InFront, Self::Marked, Self::Among];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::InFront => "in front",
            Self::Marked => "front marked",
            Self::Among => "front unwanted",
        }
    }
}

/// An operation and where it begins.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scene {
    pub(crate) op: Op,
    pub(crate) newest: Newest,
    /// The position of the operation's own record.
    pub(crate) at: u64,
    /// The sequence number of that record.
    pub(crate) sequence: u64,
}

/// The laps that positions are taken from: the fourth, and the one in which what record headers keep of a position starts
/// over.
const LAPS: [u64; 2] = [3, (1 << 34) / 4096 - 1];

/// Positions to begin at, for an operation whose first record takes `stride` bytes: well inside; the record ends before
/// the end of the data area, at the end, and across it by as little and by as much as it can.
pub(crate) fn positions(header: &Header, stride: u64) -> Vec<u64> {
    let (unit, capacity) = (header.unit(), header.capacity);
    let mut positions = Vec::new();
    for lap in LAPS {
        let (start, end) = (lap * capacity, (lap + 1) * capacity);
        for at in [start + 1024, end - 2 * stride, end - stride, end - stride + unit, end - 1] {
            let at = at / unit * unit;
            if !positions.contains(&at) {
                positions.push(at);
            }
        }
    }
    positions
}

/// What the region holds before the operation.
#[derive(Clone, Debug)]
pub(crate) struct Start {
    pub(crate) image: Vec<u8>,
    /// Stored just before the window opens, where the operation must find that head has moved.
    pub(crate) late_head: Option<u64>,
    pub(crate) head: u64,
    pub(crate) tail: u64,
    /// Records that the child takes before the window opens.
    pub(crate) skip: u64,
    /// The sequence number of the record at head.
    pub(crate) first: u64,
    /// Records from head on.
    pub(crate) records: u64,
    /// The session of the side that is killed, before and after it has attached.
    pub(crate) sessions: (u64, u64),
}

pub(crate) fn stride<K: Kind>(header: &Header, sequence: u64) -> u64 {
    header.stride(K::len(sequence) as u64)
}

impl Scene {
    /// Records that are there for the operation.
    fn ahead(self) -> u64 {
        match self.op {
            Op::PopPark | Op::PopBatchPark | Op::PeekPark => 0,
            _ if self.op.side() == Side::Producer => 0,
            _ if self.newest == Newest::Among => 4,
            _ => 1,
        }
    }

    /// Records that the whole operation takes.
    pub(crate) fn takes(self) -> u64 {
        match self.op.side() {
            Side::Producer => 0,
            Side::Consumer => self.op.records().min(self.ahead()),
        }
    }

    /// Lays out the region in `blank`, a ring as its creator leaves it.
    pub(crate) fn start<K: Kind>(self, header: &Header, blank: &[u8]) -> Start {
        let behind = match self.op {
            op if op.fills() || op == Op::PushLook => u64::MAX,
            _ if self.op.side() == Side::Producer => 2,
            _ => 0,
        };
        let (mut head, mut first) = (self.at, self.sequence);
        while self.sequence - first < behind {
            let before = stride::<K>(header, first - 1);
            if before > head || self.at + before - head > header.limit {
                break;
            }
            head -= before;
            first -= 1;
        }
        let mut image = blank.to_vec();
        let region = cells(&mut image);
        let (mut end, mut ends) = (head, Vec::new());
        let mut newest = None;
        for sequence in first..self.sequence + self.ahead() {
            let payload = K::payload(sequence);
            newest = header.front_of(end, &payload).map(|_| (end, payload.clone()));
            end = lay(region, header, end, &payload);
            ends.push(end);
        }
        region.set_named(Side::Consumer, Word::Position, head);
        let newest = newest.as_ref().map(|(at, payload)| (*at, &payload[..]));
        publish(region, header, end, newest);
        let next = self.sequence + self.ahead();
        if self.newest == Newest::Marked {
            mark::<K>(region, header, end, next);
        }
        // Beside others, what is no record; it may be one where nothing else is in the way of believing it.
        let len = (self.newest != Newest::InFront).then(|| K::len(next) as u32);
        poison(region, header, len);
        if self.op == Op::RecoverProducer {
            // Its predecessor had written all of a record but the tail behind it.
            lay(region, header, end, &K::payload(next));
        }
        let mut late_head = None;
        if self.op == Op::PushLook {
            for &next in &ends {
                if self.at + stride::<K>(header, self.sequence) - head <= header.limit {
                    break;
                }
                head = next;
                first += 1;
            }
            late_head = Some(head);
        }
        let mut sessions = (0, 1);
        if self.op.recovers() {
            let side = self.op.side();
            let unit = if side == Side::Consumer { header.unit() } else { 0 };
            region.set_named(side, Word::Session, 1);
            region.set_named(side, Word::WakeAt, self.at + unit);
            sessions = (1, 3);
        }
        let records = next - first;
        Start { image, late_head, head, tail: end, skip: 0, first, records, sessions }
    }

    /// What the other side stores right before the operation: whether it wants the front, and where it wants to be woken.
    pub(crate) fn peer_words<K: Kind>(self, header: &Header) -> Vec<(Side, Word, u64)> {
        let mut words = Vec::new();
        if self.op.side() == Side::Producer {
            let wanted = u64::from(self.newest != Newest::Among);
            words.push((Side::Consumer, Word::Hint, wanted));
        }
        if self.op.rings() {
            let moves = self.op.adds().max(self.takes());
            let end = (self.sequence..self.sequence + moves)
                .fold(self.at, |end, sequence| end + stride::<K>(header, sequence));
            let wake_at = match self.op.side() {
                // A consumer that waits for more than one record may be asleep beside a full ring.
                Side::Producer if self.op.fills() => self.at,
                Side::Producer => self.at + header.unit(),
                Side::Consumer => end,
            };
            words.push((self.op.side().other(), Word::WakeAt, wake_at));
        }
        words
    }
}

/// Marks the front and puts into it what a producer that was killed has left of record `sequence` at `tail`: all of it, or
/// nothing that is a record.
fn mark<K: Kind>(region: &(impl Writable + ?Sized), header: &Header, tail: u64, sequence: u64) {
    let mut front = header.front_of(tail, &K::payload(sequence)).unwrap_or_default();
    front.resize(FRONT_BYTES as usize, 0xa5);
    region.write(Side::Producer.page(header.page.into()) + FRONT, &front);
    region.set_named(Side::Producer, Word::Position, pack(tail, false));
}

/// The most records that one operation takes or publishes must be laid for it.
const _: () = assert!(BATCH < 4);
