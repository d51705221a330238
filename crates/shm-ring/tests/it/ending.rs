//! Closing in order: the reader drains and then learns of it, as often as it asks; the next peer
//! takes up where the last one stopped. A push needs nobody while there is room.

use std::io::Read;
use std::time::{Duration, Instant};

use shm_ring::{
    Consumer, Latest, MessageProducer, MessageRing, Options, Peer, PopError, Producer, PushError,
    ReadError, Region, Ring, Wait,
};
use shm_ring_outsider::{DIED, LIVENESS, SESSION, consumer, judge, producer};

use crate::bytes::Bytes;
use crate::harness::{Child, Home, Name, SOON, until, within};

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

/// In a liveness word: the kernel reports the death of a thread; it has done so, or the side itself.
const WAITERS: u32 = 1 << 31;
const MARK: u32 = 1 << 30;

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
    let (name, notice) = (home.argument(0).to_owned(), home.argument(1) == "notice");
    let unwound = std::thread::spawn(move || {
        let options = Options::new().death_notice(notice);
        let mut tx = MessageProducer::open_with(name, &options).unwrap();
        tx.push(b"half a stream").unwrap();
        std::panic::resume_unwind(Box::new(()));
    });
    assert!(unwound.join().is_err());
    home.say("unwound");
    home.stay();
}

#[test]
fn an_end_that_a_panic_drops_is_dead_and_half_a_stream_is_no_whole_one() {
    for notice in ["notice", "none"] {
        let name = Name::new("panic");
        let ring = MessageRing::create(name.as_str(), &Options::new()).unwrap();
        let rx = ring.consumer().unwrap();
        let mut child = Child::spawn("panic-while-producing", &[name.as_str(), notice]);
        child.expect("unwound");
        // As LAYOUT.md says: bit 30 is set, and what stood there stands there still.
        let bytes = Bytes::of(ring.descriptor());
        let word = bytes.get(producer() + LIVENESS) as u32;
        let (reported, thread) = (word & WAITERS != 0, word & !(WAITERS | MARK));
        assert_eq!(word & MARK, MARK, "{word:#x}");
        assert_eq!((reported, thread != 0), (notice == "notice", notice == "notice"), "{word:#x}");
        let died = || bytes.get(producer() + DIED);
        assert_eq!((bytes.get(producer() + SESSION), died()), (1, 0));
        judge(bytes.region(), &bytes.header()).unwrap();
        let peer = rx.peer();
        assert_eq!(peer, Peer::Dead { session: 1, pid: Some(child.id()), released: true });
        let mut text = String::new();
        let read = rx.into_reader().read_to_string(&mut text);
        assert_eq!(read.unwrap_err().kind(), std::io::ErrorKind::BrokenPipe);
        // The role is free, and its next holder is alive.
        let _tx = ring.producer().unwrap();
        assert_eq!(died(), 1);
        let rx = ring.consumer().unwrap();
        assert!(matches!(rx.peer(), Peer::Alive { session: 3, .. }), "{:?}", rx.peer());
    }
}

#[test]
fn a_side_that_is_killed_in_its_panic_before_it_rings_is_still_reported_by_the_kernel() {
    let name = Name::new("panic-killed");
    let ring = Ring::<u64>::create(name.as_str(), &small(Wait::PARK)).unwrap();
    let mut rx = ring.consumer().unwrap();
    let mut child = Child::spawn("hold", &[name.as_str(), "producer"]);
    child.hear();
    let bytes = Bytes::of(ring.descriptor());
    let word = || bytes.get(producer() + LIVENESS) as u32;
    // The first store of its panic, as the test above has seen it; the ring does not follow.
    bytes.write(producer() + LIVENESS, &(word() | MARK).to_le_bytes());
    child.kill();
    until("the kernel has marked the word", || word() == WAITERS | MARK);
    assert_eq!(rx.pop(), Err(PopError::PeerDead));
}

/// A thread that has an end, and unwinds with it.
pub(crate) fn unwinding<E: Send + 'static>(end: E) {
    let unwound = std::thread::spawn(move || {
        let _end = end;
        std::panic::resume_unwind(Box::new(()));
    });
    assert!(unwound.join().is_err());
}

#[test]
fn a_sleeping_side_hears_of_a_panic_at_once() {
    let ring = memfd(Wait::PARK);
    let bytes = Bytes::of(ring.descriptor());
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    let mut slept = Duration::ZERO;
    for _ in 0..ROUNDS {
        let popping = std::thread::spawn(move || (rx.pop(), rx));
        bytes.until_parked(consumer());
        let start = Instant::now();
        unwinding(tx);
        let (popped, back) = within(SOON, "a pop", || popping.join().unwrap());
        slept += start.elapsed();
        assert_eq!(popped, Err(PopError::PeerDead));
        rx = back;
        tx = ring.producer().unwrap();
        while tx.try_push(1).is_ok() {}
        let pushing = std::thread::spawn(move || (tx.push(1), tx));
        bytes.until_parked(producer());
        let start = Instant::now();
        unwinding(rx);
        let (pushed, back) = within(SOON, "a push", || pushing.join().unwrap());
        slept += start.elapsed();
        assert_eq!(pushed, Err(PushError::PeerDead));
        tx = back;
        rx = ring.consumer().unwrap();
        while rx.try_pop().is_ok() {}
    }
    // At the end of a slice each it would be at least eight seconds.
    assert!(slept < ROUNDS * Duration::from_millis(120), "the sleeps together took {slept:?}");
}

#[test]
fn the_writer_of_a_latest_value_that_a_panic_drops_is_dead() {
    let latest = Latest::<u64>::create(Region::memfd("panic"), &Options::new()).unwrap();
    let mut reader = latest.reader().unwrap();
    let mut writer = latest.writer().unwrap();
    writer.write(7);
    assert_eq!(reader.read(), Ok(7));
    unwinding(writer);
    assert!(matches!(reader.writer(), Peer::Dead { session: 1, .. }), "{:?}", reader.writer());
    assert_eq!(reader.read_newer(), Err(ReadError::WriterDead));
    assert_eq!(latest.writer().unwrap().session(), 3);
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
