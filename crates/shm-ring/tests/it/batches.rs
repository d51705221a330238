//! Batches: all of one exists or none of it, also for another process that looks all the time; how many
//! were pushed or popped is exact, whatever ends a batch; and what fits is not waited for.

use std::cell::RefCell;
use std::sync::mpsc::channel;

use shm_ring::{
    BatchError, Consumer, Item, Options, PopError, Producer, PushError, Region, Ring, Wait,
};

use crate::house::{Child, Home, LIMIT, Name, within};
use crate::items::text;
use crate::wire::{Bytes, NEVER, POSITION, RINGS, WAKE_AT, consumer, producer};

const CAPACITY: u64 = 4096;
/// Bytes from one record to the next, of the values and of the messages here.
const STRIDE: u64 = 32;
const VALUES: u64 = (CAPACITY - 8) / STRIDE;

fn ring<T: Item>(wait: Wait) -> (Ring<T>, Bytes) {
    crate::house::watch();
    let options = Options::new().bytes(CAPACITY).wait(wait);
    let ring = Ring::<T>::create(Region::memfd("batches"), options).unwrap();
    let bytes = Bytes::of(ring.descriptor());
    (ring, bytes)
}

fn messages(wait: Wait) -> (Ring<[u8]>, Bytes) {
    crate::house::watch();
    let options = Options::new().bytes(CAPACITY).wait(wait);
    let ring = Ring::<[u8]>::create(Region::memfd("batches"), options).unwrap();
    let bytes = Bytes::of(ring.descriptor());
    (ring, bytes)
}

type Triple = [u64; 3];

/// Job: takes batches as long as there are any; says so when one was not whole.
pub(crate) fn whole_batches(mut home: Home) {
    let (name, whole, count) =
        (home.argument(0).to_owned(), home.number(2) as usize, home.number(3));
    let mut next = 0;
    let mut partial = Vec::new();
    let mut took = |popped: Result<usize, PopError>| match popped {
        Ok(taken) if taken == whole => {}
        Ok(taken) => partial.push(taken),
        Err(PopError::Empty) => std::thread::yield_now(),
        Err(error) => panic!("{error}"),
    };
    if home.argument(1) == "values" {
        let mut rx = Ring::<Triple>::open(name).unwrap().consumer().unwrap();
        home.say("attached");
        while next < count {
            took(rx.try_pop_batch(whole, |item| {
                assert_eq!(item, [next; 3]);
                next += 1;
            }));
        }
    } else {
        let mut rx = Ring::<[u8]>::open(name).unwrap().consumer().unwrap();
        home.say("attached");
        while next < count {
            took(rx.try_pop_batch(whole, |record| {
                assert_eq!(record.read_at::<Triple>(0), Ok([next; 3]));
                next += 1;
            }));
        }
    }
    home.say(&format!("{partial:?}"));
}

/// Pushes batches of `whole` by `push`, which does so if there is room for all of it.
fn push_whole(kind: &str, whole: u64, batches: u64, mut push: impl FnMut(&str) -> Pusher) {
    let name = Name::new("whole-batches");
    let mut pusher = push(name.as_str());
    let count = whole * batches;
    let arguments = [name.as_str(), kind, &whole.to_string(), &count.to_string()];
    let mut child = Child::spawn("whole-batches", &arguments);
    child.expect("attached");
    for first in (0..count).step_by(whole as usize) {
        let batch: Vec<Triple> = (first..first + whole).map(|n| [n; 3]).collect();
        while !pusher(&batch) {
            // The other side may be waiting for this processor.
            std::thread::yield_now();
        }
    }
    assert_eq!(child.hear(), "[]", "parts of batches were seen");
    child.finish();
}

type Pusher = Box<dyn FnMut(&[Triple]) -> bool>;

fn small() -> Options {
    Options::new().bytes(CAPACITY)
}

#[test]
fn another_process_never_sees_a_part_of_a_batch_of_values_that_fitted() {
    for (whole, batches) in [(2, 10_000), (7, 6000), (100, 1000)] {
        push_whole("values", whole, batches, |name| {
            let mut tx = Producer::<Triple>::create(name, small()).unwrap();
            let mut turn = 0;
            Box::new(move |batch| {
                let fits = tx.room_at_least() >= batch.len() as u64;
                turn += 1;
                if fits && turn % 2 == 0 {
                    assert_eq!(tx.try_push_batch(batch.iter().copied()), Ok(batch.len()));
                } else if fits {
                    assert_eq!(tx.push_batch(batch.iter().copied()), Ok(batch.len()));
                }
                fits
            })
        });
    }
}

#[test]
fn another_process_never_sees_a_part_of_a_batch_of_messages_that_fitted() {
    for (whole, batches) in [(2, 8000), (7, 4000), (100, 500)] {
        push_whole("messages", whole, batches, |name| {
            let mut tx = Producer::<[u8]>::create(name, small()).unwrap();
            let mut turn = 0;
            Box::new(move |batch| {
                // A message that takes as much room as the whole batch would.
                let fits = tx.try_reserve(batch.len() * STRIDE as usize - 8).is_ok();
                let texts: Vec<Vec<u8>> =
                    batch.iter().map(|item| zerocopy::IntoBytes::as_bytes(item).to_vec()).collect();
                turn += 1;
                if fits && turn % 2 == 0 {
                    assert_eq!(tx.try_push_batch(&texts), Ok(batch.len()));
                } else if fits {
                    assert_eq!(tx.push_batch(&texts), Ok(batch.len()));
                }
                fits
            })
        });
    }
}

/// A message that looks into the ring before it shows itself.
struct Looking<'a>(&'a RefCell<Consumer<[u8]>>);

impl AsRef<[u8]> for Looking<'_> {
    fn as_ref(&self) -> &[u8] {
        assert_eq!(self.0.borrow_mut().try_pop(), Err(PopError::Empty), "seen too early");
        &[7; 24]
    }
}

#[test]
fn nothing_of_a_batch_exists_while_it_is_being_given() {
    for count in [1, 2, 9, VALUES as usize] {
        let (ring, _) = messages(Wait::PARK);
        let (mut tx, rx) = (ring.producer().unwrap(), RefCell::new(ring.consumer().unwrap()));
        for _ in 0..3 {
            let batch: Vec<_> = (0..count).map(|_| Looking(&rx)).collect();
            assert_eq!(tx.push_batch(&batch), Ok(count));
            assert_eq!(rx.borrow_mut().try_iter().count(), count);
        }
        let (ring, _) = self::ring::<Triple>(Wait::PARK);
        let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
        for _ in 0..3 {
            let items = (0..count).map(|n| {
                assert_eq!(rx.try_pop(), Err(PopError::Empty), "seen before {n} was given");
                [n as u64; 3]
            });
            assert_eq!(tx.push_batch(items), Ok(count));
            assert_eq!(rx.try_iter().count(), count);
        }
    }
}

#[test]
fn a_batch_that_fills_the_ring_does_not_wait_after_its_last_record() {
    for wait in [Wait::SPIN, Wait::PARK] {
        for held in [0, 1, 60, VALUES - 1, VALUES] {
            let (ring, _) = ring::<Triple>(wait);
            let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
            for n in 0..held {
                tx.try_push([n; 3]).unwrap();
            }
            let told = within(LIMIT, "a batch that fits", move || {
                let told = tx.push_batch((held..VALUES).map(|n| [n; 3]));
                (told, tx.push_batch([]), tx)
            });
            assert_eq!((told.0, told.1), (Ok((VALUES - held) as usize), Ok(0)));
            assert!(rx.try_iter().eq((0..VALUES).map(|n| Ok([n; 3]))));
        }
        // The last message and the zero behind it fill the ring to the byte.
        let (ring, _) = messages(wait);
        let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
        let mut batch = vec![text(1, 24); VALUES as usize];
        batch.push(text(2, (CAPACITY - VALUES * STRIDE - 16) as usize));
        let (told, sent) = within(LIMIT, "a batch that fits", move || {
            let told = (tx.push_batch(&batch), tx.push_batch::<&[u8]>(&[]));
            assert_eq!(tx.try_push(b""), Err(PushError::Full));
            (told, batch)
        });
        assert_eq!(told, (Ok(sent.len()), Ok(0)));
        assert!(rx.try_iter().eq(sent.into_iter().map(Ok)));
    }
}

#[test]
fn a_batch_larger_than_the_ring_goes_through_in_parts() {
    for wait in [Wait::SPIN, Wait::BALANCED, Wait::PARK] {
        let (values, _) = ring::<Triple>(wait);
        let (mut tx, mut rx) = (values.producer().unwrap(), values.consumer().unwrap());
        let reading = std::thread::spawn(move || {
            let mut read = 0;
            while let Ok(taken) = rx.pop_batch(50, |item| {
                assert_eq!(item, [read; 3]);
                read += 1;
            }) {
                assert!((1..=50).contains(&taken));
            }
            read
        });
        assert_eq!(tx.push_batch((0..20 * VALUES).map(|n| [n; 3])), Ok(20 * VALUES as usize));
        tx.close();
        assert_eq!(within(LIMIT, "reading", || reading.join().unwrap()), 20 * VALUES);
        let (ring, _) = messages(wait);
        let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
        let batch: Vec<_> = (0..1000).map(|n| text(n, n as usize % 400)).collect();
        let reading = std::thread::spawn(move || rx.iter().collect::<Result<Vec<_>, _>>());
        assert_eq!(tx.push_batch(&batch), Ok(1000));
        tx.close();
        assert_eq!(within(LIMIT, "reading", || reading.join().unwrap()), Ok(batch));
    }
}

#[test]
fn what_a_batch_took_and_published_is_exact() {
    let (ring, _) = ring::<Triple>(Wait::PARK);
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    let mut items = (0..500).map(|n| [n; 3]);
    assert_eq!(tx.try_push_batch(&mut items), Ok(VALUES as usize));
    assert_eq!(tx.try_push_batch(&mut items), Err(PushError::Full));
    assert_eq!(items.next(), Some([VALUES; 3]), "nothing was taken that was not published");
    assert!(rx.try_iter().eq((0..VALUES).map(|n| Ok([n; 3]))));
    // Room that came while the producer still believes in room for one is found.
    assert_eq!(
        tx.try_push_batch(items.by_ref().take(VALUES as usize - 1)),
        Ok(VALUES as usize - 1)
    );
    assert_eq!(rx.try_iter().count(), VALUES as usize - 1);
    assert_eq!(tx.try_push_batch(&mut items), Ok(VALUES as usize));
    let (ring, _) = messages(Wait::PARK);
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    let (fine, large) = (vec![1; 10], vec![2; 4081]);
    let batch = [&fine, &fine, &large, &fine];
    let too_large = PushError::TooLarge { len: 4081, max: 4080 };
    assert_eq!(tx.try_push_batch(&batch), Ok(2));
    assert_eq!(tx.try_push_batch(&batch[2..]), Err(too_large));
    assert_eq!(tx.push_batch(&batch), Err(BatchError { pushed: 2, error: too_large }));
    assert_eq!(rx.try_iter().count(), 4);
    assert_eq!(tx.try_push_batch(&[vec![3; 3000], vec![4; 3000]]), Ok(1));
    assert_eq!(tx.try_push_batch(&[vec![4; 3000]]), Err(PushError::Full));
}

/// A consumer that reads `read` items of the full ring and goes, and what the producer is told that
/// pushes a batch of 1000 meanwhile.
fn interrupted(go: impl FnOnce(&Ring<u64>, &Bytes, &Name)) -> (Result<usize, BatchError>, usize) {
    let name = Name::new("interrupted-batch");
    let options = Options::new().bytes(CAPACITY).wait(Wait::PARK);
    let ring = Ring::<u64>::create(name.as_str(), options).unwrap();
    let bytes = Bytes::of(ring.descriptor());
    let mut tx = ring.producer().unwrap();
    let pushing = std::thread::spawn(move || {
        let mut items = 0..1000;
        (tx.push_batch(&mut items), items.count())
    });
    go(&ring, &bytes, &name);
    within(LIMIT, "a batch", || pushing.join().unwrap())
}

#[test]
fn a_batch_that_loses_its_consumer_says_how_much_was_published() {
    const FULL: usize = (CAPACITY as usize - 8) / 16;
    for read in [0, 1, 10] {
        let (told, left) = interrupted(|ring, bytes, _| {
            let mut rx = ring.consumer().unwrap();
            bytes.until_parked(producer());
            for n in 0..read {
                assert_eq!(rx.try_pop(), Ok(n));
            }
        });
        let pushed = FULL + read as usize;
        assert_eq!(told, Err(BatchError { pushed, error: PushError::Closed }));
        // And the one that was next is used up.
        assert_eq!(left, 1000 - pushed - 1);
    }
    let (told, _) = interrupted(|_, bytes, name| {
        let mut child = Child::spawn("hold", &[name.as_str(), "consumer"]);
        child.hear();
        bytes.until_parked(producer());
        child.kill();
    });
    assert_eq!(told, Err(BatchError { pushed: FULL, error: PushError::PeerDead }));
}

#[test]
fn a_batch_that_was_published_and_not_counted_is_counted_by_the_next_producer() {
    // As by a producer that is killed between publishing and storing its tail; the consumer may be
    // ahead of that tail by then.
    for (before, batch) in [(0, 1), (3, 10), (0, VALUES), (5, VALUES - 5), (200, VALUES)] {
        for read in [0, 1, batch] {
            let (ring, bytes) = ring::<Triple>(Wait::PARK);
            let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
            for n in 0..before {
                tx.push([n; 3]).unwrap();
                if before > VALUES {
                    assert_eq!(rx.try_pop(), Ok([n; 3]));
                }
            }
            let counted = bytes.get(producer() + POSITION);
            let all = (before..before + batch).map(|n| [n; 3]);
            assert_eq!(tx.try_push_batch(all), Ok(batch as usize));
            let tail = bytes.get(producer() + POSITION);
            drop(tx);
            let first = bytes.get(consumer() + POSITION) / STRIDE;
            for n in first..first + read {
                assert_eq!(rx.try_pop(), Ok([n; 3]));
            }
            bytes.set(producer() + POSITION, counted);
            let mut tx = ring.producer().unwrap();
            assert_eq!(bytes.get(producer() + POSITION), tail, "{batch} behind {before}");
            assert_eq!(tx.room_at_least(), VALUES - (before + batch - first - read));
            let rest = (first + read..before + batch).map(|n| Ok([n; 3]));
            assert!(rx.try_iter().eq(rest));
            tx.push([7; 3]).unwrap();
            assert_eq!(rx.pop(), Ok([7; 3]));
        }
    }
}

#[test]
fn popping_a_batch_waits_for_the_first_record_and_for_no_other() {
    fn pop_up_to(rx: &mut Consumer<u64>, max: usize) -> Result<usize, PopError> {
        rx.pop_batch(max, |_| {})
    }
    for wait in [Wait::SPIN, Wait::PARK] {
        let (ring, _) = ring::<u64>(wait);
        let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
        let (tell, hear) = channel();
        let reading = std::thread::spawn(move || {
            tell.send(pop_up_to(&mut rx, 0)).unwrap();
            for _ in 0..3 {
                tell.send(pop_up_to(&mut rx, 1000)).unwrap();
            }
        });
        assert_eq!(hear.recv_timeout(LIMIT), Ok(Ok(0)), "nothing was asked for");
        for count in [1, 5, 200] {
            tx.try_push_batch(0..count).unwrap();
            assert_eq!(hear.recv_timeout(LIMIT), Ok(Ok(count as usize)));
        }
        within(LIMIT, "reading", || reading.join().unwrap());
    }
}

#[test]
fn a_batch_rings_once_whichever_of_its_records_the_sleeper_waits_for() {
    for (wake_at, rings) in [(1, 1), (16, 1), (80, 1), (160, 1), (161, 0), (NEVER, 0)] {
        let (ring, bytes) = ring::<u64>(Wait::PARK);
        let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
        let before = bytes.get(producer() + RINGS);
        bytes.set(consumer() + WAKE_AT, wake_at);
        assert_eq!(tx.try_push_batch(0..10), Ok(10));
        assert_eq!(bytes.get(producer() + RINGS) - before, rings, "a consumer wants {wake_at}");
        let before = bytes.get(consumer() + RINGS);
        bytes.set(producer() + WAKE_AT, wake_at);
        assert_eq!(rx.try_pop_batch(10, |_| {}), Ok(10));
        assert_eq!(bytes.get(consumer() + RINGS) - before, rings, "a producer wants {wake_at}");
        assert_eq!(bytes.get(consumer() + POSITION), 160);
    }
}
