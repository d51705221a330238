//! Closing in order: the reader drains and then learns of it, as often as it asks; the next peer
//! takes up where the last one stopped. A push needs nobody while there is room.

use std::io::Read;
use std::time::{Duration, Instant};

use shm_ring::{
    Consumer, MessageProducer, MessageRing, Options, Peer, PopError, Producer, PushError, Region,
    Ring, Wait,
};
use shm_ring_outsider::{consumer, producer};

use crate::bytes::Bytes;
use crate::harness::{Child, Home, Name, SOON, within};

/// Job: takes a role and says its session; closes in order when told to.
pub(crate) fn hold(mut home: Home) {
    let (name, role) = (home.argument(0).to_owned(), home.argument(1).to_owned());
    if role == "producer" {
        let tx = Producer::<u64>::open(name).unwrap();
        home.say(&tx.session().to_string());
        home.hear();
        tx.close();
    } else {
        let rx = Consumer::<u64>::open(name).unwrap();
        home.say(&rx.session().to_string());
        home.hear();
        rx.close();
    }
}

const ROUNDS: u32 = 40;

fn small(wait: Wait) -> Options {
    Options::new().bytes(4096).wait(wait)
}

fn memfd(wait: Wait) -> Ring<u64> {
    crate::harness::watch();
    Ring::create(Region::memfd("ending"), &small(wait)).unwrap()
}

#[test]
fn a_consumer_drains_and_then_hears_closed_until_somebody_comes() {
    for wait in [Wait::SPIN, Wait::BALANCED, Wait::PARK] {
        let ring = memfd(wait);
        let mut rx = ring.consumer().unwrap();
        assert_eq!(rx.peer(), Peer::Absent);
        assert_eq!(rx.pop_timeout(Duration::ZERO), Err(PopError::TimedOut), "absent is not gone");
        for round in 0..3 {
            let mut tx = ring.producer().unwrap();
            let session = tx.session();
            assert_eq!(session, 2 * round + 1);
            let pid = std::process::id();
            assert_eq!(rx.peer(), Peer::Alive { session, pid: Some(pid) });
            for n in 0..10 {
                tx.push(n).unwrap();
            }
            tx.close();
            assert_eq!(rx.peer(), Peer::Closed { session: session + 1 });
            for n in 0..10 {
                assert_eq!(rx.pop(), Ok(n));
            }
            for _ in 0..5 {
                assert_eq!(rx.pop(), Err(PopError::Closed));
                assert_eq!(rx.pop_timeout(SOON), Err(PopError::Closed));
                assert_eq!(rx.try_pop(), Err(PopError::Empty));
            }
            assert_eq!(rx.iter().next(), None);
        }
    }
}

#[test]
fn a_full_ring_without_its_consumer_ends_a_push_and_the_next_consumer_mends_it() {
    for wait in [Wait::SPIN, Wait::BALANCED, Wait::PARK] {
        let ring = memfd(wait);
        let mut tx = ring.producer().unwrap();
        // Nobody has ever been there: pushing needs room and nothing else.
        let mut pushed = 0;
        while tx.push_timeout(pushed, Duration::from_millis(1)).is_ok() {
            pushed += 1;
        }
        assert_eq!(pushed, tx.capacity() as u64);
        assert_eq!(tx.peer(), Peer::Absent);
        let mut rx = ring.consumer().unwrap();
        assert_eq!(rx.pop(), Ok(0));
        let session = rx.session();
        rx.close();
        // It is gone, and there is room for one.
        assert_eq!(tx.peer(), Peer::Closed { session: session + 1 });
        tx.push(pushed).unwrap();
        for _ in 0..3 {
            assert_eq!(tx.push(0), Err(PushError::Closed));
            assert_eq!(tx.push_timeout(0, SOON), Err(PushError::Closed));
            assert_eq!(tx.try_push(0), Err(PushError::Full));
        }
        let mut rx = ring.consumer().unwrap();
        assert_eq!(rx.session(), session + 2);
        for n in 1..=pushed {
            assert_eq!(rx.pop(), Ok(n));
        }
        tx.push(99).unwrap();
        assert_eq!(rx.pop(), Ok(99));
    }
}

#[test]
fn a_sleeping_producer_hears_its_consumer_close_at_once() {
    let name = Name::new("consumer-closes");
    let ring = Ring::<u64>::create(name.as_str(), &small(Wait::PARK)).unwrap();
    let bytes = Bytes::of(ring.descriptor());
    let mut tx = ring.producer().unwrap();
    while tx.try_push(1).is_ok() {}
    let mut slept = Duration::ZERO;
    for _ in 0..ROUNDS {
        let mut child = Child::spawn("hold", &[name.as_str(), "consumer"]);
        child.hear();
        let pushing = std::thread::spawn(move || (tx.push(1), tx));
        bytes.until_parked(producer());
        let start = Instant::now();
        child.say("close");
        let (pushed, back) = within(SOON, "a push", || pushing.join().unwrap());
        slept += start.elapsed();
        assert_eq!(pushed, Err(PushError::Closed));
        child.finish();
        tx = back;
    }
    // At the end of a slice each it would be four seconds.
    assert!(slept < ROUNDS * Duration::from_millis(60), "the sleeps together took {slept:?}");
}

#[test]
fn a_sleeping_consumer_hears_its_producer_close_at_once() {
    let name = Name::new("producer-closes");
    let ring = Ring::<u64>::create(name.as_str(), &small(Wait::PARK)).unwrap();
    let bytes = Bytes::of(ring.descriptor());
    let mut rx = ring.consumer().unwrap();
    let mut slept = Duration::ZERO;
    for _ in 0..ROUNDS {
        let mut child = Child::spawn("hold", &[name.as_str(), "producer"]);
        child.hear();
        let popping = std::thread::spawn(move || (rx.pop(), rx));
        bytes.until_parked(consumer());
        let start = Instant::now();
        child.say("close");
        let (popped, back) = within(SOON, "a pop", || popping.join().unwrap());
        slept += start.elapsed();
        assert_eq!(popped, Err(PopError::Closed));
        child.finish();
        rx = back;
    }
    assert!(slept < ROUNDS * Duration::from_millis(60), "the sleeps together took {slept:?}");
}

#[test]
fn a_waiting_consumer_goes_on_with_the_producer_that_comes_late() {
    let name = Name::new("late");
    let ring = Ring::<u64>::create(name.as_str(), &Options::new().wait(Wait::PARK)).unwrap();
    let mut rx = ring.consumer().unwrap();
    let popping = std::thread::spawn(move || rx.pop());
    Bytes::of(ring.descriptor()).until_parked(consumer());
    let _child = Child::spawn("push-many", &[name.as_str()]);
    assert_eq!(within(SOON, "a pop", || popping.join().unwrap()), Ok(0));
}

/// Job: a thread that produces unwinds, and its process goes on.
pub(crate) fn panic_while_producing(mut home: Home) {
    let name = home.argument(0).to_owned();
    let unwound = std::thread::spawn(move || {
        let mut tx = MessageProducer::open(name).unwrap();
        tx.push(b"half a stream").unwrap();
        std::panic::resume_unwind(Box::new(()));
    });
    assert!(unwound.join().is_err());
    home.say("unwound");
    home.stay();
}

#[test]
fn an_end_that_a_panic_drops_is_dead_and_half_a_stream_is_no_whole_one() {
    for death_notice in [true, false] {
        let name = Name::new("panic");
        let options = Options::new().death_notice(death_notice);
        let ring = MessageRing::create(name.as_str(), &options).unwrap();
        let rx = ring.consumer().unwrap();
        let mut child = Child::spawn("panic-while-producing", &[name.as_str()]);
        child.expect("unwound");
        let peer = rx.peer();
        assert_eq!(peer, Peer::Dead { session: 1, pid: Some(child.id()), released: true });
        let mut text = String::new();
        let read = rx.into_reader().read_to_string(&mut text);
        assert_eq!(read.unwrap_err().kind(), std::io::ErrorKind::BrokenPipe);
        // The role is free, and its next holder is alive.
        let _tx = ring.producer().unwrap();
        let rx = ring.consumer().unwrap();
        assert!(matches!(rx.peer(), Peer::Alive { session: 3, .. }), "{:?}", rx.peer());
    }
}

#[test]
fn the_shortest_wait_hears_of_the_end() {
    for wait in [Wait::SPIN, Wait::BALANCED, Wait::PARK] {
        for timeout in [Duration::ZERO, Duration::from_nanos(1)] {
            let options = Options::new().items(1).wait(wait);
            let ring = Ring::<u64>::create(Region::memfd("short"), &options).unwrap();
            let (tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
            assert_eq!(rx.pop_timeout(timeout), Err(PopError::TimedOut));
            tx.close();
            assert_eq!(rx.pop_timeout(timeout), Err(PopError::Closed), "{wait:?} {timeout:?}");
            let mut tx = ring.producer().unwrap();
            tx.push(1).unwrap();
            assert_eq!(tx.push_timeout(2, timeout), Err(PushError::TimedOut));
            rx.close();
            let pushed = tx.push_timeout(2, timeout);
            assert_eq!(pushed, Err(PushError::Closed), "{wait:?} {timeout:?}");
        }
    }
}
