//! Batches: all of one exists or none of it, also for another process that looks all the time; how many
//! were pushed or popped is exact, whatever ends a batch; and what fits is not waited for.

use std::cell::RefCell;
use std::sync::mpsc::channel;

use shm_ring::{
    BatchError, Consumer, Item, MessageConsumer, MessageProducer, MessageRing, Options, PopError,
    Producer, PushError, Region, Ring, Wait,
};
use shm_ring_outsider::{NEVER, POSITION, WAKE_AT, WAKES_SENT, consumer, producer};
use zerocopy::IntoBytes;

use crate::harness::{Child, Home, LIMIT, Name, within};
use crate::items::text;

use crate::bytes::Bytes;

const CAPACITY: usize = 4096;
/// Bytes from one record to the next, of the values and of the messages here.
const STRIDE: u64 = 32;
const VALUES: u64 = CAPACITY as u64 / STRIDE;

fn ring<T: Item>(wait: Wait) -> (Ring<T>, Bytes) {
    crate::harness::watch();
    let options = Options::new().bytes(CAPACITY).wait(wait);
    let ring = Ring::<T>::create(Region::memfd("batches"), &options).unwrap();
    let bytes = Bytes::of(ring.descriptor());
    (ring, bytes)
}

fn messages(wait: Wait) -> (MessageRing, Bytes) {
    crate::harness::watch();
    let options = Options::new().bytes(CAPACITY).wait(wait);
    let ring = MessageRing::create(Region::memfd("batches"), &options).unwrap();
    let bytes = Bytes::of(ring.descriptor());
    (ring, bytes)
}

/// As long as a message of 24 bytes with its header.
type Four = [u64; 4];

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
        let mut rx = Ring::<Four>::open(name).unwrap().consumer().unwrap();
        home.say("attached");
        while next < count {
            took(rx.try_pop_batch(whole, |item| {
                assert_eq!(item, [next; 4]);
                next += 1;
            }));
        }
    } else {
        let mut rx = MessageRing::open(name).unwrap().consumer().unwrap();
        home.say("attached");
        while next < count {
            took(rx.try_pop_batch(whole, |record| {
                assert_eq!(record.read_at::<[u64; 3]>(0), Ok([next; 3]));
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
        let batch: Vec<Four> = (first..first + whole).map(|n| [n; 4]).collect();
        while !pusher(&batch) {
            // The other side may be waiting for this processor.
            std::thread::yield_now();
        }
    }
    assert_eq!(child.hear(), "[]", "parts of batches were seen");
    child.finish();
}

type Pusher = Box<dyn FnMut(&[Four]) -> bool>;

fn small() -> Options {
    Options::new().bytes(CAPACITY)
}

#[test]
fn another_process_never_sees_a_part_of_a_batch_of_values_that_fitted() {
    for (whole, batches) in [(2, 10_000), (7, 6000), (100, 1000)] {
        push_whole("values", whole, batches, |name| {
            let mut tx = Producer::<Four>::create(name, &small()).unwrap();
            let mut turn = 0;
            Box::new(move |batch| {
                let fits = tx.room_at_least() >= batch.len();
                turn += 1;
                let whole = Ok(batch.len());
                match turn % 7 {
                    _ if !fits => {}
                    0 => assert_eq!(tx.try_push_batch(batch.iter().copied()), whole),
                    1 => assert_eq!(
                        tx.push_batch(batch.iter().copied()).map_err(drop),
                        Ok(batch.len())
                    ),
                    2 => assert_eq!(tx.try_push_slice(batch), whole),
                    3 => assert_eq!(tx.push_slice(batch).map_err(drop), Ok(batch.len())),
                    4 => tx.push_all(batch).unwrap(),
                    5 => assert_eq!(tx.try_push_all(batch), Ok(())),
                    _ => {
                        let mut room = tx.try_reserve(batch.len()).unwrap();
                        room.write_slice(0, batch);
                        room.commit(batch.len());
                    }
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
            let mut tx = MessageProducer::create(name, &small()).unwrap();
            let mut turn = 0;
            Box::new(move |batch| {
                // A message that takes as much room as the whole batch would.
                let fits = tx.try_reserve(batch.len() * STRIDE as usize - 8).is_ok();
                let texts: Vec<Vec<u8>> =
                    batch.iter().map(|item| item[..3].as_bytes().to_vec()).collect();
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
struct Looking<'a>(&'a RefCell<MessageConsumer>);

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
        let (ring, _) = self::ring::<Four>(Wait::PARK);
        let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
        for _ in 0..3 {
            let items = (0..count).map(|n| {
                assert_eq!(rx.try_pop(), Err(PopError::Empty), "seen before {n} was given");
                [n as u64; 4]
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
            let (ring, _) = ring::<Four>(wait);
            let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
            for n in 0..held {
                tx.try_push([n; 4]).unwrap();
            }
            let told = within(LIMIT, "a batch that fits", move || {
                let told = tx.push_batch((held..VALUES).map(|n| [n; 4]));
                (told, tx.push_batch([]), tx)
            });
            assert_eq!((told.0, told.1), (Ok((VALUES - held) as usize), Ok(0)));
            assert!(rx.try_iter().eq((0..VALUES).map(|n| Ok([n; 4]))));
        }
        // The last message fills the ring to the byte.
        let (ring, _) = messages(wait);
        let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
        let mut batch = vec![text(1, 24); VALUES as usize - 2];
        batch.push(text(2, 56));
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
        let (values, _) = ring::<Four>(wait);
        let (mut tx, mut rx) = (values.producer().unwrap(), values.consumer().unwrap());
        let reading = std::thread::spawn(move || {
            let mut read = 0;
            while let Ok(taken) = rx.pop_batch(50, |item| {
                assert_eq!(item, [read; 4]);
                read += 1;
            }) {
                assert!((1..=50).contains(&taken));
            }
            read
        });
        assert_eq!(tx.push_batch((0..20 * VALUES).map(|n| [n; 4])), Ok(20 * VALUES as usize));
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
    let (ring, _) = ring::<Four>(Wait::PARK);
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    let mut items = (0..500).map(|n| [n; 4]);
    assert_eq!(tx.try_push_batch(&mut items), Ok(VALUES as usize));
    assert_eq!(tx.try_push_batch(&mut items), Err(PushError::Full));
    assert_eq!(items.next(), Some([VALUES; 4]), "nothing was taken that was not published");
    assert!(rx.try_iter().eq((0..VALUES).map(|n| Ok([n; 4]))));
    // Room that came while the producer still believes in room for one is found.
    assert_eq!(
        tx.try_push_batch(items.by_ref().take(VALUES as usize - 1)),
        Ok(VALUES as usize - 1)
    );
    assert_eq!(rx.try_iter().count(), VALUES as usize - 1);
    assert_eq!(tx.try_push_batch(&mut items), Ok(VALUES as usize));
    let (ring, _) = messages(Wait::PARK);
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    let (fine, large) = (vec![1; 10], vec![2; 4089]);
    let batch = [&fine, &fine, &large, &fine];
    let too_large = PushError::TooLarge { len: 4089, max: 4088 };
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
    let ring = Ring::<u64>::create(name.as_str(), &options).unwrap();
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
    const FULL: usize = CAPACITY / 8;
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
fn what_a_dead_producer_had_written_behind_its_tail_never_existed() {
    for (before, batch) in [(0, 1), (3, 10), (0, VALUES), (5, VALUES - 5), (200, VALUES)] {
        for read in [0, 1, batch] {
            let (ring, bytes) = ring::<Four>(Wait::PARK);
            let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
            for n in 0..before {
                tx.push([n; 4]).unwrap();
                if before > VALUES {
                    assert_eq!(rx.try_pop(), Ok([n; 4]));
                }
            }
            // As by a producer that is killed between its last write and the store of its tail.
            let tail = bytes.get(producer() + POSITION);
            let all = (before..before + batch).map(|n| [n; 4]);
            assert_eq!(tx.try_push_batch(all), Ok(batch as usize));
            drop(tx);
            bytes.set(producer() + POSITION, tail);
            let there = if before > VALUES { 0 } else { before };
            let taken = read.min(there);
            for n in before - there..before - there + taken {
                assert_eq!(rx.try_pop(), Ok([n; 4]));
            }
            let mut tx = ring.producer().unwrap();
            assert_eq!(bytes.get(producer() + POSITION), tail, "{batch} behind {before}");
            assert_eq!(tx.room_at_least() as u64, VALUES - (there - taken));
            let rest = (before - there + taken..before).map(|n| Ok([n; 4]));
            assert!(rx.try_iter().eq(rest));
            tx.push([7; 4]).unwrap();
            assert_eq!(rx.pop(), Ok([7; 4]));
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
    for (wake_at, rings) in [(1, 1), (8, 1), (40, 1), (80, 1), (81, 0), (NEVER, 0)] {
        let (ring, bytes) = ring::<u64>(Wait::PARK);
        let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
        let before = bytes.get(producer() + WAKES_SENT);
        bytes.set(consumer() + WAKE_AT, wake_at);
        assert_eq!(tx.try_push_batch(0..10), Ok(10));
        assert_eq!(
            bytes.get(producer() + WAKES_SENT) - before,
            rings,
            "a consumer wants {wake_at}"
        );
        let before = bytes.get(consumer() + WAKES_SENT);
        bytes.set(producer() + WAKE_AT, wake_at);
        assert_eq!(rx.try_pop_batch(10, |_| {}), Ok(10));
        assert_eq!(
            bytes.get(consumer() + WAKES_SENT) - before,
            rings,
            "a producer wants {wake_at}"
        );
        assert_eq!(bytes.get(consumer() + POSITION), 80);
    }
}

/// The whole ring is filled while the batch goes on: an unbounded one would never end beside such a producer.
#[test]
fn a_batch_and_an_iterator_end_at_the_tail_that_was_there_when_they_began() {
    let told = within(LIMIT, "batches beside a producer that never stops", || {
        let (ring, _) = ring::<u64>(Wait::PARK);
        let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
        let mut told = Vec::new();
        for way in 0..4 {
            assert_eq!(tx.push_batch([0; 5]), Ok(5));
            let each = |_| assert!(tx.try_push(1).is_ok(), "there is room");
            told.push(match way {
                0 => rx.try_pop_batch(usize::MAX, each),
                1 => rx.pop_batch(usize::MAX, each),
                2 => rx.pop_batch_timeout(usize::MAX, LIMIT, each),
                _ => Ok(rx.try_iter().map(Result::unwrap).map(each).count()),
            });
            // What came meanwhile is for the next call.
            told.push(rx.try_pop_batch(usize::MAX, drop));
        }
        told
    });
    assert_eq!(told, [Ok(5); 8]);
    let told = within(LIMIT, "batches of messages beside a producer that never stops", || {
        let (ring, _) = messages(Wait::PARK);
        let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
        let mut told = Vec::new();
        for way in 0..5 {
            tx.push_batch(&[b"a"; 5]).unwrap();
            let mut push = || assert!(tx.try_push(b"b").is_ok(), "there is room");
            told.push(match way {
                0 => rx.try_pop_batch(usize::MAX, |_| push()),
                1 => rx.pop_batch(usize::MAX, |_| push()),
                2 => rx.pop_batch_timeout(usize::MAX, LIMIT, |_| push()),
                3 => {
                    let view = rx.peek(usize::MAX).unwrap();
                    let seen = view.iter().inspect(|_| push()).count();
                    Ok(view.release(usize::MAX).min(seen))
                }
                _ => Ok(rx.try_iter().map(Result::unwrap).map(|_| push()).count()),
            });
            told.push(rx.try_pop_batch(usize::MAX, |_| {}));
        }
        told
    });
    assert_eq!(told, [Ok(5); 10]);
}
