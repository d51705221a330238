//! Answers and delays that strace injects into system calls of a process of ours.
//!
//! Owns: what is injected where. Knows nothing of: other ways to refuse a call.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use shm_ring::{Consumer, Peer, PopError, Producer, PushError, Region, Ring, Wait};

use super::{sized, three_laps};
use crate::alone::{Fork, alone, alone_by, is_alone};
use crate::harness::{Dir, Name, SOON};
use crate::system;

/// Runs `body` where strace injects this; skipped where it cannot be.
fn injected<F: FnOnce()>(injection: &str, body: F) {
    if is_alone() {
        return alone(body);
    }
    let mut strace = Command::new("strace");
    let tried = strace.args(["-o", "/dev/null", "true"]).stderr(Stdio::null()).status();
    if !tried.is_ok_and(|status| status.success()) {
        return eprintln!("skipped, since it needs strace: {injection}");
    }
    let dir = Dir::new("injected");
    let log = dir.join("log");
    let call = injection.split(':').next().unwrap_or_default();
    let (trace, inject) = (format!("trace={call}"), format!("inject={injection}"));
    let words = ["strace", "-f", "-qq", "-o", log.to_str().unwrap(), "-e", &trace, "-e", &inject];
    alone_by(&words, body);
    let log = std::fs::read_to_string(log).unwrap();
    assert!(log.contains("(INJECTED)") || log.contains("(DELAYED)"), "{injection} shows nothing");
}

/// Deadlines are kept on both sides.
#[test]
fn a_sleep_that_is_always_interrupted_ends_in_time() {
    injected("futex:error=EINTR", || {
        let options = sized(4096).wait(Wait::PARK);
        let ring = Ring::<u64>::create(Region::memfd("traced"), &options).unwrap();
        let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
        let long = Duration::from_millis(250);
        let start = Instant::now();
        assert_eq!(rx.pop_timeout(long), Err(PopError::TimedOut));
        assert!((long..long + SOON).contains(&start.elapsed()), "{:?}", start.elapsed());
        while tx.try_push(0).is_ok() {}
        let start = Instant::now();
        assert_eq!(tx.push_timeout(0, long), Err(PushError::TimedOut));
        assert!((long..long + SOON).contains(&start.elapsed()), "{:?}", start.elapsed());
    });
}

/// Two processes that sleep again and again: the ring holds less than one gets ahead while the other naps.
#[test]
fn a_stream_whose_sleeps_and_barriers_fail_or_dawdle_goes_on() {
    const VALUES: u64 = 600;
    for injection in [
        "futex:error=EINTR:when=1+2",
        "futex:error=EAGAIN:when=1+2",
        "futex:delay_enter=2000:delay_exit=1000",
        "membarrier:delay_enter=1000:delay_exit=1000",
        "membarrier:error=EPERM:when=3+",
    ] {
        injected(injection, || {
            let (name, options) = (Name::new("traced"), sized(32 * 8).wait(Wait::PARK));
            let ring = Ring::<u64>::create(name.as_str(), &options).unwrap();
            let nap = |n: u64| {
                if n.is_multiple_of(200) {
                    std::thread::sleep(Duration::from_millis(5));
                }
            };
            let pushing = Fork::new(system::fork, || {
                let mut tx = Producer::<u64>::open_with(name.as_str(), &options).unwrap();
                for n in 0..VALUES {
                    tx.push(n).unwrap();
                    nap(n + 100);
                }
            });
            let mut rx = ring.consumer().unwrap();
            for n in 0..VALUES {
                assert_eq!(rx.pop(), Ok(n));
                nap(n);
            }
            assert!(pushing.ended().success());
        });
    }
}

#[test]
fn what_creates_and_attaches_is_interrupted_and_goes_on() {
    for injection in [
        "fcntl:error=EINTR:when=1..12+2",
        "fallocate:error=EINTR:when=1..3",
        "pwrite64:error=EINTR:when=1..3",
    ] {
        injected(injection, || {
            let name = Name::new("traced");
            let ring = Ring::<u64>::create(name.as_str(), &sized(4096)).unwrap();
            three_laps(&ring);
            let tx = Producer::<u64>::open(name.as_str()).unwrap();
            let rx = Consumer::<u64>::open(name.as_str()).unwrap();
            assert!(matches!(tx.peer(), Peer::Alive { .. }));
            assert!(matches!(rx.peer(), Peer::Alive { .. }));
        });
    }
}
