//! The death of a peer that sleeps, and of the peer of one that sleeps: noticed within a slice;
//! what was published is read first; the next peer goes on in place.

use std::time::{Duration, Instant};

use shm_ring::{Options, Peer, PopError, PushError, Ring, Wait};
use shm_ring_outsider::{POSITION, SLEEPS, WAKES_SENT, consumer, producer};

use crate::bytes::Bytes;
use crate::harness::{Child, Name, SOON, within};

const WAITS: [Wait; 4] = [
    Wait::SPIN,
    Wait::BALANCED,
    Wait::PARK,
    Wait { spins: 0, yields: 8, park: false, ..Wait::SPIN },
];

fn ring(name: &Name, wait: Wait) -> Ring<u64> {
    Ring::create(name.as_str(), &Options::new().bytes(4096).wait(wait).unlink_on_drop()).unwrap()
}

#[test]
fn a_producer_killed_in_its_sleep_leaves_a_whole_ring() {
    for wait in WAITS {
        let name = Name::new("parked-producer");
        let ring = ring(&name, wait);
        let bytes = Bytes::of(ring.descriptor());
        let mut rx = ring.consumer().unwrap();
        for round in 0..2 {
            let mut child = Child::spawn("push-many", &[name.as_str()]);
            child.expect("attached");
            bytes.until_parked(producer());
            child.kill();
            let session = 2 * round + 1;
            assert_eq!(rx.peer(), Peer::Dead { session, pid: Some(child.id()), released: true });
            for n in 0..rx.capacity() as u64 {
                assert_eq!(rx.pop(), Ok(n));
            }
            let start = Instant::now();
            for _ in 0..3 {
                assert_eq!(rx.pop(), Err(PopError::PeerDead));
            }
            assert_eq!(rx.pop_timeout(SOON), Err(PopError::PeerDead));
            assert_eq!(rx.iter().next(), Some(Err(PopError::PeerDead)));
            assert!(start.elapsed() < SOON);
        }
        let mut tx = ring.producer().unwrap();
        tx.push(7).unwrap();
        assert_eq!(rx.pop(), Ok(7));
        tx.close();
        assert_eq!(rx.pop(), Err(PopError::Closed), "the dead one is forgotten");
    }
}

#[test]
fn a_consumer_killed_in_its_sleep_loses_nothing() {
    for wait in WAITS {
        let name = Name::new("parked-consumer");
        let ring = ring(&name, wait);
        let bytes = Bytes::of(ring.descriptor());
        let mut tx = ring.producer().unwrap();
        let mut child = Child::spawn("pop-and-tell", &[name.as_str(), "numbers"]);
        tx.push(0).unwrap();
        child.expect("1");
        bytes.until_parked(consumer());
        child.kill();
        assert_eq!(tx.peer(), Peer::Dead { session: 1, pid: Some(child.id()), released: true });
        for n in 0..tx.capacity() as u64 {
            tx.push(n).unwrap();
        }
        let start = Instant::now();
        for _ in 0..3 {
            assert_eq!(tx.push(0), Err(PushError::PeerDead));
            assert_eq!(tx.push_timeout(0, SOON), Err(PushError::PeerDead));
        }
        assert!(start.elapsed() < SOON);
        let mut rx = ring.consumer().unwrap();
        assert_eq!(
            (rx.session(), tx.peer()),
            (3, Peer::Alive { session: 3, pid: Some(std::process::id()) })
        );
        for n in 0..tx.capacity() as u64 {
            assert_eq!(rx.pop(), Ok(n));
        }
        tx.push(8).unwrap();
        assert_eq!(rx.pop(), Ok(8));
    }
}

#[test]
fn a_waiting_consumer_learns_that_its_producer_was_killed() {
    for wait in WAITS {
        let name = Name::new("killed-while-we-wait");
        let ring = ring(&name, wait);
        let mut rx = ring.consumer().unwrap();
        let mut child = Child::spawn("hold", &[name.as_str(), "producer"]);
        child.hear();
        let popping = std::thread::spawn(move || rx.pop());
        if wait == Wait::PARK {
            Bytes::of(ring.descriptor()).until_parked(consumer());
        }
        child.kill();
        let popped = within(SOON, "a pop", || popping.join().unwrap());
        assert_eq!(popped, Err(PopError::PeerDead));
    }
}

#[test]
fn a_waiting_producer_learns_that_its_consumer_was_killed() {
    for wait in WAITS {
        let name = Name::new("killed-while-we-push");
        let ring = ring(&name, wait);
        let mut tx = ring.producer().unwrap();
        while tx.try_push(1).is_ok() {}
        let mut child = Child::spawn("hold", &[name.as_str(), "consumer"]);
        child.hear();
        let pushing = std::thread::spawn(move || tx.push(1));
        if wait == Wait::PARK {
            Bytes::of(ring.descriptor()).until_parked(producer());
        }
        child.kill();
        let pushed = within(SOON, "a push", || pushing.join().unwrap());
        assert_eq!(pushed, Err(PushError::PeerDead));
    }
}

#[test]
fn what_was_published_just_before_a_death_is_read_by_a_sleeper_nobody_woke() {
    let name = Name::new("killed-before-the-ring");
    let ring = ring(&name, Wait::PARK);
    let bytes = Bytes::of(ring.descriptor());
    let mut rx = ring.consumer().unwrap();
    for n in 0..5 {
        let mut child = Child::spawn("hold", &[name.as_str(), "producer"]);
        child.hear();
        let popping = std::thread::spawn(move || (rx.pop(), rx.pop(), rx));
        bytes.until_parked(consumer());
        // As a producer that is killed between its publish and its look at the sleeper.
        bytes.publish_silently(&(100_u64 + n).to_le_bytes());
        child.kill();
        let (first, second, back) = within(SOON, "two pops", || popping.join().unwrap());
        assert_eq!((first, second), (Ok(100 + n), Err(PopError::PeerDead)));
        rx = back;
    }
}

#[test]
fn what_was_read_just_before_a_death_is_room_for_a_sleeper_nobody_woke() {
    let name = Name::new("killed-after-reading");
    let ring = ring(&name, Wait::PARK);
    let bytes = Bytes::of(ring.descriptor());
    let mut tx = ring.producer().unwrap();
    for n in 1..=5 {
        while tx.try_push(1).is_ok() {}
        let mut child = Child::spawn("hold", &[name.as_str(), "consumer"]);
        child.hear();
        let pushing = std::thread::spawn(move || (tx.push(1), tx.push(2), tx));
        bytes.until_parked(producer());
        // As a consumer that is killed between giving room back and its look at the sleeper.
        bytes.set(consumer() + POSITION, 8 * n);
        child.kill();
        let (first, second, back) = within(SOON, "two pushes", || pushing.join().unwrap());
        assert_eq!((first, second), (Ok(()), Err(PushError::PeerDead)));
        tx = back;
    }
}

const BRIEF: Duration = Duration::from_millis(3);

#[test]
fn who_was_left_waits_for_the_next() {
    let name = Name::new("next");
    let ring = ring(&name, Wait::BALANCED);
    let mut rx = ring.consumer().unwrap();
    assert_eq!(rx.wait_for_peer(BRIEF), Peer::Absent);
    for session in [1, 3, 5] {
        let waiting = std::thread::spawn(move || (rx.wait_for_peer(Duration::MAX), rx));
        let mut child = Child::spawn("hold", &[name.as_str(), "producer"]);
        child.hear();
        let (peer, back) = within(SOON, "a wait for a producer", || waiting.join().unwrap());
        rx = back;
        let alive = Peer::Alive { session, pid: Some(child.id()) };
        assert_eq!((peer, rx.wait_for_peer(Duration::ZERO)), (alive, alive));
        child.kill();
        assert_eq!(
            rx.wait_for_peer(BRIEF),
            Peer::Dead { session, pid: Some(child.id()), released: true }
        );
        assert_eq!(rx.pop(), Err(PopError::PeerDead));
    }
    let mut tx = ring.producer().unwrap();
    drop(rx);
    assert_eq!(tx.wait_for_peer(BRIEF), Peer::Closed { session: 2 });
    let _rx = ring.consumer().unwrap();
    assert!(matches!(tx.wait_for_peer(BRIEF), Peer::Alive { session: 3, .. }));
}

#[test]
fn a_peer_that_came_and_went_ends_the_wait_for_it() {
    let name = Name::new("visit");
    let ring = ring(&name, Wait::BALANCED);
    ring.producer().unwrap().close();
    let mut rx = ring.consumer().unwrap();
    // The one that left before is no news.
    assert_eq!(rx.wait_for_peer(BRIEF), Peer::Closed { session: 2 });
    ring.producer().unwrap().push(7).unwrap();
    let (peer, mut rx) = within(SOON, "a wait", || (rx.wait_for_peer(Duration::MAX), rx));
    assert_eq!(peer, Peer::Closed { session: 4 });
    // There is something to read as long as nobody reads it.
    assert_eq!(rx.wait_for_peer(Duration::MAX), Peer::Closed { session: 4 });
    assert_eq!(rx.pop(), Ok(7));
    // Told once behind what it published: from here on it waits for the next.
    assert_eq!(rx.wait_for_peer(Duration::MAX), Peer::Closed { session: 4 });
    let (start, brief) = (Instant::now(), Duration::from_millis(50));
    assert_eq!(rx.wait_for_peer(brief), Peer::Closed { session: 4 });
    assert!(start.elapsed() >= brief, "an end that was told is no news");
    let waiting = std::thread::spawn(move || (rx.wait_for_peer(Duration::MAX), rx));
    let _tx = ring.producer().unwrap();
    let (peer, mut rx) = within(SOON, "a wait", || waiting.join().unwrap());
    assert!(matches!(peer, Peer::Alive { session: 5, .. }), "{peer:?}");
    assert_eq!(rx.pop_timeout(BRIEF), Err(PopError::TimedOut), "that end was reported");
}

#[test]
fn whoever_waits_for_the_end_of_the_other_side_is_woken_by_it_and_by_nothing_else() {
    let name = Name::new("the-end");
    let ring = ring(&name, Wait::PARK);
    let (bytes, mut rx) = (Bytes::of(ring.descriptor()), ring.consumer().unwrap());
    let mut tx = ring.producer().unwrap();
    let waiting = std::thread::spawn(move || (rx.wait_for_end(Duration::MAX), rx));
    crate::harness::until("it sleeps", || bytes.get(consumer() + SLEEPS) > 0);
    let before = bytes.get(producer() + WAKES_SENT);
    tx.push(7).unwrap();
    assert_eq!(bytes.get(producer() + WAKES_SENT), before, "it waits for no record");
    tx.close();
    let (peer, mut rx) = within(SOON, "a wait for the end", || waiting.join().unwrap());
    assert_eq!((peer, rx.pop()), (Peer::Closed { session: 2 }, Ok(7)));
    let mut child = Child::spawn("hold", &[name.as_str(), "producer"]);
    child.expect("3");
    let waiting = std::thread::spawn(move || rx.wait_for_end(Duration::MAX));
    child.kill();
    let peer = within(SOON, "a wait for the end", || waiting.join().unwrap());
    assert!(matches!(peer, Peer::Dead { session: 3, .. }), "{peer:?}");
}
