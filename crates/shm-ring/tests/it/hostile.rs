//! A peer that writes anything anywhere: every call still returns, in time, with one of the answers
//! that it promises; `Corrupt` stays. By brute force here, against a live writer in `scribble`.

use std::time::Duration;

use shm_ring::{Consumer, Options, PopError, Producer, PushError, Region, Ring, Wait};

use crate::house::{LIMIT, SOON, within};
use crate::wire::{
    BELL, Bytes, FENCE_MODE, PID, POSITION, POSITION_END, SESSION, WAKE_AT, commit_word, consumer,
    data, page, producer,
};

const STRIDE: u64 = 16;
/// Where the streams here start: some way along, so that there is something behind.
const START: u64 = 10 * 4096;
const TIMEOUT: Duration = Duration::from_micros(300);

fn ring(wait: Wait, held: u64) -> (Bytes, Producer<u64>, Consumer<u64>) {
    crate::house::watch();
    let options = Options::new().bytes(4096).wait(wait);
    let ring = Ring::<u64>::create(Region::memfd("hostile"), options).unwrap();
    let bytes = Bytes::of(ring.descriptor());
    bytes.start_at(START);
    let (mut tx, rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    for n in 0..held {
        tx.try_push(n).unwrap();
    }
    (bytes, tx, rx)
}

const FULL: u64 = (4096 - 8) / STRIDE;

/// Every call that does not wait for ever; the answers are of the types' making, so what counts is
/// that they come, and that `Corrupt` stays.
fn call_everything(tx: &mut Producer<u64>, rx: &mut Consumer<u64>) {
    let (mut push_corrupt, mut pop_corrupt) = (false, false);
    for _ in 0..2 {
        for pushed in [tx.try_push(1), tx.push_timeout(1, TIMEOUT), tx.try_push_from(&2)] {
            assert!(!push_corrupt || pushed == Err(PushError::Corrupt), "{pushed:?}");
            push_corrupt |= pushed == Err(PushError::Corrupt);
        }
        assert!(tx.room_at_least() <= tx.capacity());
        for popped in [rx.try_pop(), rx.pop_timeout(TIMEOUT), rx.try_pop()] {
            assert!(!pop_corrupt || popped == Err(PopError::Corrupt), "{popped:?}");
            pop_corrupt |= popped == Err(PopError::Corrupt);
        }
        assert!(rx.ready_at_least() <= 4096 / STRIDE);
        let _ = (tx.peer(), rx.peer(), format!("{tx:?} {rx:?}"));
    }
}

#[test]
fn any_value_in_any_word_is_answered_in_time() {
    let words = [POSITION, WAKE_AT, BELL, SESSION, FENCE_MODE, PID];
    let words = words.map(|word| [producer() + word, consumer() + word]).concat();
    let data_words = (0..6).map(|n| data() + (START + 8 * n) % 4096);
    let offsets: Vec<_> = words.into_iter().chain(data_words).collect();
    within(LIMIT, "a call under hostile values", move || {
        for wait in [Wait::SPIN, Wait::PARK] {
            for held in [0, 5, FULL] {
                let tail = START + held * STRIDE;
                let values = [
                    0,
                    1,
                    8,
                    tail,
                    tail + 8,
                    tail + STRIDE,
                    tail.wrapping_sub(STRIDE),
                    START - 4096,
                    START + 3,
                    tail + 4096,
                    POSITION_END - 8,
                    POSITION_END,
                    1 << 63,
                    u64::MAX - 7,
                    u64::MAX,
                    commit_word(START, 8),
                    commit_word(START, u32::MAX),
                ];
                for offset in &offsets {
                    for value in values {
                        let (bytes, mut tx, mut rx) = ring(wait, held);
                        bytes.set(*offset, value);
                        call_everything(&mut tx, &mut rx);
                    }
                }
            }
        }
    });
}

#[test]
fn a_hole_punched_anywhere_is_answered_in_time() {
    use rustix::fs::{FallocateFlags, fallocate};
    within(LIMIT, "a call over a hole", || {
        for wait in [Wait::SPIN, Wait::PARK] {
            for held in [0, 5, FULL] {
                for (at, len) in [(0, 4 * page()), (producer(), page()), (consumer(), page())]
                    .into_iter()
                    .chain([(data(), page())])
                {
                    let (bytes, mut tx, mut rx) = ring(wait, held);
                    let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
                    fallocate(bytes.file(), flags, at, len).unwrap();
                    call_everything(&mut tx, &mut rx);
                }
            }
        }
    });
}

#[test]
fn heads_that_cannot_be_are_corrupt_for_good() {
    let tail = START + FULL * STRIDE;
    for head in [
        tail + STRIDE,
        tail + 8,
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
fn commit_words_that_cannot_be_are_corrupt_for_good() {
    let right = commit_word(START, 8);
    for word in [
        commit_word(START, 7),
        commit_word(START, 9),
        commit_word(START, 0),
        commit_word(START, 16),
        commit_word(START, u32::MAX),
        commit_word(START + 8, 8),
        commit_word(START + 4096, 8),
        commit_word(START - 4096, 8),
        right & !(1 << 63),
        right ^ 1 << 40,
        8,
        1,
        u64::MAX,
    ] {
        for wait in [Wait::SPIN, Wait::BALANCED, Wait::PARK] {
            let (bytes, _tx, mut rx) = ring(wait, 1);
            bytes.set(data() + START % 4096, word);
            assert_eq!(rx.pop_timeout(SOON), Err(PopError::Corrupt), "{word:#x}");
            bytes.set(data() + START % 4096, right);
            for _ in 0..3 {
                assert_eq!(rx.try_pop(), Err(PopError::Corrupt), "{word:#x}");
                assert_eq!(rx.pop(), Err(PopError::Corrupt));
                assert_eq!(rx.pop_timeout(TIMEOUT), Err(PopError::Corrupt));
                let mut place = 5;
                assert_eq!(rx.try_pop_into(&mut place), Err(PopError::Corrupt));
                assert_eq!(place, 5);
            }
            assert_eq!(rx.iter().collect::<Vec<_>>(), [Err(PopError::Corrupt)]);
            assert_eq!(rx.try_iter().collect::<Vec<_>>(), [Err(PopError::Corrupt)]);
        }
    }
}

#[test]
fn a_tail_that_cannot_be_makes_nothing_ready() {
    for tail in [START + 8 * 4096, POSITION_END, u64::MAX, START + 1, 0] {
        let (bytes, _tx, rx) = ring(Wait::SPIN, 3);
        bytes.set(producer() + POSITION, tail);
        assert_eq!(rx.ready_at_least(), 0, "{tail:#x}");
    }
}

#[test]
fn a_producer_recovers_only_records_that_can_be() {
    // What stands at the stored tail was left by whoever had the role before.
    for (word, fine) in [
        (0, true),
        (commit_word(START, 8), true),
        (commit_word(START, 0), false),
        (commit_word(START, 9), false),
        (commit_word(START, u32::MAX), false),
        // Not a commit word of this place: payload bytes, say. Never committed.
        (commit_word(START + 8, 8), true),
        (u64::MAX, true),
    ] {
        let ring = Ring::<u64>::create(Region::memfd("recover"), Options::new().bytes(4096));
        let (ring, next) = (ring.as_ref().unwrap(), START + STRIDE);
        let bytes = Bytes::of(ring.descriptor());
        bytes.start_at(START);
        bytes.set(data() + START % 4096, word);
        match ring.producer() {
            Ok(_) => assert!(fine, "{word:#x}"),
            Err(error) => assert!(!fine && matches!(error, shm_ring::Error::Corrupt { .. })),
        }
        if word == commit_word(START, 8) {
            assert_eq!(bytes.get(producer() + POSITION), next, "the record was published");
        } else if fine {
            assert_eq!(bytes.get(producer() + POSITION), START);
            assert_eq!(bytes.get(data() + START % 4096), 0);
        }
    }
    // A whole ring of valid commit words, and then more: never a walk without end.
    let ring = Ring::<u64>::create(Region::memfd("walk"), Options::new().bytes(4096)).unwrap();
    let bytes = Bytes::of(ring.descriptor());
    for n in 0..4096 / STRIDE {
        bytes.set(data() + n * STRIDE, commit_word(n * STRIDE, 8));
    }
    let refused = within(LIMIT, "recovering", move || ring.producer().map(drop));
    assert!(matches!(refused, Err(shm_ring::Error::Corrupt { .. })), "{refused:?}");
}
