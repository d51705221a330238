//! What exists, what was given back, and what may be answered: a queue of records that grows when the tail becomes visible
//! and shrinks when head does.
//!
//! Owns: all records that ever existed, and what was promised to whom. Knows nothing of: how steps come about. What a
//! region holds is read by the outsider.

use std::cell::RefCell;
use std::collections::VecDeque;

use shm_ring_fuzz::choice::fill;
use shm_ring_fuzz::memory::Memory;
use shm_ring_outsider::{
    self as outsider, FRONT, Header, POSITION, Region, WAKE_AT, consumer, judge, producer,
    record_header, unpack,
};

use crate::script::Side;

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
    /// So many had happened: later ones may be reported again, since the call may not have seen them.
    seen: usize,
}

/// A record that a producer is publishing or has published.
struct Record {
    payload: Vec<u8>,
    /// The call that it belongs to.
    call: u64,
    /// Whether that call may publish what it has in parts.
    in_parts: bool,
}

pub(crate) struct Oracle {
    memory: &'static Memory,
    pub(crate) header: Header,
    /// All records that ever existed, and the position behind each.
    published: Vec<Vec<u8>>,
    behind: Vec<u64>,
    tail: u64,
    /// The tail word, and what of the front counts if that says so.
    word: u64,
    front: Vec<u8>,
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
    /// Records of this call that were shown: they count when their room has been given back.
    shown: usize,
    attached: [bool; 2],
    ends: [Vec<End>; 2],
    /// Whether both were there at once since a side came, and whether the other has ended since and it did not report that.
    met: [bool; 2],
    owed: [bool; 2],
    /// How many ends of the other side this side need not report any more.
    told: [usize; 2],
    /// The same of each consumer: those that were reported when nothing was unread.
    told_to_all: usize,
    /// What this side reported last, when so many ends had happened: the answer until somebody follows.
    answer: [Option<(usize, bool)>; 2],
}

thread_local! {
    static ORACLE: RefCell<Option<Oracle>> = const { RefCell::new(None) };
}

pub(crate) fn with<R>(act: impl FnOnce(&mut Oracle) -> R) -> R {
    ORACLE.with_borrow_mut(|oracle| act(oracle.as_mut().expect("a ring is being played with")))
}

/// A new ring in `memory`, whose positions begin at `start`.
pub(crate) fn reset(memory: &'static Memory, header: Header, start: u64) {
    let oracle = Oracle {
        memory,
        header,
        published: Vec::new(),
        behind: Vec::new(),
        tail: start,
        word: memory.word(producer() + POSITION),
        front: Vec::new(),
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
        met: [false; 2],
        owed: [false; 2],
        told: [0; 2],
        told_to_all: 0,
        answer: [None; 2],
        ends: [Vec::new(), Vec::new()],
    };
    ORACLE.set(Some(oracle));
}

/// The ring is gone. What is kept from one input to the next would be taken for a leak.
pub(crate) fn forget() {
    ORACLE.set(None);
}

/// A store of `side` has become visible.
pub(crate) fn visible(side: Side) {
    with(|oracle| match side {
        Side::Producer => oracle.look_at_tail(),
        Side::Consumer => oracle.look_at_head(),
    });
}

impl Oracle {
    pub(crate) fn stride(&self, len: usize) -> u64 {
        self.header.stride(len as u64)
    }

    /// Everything below the tail exists, and the front, while it counts, is the newest of it.
    fn look_at_tail(&mut self) {
        let word = self.memory.word(producer() + POSITION);
        let (tail, front) = unpack(word);
        if word != self.word {
            assert!(tail >= self.tail, "the tail went back");
            assert!(tail > self.tail || !front, "the front counts again");
            if tail > self.tail {
                let count = self.appear(tail);
                assert!(count == 1 || !front, "a front for more than one record");
            }
            self.word = word;
        }
        if front {
            let mut found = [0; 56];
            self.memory.try_read(producer() + FRONT, &mut found).unwrap();
            assert!(found.starts_with(&self.front), "the front is another record than the newest");
        }
    }

    /// The records up to `tail` have come to exist: how many.
    fn appear(&mut self, tail: u64) -> usize {
        assert!(tail - self.head <= self.header.limit, "more than fits");
        let found = outsider::read(self.memory, &self.header, self.tail, tail);
        let found = found.unwrap_or_else(|violation| panic!("not whole: {violation}"));
        let count = found.len();
        let mut call = None;
        for one in found {
            let record = self.coming.pop_front().expect("a record that nobody published");
            assert!(record.payload == one.payload, "not whole: another payload");
            assert!(call.is_none_or(|call| call == record.call), "records of two calls at once");
            let first = call.is_none() && self.appeared != record.call;
            assert!(first || call.is_some() || record.in_parts, "a batch appeared in parts");
            (self.appeared, call) = (record.call, Some(record.call));
            self.behind.push(one.position + self.stride(one.payload.len()));
            self.front = self.header.front_of(one.position, &one.payload).unwrap_or_default();
            self.published.push(one.payload);
        }
        self.tail = tail;
        count
    }

    fn look_at_head(&mut self) {
        let head = self.memory.word(consumer() + POSITION);
        if head == self.head {
            return;
        }
        while self.released < self.published.len() && self.behind[self.released] <= head {
            let behind = self.behind[self.released];
            // Its room was not free before now.
            let found = outsider::read(self.memory, &self.header, self.head, behind);
            let whole = found.is_ok_and(|found| found[0].payload == self.published[self.released]);
            assert!(whole, "record {} was overwritten", self.released);
            self.head = behind;
            self.released += 1;
        }
        assert_eq!(self.head, head, "the head stands between records");
        assert!(self.released <= self.may_release, "given back before it was read");
    }

    /// `side` begins a call.
    pub(crate) fn begin(&mut self, side: Side) -> Start {
        self.calls += 1;
        if side == Side::Consumer {
            (self.may_release, self.shown) = (self.next, 0);
        }
        let other = side.other() as usize;
        // The last one is the answer until somebody follows.
        let last = usize::from(!self.attached[other]).min(self.ends[other].len());
        let ends = self.told[side as usize].min(self.ends[other].len() - last);
        let room = (self.head + self.header.limit).saturating_sub(self.promised_tail);
        Start { published: self.published.len(), room, ends, seen: self.ends[other].len() }
    }

    pub(crate) fn attached(&mut self, side: Side) {
        self.attached[side as usize] = true;
        self.met[side as usize] = false;
        self.owed[side as usize] = false;
        self.answer[side as usize] = None;
        self.told[side as usize] = match side {
            // Ends of consumers that were there before it do not concern a producer.
            Side::Producer => self.ends[side.other() as usize].len(),
            Side::Consumer => self.told_to_all,
        };
        if self.attached[side.other() as usize] {
            self.met = [true; 2];
        }
        if side == Side::Consumer {
            (self.next, self.may_release, self.shown) = (self.released, self.released, 0);
        }
    }

    pub(crate) fn closing(&mut self, side: Side) {
        self.attached[side as usize] = false;
    }

    /// An attachment of `side` has ended, and everything it stored is visible.
    pub(crate) fn ended(&mut self, side: Side, killed: bool) {
        if killed {
            judge(self.memory, &self.header).unwrap_or_else(|violation| panic!("{violation}"));
        }
        self.attached[side as usize] = false;
        let other = side.other() as usize;
        self.owed[other] = self.met[other] && self.attached[other];
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
    pub(crate) fn payloads(
        &mut self,
        lens: impl IntoIterator<Item = usize>,
        in_parts: bool,
    ) -> Vec<Vec<u8>> {
        let mut position = self.promised_tail;
        let mut payloads = Vec::new();
        for (index, len) in lens.into_iter().enumerate() {
            let number = self.calls << 16 | index as u64;
            let payload = payload(&self.header, position, number, len);
            self.coming.push_back(Record { payload: payload.clone(), call: self.calls, in_parts });
            payloads.push(payload);
            position += self.stride(len);
        }
        payloads
    }

    /// The call that asked for [`payloads`](Self::payloads) published the first `count`.
    pub(crate) fn pushed(&mut self, payloads: &[Vec<u8>], count: usize, seen: bool) {
        self.promised += count;
        self.promised_tail += self.bytes_of(&payloads[..count]);
        let there = self.published.len();
        assert!(there <= self.promised, "a push that failed published a record");
        assert!(!seen || there == self.promised, "a record that was pushed does not exist");
        self.coming.truncate(self.promised - there);
    }

    fn bytes_of(&self, payloads: &[Vec<u8>]) -> u64 {
        payloads.iter().map(|payload| self.stride(payload.len())).sum()
    }

    /// Whether the ring may say that it is full, to somebody who has pushed this much in the call and wants room for a
    /// payload of `len` bytes.
    pub(crate) fn check_full(&self, start: Start, pushed: &[Vec<u8>], len: usize) {
        let needed = self.bytes_of(pushed) + self.stride(len);
        assert!(start.room < needed, "full, with room");
    }

    /// Whether the ring may say that it is empty.
    pub(crate) fn check_empty(&self, start: Start) {
        assert!(start.published <= self.next, "empty, with a record");
    }

    /// Whether `side` may have learnt that the other is gone. It has taken what was there by then.
    pub(crate) fn check_gone(&mut self, side: Side, start: Start, dead: bool) {
        let ends = &self.ends[side.other() as usize][start.ends..];
        // One that is closing has told before it is gone.
        let closing = !dead && !self.attached[side.other() as usize];
        let answer = Some((self.ends[side.other() as usize].len(), dead));
        let again = answer == self.answer[side as usize];
        let possible = ends.iter().any(|end| !dead || end.killed) || closing || again;
        assert!(
            possible,
            "the {side:?} reports that the other side is gone (dead: {dead}), and may report {ends:?}"
        );
        if side == Side::Consumer && !closing {
            let least = ends.iter().map(|end| end.published).min().unwrap_or(0);
            assert!(self.next >= least, "told of the end before the last record");
        }
        self.owed[side as usize] = false;
        self.told[side as usize] = start.seen.max(self.told[side as usize]);
        self.answer[side as usize] = answer;
        if side == Side::Consumer && self.next == self.published.len() {
            self.told_to_all = self.told[side as usize];
        }
    }

    /// Whether `side` has yet to report the end of a side that it met.
    pub(crate) fn is_owed(&self, side: Side) -> bool {
        self.owed[side as usize]
    }

    /// The consumer may give back so many records from the next one on.
    pub(crate) fn may_take(&mut self, count: usize) {
        self.may_release = self.may_release.max(self.next + count);
    }

    /// The consumer is shown `payload`, after all that it was shown in this call.
    pub(crate) fn show(&mut self, payload: &[u8]) {
        let number = self.next + self.shown;
        let next = self.published.get(number).expect("a record that does not exist");
        assert!(next == payload, "record {number}: another than was published");
        self.shown += 1;
    }

    /// The consumer will not be shown the next records again.
    pub(crate) fn taken(&mut self, count: usize) {
        self.next += count;
        (self.may_release, self.shown) = (self.next, 0);
    }

    /// Nothing more is taken: what is given back is what was taken.
    pub(crate) fn check_released(&self) {
        assert_eq!(self.released, self.next, "what was taken is not given back");
    }

    /// Whether `sleeper` wants what is there.
    pub(crate) fn sleeps_on(&self, sleeper: Side) -> bool {
        let (mine, theirs) = match sleeper {
            Side::Producer => (producer(), consumer()),
            Side::Consumer => (consumer(), producer()),
        };
        let (position, _) = unpack(self.memory.word(theirs + POSITION));
        position >= self.memory.word(mine + WAKE_AT)
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

/// A payload of a record at `position`: of a message every other word is the record header that may stand there a lap
/// later, the worst that old bytes can be.
fn payload(header: &Header, position: u64, number: u64, len: usize) -> Vec<u8> {
    let mut payload = vec![0; len];
    fill(&mut payload, number);
    let offset = header.payload_offset();
    if offset > 0 {
        let words = payload.chunks_exact_mut(8).enumerate();
        for (index, word) in words.skip((number % 2) as usize).step_by(2) {
            let later = position + offset + 8 * index as u64 + header.capacity;
            word.copy_from_slice(&record_header(later, len.min(500) as u32).to_le_bytes());
        }
    }
    payload
}
