//! Attaching to what somebody else made: a header of which fields may be damaged, records that the outsider laid, and
//! words that may hold anything. The library opens and attaches exactly where LAYOUT.md lets it, reads what is whole, and
//! ends every call with an answer of the documented kinds.
//!
//! Owns: what an input says of a region, and the refusals. Knows nothing of: what calls of two ends answer each other.
#![no_main]

// The calls that the library's tests make.
#[allow(dead_code, unused_imports)]
#[path = "../../crates/shm-ring/tests/it/forms/mod.rs"]
mod forms;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use shm_ring::{Error, Options, PopError, PushError, Wait};
use shm_ring_fuzz::DATA_BYTES;
use shm_ring_fuzz::choice::{Limit, Side, Start, message, rarely};
use shm_ring_fuzz::damage::{Damage, affordable, check_refusal};
use shm_ring_fuzz::memory::{Memory, memory};
use shm_ring_outsider::{
    Head, Header, Region, Tail, Word, Writable, lay, publish, start_at, wild_positions,
    wild_record_headers,
};

use self::forms::{AnyRing, Kind, Put, Rx, RxOf, Take, TxOf};

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
        Carried::Words => play::<u64>(&input, header(8, 8)),
        Carried::Odd => play::<[u8; 3]>(&input, header(3, 1)),
        Carried::Messages => play::<[u8]>(&input, messages(1)),
        Carried::AlignedMessages => play::<[u8]>(&input, messages(64)),
    }
});

fn push<K: Kind + ?Sized>(tx: &mut TxOf<K>, number: u8, form: Put) -> Result<(), PushError> {
    let len = K::LEN.unwrap_or(usize::from(number) * 4);
    K::push(tx, form, &message(len, number.into()))
}

fn play<K: Kind + ?Sized>(input: &Input, wanted: Header) {
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
    let opened = K::Ring::open_with(memory.region(), &options);
    let ring = match (opened, header.opens(&agreed, memory.size())) {
        (Ok(ring), Ok(())) => ring,
        (Err(error), Err(_)) => return check_refusal(&error),
        (opened, should) => panic!("{:?}, and it should be {should:?}", opened.err()),
    };
    // The consumer first: a producer writes nothing that decides about it.
    let head = Head::attach(memory, &header).is_some();
    let mut rx = attached(ring.consumer(), head);
    let tail = Tail::attach(memory, &header).is_some();
    let mut tx = attached(ring.producer(), tail);
    let places = |header: &Header| (header.capacity, header.limit, header.item_align);
    let untouched = input.words.is_empty() && places(&header) == places(&wanted);
    if let (Some(rx), true) = (&mut rx, untouched) {
        // What the outsider laid is all there, and whole.
        for record in laid {
            assert_eq!(
                K::pop(rx, Take::Try, 0).as_ref(),
                Ok(&record),
                "another record than was laid"
            );
        }
        assert_eq!(K::pop(rx, Take::Try, 0), Err(PopError::Empty));
    }
    for call in input.calls.iter().take(32) {
        run::<K>(call, tx.as_mut(), rx.as_mut(), &header, memory);
    }
}

fn attached<E>(attached: Result<E, Error>, should: bool) -> Option<E> {
    match attached {
        Ok(end) if should => Some(end),
        Err(Error::Corrupt { .. }) if !should => None,
        answer => panic!("{:?}, and it should attach: {should}", answer.err()),
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

fn run<K: Kind + ?Sized>(
    call: &Call,
    tx: Option<&mut TxOf<K>>,
    rx: Option<&mut RxOf<K>>,
    header: &Header,
    memory: &Memory,
) {
    match (call, tx, rx) {
        (&Call::Push(number), Some(tx), _) => {
            let pushed = push::<K>(tx, number, Put::Try);
            let may_be = matches!(
                pushed,
                Ok(()) | Err(PushError::Full | PushError::Corrupt | PushError::TooLarge { .. })
            );
            assert!(may_be, "{pushed:?}");
        }
        (&Call::PushTimeout(number), Some(tx), _) => {
            assert_ne!(push::<K>(tx, number, Put::Timeout), Err(PushError::Full));
        }
        (Call::Pop, _, Some(rx)) => {
            let popped = K::pop(rx, Take::Try, 0);
            assert!(matches!(popped, Ok(_) | Err(PopError::Empty | PopError::Corrupt)));
        }
        (Call::PopTimeout, _, Some(rx)) => {
            let popped = K::pop(rx, Take::Timeout, 0);
            assert_ne!(popped, Err(PopError::Empty));
            if popped == Err(PopError::Corrupt) {
                assert_eq!(K::pop(rx, Take::Try, 0), Err(PopError::Corrupt), "corruption is final");
            }
        }
        (Call::Questions, Some(tx), Some(rx)) => {
            let most = header.limit as usize / K::LEN.unwrap_or(1);
            assert!(K::room(tx) <= most && K::ready(rx) <= most);
            rx.set_threshold(None);
        }
        (Call::Scribble(wild), ..) => scribble(wild, header, memory),
        _ => {}
    }
}
