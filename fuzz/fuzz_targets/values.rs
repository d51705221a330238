//! Values against a queue: any calls of both ends, in one process, so that what must be there and what must fit is known
//! exactly; after each call the region itself is compared with what LAYOUT.md says.
//!
//! Owns: the calls of values and what each must answer. Knows nothing of: the wire format.
#![no_main]

use std::fmt::Debug;
use std::mem::MaybeUninit;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use shm_ring::{BatchError, Item, PushError};
use shm_ring_fuzz::DATA_BYTES;
use shm_ring_fuzz::choice::{How, Limit, NO_TIME, Side, Start, Then, value, values};
use shm_ring_fuzz::kind;
use shm_ring_fuzz::model::Model;
use shm_ring_fuzz::pair::{Change, Pair};
use shm_ring_outsider::{Header, POSITION, Region, consumer};
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// The longest input that is looked at.
const CALLS: usize = 40;

#[derive(Arbitrary, Debug)]
struct Input {
    kind: Kind,
    limit: Limit,
    start: Start,
    calls: Vec<Call>,
}

/// Sizes of each granule, on both sides of where the front ends and where assembly copies.
#[derive(Arbitrary, Debug)]
enum Kind {
    Byte,
    Two,
    Three,
    Five,
    Word,
    Twelve,
    TwentyFour,
    FiftySix,
    SixtyFour,
    Aligned,
    Long,
}

/// More alignment than a word.
#[derive(Clone, Copy, Debug, PartialEq, FromBytes, IntoBytes, Immutable)]
#[repr(C, align(64))]
struct Aligned([u8; 128]);

#[derive(Arbitrary, Debug)]
enum Call {
    Push { how: How, lent: bool },
    PushBatch { how: How, count: u8 },
    PushSlice { how: How, count: Count },
    Reserve { how: How, count: Count, writes: [Write; 3], in_place: bool, commit: u8, then: Then },
    Pop { how: How, into: bool },
    PopBatch { how: How, max: u8 },
    PopSlice { how: How, count: Count },
    Peek { how: How, count: Count, at: [u8; 2], release: u8, then: Then },
    Iterate { max: u8 },
    Change(Change),
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Count {
    Few(u8),
    /// About as many as fit now.
    Room(i8),
    /// About as many as ever fit.
    Most(i8),
}

/// So many values into a reservation, from there on.
#[derive(Arbitrary, Clone, Copy, Debug)]
struct Write {
    at: u8,
    count: u8,
}

fuzz_target!(|input: Input| {
    match input.kind {
        Kind::Byte => Values::<u8>::play(&input),
        Kind::Two => Values::<[u8; 2]>::play(&input),
        Kind::Three => Values::<[u8; 3]>::play(&input),
        Kind::Five => Values::<[u8; 5]>::play(&input),
        Kind::Word => Values::<u64>::play(&input),
        Kind::Twelve => Values::<[u32; 3]>::play(&input),
        Kind::TwentyFour => Values::<[u64; 3]>::play(&input),
        Kind::FiftySix => Values::<[u8; 56]>::play(&input),
        Kind::SixtyFour => Values::<[u64; 8]>::play(&input),
        Kind::Aligned => Values::<Aligned>::play(&input),
        Kind::Long => Values::<[u8; 300]>::play(&input),
    }
});

struct Values<T: Item> {
    pair: Pair<kind::Values<T>>,
    model: Model,
    made: u64,
    /// Values that fit an empty ring.
    most: usize,
}

impl<T: Item + Copy + Debug + PartialEq> Values<T> {
    const SIZE: usize = size_of::<T>();

    fn play(input: &Input) {
        let size = Self::SIZE as u64;
        let items = input.limit.of(DATA_BYTES / size);
        let header = Header::values(size, align_of::<T>() as u64, items);
        let (pair, model) = Pair::new(&header, input.start);
        let mut values = Self { pair, model, made: 0, most: items as usize };
        for call in input.calls.iter().take(CALLS) {
            match *call {
                Call::Push { how, lent } => values.push(how, lent),
                Call::PushBatch { how, count } => values.push_batch(how, count),
                Call::PushSlice { how, count } => values.push_slice(how, count),
                Call::Reserve { how, count, writes, in_place, commit, then } => {
                    values.reserve(how, count, writes, in_place, commit, then);
                }
                Call::Pop { how, into } => values.pop(how, into),
                Call::PopBatch { how, max } => values.pop_batch(how, max),
                Call::PopSlice { how, count } => values.pop_slice(how, count),
                Call::Peek { how, count, at, release, then } => {
                    values.peek(how, count, at, release, then);
                }
                Call::Iterate { max } => values.iterate(max),
                Call::Change(change) => values.pair.change(change, &values.model),
            }
            values.check();
        }
        // It looks at every byte, which takes as long as the calls did.
        if input.calls.len() % 8 == 0 {
            values.model.judge(values.pair.memory);
        }
    }

    fn check(&mut self) {
        self.model.check(self.pair.memory);
        let room = self.model.room() as usize / Self::SIZE;
        if let Some(tx) = &mut self.pair.tx {
            assert_eq!((tx.capacity(), tx.room_at_least()), (self.most, room));
        }
        if let Some(rx) = &self.pair.rx {
            assert_eq!((rx.capacity(), rx.len()), (self.most, self.model.len()));
        }
    }

    fn room(&self) -> usize {
        self.model.room() as usize / Self::SIZE
    }

    fn count(&self, count: Count) -> usize {
        let about = |count: usize, more: i8| count.saturating_add_signed((more % 4).into());
        match count {
            Count::Few(count) => count.into(),
            Count::Room(more) => about(self.room(), more),
            Count::Most(more) => about(self.most, more),
        }
    }

    fn item(made: &mut u64) -> T {
        *made += 1;
        value(*made)
    }

    fn items(&mut self, count: usize) -> Vec<T> {
        self.made += 1;
        values(count, self.made)
    }

    fn push(&mut self, how: How, lent: bool) {
        let fits = self.room() > 0;
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
            Ok(()) => self.model.push(item.as_bytes(), self.pair.memory),
            Err(error) => self.pair.check_not_pushed(how, error),
        }
    }

    fn push_batch(&mut self, how: How, count: u8) {
        let fit = self.room().min(count.into());
        let all = fit == usize::from(count);
        let how = self.pair.prompt(Side::Producer, how, all);
        let Self { pair, model, made, .. } = self;
        let Some(tx) = &mut pair.tx else { return };
        let mut items = Vec::new();
        let (memory, first) = (pair.memory, *made);
        let supply = (0..count).map(|_| {
            let item = Self::item(made);
            // None of the batch exists before all of it does.
            let published = items.len() >= fit && how == How::Wait;
            assert!(published || !model.something_came(memory), "half a batch");
            items.push(item);
            item
        });
        let pushed = match how {
            How::Wait => tx.push_batch(supply),
            _ => tx.try_push_batch(supply).map_err(|error| BatchError { pushed: 0, error }),
        };
        // What did not fit was not taken, but for the one that `push_batch` waits with.
        let asked_for = fit + usize::from(how == How::Wait && !all);
        assert_eq!((items.len(), *made - first), (asked_for, asked_for as u64));
        self.pushed_together(how, &items, fit, all, pushed);
    }

    fn push_slice(&mut self, how: How, count: Count) {
        let count = self.count(count);
        let items = self.items(count);
        let fit = self.room().min(count);
        let all = fit == count;
        let how = self.pair.prompt(Side::Producer, how, all);
        let Some(tx) = &mut self.pair.tx else { return };
        let pushed = match how {
            How::Wait => tx.push_slice(&items),
            _ => tx.try_push_slice(&items).map_err(|error| BatchError { pushed: 0, error }),
        };
        self.pushed_together(how, &items, fit, all, pushed);
    }

    /// Of `items` the first `fit` were to be pushed, which are `all` of them or not.
    fn pushed_together(
        &mut self,
        how: How,
        items: &[T],
        fit: usize,
        all: bool,
        pushed: Result<usize, BatchError>,
    ) {
        self.model.push_run(items[..fit].as_bytes());
        match pushed {
            Ok(pushed) => {
                assert_eq!(pushed, fit);
                assert!(all || how != How::Wait && fit > 0);
            }
            Err(BatchError { pushed, error }) => {
                assert!(!all && pushed == fit && (how == How::Wait || fit == 0));
                let how = if how == How::Wait { How::Wait } else { How::Try };
                self.pair.check_not_pushed(how, error);
            }
        }
    }

    fn reserve(
        &mut self,
        how: How,
        count: Count,
        writes: [Write; 3],
        in_place: bool,
        commit: u8,
        then: Then,
    ) {
        let count = self.count(count);
        let fits = count <= self.room();
        let how = self.pair.prompt(Side::Producer, how, fits || count > self.most);
        let Self { pair, model, made, most } = self;
        let Some(tx) = &mut pair.tx else { return };
        let reserved = match how {
            How::Try => tx.try_reserve(count),
            How::AtOnce => tx.wait(count, Some(NO_TIME)).and_then(|()| tx.try_reserve(count)),
            How::Wait => tx.reserve(count),
        };
        assert_eq!(reserved.is_ok(), fits);
        let mut room = match reserved {
            Ok(room) => room,
            Err(error) if count > *most => {
                return assert_eq!(error, PushError::TooLarge { len: count, max: *most });
            }
            Err(error) => return pair.check_not_pushed(how, error),
        };
        assert_eq!((room.len(), room.is_empty()), (count, count == 0));
        for Write { at, count: more } in writes {
            // In any order, so that one that is written too far destroys another.
            let at = usize::from(at) % (count + 1);
            *made += 1;
            let items: Vec<T> = values(usize::from(more).min(count - at), *made);
            match items[..] {
                [ref item] if !in_place => room.write(at, item),
                _ if in_place => {
                    // SAFETY: both sides are ours, and the other one writes no data.
                    let places = unsafe { room.as_uninit() };
                    places[at..][..items.len()].copy_from_slice(&uninit(&items));
                }
                _ => room.write_slice(at, &items),
            }
            model.write(at, items.as_bytes());
        }
        let commit = usize::from(commit) % (count + 1);
        match then {
            Then::Finish => {
                room.commit(commit);
                let items = model.written(commit);
                match commit {
                    1 => model.push(&items, pair.memory),
                    _ => model.push_run(&items),
                }
            }
            Then::Drop => drop(room),
            Then::Forget => std::mem::forget(room),
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
            Ok(()) => self.model.pop(item.as_bytes()),
            Err(error) => {
                assert_eq!(item, untouched);
                self.pair.check_not_popped(how, error);
            }
        }
    }

    fn pop_batch(&mut self, how: How, max: u8) {
        let there = !self.model.is_empty() || max == 0;
        let how = self.pair.prompt(Side::Consumer, how, there);
        let Self { pair, model, .. } = self;
        let Some(rx) = &mut pair.rx else { return };
        let (head, memory, max) = (model.head(), pair.memory, usize::from(max));
        let expected = max.min(model.len());
        let mut seen = 0;
        let each = |item: T| {
            // The room of all of them is given back at the end.
            assert_eq!(memory.word(consumer() + POSITION), head, "room given back too early");
            model.pop(item.as_bytes());
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

    fn pop_slice(&mut self, how: How, count: Count) {
        let count = self.count(count);
        let there = !self.model.is_empty() || count == 0;
        let how = self.pair.prompt(Side::Consumer, how, there);
        let untouched = self.items(count);
        let Some(rx) = &mut self.pair.rx else { return };
        let mut items = untouched.clone();
        let popped = match how {
            How::Try => rx.try_pop_slice(&mut items),
            How::AtOnce => rx.pop_slice_timeout(&mut items, NO_TIME),
            How::Wait => rx.pop_slice(&mut items),
        };
        let expected = count.min(self.model.len());
        assert!(items[expected..] == untouched[expected..], "beyond what was popped");
        match popped {
            Ok(popped) => {
                assert!(there && popped == expected);
                self.model.pop_run(items[..popped].as_bytes());
            }
            Err(error) => {
                assert!(!there);
                self.pair.check_not_popped(how, error);
            }
        }
    }

    fn peek(&mut self, how: How, count: Count, at: [u8; 2], release: u8, then: Then) {
        let max = self.count(count);
        let there = !self.model.is_empty() || max == 0;
        let how = self.pair.prompt(Side::Consumer, how, there);
        let Some(rx) = &mut self.pair.rx else { return };
        let peeked = match how {
            How::Try => rx.try_peek(max),
            How::AtOnce => rx.wait(max.min(1), Some(NO_TIME)).and_then(|()| rx.try_peek(max)),
            How::Wait => rx.peek(max),
        };
        assert_eq!(peeked.is_ok(), there);
        let view = match peeked {
            Ok(view) => view,
            Err(error) => return self.pair.check_not_popped(how, error),
        };
        let count = max.min(self.model.len());
        assert_eq!((view.len(), view.is_empty()), (count, count == 0));
        // SAFETY: both sides are ours, and the other one does nothing now.
        assert!(self.model.are_values(0, unsafe { view.as_slice() }.as_bytes()));
        for (index, item) in view.iter().enumerate().take(4) {
            assert!(self.model.are_values(index, item.as_bytes()));
        }
        let [at, len] = at.map(usize::from);
        let one = view.get(at);
        assert_eq!(one.is_some(), at < count);
        assert!(one.is_none_or(|one| self.model.are_values(at, one.as_bytes())));
        let from = at % (count + 1);
        let mut items = vec![T::new_zeroed(); len.min(count - from)];
        view.copy_to(from, &mut items);
        assert!(self.model.are_values(from, items.as_bytes()));
        match then {
            Then::Finish => {
                let release = usize::from(release) % (count + 1);
                view.release(release);
                self.model.release(release);
            }
            Then::Drop => drop(view),
            Then::Forget => std::mem::forget(view),
        }
    }

    fn iterate(&mut self, max: u8) {
        let Some(rx) = &mut self.pair.rx else { return };
        let expected = self.model.len().min(max.into());
        let mut seen = 0;
        for item in rx.try_iter().take(max.into()) {
            self.model.pop(item.unwrap().as_bytes());
            seen += 1;
        }
        assert_eq!(seen, expected);
    }
}

/// `values` for places that hold none yet.
fn uninit<T: Copy>(values: &[T]) -> Vec<MaybeUninit<T>> {
    values.iter().copied().map(MaybeUninit::new).collect()
}
