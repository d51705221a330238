//! Batches: all of one or none of it, and every record of it whole, also when a single record follows.

use loom::thread;

use super::{Region, WORD, explore, is_mutant};
use crate::protocol::sync::Foreign;

/// Edge `publish` of a batch.
#[test]
fn a_batch_appears_at_once() {
    explore("batch, at once", None, 12, || {
        let region = Region::at(0, 2);
        let (mut tail, mut head) = (region.tail(), region.head());
        let producer = {
            let region = region.clone();
            thread::spawn(move || assert!(region.push_batch(&mut tail, &[1, 2])))
        };
        let popped = loop {
            let popped = region.pop_batch(&mut head, 3);
            if !popped.is_empty() {
                break popped;
            }
            thread::yield_now();
        };
        assert_eq!(popped, [1, 2], "out of order, or not all at once");
        producer.join().unwrap();
    });
}

/// Edge `publish`, repeated: the tail word that the single record repeats with the mark shows the batch too.
#[test]
fn batch_then_single() {
    let explored = explore("batch then single", None, 110, || {
        let region = Region::in_front(0, 4, 1);
        let (mut tail, mut head) = (region.tail(), region.head());
        let producer = {
            let region = region.clone();
            thread::spawn(move || {
                assert!(region.push_batch(&mut tail, &[1, 2]));
                assert!(region.push(&mut tail, 3));
            })
        };
        for item in 1..=2 {
            let popped = loop {
                match region.pop(&mut head) {
                    Some(popped) => break popped,
                    None => thread::yield_now(),
                }
            };
            assert_eq!(popped, item, "out of order");
        }
        producer.join().unwrap();
        assert_eq!(region.pop(&mut head), Some(3));
    });
    assert!(is_mutant() || explored.hits > 0, "the front was never taken");
}

/// Edge `release` of a batch: the second needs the room of the first, across the end of the data.
#[test]
fn a_batch_goes_through_reused_room() {
    explore("batch, room reused", Some(4), 160, || {
        let region = Region::at(WORD, 3);
        let (mut tail, mut head) = (region.tail(), region.head());
        let producer = {
            let region = region.clone();
            thread::spawn(move || {
                for batch in [[1, 2], [3, 4]] {
                    while !region.push_batch(&mut tail, &batch) {
                        thread::yield_now();
                    }
                }
            })
        };
        let mut popped = Vec::new();
        while popped.len() < 4 {
            popped.extend(region.pop_batch(&mut head, 2));
            thread::yield_now();
        }
        assert_eq!(popped, [1, 2, 3, 4], "out of order");
        producer.join().unwrap();
    });
}

/// Edge `publish`, counted, of a batch.
#[test]
fn what_is_counted_of_a_batch_is_there() {
    explore("batch, counted", None, 6, || {
        let region = Region::at(0, 2);
        let mut tail = region.tail();
        let head = region.head();
        let producer = {
            let region = region.clone();
            thread::spawn(move || assert!(region.push_batch(&mut tail, &[1, 2])))
        };
        let ready = head.ready(&region.layout, Foreign::new(&region.producer)).unwrap();
        if ready > 0 {
            assert_eq!(ready, 2 * WORD, "not all at once");
            assert_eq!(region.read(WORD), 2, "counted a record that is not there");
        }
        producer.join().unwrap();
    });
}
