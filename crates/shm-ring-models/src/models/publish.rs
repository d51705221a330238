//! Publishing and releasing: whole records in order, room reused only after it was read, an exactly full ring.

use loom::sync::Arc;
use loom::thread;

use super::{Region, WORD, explore};
use crate::protocol::position::Look;
use crate::protocol::sync::Foreign;

pub(super) fn stream(region: &Arc<Region>, items: u64) {
    let (mut tail, mut head) = (region.tail(), region.head());
    let producer = {
        let region = region.clone();
        thread::spawn(move || {
            for item in 1..=items {
                while !region.push(&mut tail, item) {
                    thread::yield_now();
                }
            }
        })
    };
    for item in 1..=items {
        let popped = loop {
            match region.pop(&mut head) {
                Some(popped) => break popped,
                None => thread::yield_now(),
            }
        };
        assert_eq!(popped, item, "out of order");
    }
    producer.join().unwrap();
}

/// Edge `publish`: both items fit.
#[test]
fn two_items_from_the_data() {
    explore("publish, two items", None, 90, || stream(&Region::at(0, 2), 2));
}

/// Edge `release`: the third item needs the room of the first, across the end of the data.
#[test]
fn three_items_through_reused_room() {
    explore("publish, room reused", None, 19_000, || stream(&Region::at(WORD, 2), 3));
}

/// A limit below the capacity: the room that a pop frees is not where the next record goes.
#[test]
fn room_is_reused_only_after_it_was_read() {
    explore("publish, laps apart", Some(3), 130_000, || stream(&Region::at(0, 3), 5));
}

/// A ring of n values holds n, whatever its capacity, and its consumer takes all of them for possible.
#[test]
fn a_ring_of_n_holds_exactly_n() {
    for limit in [1, 2, 3] {
        explore(&format!("publish, exactly {limit}"), None, 6, move || {
            let region = Region::at(0, limit);
            let (mut tail, mut head) = (region.tail(), region.head());
            let producer = {
                let region = region.clone();
                thread::spawn(move || {
                    for item in 1..=limit {
                        assert!(region.push(&mut tail, item), "less than the limit fits");
                    }
                    tail
                })
            };
            let mut first = region.pop(&mut head);
            let mut tail = producer.join().unwrap();
            assert_eq!(
                region.push(&mut tail, limit + 1),
                first.is_some(),
                "more than the limit fits"
            );
            if first.is_none() {
                first = region.pop(&mut head);
                assert!(region.push(&mut tail, limit + 1), "room that was given back is not room");
            }
            assert_eq!(first, Some(1), "out of order");
            let rest: Vec<u64> = std::iter::from_fn(|| region.pop(&mut head)).collect();
            assert_eq!(rest, (2..=limit + 1).collect::<Vec<_>>(), "out of order");
        });
    }
}

/// Edge `publish`, counted: what a consumer counts without looking at it is there.
#[test]
fn what_is_counted_is_there() {
    explore("publish, counted", None, 10, || {
        let region = Region::at(0, 2);
        let mut tail = region.tail();
        let head = region.head();
        let producer = {
            let region = region.clone();
            thread::spawn(move || {
                for item in 1..=2 {
                    assert!(region.push(&mut tail, item));
                }
            })
        };
        let theirs = Foreign::new(&region.producer);
        let ready = head.ready(&region.layout, theirs).expect("a tail that can be");
        for item in 1..=ready / WORD {
            assert_eq!(region.read((item - 1) * WORD), item, "counted a record that is not there");
        }
        producer.join().unwrap();
    });
}

/// What was found stays found: a look beside unread records neither loses nor repeats one.
#[test]
fn a_look_beside_unread_records() {
    explore("publish, second look", None, 40, || {
        let region = Region::in_front(0, 2, 1);
        let (mut tail, mut head) = (region.tail(), region.head());
        assert!(region.push(&mut tail, 1));
        let producer = {
            let region = region.clone();
            thread::spawn(move || assert!(region.push(&mut tail, 2)))
        };
        let theirs = Foreign::new(&region.producer);
        assert!(matches!(
            head.look(&region.layout, theirs),
            Ok(Look::Front { .. } | Look::Records)
        ));
        assert!(matches!(
            head.look(&region.layout, theirs),
            Ok(Look::Front { .. } | Look::Records)
        ));
        assert_eq!(region.pop(&mut head), Some(1));
        producer.join().unwrap();
        assert_eq!(region.pop(&mut head), Some(2));
        assert_eq!(region.pop(&mut head), None);
    });
}
