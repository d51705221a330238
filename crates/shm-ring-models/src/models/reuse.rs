//! Edge `reuse`: an observer copies a record while the consumer takes it and the producer writes the next into its room.
//! The data are atomics here: the observer is allowed to be there at the same time, and says afterwards what counts.

use loom::sync::Arc;
use loom::thread;

use super::{explore, is_mutant};
use crate::protocol::layout::SidePage;
use crate::protocol::position::{Head, Look, Tail, unpack};
use crate::protocol::record::RecordLayout;
use crate::protocol::sync::{AtomicU64, Foreign, Ordering, fence};

/// A ring of one value of two words.
struct Region {
    producer: SidePage,
    consumer: SidePage,
    value: [AtomicU64; 2],
}

const LAYOUT: RecordLayout = RecordLayout { limit: 16, unit: 16 };

impl Region {
    fn write(&self, value: u64) {
        for word in &self.value {
            word.store(value, Ordering::Relaxed);
        }
    }

    fn publish(&self, tail: &mut Tail, value: u64) {
        let next = tail.position() + LAYOUT.unit;
        self.write(value);
        tail.publish(&self.producer, next);
        tail.advance_to(next);
    }

    /// What `Dump::next` copies of the first record, if that counts.
    fn dump(&self) -> Option<[u64; 2]> {
        let (producer, consumer) = (Foreign::new(&self.producer), Foreign::new(&self.consumer));
        let head = || consumer.map(|page| &page.position.0.word).relaxed();
        let (tail, _) = unpack(producer.map(|page| &page.position.0.word).relaxed());
        fence(Ordering::Acquire); // edge `publish`, observed
        if tail == 0 {
            return None;
        }
        let copy = self.value.each_ref().map(|word| Foreign::new(word).relaxed());
        fence(Ordering::Acquire); // edge `reuse`
        (head() == 0).then_some(copy)
    }
}

/// How many dumps counted, so that the model is not empty.
static COUNTED: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);

fn dumping(successor: bool) {
    let region = Arc::new(Region {
        producer: SidePage::at(0),
        consumer: SidePage::at(0),
        value: [AtomicU64::new(0), AtomicU64::new(0)],
    });
    let observer = {
        let region = region.clone();
        thread::spawn(move || {
            if let Some(copy) = region.dump() {
                COUNTED.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                assert_eq!(copy, [1, 1], "the copy of a record that was taken counts");
            }
        })
    };
    let consumer = {
        let region = region.clone();
        thread::spawn(move || {
            let mut head = Head::recover(&LAYOUT, &region.consumer).unwrap();
            let theirs = Foreign::new(&region.producer);
            if head.look(&LAYOUT, theirs).unwrap() != Look::Empty {
                head.release_below(&region.consumer, LAYOUT.unit);
            }
        })
    };
    let theirs = Foreign::new(&region.consumer);
    let mut tail = Tail::recover(&LAYOUT, &region.producer, theirs).unwrap();
    region.publish(&mut tail, 1);
    if successor {
        tail = Tail::recover(&LAYOUT, &region.producer, theirs).unwrap();
    } else {
        tail.refresh(&LAYOUT, &region.producer, theirs, LAYOUT.unit).unwrap();
    }
    if tail.has_room(LAYOUT.unit) {
        region.publish(&mut tail, 2);
    }
    observer.join().unwrap();
    consumer.join().unwrap();
}

/// The release half of the fence in `Tail::refresh`, and the observer's fence behind its copy.
#[test]
fn a_dump_beside_reused_room() {
    for successor in [false, true] {
        COUNTED.store(0, std::sync::atomic::Ordering::Relaxed);
        explore("reuse, dump", None, 5_500, move || dumping(successor));
        let counted = COUNTED.load(std::sync::atomic::Ordering::Relaxed);
        assert!(is_mutant() || counted > 0, "no dump ever counted");
    }
}
