//! Loom models of the protocol floor: the same functions that the real ends call, in the same order,
//! over words that loom watches. A payload is a cell, so that a race on it is reported; a wait that
//! nobody ends is a deadlock.
//!
//! Each model says how many executions it explored, and fails below the number that is recorded
//! here: it must not pass by exploring nothing.

mod batch;
mod close;
mod latest;
mod park;
mod publish;
mod restart;

use std::sync::atomic::{AtomicUsize, Ordering as Std};

use loom::cell::UnsafeCell;
use loom::sync::Arc;

use crate::protocol::position::{Head, Look, RecordLayout, Tail, Words};
use crate::protocol::layout::SidePage;
use crate::protocol::record::stride;
use crate::protocol::sync::{AtomicU64, Foreign};

/// Bytes of a payload, and from one record to the next.
const LEN: u32 = 8;
const STRIDE: u64 = stride(8, LEN as u64);

/// A ring in memory that loom watches.
struct Region {
    producer: SidePage,
    consumer: SidePage,
    words: Vec<AtomicU64>,
    /// The payload whose word has the same index, apart from the word: loom's cells are no atomics.
    payloads: Vec<UnsafeCell<u64>>,
    shape: RecordLayout,
}

impl Words for Region {
    fn word(&self, position: u64) -> &AtomicU64 {
        &self.words[self.index(position)]
    }
}

impl Region {
    /// A ring of `capacity` bytes with payloads of one word, as [`with_len`](Self::with_len).
    fn at(position: u64, capacity: u64) -> Arc<Self> {
        Self::with_len(position, capacity, LEN)
    }

    /// A ring in which everything before `position` has been read. What is left of it stands there as
    /// old bytes: every word but the one at `position` looks like a commit word of the lap that comes,
    /// which is the worst that old payload bytes can be.
    fn with_len(position: u64, capacity: u64, len: u32) -> Arc<Self> {
        let count = (capacity / 8) as usize;
        let words = (0..count as u64).map(|index| {
            let mut here = position - position % capacity + index * 8;
            if here < position {
                here += capacity;
            }
            let old = crate::protocol::record::commit_word(here, len);
            AtomicU64::new(if here == position { 0 } else { old })
        });
        Arc::new(Self {
            producer: SidePage::at(position),
            consumer: SidePage::at(position),
            words: words.collect(),
            payloads: (0..count).map(|_| UnsafeCell::new(0)).collect(),
            shape: RecordLayout { capacity, align: 8, len_min: len.into(), len_max: len.into(), unit: 1 },
        })
    }

    fn len(&self) -> u32 {
        self.shape.len_min as u32
    }

    fn stride(&self) -> u64 {
        stride(8, self.shape.len_min)
    }

    fn index(&self, position: u64) -> usize {
        (position % self.shape.capacity / 8) as usize
    }

    fn tail(&self) -> Tail {
        Tail::recover(self, &self.shape, &self.producer, Foreign::new(&self.consumer)).unwrap()
    }

    fn head(&self) -> Head {
        Head::recover(&self.shape, &self.consumer).unwrap()
    }

    /// The cells of the payload of the record at `position`.
    fn payload(&self, position: u64) -> impl Iterator<Item = &UnsafeCell<u64>> {
        (1..=u64::from(self.len()) / 8).map(move |at| &self.payloads[self.index(position + at * 8)])
    }

    fn write(&self, position: u64, value: u64) {
        // The zero ahead overwrites what stood there, too.
        let ahead = &self.payloads[self.index(position + self.stride())];
        for cell in self.payload(position).chain([ahead]) {
            cell.with_mut(|payload| {
                #[allow(unsafe_code)]
                // SAFETY: loom reports whoever else is here at the same time.
                unsafe {
                    *payload = value;
                }
            });
        }
    }

    fn read(&self, position: u64) -> u64 {
        let words = self.payload(position).map(|cell| {
            cell.with(|payload| {
                #[allow(unsafe_code)]
                // SAFETY: as in `write`.
                unsafe {
                    *payload
                }
            })
        });
        let words: Vec<u64> = words.collect();
        assert!(words.iter().all(|&word| word == words[0]), "out of order, or not whole");
        words[0]
    }

    /// Publishes if there is room, as `Producer::publish` does.
    fn push(&self, tail: &mut Tail, value: u64) -> bool {
        if !tail.has_room(self.stride()) {
            let consumer = Foreign::new(&self.consumer);
            tail.refresh(&self.shape, &self.producer, consumer, self.stride()).unwrap();
            if !tail.has_room(self.stride()) {
                return false;
            }
        }
        let at = tail.position();
        let put = || self.write(at, value);
        let next = tail.commit(self, &self.producer, self.stride(), self.len(), put);
        tail.advance_to(next);
        true
    }

    /// Takes if something is there, as `Consumer::try_pop` does.
    fn pop(&self, head: &mut Head) -> Option<u64> {
        match head.look(self, self.len()) {
            Look::Empty => None,
            Look::Record => {
                let value = self.read(head.position());
                let next = head.position() + self.stride();
                head.release_below(&self.consumer, next);
                head.advance_to(next);
                Some(value)
            }
            Look::Corrupt => panic!("old bytes were taken for a commit word"),
        }
    }
}

/// Explores `model`, with at most that many preemptions if given, and checks how much there was.
fn explore(
    name: &str,
    preemptions: Option<usize>,
    least: usize,
    model: impl Fn() + Sync + Send + 'static,
) {
    static EXECUTIONS: AtomicUsize = AtomicUsize::new(0);
    static ONE_AT_A_TIME: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _one = ONE_AT_A_TIME.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    EXECUTIONS.store(0, Std::Relaxed);
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = preemptions;
    builder.max_branches = 20_000;
    builder.check(move || {
        EXECUTIONS.fetch_add(1, Std::Relaxed);
        model();
    });
    let executions = EXECUTIONS.load(Std::Relaxed);
    println!("{name}: {executions} executions");
    // A mutant may have fewer, and must not pass for killed by that.
    let counts = std::env::var_os("SHM_RING_MUTANT").is_none();
    assert!(
        !counts || executions >= least,
        "{name}: {executions} executions, and {least} are expected"
    );
}
