//! Batches that are published whole or not at all: what does not fit leaves no trace, and what does appears at once.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use shm_ring::{
    MessageProducer, MessageRing, Options, PopError, Producer, PushError, Region, Ring, Wait,
};
use shm_ring_outsider::{NEVER, POSITION, WAKE_AT, producer};

use crate::bytes::Bytes;
use crate::harness::{LIMIT, until, within};
use crate::items::text;

fn values(items: usize) -> (Ring<u64>, Bytes) {
    let options = Options::new().items(items).wait(Wait::PARK);
    let ring = Ring::create(Region::memfd("all"), &options).unwrap();
    let bytes = Bytes::of(ring.descriptor());
    (ring, bytes)
}

fn messages(bytes: usize) -> (MessageRing, Bytes) {
    let ring = MessageRing::create(Region::memfd("all"), &Options::new().bytes(bytes)).unwrap();
    let bytes = Bytes::of(ring.descriptor());
    (ring, bytes)
}

#[test]
fn values_that_do_not_all_fit_are_not_pushed() {
    let (ring, bytes) = values(8);
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    tx.push_slice(&[0, 1, 2, 3, 4]).unwrap();
    let before = bytes.all();
    assert_eq!(tx.try_push_all(&[5, 6, 7, 8]), Err(PushError::Full));
    let large = Err(PushError::TooLarge { len: 9, max: 8 });
    assert_eq!(tx.try_push_all(&[0; 9]), large);
    assert_eq!(tx.push_all(&[0; 9]), large, "that would be waited for without end");
    assert_eq!(bytes.get(producer() + POSITION), before_tail(&before));
    assert_eq!(tx.try_push_all(&[5, 6, 7]), Ok(()));
    assert!(rx.try_iter().eq((0..8).map(Ok)));
    assert_eq!(tx.try_push_all(&[7; 8]), Ok(()), "the whole ring at once");
    assert_eq!(rx.try_pop_slice(&mut [0; 9]), Ok(8));
}

fn before_tail(image: &[u8]) -> u64 {
    let at = (producer() + POSITION) as usize;
    u64::from_le_bytes(image[at..at + 8].try_into().unwrap())
}

#[test]
fn messages_that_do_not_all_fit_are_not_pushed() {
    let (ring, bytes) = messages(64);
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    tx.push(b"there").unwrap();
    let tail = bytes.get(producer() + POSITION);
    // Records of 16 bytes each, and 48 are left.
    assert_eq!(tx.try_push_all(&["one", "two", "three", "four"]), Err(PushError::Full));
    let large = Err(PushError::TooLarge { len: 80, max: 64 });
    assert_eq!(tx.try_push_all(&["five"; 5]), large);
    assert_eq!(tx.push_all(&["five"; 5]), large, "that would be waited for without end");
    let alone = Err(PushError::TooLarge { len: 57, max: 56 });
    assert_eq!(tx.try_push_all(&[&[0; 57][..]]), alone, "one that never fits by itself");
    assert_eq!(bytes.get(producer() + POSITION), tail);
    assert_eq!(tx.try_push_all(&["one", "two", "three"]), Ok(()));
    let expected = [&b"there"[..], b"one", b"two", b"three"];
    assert!(rx.try_iter().eq(expected.map(|text| Ok(text.to_vec()))));
}

/// The consumer takes one record: that is room for one, and nothing may come before there is room for all.
#[test]
fn a_batch_that_waits_for_room_comes_whole() {
    let (ring, bytes) = values(8);
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    tx.push_all(&[100; 5]).unwrap();
    let pushing = std::thread::spawn(move || tx.push_all(&[0, 1, 2, 3, 4, 5]).map(|()| tx));
    let asleep = || bytes.get(producer() + WAKE_AT) != NEVER;
    until("the producer sleeps", || asleep() || pushing.is_finished());
    for left in (0..5).rev() {
        assert_eq!(rx.try_pop(), Ok(100));
        if left > 2 {
            assert_eq!(rx.len(), left, "a part came");
        }
    }
    let taken = within(LIMIT, "the batch", move || {
        let mut items = [0; 8];
        let taken = rx.pop_slice(&mut items);
        (taken, items)
    });
    assert_eq!(taken, (Ok(6), [0, 1, 2, 3, 4, 5, 0, 0]));
    drop(pushing.join().unwrap().unwrap());

    let (ring, _) = messages(4096);
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    tx.push(&text(9, 3000)).unwrap();
    let batch: Vec<Vec<u8>> = (0..100).map(|n| text(n, 20)).collect();
    let pushing = std::thread::spawn(move || tx.push_all(&batch).map(|()| tx));
    assert_eq!(rx.pop(), Ok(text(9, 3000)));
    let taken = within(LIMIT, "the batch", move || rx.pop_batch(usize::MAX, |_| {}));
    assert_eq!(taken, Ok(100));
    drop(pushing.join().unwrap().unwrap());
}

#[test]
fn nothing_is_pushed_at_once_even_where_nothing_fits() {
    let (ring, _) = values(1);
    let (mut tx, _rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    tx.push(7).unwrap();
    fn of_values(tx: &mut Producer<u64>) {
        assert_eq!(tx.try_push_batch([]), Ok(0));
        assert_eq!(tx.push_batch([]), Ok(0));
        assert_eq!(tx.try_push_slice(&[]), Ok(0));
        assert_eq!(tx.push_slice(&[]), Ok(0));
        assert_eq!(tx.try_push_all(&[]), Ok(()));
        assert_eq!(tx.push_all(&[]), Ok(()));
    }
    of_values(&mut tx);
    let (ring, _) = messages(16);
    let (mut tx, _rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    tx.push(b"full").unwrap();
    fn of_messages(tx: &mut MessageProducer, nothing: &[&str]) {
        assert_eq!(tx.try_push_batch(nothing), Ok(0));
        assert_eq!(tx.push_batch(nothing), Ok(0));
        assert_eq!(tx.try_push_all(nothing), Ok(()));
        assert_eq!(tx.push_all(nothing), Ok(()));
    }
    of_messages(&mut tx, &[]);
}

/// A text that grows each time that it is asked for, or panics when it is asked for the last time.
struct Fickle<'a> {
    asked: &'a Cell<usize>,
    panics_at: usize,
}

impl AsRef<[u8]> for Fickle<'_> {
    fn as_ref(&self) -> &[u8] {
        let asked = self.asked.get();
        assert_ne!(asked, self.panics_at, "as was to be");
        self.asked.set(asked + 1);
        &b"0123456789012345678901234567890123456789"[..asked]
    }
}

#[test]
fn messages_that_grow_or_panic_while_they_are_pushed_leave_nothing() {
    let (ring, bytes) = messages(4096);
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    let asked = Cell::new(0);
    let three = |panics_at| [(); 3].map(|()| Fickle { asked: &asked, panics_at });
    // Lengths of 1 to 3, and then of 4 to 6: 16 bytes each.
    asked.set(1);
    assert_eq!(tx.try_push_all(&three(99)), Ok(()), "grown, and of the same stride");
    assert_eq!(rx.try_iter().count(), 3);
    asked.set(6);
    let tail = bytes.get(producer() + POSITION);
    assert_eq!(tx.try_push_all(&three(99)), Err(PushError::Full), "more than was asked room for");
    assert_eq!(bytes.get(producer() + POSITION), tail);
    asked.set(0);
    let told = catch_unwind(AssertUnwindSafe(|| tx.try_push_all(&three(5))));
    assert!(told.is_err(), "it was to panic");
    assert_eq!(bytes.get(producer() + POSITION), tail);
    assert_eq!(rx.try_pop(), Err(PopError::Empty));
    assert_eq!(tx.try_push_all(&["goes on"]), Ok(()));
    assert_eq!(rx.try_pop(), Ok(b"goes on".to_vec()));
}
