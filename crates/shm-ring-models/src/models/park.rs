//! Parking and ringing, in both directions and both at once: no wake-up is lost. Nobody polls here: a
//! side that finds nothing to do sleeps, and only a ring ends that.

use loom::sync::Arc;
use loom::thread;

use super::{Region, STRIDE, explore};
use crate::protocol::clock::Deadline;
use crate::protocol::position::{Head, Tail};
use crate::protocol::park::{self, Gate};
use crate::protocol::record::COMMIT_WORD;
use crate::protocol::sync::Foreign;

/// `push` of a producer that sleeps when there is no room.
fn push(region: &Region, tail: &mut Tail, gate: &mut Gate, item: u64) {
    let (mine, theirs) = (&region.producer, Foreign::new(&region.consumer));
    while !region.push(tail, item) {
        let needed = (STRIDE + COMMIT_WORD).max(region.shape.capacity / 2);
        let wake_at = (tail.position() + needed).saturating_sub(region.shape.capacity);
        let head = theirs.map(|page| &page.position.0);
        let reached = || (head.relaxed() >= wake_at).then_some(());
        let _ = gate.park(mine, theirs, wake_at, true, reached, |_| Deadline);
    }
    gate.moved(tail.position(), mine, theirs);
}

/// `pop` of a consumer that sleeps when there is nothing.
fn pop(region: &Region, head: &mut Head, gate: &mut Gate) -> u64 {
    let (mine, theirs) = (&region.consumer, Foreign::new(&region.producer));
    loop {
        if let Some(item) = region.pop(head) {
            gate.moved(head.position(), mine, theirs);
            return item;
        }
        let wake_at = head.position() + 8;
        let stirs = || head.stirs(region).then_some(());
        let _ = gate.park(mine, theirs, wake_at, false, stirs, |_| Deadline);
    }
}

fn stream(region: &Arc<Region>, items: u64) {
    let (mut tail, mut head) = (region.tail(), region.head());
    let producer = {
        let region = region.clone();
        thread::spawn(move || {
            let mut gate = Gate::new(true);
            for item in 1..=items {
                push(&region, &mut tail, &mut gate, item);
            }
        })
    };
    let mut gate = Gate::new(true);
    for item in 1..=items {
        assert_eq!(pop(region, &mut head, &mut gate), item);
    }
    producer.join().unwrap();
}

/// The consumer sleeps; there is room for everything.
#[test]
fn a_sleeping_consumer_is_woken_for_one_item() {
    explore("park, consumer, one item", None, 240, || stream(&Region::at(0, 64), 1));
}

#[test]
fn a_sleeping_consumer_is_woken_for_each_of_two_items() {
    explore("park, consumer, two items", None, 1_000_000, || stream(&Region::at(0, 64), 2));
}

/// The producer sleeps: the ring is full when it starts.
#[test]
fn a_sleeping_producer_is_woken_for_room() {
    explore("park, producer", None, 240, || {
        let region = Region::at(0, 32);
        let (mut tail, mut head) = (region.tail(), region.head());
        assert!(region.push(&mut tail, 1));
        let consumer = {
            let region = region.clone();
            thread::spawn(move || {
                let mut gate = Gate::new(true);
                // The first item is there: no need to sleep.
                assert_eq!(pop(&region, &mut head, &mut gate), 1);
            })
        };
        push(&region, &mut tail, &mut Gate::new(true), 2);
        consumer.join().unwrap();
    });
}

/// Both sleep, in a ring that holds one item.
#[test]
fn neither_waits_for_the_other_for_ever() {
    explore("park, both", Some(3), 50_000, || stream(&Region::at(0, 32), 3));
}

/// `pop` of a consumer that sleeps until `threshold` bytes are there.
fn pop_at(region: &Region, head: &mut Head, gate: &mut Gate, threshold: u64) -> u64 {
    let (mine, theirs) = (&region.consumer, Foreign::new(&region.producer));
    loop {
        if let Some(item) = region.pop(head) {
            gate.moved(head.position(), mine, theirs);
            return item;
        }
        let wake_at = head.position() + threshold;
        let enough = || {
            let ready = head.ready(&region.shape, theirs).unwrap();
            gate::is_enough(ready, threshold, || head.stirs(region), theirs).then_some(())
        };
        let _ = gate.park(mine, theirs, wake_at, false, enough, |_| Deadline);
    }
}

/// A consumer that sleeps for two records is woken when they are there.
#[test]
fn a_threshold_is_enough_to_wake() {
    explore("park, threshold", None, 3_000, || {
        let region = Region::at(0, 64);
        let (mut tail, mut head) = (region.tail(), region.head());
        let producer = {
            let region = region.clone();
            thread::spawn(move || {
                let mut gate = Gate::new(true);
                push(&region, &mut tail, &mut gate, 1);
                push(&region, &mut tail, &mut gate, 2);
            })
        };
        let mut gate = Gate::new(true);
        assert_eq!(pop_at(&region, &mut head, &mut gate, 2 * STRIDE), 1);
        assert_eq!(pop_at(&region, &mut head, &mut gate, STRIDE), 2);
        producer.join().unwrap();
    });
}

/// The consumer waits for two records; the producer has published one and waits for all the room.
#[test]
fn a_threshold_gives_way_to_a_producer_that_waits_for_room() {
    explore("park, threshold against room", None, 150_000, || {
        let region = Region::at(0, 64);
        let (mut tail, mut head) = (region.tail(), region.head());
        let producer = {
            let region = region.clone();
            thread::spawn(move || {
                let mut gate = Gate::new(true);
                push(&region, &mut tail, &mut gate, 1);
                let (mine, theirs) = (&region.producer, Foreign::new(&region.consumer));
                let all = region.shape.capacity - COMMIT_WORD;
                let wake_at = tail.position();
                while !tail.has_room(all) {
                    let head = theirs.map(|page| &page.position.0);
                    let reached = || (head.relaxed() >= wake_at).then_some(());
                    let _ = gate.park(mine, theirs, wake_at, true, reached, |_| Deadline);
                    tail.refresh(&region.shape, mine, theirs, all).unwrap();
                }
            })
        };
        assert_eq!(pop_at(&region, &mut head, &mut Gate::new(true), 2 * STRIDE), 1);
        producer.join().unwrap();
    });
}
