//! Random operations of both kinds against a queue in plain memory that knows exactly how much room
//! there is. Which operation is called by which form, and how records look to it, is in `forms`.

use std::collections::VecDeque;

use proptest::collection::vec;
use proptest::prelude::{ProptestConfig, any, proptest};
use shm_ring::{Consumer, Options, PopError, Producer, PushError, Region, Ring};

use crate::forms::{Kind, Room, Take};
use crate::items::{A64, Random};
use crate::wire::NEVER;

const CAPACITY: u64 = 4096;

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

    /// A length in elements: mostly short ones, some that fill the ring, some that never fit.
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
    ring: Ring<K>,
    tx: Producer<K>,
    rx: Consumer<K>,
    queue: VecDeque<Vec<u8>>,
    /// Bytes that the records in the queue take.
    used: u64,
    /// The number of the next record: its bytes follow from it.
    next: u64,
    /// The longest payload, in elements.
    max: usize,
}

impl<K: Kind + ?Sized> Model<K> {
    fn new() -> Self {
        crate::house::watch();
        let ring = Ring::<K>::create(Region::memfd("model"), Options::new().bytes(CAPACITY));
        let ring = ring.unwrap();
        let (tx, rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
        let align = K::ALIGN as u64;
        let longest = (CAPACITY - 8) / align * align - align;
        let max = K::LEN.unwrap_or(longest as usize / K::UNIT);
        Self { ring, tx, rx, queue: VecDeque::new(), used: 0, next: 0, max }
    }

    /// Bytes that a record with a payload of `bytes` takes.
    fn stride(bytes: usize) -> u64 {
        (K::ALIGN + bytes.next_multiple_of(K::ALIGN)) as u64
    }

    fn fits(&self, bytes: usize) -> bool {
        self.used + Self::stride(bytes) + 8 <= CAPACITY
    }

    fn fresh(&mut self, len: usize) -> Vec<u8> {
        self.next += 1;
        crate::items::text(self.next, len * K::UNIT)
    }

    fn pushed(&mut self, bytes: Vec<u8>) {
        self.used += Self::stride(bytes.len());
        self.queue.push_back(bytes);
    }

    fn popped(&mut self) {
        let bytes = self.queue.pop_front().unwrap();
        self.used -= Self::stride(bytes.len());
    }

    /// What a push of `len` elements must answer. `waits` says that its form ends with a deadline.
    fn answer(&self, len: usize, waits: bool) -> Result<(), PushError> {
        match len {
            _ if len > self.max => Err(PushError::TooLarge { len, max: self.max }),
            _ if self.fits(len * K::UNIT) => Ok(()),
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
            11 | 12 => self.peek(form),
            13 | 14 => self.pop_batch(form, usize::from(op.size) % 20),
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

    fn reserve(&mut self, op: Op, form: usize) {
        let len = self.len(op);
        let bytes = self.fresh(len);
        let full = self.answer(len, true) == Err(PushError::TimedOut);
        let way = form % if full { 2 } else { 3 };
        let expected = self.answer(len, way == 1);
        let room = Room::ALL[form / 3 % Room::ALL.len()];
        let told = K::reserve(&mut self.tx, way, room, &bytes, form);
        assert_eq!(
            told.as_ref().map(|_| ()).map_err(|error| *error),
            expected,
            "{room:?} of {len}"
        );
        if let Ok(Some(committed)) = told {
            self.pushed(bytes[..committed].to_vec());
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
            if bytes.len() > self.max * K::UNIT || !self.fits(bytes.len()) {
                break;
            }
            self.pushed(bytes.clone());
            fitting += 1;
        }
        let all = fitting == count;
        let expected = match lens.first() {
            Some(len) if fitting == 0 => {
                let answer = self.answer(*len, false);
                // A value's room is made sure of before there is one, so an empty batch needs some.
                Err(answer.expect_err("it did not fit"))
            }
            None if K::LEN.is_some() && !self.fits(self.max * K::UNIT) => Err(PushError::Full),
            _ => Ok(fitting),
        };
        if all && form % 2 == 0 {
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
        let len = first.as_ref().map_or(3, Vec::len) / K::UNIT;
        let buffer = match room % 4 {
            0 => usize::from(room) % (len + 1),
            1 => len,
            _ => len + usize::from(room) % 9,
        };
        let popped = K::pop(&mut self.rx, form, buffer);
        match first {
            None if form.waits() => assert_eq!(popped, Err(PopError::TimedOut), "{form:?}"),
            None => assert_eq!(popped, Err(PopError::Empty), "{form:?}"),
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

    fn peek(&mut self, form: usize) {
        let release = form / 4 % 2 == 0;
        let way = form % if self.queue.is_empty() { 2 } else { 3 };
        let seen = K::peek(&mut self.rx, way, form, release);
        match self.queue.front() {
            None if way == 1 => assert_eq!(seen, Err(PopError::TimedOut)),
            None => assert_eq!(seen, Err(PopError::Empty)),
            Some(bytes) => {
                assert_eq!(seen.as_ref(), Ok(bytes));
                if release {
                    self.popped();
                }
            }
        }
    }

    fn pop_batch(&mut self, form: usize, max: usize) {
        let way = form % if self.queue.is_empty() { 2 } else { 3 };
        let mut seen = Vec::new();
        let taken = K::pop_batch(&mut self.rx, way, max, |bytes| seen.push(bytes));
        let count = max.min(self.queue.len());
        let expected = match count {
            0 if max == 0 => Ok(0),
            0 if way == 1 => Err(PopError::TimedOut),
            0 => Err(PopError::Empty),
            count => Ok(count),
        };
        assert_eq!(taken, expected, "up to {max}");
        assert!(
            seen.iter().eq(self.queue.iter().take(count)),
            "not the {count} oldest, or not whole"
        );
        (0..count).for_each(|_| self.popped());
    }

    /// A new attachment of either side finds everything where it was.
    fn attach_again(&mut self, form: usize) {
        // One role at a time can be held, so the old one goes first, by way of another ring's.
        let other = Ring::<K>::create(Region::memfd("other"), Options::new().bytes(CAPACITY));
        let other = other.unwrap();
        if form % 2 == 0 {
            drop(core::mem::replace(&mut self.tx, other.producer().unwrap()));
            self.tx = self.ring.producer().unwrap();
        } else {
            drop(core::mem::replace(&mut self.rx, other.consumer().unwrap()));
            self.rx = self.ring.consumer().unwrap();
        }
    }

    /// What both ends say about how full the ring is.
    fn check(&mut self) {
        let room = CAPACITY - 8 - self.used;
        let stride = K::LEN.map(|len| Self::stride(len * K::UNIT));
        assert_eq!(K::room(&mut self.tx), stride.map(|stride| room / stride));
        let ready = stride.map_or(self.used, |stride| self.used / stride);
        assert_eq!(K::ready(&self.rx), ready);
    }

    /// Takes what is left.
    fn drain(mut self) {
        while let Some(bytes) = self.queue.pop_front() {
            assert_eq!(K::pop(&mut self.rx, Take::Try, 0), Ok(bytes));
        }
        assert_eq!(K::pop(&mut self.rx, Take::Try, 0), Err(PopError::Empty));
        let bytes = crate::wire::Bytes::of(self.ring.descriptor());
        for page in [crate::wire::producer(), crate::wire::consumer()] {
            assert_eq!(bytes.get(page + crate::wire::WAKE_AT), NEVER, "somebody sleeps");
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

fn random_operations<K: Kind + ?Sized>() {
    for seed in 0..SEEDS {
        let mut random = Random::new(seed);
        let mut model = Model::<K>::new();
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
    random_operations::<u64>();
    random_operations::<[u8; 5]>();
    random_operations::<A64>();
    // Eight of them would fill the ring, and leave no place for the word behind them.
    random_operations::<[u8; 504]>();
}

#[test]
fn messages_answer_as_a_queue_with_exactly_that_room() {
    random_operations::<[u8]>();
    random_operations::<[u32]>();
    random_operations::<[[u8; 3]]>();
    random_operations::<[A64]>();
}

/// The shortest sequence that proptest can find is what a failure shows.
fn any_operations<K: Kind + ?Sized>(ops: &[(u8, u8, u16)]) {
    let mut model = Model::<K>::new();
    for (what, form, size) in ops.iter().copied() {
        model.apply(Op { what, form, size });
    }
    model.drain();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..Default::default() })]

    #[test]
    fn any_operations_on_numbers(ops in vec(any::<(u8, u8, u16)>(), 0..120)) {
        any_operations::<u64>(&ops);
    }

    #[test]
    fn any_operations_on_odd_sizes(ops in vec(any::<(u8, u8, u16)>(), 0..120)) {
        any_operations::<[u8; 5]>(&ops);
    }

    #[test]
    fn any_operations_on_wide_alignments(ops in vec(any::<(u8, u8, u16)>(), 0..120)) {
        any_operations::<A64>(&ops);
    }

    #[test]
    fn any_operations_on_bytes(ops in vec(any::<(u8, u8, u16)>(), 0..120)) {
        any_operations::<[u8]>(&ops);
    }

    #[test]
    fn any_operations_on_messages_of_words(ops in vec(any::<(u8, u8, u16)>(), 0..120)) {
        any_operations::<[u32]>(&ops);
    }

    #[test]
    fn any_operations_on_messages_of_triples(ops in vec(any::<(u8, u8, u16)>(), 0..120)) {
        any_operations::<[[u8; 3]]>(&ops);
    }
}
