//! Interrupts end whatever an end waits for, from a thread and from a signal handler, and none is lost.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use shm_ring::{
    Interrupt, Options, Peer, PopError, PushError, Region, Ring, Threshold, Wait, WaitAnyError,
    wait_any,
};
use shm_ring_outsider::{SLEEPS, consumer, producer};

use crate::bytes::Bytes;
use crate::harness::{Child, Home};
use crate::system;

const WAITS: [Wait; 4] = [
    Wait::SPIN,
    Wait::BALANCED,
    Wait::PARK,
    Wait { spins: 0, yields: 8, park: false, ..Wait::SPIN },
];

/// What `wait` returns in a thread of its own, interrupted when it sleeps or is about to wait.
fn interrupted<T: Send>(
    interrupt: &Interrupt,
    asleep: impl FnOnce(),
    wait: impl FnOnce() -> T + Send,
) -> T {
    std::thread::scope(|scope| {
        let waiting = scope.spawn(wait);
        asleep();
        interrupt.interrupt();
        waiting.join().unwrap()
    })
}

#[test]
fn whatever_a_side_waits_for_it_is_interrupted() {
    crate::harness::watch();
    for wait in WAITS {
        let options = Options::new().bytes(4096).wait(wait);
        let ring = Ring::<u64>::create(Region::memfd("interrupted"), &options).unwrap();
        let other = Ring::<u64>::create(Region::memfd("interrupted"), &options).unwrap();
        let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
        let mut any = other.consumer().unwrap();
        let (push, pop) = (tx.interrupt_handle(), rx.interrupt_handle());
        let bytes = Bytes::of(ring.descriptor());
        let sleeps = |page: u64| bytes.get(page + SLEEPS);
        let bytes = &bytes;
        let asleep = |page: u64| {
            move || {
                if wait == Wait::PARK {
                    bytes.until_parked(page);
                }
            }
        };
        assert_eq!(interrupted(&pop, asleep(consumer()), || rx.pop()), Err(PopError::Interrupted));
        let peeked = interrupted(&pop, asleep(consumer()), || rx.peek(2).map(|view| view.len()));
        assert_eq!(peeked, Err(PopError::Interrupted));
        rx.set_threshold(Some(Threshold::items::<u64>(9, Duration::from_secs(9))));
        assert_eq!(interrupted(&pop, asleep(consumer()), || rx.pop()), Err(PopError::Interrupted));
        rx.set_threshold(None);
        let both = || wait_any(&mut [&mut any, &mut rx], None);
        assert_eq!(interrupted(&pop, asleep(consumer()), both), Err(WaitAnyError::Interrupted));
        // Each ended one wait.
        let briefly = Duration::from_millis(1);
        assert_eq!(rx.pop_timeout(briefly), Err(PopError::TimedOut), "{wait:?}");
        assert_eq!(wait_any(&mut [&mut any, &mut rx], Some(briefly)), Err(WaitAnyError::TimedOut));

        while tx.try_push(7).is_ok() {}
        let pushed = interrupted(&push, asleep(producer()), || tx.push(7));
        assert_eq!(pushed, Err(PushError::Interrupted));
        assert_eq!(tx.push_timeout(7, briefly), Err(PushError::TimedOut));
        assert!(wait != Wait::PARK || sleeps(consumer()) >= 4 && sleeps(producer()) >= 1);

        // One that comes before the wait ends it, and what is there comes first.
        pop.interrupt();
        pop.clone().interrupt();
        assert_eq!(rx.pop(), Ok(7));
        assert_eq!(wait_any(&mut [&mut any, &mut rx], None), Ok(1));
        while rx.try_pop().is_ok() {}
        assert_eq!(rx.pop_timeout(Duration::ZERO), Err(PopError::TimedOut), "it does not wait");
        assert_eq!(rx.pop(), Err(PopError::Interrupted));
        assert_eq!(rx.pop_timeout(briefly), Err(PopError::TimedOut));

        tx.close();
        assert_eq!(rx.pop(), Err(PopError::Closed));
        let awaited = interrupted(&pop, || (), || rx.wait_for_peer(Duration::MAX));
        assert_eq!(awaited, Peer::Closed { session: 2 });
    }
}

static HANDLE: OnceLock<Interrupt> = OnceLock::new();
static HANDLED: AtomicU64 = AtomicU64::new(0);

extern "C" fn handle(_: libc::c_int) {
    if let Some(interrupt) = HANDLE.get() {
        interrupt.interrupt();
    }
    HANDLED.fetch_add(1, Ordering::Relaxed);
}

/// Job: is interrupted by signals while it waits, with or without the call that sleeps on several words.
pub(crate) fn interrupted_by_signals(mut home: Home) {
    system::handle_signals(handle);
    if home.argument(0) == "refused" {
        system::refuse(&[libc::SYS_futex_waitv], libc::ENOSYS);
    }
    let ring = Ring::<u64>::create(Region::memfd("signals"), &Options::new().wait(Wait::PARK));
    let ring = ring.unwrap();
    let (_tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    HANDLE.set(rx.interrupt_handle()).unwrap();
    let waiter = rustix::thread::gettid();
    let signals = 200;
    std::thread::spawn(move || {
        for sent in 0..signals {
            system::interrupt(waiter);
            // At another moment of the wait each time.
            (0..sent * 40).for_each(|_| std::hint::spin_loop());
            while HANDLED.load(Ordering::Relaxed) <= sent {
                std::thread::yield_now();
            }
        }
    });
    // Several that come before a wait are one: the last of them all is found in any case.
    let mut ended = 0;
    while HANDLED.load(Ordering::Relaxed) < signals || ended == 0 {
        assert_eq!(rx.pop(), Err(PopError::Interrupted));
        ended += 1;
        if HANDLED.load(Ordering::Relaxed) == signals {
            break;
        }
    }
    home.say("interrupted");
}

#[test]
fn a_signal_handler_interrupts() {
    for how in ["allowed", "refused"] {
        let mut child = Child::spawn("interrupted-by-signals", &[how]);
        child.expect("interrupted");
        child.finish();
    }
}
