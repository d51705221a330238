//! Reservations and views that do not come to their end: dropped, forgotten, panicked through, or held
//! by a process that is killed. What was not committed never existed; what was not released is still
//! there. The same for batches whose iterator or whose reader ends in the middle.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use shm_ring::{MessageRing, Options, PopError, Region, Ring, Wait};
use shm_ring_outsider::{POSITION, consumer, data, page};

use crate::bytes::Bytes;
use crate::forms::{Aligned, AnyRing, Kind, Put, Room, Take, peek_one};
use crate::harness::{Child, Home, LIMIT, Name, within};
use crate::items::{A64, Numbered, text};

fn ring<K: Kind + ?Sized>() -> (K::Ring, Bytes) {
    crate::harness::watch();
    let ring = K::create(Region::memfd("in-place"), &Options::new().bytes(4096)).unwrap();
    let bytes = Bytes::of(ring.descriptor());
    (ring, bytes)
}

/// Runs what is expected to panic with `why`.
fn panicking(why: &str, run: impl FnOnce()) {
    let told = catch_unwind(AssertUnwindSafe(run)).expect_err("it was to panic");
    assert_eq!(told.downcast_ref::<&str>(), Some(&why));
}

#[test]
fn a_reservation_that_is_not_committed_publishes_nothing_and_the_next_push_works() {
    fn abandon<K: Kind + ?Sized>(len: usize) {
        let one = K::LEN.unwrap_or(1);
        for how in [Room::Drop, Room::Forget, Room::More] {
            let (ring, bytes) = ring::<K>();
            let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
            let junk = vec![0xff; len * one];
            for n in 0..200_u64 {
                let control = bytes.all()[..3 * page() as usize].to_vec();
                let told = K::reserve(&mut tx, 0, how, &junk, 0);
                assert_eq!(told, Ok(None));
                assert!(bytes.all()[..3 * page() as usize] == control, "{how:?} published");
                assert_eq!(K::pop(&mut rx, Take::Try, 0), Err(PopError::Empty), "{how:?}");
                // Shorter, where a length can be: its end lies in what was written above.
                let next = text(n, K::LEN.unwrap_or_else(|| n as usize % (len / 2)));
                assert_eq!(K::push(&mut tx, Put::Try, &next), Ok(()));
                assert_eq!(K::pop(&mut rx, Take::Try, 0), Ok(next));
                assert_eq!(K::pop(&mut rx, Take::Try, 0), Err(PopError::Empty), "{how:?}");
            }
        }
    }
    abandon::<[u8]>(300);
    abandon::<Aligned<64>>(300);
    abandon::<u64>(1);
    abandon::<u64>(40);
    abandon::<[u8; 300]>(3);
    abandon::<A64>(2);
}

#[test]
fn a_panic_through_a_reservation_or_a_view_changes_nothing() {
    let (ring, bytes) = ring::<[u8]>();
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    tx.push(b"stays").unwrap();
    let control = bytes.all()[..3 * page() as usize].to_vec();
    panicking("while writing", || {
        let mut room = tx.try_reserve(100).unwrap();
        room.write_at(0, &[0xff_u8; 50]).unwrap();
        panic!("while writing");
    });
    panicking("while reading", || {
        let view = rx.try_peek(1).unwrap();
        assert_eq!(view.first().len(), 5);
        panic!("while reading");
    });
    assert!(bytes.all()[..3 * page() as usize] == control);
    tx.push(b"comes").unwrap();
    assert_eq!(rx.try_pop().unwrap(), b"stays");
    assert_eq!(rx.try_pop().unwrap(), b"comes");
    assert_eq!(rx.try_pop(), Err(PopError::Empty));
}

#[test]
fn a_view_that_is_not_released_leaves_its_record() {
    fn look<K: Kind + ?Sized>(len: usize) {
        let (ring, bytes) = ring::<K>();
        let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
        for n in 0..6 {
            K::push(&mut tx, Put::Try, &text(n, len)).unwrap();
        }
        let mut first = 0;
        for released in [1, 2, 3] {
            let head = bytes.get(consumer() + POSITION);
            for form in 0..12 {
                for max in [1, 2, 100] {
                    let seen = K::peek(&mut rx, form % 3, form, max, |_| 0).unwrap();
                    let expected = (first..6).take(max).map(|n| text(n, len));
                    assert!(seen.into_iter().eq(expected), "up to {max} from {first}");
                }
            }
            assert_eq!(bytes.get(consumer() + POSITION), head);
            // Also for a consumer that comes after.
            drop(rx);
            rx = ring.consumer().unwrap();
            // Some of what is seen is released, and the rest seen again.
            assert_eq!(peek_one::<K>(&mut rx, 0, 0, false), Ok(text(first, len)));
            let seen = K::peek(&mut rx, 0, 0, 5, |_| released).unwrap();
            assert_eq!(seen.len(), 5.min(6 - first as usize));
            first += released as u64;
            assert_eq!(bytes.get(consumer() + POSITION), first * K::stride(len));
        }
        assert_eq!(peek_one::<K>(&mut rx, 0, 0, true), Err(PopError::Empty));
    }
    look::<[u8]>(0);
    look::<[u8]>(100);
    look::<Aligned<64>>(7);
    look::<[u8; 5]>(5);
    look::<A64>(192);
}

/// Job: holds a view, or reads a batch, of what its parent pushes, until it is killed.
pub(crate) fn hold_view(mut home: Home) {
    let name = home.argument(0).to_owned();
    let options = Options::new().wait(Wait::PARK);
    let ring = MessageRing::open_with(name.as_str(), &options);
    match home.argument(1) {
        "message" => {
            let mut rx = ring.unwrap().consumer().unwrap();
            let view = rx.peek(1).unwrap();
            home.say(&format!("{:?}", view.first().to_vec()));
            home.stay();
        }
        "messages" => {
            let mut rx = ring.unwrap().consumer().unwrap();
            rx.pop_batch(2, |record| {
                home.say(&format!("{:?}", record.to_vec()));
                if record.to_vec() == text(1, 1) {
                    home.stay();
                }
            })
            .unwrap();
        }
        _ => {
            let mut rx = Ring::<Numbered>::open_with(name, &options).unwrap().consumer().unwrap();
            let view = rx.peek(1).unwrap();
            home.say(&view.get(0).unwrap().checked().to_string());
            home.stay();
        }
    }
}

#[test]
fn the_successor_of_a_consumer_killed_while_it_held_a_view_sees_the_record_again() {
    let (name, numbers) = (Name::new("held-view"), Name::new("held-value"));
    let messages = MessageRing::create(name.as_str(), &Options::new().bytes(4096)).unwrap();
    let values = Ring::<Numbered>::create(numbers.as_str(), &Options::new().bytes(4096)).unwrap();
    let (mut tx, mut number) = (messages.producer().unwrap(), values.producer().unwrap());
    tx.push_batch(&[text(0, 40), text(1, 1), text(2, 0)]).unwrap();
    number.push(Numbered::new(7)).unwrap();
    for _ in 0..3 {
        let mut child = Child::spawn("hold-view", &[name.as_str(), "message"]);
        child.expect(&format!("{:?}", text(0, 40)));
        child.kill();
        let mut child = Child::spawn("hold-view", &[numbers.as_str(), "value"]);
        child.expect("7");
        child.kill();
        // In the middle of a batch nothing has been given back yet.
        let mut child = Child::spawn("hold-view", &[name.as_str(), "messages"]);
        child.expect(&format!("{:?}", text(0, 40)));
        child.expect(&format!("{:?}", text(1, 1)));
        child.kill();
    }
    let mut rx = messages.consumer().unwrap();
    for expected in [text(0, 40), text(1, 1), text(2, 0)] {
        let view = rx.try_peek(1).unwrap();
        assert_eq!(view.first().to_vec(), expected);
        assert_eq!(view.release(1), 1);
    }
    assert_eq!(values.consumer().unwrap().try_pop().unwrap().checked(), 7);
}

/// A message that speaks before it shows itself.
struct Speaking<'a> {
    home: &'a RefCell<Home>,
    speaks: bool,
    bytes: Vec<u8>,
}

impl AsRef<[u8]> for Speaking<'_> {
    fn as_ref(&self) -> &[u8] {
        if self.speaks {
            self.home.borrow_mut().say("half");
            self.home.borrow_mut().stay();
        }
        &self.bytes
    }
}

/// Job: publishes two whole messages and stays in the middle of writing more.
pub(crate) fn half_write(mut home: Home) {
    let ring = MessageRing::open(home.argument(0)).unwrap();
    let mut tx = ring.producer().unwrap();
    let first = home.number(2);
    tx.push(&text(first, 30)).unwrap();
    tx.push(&text(first + 1, 31)).unwrap();
    if home.argument(1) == "reservation" {
        let mut room = tx.reserve(200).unwrap();
        room.write_at(0, &[0xff_u8; 133]).unwrap();
        home.say("half");
        home.stay();
    } else {
        let home = RefCell::new(home);
        let speaking =
            |n: usize| Speaking { home: &home, speaks: n == 5, bytes: vec![0xff; 20 + n] };
        tx.push_batch(&(0..8).map(speaking).collect::<Vec<_>>()).unwrap();
    }
}

/// Job: the same with values.
pub(crate) fn half_write_values(mut home: Home) {
    let ring = Ring::<Numbered>::open(home.argument(0)).unwrap();
    let mut tx = ring.producer().unwrap();
    let first = home.number(2);
    tx.push(Numbered::new(first)).unwrap();
    tx.push(Numbered::new(first + 1)).unwrap();
    if home.argument(1) == "reservation" {
        let mut room = tx.reserve(3).unwrap();
        room.write(0, &Numbered::new(u64::MAX));
        home.say("half");
        home.stay();
    } else {
        let items = (0..8).map(|n| {
            if n == 5 {
                home.say("half");
                home.stay();
            }
            Numbered::new(u64::MAX)
        });
        tx.push_batch(items).unwrap();
    }
}

#[test]
fn a_producer_killed_in_the_middle_of_writing_leaves_whole_records_and_nothing_else() {
    let (name, numbers) = (Name::new("half-written"), Name::new("half-written-values"));
    let messages = MessageRing::create(name.as_str(), &Options::new().bytes(4096)).unwrap();
    let values = Ring::<Numbered>::create(numbers.as_str(), &Options::new().bytes(4096)).unwrap();
    let (mut rx, mut number) = (messages.consumer().unwrap(), values.consumer().unwrap());
    let (expected, bytes) = (|n: u64| text(n, 30 + n as usize % 2), Bytes::at(&name.path()));
    for round in 0..6 {
        let (how, first) = (["reservation", "batch"][round % 2], 2 * round as u64);
        let mut child = Child::spawn("half-write", &[name.as_str(), how, &first.to_string()]);
        child.expect("half");
        child.kill();
        // Something was written behind the last whole one, or this shows nothing.
        let tail = bytes.tail() % 4096;
        assert_eq!(bytes.get(data() + tail + 8), u64::MAX, "{how}");
        for n in [first, first + 1] {
            assert_eq!(rx.pop(), Ok(expected(n)));
        }
        assert_eq!(rx.pop(), Err(PopError::PeerDead));
        let arguments = [numbers.as_str(), how, &first.to_string()];
        let mut child = Child::spawn("half-write-values", &arguments);
        child.expect("half");
        child.kill();
        for n in [first, first + 1] {
            assert_eq!(number.pop().map(|item| item.checked()), Ok(n));
        }
        assert_eq!(number.pop().map(|item| item.checked()), Err(PopError::PeerDead));
    }
    let mut tx = messages.producer().unwrap();
    tx.push(b"").unwrap();
    tx.push(b"and on").unwrap();
    assert_eq!([rx.pop(), rx.pop()], [Ok(vec![]), Ok(b"and on".to_vec())]);
}

/// A message that panics instead of showing itself.
struct Panicking(Option<Vec<u8>>);

impl AsRef<[u8]> for Panicking {
    fn as_ref(&self) -> &[u8] {
        self.0.as_ref().unwrap_or_else(|| panic!("in a message"))
    }
}

#[test]
fn a_panic_in_what_supplies_a_batch_publishes_what_it_had_given() {
    for given in [0, 1, 5, 300] {
        let (ring, _) = ring::<u64>();
        let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
        let reading = std::thread::spawn(move || {
            let read: Vec<_> = rx.iter().map(Result::unwrap).collect();
            (read, rx)
        });
        panicking("in the iterator", || {
            let items = (0..given + 9).map(|n| match n {
                n if n == given => panic!("in the iterator"),
                n => n,
            });
            let _ = tx.push_batch(items);
        });
        tx.push(given).unwrap();
        tx.close();
        let (read, _rx) = within(LIMIT, "reading a batch", || reading.join().unwrap());
        assert!(read.into_iter().eq(0..=given), "{given} were given before the panic");
    }
    let (ring, _) = ring::<[u8]>();
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    for (at, given) in [(0, 0), (1, 1), (4, 4)] {
        let batch: Vec<_> =
            (0..6).map(|n| Panicking((n != at).then(|| text(n, n as usize)))).collect();
        panicking("in a message", || {
            let _ = tx.push_batch(&batch);
        });
        tx.push(b"next").unwrap();
        let expected = (0..given).map(|n| text(n, n as usize)).chain([b"next".to_vec()]);
        assert!(rx.try_iter().map(Result::unwrap).eq(expected), "{given} before the panic");
    }
}

#[test]
fn a_panic_in_what_reads_a_batch_takes_what_it_saw_and_leaves_the_rest() {
    fn read<K: Kind + ?Sized>(len: usize) {
        let (ring, bytes) = ring::<K>();
        let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
        let payload = |n| text(n, len);
        for n in 0..6 {
            K::push(&mut tx, Put::Try, &payload(n)).unwrap();
        }
        let stride = bytes.tail() / 6;
        let mut seen = 0;
        panicking("at the third", || {
            let _ = K::pop_batch(&mut rx, 0, 6, |bytes| {
                assert_eq!(bytes, payload(seen));
                seen += 1;
                if seen == 3 {
                    panic!("at the third");
                }
            });
        });
        assert_eq!(bytes.get(consumer() + POSITION), 3 * stride, "what was seen is given back");
        for n in 3..6 {
            assert_eq!(K::pop(&mut rx, Take::Try, 0), Ok(payload(n)));
        }
        assert_eq!(K::pop(&mut rx, Take::Try, 0), Err(PopError::Empty));
    }
    read::<[u8]>(10);
    read::<Aligned<64>>(12);
    read::<u64>(8);
    read::<A64>(192);
}

#[test]
fn the_kernel_moves_bytes_between_files_and_the_ring_and_nothing_beyond() {
    use std::io::{ErrorKind, Read, Seek, Write};
    let ring = MessageRing::create(Region::memfd("files"), &Options::new().bytes(4096)).unwrap();
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    let dir = crate::harness::Dir::new("files");
    let mut file = std::fs::File::options()
        .read(true)
        .write(true)
        .create_new(true)
        .open(dir.join("bytes"))
        .unwrap();
    let bytes = crate::items::text(1, 5000);
    file.write_all(&bytes).unwrap();
    file.rewind().unwrap();
    // Round the ring, so that records cross its end.
    for at in (0..4000).step_by(1000) {
        let mut room = tx.reserve(1003).unwrap();
        room.write_at(0, b"abc").unwrap();
        room.write_at(1002, b"z").unwrap();
        assert_eq!(room.read_from(3, &file).unwrap(), 1000);
        let beyond = room.read_from(1004, &file).unwrap_err();
        assert_eq!(beyond.kind(), ErrorKind::InvalidInput);
        room.commit(1003);
        let view = rx.peek(1).unwrap();
        let message = view.first();
        let (mut reader, writer) = std::io::pipe().unwrap();
        assert_eq!(message.write_to(1, &writer).unwrap(), 1002);
        assert_eq!(message.write_to(1003, &writer).unwrap(), 0);
        assert_eq!(message.write_to(1004, &writer).unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(view.release(1), 1);
        drop(writer);
        let mut copied = Vec::new();
        reader.read_to_end(&mut copied).unwrap();
        assert!(copied[..2] == *b"bc" && copied[2..] == bytes[at..at + 1000], "from {at}");
        assert!(tx.try_reserve(4088).is_ok(), "what was released is room");
    }
    let mut room = tx.reserve(2000).unwrap();
    assert_eq!(room.read_from(0, &file).unwrap(), 1000);
    assert_eq!(room.read_from(1000, &file).unwrap(), 0, "the end of the file");
    let (reader, writer) = std::io::pipe().unwrap();
    assert!(room.read_from(0, &writer).is_err(), "not open for reading");
    room.commit(1000);
    let view = rx.peek(1).unwrap();
    assert!(view.first().write_to(0, &reader).is_err(), "not open for writing");
    assert_eq!(view.first().to_vec(), bytes[4000..]);
}
