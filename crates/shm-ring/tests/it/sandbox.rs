//! Sandboxes: with membarrier or futexes refused everything still goes on, slower and never stuck;
//! and under the strictest of them both sides push and pop, since they make no system call.

use std::time::Duration;

use shm_ring::{Consumer, Item, Options, PopError, Producer, PushError, Region, Ring, Wait};
use shm_ring_outsider::{FENCE_MODE, SLEEPS, consumer, producer};

use crate::bytes::Bytes;
use crate::harness::{Child, Home, Name, SOON, root_or_skip};
use crate::items::{check, make};
use crate::system;

/// Several laps of the smallest ring, with sleeps on both sides.
const ITEMS: u64 = 2000;

fn disturb(what: &str) {
    match what {
        "membarrier EPERM" => system::refuse(&[libc::SYS_membarrier], libc::EPERM),
        "membarrier ENOSYS" => system::refuse(&[libc::SYS_membarrier], libc::ENOSYS),
        "futex" => system::refuse(&[libc::SYS_futex], libc::EPERM),
        "futex_waitv" => system::refuse(&[libc::SYS_futex_waitv], libc::ENOSYS),
        "set_robust_list" => system::refuse(&[libc::SYS_set_robust_list], libc::EPERM),
        "signals" => {
            system::let_signals_interrupt();
            let waiter = rustix::thread::gettid();
            std::thread::spawn(move || {
                loop {
                    system::interrupt(waiter);
                    std::thread::sleep(Duration::from_millis(1));
                }
            });
        }
        _ => {}
    }
}

/// Job: one side of a stream, in a sandbox that closes before or after attaching.
pub(crate) fn sandboxed(mut home: Home) {
    let (name, what) = (home.argument(0).to_owned(), home.argument(2).to_owned());
    let late = home.argument(3) == "late";
    let options = Options::new().wait(Wait::PARK);
    if !late {
        disturb(&what);
    }
    let ring = Ring::<[u8; 24]>::open_with(name, &options).unwrap();
    if home.argument(1) == "producer" {
        let mut tx = ring.producer().unwrap();
        if late {
            disturb(&what);
        }
        for n in 0..ITEMS {
            tx.push(make(n)).unwrap();
            if n % 300 == 0 {
                // Long enough for the other side to fall asleep.
                std::thread::sleep(Duration::from_millis(2));
            }
        }
    } else {
        let mut rx = ring.consumer().unwrap();
        if late {
            disturb(&what);
        }
        for n in 0..ITEMS {
            check(&rx.pop().unwrap(), n);
            if n % 300 == 0 {
                std::thread::sleep(Duration::from_millis(2));
            }
        }
    }
    home.say("done");
}

#[test]
fn a_stream_goes_on_whatever_is_refused_to_either_side() {
    for what in [
        "membarrier EPERM",
        "membarrier ENOSYS",
        "futex",
        "futex_waitv",
        "set_robust_list",
        "signals",
    ] {
        for (producer_refused, consumer_refused) in [(true, true), (true, false), (false, true)] {
            for when in ["early", "late"] {
                let name = Name::new("sandbox");
                let options = Options::new().bytes(4096);
                let ring = Ring::<[u8; 24]>::create(name.as_str(), &options).unwrap();
                let spawn = |role: &str, refused: bool| {
                    let what = if refused { what } else { "nothing" };
                    Child::spawn("sandboxed", &[name.as_str(), role, what, when])
                };
                let producer_child = spawn("producer", producer_refused);
                let consumer_child = spawn("consumer", consumer_refused);
                for mut child in [producer_child, consumer_child] {
                    child.expect("done");
                    child.finish();
                }
                // Whoever could not register says that it fences by itself.
                if when == "early" && what.starts_with("membarrier") {
                    let bytes = Bytes::of(ring.descriptor());
                    let modes = [(producer(), producer_refused), (consumer(), consumer_refused)];
                    for (page, refused) in modes {
                        let mode = bytes.get(page + FENCE_MODE) as u32;
                        assert!(mode == 0 || !refused, "{what}: {mode}");
                    }
                }
            }
        }
    }
}

/// Job: sleeps for a while where the barrier that its waker relies on has just been refused.
pub(crate) fn sleep_lightly(mut home: Home) {
    let options = Options::new().wait(Wait::PARK);
    let ring = Ring::<u64>::create(Region::memfd("light-sleep"), &options).unwrap();
    let (_tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    let bytes = Bytes::of(ring.descriptor());
    disturb("membarrier EPERM");
    assert_eq!(rx.pop_timeout(Duration::from_millis(400)), Err(PopError::TimedOut));
    let relied_on = bytes.get(producer() + FENCE_MODE) as u32 == 1;
    home.say(&format!("{relied_on} {}", bytes.get(consumer() + SLEEPS)));
}

#[test]
fn who_cannot_have_the_barrier_that_its_waker_relies_on_sleeps_in_short_slices() {
    let mut child = Child::spawn("sleep-lightly", &[]);
    let told = child.hear();
    match told.split_once(' ').unwrap() {
        // Of 1 ms they would be hundreds, of 100 ms four.
        ("true", parks) => assert!(parks.parse::<u64>().unwrap() > 20, "{parks} sleeps"),
        _ => eprintln!("skipped, since this machine has no membarrier"),
    }
    child.finish();
}

const STRICT_ITEMS: u64 = 100_000;
/// Shorter than a slice: a longer wait asks about the peer, which takes a system call.
const PATIENCE: Duration = Duration::from_millis(20);

fn strict_producer<T: Item>(tx: &mut Producer<T>, home: &mut Home) -> bool {
    // Waits once for longer than a slice, so that all that is asked only now and then was asked.
    let mut next = 0;
    while tx.try_push(make(next)).is_ok() {
        next += 1;
    }
    let waited = tx.push_timeout(make(next), 10 * PATIENCE);
    home.say("ready");
    home.hear();
    system::allow_nothing();
    while next < STRICT_ITEMS {
        match tx.push_timeout(make(next), PATIENCE) {
            Ok(()) => next += 1,
            Err(PushError::TimedOut) => {}
            Err(_) => return false,
        }
    }
    waited == Err(PushError::TimedOut)
}

fn strict_consumer<T: Item>(rx: &mut Consumer<T>, home: &mut Home) -> bool {
    // As above.
    while rx.try_pop().is_ok() {}
    let waited = rx.pop_timeout(10 * PATIENCE).map(drop);
    home.say("ready");
    home.hear();
    system::allow_nothing();
    let mut next = rx.capacity() as u64;
    while next < STRICT_ITEMS {
        match rx.pop_timeout(PATIENCE) {
            Ok(item) if item.as_bytes() == make::<T>(next).as_bytes() => next += 1,
            Err(PopError::TimedOut) => {}
            Ok(_) | Err(_) => return false,
        }
    }
    waited == Err(PopError::TimedOut)
}

/// Job: one side of a stream where every system call is fatal.
pub(crate) fn strict(mut home: Home) {
    let (name, is_producer) = (home.argument(0).to_owned(), home.argument(1) == "producer");
    match system::fork() {
        None => {
            let options = Options::new().wait(Wait::SPIN);
            let ring = Ring::<[u8; 64]>::open_with(name, &options).unwrap();
            // Ends before the role is given back, which takes system calls.
            let end = |fine: bool| system::exit_now(if fine { 0 } else { 1 });
            if is_producer {
                let mut tx = ring.producer().unwrap();
                home.say("attached");
                home.hear();
                end(strict_producer(&mut tx, &mut home));
            } else {
                let mut rx = ring.consumer().unwrap();
                home.say("attached");
                home.hear();
                end(strict_consumer(&mut rx, &mut home));
            }
        }
        Some(pid) => {
            // The line is the forked one's until it has ended.
            let status = system::wait_for(pid);
            home.say(&format!("status {status}"));
        }
    }
}

#[test]
fn no_system_call_is_made_while_both_sides_are_awake() {
    let name = Name::new("strict");
    let options = Options::new().bytes(4096);
    let _ring = Ring::<[u8; 64]>::create(name.as_str(), &options).unwrap();
    let mut producing = Child::spawn("strict", &[name.as_str(), "producer"]);
    producing.expect("attached");
    let mut consuming = Child::spawn("strict", &[name.as_str(), "consumer"]);
    consuming.expect("attached");
    // One after the other, so that each has nothing to do for a while beside a peer that is there.
    for child in [&mut producing, &mut consuming] {
        child.say("wait");
        child.expect("ready");
    }
    for child in [&mut producing, &mut consuming] {
        child.say("go");
    }
    // A system call would have ended it with SIGSYS.
    for child in [&mut producing, &mut consuming] {
        child.expect("status 0");
    }
}

/// Job: says what creating and opening answer where /proc is not mounted.
pub(crate) fn without_proc(mut home: Home) {
    let name = home.argument(0).to_owned();
    system::mount_tmpfs(std::path::Path::new("/proc"), 4096).unwrap();
    for answer in [
        Ring::<u64>::open(name.as_str()),
        Ring::<u64>::open_or_create(name.as_str(), &Options::new()),
        Ring::<u64>::create(format!("{name}-other"), &Options::new()),
    ] {
        home.say(&answer.unwrap_err().to_string());
    }
    let memfd = Ring::<u64>::create(Region::memfd("without-proc"), &Options::new()).unwrap();
    home.say(&memfd.producer().unwrap_err().to_string());
}

#[test]
fn without_proc_every_error_says_that_it_is_missing() {
    if root_or_skip("a mount namespace without /proc") {
        let name = Name::new("proc");
        drop(Ring::<u64>::create(name.as_str(), &Options::new()).unwrap());
        let mut child = Child::spawn("without-proc", &[name.as_str()]);
        for _ in 0..4 {
            let text = child.hear();
            assert!(text.contains("/proc"), "{text}");
        }
        child.finish();
    }
}

/// Job: pops what is pushed, asleep before each, in a process that keeps out of membarriers.
pub(crate) fn keep_out_of_membarriers(mut home: Home) {
    let options = Options::new().wait(Wait::PARK).membarrier(false);
    let ring = Ring::<u64>::open_with(home.argument(0), &options).unwrap();
    let (mut tx, mut rx) = (
        Ring::<u64>::open_with(home.argument(1), &options).unwrap().producer().unwrap(),
        ring.consumer().unwrap(),
    );
    home.say(&format!("{:?}", system::is_registered_for_membarriers().unwrap_or(false)));
    while let Ok(number) = rx.pop() {
        tx.push(number).unwrap();
    }
}

#[test]
fn who_keeps_out_of_membarriers_is_not_registered_and_is_woken() {
    let names = [Name::new("there"), Name::new("back")];
    let options = Options::new().bytes(4096).wait(Wait::PARK);
    let [there, back] =
        names.each_ref().map(|name| Ring::<u64>::create(name.as_str(), &options).unwrap());
    let (mut tx, mut rx) = (there.producer().unwrap(), back.consumer().unwrap());
    let [one, other] = names.each_ref().map(Name::as_str);
    let mut child = Child::spawn("keep-out-of-membarriers", &[one, other]);
    child.expect("false");
    let (there, back) = (Bytes::of(there.descriptor()), Bytes::of(back.descriptor()));
    assert_eq!(there.get(consumer() + FENCE_MODE) as u32, 2);
    assert_eq!(back.get(producer() + FENCE_MODE) as u32, 2);
    let start = std::time::Instant::now();
    for number in 0..100 {
        there.until_parked(consumer());
        tx.push(number).unwrap();
        assert_eq!(rx.pop(), Ok(number));
    }
    // One that nobody wakes looks again at the end of a slice.
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
    assert!(back.get(consumer() + SLEEPS) > 10);
    tx.close();
    child.finish();
}
