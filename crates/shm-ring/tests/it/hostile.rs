//! A peer that writes anything anywhere: every call still returns, in time, with one of the answers
//! that it promises; `Corrupt` stays. The campaign `hostile` does it by brute force, to messages too, and against a live
//! writer.

use std::io::{ErrorKind, Read};
use std::time::Duration;

use shm_ring::{Consumer, MessageRing, Options, PopError, Producer, PushError, Region, Ring, Wait};
use shm_ring_outsider::{
    POSITION, POSITION_END, Side, Word, consumer, data, pack, page, producer, wild_positions,
};

use crate::bytes::Bytes;
use crate::harness::{LIMIT, SOON, within};

const SIZE: u64 = 8;
/// Where the streams here start: some way along, so that there is something behind.
const START: u64 = 10 * 4096;
const TIMEOUT: Duration = Duration::from_micros(30);

fn ring(wait: Wait, held: u64) -> (Bytes, Producer<u64>, Consumer<u64>) {
    crate::harness::watch();
    let options = Options::new().bytes(4096).wait(wait);
    let ring = Ring::<u64>::create(Region::memfd("hostile"), &options).unwrap();
    let bytes = Bytes::of(ring.descriptor());
    bytes.start_at(START);
    let (mut tx, rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    for n in 0..held {
        tx.try_push(n).unwrap();
    }
    (bytes, tx, rx)
}

const FULL: u64 = 4096 / SIZE;

/// Every call that does not wait for ever; the answers are of the types' making, so what counts is
/// that they come, and that `Corrupt` stays.
fn call_everything(tx: &mut Producer<u64>, rx: &mut Consumer<u64>) {
    let (mut push_corrupt, mut pop_corrupt) = (false, false);
    for _ in 0..2 {
        let pushes = [
            tx.try_push(1),
            tx.push_timeout(1, TIMEOUT),
            tx.try_push_from(&2),
            tx.try_push_slice(&[1; 9]).map(drop),
            tx.try_push_all(&[1; 3]),
        ];
        for pushed in pushes {
            assert!(!push_corrupt || pushed == Err(PushError::Corrupt), "{pushed:?}");
            push_corrupt |= pushed == Err(PushError::Corrupt);
        }
        assert!(tx.room_at_least() <= tx.capacity());
        let pops = [
            rx.try_pop().map(drop),
            rx.pop_timeout(TIMEOUT).map(drop),
            rx.try_pop_slice(&mut [0; 9]).map(drop),
            rx.try_peek(5).map(|view| assert!(view.len() <= 5)),
            rx.try_pop().map(drop),
            rx.release_to(rx.position()).map(|released| assert_eq!(released, 0)),
            rx.skip_unread().map(|skipped| assert!(skipped as u64 <= FULL)),
        ];
        for popped in pops {
            assert!(!pop_corrupt || popped == Err(PopError::Corrupt), "{popped:?}");
            pop_corrupt |= popped == Err(PopError::Corrupt);
        }
        assert!(rx.len() as u64 <= FULL);
        let _ = (tx.peer(), rx.peer(), format!("{tx:?} {rx:?}"));
    }
}

/// Every word of both sides, and the first words of what is unread.
fn offsets() -> Vec<u64> {
    let words = Side::BOTH.into_iter().flat_map(|side| {
        let word = move |word: Word| side.page(page()) + word.offset();
        Word::ALL.into_iter().map(word)
    });
    words.chain((0..6).map(|n| data() + (START + 8 * n) % 4096)).collect()
}

#[test]
fn any_value_in_any_word_is_answered_in_time() {
    for wait in [Wait::SPIN, Wait::PARK] {
        for held in [0, 5, FULL] {
            let header = ring(wait, held).0.header();
            let mut values = wild_positions(&header, START + held * SIZE);
            values.extend([START, START + 3, START - 4096, u64::from(u32::MAX)]);
            for offset in offsets() {
                for value in values.iter().copied() {
                    let (bytes, mut tx, mut rx) = ring(wait, held);
                    bytes.set(offset, value);
                    // A limit for each, so that a machine with other work is no failure.
                    let what = format!("a call with {value:#x} at {offset:#x}");
                    within(LIMIT, &what, move || call_everything(&mut tx, &mut rx));
                }
            }
        }
    }
}

#[test]
fn a_hole_punched_anywhere_is_answered_in_time() {
    use rustix::fs::{FallocateFlags, fallocate};
    let holes = [(0, 4), (1, 1), (2, 1), (3, 1)];
    for wait in [Wait::SPIN, Wait::PARK] {
        for held in [0, 5, FULL] {
            for (first, pages) in holes {
                let (bytes, mut tx, mut rx) = ring(wait, held);
                let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
                fallocate(bytes.file(), flags, first * page(), pages * page()).unwrap();
                let what = format!("a call over a hole of {pages} pages from {first} on");
                within(LIMIT, &what, move || call_everything(&mut tx, &mut rx));
            }
        }
    }
}

#[test]
fn a_producer_that_is_corrupt_reserves_nothing_not_even_no_room_at_position_0() {
    let ring = Ring::<u64>::create(Region::memfd("hostile"), &Options::new().items(4)).unwrap();
    let bytes = Bytes::of(ring.descriptor());
    let mut tx = ring.producer().unwrap();
    assert_eq!(tx.try_reserve(0).map(drop), Ok(()));
    bytes.set(consumer() + POSITION, SIZE);
    assert_eq!(tx.room_at_least(), 0, "the consumer is beyond what was published");
    for count in [4, 1, 0] {
        assert_eq!(tx.try_reserve(count).map(drop), Err(PushError::Corrupt), "{count}");
        assert_eq!(
            tx.wait(count, Some(SOON)).and_then(|()| tx.try_reserve(count)).map(drop),
            Err(PushError::Corrupt),
            "{count}"
        );
    }
}

#[test]
fn heads_that_cannot_be_are_corrupt_permanently() {
    let tail = START + FULL * SIZE;
    for head in [
        tail + SIZE,
        tail + 4,
        tail - 4096 - 8,
        0,
        START + 4,
        POSITION_END,
        POSITION_END + 8,
        u64::MAX,
        u64::MAX - 7,
    ] {
        for wait in [Wait::SPIN, Wait::BALANCED, Wait::PARK] {
            let (bytes, mut tx, _rx) = ring(wait, FULL);
            bytes.set(consumer() + POSITION, head);
            assert_eq!(tx.push_timeout(1, SOON), Err(PushError::Corrupt), "{head:#x}");
            bytes.set(consumer() + POSITION, tail);
            for _ in 0..3 {
                assert_eq!(tx.try_push(1), Err(PushError::Corrupt), "{head:#x}");
                assert_eq!(tx.push(1), Err(PushError::Corrupt));
                assert_eq!(tx.push_timeout(1, TIMEOUT), Err(PushError::Corrupt));
                assert_eq!(tx.room_at_least(), 0);
            }
        }
    }
}

#[test]
fn tails_that_cannot_be_are_corrupt_permanently() {
    for held in [0, 1] {
        let right = START + held * SIZE;
        for tail in [
            START - SIZE,
            START + 4,
            START + 4096 + SIZE,
            START + (1 << 40),
            0,
            POSITION_END,
            POSITION_END + SIZE,
            u64::MAX >> 1,
        ] {
            for wait in [Wait::SPIN, Wait::BALANCED, Wait::PARK] {
                for front in [true, false] {
                    let (bytes, _tx, mut rx) = ring(wait, held);
                    bytes.set(producer() + POSITION, pack(tail, front));
                    assert_eq!(rx.len(), 0, "{tail:#x}");
                    assert_eq!(rx.pop_timeout(SOON), Err(PopError::Corrupt), "{tail:#x}");
                    bytes.set(producer() + POSITION, pack(right + SIZE, false));
                    for _ in 0..3 {
                        assert_eq!(rx.try_pop(), Err(PopError::Corrupt), "{tail:#x}");
                        assert_eq!(rx.pop(), Err(PopError::Corrupt));
                        assert_eq!(rx.pop_timeout(TIMEOUT), Err(PopError::Corrupt));
                        let mut place = 5;
                        assert_eq!(rx.try_pop_into(&mut place), Err(PopError::Corrupt));
                        assert_eq!(rx.try_pop_slice(&mut [0; 3]), Err(PopError::Corrupt));
                        assert_eq!(place, 5);
                    }
                    assert_eq!(rx.iter().collect::<Vec<_>>(), [Err(PopError::Corrupt)]);
                    assert_eq!(rx.try_iter().collect::<Vec<_>>(), [Err(PopError::Corrupt)]);
                }
            }
        }
    }
}

/// Values have nothing by which a consumer could recognise a record that was never written.
#[test]
fn a_tail_that_can_be_delivers_what_stands_there() {
    let (bytes, _tx, mut rx) = ring(Wait::PARK, 1);
    bytes.write(data() + 8, &[7; 16]);
    bytes.set(producer() + POSITION, pack(START + 3 * SIZE, false));
    let sevens = u64::from_le_bytes([7; 8]);
    assert_eq!(rx.try_iter().collect::<Vec<_>>(), [Ok(0), Ok(sevens), Ok(sevens)]);
    assert_eq!(rx.try_pop(), Err(PopError::Empty));
}

/// Known and unread is not delivered any more once the tail contradicts the protocol: the call says so.
#[test]
fn corruption_comes_before_what_was_known_where_a_call_looks_again() {
    let (bytes, _tx, mut rx) = ring(Wait::PARK, 3);
    assert_eq!(rx.try_pop(), Ok(0));
    bytes.set(producer() + POSITION, START + (1 << 40));
    assert_eq!(rx.try_pop(), Ok(1), "no look was needed");
    let mut delivered = 0;
    assert_eq!(rx.try_pop_batch(5, |_| delivered += 1), Err(PopError::Corrupt));
    assert_eq!(delivered, 0);
    assert_eq!(rx.try_pop(), Err(PopError::Corrupt));
}

#[test]
fn what_was_seen_before_the_tail_became_wild_is_read_as_a_stream_too() {
    let ring = MessageRing::create(Region::memfd("seen"), &Options::new()).unwrap();
    let bytes = Bytes::of(ring.descriptor());
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    tx.push(b"one").unwrap();
    tx.push(b"two").unwrap();
    assert_eq!(rx.try_peek(2).unwrap().iter().count(), 2);
    bytes.set(producer() + POSITION, POSITION_END);
    let mut reader = rx.into_reader();
    let mut text = [0; 6];
    reader.read_exact(&mut text).unwrap();
    assert_eq!(&text, b"onetwo");
    assert_eq!(reader.read(&mut text).unwrap_err().kind(), ErrorKind::InvalidData);
}
