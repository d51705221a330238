//! Parking and ringing, in both directions and both at once: no wake-up is lost. Nobody polls here: a side that finds
//! nothing to do sleeps, and only a ring ends that.

use loom::sync::Arc;
use loom::thread;

use super::{Region, WORD, explore};
use crate::protocol::clock::Deadline;
use crate::protocol::interrupt;
use crate::protocol::park::{self, Gate, Sleeper};
use crate::protocol::position::{Head, Tail};
use crate::protocol::sync::Foreign;

/// Sleeps once for one ring.
fn sleep(sleeper: Sleeper<'_>, last_look: impl FnOnce() -> Option<()>) {
    let _ = park::sleep::<1, _>(std::iter::once(sleeper), interrupt::NONE, last_look, |_| Deadline);
}

/// Sleeps until there is room for `bytes`, as `Publisher::wait_for_room` does.
fn await_room(region: &Region, tail: &mut Tail, bytes: u64) {
    let (mine, theirs) = (&region.producer, Foreign::new(&region.consumer));
    while !region.make_room(tail, bytes) {
        let needed = bytes.max(region.layout.limit / 2);
        let wake_at = (tail.position() + needed).saturating_sub(region.layout.limit);
        let head = theirs.map(|page| &page.position.0.word);
        let reached = || (head.relaxed() >= wake_at).then_some(());
        sleep(Sleeper::until(wake_at, true, mine, theirs), reached);
    }
}

/// `push` of a producer that sleeps when there is no room.
pub(super) fn push(region: &Region, tail: &mut Tail, gate: &mut Gate, item: u64) {
    await_room(region, tail, region.unit());
    assert!(region.push(tail, item));
    gate.moved(tail.position(), &region.producer, Foreign::new(&region.consumer));
}

/// `push_batch`, likewise.
fn push_batch(region: &Region, tail: &mut Tail, gate: &mut Gate, items: &[u64]) {
    await_room(region, tail, region.unit() * items.len() as u64);
    assert!(region.push_batch(tail, items));
    gate.moved(tail.position(), &region.producer, Foreign::new(&region.consumer));
}

/// `pop` of a consumer that sleeps when there is nothing.
fn pop(region: &Region, head: &mut Head, gate: &mut Gate) -> u64 {
    let (mine, theirs) = (&region.consumer, Foreign::new(&region.producer));
    loop {
        if let Some(item) = region.pop(head) {
            gate.moved(head.position(), mine, theirs);
            return item;
        }
        let wake_at = head.position() + region.unit();
        let has_changed = || head.has_changed(theirs).then_some(());
        sleep(Sleeper::until(wake_at, false, mine, theirs), has_changed);
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
    explore("park, consumer, one item", None, 240, || stream(&Region::at(0, 2), 1));
}

/// The two stores of a publication in front are one: a consumer that sees the first may sleep, and is woken for the
/// second.
#[test]
fn a_sleeping_consumer_is_woken_for_an_item_in_front() {
    explore("park, consumer, in front", None, 900, || stream(&Region::in_front(0, 2, 1), 1));
}

#[test]
fn a_sleeping_consumer_is_woken_for_each_of_two_items() {
    explore("park, consumer, two items", Some(6), 43_000, || stream(&Region::at(0, 2), 2));
}

/// The producer sleeps: the ring is full when it starts.
#[test]
fn a_sleeping_producer_is_woken_for_room() {
    explore("park, producer", None, 240, || {
        let region = Region::at(0, 1);
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
fn neither_waits_for_the_other_in_a_ring_of_one() {
    explore("park, both, one", Some(3), 50_000, || stream(&Region::at(0, 1), 3));
}

/// The same with the front.
#[test]
fn neither_waits_for_the_other_in_front() {
    explore("park, both, in front", Some(3), 13_000, || stream(&Region::in_front(0, 1, 1), 2));
}

/// A limit of three in a data area of four: half the limit is no multiple of an item, nor half the capacity.
#[test]
fn neither_waits_for_the_other_in_a_ring_of_three() {
    explore("park, both, three", Some(3), 65_000, || {
        let region = Region::at(WORD, 3);
        let (mut tail, mut head) = (region.tail(), region.head());
        let producer = {
            let region = region.clone();
            thread::spawn(move || {
                let mut gate = Gate::new(true);
                push_batch(&region, &mut tail, &mut gate, &[1, 2, 3]);
                push(&region, &mut tail, &mut gate, 4);
                push_batch(&region, &mut tail, &mut gate, &[5, 6]);
            })
        };
        let mut gate = Gate::new(true);
        for item in 1..=6 {
            assert_eq!(pop(&region, &mut head, &mut gate), item);
        }
        producer.join().unwrap();
    });
}

/// `pop` of a consumer that sleeps until `threshold` bytes are there.
pub(super) fn pop_at(region: &Region, head: &mut Head, gate: &mut Gate, threshold: u64) -> u64 {
    let (mine, theirs) = (&region.consumer, Foreign::new(&region.producer));
    loop {
        if let Some(item) = region.pop(head) {
            gate.moved(head.position(), mine, theirs);
            return item;
        }
        let wake_at = head.position() + threshold;
        let enough = || {
            let ready = head.ready(&region.layout, theirs).unwrap();
            park::is_enough(ready, threshold, || head.has_changed(theirs), theirs).then_some(())
        };
        sleep(Sleeper::until(wake_at, false, mine, theirs), enough);
    }
}

/// A consumer that sleeps for two records is woken when they are there.
#[test]
fn a_threshold_is_enough_to_wake() {
    explore("park, threshold", None, 1_700, || {
        let region = Region::at(0, 4);
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
        assert_eq!(pop_at(&region, &mut head, &mut gate, 2 * WORD), 1);
        assert_eq!(pop_at(&region, &mut head, &mut gate, WORD), 2);
        producer.join().unwrap();
    });
}

/// The consumer waits for two records; the producer has published one and waits for all the room.
#[test]
fn a_threshold_gives_way_to_a_producer_that_waits_for_room() {
    explore("park, threshold against room", None, 110_000, || {
        let region = Region::at(0, 4);
        let (mut tail, mut head) = (region.tail(), region.head());
        let producer = {
            let region = region.clone();
            thread::spawn(move || {
                let mut gate = Gate::new(true);
                push(&region, &mut tail, &mut gate, 1);
                await_room(&region, &mut tail, region.layout.limit);
            })
        };
        assert_eq!(pop_at(&region, &mut head, &mut Gate::new(true), 2 * WORD), 1);
        producer.join().unwrap();
    });
}
