//! The front: a copy is used only if it is whole and the record at the head, however the next publication, the hint and
//! restarts of the consumer fall.

use loom::sync::Arc;
use loom::thread;

use super::publish::stream;
use super::{Explored, Region, explore, is_mutant};

/// The front was taken in some execution, and discarded in some.
fn both_happened(explored: &Explored) {
    assert!(is_mutant() || explored.hits > 0, "the front was never taken");
    assert!(is_mutant() || explored.discarded > 0, "no copy was ever discarded");
}

/// Edge `front`: values of two words, and the second may be copied in while the first is copied out.
#[test]
fn a_copy_beside_the_next_publication() {
    let explored = explore("front, two items", None, 60_000, || {
        stream(&Region::in_front(0, 2, 2), 2);
    });
    both_happened(&explored);
}

/// The same while room is reused: the data of the first are written over when the third is published.
#[test]
fn a_copy_beside_reused_room() {
    let explored = explore("front, room reused", Some(2), 50_000, || {
        stream(&Region::in_front(0, 2, 2), 3);
    });
    both_happened(&explored);
}

/// One value at a time: each comes by the front or by the data, and the ring is full in between.
#[test]
fn a_ring_of_one() {
    let explored = explore("front, one value", Some(4), 30_000, || {
        stream(&Region::in_front(0, 1, 1), 3);
    });
    assert!(is_mutant() || explored.hits > 0, "the front was never taken");
}

/// A hint changes nothing but where the records are read.
#[test]
fn a_hint_that_changes() {
    let explored = explore("front, hint", Some(2), 100_000, || {
        let region = Region::in_front(0, 4, 2);
        let (mut tail, mut head) = (region.tail(), region.head());
        let producer = {
            let region = region.clone();
            thread::spawn(move || {
                for item in 1..=3 {
                    assert!(region.push(&mut tail, item));
                }
            })
        };
        let mut wanted = true;
        for item in 1..=3 {
            wanted = !wanted;
            region.hint(wanted);
            let popped = loop {
                match region.pop(&mut head) {
                    Some(popped) => break popped,
                    None => thread::yield_now(),
                }
            };
            assert_eq!(popped, item, "out of order");
        }
        producer.join().unwrap();
    });
    both_happened(&explored);
}

/// Runs `produce` beside a consumer that starts anew before each of its `items` pops.
fn restarting(
    region: Arc<Region>,
    items: u64,
    produce: impl FnOnce(&Region, &mut crate::protocol::position::Tail) + 'static,
) {
    let mut tail = region.tail();
    let producer = {
        let region = region.clone();
        thread::spawn(move || produce(&region, &mut tail))
    };
    for item in 1..=items {
        let popped = loop {
            match region.pop(&mut region.head()) {
                Some(popped) => break popped,
                None => thread::yield_now(),
            }
        };
        assert_eq!(popped, item, "out of order");
    }
    producer.join().unwrap();
}

/// The mark of a batch: the front still holds the single record, and its successor in the data is not that.
#[test]
fn single_then_batch_with_a_consumer_that_restarts() {
    let explored = explore("front, single then batch", None, 500, || {
        restarting(Region::in_front(0, 4, 1), 3, |region, tail| {
            assert!(region.push(tail, 1));
            assert!(region.push_batch(tail, &[2, 3]));
        });
    });
    assert!(is_mutant() || explored.hits > 0, "the front was never taken");
}

/// Edge `publish`, repeated: the mark of the single record may be what shows the batch.
#[test]
fn batch_then_single_with_a_consumer_that_restarts() {
    let explored = explore("front, batch then single, restarts", None, 1_000, || {
        restarting(Region::in_front(0, 4, 1), 3, |region, tail| {
            assert!(region.push_batch(tail, &[1, 2]));
            assert!(region.push(tail, 3));
        });
    });
    assert!(is_mutant() || explored.hits > 0, "the front was never taken");
}
