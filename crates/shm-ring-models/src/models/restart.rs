//! A producer killed at any step of a publication, and its successor: what existed is read, what did not never existed,
//! and the stream goes on. The consumer runs all the while. Also a consumer killed between its copy and its store.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use loom::thread;

use super::{Region, explore, is_mutant};
use crate::protocol::position::Tail;
use crate::protocol::sync::Ordering;

/// Words of a value here.
const WORDS: u64 = 2;

/// Where a producer dies that publishes in front.
#[derive(Clone, Copy)]
enum Death {
    /// The record is written, and nothing else.
    BeforeTheMark,
    /// After so many words of the front.
    InTheFront(usize),
    /// All is done.
    Never,
}

/// Publishes `value` in front and dies there.
fn push_and_die(region: &Region, tail: &Tail, value: u64, death: Death) {
    region.write(tail.position(), value);
    let words = match death {
        Death::BeforeTheMark => return,
        Death::InTheFront(words) => words,
        Death::Never => WORDS as usize + 1,
    };
    let next = tail.position() + region.unit();
    // Whoever is killed does nothing more: not even the store that follows the copy.
    let _ = catch_unwind(AssertUnwindSafe(|| {
        tail.publish_in_front(&region.producer, next, |front| {
            for word in front.iter().take(words.min(WORDS as usize)) {
                word.store(value, Ordering::Relaxed);
            }
            if words <= WORDS as usize {
                resume_unwind(Box::new(()));
            }
        });
    }));
}

/// The first producer publishes `before` and dies in the next; the second publishes 9. The consumer reads all the while,
/// anew each time if it `restarts`.
fn killed(before: &'static [u64], death: Death, restarts: bool) {
    let region = Region::in_front(0, 4, WORDS);
    let producers = {
        let region = region.clone();
        thread::spawn(move || {
            let mut first = region.tail();
            match before {
                [] => {}
                [one] => assert!(region.push(&mut first, *one)),
                batch => assert!(region.push_batch(&mut first, batch)),
            }
            push_and_die(&region, &first, 5, death);
            // The successor knows only what stands in the region.
            let mut second = region.tail();
            let existed = u64::from(matches!(death, Death::Never));
            let records = before.len() as u64 + existed;
            assert_eq!(second.position(), records * region.unit(), "what was published counts");
            assert!(region.push(&mut second, 9));
        })
    };
    let mut expected = before.to_vec();
    if matches!(death, Death::Never) {
        expected.push(5);
    }
    expected.push(9);
    let mut head = region.head();
    for item in expected {
        let popped = loop {
            if restarts {
                head = region.head();
            }
            match region.pop(&mut head) {
                Some(popped) => break popped,
                None => thread::yield_now(),
            }
        };
        assert_eq!(popped, item, "out of order, or what never existed");
    }
    producers.join().unwrap();
}

const DEATHS: [(&str, Death); 5] = [
    ("before the mark", Death::BeforeTheMark),
    ("before the front", Death::InTheFront(0)),
    ("in the front", Death::InTheFront(1)),
    ("before the tail", Death::InTheFront(WORDS as usize)),
    ("never", Death::Never),
];

#[test]
fn killed_anywhere_after_a_single_record() {
    let mut hits = 0;
    for (name, death) in DEATHS {
        let name = format!("restart, single, killed {name}");
        hits += explore(&name, Some(2), 1_100, move || killed(&[1], death, false)).hits;
    }
    assert!(is_mutant() || hits > 0, "the front was never taken");
}

#[test]
fn killed_anywhere_after_a_batch() {
    for (name, death) in DEATHS {
        let name = format!("restart, batch, killed {name}");
        explore(&name, Some(2), 130, move || killed(&[1, 2], death, false));
    }
}

#[test]
fn killed_anywhere_beside_a_consumer_that_restarts() {
    for (name, death) in DEATHS {
        let name = format!("restart, both, killed {name}");
        explore(&name, Some(2), 900, move || killed(&[1], death, true));
    }
}

/// A batch whose producer dies before the one store of the tail never existed, and its room is written anew.
#[test]
fn killed_in_a_batch() {
    explore("restart, killed in a batch", None, 6, || {
        let region = Region::at(0, 2);
        let mut head = region.head();
        let producers = {
            let region = region.clone();
            thread::spawn(move || {
                let first = region.tail();
                region.write(first.position(), 1);
                region.write(first.position() + region.unit(), 2);
                let mut second = region.tail();
                assert_eq!(second.position(), 0, "what was not published counts");
                assert!(region.push_batch(&mut second, &[8, 9]));
            })
        };
        let mut popped = Vec::new();
        while popped.len() < 2 {
            popped.extend(region.pop_batch(&mut head, 3));
            thread::yield_now();
        }
        assert_eq!(popped, [8, 9], "what never existed");
        producers.join().unwrap();
    });
}

/// A consumer that dies after its copy leaves the record to its successor, and the room is not reused before.
#[test]
fn a_consumer_killed_before_it_releases() {
    explore("restart, consumer", None, 3_700, || {
        let region = Region::in_front(0, 1, 1);
        let mut tail = region.tail();
        let producer = {
            let region = region.clone();
            thread::spawn(move || {
                for item in 1..=2 {
                    while !region.push(&mut tail, item) {
                        thread::yield_now();
                    }
                }
            })
        };
        for item in 1..=2 {
            let mut dying = region.head();
            while region.take(&mut dying).is_none() {
                thread::yield_now();
            }
            assert_eq!(region.pop(&mut region.head()), Some(item), "lost");
        }
        producer.join().unwrap();
    });
}
