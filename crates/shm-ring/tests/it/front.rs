//! The front, the copy of the newest record beside the tail: taken in a conversation, not taken after a run or where
//! several records are new, discarded when it was torn. Whether the data or the front was read shows where a stranger
//! scribbles over one of them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use shm_ring::{Item, MessageRing, Options, PopError, Region, Ring, Wait};
use shm_ring_outsider::{
    self as outsider, HINT, Mapping, POSITION, Writable, consumer, data, pack, producer, unpack,
};

use crate::bytes::Bytes;
use crate::forms::{Aligned, AnyRing, Kind, Put, Room, Take};
use crate::harness::{Ends, LIMIT, within};
use crate::items::{Random, text};

const CAPACITY: usize = 4096;

fn ring<K: Kind + ?Sized>() -> (K::Ring, Bytes) {
    crate::harness::watch();
    let options = Options::new().bytes(CAPACITY).wait(Wait::PARK);
    let ring = K::create(Region::memfd("front"), &options).unwrap();
    let bytes = Bytes::of(ring.descriptor());
    (ring, bytes)
}

/// Whether the front may be used, by the bit of the tail word.
fn is_usable(bytes: &Bytes) -> bool {
    unpack(bytes.get(producer() + POSITION)).1
}

fn scribble_over_data(bytes: &Bytes) {
    bytes.write(data(), &[0xee; CAPACITY]);
}

fn scribble_over_front(bytes: &Bytes) {
    bytes.write(producer() + POSITION + 8, &[0xee; 56]);
}

/// The forms that publish many, and do not use the front for one.
const BATCHES: [Put; 6] =
    [Put::TryBatch, Put::Batch, Put::TrySlice, Put::Slice, Put::TryAll, Put::All];

fn conversation<K: Kind + ?Sized>(len: usize) {
    let (ring, bytes) = ring::<K>();
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    let singles = K::PUSHES.iter().filter(|put| !BATCHES.contains(put));
    let takes = [Take::Try, Take::Wait, Take::Timeout, Take::Iterate];
    for (n, put) in singles.cycle().take(60).enumerate() {
        let (take, sent) = (takes[n % takes.len()], text(n as u64, len));
        // A record was looked for and there was none, as in a conversation.
        assert_eq!(K::pop(&mut rx, Take::Try, 0), Err(PopError::Empty));
        K::push(&mut tx, *put, &sent).unwrap();
        assert!(is_usable(&bytes), "{put:?} of {len} wants the front");
        scribble_over_data(&bytes);
        assert_eq!(K::pop(&mut rx, take, 0).as_ref(), Ok(&sent), "{take:?} after {put:?}");
    }
}

#[test]
fn in_a_conversation_the_record_comes_from_the_front() {
    conversation::<u8>(1);
    conversation::<[u8; 3]>(3);
    conversation::<[u8; 5]>(5);
    conversation::<u64>(8);
    conversation::<[u8; 12]>(12);
    conversation::<[u64; 3]>(24);
    conversation::<[u8; 55]>(55);
    conversation::<[u64; 7]>(56);
    for len in (0..=48).step_by(3) {
        conversation::<[u8]>(len);
    }
    conversation::<Aligned<64>>(0);
    conversation::<Aligned<64>>(48);
}

#[test]
fn what_is_too_long_for_the_front_comes_from_the_data() {
    fn too_long<K: Kind + ?Sized>(len: usize) {
        let (ring, bytes) = ring::<K>();
        let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
        for (n, put) in K::PUSHES.iter().enumerate() {
            let sent = text(n as u64, len);
            K::push(&mut tx, *put, &sent).unwrap();
            assert!(!is_usable(&bytes), "{put:?} of {len}");
            scribble_over_front(&bytes);
            assert_eq!(K::pop(&mut rx, Take::Try, 0), Ok(sent));
        }
    }
    too_long::<[u8; 57]>(57);
    too_long::<[u64; 8]>(64);
    too_long::<[u8]>(49);
    too_long::<Aligned<64>>(49);
}

#[test]
fn after_a_run_the_front_is_not_wanted_and_after_a_single_record_it_is() {
    fn runs<K: Kind + ?Sized>(len: usize) {
        let (ring, bytes) = ring::<K>();
        let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
        assert_eq!(bytes.get(consumer() + HINT), 1, "who attaches wants it");
        let mut run = |count: u64, wanted: u64| {
            for n in 0..count {
                K::push(&mut tx, Put::Try, &text(n, len)).unwrap();
            }
            // The newest of several stands in the front: the others come first, from the data.
            for n in 0..count {
                assert_eq!(K::pop(&mut rx, Take::Try, 0), Ok(text(n, len)), "{n} of {count}");
            }
            assert_eq!(K::pop(&mut rx, Take::Try, 0), Err(PopError::Empty));
            assert_eq!(bytes.get(consumer() + HINT), wanted, "after a run of {count}");
            is_usable(&bytes)
        };
        assert!(run(1, 1));
        assert!(run(2, 0));
        assert!(!run(1, 1), "it was not wanted when that one was pushed");
        assert!(run(1, 1));
        assert!(run(9, 0));
        assert!(!run(5, 0));
    }
    runs::<u64>(8);
    runs::<[u8; 5]>(5);
    runs::<[u8]>(10);
}

/// What stands in the front after a batch is an older record.
#[test]
fn a_batch_marks_the_front_and_its_records_come_from_the_data() {
    fn stale<K: Kind + ?Sized>(len: usize) {
        for put in BATCHES {
            if !K::PUSHES.contains(&put) {
                continue;
            }
            let (ring, bytes) = ring::<K>();
            let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
            for n in 0..10 {
                K::push(&mut tx, Put::Try, &text(n, len)).unwrap();
                assert!(is_usable(&bytes));
                assert_eq!(K::pop(&mut rx, Take::Try, 0), Ok(text(n, len)));
                assert_eq!(K::pop(&mut rx, Take::Try, 0), Err(PopError::Empty));
                K::push(&mut tx, put, &text(100 + n, len)).unwrap();
                assert!(!is_usable(&bytes), "{put:?}");
                assert_eq!(K::pop(&mut rx, Take::Try, 0), Ok(text(100 + n, len)), "{put:?}");
                assert_eq!(K::pop(&mut rx, Take::Try, 0), Err(PopError::Empty));
            }
        }
    }
    stale::<u64>(8);
    stale::<u8>(1);
    stale::<[u8]>(20);
}

#[test]
fn a_part_of_a_reservation_stands_in_the_front_as_it_was_committed() {
    let (ring, bytes) = ring::<u64>();
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    let mut room = tx.reserve(3).unwrap();
    room.write_slice(0, &[7, 8, 9]);
    room.commit(1);
    assert!(is_usable(&bytes));
    scribble_over_data(&bytes);
    assert_eq!(rx.pop(), Ok(7));
    let (ring, bytes) = self::ring::<[u8]>();
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    let told = <[u8]>::reserve(&mut tx, 0, Room::Less, &text(1, 60), 20);
    assert_eq!(told, Ok(Some(20)));
    assert!(is_usable(&bytes));
    scribble_over_data(&bytes);
    assert_eq!(rx.pop().as_deref(), Ok(&text(1, 60)[..20]));
}

#[test]
fn any_value_of_the_hint_is_right() {
    let (ring, bytes) = ring::<u64>();
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    for (n, hint) in (0..).zip([0, 1, 2, 1 << 32, 1 << 63, u64::MAX, 0, 3]) {
        bytes.set(consumer() + HINT, hint);
        tx.push(n).unwrap();
        assert_eq!(is_usable(&bytes), hint != 0, "{hint:#x}");
        assert_eq!(rx.pop(), Ok(n));
        bytes.set(consumer() + HINT, hint);
        tx.push_slice(&[n, n + 1]).unwrap();
        assert!(!is_usable(&bytes), "{hint:#x}");
        assert_eq!((rx.pop(), rx.pop()), (Ok(n), Ok(n + 1)));
    }
}

/// A look that finds the marked word twice, or two words, discards the copy: a producer that goes on meanwhile
/// overwrites the front while it is read.
#[test]
fn a_front_that_is_overwritten_while_it_is_copied_is_discarded() {
    type Wide = [u64; 7];
    let (ring, bytes) = ring::<Wide>();
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    rx.set_wait(Wait::SPIN);
    let over = AtomicBool::new(false);
    let mapping = Mapping::writable(bytes.fd()).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // Whatever the consumer says, the front is wanted.
            while !over.load(Ordering::Relaxed) {
                mapping.set(consumer() + HINT, 1);
                std::hint::spin_loop();
            }
        });
        scope.spawn(|| {
            let start = Instant::now();
            let mut n = 0;
            while !over.load(Ordering::Relaxed) {
                let last = n == 300_000 || start.elapsed() > LIMIT / 3;
                let item = if last { [u64::MAX; 7] } else { [n; 7] };
                if tx.push_timeout(item, Duration::from_millis(10)).is_ok() {
                    n += 1;
                    if last {
                        break;
                    }
                }
            }
        });
        let _ends = Ends(&over);
        let mut expected = 0;
        loop {
            let item = rx.pop_timeout(LIMIT).unwrap();
            if item[0] == u64::MAX {
                break;
            }
            assert_eq!(item, [expected; 7], "torn, or another record");
            expected += 1;
        }
    });
}

/// Copying a front whose mark is set, as it is while a producer writes it, gives the record in the data.
#[test]
fn a_front_that_is_being_written_is_not_taken() {
    let (ring, bytes) = ring::<u64>();
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    tx.push(1).unwrap();
    // As a producer that is stopped in the middle of the next push: marked, and half of it written.
    let tail = bytes.tail();
    bytes.set(producer() + POSITION, pack(tail, false));
    scribble_over_front(&bytes);
    assert_eq!(rx.pop(), Ok(1));
    assert_eq!(rx.try_pop(), Err(PopError::Empty));
    tx.push(2).unwrap();
    assert_eq!(rx.pop(), Ok(2));
}

/// Streams between this library and a peer that was written by LAYOUT.md alone, in either direction.
#[test]
fn an_outsider_gives_and_takes_the_same_records() {
    fn both_ways<K: Kind + ?Sized>(most: usize) {
        for outsider_reads in [false, true] {
            let (ring, bytes) = ring::<K>();
            let (header, mapping) = (bytes.header(), Mapping::writable(bytes.fd()).unwrap());
            let mut random = Random::new(most as u64);
            let (mut pushed, mut popped) = (0, 0);
            let len = |n: u64| K::LEN.unwrap_or(Random::new(n).below(most as u64 + 1) as usize);
            let mut turn = |push: &mut dyn FnMut(&[u8]) -> bool,
                            pop: &mut dyn FnMut() -> Option<Vec<u8>>| {
                for _ in 0..3000 {
                    for _ in 0..random.one_of(&[1, 1, 1, 1, 2, 7]) {
                        pushed += u64::from(push(&text(pushed, len(pushed))));
                    }
                    for _ in 0..random.one_of(&[1, 2, 2, 3, 9]) {
                        if let Some(payload) = pop() {
                            assert!(payload == text(popped, len(popped)), "record {popped}");
                            popped += 1;
                        }
                    }
                }
            };
            if outsider_reads {
                let mut tx = ring.producer().unwrap();
                let mut rx = outsider::Consumer::attach(&mapping, &header).unwrap();
                let mut push = |payload: &[u8]| K::push(&mut tx, Put::Try, payload).is_ok();
                turn(&mut push, &mut || rx.pop().unwrap());
                assert!(rx.fronts() > 100 || most == 100, "{} from the front", rx.fronts());
            } else {
                let mut tx = outsider::Producer::attach(&mapping, &header).unwrap();
                let mut rx = ring.consumer().unwrap();
                let mut pop = || match K::pop(&mut rx, Take::Try, 0) {
                    Ok(payload) => Some(payload),
                    Err(PopError::Empty) => None,
                    Err(error) => panic!("{error}"),
                };
                turn(&mut |payload| tx.push(payload).is_ok(), &mut pop);
            }
            assert!(pushed > 1000 && popped > 1000);
        }
    }
    both_ways::<u64>(8);
    both_ways::<[u8; 5]>(5);
    both_ways::<[u8; 100]>(100);
    both_ways::<[u8]>(100);
    both_ways::<Aligned<32>>(60);
}

/// A sleeper is woken once for a record in the front: by the second store, which makes it exist.
#[test]
fn a_sleeper_gets_its_record_from_the_front() {
    fn wake<T: Item + Send + PartialEq + std::fmt::Debug + Copy + 'static>(value: T) {
        let ring =
            Ring::<T>::create(Region::memfd("front"), &Options::new().items(4).wait(Wait::PARK));
        let ring = ring.unwrap();
        let bytes = Bytes::of(ring.descriptor());
        let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
        for _ in 0..20 {
            let popping = std::thread::spawn(move || (rx.pop_timeout(LIMIT), rx));
            bytes.until_parked(consumer());
            tx.push(value).unwrap();
            assert!(is_usable(&bytes));
            let (popped, back) = within(LIMIT, "a pop", || popping.join().unwrap());
            assert_eq!(popped, Ok(value));
            rx = back;
        }
    }
    wake(7_u8);
    wake([1_u64; 7]);
    let ring = MessageRing::create(Region::memfd("front"), &Options::new().wait(Wait::PARK));
    let ring = ring.unwrap();
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    tx.push(b"text").unwrap();
    assert_eq!(rx.pop_timeout(Duration::ZERO).unwrap(), b"text");
}
