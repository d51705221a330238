//! The latest value: never torn, never older than what was read before, whatever instruction its writer dies
//! at, and no reader that waits is forgotten. A reader that wants each version gets it or hears that it lost it. A payload is two words that both hold their version; they are
//! atomics, since a reader may be there while they are written.

use loom::sync::Arc;
use loom::thread;

use super::explore;
use crate::protocol::clock::Deadline;
use crate::protocol::interrupt;
use crate::protocol::layout::SidePage;
use crate::protocol::park::{self, Sleeper};
use crate::protocol::sync::{AtomicU64, Foreign, Ordering};
use crate::protocol::version::{Miss, NoNext, Seen, Written};

/// The fewest slots that the protocol allows: versions come round soonest.
const SLOTS: u64 = 2;

/// With one more a version is handed out that is not the latest.
const HISTORY_SLOTS: u64 = 3;

struct Region {
    writer: SidePage,
    slots: Vec<[AtomicU64; 2]>,
}

impl Region {
    fn new() -> Arc<Self> {
        Self::of(SLOTS)
    }

    fn of(slots: u64) -> Arc<Self> {
        let slots = (0..slots).map(|_| [AtomicU64::new(0), AtomicU64::new(0)]).collect();
        Arc::new(Self { writer: SidePage::at(0), slots })
    }

    fn slot(&self, version: u64) -> &[AtomicU64; 2] {
        &self.slots[version as usize % self.slots.len()]
    }

    /// Writes the next version, as `LatestWriter::write_from` does.
    fn write(&self, written: &mut Written) {
        self.write_and_die(written, &self.writer, 2);
    }

    /// As a writer that dies after `words` words of the payload, if not before; what it stores in `page`
    /// goes nowhere if that is not the region's.
    fn write_and_die(&self, written: &mut Written, page: &SidePage, words: usize) {
        written.write(page, |version| {
            for word in self.slot(version).iter().take(words) {
                word.store(version, Ordering::Relaxed);
            }
        });
    }

    /// Reads, as `LatestReader::read` does, and checks what comes.
    fn read(&self, seen: &mut Seen) -> Option<u64> {
        let before = seen.version();
        let take = |version| self.slot(version).each_ref().map(|word| word.load(Ordering::Relaxed));
        match seen.read(Foreign::new(&self.writer), 0, take) {
            Ok([first, second]) => {
                assert_eq!(first, second, "torn");
                assert_eq!(first, seen.version(), "not the version that it is said to be");
                assert!(first >= before, "older than what was read before");
                Some(first)
            }
            Err(Miss::Empty) => {
                assert_eq!(before, 0, "older than what was read before");
                None
            }
            Err(Miss::Overrun) => None,
            Err(Miss::Corrupt) => panic!("older than what was read before"),
        }
    }

    /// Takes the next version, as `LatestReader::next` does, and checks what comes: whether there was one, or some are
    /// lost.
    fn next(&self, seen: &mut Seen) -> bool {
        let before = seen.position();
        let take = |version| self.slot(version).each_ref().map(|word| word.load(Ordering::Relaxed));
        match seen.next(Foreign::new(&self.writer), 0, take) {
            Ok([first, second]) => {
                assert_eq!(first, second, "torn");
                assert_eq!(first, before + 1, "not the version that comes next");
                assert_eq!(seen.position(), first, "not the version that it is said to be");
                true
            }
            Err(NoNext::Lagged(lost)) => {
                assert_eq!(seen.position(), before + lost, "not as many lost as were counted");
                assert!(lost > 0, "nothing was lost");
                true
            }
            Err(NoNext::Empty) => false,
            Err(NoNext::Corrupt) => panic!("older than what was read before"),
        }
    }
}

/// A reader on a thread of its own, that reads so many times.
///
/// The writer is the main thread, which loom runs first: what it looks for are stores that a later load
/// could have come before, and a load by the writer itself would hide that.
fn reading(region: &Arc<Region>, times: usize) -> thread::JoinHandle<Seen> {
    let region = region.clone();
    thread::spawn(move || {
        let mut seen = Seen::nothing(SLOTS);
        for _ in 0..times {
            region.read(&mut seen);
        }
        seen
    })
}

/// Edges `latest` and `reuse`: the third version goes where the first was.
#[test]
fn no_copy_is_torn_while_slots_are_written_anew() {
    explore("latest, slots written anew", None, 2_000, || {
        let region = Region::new();
        let mut written = Written::recover(&region.writer).unwrap();
        let reader = reading(&region, 1);
        for _ in 0..3 {
            region.write(&mut written);
        }
        let mut seen = reader.join().unwrap();
        assert_eq!(
            region.read(&mut seen),
            Some(3),
            "a reader whom nobody disturbs reads the latest"
        );
    });
}

/// The second read of two is never older.
#[test]
fn no_read_goes_back() {
    explore("latest, two reads", Some(4), 6_000, || {
        let region = Region::new();
        let mut written = Written::recover(&region.writer).unwrap();
        let reader = reading(&region, 2);
        for _ in 0..3 {
            region.write(&mut written);
        }
        reader.join().unwrap();
    });
}

/// As many calls of `next` on a thread of its own.
/// A count that was seen never goes back, though nothing was read yet; and a place that was copied into is never called
/// untouched.
#[test]
fn a_count_that_goes_back_within_a_read_is_corrupt() {
    explore("the count goes back", None, 1, || {
        let region = Region::new();
        let stored = |version| region.writer.position.0.word.store(version, Ordering::Relaxed);
        stored(5);
        let mut seen = Seen::nothing(SLOTS);
        let read = seen.read(Foreign::new(&region.writer), 0, |_| stored(0));
        assert_eq!(read, Err(Miss::Corrupt));
    });
}

fn taking(region: &Arc<Region>, times: usize) -> thread::JoinHandle<Seen> {
    let region = region.clone();
    thread::spawn(move || {
        let mut seen = Seen::nothing(HISTORY_SLOTS);
        for _ in 0..times {
            region.next(&mut seen);
        }
        seen
    })
}

/// Edges `latest` and `reuse`, for a version that others have come after: the fourth goes where the first was.
#[test]
fn each_version_comes_next_or_is_called_lost() {
    explore("latest, history", Some(3), 1_000, || {
        let region = Region::of(HISTORY_SLOTS);
        let mut written = Written::recover(&region.writer).unwrap();
        let reader = taking(&region, 2);
        for _ in 0..4 {
            region.write(&mut written);
        }
        let mut seen = reader.join().unwrap();
        while region.next(&mut seen) {}
        assert_eq!(seen.version(), 4, "a reader whom nobody disturbs comes to the latest");
    });
}

/// A writer that writes versions 1 and 2 and dies in the third, and its successor, which writes that one anew.
#[test]
fn each_version_comes_next_whoever_writes_it() {
    explore("latest, history across a death", Some(2), 100, || {
        let region = Region::of(HISTORY_SLOTS);
        let reader = taking(&region, 2);
        let dying = region.clone();
        let first = thread::spawn(move || {
            let mut written = Written::recover(&dying.writer).unwrap();
            dying.write(&mut written);
            dying.write(&mut written);
            dying.write_and_die(&mut written, &SidePage::at(1), 1);
        });
        first.join().unwrap();
        let mut written = Written::recover(&region.writer).unwrap();
        region.write(&mut written);
        region.write(&mut written);
        let mut seen = reader.join().unwrap();
        while region.next(&mut seen) {}
        assert_eq!(seen.version(), 4, "the successor goes on in the same count");
    });
}

/// A writer that writes version 1 and dies in the second after so many of its stores, and its successor, while
/// a reader reads.
fn killed_after(stores: usize) {
    let region = Region::new();
    let reader = reading(&region, 1);
    // Two processes: the second knows of the first by the kernel, not by its own program.
    let dying = region.clone();
    let first = thread::spawn(move || {
        let mut written = Written::recover(&dying.writer).unwrap();
        dying.write(&mut written);
        let ghost = SidePage::at(1);
        let page = if stores > 2 { &dying.writer } else { &ghost };
        dying.write_and_die(&mut written, page, stores);
    });
    first.join().unwrap();
    let mut written = Written::recover(&region.writer).unwrap();
    assert_eq!(written.version(), if stores > 2 { 2 } else { 1 }, "what was published counts");
    region.write(&mut written);
    region.write(&mut written);
    let mut seen = reader.join().unwrap();
    assert_eq!(region.read(&mut seen), Some(written.version()), "the successor goes on");
}

#[test]
fn killed_after_any_store() {
    for stores in 0..=3 {
        explore(&format!("latest, killed after {stores}"), Some(2), 350, move || {
            killed_after(stores);
        });
    }
}

/// Edge `bell`, heard by somebody whom the writer does not know of.
#[test]
fn a_reader_that_waits_hears_of_what_is_newer() {
    explore("latest, notified", None, 100, || {
        let region = Region::new();
        let mut written = Written::recover(&region.writer).unwrap();
        let reader = {
            let region = region.clone();
            thread::spawn(move || {
                let mut seen = Seen::nothing(SLOTS);
                let theirs = Foreign::new(&region.writer);
                while !seen.is_behind(theirs, 0).unwrap() {
                    let last_look = || seen.is_behind(theirs, 0).unwrap().then_some(());
                    let listener = std::iter::once(Sleeper::listener(theirs));
                    park::sleep::<1, _>(listener, interrupt::NONE, last_look, |_| Deadline);
                }
                assert_eq!(region.read(&mut seen), Some(1));
            })
        };
        region.write(&mut written);
        park::ring(&region.writer);
        reader.join().unwrap();
    });
}
