//! Values against a queue: any calls of both ends, in one process, so that what must be there and what
//! must fit is known exactly; after each call the region itself is compared with what LAYOUT.md says.
#![no_main]

use std::fmt::Debug;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use shm_ring::{BatchError, Item};
use shm_ring_fuzz::bytes::{CONSUMER, PAGE};
use shm_ring_fuzz::choice::{How, NO_TIME, Place, Side, Start, Then, fill};
use shm_ring_fuzz::model::{Model, check_place, within};
use shm_ring_fuzz::pair::{Change, Pair};
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// The longest input that is looked at.
const CALLS: usize = 100;

#[derive(Arbitrary, Debug)]
struct Input {
    kind: Kind,
    start: Start,
    calls: Vec<Call>,
}

#[derive(Arbitrary, Debug)]
enum Kind {
    Nothing,
    Word,
    Odd,
    Aligned,
    Long,
}

/// More alignment than a commit word.
#[derive(Clone, Copy, Debug, PartialEq, FromBytes, IntoBytes, Immutable)]
#[repr(C, align(64))]
struct Aligned([u8; 128]);

#[derive(Arbitrary, Debug)]
enum Call {
    Push { how: How, lent: bool },
    Reserve { how: How, in_place: bool, place: Place, then: Then },
    PushBatch { how: How, count: u8 },
    Pop { how: How, into: bool },
    Peek { how: How, place: Place, then: Then },
    PopBatch { how: How, max: u8 },
    Iterate { max: u8 },
    Change(Change),
}

fuzz_target!(|input: Input| {
    match input.kind {
        Kind::Nothing => Values::<()>::play(&input),
        Kind::Word => Values::<u64>::play(&input),
        Kind::Odd => Values::<[u8; 5]>::play(&input),
        Kind::Aligned => Values::<Aligned>::play(&input),
        Kind::Long => Values::<[u8; 300]>::play(&input),
    }
});

struct Values<T: Item> {
    pair: Pair<T>,
    model: Model,
    made: u64,
}

impl<T: Item + Copy + Debug + PartialEq> Values<T> {
    fn play(input: &Input) {
        let (pair, model) = Pair::new(align_of::<T>(), input.start);
        let mut values = Self { pair, model, made: 0 };
        for call in input.calls.iter().take(CALLS) {
            match *call {
                Call::Push { how, lent } => values.push(how, lent),
                Call::Reserve { how, in_place, place, then } => {
                    values.reserve(how, in_place, place, then)
                }
                Call::PushBatch { how, count } => values.push_batch(how, count),
                Call::Pop { how, into } => values.pop(how, into),
                Call::Peek { how, place, then } => values.peek(how, place, then),
                Call::PopBatch { how, max } => values.pop_batch(how, max),
                Call::Iterate { max } => values.iterate(max),
                Call::Change(change) => values.pair.change(change, &values.model),
            }
            values.check();
        }
    }

    fn check(&mut self) {
        self.model.check(&self.pair.bytes);
        let stride = self.model.stride(size_of::<T>());
        let capacity = (PAGE - 8) / stride;
        if let Some(tx) = &mut self.pair.tx {
            assert_eq!(tx.capacity(), capacity);
            assert_eq!(tx.room_at_least(), self.model.room() / stride);
        }
        if let Some(rx) = &self.pair.rx {
            assert_eq!(rx.capacity(), capacity);
            assert_eq!(rx.ready_at_least(), self.model.len() as u64);
        }
    }

    fn fits(&self) -> bool {
        self.model.fits(size_of::<T>())
    }

    fn item(made: &mut u64) -> T {
        let mut bytes = vec![0; size_of::<T>()];
        fill(&mut bytes, *made);
        *made += 1;
        T::read_from_bytes(&bytes).unwrap()
    }

    fn push(&mut self, how: How, lent: bool) {
        let fits = self.fits();
        let how = self.pair.prompt(Side::Producer, how, fits);
        let Some(tx) = &mut self.pair.tx else { return };
        let item = Self::item(&mut self.made);
        let pushed = match (how, lent) {
            (How::Try, false) => tx.try_push(item),
            (How::Try, true) => tx.try_push_from(&item),
            (How::AtOnce, _) => tx.push_timeout(item, NO_TIME),
            (How::Wait, false) => tx.push(item),
            (How::Wait, true) => tx.push_from(&item),
        };
        assert_eq!(pushed.is_ok(), fits);
        match pushed {
            Ok(()) => self.model.push(item.as_bytes()),
            Err(error) => self.pair.check_not_pushed(how, error),
        }
    }

    fn reserve(&mut self, how: How, in_place: bool, place: Place, then: Then) {
        let fits = self.fits();
        let how = self.pair.prompt(Side::Producer, how, fits);
        let Some(tx) = &mut self.pair.tx else { return };
        let reserved = match how {
            How::Try => tx.try_reserve(),
            How::AtOnce => tx.reserve_timeout(NO_TIME),
            How::Wait => tx.reserve(),
        };
        assert_eq!(reserved.is_ok(), fits);
        let mut room = match reserved {
            Ok(room) => room,
            Err(error) => return self.pair.check_not_pushed(how, error),
        };
        let item = Self::item(&mut self.made);
        let mut payload = item.as_bytes().to_vec();
        assert_eq!(room.size(), payload.len());
        if in_place {
            // SAFETY: both sides are ours, and the other one writes no data.
            unsafe { room.as_uninit() }.write(item);
        } else {
            room.write(&item);
        }
        let mut part = vec![0; place.len.into()];
        fill(&mut part, self.made);
        let (offset, len) = (place.offset(), part.len());
        assert_eq!(room.write_at(offset, &part[..]), within(offset, len, payload.len()));
        if within(offset, len, payload.len()).is_ok() {
            payload[offset..offset + len].copy_from_slice(&part);
        }
        match then {
            Then::Finish => {
                room.commit();
                self.model.push(&payload);
            }
            Then::Drop => drop(room),
            Then::Forget => std::mem::forget(room),
        }
    }

    fn push_batch(&mut self, how: How, count: u8) {
        let stride = self.model.stride(size_of::<T>());
        let fit = (self.model.room() / stride).min(count.into()) as usize;
        let all = fit == usize::from(count);
        let how = self.pair.prompt(Side::Producer, how, all);
        let Self { pair, model, made } = self;
        let Some(tx) = &mut pair.tx else { return };
        let mut items = Vec::new();
        let (bytes, first) = (&pair.bytes, *made);
        let supply = (0..count).map(|_| {
            let item = Self::item(made);
            // None of the batch exists before all of it does.
            let published = items.len() >= fit && how == How::Wait;
            assert!(published || !model.something_came(bytes), "half a batch");
            items.push(item);
            item
        });
        let (pushed, error) = match how {
            How::Wait => match tx.push_batch(supply) {
                Ok(pushed) => (pushed, None),
                Err(BatchError { pushed, error }) => (pushed, Some(error)),
            },
            _ => match tx.try_push_batch(supply) {
                Ok(pushed) => (pushed, None),
                Err(error) => (0, Some(error)),
            },
        };
        assert_eq!(pushed, fit);
        // What did not fit was not taken, but for the one that `push_batch` waits with.
        let asked_for = pushed + usize::from(how == How::Wait && !all);
        assert_eq!(items.len(), asked_for);
        assert_eq!(*made - first, asked_for as u64);
        for item in &items[..pushed] {
            model.push(item.as_bytes());
        }
        let none_fits = model.room() < stride && pushed == 0;
        match error {
            Some(error) if how == How::Wait => pair.check_not_pushed(how, error),
            Some(error) => {
                assert!(none_fits);
                pair.check_not_pushed(How::Try, error);
            }
            None => assert!(if how == How::Wait { all } else { !none_fits }),
        }
    }

    fn pop(&mut self, how: How, into: bool) {
        let there = !self.model.is_empty();
        let how = self.pair.prompt(Side::Consumer, how, there);
        let Some(rx) = &mut self.pair.rx else { return };
        let untouched = Self::item(&mut self.made);
        let mut item = untouched;
        let popped = match (how, into) {
            (How::Try, false) => rx.try_pop().map(|popped| item = popped),
            (How::Try, true) => rx.try_pop_into(&mut item),
            (How::AtOnce, _) => rx.pop_timeout(NO_TIME).map(|popped| item = popped),
            (How::Wait, false) => rx.pop().map(|popped| item = popped),
            (How::Wait, true) => rx.pop_into(&mut item),
        };
        assert_eq!(popped.is_ok(), there);
        match popped {
            Ok(()) => assert_eq!(item.as_bytes(), self.model.pop()),
            Err(error) => {
                assert_eq!(item, untouched);
                self.pair.check_not_popped(how, error);
            }
        }
    }

    fn peek(&mut self, how: How, place: Place, then: Then) {
        let there = !self.model.is_empty();
        let how = self.pair.prompt(Side::Consumer, how, there);
        let Some(rx) = &mut self.pair.rx else { return };
        let peeked = match how {
            How::Try => rx.try_peek(),
            How::AtOnce => rx.peek_timeout(NO_TIME),
            How::Wait => rx.peek(),
        };
        assert_eq!(peeked.is_ok(), there);
        let view = match peeked {
            Ok(view) => view,
            Err(error) => return self.pair.check_not_popped(how, error),
        };
        let payload = self.model.first().unwrap();
        assert_eq!(view.read().as_bytes(), payload);
        // SAFETY: both sides are ours, and the other one does nothing now.
        assert_eq!(unsafe { view.as_value() }.as_bytes(), payload);
        check_place(&view, payload, place);
        match then {
            Then::Finish => {
                view.release();
                self.model.pop();
            }
            Then::Drop => drop(view),
            Then::Forget => std::mem::forget(view),
        }
    }

    fn pop_batch(&mut self, how: How, max: u8) {
        let there = !self.model.is_empty() || max == 0;
        let how = self.pair.prompt(Side::Consumer, how, there);
        let Self { pair, model, .. } = self;
        let Some(rx) = &mut pair.rx else { return };
        let (head, bytes, max) = (model.head(), &pair.bytes, usize::from(max));
        let expected = max.min(model.len());
        let mut seen = 0;
        let each = |item: T| {
            // The room of all of them is given back at the end.
            assert_eq!(bytes.word(CONSUMER), head, "room given back too early");
            assert_eq!(item.as_bytes(), model.pop());
            seen += 1;
        };
        let popped = match how {
            How::Try => rx.try_pop_batch(max, each),
            How::AtOnce => rx.pop_batch_timeout(max, NO_TIME, each),
            How::Wait => rx.pop_batch(max, each),
        };
        assert_eq!(seen, expected);
        match popped {
            Ok(popped) => assert!(there && popped == expected),
            Err(error) => {
                assert!(!there);
                pair.check_not_popped(how, error);
            }
        }
    }

    fn iterate(&mut self, max: u8) {
        let Some(rx) = &mut self.pair.rx else { return };
        let expected = self.model.len().min(max.into());
        let mut seen = 0;
        for item in rx.try_iter().take(max.into()) {
            assert_eq!(item.unwrap().as_bytes(), self.model.pop());
            seen += 1;
        }
        assert_eq!(seen, expected);
    }
}
