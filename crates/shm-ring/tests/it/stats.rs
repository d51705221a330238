//! What an end counts: its own figures are those that an observer sees, and they outlive the attachment. And the clock by
//! which two processes measure.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use shm_ring::{
    Clock, MessageRing, Observer, Options, PopError, PushError, Region, Ring, Stats, Wait,
};
use shm_ring_outsider::{DROPPED, consumer, judge, producer};

use crate::bytes::Bytes;

/// As good as none. With none at all nobody waits.
const SOON: Duration = Duration::from_nanos(1);

#[test]
fn an_end_reads_what_an_observer_sees() {
    let options = Options::new().items(2).wait(Wait::PARK);
    let ring = Ring::<u64>::create(Region::memfd("stats"), &options).unwrap();
    let observer =
        Observer::open(Region::descriptor(ring.descriptor().try_clone_to_owned().unwrap()))
            .unwrap();
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    let Stats { waits, sleeps, wakes_sent, high_water, dropped, .. } = tx.stats();
    assert_eq!((waits, sleeps, wakes_sent, high_water, dropped), (0, 0, 1, 0, 0), "it rang once");
    assert_eq!(rx.pop_timeout(SOON), Err(PopError::TimedOut));
    tx.push_slice(&[1, 2]).unwrap();
    for _ in 0..3 {
        assert_eq!(tx.push_timeout(3, SOON), Err(PushError::TimedOut));
    }
    let (told, seen) = (tx.stats(), observer.snapshot());
    assert_eq!((told.waits, told.high_water, told.dropped), (3, 16, 0));
    let side = &seen.producer;
    assert_eq!(
        (told.waits, told.sleeps, told.wakes_sent),
        (side.waits, side.sleeps, side.wakes_sent)
    );
    assert_eq!(told.high_water, seen.high_water);
    let (told, side) = (rx.stats(), &seen.consumer);
    assert_eq!(told.waits, 1);
    assert_eq!(
        (told.waits, told.sleeps, told.wakes_sent),
        (side.waits, side.sleeps, side.wakes_sent)
    );
}

#[test]
fn what_was_thrown_away_is_counted_over_all_producers() {
    let ring = MessageRing::create(Region::memfd("stats"), &Options::new().bytes(64)).unwrap();
    let bytes = Bytes::of(ring.descriptor());
    let observer =
        Observer::open(Region::descriptor(ring.descriptor().try_clone_to_owned().unwrap()))
            .unwrap();
    let mut tx = ring.producer().unwrap();
    tx.count_dropped(2);
    tx.count_dropped(0);
    tx.count_dropped(5);
    assert_eq!((tx.stats().dropped, observer.snapshot().dropped), (7, 7));
    drop(tx);
    let mut tx = ring.producer().unwrap();
    tx.count_dropped(1);
    assert_eq!((tx.stats().dropped, observer.snapshot().dropped), (8, 8));
    assert_eq!((bytes.get(producer() + DROPPED), bytes.get(consumer() + DROPPED)), (8, 0));
    judge(bytes.region(), &bytes.header()).unwrap();
    assert_eq!(ring.consumer().unwrap().stats().dropped, 0);
}

#[test]
fn a_stamp_is_of_the_clock_that_all_processes_share() {
    let kernels = || {
        let now = clock_gettime(ClockId::Monotonic);
        now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
    };
    let (before, stamp, after) = (kernels(), Clock::now(), kernels());
    assert!((before..=after).contains(&stamp), "{stamp} is not from {before} to {after}");
    let since = Clock::since(before).as_nanos();
    assert!((u128::from(after - before)..=u128::from(kernels() - before)).contains(&since));
    assert_eq!(Clock::since(u64::MAX), Duration::ZERO, "a stamp that somebody made up");
}
