//! Calls of the ends of a ring of values. It must not choose which call is made.

use shm_ring::{PopError, PushError};
use zerocopy::FromBytes as _;

use super::{BUFFER, Drive, FRONT};
use crate::board::Op;
use crate::hand;
use crate::kind::{Value, Values};
use crate::truth::Truth;

const fn size<T>() -> u64 {
    size_of::<T>() as u64
}

/// How many values there are, up to `max`: by a look if fewer are known.
fn up_to<T>(truth: &mut Truth, max: usize) -> Result<usize, PopError> {
    let known = |truth: &Truth| (truth.known() / size::<T>()) as usize;
    if max == 0 {
        return Ok(0);
    }
    if known(truth) < max {
        truth.look_at_tail();
    }
    match known(truth) {
        _ if truth.head.corrupt => Err(PopError::Corrupt),
        0 => Err(PopError::Empty),
        known => Ok(known.min(max)),
    }
}

impl<T: Value, const ITEMS: u64> Drive<Values<T, ITEMS>> {
    pub fn push_values(&mut self, op: Op) {
        self.made += 1;
        match op {
            Op::TryReserve | Op::ReserveTimeout => self.reserve(op),
            Op::TryPushBatch => self.try_push_batch(),
            Op::TryPushSlice => self.try_push_slice(),
            Op::TryPushAll => self.try_push_all(),
            Op::PushBatch | Op::PushSlice => self.push_all(op),
            _ => self.push(if op == Op::WriteStream { Op::Push } else { op }),
        }
    }

    pub fn pop_values(&mut self, op: Op) {
        match op {
            Op::TryPeek | Op::PeekTimeout => self.peek(op),
            Op::TryPopBatch | Op::PopBatchTimeout => self.pop_batch(op),
            Op::TryPopSlice | Op::PopSliceTimeout => self.pop_slice(op),
            Op::TryIter => self.try_iter(),
            Op::ReadStream => self.pop(Op::Pop),
            Op::TryPopTo => self.pop(Op::TryPopInto),
            op => self.pop(op),
        }
    }

    /// How many values a batch is asked for: few, many, or more than there can be.
    fn many(&mut self) -> usize {
        let least = usize::from(self.sober);
        let count = match self.rng.below(16) {
            0 => ITEMS as usize + self.rng.below(3) as usize,
            1 => self.rng.below(ITEMS) as usize,
            _ => self.rng.below(24) as usize,
        };
        count.max(least).min((BUFFER - FRONT) / size_of::<T>())
    }

    fn push(&mut self, op: Op) {
        let timeout = self.timeout();
        let room = self.foretell(|truth| truth.room_for(size::<T>()));
        let bytes = self.source.last(size_of::<T>());
        bytes[0] = self.made as u8;
        let item = T::ref_from_bytes(bytes).expect("a value's bytes");
        let tx = self.tx.as_mut().expect("attached");
        self.board.begin(op);
        let pushed = match op {
            Op::TryPushFrom => tx.try_push_from(item),
            Op::PushTimeout => tx.push_timeout(*item, timeout),
            Op::Push => tx.push(*item),
            _ => tx.try_push(*item),
        };
        if self.pushed(op, pushed, room) {
            self.published(size::<T>());
        }
    }

    fn reserve(&mut self, op: Op) {
        let (count, timeout) = (self.many().max(1), self.timeout());
        let bytes = count as u64 * size::<T>();
        let max = ITEMS as usize;
        let room = match count <= max {
            true => self.foretell(|truth| truth.room_for(bytes)),
            false => Some(Err(PushError::TooLarge { len: count, max })),
        };
        let commit = self.rng.below(count as u64 + 1) as usize;
        let drops = self.rng.below(4) == 0;
        let first = self.rng.below(count as u64) as usize;
        let items = self.source.last((count - first) * size_of::<T>());
        let items = <[T]>::ref_from_bytes(items).expect("values' bytes");
        let tx = self.tx.as_mut().expect("attached");
        self.board.begin(op);
        let reserved = match op {
            Op::ReserveTimeout => {
                tx.wait(count, Some(timeout)).and_then(|()| tx.try_reserve(count))
            }
            _ => tx.try_reserve(count),
        };
        let answer = reserved.as_ref().map(|_| ()).map_err(|&error| error);
        if let Ok(mut reserved) = reserved {
            reserved.write_slice(first, items);
            reserved.write(0, &items[0]);
            if self.exact && self.rng.below(4) == 0 {
                // What was reserved begins at the end's own tail, whatever the word says by now.
                hand::hurt(&mut self.rng, self.region, &self.header);
            }
            if !drops {
                reserved.commit(commit);
            }
        }
        if self.pushed(op, answer, room) && !drops {
            self.published(commit as u64 * size::<T>());
        }
    }

    /// The hand writes while the values are supplied.
    fn try_push_batch(&mut self) {
        let count = self.many();
        let (exact, meddles) = (self.exact, self.exact && self.rng.below(8) == 0);
        let item = *T::ref_from_bytes(self.source.last(size_of::<T>())).expect("a value's bytes");
        let Self { tx, truth, rng, region, header, sober, .. } = self;
        let tx = tx.as_mut().expect("attached");
        let (mut supplied, mut all) = (0, false);
        let supply = std::iter::from_fn(|| {
            if exact {
                // Nothing is asked for before there is room for it.
                let room = truth.room_for((supplied + 1) * size::<T>());
                assert!(room == Ok(()), "a value was asked for, and there is {room:?} for it");
            }
            if meddles && !*sober {
                hand::anything(rng, region, header);
            }
            all = supplied as usize == count;
            supplied += u64::from(!all);
            (!all).then_some(item)
        });
        self.board.begin(Op::TryPushBatch);
        let pushed = tx.try_push_batch(supply);
        let why = match all {
            true => Some(Err(PushError::Full)),
            false => self.foretell(|truth| truth.room_for((supplied + 1) * size::<T>())),
        };
        if let (Ok(count), Some(why)) = (pushed, why) {
            assert!(count as u64 == supplied && why.is_err(), "a batch ended with {why:?}");
        }
        let truth = if pushed.is_ok() { Some(Ok(())) } else { why };
        if self.pushed(Op::TryPushBatch, pushed.map(|_| ()), truth) {
            self.published(supplied * size::<T>());
        }
    }

    fn try_push_slice(&mut self) {
        let count = self.many().max(1);
        let fit = self.foretell(|truth| {
            // One, and then as many as there are.
            truth.room_for(size::<T>())?;
            Ok(match truth.room_for(count as u64 * size::<T>()) {
                Ok(()) => count,
                Err(PushError::Full) => {
                    let room = truth.header.limit - (truth.tail.position - truth.tail.head);
                    (room / size::<T>()) as usize
                }
                Err(_) => 0,
            })
        });
        let items = self.source.last(count * size_of::<T>());
        let items = <[T]>::ref_from_bytes(items).expect("values' bytes");
        let tx = self.tx.as_mut().expect("attached");
        self.board.begin(Op::TryPushSlice);
        let pushed = tx.try_push_slice(items);
        let truth = fit.map(|fit| fit.map(|_| ()));
        if self.pushed(Op::TryPushSlice, pushed.map(|_| ()), truth) {
            if let Some(fit) = fit {
                assert!(pushed == fit, "TryPushSlice answered {pushed:?} where {fit:?} fit");
            }
            self.published(pushed.unwrap_or(0) as u64 * size::<T>());
        }
    }

    fn try_push_all(&mut self) {
        let count = self.many().max(1);
        let (bytes, max) = (count as u64 * size::<T>(), ITEMS as usize);
        let room = match count <= max {
            true => self.foretell(|truth| truth.room_for(bytes)),
            false => Some(Err(PushError::TooLarge { len: count, max })),
        };
        let items = self.source.last(count * size_of::<T>());
        let items = <[T]>::ref_from_bytes(items).expect("values' bytes");
        let tx = self.tx.as_mut().expect("attached");
        self.board.begin(Op::TryPushAll);
        let pushed = tx.try_push_all(items);
        if self.pushed(Op::TryPushAll, pushed, room) {
            self.published(bytes);
        }
    }

    /// Calls that wait until all is published, or the other side is gone.
    fn push_all(&mut self, op: Op) {
        let count = self.many().max(1);
        let done = self.foretell(|truth| match op {
            Op::PushBatch => truth.all(&vec![size::<T>(); count]),
            _ => all_of_slice::<T>(truth, count),
        });
        let items = self.source.last(count * size_of::<T>());
        let items = <[T]>::ref_from_bytes(items).expect("values' bytes");
        let tx = self.tx.as_mut().expect("attached");
        self.board.begin(op);
        let pushed = match op {
            Op::PushBatch => tx.push_batch(items.iter().copied()),
            _ => tx.push_slice(items),
        };
        let number = pushed.as_ref().map_or_else(|failed| failed.pushed, |&pushed| pushed);
        self.pushed(op, pushed.map(|_| ()).map_err(|failed| failed.error), done.map(|done| done.1));
        if let Some((done, _)) = done {
            assert!(number == done, "{op:?} pushed {number} where {done} fit");
            if done > 0 {
                self.truth.stands();
            }
        }
    }

    fn pop(&mut self, op: Op) {
        let timeout = self.timeout();
        let there = self.foretell(|truth| truth.look(true));
        self.blank(size_of::<T>());
        let threshold = (op == Op::PopThreshold).then(|| self.threshold(timeout)).flatten();
        let buffer = self.buffer.last(size_of::<T>());
        let place = T::mut_from_bytes(buffer).expect("room for a value");
        let rx = self.rx.as_mut().expect("attached");
        rx.set_threshold(threshold);
        self.board.begin(op);
        let popped = match op {
            Op::TryPopInto => rx.try_pop_into(place).map(|()| *place),
            Op::PopTimeout | Op::PopThreshold => rx.pop_timeout(timeout),
            Op::Pop => rx.pop(),
            Op::Iter => rx.iter().next().unwrap_or(Err(PopError::Closed)),
            _ => rx.try_pop(),
        };
        rx.set_threshold(None);
        let truth = there.as_ref().map(|there| there.as_ref().map(|_| ()).map_err(|&error| error));
        let took = self.popped(op, popped.as_ref().map(|_| ()).map_err(|&error| error), truth);
        let taken = if took && op == Op::TryPopInto { size_of::<T>() } else { 0 };
        self.untouched(op, size_of::<T>(), taken);
        if let (Ok(popped), Some(Ok(there))) = (popped, there) {
            assert!(popped.as_bytes() == there, "{op:?} took something else than stood there");
            self.took(&there);
        }
    }

    fn peek(&mut self, op: Op) {
        let (max, timeout) = (self.many(), self.timeout());
        let there = self.foretell(|truth| up_to::<T>(truth, max));
        let release = self.rng.below(1 << 16) as usize;
        let (leaves, meddles) = (self.rng.below(4) == 0, self.exact && self.rng.below(8) == 0);
        let Self { rx, truth, rng, region, header, exact, .. } = self;
        let rx = rx.as_mut().expect("attached");
        self.board.begin(op);
        let peeked = match op {
            Op::PeekTimeout => rx.wait(max.min(1), Some(timeout)).and_then(|()| rx.try_peek(max)),
            _ => rx.try_peek(max),
        };
        let answer = peeked.as_ref().map(|view| view.len()).map_err(|&error| error);
        let mut released = 0;
        if let Ok(view) = peeked {
            if meddles {
                hand::anything(rng, region, header);
            }
            let (mut head, len) = (truth.head, view.len());
            if *exact && there == Some(Ok(len)) {
                for item in view.iter().take(8) {
                    let right = truth.next(&mut head).expect("a value");
                    assert!(item.as_bytes() == right, "{op:?} shows something else than is there");
                    head.step(header, size::<T>());
                }
            }
            assert!(view.get(len).is_none(), "{op:?} shows more than {len}");
            if !leaves {
                released = release % (len + 1);
                view.release(released);
            }
        }
        self.popped(op, answer.map(|_| ()), there.map(|there| there.map(|_| ())));
        self.bounded(op, answer.unwrap_or(0));
        if let (Ok(len), Some(there)) = (answer, there) {
            assert!(there == Ok(len), "{op:?} shows {len} of {there:?}");
            (0..released).for_each(|_| self.truth.step(size_of::<T>()));
            // Nothing is stored for nothing: somebody may have written the word.
            if released > 0 {
                self.truth.released();
            }
        }
    }

    /// The hand writes while the values are looked at.
    fn pop_batch(&mut self, op: Op) {
        let (many, timeout) = (self.many(), self.timeout());
        let max = if self.rng.below(8) == 0 { usize::MAX } else { many };
        let there = self.foretell(|truth| up_to::<T>(truth, max));
        let (exact, meddles) = (self.exact, self.exact && self.rng.below(8) == 0);
        let Self { rx, truth, rng, region, header, .. } = self;
        let (mut seen, mut head) = (0, truth.head);
        let most = header.limit / header.unit();
        let each = |item: T| {
            seen += 1;
            assert!(seen <= most, "{op:?} goes on beyond {most} values");
            if exact && there.is_some_and(|there| there.is_ok_and(|there| seen <= there as u64)) {
                let right = truth.next(&mut head).expect("a value");
                assert!(item.as_bytes() == right, "{op:?} took something else than stood there");
                head.step(header, size::<T>());
            }
            if meddles {
                hand::anything(rng, region, header);
            }
        };
        let rx = rx.as_mut().expect("attached");
        self.board.begin(op);
        let popped = match op {
            Op::PopBatchTimeout => rx.pop_batch_timeout(max, timeout, each),
            _ => rx.try_pop_batch(max, each),
        };
        self.popped(op, popped.map(|_| ()), there.map(|there| there.map(|_| ())));
        if let (Ok(popped), Some(there)) = (popped, there) {
            assert!(
                there == Ok(popped) && seen == popped as u64,
                "{op:?} took {seen} of {there:?}"
            );
            self.truth.head = head;
            if popped > 0 {
                self.truth.released();
            }
        }
    }

    fn pop_slice(&mut self, op: Op) {
        let (count, timeout) = (self.many(), self.timeout());
        let there = self.foretell(|truth| up_to::<T>(truth, count));
        let len = count * size_of::<T>();
        self.blank(len);
        let items = <[T]>::mut_from_bytes(self.buffer.last(len)).expect("room for values");
        let rx = self.rx.as_mut().expect("attached");
        self.board.begin(op);
        let popped = match op {
            Op::PopSliceTimeout => rx.pop_slice_timeout(items, timeout),
            _ => rx.try_pop_slice(items),
        };
        self.popped(op, popped.map(|_| ()), there.map(|there| there.map(|_| ())));
        self.untouched(op, len, popped.unwrap_or(0) * size_of::<T>());
        if let (Ok(popped), Some(there)) = (popped, there) {
            assert!(there == Ok(popped), "{op:?} took {popped} of {there:?}");
            let mut head = self.truth.head;
            let items = self.buffer.last(len).chunks(size_of::<T>());
            for item in items.take(popped) {
                let right = self.truth.next(&mut head).expect("a value");
                assert!(item == right, "{op:?} took something else than stood there");
                head.step(&self.header, size::<T>());
            }
            self.truth.head = head;
            if popped > 0 {
                self.truth.released();
            }
        }
    }

    fn try_iter(&mut self) {
        let max = if self.rng.below(8) == 0 { usize::MAX } else { self.rng.below(24) as usize + 1 };
        let rx = self.rx.as_mut().expect("attached");
        self.board.begin(Op::TryIter);
        let iter = rx.try_iter();
        let there = self.exact.then(|| {
            self.truth.look_at_tail();
            let corrupt = self.truth.head.corrupt;
            let there = (self.truth.known() / size::<T>()) as usize;
            (corrupt, if corrupt { 1 } else { there })
        });
        let (mut seen, mut last) = (0, Ok(()));
        let meddles = self.exact && !self.sober && self.rng.below(8) == 0;
        let most = self.header.limit / self.header.unit();
        for popped in iter.take(max) {
            seen += 1;
            assert!(seen as u64 <= most, "TryIter goes on beyond {most} values");
            last = popped.as_ref().map(|_| ()).map_err(|&error| error);
            if let (Ok(item), Some(_)) = (popped, there) {
                let right = self.truth.look(false);
                assert!(Ok(item.as_bytes()) == right.as_deref(), "an iterator: {right:?} is there");
                self.truth.step(size_of::<T>());
                self.truth.released();
            }
            if meddles {
                hand::anything(&mut self.rng, self.region, &self.header);
            }
        }
        if seen == 0 {
            last = Err(PopError::Empty);
        }
        let truth = there.map(|(corrupt, there)| match (corrupt, there) {
            (true, _) => Err(PopError::Corrupt),
            (_, 0) => Err(PopError::Empty),
            _ => Ok(()),
        });
        self.popped(Op::TryIter, last, truth);
        if let Some((_, there)) = there {
            assert!(seen == there.min(max), "an iterator gave {seen} of {there}");
        }
    }
}

/// As [`Truth::all`], for a call that takes one look for all that it has left.
fn all_of_slice<T>(truth: &mut Truth, count: usize) -> (usize, Result<(), PushError>) {
    let mut done = 0;
    while done < count {
        if let Err(error) = truth.room_for(size::<T>()) {
            return (done, Err(error));
        }
        let left = (count - done) as u64;
        let fit = match truth.room_for(left * size::<T>()) {
            Ok(()) => left,
            Err(PushError::Full) => {
                (truth.header.limit - (truth.tail.position - truth.tail.head)) / size::<T>()
            }
            Err(_) => 0,
        };
        truth.tail.advance(fit * size::<T>());
        done += fit as usize;
    }
    (done, Ok(()))
}
