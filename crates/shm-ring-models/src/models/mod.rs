//! Owns: the models of the protocol: the functions that the real ends call, in their order, over words that loom watches.
//! Data are cells, so that a race on them is reported; a wait that nobody ends is a deadlock. Knows nothing of: mappings.
//!
//! Each model fails below the number of executions that is recorded with it: it must not pass by exploring nothing.

mod batch;
mod bounds;
mod close;
mod front;
mod interrupt;
mod latest;
mod park;
mod publish;
mod restart;
mod reuse;
mod several;
mod tasks;

use std::sync::atomic::{AtomicUsize, Ordering as Std};

use loom::cell::UnsafeCell;
use loom::sync::Arc;

use crate::protocol::layout::{FRONT_WORDS, SidePage};
use crate::protocol::position::{Head, Look, Tail, front_is_wanted};
use crate::protocol::record::RecordLayout;
use crate::protocol::sync::{AtomicU64, Foreign, Ordering};

/// Bytes of a value of one word.
const WORD: u64 = 8;

/// A ring of values in memory that loom watches. Each word of a value holds its number.
struct Region {
    producer: SidePage,
    consumer: SidePage,
    data: Vec<UnsafeCell<u64>>,
    layout: RecordLayout,
}

impl Region {
    /// A ring of up to `limit` values of one word, of which all before `position` have been read.
    fn at(position: u64, limit: u64) -> Arc<Self> {
        Self::with(position, limit, 1)
    }

    /// A ring of up to `limit` values of `words` words each.
    fn with(position: u64, limit: u64, words: u64) -> Arc<Self> {
        Arc::new(Self::new(position, limit, words))
    }

    fn new(position: u64, limit: u64, words: u64) -> Self {
        let capacity = (limit * words).next_power_of_two();
        Self {
            producer: SidePage::at(position),
            consumer: SidePage::at(position),
            data: (0..capacity).map(|_| UnsafeCell::new(0)).collect(),
            layout: RecordLayout { limit: limit * words * WORD, unit: words * WORD },
        }
    }

    /// [`with`](Self::with) a consumer that wants the front.
    fn in_front(position: u64, limit: u64, words: u64) -> Arc<Self> {
        let region = Self::with(position, limit, words);
        region.hint(true);
        region
    }

    /// What the consumer's `Hint` stores.
    fn hint(&self, wanted: bool) {
        self.consumer.park.0.hint.store(wanted.into(), Ordering::Relaxed);
    }

    fn unit(&self) -> u64 {
        self.layout.unit
    }

    fn words(&self) -> usize {
        (self.unit() / WORD) as usize
    }

    fn tail(&self) -> Tail {
        Tail::recover(&self.layout, &self.producer, Foreign::new(&self.consumer)).unwrap()
    }

    fn head(&self) -> Head {
        Head::recover(&self.layout, &self.consumer).unwrap()
    }

    /// The words of the value at `position`.
    fn value(&self, position: u64) -> impl Iterator<Item = &UnsafeCell<u64>> {
        let first = (position / WORD) as usize;
        (first..first + self.words()).map(|word| &self.data[word % self.data.len()])
    }

    fn write(&self, position: u64, value: u64) {
        for cell in self.value(position) {
            cell.with_mut(|word| {
                #[allow(unsafe_code)]
                // SAFETY: loom reports whoever else is here at the same time.
                unsafe {
                    *word = value;
                }
            });
        }
    }

    fn read(&self, position: u64) -> u64 {
        let words = self.value(position).map(|cell| {
            cell.with(|word| {
                #[allow(unsafe_code)]
                // SAFETY: as in `write`.
                unsafe {
                    *word
                }
            })
        });
        whole(&words.collect::<Vec<_>>())
    }

    /// Makes sure of room for `bytes`, as `Publisher::make_room` does.
    fn make_room(&self, tail: &mut Tail, bytes: u64) -> bool {
        if !tail.has_room(bytes) {
            let consumer = Foreign::new(&self.consumer);
            tail.refresh(&self.layout, &self.producer, consumer, bytes).unwrap();
        }
        tail.has_room(bytes)
    }

    /// Publishes if there is room, as `Producer::try_push` does.
    fn push(&self, tail: &mut Tail, value: u64) -> bool {
        if !self.make_room(tail, self.unit()) {
            return false;
        }
        let next = tail.position() + self.unit();
        self.write(tail.position(), value);
        if front_is_wanted(Foreign::new(&self.consumer)) {
            tail.publish_in_front(&self.producer, next, |front| {
                put_front(front, self.words(), value)
            });
        } else {
            tail.publish(&self.producer, next);
        }
        tail.advance_to(next);
        true
    }

    /// Publishes all of `values` if there is room, as a `WriteBatch` does.
    fn push_batch(&self, tail: &mut Tail, values: &[u64]) -> bool {
        let bytes = self.unit() * values.len() as u64;
        if !self.make_room(tail, bytes) {
            return false;
        }
        let mut end = tail.position();
        for &value in values {
            self.write(end, value);
            end += self.unit();
        }
        tail.publish(&self.producer, end);
        tail.advance_to(end);
        true
    }

    /// Finds the oldest value, as `Consumer::take_next` does: in the front, or else in the data.
    fn take(&self, head: &mut Head) -> Option<u64> {
        if !head.has_record() {
            let theirs = Foreign::new(&self.producer);
            match head.look(&self.layout, theirs).expect("positions that can be") {
                Look::Empty => return None,
                Look::Front { word } if head.tail() - head.position() == self.unit() => {
                    let copy = take_front(theirs, self.words());
                    if Head::front_is_whole(theirs, word) {
                        HITS.fetch_add(1, Std::Relaxed);
                        return Some(whole(&copy));
                    }
                    DISCARDED.fetch_add(1, Std::Relaxed);
                }
                Look::Front { .. } | Look::Records => {}
            }
        }
        Some(self.read(head.position()))
    }

    /// Takes the oldest value if there is one, as `Consumer::try_pop` does.
    fn pop(&self, head: &mut Head) -> Option<u64> {
        let value = self.take(head)?;
        let next = head.position() + self.unit();
        head.release_below(&self.consumer, next);
        head.advance_to(next);
        Some(value)
    }

    /// Takes what is there, up to `max`, and gives its room back by one store, as `Consumer::try_pop_batch` does.
    fn pop_batch(&self, head: &mut Head, max: usize) -> Vec<u64> {
        let theirs = Foreign::new(&self.producer);
        head.look(&self.layout, theirs).expect("positions that can be");
        let known = ((head.tail() - head.position()) / self.unit()) as usize;
        let positions = (0..known.min(max) as u64).map(|at| head.position() + at * self.unit());
        let popped: Vec<u64> = positions.map(|position| self.read(position)).collect();
        if !popped.is_empty() {
            let next = head.position() + popped.len() as u64 * self.unit();
            head.release_below(&self.consumer, next);
            head.advance_to(next);
        }
        popped
    }
}

/// The one value that all `words` hold.
fn whole(words: &[u64]) -> u64 {
    assert!(words.iter().all(|&word| word == words[0]), "not whole: {words:?}");
    words[0]
}

fn put_front(front: &[AtomicU64; FRONT_WORDS], words: usize, value: u64) {
    for word in &front[..words] {
        word.store(value, Ordering::Relaxed);
    }
}

fn take_front(producer: Foreign<'_, SidePage>, words: usize) -> Vec<u64> {
    let front = producer.map(|page| &page.position.0.front);
    (0..words).map(|word| front.map(|front| &front[word]).relaxed()).collect()
}

/// How often the front was taken, and how often a copy of it was discarded, in all executions of a model.
static HITS: AtomicUsize = AtomicUsize::new(0);
static DISCARDED: AtomicUsize = AtomicUsize::new(0);

/// What the executions of a model did.
struct Explored {
    hits: usize,
    discarded: usize,
}

/// Explores `model`, with at most that many preemptions if given, and checks how much there was.
fn explore(
    name: &str,
    preemptions: Option<usize>,
    least: usize,
    model: impl Fn() + Sync + Send + 'static,
) -> Explored {
    static EXECUTIONS: AtomicUsize = AtomicUsize::new(0);
    static ONE_AT_A_TIME: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _one = ONE_AT_A_TIME.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    for counter in [&EXECUTIONS, &HITS, &DISCARDED] {
        counter.store(0, Std::Relaxed);
    }
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = preemptions;
    builder.max_branches = 20_000;
    builder.check(move || {
        EXECUTIONS.fetch_add(1, Std::Relaxed);
        model();
    });
    let executions = EXECUTIONS.load(Std::Relaxed);
    let explored =
        Explored { hits: HITS.load(Std::Relaxed), discarded: DISCARDED.load(Std::Relaxed) };
    println!(
        "{name}: {executions} executions, {} fronts taken, {} discarded",
        explored.hits, explored.discarded
    );
    assert!(
        is_mutant() || executions >= least,
        "{name}: {executions} executions, and {least} are expected"
    );
    explored
}

/// A planted bug may explore less, and must not pass for found by that.
fn is_mutant() -> bool {
    std::env::var_os("SHM_RING_MUTANT").is_some()
}
