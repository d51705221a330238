//! Any operations of both kinds against a queue in plain memory that knows exactly how much room there is.
//!
//! Owns: what each call must answer. Knows nothing of: who chooses the operations, a seed in `model`, a fuzzer in the
//! target `queue`.

use std::collections::VecDeque;

use shm_ring::{PopError, PushError};
use shm_ring_outsider::{Descriptor, Header, Ring, Side, judge};

use super::content::{Random, text};
use super::{AnyRing, Kind, Put, Room, RxOf, Take, TxOf};

/// One operation: what to do, by which form, with how much.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Op {
    pub(crate) what: u8,
    pub(crate) form: u8,
    pub(crate) size: u16,
}

impl Op {
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
pub(crate) struct Model<K: Kind + ?Sized> {
    // Before the ring, as every user drops them. Only where it attaches again is one not there.
    tx: Option<TxOf<K>>,
    rx: Option<RxOf<K>>,
    ring: K::Ring,
    region: Descriptor,
    rooms: &'static [Room],
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
    /// Of a ring that is empty. With reservations `rooms` is done.
    pub(crate) fn new(ring: K::Ring, rooms: &'static [Room]) -> Self {
        let (tx, rx) = (ring.producer().ok(), ring.consumer().ok());
        let region = Descriptor::of(ring.descriptor()).unwrap();
        let limit = ring.limit_bytes();
        let longest = limit / K::UNIT * K::UNIT - K::UNIT;
        let (max, limit) = (K::LEN.unwrap_or(longest), limit as u64);
        let queue = VecDeque::new();
        Self {
            tx,
            rx,
            ring,
            region,
            rooms,
            queue,
            limit,
            used: 0,
            next: 0,
            max,
            older: 0,
            owed: false,
        }
    }

    fn tx(&mut self) -> &mut TxOf<K> {
        self.tx.as_mut().unwrap()
    }

    fn rx(&mut self) -> &mut RxOf<K> {
        self.rx.as_mut().unwrap()
    }

    fn fits(&self, bytes: usize) -> bool {
        self.used + K::stride(bytes) <= self.limit
    }

    fn fresh(&mut self, len: usize) -> Vec<u8> {
        self.next += 1;
        text(self.next, len)
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

    pub(crate) fn apply(&mut self, op: Op) {
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
        assert_eq!(K::push(self.tx(), form, &bytes), expected, "{form:?} of {len}");
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
        let room = self.rooms[form / 3 % self.rooms.len()];
        let told = K::reserve(self.tx(), way, room, &bytes, form);
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
            assert_eq!(K::push_batch(self.tx(), &batch), Ok(count));
        } else {
            assert_eq!(K::try_push_batch(self.tx(), &batch), expected, "of {lens:?} at {used}");
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
        let popped = K::pop(self.rx(), form, buffer);
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
        let seen = K::peek(self.rx(), way, form, max, |_| release);
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
        let taken = K::pop_batch(self.rx(), way, max, |bytes| seen.push(bytes));
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
        let (tx, rx) = (self.tx.as_mut().unwrap(), self.rx.as_mut().unwrap());
        let mut items = K::try_iter(rx);
        let mut seen: Vec<_> = items.by_ref().take(1).map(Result::unwrap).collect();
        // There is room for it now or there is not: either way it is not among them.
        let pushed = K::push(tx, Put::Try, &later).is_ok();
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
        if form % 2 == 0 {
            self.tx = None;
            self.tx = Some(self.ring.producer().unwrap());
            (self.older, self.owed) = (self.queue.len(), true);
        } else {
            self.rx = None;
            self.rx = Some(self.ring.consumer().unwrap());
            // An end is its own if it is still to read what came before that.
            self.owed &= self.older > 0;
        }
    }

    /// What both ends say about how full the ring is.
    fn check(&mut self) {
        let records = |bytes: u64| bytes as usize / K::LEN.unwrap_or(1);
        let (room, ready) = (records(self.limit - self.used), records(self.used));
        assert_eq!(K::room(self.tx()), room);
        assert_eq!(K::ready(self.rx()), ready);
    }

    /// The region is sound by the outsider's judgement, and holds the queue.
    pub(crate) fn judge(&self) -> Ring {
        let header = Header::of(&self.region);
        let ring = judge(&self.region, &header).unwrap_or_else(|why| panic!("{why}"));
        assert!(ring.payloads().iter().eq(self.queue.iter()), "an outsider reads something else");
        ring
    }

    /// Takes what is left.
    pub(crate) fn drain(mut self) {
        self.judge();
        while let Some(expected) = self.queue.pop_front() {
            assert_eq!(K::pop(self.rx(), Take::Try, 0), Ok(expected));
        }
        assert_eq!(K::pop(self.rx(), Take::Try, 0), Err(PopError::Empty));
        let ring = self.judge();
        assert!(!Side::BOTH.iter().any(|side| ring.side(*side).is_asleep()), "somebody sleeps");
    }
}
