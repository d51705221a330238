//! Who wakes whom when: every form rings for a sleeper; a threshold is kept, and gives way to its time,
//! to a producer that waits and to one that goes. Sleeps and rings are counted in the side pages: time
//! decides only where a sleep that nobody ends would last a slice, many times over.

use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use rustix::thread::futex;
use rustix::time::Timespec;
use shm_ring::{
    Consumer, Latest, Options, PopError, Producer, PushError, Region, Ring, Threshold, Wait,
};
use shm_ring_outsider::{BELL, Mapping, NEVER, SLEEPS, WAKE_AT, WAKES_SENT, consumer, producer};

use crate::bytes::Bytes;
use crate::forms::{Aligned, AnyRing, Kind, Put, Room, Take};
use crate::harness::{Child, Home, LIMIT, Name, SOON, until, within};
use crate::items::text;

/// Longer than any test takes.
const AGES: Duration = Duration::from_secs(3600);
const CAPACITY: usize = 4096;
const STRIDE: u64 = 8;

fn ring<K: Kind + ?Sized>() -> (K::Ring, Bytes) {
    crate::harness::watch();
    let options = Options::new().bytes(CAPACITY).wait(Wait::PARK);
    let ring = K::create(Region::memfd("waking"), &options).unwrap();
    let bytes = Bytes::of(ring.descriptor());
    (ring, bytes)
}

#[test]
fn every_form_of_publishing_and_of_taking_rings_for_a_sleeper() {
    fn rings<K: Kind + ?Sized>(len: usize) {
        let less = K::LEN.is_none().then_some(Put::Reserve(Room::Less));
        for put in K::PUSHES.iter().copied().chain(less) {
            let (ring, bytes) = ring::<K>();
            let mut tx = ring.producer().unwrap();
            let (before, payload) = (bytes.get(producer() + WAKES_SENT), text(1, len));
            K::push(&mut tx, put, &payload).unwrap();
            assert_eq!(bytes.get(producer() + WAKES_SENT), before, "{put:?} rang for nobody");
            // As a consumer that is about to sleep until there is a record.
            let tail = bytes.tail();
            bytes.set(consumer() + WAKE_AT, tail + K::UNIT as u64);
            K::push(&mut tx, put, &payload).unwrap();
            assert_eq!(bytes.get(producer() + WAKES_SENT), before + 1, "{put:?} must ring");
        }
        for take in K::POPS {
            let (ring, bytes) = ring::<K>();
            let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
            for _ in 0..2 {
                K::push(&mut tx, Put::Try, &text(1, len)).unwrap();
            }
            let before = bytes.get(consumer() + WAKES_SENT);
            K::pop(&mut rx, *take, len).unwrap();
            assert_eq!(bytes.get(consumer() + WAKES_SENT), before, "{take:?} rang for nobody");
            // As a producer that is about to sleep until that one is read.
            bytes.set(producer() + WAKE_AT, bytes.tail());
            K::pop(&mut rx, *take, len).unwrap();
            assert_eq!(bytes.get(consumer() + WAKES_SENT), before + 1, "{take:?} must ring");
        }
    }
    rings::<u64>(8);
    rings::<[u8]>(0);
    rings::<[u8]>(100);
    rings::<Aligned<64>>(20);
    rings::<[u8; 60]>(60);
}

/// A consumer that pops on a thread of its own, and what it says about each pop.
struct Popping {
    told: Receiver<Result<u64, PopError>>,
    bytes: Bytes,
    tx: Producer<u64>,
}

impl Popping {
    fn under(threshold: Threshold) -> Self {
        let (ring, bytes) = ring::<u64>();
        let (tx, rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
        Self { told: popping(rx, threshold), bytes, tx }
    }

    /// Waits until the consumer has slept twice more for `wake_at`: whatever it looked at before, it
    /// has looked again.
    fn until_asleep_again(&self, wake_at: u64) {
        let parks = self.bytes.get(consumer() + SLEEPS);
        until("the consumer has slept twice more", || {
            self.bytes.get(consumer() + SLEEPS) >= parks + 2
                && self.bytes.get(consumer() + WAKE_AT) == wake_at
        });
    }
}

fn popping(mut rx: Consumer<u64>, threshold: Threshold) -> Receiver<Result<u64, PopError>> {
    rx.set_threshold(Some(threshold));
    let (tell, told) = channel();
    std::thread::spawn(move || {
        loop {
            let popped = rx.pop();
            if tell.send(popped).is_err() || popped.is_err() {
                break;
            }
        }
    });
    told
}

#[test]
fn a_sleeper_under_a_threshold_is_woken_at_that_many_and_not_before() {
    let mut side = Popping::under(Threshold::items::<u64>(8, AGES));
    for round in 0..3 {
        let wake_at = (round + 1) * 8 * STRIDE;
        assert_eq!(side.bytes.until_parked_since(consumer(), round * 8 * STRIDE), wake_at);
        let rings = side.bytes.get(producer() + WAKES_SENT);
        for n in 0..7 {
            side.tx.push(n).unwrap();
        }
        side.until_asleep_again(wake_at);
        assert!(side.told.try_recv().is_err(), "it was content with seven");
        assert_eq!(
            side.bytes.get(producer() + WAKES_SENT),
            rings,
            "it was rung for before its time"
        );
        side.tx.push(7).unwrap();
        // None if it was awake just then, between two slices of its sleep.
        assert!(side.bytes.get(producer() + WAKES_SENT) <= rings + 1);
        for n in 0..8 {
            assert_eq!(side.told.recv_timeout(LIMIT), Ok(Ok(n)));
        }
    }
}

#[test]
fn a_threshold_of_more_than_half_the_ring_counts_as_half() {
    for (bytes, expected) in [(0, 8), (1, 8), (usize::MAX, CAPACITY / 2), (CAPACITY, CAPACITY / 2)]
    {
        let side = Popping::under(Threshold::bytes(bytes, AGES));
        assert_eq!(side.bytes.until_parked_since(consumer(), NEVER), expected as u64, "{bytes}");
    }
    let side = Popping::under(Threshold::items::<u64>(usize::MAX, AGES));
    assert_eq!(side.bytes.until_parked_since(consumer(), NEVER), CAPACITY as u64 / 2);
}

#[test]
fn fewer_than_the_threshold_are_taken_after_its_time_and_not_before() {
    const WITHIN: Duration = Duration::from_millis(150);
    let mut side = Popping::under(Threshold::items::<u64>(8, WITHIN));
    for n in 0..3 {
        // Once the time of the threshold is over and nothing is there, it sleeps until the first.
        let first = n * STRIDE + 8;
        until("the consumer waits for one record", || {
            side.bytes.get(consumer() + WAKE_AT) == first
        });
        let start = Instant::now();
        side.tx.push(n).unwrap();
        assert_eq!(side.told.recv_timeout(LIMIT), Ok(Ok(n)));
        let elapsed = start.elapsed();
        assert!(elapsed >= WITHIN, "its clock starts with the record: {elapsed:?}");
        assert!(elapsed < SOON, "{elapsed:?}");
    }
}

#[test]
fn an_idle_consumer_is_not_woken_for_its_threshold() {
    let side = Popping::under(Threshold::items::<u64>(8, Duration::from_millis(1)));
    until("it sleeps until the first", || side.bytes.get(consumer() + WAKE_AT) == 8);
    let (start, parks) = (Instant::now(), side.bytes.get(consumer() + SLEEPS));
    std::thread::sleep(Duration::from_millis(500));
    let slept = side.bytes.get(consumer() + SLEEPS) - parks;
    // Once a slice of 100 ms; by its threshold it would be once a millisecond.
    let most = start.elapsed().as_millis() as u64 / 100 + 5;
    assert!(slept <= most, "{slept} sleeps where {most} would do");
    assert!(side.told.try_recv().is_err());
}

#[test]
fn a_producer_that_needs_the_whole_ring_is_not_kept_waiting_by_a_threshold() {
    const ROUNDS: u64 = 100;
    let (ring, bytes) = ring::<[u8]>();
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    rx.set_threshold(Some(Threshold::bytes(CAPACITY / 2, AGES)));
    let longest = tx.max_len();
    let start = Instant::now();
    let reading = std::thread::spawn(move || rx.iter().collect::<Result<Vec<_>, _>>());
    let pushing = std::thread::spawn(move || {
        for n in 0..ROUNDS {
            bytes.until_parked(consumer());
            // Less than the threshold, and in the way of a message that needs all of the ring.
            tx.push(&text(n, 100)).unwrap();
            tx.push(&text(n, longest)).unwrap();
        }
    });
    within(LIMIT, "pushing", || pushing.join().unwrap());
    let read = within(LIMIT, "reading", || reading.join().unwrap()).unwrap();
    assert!(read.into_iter().eq((0..ROUNDS).flat_map(|n| [text(n, 100), text(n, longest)])));
    // A side that nobody woke would go on at the end of a slice: ten seconds for a hundred.
    assert!(start.elapsed() < SOON, "{ROUNDS} rounds took {:?}", start.elapsed());
}

#[test]
fn a_producer_that_goes_to_sleep_tells_a_consumer_that_sleeps() {
    for (wake_at, rings) in [(NEVER, false), (1 << 40, true)] {
        let (ring, bytes) = ring::<u64>();
        let mut tx = ring.producer().unwrap();
        while tx.try_push(1).is_ok() {}
        // As a consumer under a threshold that this producer cannot reach.
        bytes.set(consumer() + WAKE_AT, wake_at);
        let before = bytes.get(producer() + WAKES_SENT);
        assert_eq!(tx.push_timeout(1, Duration::from_millis(1)), Err(PushError::TimedOut));
        assert_eq!(bytes.get(producer() + WAKES_SENT) > before, rings, "{wake_at:#x}");
    }
}

#[test]
fn a_producer_that_closes_ends_the_wait_for_a_threshold_at_once() {
    const ROUNDS: u32 = 60;
    let mut slept = Duration::ZERO;
    for count in (0..4).cycle().take(ROUNDS as usize) {
        let mut side = Popping::under(Threshold::items::<u64>(8, AGES));
        for n in 0..count {
            side.tx.push(n).unwrap();
        }
        side.bytes.until_parked(consumer());
        let start = Instant::now();
        side.tx.close();
        for n in 0..count {
            assert_eq!(side.told.recv_timeout(LIMIT), Ok(Ok(n)));
        }
        assert_eq!(side.told.recv_timeout(LIMIT), Ok(Err(PopError::Closed)));
        slept += start.elapsed();
    }
    // At the end of a slice each it would be six seconds.
    assert!(slept < ROUNDS * Duration::from_millis(60), "the sleeps together took {slept:?}");
}

/// Job: pushes a few numbers and stays.
pub(crate) fn push_few(mut home: Home) {
    let mut tx = Producer::<u64>::open(home.argument(0)).unwrap();
    for n in 0..home.number(1) {
        tx.push(n).unwrap();
    }
    home.say("pushed");
    home.stay();
}

#[test]
fn a_producer_that_is_killed_ends_the_wait_for_a_threshold() {
    for count in [0, 3] {
        let name = Name::new("threshold-death");
        let options = Options::new().bytes(CAPACITY).wait(Wait::PARK);
        let ring = Ring::<u64>::create(name.as_str(), &options).unwrap();
        let bytes = Bytes::of(ring.descriptor());
        let told = popping(ring.consumer().unwrap(), Threshold::items::<u64>(8, AGES));
        let mut child = Child::spawn("push-few", &[name.as_str(), &count.to_string()]);
        child.expect("pushed");
        assert_eq!(bytes.until_parked_since(consumer(), NEVER), 8 * STRIDE);
        child.kill();
        for n in 0..count {
            assert_eq!(told.recv_timeout(SOON), Ok(Ok(n)));
        }
        assert_eq!(told.recv_timeout(SOON), Ok(Err(PopError::PeerDead)));
    }
}

#[test]
fn a_threshold_delays_only_what_would_have_to_wait() {
    let (ring, _) = ring::<u64>();
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    rx.set_threshold(Some(Threshold::items::<u64>(8, AGES)));
    // What is there is there.
    let (told, mut rx) = within(LIMIT, "taking what is there", move || {
        let mut told = Vec::new();
        for take in <u64>::POPS {
            tx.push(1).unwrap();
            told.push(<u64>::pop(&mut rx, *take, 0).is_ok());
        }
        told.push(<u64>::pop(&mut rx, Take::Timeout, 0) == Err(PopError::TimedOut));
        told.push(rx.pop_timeout(Duration::from_millis(5)) == Err(PopError::TimedOut));
        tx.push(2).unwrap();
        drop(tx);
        (told, rx)
    });
    assert!(told.iter().all(|fine| *fine), "{told:?}");
    rx.set_threshold(None);
    assert_eq!((rx.pop(), rx.pop()), (Ok(2), Err(PopError::Closed)));
}

/// Three sleep on the bell of `page`, as readers of a latest value do, or others than the peer: `ring` wakes all of them.
#[track_caller]
fn assert_all_wake(what: &str, region: impl AsFd, page: u64, ring: impl FnOnce()) {
    let bell = Arc::new(Mapping::read_only(region).unwrap());
    let sleepers = [(); 3].map(|()| {
        let (tell, hear) = channel();
        let mapped = bell.clone();
        let sleeper = std::thread::spawn(move || {
            let word = mapped.futex(page + BELL);
            let rung = word.load(Ordering::Relaxed);
            tell.send(rustix::thread::gettid().as_raw_nonzero()).unwrap();
            let limit = Timespec { tv_sec: LIMIT.as_secs() as i64, tv_nsec: 0 };
            futex::wait(word, futex::Flags::empty(), rung, Some(&limit))
        });
        let path = format!("/proc/self/task/{}/syscall", hear.recv().unwrap());
        let at = core::ptr::from_ref(bell.futex(page + BELL)).addr();
        let asleep = format!("{} {at:#x} ", libc::SYS_futex);
        until("it sleeps", || std::fs::read_to_string(&path).unwrap().starts_with(&asleep));
        sleeper
    });
    ring();
    for sleeper in sleepers {
        // Whoever is left to its own deadline has not been woken.
        assert_eq!(sleeper.join().unwrap(), Ok(()), "{what} woke somebody, and not all");
    }
}

#[test]
fn a_bell_wakes_everybody_who_sleeps_on_it() {
    let latest = Latest::<u64>::create(Region::memfd("bell"), &Options::new()).unwrap();
    let mut writer = latest.writer().unwrap();
    assert_all_wake("notify", latest.descriptor(), producer(), || writer.notify());
    assert_all_wake("a writer that closes", latest.descriptor(), producer(), || writer.close());
    let ring = Ring::<u64>::create(Region::memfd("bell"), &Options::new()).unwrap();
    let (mut tx, mut rx) = (None, None);
    let fd = ring.descriptor();
    assert_all_wake("a producer that attaches", fd, producer(), || tx = ring.producer().ok());
    assert_all_wake("a consumer that attaches", fd, consumer(), || rx = ring.consumer().ok());
    // As a consumer that is about to sleep until there is a record.
    let mut tx = tx.unwrap();
    Bytes::of(fd).set(consumer() + WAKE_AT, STRIDE);
    assert_all_wake("a push", fd, producer(), || tx.push(1).unwrap());
    assert_all_wake("a producer that closes", fd, producer(), || tx.close());
}
