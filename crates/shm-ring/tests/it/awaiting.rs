//! Waiting for a number of records or for room, and taking it by another call. A consumer that holds what it has seen waits
//! for what comes behind it, and hears when nothing can come.

use std::time::{Duration, Instant};

use shm_ring::{MessageRing, Options, PopError, PushError, Region, Ring, Wait};
use shm_ring_outsider::{NEVER, SLEEPS, WAITS, WAKE_AT, consumer, poison, producer, publish};

use crate::bytes::Bytes;
use crate::harness::{SOON, within};

const BRIEF: Option<Duration> = Some(Duration::from_millis(1));
const NOW: Option<Duration> = Some(Duration::ZERO);

fn values() -> Ring<u64> {
    let options = Options::new().items(64).wait(Wait::PARK);
    Ring::create(Region::memfd("awaiting"), &options).unwrap()
}

#[test]
fn a_consumer_sleeps_until_as_many_are_there_and_sees_them_all() {
    let ring = values();
    let bytes = Bytes::of(ring.descriptor());
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    tx.push_slice(&[0, 1, 2]).unwrap();
    assert_eq!(rx.peek(64).unwrap().len(), 3);
    let waiting = std::thread::spawn(move || {
        rx.wait(6, None).unwrap();
        rx.try_peek(64).unwrap().iter().collect::<Vec<_>>()
    });
    assert_eq!(bytes.until_parked_since(consumer(), NEVER), 6 * 8);
    tx.push_slice(&[3, 4, 5]).unwrap();
    let seen = within(SOON, "a wait for six", || waiting.join().unwrap());
    assert_eq!(seen, [0, 1, 2, 3, 4, 5]);
}

#[test]
fn a_wait_for_messages_ends_at_the_last_of_them() {
    let ring = MessageRing::create(Region::memfd("awaiting"), &Options::new().wait(Wait::PARK));
    let ring = ring.unwrap();
    let bytes = Bytes::of(ring.descriptor());
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    tx.push_batch(&["one", "a second one that is longer"]).unwrap();
    assert_eq!(rx.wait(2, NOW), Ok(()));
    assert_eq!(rx.wait(3, NOW), Err(PopError::TimedOut));
    let waiting = std::thread::spawn(move || {
        rx.wait(4, None).unwrap();
        rx.try_peek(9).unwrap().iter().map(|message| message.len()).collect::<Vec<_>>()
    });
    let first = bytes.until_parked_since(consumer(), NEVER);
    tx.push(b"three").unwrap();
    bytes.until_parked_since(consumer(), first);
    tx.push(&[4; 100]).unwrap();
    let seen = within(SOON, "a wait for four", || waiting.join().unwrap());
    assert_eq!(seen, [3, 27, 5, 100]);
}

#[test]
fn what_is_no_message_is_reported_where_it_stands() {
    let ring = MessageRing::create(Region::memfd("awaiting"), &Options::new()).unwrap();
    let bytes = Bytes::of(ring.descriptor());
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    tx.push(b"a message").unwrap();
    poison(bytes.region(), &bytes.header(), None);
    publish(bytes.region(), &bytes.header(), bytes.tail() + 24, None);
    // What comes before counts, and the wait is over.
    assert_eq!(rx.wait(2, None), Ok(()));
    assert_eq!(rx.pop().unwrap(), b"a message");
    assert_eq!(rx.wait(1, None), Err(PopError::Corrupt));
    assert_eq!(rx.pop(), Err(PopError::Corrupt));
}

#[test]
fn a_wait_that_cannot_end_says_so() {
    let ring = values();
    let bytes = Bytes::of(ring.descriptor());
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    tx.push_slice(&[7; 60]).unwrap();
    assert_eq!(rx.wait(65, None), Err(PopError::Full));
    assert_eq!(rx.wait(usize::MAX, None), Err(PopError::Full));
    // The producer waits for more room than is left, and the consumer holds all.
    let reserving = std::thread::spawn(move || tx.wait(8, None).map(|()| tx));
    assert_eq!(bytes.until_parked_since(producer(), NEVER), 32 * 8 - 4 * 8);
    let (told, mut rx) = within(SOON, "a wait", move || (rx.wait(61, None), rx));
    assert_eq!(told, Err(PopError::Full));
    assert_eq!(rx.skip_unread(), Ok(60));
    let mut tx = within(SOON, "a wait for room", || reserving.join().unwrap()).unwrap();
    // One whose producer is about to wake is not in vain.
    tx.push(7).unwrap();
    bytes.set(producer() + WAKE_AT, rx.position());
    assert_eq!(rx.wait(2, BRIEF), Err(PopError::TimedOut));
    bytes.set(producer() + WAKE_AT, rx.position() + 1);
    assert_eq!(rx.wait(2, BRIEF), Err(PopError::Full));
}

#[test]
fn an_end_counts_before_as_many_are_there() {
    let ring = values();
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    tx.push_slice(&[7, 8]).unwrap();
    assert_eq!(rx.wait(3, BRIEF), Err(PopError::TimedOut));
    rx.interrupt_handle().interrupt();
    assert_eq!(rx.wait(3, None), Err(PopError::Interrupted));
    drop(tx);
    assert_eq!(rx.wait(3, None), Err(PopError::Closed));
    assert_eq!(rx.wait(3, NOW), Err(PopError::Closed));
    assert_eq!(rx.wait(2, None), Ok(()));
    assert_eq!((rx.pop(), rx.pop(), rx.pop()), (Ok(7), Ok(8), Err(PopError::Closed)));
}

#[test]
fn without_any_time_a_wait_looks_once_and_does_not_sleep() {
    let ring = values();
    let bytes = Bytes::of(ring.descriptor());
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    assert_eq!(rx.wait(0, NOW), Ok(()));
    assert_eq!(rx.wait(1, NOW), Err(PopError::TimedOut));
    tx.push_slice(&[7; 60]).unwrap();
    assert_eq!((rx.wait(60, NOW), rx.wait(61, NOW)), (Ok(()), Err(PopError::TimedOut)));
    assert_eq!((tx.wait(4, NOW), tx.wait(5, NOW)), (Ok(()), Err(PushError::TimedOut)));
    assert_eq!(tx.wait(65, NOW), Err(PushError::TooLarge { len: 65, max: 64 }));
    for page in [producer(), consumer()] {
        assert_eq!((bytes.get(page + WAITS), bytes.get(page + SLEEPS)), (0, 0));
    }
}

#[test]
fn a_producer_that_waited_for_room_has_it() {
    let ring = values();
    let bytes = Bytes::of(ring.descriptor());
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    tx.push_slice(&[7; 64]).unwrap();
    let waiting = std::thread::spawn(move || {
        tx.wait(40, None).unwrap();
        tx.try_reserve(40).map(|room| room.commit(0)).unwrap();
    });
    assert_eq!(bytes.until_parked_since(producer(), NEVER), 40 * 8);
    rx.peek(40).unwrap().release(40);
    within(SOON, "a wait for room", || waiting.join().unwrap());
}

#[test]
fn the_time_of_a_wait_for_several_is_counted_once() {
    let ring = values();
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    let timeout = Duration::from_secs(2);
    let pushing = std::thread::spawn(move || {
        std::thread::sleep(timeout * 19 / 20);
        tx.push(1).unwrap();
        tx
    });
    let start = Instant::now();
    assert_eq!(rx.wait(2, Some(timeout)), Err(PopError::TimedOut));
    // It would be almost as long again.
    assert!(start.elapsed() < timeout * 7 / 4, "{:?} of {timeout:?}", start.elapsed());
    drop(pushing.join().unwrap());
}
