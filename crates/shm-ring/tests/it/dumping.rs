//! Copies of unread records: what was published and not read, whole, from beside both sides or after them;
//! and an end to it, whatever they write.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use shm_ring::{DumpError, Observer, Options, Peer, PopError, Producer, Region, Ring, Wait};

use crate::house::{Child, Home, Name, until, watch};
use crate::items::{Random, text};
use crate::wire::{Bytes, POSITION, commit_word, consumer, data, producer};

fn of<P: ?Sized>(ring: &Ring<P>) -> Observer {
    Observer::open(Region::descriptor(ring.descriptor().try_clone_to_owned().unwrap())).unwrap()
}

fn payloads(observer: &Observer) -> Vec<Vec<u8>> {
    observer.dump().map(|found| found.unwrap().payload).collect()
}

#[test]
fn what_is_unread_is_dumped_and_stays() {
    let ring = Ring::<[u8]>::create(Region::memfd("dump"), Options::new().bytes(4096)).unwrap();
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    let observer = of(&ring);
    assert_eq!(payloads(&observer), [[0_u8; 0]; 0]);
    // Round and round, so that old payload stands everywhere and records begin at every offset.
    let mut random = Random::new(1);
    let (mut first, mut next) = (0, 0);
    let len = |n| Random::new(n).below(600) as usize;
    for _ in 0..3000 {
        if random.below(2) == 0 {
            while tx.try_push(&text(next, len(next))).is_ok() {
                next += 1;
            }
        } else if rx.try_pop().is_ok() {
            first += 1;
        }
        let expected: Vec<_> = (first..next).map(|n| text(n, len(n))).collect();
        assert!(payloads(&observer) == expected, "from {first} to {next}");
    }
    assert!(next > first && first > 300, "from {first} to {next}");
    let positions: Vec<_> = observer.dump().map(|found| found.unwrap().position).collect();
    assert_eq!(positions[0], observer.snapshot().head);
    assert!(positions.is_sorted());
}

/// Job: publishes one record and then two more at once, and stays.
pub(crate) fn publish_three(mut home: Home) {
    let mut tx = Producer::<[u8]>::open(home.argument(0)).unwrap();
    tx.push(b"one").unwrap();
    tx.push_batch(&["two", "three"]).unwrap();
    home.say("published");
    home.stay();
}

#[test]
fn the_records_of_the_dead_are_dumped_even_those_they_did_not_count() {
    let name = Name::new("dead");
    let ring = Ring::<[u8]>::create(name.as_str(), Options::new()).unwrap();
    let mut child = Child::spawn("publish-three", &[name.as_str()]);
    child.expect("published");
    child.kill();
    let observer = Observer::open(name.as_str()).unwrap();
    // As a kill between the commit and the tail leaves it.
    Bytes::of(ring.descriptor()).set(producer() + POSITION, 16);
    assert_eq!(observer.snapshot().unread_bytes(), 16);
    assert_eq!(payloads(&observer), [&b"one"[..], b"two", b"three"]);
    let mut rx = ring.consumer().unwrap();
    assert_eq!(
        (rx.pop(), rx.pop(), rx.pop()),
        (Ok(b"one".into()), Ok(b"two".into()), Ok(b"three".into()))
    );
    assert_eq!(rx.pop(), Err(PopError::PeerDead));
    assert_eq!(payloads(&observer).len(), 0);
}

#[test]
fn values_of_any_size_are_dumped() {
    fn check<T: shm_ring::Item + Copy>(items: &[T], len: usize) {
        let ring = Ring::<T>::create(Region::memfd("values"), Options::new().items(8)).unwrap();
        let mut tx = ring.producer().unwrap();
        for &item in items {
            tx.push(item).unwrap();
        }
        let dumped = payloads(&of(&ring));
        assert_eq!(dumped.len(), items.len());
        for (dumped, item) in dumped.iter().zip(items) {
            assert_eq!((dumped.as_slice(), dumped.len()), (item.as_bytes(), len));
        }
    }
    check(&[(), (), ()], 0);
    check(&[[1_u8, 2, 3], [4, 5, 6]], 3);
    check(&[[0x0102_0304_0506_0708_u128; 3]; 2], 48);
}

/// Records that are taken while they are copied are said to be, and what is returned is whole: each
/// message is one byte over and over, as many as the byte says.
#[test]
fn a_record_that_is_overwritten_meanwhile_is_never_returned() {
    watch();
    let options = Options::new().bytes(4096).wait(Wait::BALANCED);
    let ring = Ring::<[u8]>::create(Region::memfd("live"), options).unwrap();
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    let observer = of(&ring);
    let (over, pushed) = (AtomicBool::new(false), AtomicU64::new(0));
    let (mut whole, mut last) = (0, 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut n = 0_usize;
            // The consumer leaves some records where they are.
            while !over.load(Ordering::Relaxed) {
                // Now long, now short: what is overwritten is now payload and now a commit word.
                let len = 300 + n * 37 % 500;
                tx.push(&vec![(len % 251) as u8; len]).unwrap();
                n += 1;
                pushed.store(n as u64, Ordering::Release);
            }
            drop(tx);
        });
        scope.spawn(|| {
            let mut popped = 0;
            // Whoever pushes must not be left waiting for room.
            while !over.load(Ordering::Relaxed) || !matches!(rx.peer(), Peer::Closed { .. }) {
                let keep = if over.load(Ordering::Relaxed) { 0 } else { 1 };
                if popped + keep < pushed.load(Ordering::Acquire) && rx.pop().is_ok() {
                    popped += 1;
                }
            }
        });
        let _ends = Ends(&over);
        // All rounds may be over before a busy machine has started the two threads.
        until("records go by", || pushed.load(Ordering::Relaxed) > 100);
        // Rounds, and no clock: what a wrong program does here it does in the first thousand.
        let mut rounds = 0;
        while rounds < 1500 || whole < 100 {
            rounds += 1;
            let mut looks = 0;
            for found in observer.dump() {
                looks += 1;
                match found {
                    Ok(unread) => {
                        let (len, first) = (unread.payload.len(), unread.payload[0]);
                        assert_eq!(usize::from(first), len % 251, "another record's length");
                        assert!(unread.payload.iter().all(|&byte| byte == first), "a torn record");
                        assert!(unread.position >= last, "positions go on");
                        last = unread.position;
                        whole += 1;
                    }
                    Err(DumpError::Taken { from, to }) => {
                        assert!(from < to);
                        last = to;
                    }
                    Err(error) => panic!("{error}"),
                }
            }
            assert!(looks <= 2 * 4096 / 8, "a dump goes on for ever");
            last = 0;
        }
    });
}

/// The same place is overwritten again and again under the commit word that stands there: only the
/// head tells. A stranger writes what two sides would, the head and then the next record's payload, and has
/// each record stand where the positions' tags begin anew, so that its commit word is the last one's.
#[test]
fn a_record_whose_commit_word_is_no_witness_is_never_returned_torn() {
    watch();
    const LEN: usize = 2000;
    const LAP: u64 = 1 << 34;
    let ring = Ring::<[u8]>::create(Region::memfd("torn"), Options::new().bytes(4096)).unwrap();
    let (bytes, observer) = (Bytes::of(ring.descriptor()), of(&ring));
    bytes.set(data(), commit_word(0, LEN as u32));
    let over = AtomicBool::new(false);
    let (mut whole, mut taken) = (0, 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for lap in 0..1_u64 << 27 {
                bytes.set(consumer() + POSITION, lap * LAP + 8 + LEN as u64);
                bytes.write(data() + 8, &[lap as u8; LEN]);
                bytes.set(consumer() + POSITION, (lap + 1) * LAP);
                if over.load(Ordering::Relaxed) {
                    break;
                }
            }
        });
        let _ends = Ends(&over);
        while whole + taken < 4000 {
            match observer.dump().next() {
                Some(Ok(unread)) => {
                    let first = unread.payload[0];
                    assert!(unread.payload.iter().all(|&byte| byte == first), "a torn record");
                    whole += 1;
                }
                Some(Err(DumpError::Taken { .. })) => taken += 1,
                Some(Err(error)) => panic!("{error}"),
                None => {}
            }
        }
    });
}

/// Says that it is over, be it by a panic.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn whatever_stands_in_the_region_a_dump_ends() {
    let capacity = 4096;
    let ring = Ring::<[u8]>::create(Region::memfd("wild"), Options::new().bytes(capacity)).unwrap();
    let (bytes, observer) = (Bytes::of(ring.descriptor()), of(&ring));
    let head = |position| bytes.set(consumer() + POSITION, position);
    let one = |word| {
        bytes.set(data(), word);
        observer.dump().collect::<Vec<_>>()
    };
    let corrupt = |position, word| [Err(DumpError::Corrupt { position, word })];
    // A length beyond the ring, another position's word, and no commit word at all.
    for word in [commit_word(0, 4081), commit_word(0, u32::MAX), commit_word(8, 1), 7] {
        assert_eq!(one(word), corrupt(0, word));
    }
    assert_eq!(one(commit_word(0, 4080)).len(), 1);
    // Head where none can be.
    for position in [4, 1 << 62, u64::MAX] {
        head(position);
        assert_eq!(one(commit_word(0, 0)), corrupt(position, position));
    }
    head(0);
    // Records all the way round: as many as there can be, and not one more.
    for position in (0..capacity).step_by(8) {
        bytes.set(data() + position, commit_word(position, 0));
    }
    let all: Vec<_> = observer.dump().collect();
    assert_eq!(all.len() as u64, capacity / 8);
    assert!(all[..all.len() - 1].iter().all(Result::is_ok) && all[all.len() - 1].is_err());
    let mut random = Random::new(3);
    let mut ends = BTreeMap::new();
    for _ in 0..300 {
        let start = random.below(1 << 20) * 8;
        head(start);
        for place in (0..capacity).step_by(8) {
            let position = start - start % capacity + place;
            let word = match random.below(4) {
                0 => random.next(),
                1 => 0,
                _ => commit_word(position, random.below(200) as u32),
            };
            bytes.set(data() + place, word);
        }
        let found = observer.dump().collect::<Vec<_>>();
        assert!(found.len() as u64 <= capacity / 8);
        *ends.entry(found.last().is_some_and(Result::is_err)).or_insert(0) += 1;
    }
    assert_eq!(ends.len(), 2, "some end in nothing and some in corruption: {ends:?}");
}
