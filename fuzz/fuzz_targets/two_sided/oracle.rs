//! What exists, what was given back, and what may be answered: a queue of records that grows when a commit
//! word becomes visible and shrinks when head does. It must not know how steps come about.

use std::cell::RefCell;
use std::collections::VecDeque;

use shm_ring_fuzz::bytes::{Bytes, CONSUMER, DATA, PAGE, PRODUCER, WAKE_AT, commit_word};
use shm_ring_fuzz::choice::fill;

use crate::script::Side;

const CAPACITY: u64 = PAGE;
const ALIGN: u64 = 8;

pub(crate) fn stride(len: usize) -> u64 {
    ALIGN + (len as u64).next_multiple_of(ALIGN)
}

/// How an attachment ended: what existed by then.
#[derive(Clone, Copy, Debug)]
struct End {
    published: usize,
    killed: bool,
}

/// What was true when a call began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Start {
    published: usize,
    room: u64,
    /// Ends of the other side that a call may have learnt of begin with this one.
    ends: usize,
}

/// A record that a producer is publishing or has published.
struct Record {
    payload: Vec<u8>,
    /// The call that it belongs to.
    call: u64,
}

pub(crate) struct Oracle {
    bytes: Bytes,
    /// All records that ever existed, and the position behind each.
    published: Vec<Vec<u8>>,
    behind: Vec<u64>,
    tail: u64,
    /// Records that do not exist yet, oldest first.
    coming: VecDeque<Record>,
    /// The position behind those of them of which the producer was told that they do.
    promised: usize,
    promised_tail: u64,
    calls: u64,
    /// The call whose records appeared last.
    appeared: u64,
    head: u64,
    released: usize,
    /// What this consumer reads next, and how many records it may have given back.
    next: usize,
    may_release: usize,
    /// Records of a batch that were shown: they count when its room has been given back.
    shown: usize,
    attached: [bool; 2],
    ends: [Vec<End>; 2],
}

thread_local! {
    static ORACLE: RefCell<Option<Oracle>> = const { RefCell::new(None) };
}

pub(crate) fn with<R>(act: impl FnOnce(&mut Oracle) -> R) -> R {
    ORACLE.with_borrow_mut(|oracle| act(oracle.as_mut().expect("a ring is being played with")))
}

/// A new ring in `bytes`, whose positions begin at `start`.
pub(crate) fn reset(bytes: Bytes, start: u64) {
    let oracle = Oracle {
        bytes,
        published: Vec::new(),
        behind: Vec::new(),
        tail: start,
        coming: VecDeque::new(),
        promised: 0,
        promised_tail: start,
        calls: 0,
        appeared: 0,
        head: start,
        released: 0,
        next: 0,
        may_release: 0,
        shown: 0,
        attached: [false; 2],
        ends: [Vec::new(), Vec::new()],
    };
    ORACLE.set(Some(oracle));
}

/// The ring is gone. What is kept from one input to the next would be taken for a leak.
pub(crate) fn forget() {
    ORACLE.set(None);
}

/// How many records of `len` bytes are certainly more than fit.
pub(crate) fn too_many(len: usize) -> usize {
    (CAPACITY / stride(len)) as usize + 1
}

/// A store of `side` has become visible.
pub(crate) fn visible(side: Side, value: u64) {
    with(|oracle| match side {
        Side::Producer if value == commit_word(oracle.tail, value as u32) => oracle.look_at_tail(),
        Side::Consumer if value > oracle.head && value <= oracle.tail => oracle.look_at_head(),
        _ => {}
    });
}

impl Oracle {
    /// A commit word may have appeared at the tail: everything behind it exists from now on.
    fn look_at_tail(&mut self) {
        let data = self.bytes.read(DATA, CAPACITY as usize).repeat(2);
        let word = |at: usize| u64::from_le_bytes(data[at..at + 8].try_into().unwrap());
        let mut call = None;
        loop {
            let at = (self.tail % CAPACITY) as usize;
            let found = word(at);
            if found == 0 || call.is_none() && found != commit_word(self.tail, found as u32) {
                break;
            }
            let len = found as u32 as usize;
            assert_eq!(found, commit_word(self.tail, len as u32), "no zero ahead");
            let record = self.coming.pop_front().expect("a record that nobody published");
            let payload = &data[at + ALIGN as usize..][..record.payload.len()];
            assert!(record.payload.len() == len && record.payload == payload, "not whole");
            assert!(self.appeared != record.call || call.is_some(), "a batch appeared in parts");
            self.appeared = record.call;
            call = Some(record.call);
            self.tail += stride(len);
            self.published.push(record.payload);
            self.behind.push(self.tail);
        }
        assert!(self.tail - self.head <= CAPACITY - 8, "more than fits");
    }

    fn look_at_head(&mut self) {
        let head = self.bytes.word(CONSUMER);
        while self.released < self.published.len() && self.behind[self.released] <= head {
            self.head = self.behind[self.released];
            self.released += 1;
        }
        assert_eq!(self.head, head, "the head stands between records");
        assert!(self.released <= self.may_release, "given back before it was read");
    }

    /// `side` begins a call.
    pub(crate) fn begin(&mut self, side: Side) -> Start {
        self.calls += 1;
        let other = side.other() as usize;
        let ends =
            self.ends[other].len() - usize::from(!self.attached[other]).min(self.ends[other].len());
        let room = (CAPACITY + self.head).saturating_sub(self.promised_tail + 8);
        Start { published: self.published.len(), room, ends }
    }

    pub(crate) fn attached(&mut self, side: Side) {
        self.attached[side as usize] = true;
        if side == Side::Consumer {
            (self.next, self.may_release, self.shown) = (self.released, self.released, 0);
        }
    }

    pub(crate) fn closing(&mut self, side: Side) {
        self.attached[side as usize] = false;
    }

    /// An attachment of `side` has ended, and everything it stored is visible.
    pub(crate) fn ended(&mut self, side: Side, killed: bool) {
        self.attached[side as usize] = false;
        self.ends[side as usize].push(End { published: self.published.len(), killed });
        match side {
            Side::Producer => {
                assert!(self.published.len() >= self.promised, "a record that was pushed is lost");
                assert!(killed || self.published.len() == self.promised, "one record too many");
                self.coming.clear();
                (self.promised, self.promised_tail) = (self.published.len(), self.tail);
            }
            Side::Consumer => {
                assert!(self.released >= self.next, "a record that was popped is there again");
            }
        }
    }

    /// The payloads of records that a call is about to publish, of these lengths.
    pub(crate) fn payloads(&mut self, lens: impl IntoIterator<Item = usize>) -> Vec<Vec<u8>> {
        let mut position = self.promised_tail;
        let mut payloads = Vec::new();
        for len in lens {
            payloads.push(payload(position, self.calls, len));
            position += stride(len);
        }
        for payload in &payloads {
            self.coming.push_back(Record { payload: payload.clone(), call: self.calls });
        }
        payloads
    }

    /// The call that asked for [`payloads`](Self::payloads) published the first `count`.
    pub(crate) fn pushed(&mut self, payloads: &[Vec<u8>], count: usize, seen: bool) {
        self.promised += count;
        self.promised_tail += payloads[..count].iter().map(|one| stride(one.len())).sum::<u64>();
        let there = self.published.len();
        assert!(there <= self.promised, "a push that failed published a record");
        assert!(!seen || there == self.promised, "a record that was pushed does not exist");
        self.coming.truncate(self.promised - there);
    }

    /// Whether the ring may say that it is full.
    pub(crate) fn check_full(&self, start: Start, len: usize) {
        assert!(start.room < stride(len), "full, with room");
    }

    /// Whether the ring may say that it is empty.
    pub(crate) fn check_empty(&self, start: Start) {
        assert!(start.published <= self.next, "empty, with a record");
    }

    /// Whether `side` may have learnt that the other is gone. It has taken what was there by then.
    pub(crate) fn check_gone(&self, side: Side, start: Start, dead: bool) {
        let ends = &self.ends[side.other() as usize][start.ends..];
        // One that is closing has told before it is gone.
        let closing = !dead && !self.attached[side.other() as usize];
        let possible = ends.iter().any(|end| !dead || end.killed) || closing;
        assert!(possible, "told that the other side is gone");
        if side == Side::Consumer && !closing {
            let least = ends.iter().map(|end| end.published).min().unwrap_or(0);
            assert!(self.next >= least, "told of the end before the last record");
        }
    }

    /// The consumer may give back so many records from the next one on.
    pub(crate) fn may_take(&mut self, count: usize) {
        self.may_release = self.may_release.max(self.next + self.shown + count);
    }

    /// The consumer has been shown `payload`.
    pub(crate) fn check_next(&self, payload: &[u8]) {
        let number = self.next + self.shown;
        let next = self.published.get(number).expect("a record that does not exist");
        assert!(next == payload, "record {number}: another than was published");
    }

    /// The consumer has been shown a record of a batch.
    pub(crate) fn shown(&mut self) {
        self.shown += 1;
    }

    /// The consumer will not be shown the next records again.
    pub(crate) fn taken(&mut self, count: usize) {
        self.next += count;
        self.shown = 0;
    }

    /// Nothing more is taken: what is given back is what was taken.
    pub(crate) fn check_released(&self) {
        assert_eq!(self.released, self.next, "what was taken is not given back");
    }

    /// Whether `sleeper` wants what is there.
    pub(crate) fn sleeps_on(&self, sleeper: Side) -> bool {
        let (mine, theirs) = match sleeper {
            Side::Producer => (PRODUCER, CONSUMER),
            Side::Consumer => (CONSUMER, PRODUCER),
        };
        self.bytes.word(theirs) >= self.bytes.word(mine + WAKE_AT)
    }

    pub(crate) fn was_attached(&self, side: Side) -> bool {
        self.attached[side as usize]
    }

    pub(crate) fn unread(&self) -> &[Vec<u8>] {
        &self.published[self.released..]
    }

    pub(crate) fn positions(&self) -> (u64, u64) {
        (self.tail, self.head)
    }
}

/// A payload of a record at `position`: every other word of it is the commit word that may stand there
/// a lap later, the worst that old bytes can be.
fn payload(position: u64, number: u64, len: usize) -> Vec<u8> {
    let mut payload = vec![0; len];
    fill(&mut payload, number);
    for (index, word) in
        payload.chunks_exact_mut(8).enumerate().skip((number % 2) as usize).step_by(2)
    {
        let place = position + ALIGN + 8 * index as u64;
        word.copy_from_slice(&commit_word(place + CAPACITY, stale_len(len)).to_le_bytes());
    }
    payload
}

/// The length that old bytes claim to have: one that a record may have.
fn stale_len(len: usize) -> u32 {
    len.min(500) as u32
}

/// Data in which everything before `start` has been read, and old bytes are the worst they can be.
pub(crate) fn stale(start: u64, len: usize) -> Vec<u8> {
    let first = start - start % CAPACITY;
    let words = (first..first + CAPACITY).step_by(8).map(|place| match place {
        place if place == start => 0,
        place if place < start => commit_word(place + CAPACITY, stale_len(len)),
        place => commit_word(place, stale_len(len)),
    });
    words.flat_map(u64::to_le_bytes).collect()
}
