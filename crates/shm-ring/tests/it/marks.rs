//! What a side's liveness word says, whoever wrote it: the mark of a death ends a session, and a word that lies keeps nobody
//! busy.

use std::time::{Duration, Instant};

use shm_ring::{Options, Peer, PopError, Region, Ring, Wait};
use shm_ring_outsider::{LIVENESS, SLEEPS, consumer, producer};

use crate::bytes::Bytes;

/// In a liveness word, by linux/futex.h: somebody may sleep here; the one who stood here died.
const WAITERS: u32 = 1 << 31;
const DIED: u32 = 1 << 30;

fn parked() -> Options {
    Options::new().wait(Wait::PARK)
}

#[test]
fn the_mark_ends_a_session_whatever_holds_the_lease_and_what_comes_is_delivered() {
    // As of a process whose memory the kernel is still tearing down.
    let ring = Ring::<u64>::create(Region::memfd("marked"), &parked()).unwrap();
    let bytes = Bytes::of(ring.descriptor());
    let mark = |word: u32| bytes.write(producer() + LIVENESS, &word.to_le_bytes());
    for wait in [Wait::PARK, Wait::SPIN, Wait::BALANCED] {
        let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
        rx.set_wait(wait);
        tx.push(1).unwrap();
        for word in [WAITERS | DIED, DIED, u32::MAX] {
            mark(word);
            let (session, pid) = (tx.session(), std::process::id());
            assert_eq!(
                rx.peer(),
                Peer::Dead { session, pid: Some(pid), released: false },
                "{word:x}"
            );
            // A system call that was under way writes one more.
            tx.push(2).unwrap();
            assert_eq!((rx.pop(), rx.pop()), (Ok(1), Ok(2)), "{word:x}");
            assert_eq!(rx.pop(), Err(PopError::PeerDead), "{word:x}");
            tx.push(1).unwrap();
            assert_eq!(rx.pop(), Ok(1), "{word:x}");
            assert_eq!(rx.pop_timeout(Duration::ZERO), Err(PopError::PeerDead), "{word:x}");
            tx.push(1).unwrap();
        }
        assert_eq!(rx.pop(), Ok(1));
        // A successor takes the mark away before its session is there.
        drop(tx);
        let _next = ring.producer().unwrap();
        assert!(matches!(rx.peer(), Peer::Alive { .. }), "{:?}", rx.peer());
    }
}

#[test]
fn a_word_that_lies_keeps_nobody_busy() {
    let ring = Ring::<u64>::create(Region::memfd("lying-word"), &parked()).unwrap();
    let bytes = Bytes::of(ring.descriptor());
    for wait in [Wait::PARK, Wait::SPIN, Wait::BALANCED] {
        let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
        rx.set_wait(wait);
        for lie in [WAITERS, 1, WAITERS | 1] {
            bytes.write(producer() + LIVENESS, &lie.to_le_bytes());
            let (parks, start) = (bytes.get(consumer() + SLEEPS), Instant::now());
            assert_eq!(
                rx.pop_timeout(Duration::from_millis(30)),
                Err(PopError::TimedOut),
                "{lie:x}"
            );
            let parks = bytes.get(consumer() + SLEEPS) - parks;
            assert!(parks <= 2 + start.elapsed().as_millis() as u64 / 50, "{parks}: {lie:x}");
            tx.push(7).unwrap();
            assert_eq!(rx.pop(), Ok(7), "{lie:x}");
        }
    }
}
