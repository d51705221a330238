//! Batches that stop in the middle: what was taken up to the stop is consumed, and the rest is for the next call.

use core::ops::ControlFlow;

use shm_ring::{MessageRing, Options, PopError, Region, Ring};
use shm_ring_outsider::{POSITION, consumer};

use crate::bytes::Bytes;
use crate::harness::LIMIT;
use crate::items::text;

const COUNT: u64 = 6;

fn options() -> Options {
    Options::new().bytes(4096)
}

/// Goes on until it has seen `last`.
fn until(last: u64, seen: u64) -> ControlFlow<()> {
    if seen == last { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}

#[test]
fn a_batch_of_values_takes_what_it_stops_at_and_leaves_the_rest() {
    let ring = Ring::<u64>::create(Region::memfd("stopping"), &options()).unwrap();
    let bytes = Bytes::of(ring.descriptor());
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    for way in 0..3 {
        for last in 0..COUNT {
            let head = bytes.get(consumer() + POSITION);
            tx.push_batch(0..COUNT).unwrap();
            let mut seen = 0;
            let each = |item| {
                assert_eq!(item, seen);
                seen += 1;
                until(last, item)
            };
            let taken = match way {
                0 => rx.try_pop_batch(usize::MAX, each),
                1 => rx.pop_batch(usize::MAX, each),
                _ => rx.pop_batch_timeout(usize::MAX, LIMIT, each),
            };
            assert_eq!(taken, Ok(last as usize + 1));
            assert_eq!(seen, last + 1, "it went on behind the stop");
            assert_eq!(bytes.get(consumer() + POSITION), head + 8 * (last + 1));
            assert!(rx.try_iter().eq((last + 1..COUNT).map(Ok)));
        }
    }
}

#[test]
fn a_batch_of_messages_takes_what_it_stops_at_and_leaves_the_rest() {
    let ring = MessageRing::create(Region::memfd("stopping"), &options()).unwrap();
    let bytes = Bytes::of(ring.descriptor());
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    for way in 0..3 {
        for last in 0..COUNT {
            let head = bytes.get(consumer() + POSITION);
            for n in 0..COUNT {
                tx.push(&text(n, 3)).unwrap();
            }
            let mut seen = 0;
            let mut each = |message: Vec<u8>| {
                assert_eq!(message, text(seen, 3));
                seen += 1;
                until(last, seen - 1)
            };
            let taken = match way {
                0 => rx.try_pop_batch(usize::MAX, |message| each(message.to_vec())),
                1 => rx.pop_batch(usize::MAX, |message| each(message.to_vec())),
                _ => rx.pop_batch_timeout(usize::MAX, LIMIT, |message| each(message.to_vec())),
            };
            assert_eq!(taken, Ok(last as usize + 1));
            assert_eq!(seen, last + 1, "it went on behind the stop");
            assert_eq!(bytes.get(consumer() + POSITION), head + 16 * (last + 1));
            assert!(rx.try_iter().eq((last + 1..COUNT).map(|n| Ok(text(n, 3)))));
        }
    }
}

/// The stop and the end of a batch may fall together.
#[test]
fn a_batch_that_ends_before_its_stop_is_a_whole_one() {
    let ring = Ring::<u64>::create(Region::memfd("stopping"), &options()).unwrap();
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    tx.push_batch(0..COUNT).unwrap();
    assert_eq!(rx.try_pop_batch(2, |item| until(5, item)), Ok(2));
    assert_eq!(rx.try_pop_batch(2, |item| until(3, item)), Ok(2));
    assert_eq!(rx.try_pop_batch(usize::MAX, |item| until(9, item)), Ok(2));
    assert_eq!(rx.try_pop_batch(usize::MAX, |item| until(9, item)), Err(PopError::Empty));
}
