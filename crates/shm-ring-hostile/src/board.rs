//! What a child notes down while it calls the library, so that its parent knows where it died or hangs and
//! what it reached. It must not know how calls are made.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed};

use crate::shared;

macro_rules! ops {
    ($($op:ident),*) => {
        /// Every call that is made.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(usize)]
        pub enum Op {
            $($op),*
        }

        pub const OPS: &[Op] = &[$(Op::$op),*];
    };
}

ops! {
    Open, AttachProducer, AttachConsumer, Close, TryPush, TryPushFrom, PushTimeout, Push,
    TryReserve, ReserveTimeout, TryPushBatch, PushBatch, TryPushSlice, PushSlice, TryPushAll,
    WriteStream, Room, TryPop, TryPopInto, TryPopTo, PopTimeout, Pop, TryPeek, PeekTimeout,
    TryPopBatch, PopBatchTimeout, TryPopSlice, PopSliceTimeout, SkipUnread, ReleaseTo,
    PopThreshold, TryIter, Iter, ReadStream, Ready, WaitAny, Peer, AttachWriter, AttachReader,
    Write, WriteFrom, Notify, Read, ReadInto, ReadNewer, Next, HasNewer, WriterOf
}

use Op::*;

impl Op {
    /// Whether it waits for a peer that is there, however long that takes.
    pub fn waits_for_ever(self) -> bool {
        matches!(self, Push | PushBatch | PushSlice | WriteStream | Pop | Iter | ReadStream)
    }

    /// Whether it waits.
    pub fn waits(self) -> bool {
        let in_time = matches!(
            self,
            PushTimeout
                | ReserveTimeout
                | PopTimeout
                | PeekTimeout
                | PopBatchTimeout
                | PopSliceTimeout
                | PopThreshold
        );
        in_time || self.waits_for_ever()
    }
}

/// What a call can answer. Each call uses those that it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Outcome {
    Success,
    /// Full or empty.
    NotNow,
    TimedOut,
    Closed,
    PeerDead,
    Corrupt,
    /// Too large a message, or too small a buffer.
    Misfit,
    /// For a look at the peer: absent, alive. For opening: every refusal.
    Absent,
    Alive,
    Refused,
    /// Each copy was overwritten while it was made, or the next version was.
    Overrun,
}

use Outcome::*;

pub const OUTCOMES: [Outcome; 11] =
    [Success, NotNow, TimedOut, Closed, PeerDead, Corrupt, Misfit, Absent, Alive, Refused, Overrun];

/// Things counted besides calls.
#[derive(Clone, Copy, Debug)]
#[repr(usize)]
pub enum Count {
    /// Calls begun.
    Calls,
    /// The call that is being made.
    Now,
    /// Words written by the hostile hand.
    Writes,
    /// Attachments found in a hole between guards.
    Guarded,
    /// Calls after `Corrupt` that were `Corrupt` again, over a ring made sane.
    StayedCorrupt,
    /// Answers compared with what the region's bytes said.
    Foretold,
    /// Set by the parent: end in order.
    Stop,
    /// Set by a victim: the region is sane for a moment, let it be.
    Mercy,
    /// The last eight calls and their outcomes, a byte each, the newest lowest.
    Recent,
    RecentOutcomes,
}

const COUNTS: usize = 10;

/// Shared by the parent and its children.
#[derive(Clone, Copy, Debug)]
pub struct Board {
    words: &'static [AtomicU64],
    text: &'static [AtomicU8],
}

impl Board {
    pub fn new() -> std::io::Result<Self> {
        let words = shared::words(COUNTS + OPS.len() * OUTCOMES.len())?;
        Ok(Self { words, text: shared::bytes(2048)? })
    }

    /// A call begins.
    #[inline]
    pub fn begin(&self, op: Op) {
        self.words[Count::Now as usize].store(op as u64, Relaxed);
        self.add(Count::Calls, 1);
    }

    /// It is over.
    #[inline]
    pub fn end(&self, op: Op, outcome: Outcome) {
        let word = &self.words[COUNTS + op as usize * OUTCOMES.len() + outcome as usize];
        word.store(word.load(Relaxed) + 1, Relaxed);
        for (count, byte) in [(Count::Recent, op as u64), (Count::RecentOutcomes, outcome as u64)] {
            self.set(count, self.get(count) << 8 | byte);
        }
    }

    /// The last eight calls, the oldest first, for who wants to know how something came about.
    pub fn recent(&self) -> String {
        let (ops, outcomes) = (self.get(Count::Recent), self.get(Count::RecentOutcomes));
        let one = |at: u32| {
            let of = |word: u64| (word >> (8 * at) & 0xff) as usize;
            format!("{:?} {:?}", OPS.get(of(ops)), OUTCOMES.get(of(outcomes)))
        };
        (0..8).rev().map(one).collect::<Vec<_>>().join(", ").replace("Some(", "").replace(')', "")
    }

    #[inline]
    pub fn add(&self, count: Count, more: u64) {
        // One writer each, but for `Writes`, of which losing some does no harm.
        let word = &self.words[count as usize];
        word.store(word.load(Relaxed) + more, Relaxed);
    }

    pub fn set(&self, count: Count, value: u64) {
        self.words[count as usize].store(value, Relaxed);
    }

    #[inline]
    pub fn get(&self, count: Count) -> u64 {
        self.words[count as usize].load(Relaxed)
    }

    pub fn reached(&self, op: Op, outcome: Outcome) -> u64 {
        self.words[COUNTS + op as usize * OUTCOMES.len() + outcome as usize].load(Relaxed)
    }

    /// The call that is being made, or was made last.
    pub fn now(&self) -> Op {
        OPS[self.get(Count::Now) as usize]
    }

    /// The first violation is written down; the child ends after it.
    pub fn violation(&self, what: &str) {
        shared::write_text(self.text, what);
    }

    pub fn told(&self) -> Option<String> {
        shared::read_text(self.text)
    }
}
