//! Copies of unread records: what was published and not read, whole, from beside both sides or after them;
//! and an end to it, whatever they write.

use std::collections::BTreeMap;
use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use shm_ring::{
    DumpError, MessageProducer, MessageRing, Observer, Options, Peer, PopError, Region, Ring, Wait,
};
use shm_ring_outsider::{
    Mapping, POSITION, Region as _, Writable as _, consumer, data, pack, producer, record_header,
};

use crate::bytes::Bytes;
use crate::harness::{Child, Ends, Home, LIMIT, Name, until, watch};
use crate::items::{Random, text};

fn of(region: BorrowedFd<'_>) -> Observer {
    Observer::open(Region::descriptor(region.try_clone_to_owned().unwrap())).unwrap()
}

fn payloads(observer: &Observer) -> Vec<Vec<u8>> {
    observer.dump().map(|found| found.unwrap().payload).collect()
}

#[test]
fn what_is_unread_is_dumped_and_stays() {
    let ring = MessageRing::create(Region::memfd("dump"), &Options::new().bytes(4096)).unwrap();
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    let observer = of(ring.descriptor());
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
    let mut tx = MessageProducer::open(home.argument(0)).unwrap();
    tx.push(b"one").unwrap();
    tx.push_batch(&["two", "three"]).unwrap();
    home.say("published");
    home.stay();
}

#[test]
fn the_records_of_the_dead_are_dumped_and_nothing_that_they_had_not_published() {
    let name = Name::new("dead");
    let ring = MessageRing::create(name.as_str(), &Options::new()).unwrap();
    let mut child = Child::spawn("publish-three", &[name.as_str()]);
    child.expect("published");
    child.kill();
    let observer = Observer::open(name.as_str()).unwrap();
    assert_eq!(payloads(&observer), [&b"one"[..], b"two", b"three"]);
    // As a kill before the store of the tail leaves it: the third stands there and does not exist.
    Bytes::of(ring.descriptor()).set(producer() + POSITION, 32);
    assert_eq!(observer.snapshot().unread_bytes(), 32);
    assert_eq!(payloads(&observer), [&b"one"[..], b"two"]);
    let mut rx = ring.consumer().unwrap();
    assert_eq!((rx.pop(), rx.pop()), (Ok(b"one".into()), Ok(b"two".into())));
    assert_eq!(rx.pop(), Err(PopError::PeerDead));
    assert_eq!(payloads(&observer).len(), 0);
}

#[test]
fn values_of_any_size_are_dumped() {
    fn check<T: shm_ring::Item + Copy>(items: &[T], len: usize) {
        let ring = Ring::<T>::create(Region::memfd("values"), &Options::new().items(8)).unwrap();
        let mut tx = ring.producer().unwrap();
        for &item in items {
            tx.push(item).unwrap();
        }
        let dumped = payloads(&of(ring.descriptor()));
        assert_eq!(dumped.len(), items.len());
        for (dumped, item) in dumped.iter().zip(items) {
            assert_eq!((dumped.as_slice(), dumped.len()), (item.as_bytes(), len));
        }
    }
    check(&[1_u8, 2, 3], 1);
    check(&[[1_u8, 2, 3], [4, 5, 6]], 3);
    check(&[[0x0102_0304_0506_0708_u128; 3]; 2], 48);
}

/// Records that are taken while they are copied are said to be, and what is returned is whole: each
/// message is one byte over and over, as many as the byte says.
#[test]
fn a_record_that_is_overwritten_meanwhile_is_never_returned() {
    watch();
    let options = Options::new().bytes(4096).wait(Wait::BALANCED);
    let ring = MessageRing::create(Region::memfd("live"), &options).unwrap();
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    let observer = of(ring.descriptor());
    let (over, pushed) = (AtomicBool::new(false), AtomicU64::new(0));
    let (mut whole, mut last) = (0, 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut n = 0_usize;
            // The consumer leaves some records where they are.
            while !over.load(Ordering::Relaxed) {
                // Now long, now short: what is overwritten is now payload and now a record header.
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

/// The same place is overwritten again and again under the header that stands there: only the
/// head tells. A stranger writes what two sides would, the head and then the next record's payload, and has
/// each record stand where the headers begin anew, so that its header is the last one's.
#[test]
fn a_record_whose_header_is_no_witness_is_never_returned_torn() {
    watch();
    const LEN: u64 = 60_000;
    const LAP: u64 = 1 << 34;
    let ring = MessageRing::create(Region::memfd("torn"), &Options::new().bytes(1 << 16)).unwrap();
    let (bytes, observer) = (Bytes::of(ring.descriptor()), of(ring.descriptor()));
    bytes.set(data(), record_header(0, LEN as u32));
    bytes.set(producer() + POSITION, 8 + LEN);
    let over = AtomicBool::new(false);
    let (mut whole, mut taken) = (0, 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // Through a mapping, so that what is written follows the head at once.
            let mapping = Mapping::writable(bytes.fd()).unwrap();
            for lap in 0..1_u64 << 27 {
                let end = lap * LAP + 8 + LEN;
                mapping.set(consumer() + POSITION, end);
                // Of a message that says its number at its start and at its end.
                mapping.set(data() + 8, lap);
                mapping.set(data() + LEN, lap);
                mapping.set(producer() + POSITION, end + LAP);
                mapping.set(consumer() + POSITION, (lap + 1) * LAP);
                // Now it is there, for sometimes more and sometimes less than a copy of it takes.
                (0..lap % 500).for_each(|_| std::hint::spin_loop());
                if over.load(Ordering::Relaxed) {
                    break;
                }
            }
        });
        let _ends = Ends(&over);
        while whole < 500 || taken < 500 {
            match observer.dump().next() {
                Some(Ok(unread)) => {
                    let (_, end) = unread.payload.split_at(LEN as usize - 8);
                    assert_eq!(unread.payload[..8], *end, "a torn record");
                    whole += 1;
                }
                Some(Err(DumpError::Taken { .. })) => taken += 1,
                // Between its two words the stranger contradicts the protocol.
                Some(Err(DumpError::Corrupt { .. })) | None => {}
                Some(Err(error)) => panic!("{error}"),
            }
        }
    });
}

#[test]
fn whatever_stands_in_the_region_a_dump_ends() {
    let capacity = 4096;
    let options = Options::new().bytes(capacity as usize);
    let ring = MessageRing::create(Region::memfd("wild"), &options).unwrap();
    let (bytes, observer) = (Bytes::of(ring.descriptor()), of(ring.descriptor()));
    let at = |head, tail| {
        bytes.set(consumer() + POSITION, head);
        bytes.set(producer() + POSITION, pack(tail, tail % 16 == 0));
    };
    let one = |word| {
        bytes.set(data(), word);
        observer.dump().collect::<Vec<_>>()
    };
    let corrupt = |position, word| [Err(DumpError::Corrupt { position, word })];
    at(0, capacity);
    // A length beyond the tail, another position's word, and no header at all.
    for word in [record_header(0, 4089), record_header(0, u32::MAX), record_header(8, 1), 7] {
        assert_eq!(one(word), corrupt(0, word));
    }
    assert_eq!(one(record_header(0, 4088)).len(), 1);
    // Positions where none can be.
    for position in [4, 1 << 62, u64::MAX] {
        at(position, position & !(1 << 63));
        assert_eq!(one(record_header(0, 0)), corrupt(position, position));
    }
    for tail in [capacity + 8, 1 << 62, 1 << 61] {
        at(0, tail);
        assert_eq!(one(record_header(0, 0)), corrupt(0, tail));
    }
    at(8, 0);
    assert_eq!(one(record_header(0, 0)), corrupt(8, 0));
    // Records all the way round: as many as there are, and not one more.
    at(0, capacity);
    for position in (0..capacity).step_by(8) {
        bytes.set(data() + position, record_header(position, 0));
    }
    let all: Vec<_> = observer.dump().collect();
    assert_eq!(all.len() as u64, capacity / 8);
    assert!(all.iter().all(Result::is_ok));
    let mut random = Random::new(3);
    let mut ends = BTreeMap::new();
    for _ in 0..300 {
        let start = random.below(1 << 20) * 8;
        at(start, start + random.below(capacity / 8 + 1) * 8);
        for place in (0..capacity).step_by(8) {
            let lap = if place < start % capacity { capacity } else { 0 };
            let position = start - start % capacity + place + lap;
            let word = match random.below(30) {
                0 => random.next(),
                1 => 0,
                _ => record_header(position, random.below(20) as u32),
            };
            bytes.set(data() + place, word);
        }
        let found = observer.dump().collect::<Vec<_>>();
        assert!(found.len() as u64 <= capacity / 8);
        *ends.entry(found.last().is_some_and(Result::is_err)).or_insert(0) += 1;
    }
    assert_eq!(ends.len(), 2, "some end in nothing and some in corruption: {ends:?}");
}

/// Reading at any moment is an observer's right: a writer beside it writes pieces of words.
#[test]
fn a_message_written_in_pieces_beside_a_dump_arrives_whole() {
    watch();
    let ring = MessageRing::create(Region::memfd("pieces"), &Options::new().bytes(4096)).unwrap();
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    let observer = of(ring.descriptor());
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                for found in observer.dump() {
                    match found {
                        Ok(unread) => {
                            let n = unread.payload[0];
                            assert!(unread.payload.iter().all(|byte| *byte == n), "torn");
                        }
                        Err(DumpError::Taken { .. }) => {}
                        Err(error) => panic!("{error}"),
                    }
                }
            }
        });
        let _ends = Ends(&over);
        let mut random = Random::new(9);
        for n in 0..4000_u32 {
            let (byte, len) = (n as u8, 1 + random.below(200) as usize);
            let mut room = tx.reserve(len).unwrap();
            let mut at = 0;
            while at < len {
                let piece = (1 + random.below(5) as usize).min(len - at);
                room.write_at(at, &vec![byte; piece][..]).unwrap();
                at += piece;
            }
            room.commit(len);
            if n % 3 != 0 || rx.len_bytes() > 2000 {
                while rx.len_bytes() > 1000 {
                    let message = rx.pop().unwrap();
                    assert!(message.iter().all(|other| *other == message[0]));
                }
            }
        }
    });
}

/// An observer copies words, and accesses of other sizes to the same bytes would race with it: what writes a part of a
/// word stores all of it. That shows where a stranger writes another part at the same time, and what it wrote is gone.
#[test]
fn a_part_of_a_message_is_written_by_whole_words() {
    if std::thread::available_parallelism().is_ok_and(|count| count.get() == 1) {
        eprintln!("skipped, since two threads must run at the same time");
        return;
    }
    watch();
    let ring = MessageRing::create(Region::memfd("parts"), &Options::new().bytes(4096)).unwrap();
    let mut tx = ring.producer().unwrap();
    let mapping = Mapping::writable(Bytes::of(ring.descriptor()).fd()).unwrap();
    for (part, stranger) in [(2..7, 0), (0..3, 7), (9..15, 8), (8..10, 14)] {
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let mut room = tx.reserve(16).unwrap();
            let (start, len) = (part.start, part.len());
            scope.spawn(|| {
                let _ends = Ends(&over);
                let mut gone = false;
                let start = std::time::Instant::now();
                for n in (1..=255_u8).cycle() {
                    mapping.write(data() + 8 + stranger, &[n]);
                    for _ in 0..20 {
                        gone |= mapping.read(data() + 8 + stranger, 1) != [n];
                    }
                    if gone {
                        break;
                    }
                    assert!(start.elapsed() < LIMIT, "{part:?} of a message is written by itself");
                }
            });
            let mut n = 0;
            while !over.load(Ordering::Relaxed) {
                n += 1;
                room.write_at(start, &vec![n as u8; len][..]).unwrap();
            }
        });
    }
}
