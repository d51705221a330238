//! Waiting: who sleeps is woken, in both directions; deadlines are kept, whatever interrupts.

use std::time::{Duration, Instant};

use shm_ring::{Item, Options, PopError, PushError, Region, Ring, Wait, wait_any};
use shm_ring_outsider::{NEVER, SLEEPS, WAITS, consumer, producer};

use crate::bytes::Bytes;
use crate::harness::{Child, Home, Name, SOON, until, within};
use crate::notice::has_waitv;
use crate::system;

const ROUNDS: u64 = 100;

fn named<T: Item>(name: &Name) -> Ring<T> {
    let options = Options::new().bytes(4096).wait(Wait::PARK);
    Ring::create(name.as_str(), &options).unwrap()
}

/// Job: pops one item after another, sleeping for each, and says how many there were.
pub(crate) fn pop_and_tell(mut home: Home) {
    fn run<T: Item>(home: &mut Home) {
        let options = Options::new().wait(Wait::PARK);
        let ring = Ring::<T>::open_with(home.argument(0), &options).unwrap();
        let mut rx = ring.consumer().unwrap();
        let mut popped = 0;
        while rx.pop().is_ok() {
            popped += 1;
            home.say(&popped.to_string());
        }
    }
    match home.argument(1) {
        "bytes" => run::<u8>(&mut home),
        _ => run::<u64>(&mut home),
    }
}

/// Job: pushes numbers until the consumer goes, sleeping when the ring is full.
pub(crate) fn push_many(mut home: Home) {
    let options = Options::new().wait(Wait::PARK);
    let ring = Ring::<u64>::open_with(home.argument(0), &options).unwrap();
    let mut tx = ring.producer().unwrap();
    home.say("attached");
    let mut n = 0;
    while tx.push(n).is_ok() {
        n += 1;
    }
}

fn wake_consumer<T: Item>(items: &str) {
    let name = Name::new("wake-consumer");
    let ring = named::<T>(&name);
    let bytes = Bytes::of(ring.descriptor());
    let mut tx = ring.producer().unwrap();
    let mut child = Child::spawn("pop-and-tell", &[name.as_str(), items]);
    let start = Instant::now();
    for n in 1..=ROUNDS {
        bytes.until_parked(consumer());
        tx.try_push(T::new_zeroed()).unwrap();
        child.expect(&n.to_string());
    }
    // One that is not woken notices at the end of its slice: a hundred of them take ten seconds.
    assert!(start.elapsed() < SOON, "{ROUNDS} rounds took {:?}", start.elapsed());
    // Those that were only about to sleep when the push came do not count.
    assert!(bytes.get(consumer() + SLEEPS) > ROUNDS / 10, "it was meant to sleep each time");
    tx.close();
    child.finish();
}

#[test]
fn a_sleeping_consumer_is_woken_by_a_push() {
    wake_consumer::<u64>("numbers");
    // The shortest record moves the tail to exactly where the sleeper waits for it.
    wake_consumer::<u8>("bytes");
}

#[test]
fn a_sleeping_producer_is_woken_when_half_the_ring_is_free() {
    let name = Name::new("wake-producer");
    let ring = named::<u64>(&name);
    let bytes = Bytes::of(ring.descriptor());
    let mut rx = ring.consumer().unwrap();
    let mut child = Child::spawn("push-many", &[name.as_str()]);
    child.expect("attached");
    let (mut expected, mut slept_for) = (0, NEVER);
    let start = Instant::now();
    for _ in 0..ROUNDS {
        slept_for = bytes.until_parked_since(producer(), slept_for);
        // Not an item more than it waits for.
        while expected * 8 < slept_for {
            assert_eq!(rx.try_pop(), Ok(expected));
            expected += 1;
        }
        assert_eq!(expected * 8, slept_for);
    }
    assert!(start.elapsed() < SOON, "{ROUNDS} rounds took {:?}", start.elapsed());
}

#[test]
fn a_sleeping_producer_is_woken_at_its_threshold_and_after_a_slice_at_the_first_place() {
    let options = Options::new().bytes(4096).wait(Wait::PARK);
    let ring = Ring::<u64>::create(Region::memfd("threshold"), &options).unwrap();
    let bytes = Bytes::of(ring.descriptor());
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    // Half, the first free place, what the record needs, and more than there is.
    for (threshold, woken_at) in [(None, 256), (Some(1), 1), (Some(0), 1), (Some(1000), 512)] {
        tx.set_threshold(threshold);
        let mut pushed = 0;
        while tx.try_push(pushed).is_ok() {
            pushed += 1;
        }
        assert_eq!(pushed, 512);
        let sleeps = || bytes.get(producer() + SLEEPS);
        let before = sleeps();
        let pushing = std::thread::spawn(move || (tx.push(pushed), tx));
        // What it asks for, and not when it goes on: after a slice it takes any room.
        let wake_at = bytes.until_parked_since(producer(), NEVER);
        if sleeps() <= before + 1 {
            assert_eq!(wake_at, rx.position() + 8 * woken_at, "{threshold:?}");
        }
        // And asks for no more.
        until("its second sleep", || sleeps() > before + 1);
        let wake_at = bytes.until_parked_since(producer(), NEVER);
        assert_eq!(wake_at, rx.position() + 8, "{threshold:?}, a slice later");
        assert_eq!(rx.try_pop(), Ok(0));
        let (told, back) = within(SOON, "a push", || pushing.join().unwrap());
        assert_eq!(told, Ok(()));
        tx = back;
        (1..=512).for_each(|expected| assert_eq!(rx.try_pop(), Ok(expected)));
    }
}

/// How often a consumer sleeps that waits for 2.5 s.
fn sleeps_in_a_long_wait(options: &Options) -> u64 {
    let ring = Ring::<u64>::create(Region::memfd("long"), &options.clone().wait(Wait::PARK));
    let ring = ring.unwrap();
    let bytes = Bytes::of(ring.descriptor());
    let (_tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    assert_eq!(rx.pop_timeout(Duration::from_millis(2500)), Err(PopError::TimedOut));
    bytes.get(consumer() + SLEEPS)
}

#[test]
fn a_sleeper_that_the_kernel_watches_over_sleeps_a_second_at_a_time() {
    if has_waitv() {
        // The first is a tenth of a second long.
        let sleeps = sleeps_in_a_long_wait(&Options::new());
        assert!(sleeps <= 6, "{sleeps}");
    }
}

#[test]
fn a_sleeper_whose_peer_may_die_untold_looks_each_tenth_of_a_second() {
    let sleeps = sleeps_in_a_long_wait(&Options::new().death_notice(false));
    assert!(sleeps >= 10, "{sleeps}");
    let mut child = Child::spawn("sleeps-without-waitv", &[]);
    let sleeps: u64 = child.hear().parse().unwrap();
    assert!(sleeps >= 10, "{sleeps} where the kernel does not let it sleep on the word of a death");
    child.finish();
}

/// Job: says how often it sleeps in a long wait where it can sleep on the bell alone.
pub(crate) fn sleeps_without_waitv(mut home: Home) {
    system::refuse(&[libc::SYS_futex_waitv], libc::ENOSYS);
    home.say(&sleeps_in_a_long_wait(&Options::new()).to_string());
}

#[test]
fn a_side_spins_for_as_long_as_it_was_told() {
    let ring = Ring::<u64>::create(Region::memfd("spin-for"), &Options::new()).unwrap();
    let bytes = Bytes::of(ring.descriptor());
    let (_tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    let mut sleeps = |spin_for, timeout| {
        let before = bytes.get(consumer() + SLEEPS);
        rx.set_wait(Wait { spin_for, ..Wait::PARK });
        assert_eq!(rx.pop_timeout(timeout), Err(PopError::TimedOut));
        bytes.get(consumer() + SLEEPS) - before
    };
    let (long, briefly) = (Duration::from_millis(50), Duration::from_millis(1));
    if std::thread::available_parallelism().unwrap().get() > 1 {
        assert_eq!(sleeps(Duration::MAX, long), 0);
    }
    assert!(sleeps(briefly, long) > 0);
}

#[test]
fn a_time_out_comes_not_before_its_time() {
    crate::harness::watch();
    for wait in [
        Wait::SPIN,
        Wait::BALANCED,
        Wait::PARK,
        Wait { spins: 0, yields: 1, park: false, ..Wait::SPIN },
    ] {
        let options = Options::new().bytes(4096).wait(wait);
        let ring = Ring::<u64>::create(Region::memfd("time-out"), &options).unwrap();
        let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
        for millis in [0, 1, 30, 250] {
            let timeout = Duration::from_millis(millis);
            let start = Instant::now();
            assert_eq!(rx.pop_timeout(timeout), Err(PopError::TimedOut));
            let elapsed = start.elapsed();
            assert!((timeout..timeout + SOON).contains(&elapsed), "{wait:?}: {elapsed:?}");
            while tx.try_push(1).is_ok() {}
            let start = Instant::now();
            assert_eq!(tx.push_timeout(1, timeout), Err(PushError::TimedOut));
            let elapsed = start.elapsed();
            assert!((timeout..timeout + SOON).contains(&elapsed), "{wait:?}: {elapsed:?}");
            while rx.try_pop().is_ok() {}
        }
        // No time at all is enough for what is there, and the longest time is no overflow.
        tx.push_timeout(7, Duration::ZERO).unwrap();
        assert_eq!(rx.pop_timeout(Duration::ZERO), Ok(7));
        let popping = std::thread::spawn(move || rx.pop_timeout(Duration::MAX));
        std::thread::sleep(Duration::from_millis(5));
        tx.push_timeout(8, Duration::MAX).unwrap();
        assert_eq!(popping.join().unwrap(), Ok(8));
    }
}

/// Threads that keep one processor busy, on which the caller is too, until this is dropped.
struct Crowd(std::sync::Arc<std::sync::atomic::AtomicBool>);

impl Crowd {
    fn of(threads: usize) -> Self {
        use std::sync::atomic::{AtomicBool, Ordering};
        let mut one = rustix::thread::CpuSet::new();
        let all = rustix::thread::sched_getaffinity(None).unwrap();
        one.set((0..).find(|cpu| all.is_set(*cpu)).unwrap());
        rustix::thread::sched_setaffinity(None, &one).unwrap();
        let over = std::sync::Arc::new(AtomicBool::new(false));
        for _ in 0..threads {
            let over = over.clone();
            // It inherits the processor.
            std::thread::spawn(move || while !over.load(Ordering::Relaxed) {});
        }
        Self(over)
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.0.store(true, std::sync::atomic::Ordering::Relaxed);
    }
}

/// A yield takes as many time slices of the scheduler as there are others: a thousand of them take more than any bound
/// here, and one of them less.
#[test]
fn a_side_that_yields_on_a_busy_processor_keeps_its_deadline() {
    crate::harness::watch();
    let waiting = std::thread::spawn(|| {
        let _crowd = Crowd::of(6);
        for (yields, park) in [(4000, true), (1024, false)] {
            let wait = Wait { yields, park, ..Wait::PARK };
            let options = Options::new().bytes(4096).wait(wait);
            let ring = Ring::<u64>::create(Region::memfd("crowd"), &options).unwrap();
            let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
            let start = Instant::now();
            let timeout = Duration::from_millis(1);
            assert_eq!(rx.pop_timeout(timeout), Err(PopError::TimedOut));
            while tx.try_push(1).is_ok() {}
            assert_eq!(tx.push_timeout(1, timeout), Err(PushError::TimedOut));
            assert!(start.elapsed() < SOON, "{wait:?}: {:?}", start.elapsed());
        }
    });
    waiting.join().unwrap();
}

#[test]
fn without_any_time_it_looks_once_and_asks_once() {
    for wait in [Wait::SPIN, Wait::BALANCED, Wait::PARK] {
        let options = Options::new().bytes(4096).wait(wait);
        let ring = Ring::<u64>::create(Region::memfd("no-time"), &options).unwrap();
        let bytes = Bytes::of(ring.descriptor());
        let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
        for _ in 0..3 {
            assert_eq!(rx.pop_timeout(Duration::ZERO), Err(PopError::TimedOut));
        }
        while tx.try_push(7).is_ok() {}
        for _ in 0..3 {
            assert_eq!(tx.push_timeout(7, Duration::ZERO), Err(PushError::TimedOut));
        }
        for page in [consumer(), producer()] {
            assert_eq!((bytes.get(page + WAITS), bytes.get(page + SLEEPS)), (0, 0), "{wait:?}");
        }
        // What was published comes before the end, and the end is told.
        tx.close();
        while !rx.is_empty() {
            assert_eq!(rx.pop_timeout(Duration::ZERO), Ok(7));
        }
        assert_eq!(rx.pop_timeout(Duration::ZERO), Err(PopError::Closed));
        let mut tx = ring.producer().unwrap();
        assert_eq!(rx.pop_timeout(Duration::ZERO), Err(PopError::TimedOut), "of the next one");
        while tx.try_push(7).is_ok() {}
        rx.close();
        assert_eq!(tx.push_timeout(7, Duration::ZERO), Err(PushError::Closed));
    }
}

/// Job: waits with a deadline while signals hit the waiting thread.
pub(crate) fn interrupted(mut home: Home) {
    system::let_signals_interrupt();
    let options = Options::new().bytes(4096).wait(Wait::PARK);
    let ring = Ring::<u64>::create(Region::memfd("interrupted"), &options).unwrap();
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    let waiter = rustix::thread::gettid();
    std::thread::spawn(move || {
        loop {
            system::interrupt(waiter);
            std::thread::sleep(Duration::from_micros(300));
        }
    });
    let timeout = Duration::from_millis(400);
    let start = Instant::now();
    let popped = rx.pop_timeout(timeout);
    home.say(&format!("{popped:?} {}", (timeout..timeout + SOON).contains(&start.elapsed())));
    while tx.try_push(1).is_ok() {}
    let start = Instant::now();
    let pushed = tx.push_timeout(1, timeout);
    home.say(&format!("{pushed:?} {}", (timeout..timeout + SOON).contains(&start.elapsed())));
    let other = Ring::<u64>::create(Region::memfd("interrupted"), &options).unwrap();
    let mut other_rx = other.consumer().unwrap();
    while rx.try_pop().is_ok() {}
    let start = Instant::now();
    let waited = wait_any(&mut [&mut rx, &mut other_rx], Some(timeout));
    home.say(&format!("{waited:?} {}", (timeout..timeout + SOON).contains(&start.elapsed())));
    home.say(&(Bytes::of(ring.descriptor()).get(consumer() + SLEEPS) > 20).to_string());
}

#[test]
fn signals_do_not_move_a_deadline() {
    let mut child = Child::spawn("interrupted", &[]);
    for _ in ["pop_timeout", "push_timeout", "wait_any"] {
        child.expect("Err(TimedOut) true");
    }
    // It was interrupted many times, or this would show nothing.
    child.expect("true");
    child.finish();
}

#[test]
fn a_side_waits_as_it_was_told_last() {
    let options = Options::new().bytes(4096).wait(Wait::SPIN);
    let ring = Ring::<u64>::create(Region::memfd("told-last"), &options).unwrap();
    let bytes = Bytes::of(ring.descriptor());
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    let a_moment = Duration::from_millis(20);
    while tx.try_push(0).is_ok() {}
    let mut sleeps = |wait| {
        tx.set_wait(wait);
        assert_eq!(tx.push_timeout(0, a_moment), Err(PushError::TimedOut));
        bytes.get(producer() + SLEEPS)
    };
    assert_eq!(sleeps(Wait::SPIN), 0);
    assert!(sleeps(Wait::PARK) > 0);
    while rx.try_pop().is_ok() {}
    let mut sleeps = |wait| {
        rx.set_wait(wait);
        assert_eq!(rx.pop_timeout(a_moment), Err(PopError::TimedOut));
        bytes.get(consumer() + SLEEPS)
    };
    assert_eq!(sleeps(Wait::SPIN), 0);
    assert!(sleeps(Wait::PARK) > 0);
}
