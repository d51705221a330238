//! Where an operation begins: which one, at which position, and what the region holds by then. It must not
//! know how an operation is performed or what becomes of it.

use super::kind::{BATCH, Kind};
use super::raw::{ALIGN, CAPACITY, Image, Side, stride};

/// What is stepped through. The window of each is the operation itself and nothing before or behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    /// Nothing between the two marks: what the marks themselves cost.
    Nothing,
    Push,
    TryPush,
    /// A push that has to look at head before it finds room.
    PushLook,
    /// A push that finds the consumer's `wake_at` set, and rings.
    PushRing,
    /// A push that finds the ring full, goes to sleep, and comes back when its time is over.
    PushPark,
    /// Reserve, write in place, commit.
    Reserve,
    /// Reserve, write in place, think better of it.
    ReserveDrop,
    PushBatch,
    Pop,
    TryPop,
    /// Pop into a place whose bytes are compared the moment head moves.
    PopInto,
    /// A pop that finds the producer's `wake_at` set, and rings.
    PopRing,
    /// A pop that finds the ring empty, goes to sleep, and comes back when its time is over.
    PopPark,
    PopBatch,
    /// Read in place and leave the record.
    Peek,
    PeekRelease,
    AttachProducer,
    /// Attaching after a producer that died with records committed and not counted, asleep.
    RecoverProducer,
    AttachConsumer,
    /// Attaching after a consumer that died asleep.
    RecoverConsumer,
    CloseProducer,
    CloseConsumer,
}

impl Op {
    pub(crate) const ALL: [Self; 23] = [
        Self::Nothing,
        Self::Push,
        Self::TryPush,
        Self::PushLook,
        Self::PushRing,
        Self::PushPark,
        Self::Reserve,
        Self::ReserveDrop,
        Self::PushBatch,
        Self::Pop,
        Self::TryPop,
        Self::PopInto,
        Self::PopRing,
        Self::PopPark,
        Self::PopBatch,
        Self::Peek,
        Self::PeekRelease,
        Self::AttachProducer,
        Self::RecoverProducer,
        Self::AttachConsumer,
        Self::RecoverConsumer,
        Self::CloseProducer,
        Self::CloseConsumer,
    ];

    pub(crate) fn side(self) -> Side {
        match self {
            Self::Nothing
            | Self::Push
            | Self::TryPush
            | Self::PushLook
            | Self::PushRing
            | Self::PushPark
            | Self::Reserve
            | Self::ReserveDrop
            | Self::PushBatch
            | Self::AttachProducer
            | Self::RecoverProducer
            | Self::CloseProducer => Side::Producer,
            _ => Side::Consumer,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Push => "push",
            Self::TryPush => "try_push",
            Self::PushLook => "push, looking for room",
            Self::PushRing => "push, ringing",
            Self::PushPark => "push, parking",
            Self::Reserve => "reserve, commit",
            Self::ReserveDrop => "reserve, drop",
            Self::PushBatch => "push_batch",
            Self::Pop => "pop",
            Self::TryPop => "try_pop",
            Self::PopInto => "pop_into",
            Self::PopRing => "pop, ringing",
            Self::PopPark => "pop, parking",
            Self::PopBatch => "pop_batch",
            Self::Peek => "peek, drop",
            Self::PeekRelease => "peek, release",
            Self::AttachProducer => "attach producer",
            Self::RecoverProducer => "recover producer",
            Self::AttachConsumer => "attach consumer",
            Self::RecoverConsumer => "recover consumer",
            Self::CloseProducer => "close producer",
            Self::CloseConsumer => "close consumer",
        }
    }

    pub(crate) fn attaches(self) -> bool {
        use Op::{AttachConsumer, AttachProducer, RecoverConsumer, RecoverProducer};
        matches!(self, AttachProducer | RecoverProducer | AttachConsumer | RecoverConsumer)
    }

    pub(crate) fn closes(self) -> bool {
        matches!(self, Self::CloseProducer | Self::CloseConsumer)
    }

    pub(crate) fn parks(self) -> bool {
        matches!(self, Self::PushPark | Self::PopPark)
    }

    /// How often the whole operation rings its bell.
    pub(crate) fn rings(self) -> u32 {
        u32::from(
            self.attaches() || self.closes() || matches!(self, Self::PushRing | Self::PopRing),
        )
    }

    /// Whether it takes thousands of instructions: then kills go by a stride unless all are asked for.
    pub(crate) fn is_long(self) -> bool {
        self.attaches() || self.closes() || self.parks()
    }

    /// The fewest instructions of its window that can be the real thing. A compiler that removed the
    /// operation, or a mark at the wrong place, falls below.
    pub(crate) fn least(self) -> u64 {
        match self {
            Self::Nothing => 1,
            _ if self.attaches() => 1000,
            _ if self.closes() => 100,
            _ if self.parks() => 300,
            Self::PushBatch | Self::PopBatch => 60,
            _ => 25,
        }
    }

    /// Records that the whole operation publishes.
    pub(crate) fn adds(self) -> u64 {
        match self {
            Self::Push | Self::TryPush | Self::PushLook | Self::PushRing | Self::Reserve => 1,
            Self::PushBatch => BATCH as u64,
            _ => 0,
        }
    }

    /// Records that the whole operation takes.
    pub(crate) fn takes(self) -> u64 {
        match self {
            Self::Pop | Self::TryPop | Self::PopInto | Self::PopRing | Self::PeekRelease => 1,
            Self::PopBatch => BATCH as u64,
            _ => 0,
        }
    }

    /// Records whose bytes are in the killed consumer's own memory before head may move.
    pub(crate) fn diary(self) -> u64 {
        match self {
            Self::PopInto | Self::PeekRelease | Self::PopBatch => self.takes(),
            _ => 0,
        }
    }
}

/// An operation and where it begins.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scene {
    pub(crate) op: Op,
    /// The position of the operation's own record.
    pub(crate) at: u64,
    /// The sequence number of that record.
    pub(crate) sequence: u64,
}

/// Start positions, as offsets from the start of a lap for an operation whose first record is `stride` bytes
/// long: well inside; the record ends before the end of the data area, at the end, across it by its last
/// word, and right behind its commit word.
pub(crate) fn offsets(stride: u64) -> [u64; 5] {
    let end = CAPACITY;
    [1024, end - 2 * stride, end - stride, end - stride + ALIGN, end - ALIGN]
}

/// The laps that positions are taken from: the fourth, and the one in which the tag of the commit words
/// starts over.
pub(crate) const LAPS: [u64; 2] = [3, (1 << 34) / CAPACITY - 1];

/// What the region holds before the operation.
#[derive(Clone, Debug)]
pub(crate) struct Start {
    pub(crate) image: Image,
    /// Stored just before the window opens, where the operation must find that head has moved.
    pub(crate) late_head: Option<u64>,
    pub(crate) head: u64,
    /// Records that the child takes before the window opens.
    pub(crate) skip: u64,
    /// As stored: behind the last record by what a dead producer did not count.
    pub(crate) tail: u64,
    /// The sequence number of the record at head.
    pub(crate) first: u64,
    /// Records from head on.
    pub(crate) records: u64,
    /// The session of the side that is killed, before and after it has attached.
    pub(crate) sessions: (u64, u64),
}

impl Scene {
    pub(crate) fn stride<K: Kind>(self) -> u64 {
        stride(K::len(self.sequence))
    }

    /// Lays out the region in `blank`, a ring as its creator leaves it.
    pub(crate) fn start<K: Kind>(self, blank: &Image) -> Start {
        let (behind, ahead) = match self.op {
            Op::PushPark | Op::PushLook => (u64::MAX, 0),
            Op::RecoverProducer => (2, BATCH as u64),
            Op::PopPark => (0, 0),
            _ if self.op.side() == Side::Producer => (2, 0),
            _ => (0, 4),
        };
        let (mut head, mut first) = (self.at, self.sequence);
        while self.sequence - first < behind {
            let before = stride(K::len(first - 1));
            if before > head || self.at + ALIGN + before - head > CAPACITY {
                break;
            }
            head -= before;
            first -= 1;
        }
        let mut image = blank.clone();
        let (mut end, mut ends) = (head, Vec::new());
        for sequence in first..self.sequence + ahead {
            end = image.lay(end, &K::payload(sequence));
            ends.push(end);
        }
        // Laps differ in that too.
        let stale = (self.at / CAPACITY == LAPS[0]).then(|| K::len(self.sequence + ahead));
        image.poison(head, end, stale);
        let tail = if self.op == Op::RecoverProducer { self.at } else { end };
        image.set_position(Side::Producer, tail);
        image.set_position(Side::Consumer, head);
        let mut late_head = None;
        if self.op == Op::PushLook {
            let room = self.stride::<K>() + ALIGN;
            for &next in &ends {
                if self.at + room - head <= CAPACITY {
                    break;
                }
                head = next;
                first += 1;
            }
            late_head = Some(head);
        }
        let sessions = match self.op {
            Op::RecoverProducer | Op::RecoverConsumer => {
                image.set_session(self.op.side(), 1);
                image.set_wake_at(self.op.side(), self.at);
                (1, 3)
            }
            _ => (0, 1),
        };
        let records = self.sequence + ahead - first;
        Start { image, late_head, skip: 0, head, tail, first, records, sessions }
    }

    /// What the other side wants to be woken at, for the operations that ring.
    pub(crate) fn wake_at<K: Kind>(self) -> Option<(Side, u64)> {
        match self.op {
            Op::PushRing => Some((Side::Consumer, self.at + ALIGN)),
            Op::PopRing => Some((Side::Producer, self.at + self.stride::<K>())),
            _ => None,
        }
    }
}

impl core::fmt::Debug for Image {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Image").finish_non_exhaustive()
    }
}
