//! Messages against a queue: as `values`, with any lengths, parts, buffers and byte streams.
#![no_main]

mod pop;
mod push;
mod stream;

use std::fmt::Debug;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use shm_ring::Item;
use shm_ring_fuzz::bytes::PAGE;
use shm_ring_fuzz::choice::{How, Place, Start, Then, elements};
use shm_ring_fuzz::model::Model;
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
    Bytes,
    Words,
    Odd,
    Aligned,
}

/// More alignment than a commit word.
#[derive(Clone, Copy, Debug, PartialEq, FromBytes, IntoBytes, Immutable)]
#[repr(C, align(32))]
struct Aligned([u8; 96]);

/// A length in elements.
#[derive(Arbitrary, Clone, Copy, Debug)]
enum Len {
    Few(u8),
    Any(u16),
    /// About as many as fit now.
    Room(i8),
    /// About as many as ever fit.
    Most(i8),
}

#[derive(Arbitrary, Debug)]
enum Call {
    Push { how: How, len: Len },
    Vectored { how: How, len: Len, cuts: [u16; 2] },
    Reserve { how: How, len: Len, place: Place, commit: Option<Len>, then: Then },
    TooLarge { how: How, len: u64 },
    PushBatch { how: How, lens: Vec<Len> },
    Write { lens: [Len; 2], vectored: bool },
    Pop { how: How },
    PopInto { how: How, before: u8 },
    PopTo { how: How, buffer: Len },
    Peek { how: How, place: Place, then: Then },
    PopBatch { how: How, place: Place, max: u8 },
    Iterate { max: u8 },
    Read { len: u8 },
    Change(Change),
}

fuzz_target!(|input: Input| {
    match input.kind {
        Kind::Bytes => Messages::<u8>::play(&input, Messages::stream),
        Kind::Words => Messages::<u32>::play(&input, |_, _| {}),
        Kind::Odd => Messages::<[u8; 3]>::play(&input, |_, _| {}),
        Kind::Aligned => Messages::<Aligned>::play(&input, |_, _| {}),
    }
});

struct Messages<T: Item> {
    pair: Pair<[T]>,
    model: Model,
    made: u64,
    /// Elements of the longest message.
    most: usize,
}

impl<T: Item + Copy + Debug + PartialEq> Messages<T> {
    /// `stream` makes the calls that only bytes have.
    fn play(input: &Input, stream: fn(&mut Self, &Call)) {
        let (pair, model) = Pair::new(align_of::<T>(), input.start);
        let most = model.longest() as usize / size_of::<T>();
        let mut messages = Self { pair, model, made: 0, most };
        for call in input.calls.iter().take(CALLS) {
            messages.call(call);
            stream(&mut messages, call);
            messages.check();
        }
    }

    fn call(&mut self, call: &Call) {
        match *call {
            Call::Push { how, len } => self.push(how, len),
            Call::Vectored { how, len, cuts } => self.push_vectored(how, len, cuts),
            Call::Reserve { how, len, place, commit, then } => {
                self.reserve(how, len, place, commit, then)
            }
            Call::TooLarge { how, len } => self.reserve_too_much(how, len),
            Call::PushBatch { how, ref lens } => self.push_batch(how, lens),
            Call::Pop { how } => self.pop(how),
            Call::PopInto { how, before } => self.pop_into(how, before),
            Call::PopTo { how, buffer } => self.pop_to(how, buffer),
            Call::Peek { how, place, then } => self.peek(how, place, then),
            Call::PopBatch { how, place, max } => self.pop_batch(how, place, max),
            Call::Iterate { max } => self.iterate(max),
            Call::Change(change) => self.pair.change(change, &self.model),
            Call::Write { .. } | Call::Read { .. } => {}
        }
    }

    fn check(&mut self) {
        self.model.check(&self.pair.bytes);
        if let Some(tx) = &self.pair.tx {
            assert_eq!(tx.max_len(), self.most);
        }
        if let Some(rx) = &self.pair.rx {
            assert_eq!(rx.max_len(), self.most);
            assert_eq!(rx.ready_bytes_at_least(), self.model.ready());
        }
    }

    /// The length that is meant, within what a test can afford.
    fn len(&self, len: Len) -> usize {
        let about = |len: usize, more: i8| len.saturating_add_signed(more.into());
        let len = match len {
            Len::Few(len) => len.into(),
            Len::Any(len) => usize::from(len) % (self.most + 2),
            Len::Room(more) => {
                about(self.model.longest_now().unwrap_or(0) as usize / size_of::<T>(), more)
            }
            Len::Most(more) => about(self.most, more),
        };
        len.min(2 * PAGE as usize / size_of::<T>())
    }

    fn message(&mut self, len: usize) -> Vec<T> {
        self.made += 1;
        elements(len, self.made)
    }

    /// Whether a message of `len` elements fits now.
    fn fits(&self, len: usize) -> bool {
        len <= self.most && self.model.fits(len * size_of::<T>())
    }
}
