//! Streams between two processes by all forms at once: messages of random lengths and values, one at a
//! time, in place, in batches, under thresholds, with sides that dawdle and wait in every way. What is
//! read is what was pushed, whole and in order.

use std::time::{Duration, Instant};

use shm_ring::{MessageConsumer, MessageProducer, Options, PopError, PushError, Threshold, Wait};
use shm_ring_outsider::{NEVER, WAKE_AT, consumer, producer};
use zerocopy::IntoBytes;

use crate::forms::{Aligned, AnyRing, Kind, Room, Rx, RxOf, Take, TxOf, peek_one};
use crate::harness::{Child, Home, LIMIT, Name};
use crate::items::{A4096, Random, text};

use crate::bytes::Bytes;

/// How long a producer goes on.
const LAST: Duration = Duration::from_millis(600);
/// Fewer records show nothing, however long they take.
const LEAST: u64 = 200;
const WAITS: [Wait; 4] = [
    Wait::SPIN,
    Wait::BALANCED,
    Wait::PARK,
    Wait { spins: 3, yields: 16, park: false, ..Wait::SPIN },
];

/// The `n`th record of a stream. Both sides know it, so its length need not cross.
fn payload<K: Kind + ?Sized>(n: u64, capacity: usize) -> Vec<u8> {
    let mut random = Random::new(!n);
    let longest = capacity - 2 * K::UNIT;
    let len = match random.below(40) {
        0 => random.below(longest as u64 + 1) as usize,
        1..4 => random.below(longest as u64 / 4 + 1) as usize,
        _ => random.below(100) as usize,
    };
    text(n, K::LEN.unwrap_or(len.min(longest)))
}

/// Now and then a side dawdles, so that the ring runs full and dry and the other falls asleep.
fn dawdle(random: &mut Random) {
    match random.below(500) {
        0 => std::thread::sleep(Duration::from_micros(random.below(3000))),
        1..4 => std::thread::yield_now(),
        _ => {}
    }
}

fn produce<K: Kind + ?Sized>(tx: &mut TxOf<K>, capacity: usize, seed: u64) -> u64 {
    let (start, mut random) = (Instant::now(), Random::new(seed));
    let mut n = 0;
    while start.elapsed() < LAST || n < LEAST {
        dawdle(&mut random);
        let batch: Vec<_> =
            (n..n + 1 + random.below(20)).map(|n| payload::<K>(n, capacity)).collect();
        let told = match random.below(8) {
            0 => K::push_batch(tx, &batch).map_err(|told| told.error),
            1 => K::try_push_batch(tx, &batch),
            2 => K::reserve(tx, 0, Room::Drop, &batch[0], n as usize).map(|_| 0),
            _ => K::push(tx, random.one_of(K::PUSHES), &batch[0]).map(|()| 1),
        };
        match told {
            Ok(pushed) => n += pushed as u64,
            Err(PushError::Full | PushError::TimedOut) => std::thread::yield_now(),
            Err(error) => panic!("seed {seed}, record {n}: {error}"),
        }
    }
    n
}

fn consume<K: Kind + ?Sized>(rx: &mut RxOf<K>, capacity: usize, seed: u64) -> u64 {
    let mut random = Random::new(!seed);
    let mut n = 0;
    loop {
        dawdle(&mut random);
        if random.below(200) == 0 {
            let within = Duration::from_micros(random.below(3000));
            let threshold = Threshold::bytes(random.below(2 * capacity as u64) as usize, within);
            rx.set_threshold((random.below(3) > 0).then_some(threshold));
        }
        let expected = payload::<K>(n, capacity);
        let (way, form) = (random.below(3) as usize, random.next() as usize);
        let told = match random.below(8) {
            0 => K::pop_batch(rx, way, 1 + form % 30, |bytes| {
                assert!(bytes == payload::<K>(n, capacity), "seed {seed}, record {n} of a batch");
                n += 1;
            })
            .map(|_| None),
            1 => {
                let (max, release) = (1 + form % 5, form / 5 % 7);
                K::peek(rx, way, form, max, |_| release).map(|seen| {
                    for (at, bytes) in (n..).zip(&seen) {
                        assert!(
                            *bytes == payload::<K>(at, capacity),
                            "seed {seed}, record {at} seen"
                        );
                    }
                    n += release.min(seen.len()) as u64;
                    None
                })
            }
            2 => peek_one::<K>(rx, way, form, true).map(Some),
            _ => {
                let room = expected.len() + form % 7;
                match K::pop(rx, random.one_of(K::POPS), room.saturating_sub(form % 2)) {
                    // It is still there for the next turn.
                    Err(PopError::TooSmall { needed, .. }) => {
                        assert_eq!(needed, expected.len());
                        K::pop(rx, Take::Try, 0).map(Some)
                    }
                    popped => popped.map(Some),
                }
            }
        };
        match told {
            Ok(None) => {}
            Ok(Some(bytes)) => {
                assert!(bytes == expected, "seed {seed}, record {n}");
                n += 1;
            }
            Err(PopError::Empty | PopError::TimedOut) => std::thread::yield_now(),
            Err(PopError::Closed) => return n,
            Err(error) => panic!("seed {seed}, record {n}: {error}"),
        }
    }
}

/// Words of a message that leaves no room for another of its size.
const WHOLE: usize = 511;

/// Job: looks all the time, and takes each message the moment it can be seen. An empty one is the end.
pub(crate) fn look_all_the_time(mut home: Home) {
    let mut rx = MessageConsumer::open(home.argument(0)).unwrap();
    home.say("attached");
    let (mut place, mut n, mut looks) = ([0_u64; WHOLE], 0, 0_u32);
    loop {
        match rx.try_pop_to(place.as_mut_bytes()) {
            Ok(0) => break,
            Ok(len) => {
                assert!(len == 8 * WHOLE && place == [n; WHOLE], "message {n} was not whole");
                (n, looks) = (n + 1, 0);
            }
            Err(PopError::Empty) => {
                looks += 1;
                if looks % 1024 == 0 {
                    // The other side may be waiting for this processor.
                    std::thread::yield_now();
                }
            }
            Err(error) => panic!("{error}"),
        }
    }
    home.say(&n.to_string());
}

#[test]
fn a_message_is_whole_the_moment_it_can_be_seen() {
    let name = Name::new("whole");
    let mut tx = MessageProducer::create(name.as_str(), &Options::new().bytes(4096)).unwrap();
    assert_eq!(tx.max_len(), 8 * WHOLE);
    let mut child = Child::spawn("look-all-the-time", &[name.as_str()]);
    child.expect("attached");
    let (start, mut n) = (Instant::now(), 0_u64);
    let mut looks = 0_u32;
    while start.elapsed() < LAST || n < LEAST {
        match tx.try_push([n; WHOLE].as_bytes()) {
            Ok(()) => n += 1,
            Err(error) => assert_eq!(error, PushError::Full),
        }
        looks += 1;
        if looks % 1024 == 0 {
            std::thread::yield_now();
        }
    }
    tx.push_timeout(&[], LIMIT).unwrap();
    child.expect(&n.to_string());
    child.finish();
}

/// Calls `$run::<K>($arguments)` for the kind of that name.
macro_rules! with_kind {
    ($kind:expr, $run:ident $arguments:tt) => {
        match $kind {
            "bytes" => $run::<[u8]> $arguments,
            "odd" => $run::<[u8; 13]> $arguments,
            "wide" => $run::<Aligned<64>> $arguments,
            "numbers" => $run::<u64> $arguments,
            "pages" => $run::<A4096> $arguments,
            kind => panic!("no kind is called {kind}"),
        }
    };
}

/// The job of the child: the side that its parent does not take. It says how many records it was.
pub(crate) fn other_side(mut home: Home) {
    fn run<K: Kind + ?Sized>(home: &Home) -> u64 {
        let wait = WAITS[home.number(3) as usize];
        let ring = K::Ring::open_with(home.argument(0), &Options::new().wait(wait)).unwrap();
        let (capacity, seed) = (ring.limit_bytes(), home.number(3));
        match home.argument(2) {
            "producer" => produce::<K>(&mut ring.producer().unwrap(), capacity, seed),
            _ => consume::<K>(&mut ring.consumer().unwrap(), capacity, seed),
        }
    }
    let count = with_kind!(home.argument(1), run(&home));
    home.say(&count.to_string());
}

fn both_sides(kind: &str, capacity: usize, turn: usize) {
    fn run<K: Kind + ?Sized>(kind: &str, capacity: usize, turn: usize) {
        let name = Name::new(&format!("messages-{kind}"));
        let options = Options::new().bytes(capacity).wait(WAITS[turn % 4]);
        let ring = K::create(name.as_str(), &options).unwrap();
        let theirs = (turn / 2 % 4).to_string();
        let child = |side| Child::spawn("messages", &[name.as_str(), kind, side, &theirs]);
        let (seed, capacity) = (turn as u64, ring.limit_bytes());
        let (ours, mut other);
        if turn % 2 == 0 {
            other = child("consumer");
            ours = produce::<K>(&mut ring.producer().unwrap(), capacity, seed);
        } else {
            let mut rx = ring.consumer().unwrap();
            other = child("producer");
            ours = consume::<K>(&mut rx, capacity, seed);
        }
        other.expect(&ours.to_string());
        other.finish();
        let bytes = Bytes::of(ring.descriptor());
        for page in [producer(), consumer()] {
            assert_eq!(bytes.get(page + WAKE_AT), NEVER, "somebody sleeps");
        }
    }
    with_kind!(kind, run(kind, capacity, turn));
}

#[test]
fn bytes_of_any_length_by_all_forms_at_once() {
    for turn in [0, 1, 6, 3] {
        both_sides("bytes", 4096, turn);
    }
}

#[test]
fn aligned_messages_and_values_by_all_forms_at_once() {
    both_sides("odd", 1300, 2);
    both_sides("wide", 16 * 1024, 5);
    both_sides("numbers", 24, 4);
    both_sides("numbers", 4096, 7);
    both_sides("pages", 256 * 1024, 3);
}
