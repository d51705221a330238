//! Random operations of both kinds against a queue in plain memory that knows exactly how much room
//! there is. Which operation is called by which form, and how records look to it, is in `forms`.

use std::collections::VecDeque;

use shm_ring::{Options, PopError, PushError, Region};
use shm_ring_outsider::{NEVER, WAKE_AT, consumer, judge, producer};

use crate::bytes::Bytes;
use crate::forms::{Aligned, AnyRing, Kind, Put, Room, RxOf, Take, TxOf};
use crate::items::{A64, Random};

/// One operation: what to do, by which form, with how much.
#[derive(Clone, Copy, Debug)]
struct Op {
    what: u8,
    form: u8,
    size: u16,
}

impl Op {
    /// In turns rather more pushes and rather more pops, so that rings run full and dry.
    fn random(random: &mut Random, step: u64) -> Self {
        let bits = random.next();
        let what = match (step / TIDE % 2 == 0, bits >> 32 & 1) {
            (_, 0) => bits as u8,
            (true, _) => bits as u8 % 8,
            (false, _) => 8 + bits as u8 % 7,
        };
        Self { what, form: (bits >> 8) as u8, size: (bits >> 16) as u16 }
    }

    /// A length in bytes: mostly short ones, some that fill the ring, some that never fit.
    fn len(self, max: usize) -> usize {
        let size = usize::from(self.size);
        match size % 8 {
            0..5 => size / 8 % 24,
            5 | 6 => size / 8 % (max / 4 + 1),
            _ => size % (max + 3),
        }
    }
}

/// A ring with both its ends, and what must be in it.
struct Model<K: Kind + ?Sized> {
    ring: K::Ring,
    tx: TxOf<K>,
    rx: RxOf<K>,
    queue: VecDeque<Vec<u8>>,
    /// The most bytes that records take.
    limit: u64,
    /// Bytes that the records in the queue take.
    used: u64,
    /// The number of the next record: its bytes follow from it.
    next: u64,
    /// The longest payload in bytes.
    max: usize,
    /// How many records are there of producers that have closed, and whether the consumer owes the report of an end.
    older: usize,
    owed: bool,
}

impl<K: Kind + ?Sized> Model<K> {
    fn new(limit: usize) -> Self {
        crate::harness::watch();
        let ring = K::create(Region::memfd("model"), &Options::new().bytes(limit)).unwrap();
        let (tx, rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
        // Of values it is what whole ones take.
        let limit = K::LEN.map_or(limit, |len| limit / len * len) as u64;
        assert_eq!(ring.limit_bytes() as u64, limit);
        let longest = limit as usize / K::UNIT * K::UNIT - K::UNIT;
        let max = K::LEN.unwrap_or(longest);
        let queue = VecDeque::new();
        Self { ring, tx, rx, queue, limit, used: 0, next: 0, max, older: 0, owed: false }
    }

    fn fits(&self, bytes: usize) -> bool {
        self.used + K::stride(bytes) <= self.limit
    }

    fn fresh(&mut self, len: usize) -> Vec<u8> {
        self.next += 1;
        crate::items::text(self.next, len)
    }

    fn pushed(&mut self, bytes: Vec<u8>) {
        self.used += K::stride(bytes.len());
        self.queue.push_back(bytes);
    }

    fn popped(&mut self) {
        let bytes = self.queue.pop_front().unwrap();
        self.used -= K::stride(bytes.len());
        self.older = self.older.saturating_sub(1);
    }

    /// The answer of a form that finds nothing. One that waits reports once that producers have closed.
    fn nothing(&mut self, waits: bool) -> PopError {
        match waits {
            false => PopError::Empty,
            true if core::mem::take(&mut self.owed) => PopError::Closed,
            true => PopError::TimedOut,
        }
    }

    /// What a push of `len` bytes must answer. `waits` says that its form ends with a deadline.
    fn answer(&self, len: usize, waits: bool) -> Result<(), PushError> {
        match len {
            _ if len > self.max => Err(PushError::TooLarge { len, max: self.max }),
            _ if self.fits(len) => Ok(()),
            _ if waits => Err(PushError::TimedOut),
            _ => Err(PushError::Full),
        }
    }

    fn len(&self, op: Op) -> usize {
        K::LEN.unwrap_or_else(|| op.len(self.max))
    }

    fn apply(&mut self, op: Op) {
        let form = usize::from(op.form);
        match op.what % 16 {
            0..4 => self.push(op, form),
            4 | 5 => self.reserve(op, form),
            6 | 7 => self.push_batch(op, form),
            8..11 => self.pop(form, op.size),
            11 | 12 => self.peek(op, form),
            13 => self.pop_batch(form, usize::from(op.size) % 20),
            14 if form % 4 == 0 => self.iterate(),
            14 => self.pop_batch(form, usize::from(op.size) % 20),
            _ => self.attach_again(form),
        }
        self.check();
    }

    fn push(&mut self, op: Op, form: usize) {
        let len = self.len(op);
        let bytes = self.fresh(len);
        // A form without a deadline is for what does not wait.
        let forms = if self.answer(len, true) == Err(PushError::TimedOut) {
            K::PUSHES_THAT_RETURN
        } else {
            K::PUSHES
        };
        let form = forms[form % forms.len()];
        let expected = self.answer(len, form.waits());
        assert_eq!(K::push(&mut self.tx, form, &bytes), expected, "{form:?} of {len}");
        if expected.is_ok() {
            self.pushed(bytes);
        }
    }

    /// Of one message, or of any number of values.
    fn reserve(&mut self, op: Op, form: usize) {
        let count = if K::LEN.is_some() { usize::from(op.size) % 24 } else { 1 };
        let len = count * self.len(op);
        let bytes = self.fresh(len);
        let (limit, room) = (self.limit, self.limit - self.used);
        let answer = match K::LEN {
            None => self.answer(len, true),
            Some(one) if len as u64 > limit => {
                Err(PushError::TooLarge { len: count, max: limit as usize / one })
            }
            Some(_) if len as u64 <= room => Ok(()),
            Some(_) => Err(PushError::TimedOut),
        };
        let way = form % if answer == Err(PushError::TimedOut) { 2 } else { 3 };
        let answer = match answer {
            Err(PushError::TimedOut) if way == 0 => Err(PushError::Full),
            answer => answer,
        };
        let room = Room::ALL[form / 3 % Room::ALL.len()];
        let told = K::reserve(&mut self.tx, way, room, &bytes, form);
        assert_eq!(told.as_ref().map(|_| ()).map_err(|error| *error), answer, "{room:?} of {len}");
        if let Ok(Some(committed)) = told {
            match K::LEN {
                None => self.pushed(bytes[..committed].to_vec()),
                Some(one) => {
                    bytes[..committed].chunks(one).for_each(|item| self.pushed(item.to_vec()));
                }
            }
        }
    }

    fn push_batch(&mut self, op: Op, form: usize) {
        let count = form % 12;
        let sizes = Random::new(u64::from(op.size)).next();
        let lens: Vec<usize> = (0..count as u32)
            .map(|n| self.len(Op { size: sizes.rotate_right(n * 5) as u16, ..op }))
            .collect();
        let batch: Vec<_> = lens.iter().map(|len| self.fresh(*len)).collect();
        let (mut fitting, used) = (0, self.used);
        for bytes in &batch {
            if bytes.len() > self.max || !self.fits(bytes.len()) {
                break;
            }
            self.pushed(bytes.clone());
            fitting += 1;
        }
        let expected = match lens.first() {
            Some(len) if fitting == 0 => Err(self.answer(*len, false).expect_err("it did not fit")),
            _ => Ok(fitting),
        };
        if fitting == count && form % 2 == 0 {
            assert_eq!(K::push_batch(&mut self.tx, &batch), Ok(count));
        } else {
            assert_eq!(K::try_push_batch(&mut self.tx, &batch), expected, "of {lens:?} at {used}");
        }
    }

    fn pop(&mut self, form: usize, room: u16) {
        let empty = self.queue.is_empty();
        let forms = if empty { K::POPS_THAT_RETURN } else { K::POPS };
        let form = forms[form % forms.len()];
        let first = self.queue.front().cloned();
        // A buffer that is as often too small as not, now and then just so.
        let len = first.as_ref().map_or(3, Vec::len);
        let buffer = match room % 4 {
            0 => usize::from(room) % (len + 1),
            1 => len,
            _ => len + usize::from(room) % 9,
        };
        let popped = K::pop(&mut self.rx, form, buffer);
        match first {
            None => assert_eq!(popped, Err(self.nothing(form.waits())), "{form:?}"),
            Some(_) if form.needs_room() && buffer < len => {
                let expected = PopError::TooSmall { len: buffer, needed: len };
                assert_eq!(popped, Err(expected), "{form:?}");
            }
            Some(bytes) => {
                assert_eq!(popped, Ok(bytes), "{form:?}");
                self.popped();
            }
        }
    }

    fn peek(&mut self, op: Op, form: usize) {
        let max = 1 + usize::from(op.size) % 9;
        let release = usize::from(op.size) / 16 % (max + 2);
        let way = form % if self.queue.is_empty() { 2 } else { 3 };
        let seen = K::peek(&mut self.rx, way, form, max, release);
        if self.queue.is_empty() {
            assert_eq!(seen, Err(self.nothing(way == 1)));
            return;
        }
        let there = max.min(self.queue.len());
        let expected: Vec<_> = self.queue.iter().take(there).cloned().collect();
        assert!(seen == Ok(expected), "not the {there} oldest, or not whole");
        (0..release.min(there)).for_each(|_| self.popped());
    }

    fn pop_batch(&mut self, form: usize, max: usize) {
        let way = form % if self.queue.is_empty() { 2 } else { 3 };
        let mut seen = Vec::new();
        let taken = K::pop_batch(&mut self.rx, way, max, |bytes| seen.push(bytes));
        let count = max.min(self.queue.len());
        let expected = match count {
            0 if max == 0 => Ok(0),
            0 => Err(self.nothing(way == 1)),
            count => Ok(count),
        };
        assert_eq!(taken, expected, "up to {max}");
        assert!(
            seen.iter().eq(self.queue.iter().take(count)),
            "not the {count} oldest, or not whole"
        );
        (0..count).for_each(|_| self.popped());
    }

    /// All that is there when the iterator is made, and nothing that comes while it goes on.
    fn iterate(&mut self) {
        let there = self.queue.len();
        let later = self.fresh(K::LEN.unwrap_or(1));
        let mut items = K::try_iter(&mut self.rx);
        let mut seen: Vec<_> = items.by_ref().take(1).map(Result::unwrap).collect();
        // There is room for it now or there is not: either way it is not among them.
        let pushed = K::push(&mut self.tx, Put::Try, &later).is_ok();
        seen.extend(items.by_ref().map(Result::unwrap));
        assert!(items.next().is_none(), "it has ended");
        drop(items);
        assert!(seen.iter().eq(self.queue.iter()), "not the {there} that were there");
        (0..there).for_each(|_| self.popped());
        if pushed {
            self.pushed(later);
        }
    }

    /// A new attachment of either side finds everything where it was.
    fn attach_again(&mut self, form: usize) {
        // One role at a time can be held, so the old one goes first, by way of another ring's.
        let other = K::create(Region::memfd("other"), &Options::new()).unwrap();
        if form % 2 == 0 {
            drop(core::mem::replace(&mut self.tx, other.producer().unwrap()));
            self.tx = self.ring.producer().unwrap();
            (self.older, self.owed) = (self.queue.len(), true);
        } else {
            drop(core::mem::replace(&mut self.rx, other.consumer().unwrap()));
            self.rx = self.ring.consumer().unwrap();
            // An end is its own if it is still to read what came before that.
            self.owed &= self.older > 0;
        }
    }

    /// What both ends say about how full the ring is.
    fn check(&mut self) {
        let records = |bytes: u64| bytes as usize / K::LEN.unwrap_or(1);
        assert_eq!(K::room(&mut self.tx), records(self.limit - self.used));
        assert_eq!(K::ready(&self.rx), records(self.used));
    }

    /// Takes what is left. By the outsider's judgement the region is sound before and after that.
    fn drain(mut self) {
        let bytes = Bytes::of(self.ring.descriptor());
        let judged = judge(bytes.region(), &bytes.header()).unwrap_or_else(|why| panic!("{why}"));
        assert!(judged.payloads().iter().eq(self.queue.iter()), "an outsider reads something else");
        while let Some(expected) = self.queue.pop_front() {
            assert_eq!(K::pop(&mut self.rx, Take::Try, 0), Ok(expected));
        }
        assert_eq!(K::pop(&mut self.rx, Take::Try, 0), Err(PopError::Empty));
        judge(bytes.region(), &bytes.header()).unwrap_or_else(|why| panic!("{why}"));
        for page in [producer(), consumer()] {
            assert_eq!(bytes.get(page + WAKE_AT), NEVER, "somebody sleeps");
        }
    }
}

/// Says where it was when a panic passes.
struct Where {
    seed: u64,
    step: u64,
    op: Option<Op>,
}

impl Drop for Where {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("seed {}, step {}: {:?}", self.seed, self.step, self.op);
        }
    }
}

const SEEDS: u64 = 4;
const STEPS: u64 = 1000;
/// Steps until the tide turns.
const TIDE: u64 = 250;

fn random_operations<K: Kind + ?Sized>(limit: usize) {
    for seed in 0..SEEDS {
        let mut random = Random::new(seed);
        let mut model = Model::<K>::new(limit);
        let mut place = Where { seed, step: 0, op: None };
        for step in 0..STEPS {
            let op = Op::random(&mut random, step);
            (place.step, place.op) = (step, Some(op));
            model.apply(op);
        }
        model.drain();
    }
}

#[test]
fn values_answer_as_a_queue_with_exactly_that_room() {
    random_operations::<u64>(4096);
    random_operations::<u8>(4096);
    // Limits that are no power of two, smaller than a page, or exactly of so many items.
    random_operations::<u64>(24);
    random_operations::<[u8; 5]>(4096);
    random_operations::<[u8; 3]>(100);
    random_operations::<A64>(192 * 7);
    random_operations::<[u8; 12]>(5000);
    random_operations::<[u8; 504]>(4096);
}

#[test]
fn messages_answer_as_a_queue_with_exactly_that_room() {
    random_operations::<[u8]>(4096);
    random_operations::<[u8]>(1000);
    random_operations::<[u8]>(5003);
    random_operations::<Aligned<64>>(4096);
    random_operations::<Aligned<16>>(3333);
    random_operations::<Aligned<4096>>(8 * 4096);
}
