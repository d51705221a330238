//! Attaching to what somebody else made: a header of which fields may be damaged, records that the outsider laid, and
//! words that may hold anything. The library opens and attaches exactly where LAYOUT.md lets it, reads what is whole, and
//! ends every call with an answer of the documented kinds.
//!
//! Owns: what an input says of a region, and the refusals. Knows nothing of: what calls of two ends answer each other.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use shm_ring::{
    Consumer, Error, MessageConsumer, MessageProducer, Options, PopError, Producer, PushError, Wait,
};
use shm_ring_fuzz::DATA_BYTES;
use shm_ring_fuzz::choice::{Limit, NO_TIME, Side, Start, message, rarely, value};
use shm_ring_fuzz::damage::{Damage, affordable, check_refusal};
use shm_ring_fuzz::kind::{End, Kind, Messages, Reads, Values};
use shm_ring_fuzz::memory::{Memory, memory};
use shm_ring_outsider::{
    Head, Header, Region, Tail, Word, Writable, lay, publish, start_at, wild_positions,
    wild_record_headers,
};

#[derive(Arbitrary, Debug)]
struct Input {
    kind: Carried,
    limit: Limit,
    start: Start,
    /// Records that stand in the ring, of about so many bytes, the last of them in the front or not.
    records: Vec<u16>,
    front: bool,
    damage: Option<[Damage; 2]>,
    /// How long the region is, if not as long as its header says.
    len: Option<u16>,
    words: Vec<Wild>,
    /// Whether a call that waits for no time sleeps.
    #[arbitrary(with = rarely)]
    parks: bool,
    calls: Vec<Call>,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Carried {
    Words,
    Odd,
    Messages,
    AlignedMessages,
}

/// A word that is not what it should be.
#[derive(Arbitrary, Clone, Debug)]
enum Wild {
    Position { side: Side, number: u8 },
    Word { side: Side, word: u8, number: u8 },
    Any { side: Side, word: u8, value: u64 },
    Record { number: u8 },
    Bytes { at: u16, bytes: [u8; 9] },
}

#[derive(Arbitrary, Clone, Debug)]
enum Call {
    Push(u8),
    PushTimeout(u8),
    Pop,
    PopTimeout,
    Questions,
    /// Somebody writes into the region while it is in use.
    Scribble(Wild),
}

fuzz_target!(|input: Input| {
    let header = |size, align| {
        let items = input.limit.of(DATA_BYTES / size);
        Header::values(size, align, items)
    };
    let messages = |align: u64| {
        let limit = align.max(8) - 1 + input.limit.of(DATA_BYTES - align.max(8) + 1);
        Header::messages(align, limit)
    };
    match input.kind {
        Carried::Words => play::<Values<u64>>(&input, header(8, 8)),
        Carried::Odd => play::<Values<[u8; 3]>>(&input, header(3, 1)),
        Carried::Messages => play::<Messages>(&input, messages(1)),
        Carried::AlignedMessages => play::<Messages>(&input, messages(64)),
    }
});

/// The calls that are made, of one kind or the other.
trait Calls: Kind {
    fn push(tx: &mut Self::Tx, number: u8, timed: bool) -> Result<(), PushError>;
    fn pop(rx: &mut Self::Rx, timed: bool) -> Result<Vec<u8>, PopError>;
    fn questions(tx: &mut Self::Tx, rx: &Self::Rx, limit: u64);
}

macro_rules! calls {
    ($item:ty) => {
        impl Calls for Values<$item> {
            fn push(tx: &mut Producer<$item>, number: u8, timed: bool) -> Result<(), PushError> {
                let item = value(number.into());
                if timed { tx.push_timeout(item, NO_TIME) } else { tx.try_push(item) }
            }

            fn pop(rx: &mut Consumer<$item>, timed: bool) -> Result<Vec<u8>, PopError> {
                let popped = if timed { rx.pop_timeout(NO_TIME) } else { rx.try_pop() };
                popped.map(|item| zerocopy::IntoBytes::as_bytes(&item).to_vec())
            }

            fn questions(tx: &mut Producer<$item>, rx: &Consumer<$item>, limit: u64) {
                let capacity = limit as usize / size_of::<$item>();
                assert_eq!((tx.capacity(), rx.capacity()), (capacity, capacity));
                assert!(tx.room_at_least() <= capacity && rx.len() <= capacity);
            }
        }
    };
}

calls!(u64);
calls!([u8; 3]);

impl Calls for Messages {
    fn push(tx: &mut MessageProducer, number: u8, timed: bool) -> Result<(), PushError> {
        let message = message(usize::from(number) * 4, number.into());
        if timed { tx.push_timeout(&message, NO_TIME) } else { tx.try_push(&message) }
    }

    fn pop(rx: &mut MessageConsumer, timed: bool) -> Result<Vec<u8>, PopError> {
        if timed { rx.pop_timeout(NO_TIME) } else { rx.try_pop() }
    }

    fn questions(tx: &mut MessageProducer, rx: &MessageConsumer, limit: u64) {
        // The longest message fills the ring.
        assert_eq!(tx.max_len(), rx.max_len());
        assert!((tx.max_len() as u64) < limit);
        assert!(tx.room_at_least() as u64 <= limit && rx.len_bytes() as u64 <= limit);
    }
}

fn play<K: Calls>(input: &Input, wanted: Header) {
    let memory = memory();
    let (header, laid) = region(input, &wanted, memory);
    let options = Options::new().align(wanted.item_align as usize);
    let options = options.death_notice(false).wait(Wait { park: input.parks, ..Wait::PARK });
    let agreed = Header {
        // A side that opens messages takes an alignment that is more than it asked for.
        item_align: match wanted.record_kind {
            2 => wanted.item_align.max(header.item_align),
            _ => wanted.item_align,
        },
        ..wanted
    };
    let ring = match (K::open(memory.region(), &options), header.opens(&agreed, memory.size())) {
        (Ok(ring), Ok(())) => ring,
        (Err(error), Err(_)) => return check_refusal(&error),
        (opened, should) => panic!("{opened:?}, and it should be {should:?}"),
    };
    // The consumer first: a producer writes nothing that decides about it.
    let head = Head::attach(memory, &header).is_some();
    let mut rx = attached(K::consumer(&ring), head);
    let tail = Tail::attach(memory, &header).is_some();
    let mut tx = attached(K::producer(&ring), tail);
    let places = |header: &Header| (header.capacity, header.limit, header.item_align);
    let untouched = input.words.is_empty() && places(&header) == places(&wanted);
    if let (Some(rx), true) = (&mut rx, untouched) {
        // What the outsider laid is all there, and whole.
        for record in laid {
            assert_eq!(K::pop(rx, false).as_ref(), Ok(&record), "another record than was laid");
        }
        assert_eq!(K::pop(rx, false), Err(PopError::Empty));
    }
    for call in input.calls.iter().take(32) {
        run::<K>(call, tx.as_mut(), rx.as_mut(), &header, memory);
    }
}

fn attached<E: End>(attached: Result<E, Error>, should: bool) -> Option<E> {
    match attached {
        Ok(end) if should => Some(end),
        Err(Error::Corrupt { .. }) if !should => None,
        answer => panic!("{answer:?}, and it should attach: {should}"),
    }
}

/// The region that the input says, its header, and the records in it.
fn region(input: &Input, wanted: &Header, memory: &Memory) -> (Header, Vec<Vec<u8>>) {
    memory.create(wanted);
    let start = input.start.position(wanted.unit());
    start_at(memory, wanted, start);
    let (mut tail, mut newest, mut laid) = (start, None, Vec::new());
    for &len in input.records.iter().take(8) {
        let room = wanted.limit - (tail - start);
        let Some(longest) = wanted.longest_in(room) else { break };
        let len = if wanted.record_kind == 1 { longest } else { u64::from(len) % (longest + 1) };
        let payload = message(len as usize, tail);
        newest = Some(tail);
        tail = lay(memory, wanted, tail, &payload);
        laid.push(payload);
    }
    if let (Some(at), Some(payload)) = (newest, laid.last()) {
        let front = input.front && wanted.front_of(at, payload).is_some();
        publish(memory, wanted, tail, front.then_some((at, payload)));
    }
    for wild in input.words.iter().take(4) {
        scribble(wild, wanted, memory);
    }
    let mut header = wanted.to_bytes();
    for damage in input.damage.iter().flatten() {
        damage.inflict(&mut header);
    }
    let parsed = Header::parse(&header);
    memory.write(0, &header);
    let len = input.len.map_or(affordable(&parsed), u64::from);
    if len != memory.size() {
        let mut image = memory.all();
        image.resize(len as usize, 0);
        memory.hold(&image);
    }
    (if len < 256 { *wanted } else { parsed }, laid)
}

fn scribble(wild: &Wild, header: &Header, memory: &Memory) {
    let page = |side: Side| shm_ring_outsider::Side::from(side).page(header.page.into());
    let near = |side| memory.word(page(side)) & !(1 << 63);
    let put = |side: Side, word: u8, value: u64| {
        let word = Word::ALL[usize::from(word) % Word::ALL.len()];
        let bytes = word.bytes().min(8) as usize;
        memory.scribble(page(side) + word.offset(), &value.to_le_bytes()[..bytes]);
    };
    let positions = |side: Side, number: u8| {
        let positions = wild_positions(header, near(side.other()));
        positions[usize::from(number) % positions.len()]
    };
    match *wild {
        Wild::Position { side, number } => put(side, 0, positions(side, number)),
        Wild::Word { side, word, number } => put(side, word, positions(side, number)),
        Wild::Any { side, word, value } => put(side, word, value),
        Wild::Record { number } => {
            let head = near(Side::Consumer);
            let words = wild_record_headers(header, head);
            let word = words[usize::from(number) % words.len()];
            memory.scribble(header.at(head), &word.to_le_bytes());
        }
        Wild::Bytes { at, ref bytes } => {
            memory.scribble(u64::from(at) % memory.size(), bytes);
        }
    }
}

fn run<K: Calls>(
    call: &Call,
    tx: Option<&mut K::Tx>,
    rx: Option<&mut K::Rx>,
    header: &Header,
    memory: &Memory,
) {
    match (call, tx, rx) {
        (&Call::Push(number), Some(tx), _) => {
            let pushed = K::push(tx, number, false);
            let may_be = matches!(
                pushed,
                Ok(()) | Err(PushError::Full | PushError::Corrupt | PushError::TooLarge { .. })
            );
            assert!(may_be, "{pushed:?}");
        }
        (&Call::PushTimeout(number), Some(tx), _) => {
            assert_ne!(K::push(tx, number, true), Err(PushError::Full));
        }
        (Call::Pop, _, Some(rx)) => {
            let popped = K::pop(rx, false);
            assert!(matches!(popped, Ok(_) | Err(PopError::Empty | PopError::Corrupt)));
        }
        (Call::PopTimeout, _, Some(rx)) => {
            let popped = K::pop(rx, true);
            assert_ne!(popped, Err(PopError::Empty));
            if popped == Err(PopError::Corrupt) {
                assert_eq!(K::pop(rx, false), Err(PopError::Corrupt), "corruption is final");
            }
        }
        (Call::Questions, Some(tx), Some(rx)) => {
            K::questions(tx, rx, header.limit);
            rx.set_threshold(None);
            let _ = (tx.peer(), rx.peer());
        }
        (Call::Scribble(wild), ..) => scribble(wild, header, memory),
        _ => {}
    }
}
