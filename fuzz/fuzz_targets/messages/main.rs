//! Messages against a queue: as `values`, with any lengths, parts, buffers and byte streams.
//!
//! Owns: what an input says. Knows nothing of: the wire format.
#![no_main]

mod pop;
mod push;
mod stream;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use shm_ring_fuzz::DATA_BYTES;
use shm_ring_fuzz::choice::{How, Limit, Place, Start, Then, message};
use shm_ring_fuzz::kind;
use shm_ring_fuzz::model::Model;
use shm_ring_fuzz::pair::{Change, Pair};
use shm_ring_outsider::Header;

/// The longest input that is looked at.
const CALLS: usize = 40;

#[derive(Arbitrary, Debug)]
struct Input {
    align: Align,
    limit: Limit,
    start: Start,
    calls: Vec<Call>,
}

/// What payloads are aligned to.
#[derive(Arbitrary, Clone, Copy, Debug)]
enum Align {
    Byte,
    Word,
    Two,
    Line,
    Long,
}

/// A length in bytes.
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
    Peek { how: How, max: u8, place: Place, release: u8, then: Then },
    PopBatch { how: How, place: Place, max: u8 },
    Iterate { max: u8 },
    Read { len: u8 },
    Change(Change),
}

fuzz_target!(|input: Input| Messages::play(&input));

struct Messages {
    pair: Pair<kind::Messages>,
    model: Model,
    made: u64,
    /// Bytes of the longest message.
    most: usize,
}

impl Messages {
    fn play(input: &Input) {
        let align: u64 = match input.align {
            Align::Byte => 1,
            Align::Word => 8,
            Align::Two => 16,
            Align::Line => 64,
            Align::Long => 512,
        };
        let least = align.max(8);
        // Any number of bytes, from those of an empty message on.
        let limit = least - 1 + input.limit.of(DATA_BYTES - least + 1);
        let header = Header::messages(align, limit);
        let (pair, model) = Pair::new(&header, input.start);
        let mut messages = Self { pair, model, made: 0, most: header.longest() as usize };
        for call in input.calls.iter().take(CALLS) {
            messages.call(call);
            messages.check();
        }
        // It looks at every byte, which takes as long as the calls did.
        if input.calls.len() % 8 == 0 {
            messages.model.judge(messages.pair.memory);
        }
    }

    fn call(&mut self, call: &Call) {
        match *call {
            Call::Push { how, len } => self.push(how, len),
            Call::Vectored { how, len, cuts } => self.push_vectored(how, len, cuts),
            Call::Reserve { how, len, place, commit, then } => {
                self.reserve(how, len, place, commit, then);
            }
            Call::TooLarge { how, len } => self.reserve_too_much(how, len),
            Call::PushBatch { how, ref lens } => self.push_batch(how, lens),
            Call::Write { lens, vectored } => self.write(lens, vectored),
            Call::Pop { how } => self.pop(how),
            Call::PopInto { how, before } => self.pop_into(how, before),
            Call::PopTo { how, buffer } => self.pop_to(how, buffer),
            Call::Peek { how, max, place, release, then } => {
                self.peek(how, max, place, release, then);
            }
            Call::PopBatch { how, place, max } => self.pop_batch(how, place, max),
            Call::Iterate { max } => self.iterate(max),
            Call::Read { len } => self.read(len.into()),
            Call::Change(change) => self.pair.change(change, &self.model),
        }
    }

    fn check(&mut self) {
        self.model.check(self.pair.memory);
        if let Some(tx) = &mut self.pair.tx {
            assert_eq!(tx.max_len(), self.most);
            assert_eq!(tx.room_at_least() as u64, self.model.room());
        }
        if let Some(rx) = &self.pair.rx {
            assert_eq!(rx.max_len(), self.most);
            assert_eq!(rx.len_bytes() as u64, self.model.ready());
        }
    }

    /// The length that is meant, within what a test can afford.
    fn len(&self, len: Len) -> usize {
        let about = |len: usize, more: i8| len.saturating_add_signed(more.into());
        let len = match len {
            Len::Few(len) => len.into(),
            Len::Any(len) => usize::from(len) % (self.most + 2),
            Len::Room(more) => about(self.model.longest_now().unwrap_or(0) as usize, more),
            Len::Most(more) => about(self.most, more),
        };
        len.min(2 * DATA_BYTES as usize)
    }

    fn message(&mut self, len: usize) -> Vec<u8> {
        self.made += 1;
        message(len, self.made)
    }

    /// Whether a message of `len` bytes fits now.
    fn fits(&self, len: usize) -> bool {
        self.model.fits(len)
    }
}
