//! Batches: all of one or none of it, for a consumer that runs all the while and for the successor of
//! a producer that was killed between any two stores. The consumer takes records of any length.

use std::cell::Cell;

use loom::thread;

use super::restart::Dying;
use super::{LEN, Region, STRIDE, explore};
use crate::protocol::position::{Head, Look, Tail, Words};
use crate::protocol::layout::SidePage;
use crate::protocol::sync::{AtomicU64, Foreign};

/// Publishes all of `values`, for which there is room, as `Staging` does.
fn push_batch(
    region: &Region,
    words: &impl Words,
    page: &SidePage,
    tail: &mut Tail,
    values: &[u64],
) {
    assert!(tail.has_room(STRIDE));
    let mut batch = tail.begin_batch(STRIDE, LEN);
    region.write(tail.position(), values[0]);
    for &value in &values[1..] {
        assert!(tail.has_room_behind(&batch, STRIDE));
        region.write(batch.end(), value);
        tail.stage(words, &mut batch, STRIDE, LEN);
    }
    tail.commit_batch(words, page, &batch);
}

/// Takes what is there, up to `max`, and gives its room back at the end, as `Passing` does.
fn pop_batch(region: &Region, head: &mut Head, max: usize) -> Vec<u64> {
    let mut popped = Vec::new();
    while popped.len() < max {
        match head.look_any(region, region.shape.len_max, 1) {
            (Look::Empty, _) => break,
            (Look::Record, LEN) => popped.push(region.read(head.position())),
            other => panic!("old bytes were taken for a commit word: {other:?}"),
        }
        head.advance_to(head.position() + STRIDE);
    }
    if !popped.is_empty() {
        head.release_below(&region.consumer, head.position());
    }
    popped
}

/// Edge `publish` of a batch, and the zero ahead of it.
#[test]
fn a_batch_appears_at_once() {
    explore("batch, at once", None, 10, || {
        let region = Region::at(0, 64);
        let (mut tail, mut head) = (region.tail(), region.head());
        let producer = {
            let region = region.clone();
            thread::spawn(move || {
                push_batch(&region, &*region, &region.producer, &mut tail, &[1, 2]);
            })
        };
        let popped = loop {
            let popped = pop_batch(&region, &mut head, 3);
            if !popped.is_empty() {
                break popped;
            }
            thread::yield_now();
        };
        assert_eq!(popped, [1, 2], "out of order, or not all at once");
        producer.join().unwrap();
    });
}

/// Edge `release` of a batch: the second needs the room of the first, across the end of the data.
#[test]
fn a_batch_goes_through_reused_room() {
    explore("batch, room reused", Some(3), 140, || {
        let region = Region::at(32, 64);
        let (mut tail, mut head) = (region.tail(), region.head());
        let producer = {
            let region = region.clone();
            thread::spawn(move || {
                push_batch(&region, &*region, &region.producer, &mut tail, &[1, 2]);
                while !tail.has_room(2 * STRIDE) {
                    let consumer = Foreign::new(&region.consumer);
                    tail.refresh(&region.shape, &region.producer, consumer, STRIDE).unwrap();
                    thread::yield_now();
                }
                push_batch(&region, &*region, &region.producer, &mut tail, &[3, 4]);
            })
        };
        let mut popped = Vec::new();
        while popped.len() < 4 {
            popped.extend(pop_batch(&region, &mut head, 2));
            thread::yield_now();
        }
        assert_eq!(popped, [1, 2, 3, 4], "out of order");
        producer.join().unwrap();
    });
}

/// Edge `tail` of a batch: whoever sees the tail sees its records.
#[test]
fn what_tail_counts_of_a_batch_is_there() {
    explore("batch, tail", None, 5, || {
        let region = Region::at(0, 64);
        let mut tail = region.tail();
        let head = region.head();
        let producer = {
            let region = region.clone();
            thread::spawn(move || {
                push_batch(&region, &*region, &region.producer, &mut tail, &[1, 2]);
            })
        };
        let ready = head.ready(&region.shape, Foreign::new(&region.producer)).unwrap();
        if ready > 0 {
            assert_eq!(ready, 2 * STRIDE);
            let look = head.look(&*region, LEN);
            assert_ne!(look, Look::Empty, "tail counted a record that is not there");
        }
        producer.join().unwrap();
    });
}

/// A batch of two stores the second's commit word, the zero ahead, the first's commit word, the tail.
const FIRST_COMMIT: u32 = 3;
const TAIL: u32 = 4;
const NEVER: u32 = 5;

fn killed_at(dies_at: u32) {
    let region = Region::at(0, 64);
    let mut head = region.head();
    let producers = {
        let region = region.clone();
        thread::spawn(move || {
            let mut first = region.tail();
            let words = Dying {
                region: &region,
                stores: Cell::new(0),
                dies_at,
                nowhere: AtomicU64::new(0),
            };
            let ghost = SidePage::at(0);
            let page = if dies_at <= TAIL { &ghost } else { &region.producer };
            push_batch(&region, &words, page, &mut first, &[1, 2]);
            // The successor knows only what stands in the region.
            let mut second = region.tail();
            let existed = dies_at > FIRST_COMMIT;
            assert_eq!(second.position(), if existed { 2 * STRIDE } else { 0 });
            assert!(region.push(&mut second, 3));
        })
    };
    let mut popped = Vec::new();
    while popped.last() != Some(&3) {
        popped.extend(pop_batch(&region, &mut head, 3));
        thread::yield_now();
    }
    let existed = dies_at > FIRST_COMMIT;
    assert_eq!(popped, if existed { vec![1, 2, 3] } else { vec![3] }, "out of order, or in part");
    producers.join().unwrap();
}

#[test]
fn killed_between_any_two_stores_of_a_batch() {
    for dies_at in 1..=NEVER {
        explore(&format!("batch, killed at {dies_at}"), Some(3), 75, move || killed_at(dies_at));
    }
}
