//! Ends that know values by size, alignment and schema id: one ring with ends that know a type, both ways; what cannot be
//! is refused in words; a slice of another length changes nothing.

use core::fmt::Debug;
use core::ops::ControlFlow;
use std::time::Duration;

use shm_ring::{
    BatchError, Consumer, Error, Item, ItemLayout, Latest, MessageRing, Options, PopError,
    Producer, PushError, Region, Ring, UntypedConsumer, UntypedProducer, UntypedRing, Wait,
    wait_any,
};
use shm_ring_outsider::{NEVER, consumer, producer};
use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::bytes::Bytes;
use crate::harness::{Child, Home, LIMIT, Name, SOON, within};

/// Aligned to more than its numbers.
#[derive(FromBytes, IntoBytes, Immutable, Clone, Copy, Debug, PartialEq)]
#[repr(C, align(64))]
struct Line([u64; 8]);

fn layout_of<T>() -> ItemLayout {
    ItemLayout { size: size_of::<T>(), align: align_of::<T>(), schema: 0 }
}

/// A value that is unlike those beside it, in each of its bytes.
fn value<T: Item>(number: u64) -> T {
    let byte = |at: usize| (number as u8).wrapping_mul(31).wrapping_add((at as u8).wrapping_mul(7));
    let bytes: Vec<u8> = (0..size_of::<T>()).map(byte).collect();
    T::read_from_bytes(&bytes).unwrap()
}

/// Values of type `T` in a ring of five, so that they wrap again and again, and one lies over the end of the data unless
/// their size is a power of two.
fn both_ways<T: Item + Copy + PartialEq + Debug>() {
    const ROUNDS: u64 = 1000;
    let size = size_of::<T>();
    for untyped_first in [false, true] {
        let (options, item) = (Options::new().items(5), layout_of::<T>());
        let ring = Ring::<T>::create(Region::memfd("untyped"), &options).unwrap();
        let again = || Region::descriptor(ring.descriptor().try_clone_to_owned().unwrap());
        let untyped = UntypedRing::open(again(), item).unwrap();
        assert_eq!((untyped.id(), untyped.item()), (ring.id(), item));
        let (mut pushed, mut popped) = (0, 0);
        let mut expected = |item: T| {
            assert_eq!(item, value(popped), "value {popped} of {size} bytes");
            popped += 1;
        };
        if untyped_first {
            let (mut tx, mut rx) = (untyped.producer().unwrap(), ring.consumer().unwrap());
            assert_eq!((tx.capacity(), tx.room_at_least()), (5, 5));
            for round in 0..ROUNDS {
                let count = 1 + round % 4;
                let items: Vec<T> = (pushed..pushed + count).map(value).collect();
                match round / 4 % 3 {
                    0 => items.iter().for_each(|item| tx.push(item.as_bytes()).unwrap()),
                    1 => assert_eq!(tx.push_slice(items.as_bytes()), Ok(count as usize)),
                    _ => {
                        let mut room = tx.reserve(5).unwrap();
                        let (first, rest) = items.split_at(1);
                        assert_eq!(room.write(0, first.as_bytes()), Ok(1));
                        assert_eq!(room.write(1, rest.as_bytes()), Ok(rest.len()));
                        room.commit(items.len());
                    }
                }
                pushed += count;
                assert_eq!(tx.len() as u64, count);
                rx.try_iter().for_each(|item| expected(item.unwrap()));
            }
        } else {
            let (mut tx, mut rx) = (ring.producer().unwrap(), untyped.consumer().unwrap());
            let mut expected = |bytes: &[u8]| expected(T::read_from_bytes(bytes).unwrap());
            let mut buffer = vec![0; 5 * size];
            for round in 0..ROUNDS {
                let count = 1 + round % 4;
                let items: Vec<T> = (pushed..pushed + count).map(value).collect();
                match items[..] {
                    // This one stands in the front, if it fits.
                    [item] => tx.push(item).unwrap(),
                    _ => assert_eq!(tx.push_slice(&items), Ok(items.len())),
                }
                pushed += count;
                assert_eq!(rx.len() as u64, count);
                while !rx.is_empty() {
                    let taken = match round / 4 % 4 {
                        0 => rx.pop_into(&mut buffer[..size]).map(|()| 1).unwrap(),
                        1 => rx.pop_slice(&mut buffer).unwrap(),
                        2 => {
                            let each = |bytes: &[u8]| {
                                expected(bytes);
                                ControlFlow::Break(())
                            };
                            assert_eq!(rx.pop_batch(9, each), Ok(1));
                            0
                        }
                        _ => {
                            let view = rx.peek(9).unwrap();
                            let taken = view.len();
                            assert_eq!(view.copy_to(0, &mut buffer), Ok(taken));
                            let last = &mut vec![0; size];
                            assert_eq!(view.copy_to(taken - 1, last), Ok(1));
                            assert_eq!(buffer[(taken - 1) * size..][..size], last[..]);
                            assert_eq!(view.copy_to(taken, last), Ok(0));
                            view.release(taken);
                            taken
                        }
                    };
                    buffer[..taken * size].chunks(size).for_each(&mut expected);
                }
            }
        }
        assert_eq!(popped, pushed);
    }
}

#[test]
fn ends_that_know_the_type_and_ends_that_do_not_share_a_ring() {
    both_ways::<u8>();
    both_ways::<[u8; 3]>();
    both_ways::<u32>();
    both_ways::<[u32; 3]>();
    both_ways::<u64>();
    both_ways::<[u64; 6]>();
    both_ways::<[u64; 7]>();
    both_ways::<Line>();
    both_ways::<[u8; 57]>();
    both_ways::<[u16; 150]>();
}

#[test]
fn a_slice_of_another_length_is_an_error_and_changes_nothing() {
    let item = layout_of::<[u32; 3]>();
    let (mut tx, mut rx) = UntypedRing::pair(item, &Options::new().items(2)).unwrap();
    let wrong = |len| PushError::WrongLength { len, item: 12 };
    for len in [0, 11, 13, 24] {
        assert_eq!(tx.try_push(&vec![1; len]), Err(wrong(len)));
        assert_eq!(tx.push(&vec![1; len]), Err(wrong(len)));
        assert_eq!(tx.push_timeout(&vec![1; len], SOON), Err(wrong(len)));
    }
    for len in [1, 11, 13, 25] {
        assert_eq!(tx.try_push_slice(&vec![1; len]), Err(wrong(len)));
        let error = BatchError { pushed: 0, error: wrong(len) };
        assert_eq!(tx.push_slice(&vec![1; len]), Err(error));
        assert_eq!(tx.reserve(2).unwrap().write(0, &vec![1; len]), Err(wrong(len)));
    }
    assert_eq!((tx.position(), tx.len()), (0, 0));
    assert_eq!((tx.try_push_slice(&[]), tx.push_slice(&[])), (Ok(0), Ok(0)));
    assert_eq!(tx.push_slice(&[7; 24]), Ok(2));
    assert_eq!(tx.try_push(&[8; 12]), Err(PushError::Full));
    assert_eq!(tx.push_timeout(&[8; 12], Duration::ZERO), Err(PushError::TimedOut));
    assert_eq!(tx.reserve(3).unwrap_err(), PushError::TooLarge { len: 3, max: 2 });

    let wrong = |len| PopError::WrongLength { len, item: 12 };
    let mut buffer = [1; 25];
    for len in [0, 11, 13, 24] {
        assert_eq!(rx.try_pop_into(&mut buffer[..len]), Err(wrong(len)));
        assert_eq!(rx.pop_into(&mut buffer[..len]), Err(wrong(len)));
        assert_eq!(rx.pop_into_timeout(&mut buffer[..len], SOON), Err(wrong(len)));
    }
    for len in [1, 11, 13, 25] {
        assert_eq!(rx.try_pop_slice(&mut buffer[..len]), Err(wrong(len)));
        assert_eq!(rx.pop_slice(&mut buffer[..len]), Err(wrong(len)));
        assert_eq!(rx.pop_slice_timeout(&mut buffer[..len], SOON), Err(wrong(len)));
        assert_eq!(rx.peek(2).unwrap().copy_to(0, &mut buffer[..len]), Err(wrong(len)));
    }
    assert_eq!((rx.position(), rx.len(), buffer), (0, 2, [1; 25]));
    assert_eq!(rx.pop_slice(&mut buffer[..24]), Ok(2));
    assert_eq!((&buffer[..24], buffer[24]), (&[7; 24][..], 1));
    assert_eq!(rx.try_pop_into(&mut buffer[..12]), Err(PopError::Empty));
    assert_eq!(rx.pop_slice_timeout(&mut buffer[..24], Duration::ZERO), Err(PopError::TimedOut));
    let text = wrong(11).to_string();
    assert!(text.contains("11 bytes") && text.contains("12 bytes"), "{text}");
}

#[test]
fn a_slice_that_is_longer_than_the_ring_goes_in_parts() {
    let (mut tx, mut rx) =
        UntypedRing::pair(layout_of::<[u32; 3]>(), &Options::new().items(4)).unwrap();
    let items: Vec<[u32; 3]> = (0..1000).map(value).collect();
    let sent = items.clone();
    let pushing = std::thread::spawn(move || tx.push_slice(sent.as_bytes()));
    let taken = within(LIMIT, "a slice in parts", move || {
        let mut taken = Vec::new();
        while rx.pop_batch(3, |bytes| taken.extend_from_slice(bytes)).is_ok() {}
        assert_eq!(rx.try_pop_into(&mut [0; 12]), Err(PopError::Empty));
        taken
    });
    assert_eq!(pushing.join().unwrap(), Ok(1000));
    assert!(taken == items.as_bytes(), "{} bytes", taken.len());
}

#[test]
fn values_that_cannot_be_are_refused_before_anything_is_made() {
    let name = Name::new("cannot-be");
    let page = rustix::param::page_size();
    for (size, align, said) in [
        (0, 1, "values of 0 bytes"),
        (8, 0, "alignment of 0 bytes"),
        (12, 3, "alignment of 3 bytes"),
        (12, 8, "values of 12 bytes aligned to 8"),
        (4 * page, 2 * page, "power of two, and at most a page"),
        (1 << 32, 1, "at most 4294967280"),
    ] {
        let item = ItemLayout { size, align, schema: 0 };
        let created = UntypedProducer::create(name.as_str(), item, &Options::new()).map(drop);
        let opened = UntypedConsumer::open(name.as_str(), item).map(drop);
        for refused in [created, opened] {
            let error = refused.unwrap_err();
            assert!(matches!(error, Error::InvalidOptions { .. }), "{error}");
            assert!(error.to_string().contains(said), "{error}");
        }
        assert!(!name.path().exists());
    }
    let (item, options) = (layout_of::<u64>(), Options::new().schema(5));
    let item = ItemLayout { schema: 7, ..item };
    let error = UntypedRing::create(name.as_str(), item, &options).unwrap_err().to_string();
    assert!(error.contains("schema id 5") && error.contains('7'), "{error}");
    UntypedRing::create(Region::memfd("same"), item, &options.schema(7)).unwrap();
}

#[test]
fn a_ring_of_other_values_is_refused_with_both_values() {
    let name = Name::new("others");
    let options = Options::new().items(64).unlink_on_drop();
    let item = ItemLayout { size: 16, align: 8, schema: 7 };
    let ring = UntypedRing::create(name.as_str(), item, &options).unwrap();
    for (other, property, found, wanted) in [
        (ItemLayout { size: 24, ..item }, "item size", "16", "24"),
        (ItemLayout { align: 4, ..item }, "item alignment", "8", "4"),
        (ItemLayout { schema: 6, ..item }, "schema id", "7", "6"),
    ] {
        let said = format!("{property} {found} and we want {wanted}");
        let opened = UntypedConsumer::open(name.as_str(), other).unwrap_err();
        let either = UntypedProducer::open_or_create(name.as_str(), other, &options).unwrap_err();
        for error in [opened, either] {
            assert!(error.to_string().contains(&said), "{error}");
        }
    }
    let error = Consumer::<[u32; 4]>::open_with(name.as_str(), &Options::new().schema(7));
    assert!(error.unwrap_err().to_string().contains("item alignment 8 and we want 4"));
    let error = Producer::<[u64; 2]>::open(name.as_str()).unwrap_err().to_string();
    assert!(error.contains("schema id 7 and we want 0"), "{error}");
    Producer::<[u64; 2]>::open_with(name.as_str(), &Options::new().schema(7)).unwrap();
    let same = UntypedRing::open_or_create(name.as_str(), item, &options).unwrap();
    assert_eq!(same.id(), ring.id());
    let smaller = options.items(32);
    let error = UntypedRing::open_or_create(name.as_str(), item, &smaller).unwrap_err().to_string();
    assert!(error.contains("1024 bytes") && error.contains("512 bytes"), "{error}");
}

#[test]
fn an_end_that_takes_any_values_says_what_they_are() {
    let name = Name::new("any-values");
    let options = Options::new().schema(9).label("lines").unlink_on_drop();
    let ring = Ring::<Line>::create(name.as_str(), &options.items(3)).unwrap();
    let mut tx = ring.producer().unwrap();
    let mut rx = UntypedConsumer::open_any(name.as_str(), &Options::new()).unwrap();
    assert_eq!(rx.item(), ItemLayout { size: 64, align: 64, schema: 9 });
    assert_eq!(rx.capacity(), 3);
    tx.push(value(1)).unwrap();
    assert_eq!(wait_any(&mut [&mut rx], Some(SOON)), Ok(0));
    let mut bytes = [0; 64];
    rx.pop_into(&mut bytes).unwrap();
    assert_eq!(bytes, value::<Line>(1).as_bytes());
    tx.close();
    assert_eq!(rx.pop_into(&mut bytes), Err(PopError::Closed));
    let mut tx = UntypedProducer::open_any(name.as_str(), &Options::new()).unwrap();
    assert_eq!(tx.item(), rx.item());
    tx.push(&bytes).unwrap();
    assert_eq!(rx.peek(1).unwrap().as_ptr().align_offset(64), 0);
    let mut room = tx.reserve(1).unwrap();
    assert_eq!(room.as_mut_ptr().align_offset(64), 0);

    let wrong = Options::new().history(1);
    let error = UntypedRing::open_any(name.as_str(), &wrong).unwrap_err().to_string();
    assert!(error.contains("Options::history() is for a Latest"), "{error}");
    let narrow = Options::new().max_capacity(100);
    let error = UntypedRing::open_any(name.as_str(), &narrow).unwrap_err().to_string();
    assert!(error.contains("4096 bytes") && error.contains("at most 100 bytes"), "{error}");
    let other = Name::new("no-values");
    drop(MessageRing::create(other.as_str(), &Options::new()).unwrap());
    let error = UntypedRing::open_any(other.as_str(), &Options::new()).unwrap_err().to_string();
    assert!(error.contains("record kind messages and we want values"), "{error}");
    std::fs::remove_file(other.path()).unwrap();
    drop(Latest::<u64>::create(other.as_str(), &Options::new()).unwrap());
    let error = UntypedRing::open_any(other.as_str(), &Options::new()).unwrap_err().to_string();
    assert!(error.contains("record kind latest value and we want values"), "{error}");
}

#[test]
fn untyped_ends_wait_for_values_and_for_room_in_items() {
    let item = layout_of::<[u32; 3]>();
    let options = Options::new().items(10).wait(Wait::PARK);
    let ring = UntypedRing::create(Region::memfd("waits"), item, &options).unwrap();
    let bytes = Bytes::of(ring.descriptor());
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    let (now, never) = (Some(Duration::ZERO), None);
    assert_eq!((rx.wait(0, now), rx.wait(1, now)), (Ok(()), Err(PopError::TimedOut)));
    tx.push_slice(&[7; 24]).unwrap();
    let waiting = std::thread::spawn(move || rx.wait(3, never).map(|()| rx));
    assert_eq!(bytes.until_parked_since(consumer(), NEVER), 3 * 12);
    tx.push(&[8; 12]).unwrap();
    let mut rx = within(SOON, "a wait for three", || waiting.join().unwrap()).unwrap();
    assert_eq!(rx.try_peek(9).unwrap().len(), 3);
    assert_eq!(
        (rx.wait(4, now), rx.wait(11, never)),
        (Err(PopError::TimedOut), Err(PopError::Full))
    );

    assert_eq!((tx.wait(7, now), tx.wait(8, now)), (Ok(()), Err(PushError::TimedOut)));
    assert_eq!(tx.wait(11, never), Err(PushError::TooLarge { len: 11, max: 10 }));
    let waiting = std::thread::spawn(move || {
        tx.wait(9, never).unwrap();
        tx.try_reserve(9).map(|room| room.len())
    });
    assert_eq!(bytes.until_parked_since(producer(), NEVER), (3 + 9 - 10) * 12);
    rx.peek(2).unwrap().release(2);
    assert_eq!(within(SOON, "a wait for room", || waiting.join().unwrap()), Ok(9));
    assert_eq!(rx.wait(2, never), Err(PopError::Closed));
}

#[test]
fn an_end_of_any_values_is_a_user_of_the_name() {
    let name = Name::new("any-user");
    let options = Options::new().items(4);
    drop(Ring::<u64>::create(name.as_str(), &options).unwrap());
    let rx = UntypedConsumer::open_any(name.as_str(), &options.clone().unlink_on_drop()).unwrap();
    let item = layout_of::<[u32; 3]>();
    let replaced = UntypedRing::replace_if_unused(name.as_str(), item, &options);
    assert!(matches!(replaced, Err(Error::RoleTaken { .. })));
    drop(rx);
    assert!(!name.path().exists(), "the last user removes it");
    drop(MessageRing::create(name.as_str(), &Options::new()).unwrap());
    let old = MessageRing::open(name.as_str()).unwrap();
    let ring = UntypedRing::replace_if_unused(name.as_str(), item, &options).unwrap();
    assert!(old.has_lost_its_name() && !ring.has_lost_its_name());
    assert_eq!(UntypedProducer::open_any(name.as_str(), &options).unwrap().item(), item);
    Region::named(name.as_str()).unlink().unwrap();
    assert!(matches!(ring.producer().map(drop), Err(Error::NameGone { .. })));
}

/// Pushes values of 12 bytes without end, one and several at a time, and says when it has begun.
pub(crate) fn push_for_ever(mut home: Home) {
    let mut tx = UntypedProducer::open_any(home.argument(0), &Options::new()).unwrap();
    home.say("attached");
    let mut number = tx.position() / 12;
    loop {
        let count = 1 + number % 5;
        let items: Vec<[u32; 3]> = (number..number + count).map(value).collect();
        match number % 2 {
            0 => items.iter().for_each(|item| tx.push(item.as_bytes()).unwrap()),
            _ => drop(tx.push_slice(items.as_bytes()).unwrap()),
        }
        number += count;
    }
}

/// Takes values of 12 bytes, and looks at two more without giving them back.
pub(crate) fn hold_untyped(mut home: Home) {
    let mut rx = UntypedConsumer::open_any(home.argument(0), &Options::new()).unwrap();
    rx.pop_into(&mut [0; 12]).unwrap();
    let view = rx.peek(2).unwrap();
    home.say(&view.len().to_string());
    home.stay();
    view.release(2);
}

#[test]
fn a_killed_untyped_peer_leaves_whole_values_and_its_successor_goes_on() {
    let name = Name::new("killed-untyped");
    let options = Options::new().items(400).unlink_on_drop();
    let ring = Ring::<[u32; 3]>::create(name.as_str(), &options).unwrap();
    let mut rx = ring.consumer().unwrap();
    let mut number = 0;
    for _ in 0..4 {
        let mut child = Child::spawn("push-untyped", &[name.as_str()]);
        child.expect("attached");
        let enough = number + 2000;
        while number < enough {
            assert_eq!(rx.pop(), Ok(value(number)), "value {number}");
            number += 1;
        }
        child.kill();
        loop {
            match rx.pop() {
                Ok(item) => {
                    assert_eq!(item, value::<[u32; 3]>(number), "value {number}, of the dead")
                }
                Err(error) => break assert_eq!(error, PopError::PeerDead),
            }
            number += 1;
        }
    }
    let mut tx = UntypedProducer::open_any(name.as_str(), &Options::new()).unwrap();
    drop(rx);
    let items = [value::<[u32; 3]>(1), value(2), value(3)];
    tx.push_slice(items.as_bytes()).unwrap();
    let mut child = Child::spawn("hold-untyped", &[name.as_str()]);
    child.expect("2");
    child.kill();
    let mut rx = UntypedConsumer::open(name.as_str(), tx.item()).unwrap();
    let mut left = [0; 36];
    assert_eq!(rx.pop_slice(&mut left), Ok(2), "what it had looked at is there still");
    assert_eq!(left[..24], *items[1..].as_bytes());
}
