//! Publishing and releasing: whole records in order, room reused only after it was read.

use loom::sync::Arc;
use loom::thread;

use super::{Region, explore};

fn stream(region: &Arc<Region>, items: u64) {
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
        assert_eq!(popped, item, "out of order, or not whole");
    }
    producer.join().unwrap();
}

/// Edge `publish`, and the zero ahead: both items fit, old bytes stand where the second goes.
#[test]
fn two_items_exhaustively() {
    explore("publish, two items", None, 50, || stream(&Region::at(0, 64), 2));
}

/// Edge `release`: the third item needs the room of the first, across the end of the data.
#[test]
fn three_items_through_reused_room() {
    explore("publish, room reused", None, 18_000, || stream(&Region::at(16, 32), 3));
}

/// Records of three words, so that laps do not coincide: the zero behind the third stands where the
/// payload of the first was, and there is room for it as soon as the first is released.
#[test]
fn room_is_reused_only_after_it_was_read() {
    explore("publish, laps apart", None, 7_000, || stream(&Region::with_len(0, 64, 16), 3));
}

/// Edge `tail`: whoever sees a tail sees the records below it.
#[test]
fn what_tail_counts_is_there() {
    explore("publish, tail", None, 10, || {
        let region = Region::at(0, 64);
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
        let theirs = crate::protocol::sync::Foreign::new(&region.producer);
        let ready = head.ready(&region.shape, theirs).expect("a tail that can be");
        if ready > 0 {
            assert_ne!(
                head.look(&*region, super::LEN),
                crate::protocol::position::Look::Empty,
                "tail counted a record that is not there"
            );
        }
        producer.join().unwrap();
    });
}
