//! Values stand side by side like the items of an array, whatever their size: a push stores its own bytes and not one
//! beside them, also where a value lies across the end of the data area, and what is unread stays whole.

use shm_ring::{Item, Options, PopError, PushError, Region, Ring, Wait};
use shm_ring_outsider::{
    POSITION, SLEEPS, WAKE_AT, cells, consumer, data, judge, lay, poison, producer,
};

use crate::bytes::Bytes;
use crate::forms::{Kind, Put, Room, Take};
use crate::harness::{LIMIT, within};
use crate::items::{Random, text};

fn around_the_end<T: Item + Send + 'static>() {
    let size = size_of::<T>();
    crate::harness::watch();
    // Nearly all of the data area, so that the end of what is unread moves along its start.
    let items = 4096 / size - 1;
    let ring = Ring::<T>::create(Region::memfd("dense"), &Options::new().items(items)).unwrap();
    let bytes = Bytes::of(ring.descriptor());
    let header = bytes.header();
    assert_eq!(header.capacity, 4096);
    poison(bytes.region(), &header, None);
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    let mut expected = bytes.all();
    let mut random = Random::new(size as u64);
    let (mut pushed, mut popped) = (0, 0);
    let mut crossed = 0;
    let forms = [Put::Try, Put::TryFrom, Put::TryBatch, Put::TrySlice, Put::Reserve(Room::Pieces)];
    while pushed < 4 * items as u64 {
        let form = random.one_of(&forms);
        let room = items - (pushed - popped) as usize;
        let count = 1 + random.below(9.min(room as u64)) as usize;
        let values: Vec<_> = (pushed..).take(count).map(|n| text(n, size)).collect();
        // In one piece, or one by one.
        if form == Put::Reserve(Room::Pieces) {
            let told = T::reserve(&mut tx, 0, Room::Pieces, &values.concat(), count / 2);
            assert_eq!(told, Ok(Some(count * size)));
        } else if form == Put::Try || form == Put::TryFrom {
            values.iter().for_each(|value| T::push(&mut tx, form, value).unwrap());
        } else {
            assert_eq!(T::try_push_batch(&mut tx, &values), Ok(count));
        }
        for value in &values {
            let at = pushed * size as u64;
            lay(cells(&mut expected), &header, at, value);
            crossed += u64::from(at / 4096 != (at + size as u64 - 1) / 4096);
            pushed += 1;
        }
        let found = bytes.all();
        let data = data() as usize;
        assert!(found[data..] == expected[data..], "{count} by {form:?} stored something beside");
        if (pushed - popped) as usize + 9 > items {
            judge(bytes.region(), &header).unwrap_or_else(|why| panic!("{why}"));
            let take = 1 + random.below(pushed - popped) as usize;
            let mut taken = 0;
            while taken < take {
                let batch = (take - taken).min(1 + random.below(20) as usize);
                taken += T::pop_batch(&mut rx, 0, batch, |value| {
                    assert!(value == text(popped, size), "value {popped}");
                    popped += 1;
                })
                .unwrap();
            }
        }
    }
    assert!(crossed > 0 || 4096 % size == 0, "none lay across the end");
}

#[test]
fn values_across_the_end_touch_no_neighbour() {
    around_the_end::<u8>();
    around_the_end::<u16>();
    around_the_end::<[u8; 3]>();
    around_the_end::<[u8; 5]>();
    around_the_end::<[u8; 7]>();
    around_the_end::<[u32; 3]>();
    around_the_end::<[u64; 3]>();
    around_the_end::<[u8; 100]>();
    around_the_end::<[u8; 259]>();
    around_the_end::<[u64; 33]>();
}

/// The capacity is exactly full: the head and the tail stand at the same place.
#[test]
fn a_ring_that_fills_its_data_area_to_the_byte_is_full_and_not_empty() {
    fn full<T: Item + Send + 'static>() {
        let (size, items) = (size_of::<T>(), 4096 / size_of::<T>());
        let ring = Ring::<T>::create(Region::memfd("full"), &Options::new().items(items)).unwrap();
        let bytes = Bytes::of(ring.descriptor());
        assert_eq!((bytes.header().limit, bytes.header().capacity), (4096, 4096));
        let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
        // From everywhere in the data area.
        for skip in [0, 1, items / 2, items - 1] {
            for n in 0..skip as u64 {
                T::push(&mut tx, Put::Try, &text(n, size)).unwrap();
                assert_eq!(T::pop(&mut rx, Take::Try, 0), Ok(text(n, size)));
            }
            let all: Vec<_> = (0..items as u64).map(|n| text(n, size)).collect();
            assert_eq!(T::try_push_batch(&mut tx, &all), Ok(items));
            assert_eq!(T::push(&mut tx, Put::Try, &all[0]), Err(PushError::Full));
            assert_eq!((tx.room_at_least(), rx.len()), (0, items));
            drop((tx, rx));
            (tx, rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
            assert_eq!(T::push(&mut tx, Put::Try, &all[0]), Err(PushError::Full));
            let seen = T::peek(&mut rx, 0, 1, items + 1, |_| 0).unwrap();
            assert!(seen == all, "in one piece");
            for value in &all {
                assert_eq!(T::pop(&mut rx, Take::Try, 0).as_ref(), Ok(value));
            }
            assert_eq!(T::pop(&mut rx, Take::Try, 0), Err(PopError::Empty));
        }
    }
    full::<u32>();
    full::<u8>();
    full::<u64>();
    full::<[u64; 512]>();
}

#[test]
fn three_items_are_full_at_three_and_both_sides_sleep() {
    let options = Options::new().items(3).wait(Wait::PARK);
    let ring = Ring::<u64>::create(Region::memfd("three"), &options).unwrap();
    let bytes = Bytes::of(ring.descriptor());
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    let mut n = 0;
    for round in 0..20 {
        let at = 8 * n;
        assert_eq!(tx.try_push_slice(&[n, n + 1, n + 2, n + 3]), Ok(3));
        assert_eq!(tx.try_push(0), Err(PushError::Full));
        let pushing = std::thread::spawn(move || (tx.push_timeout(n + 3, LIMIT), tx));
        // Until half of the 24 bytes is free.
        assert_eq!(bytes.until_parked_since(producer(), u64::MAX), at + 12);
        assert_eq!((rx.try_pop(), rx.try_pop()), (Ok(n), Ok(n + 1)));
        let (pushed, back) = within(LIMIT, "a push", || pushing.join().unwrap());
        assert_eq!(pushed, Ok(()));
        tx = back;
        assert_eq!((rx.try_pop(), rx.try_pop()), (Ok(n + 2), Ok(n + 3)));
        n += 4;
        let popping = std::thread::spawn(move || (rx.pop_timeout(LIMIT), rx));
        assert_eq!(bytes.until_parked_since(consumer(), u64::MAX), 8 * n + 8, "round {round}");
        tx.push(n).unwrap();
        let (popped, back) = within(LIMIT, "a pop", || popping.join().unwrap());
        assert_eq!(popped, Ok(n));
        rx = back;
        n += 1;
    }
    for side in [producer(), consumer()] {
        assert!(bytes.get(side + SLEEPS) > 0);
        assert_eq!(bytes.get(side + WAKE_AT), u64::MAX, "somebody sleeps");
    }
    assert_eq!(bytes.get(consumer() + POSITION), 8 * n);
    // One alone: each push waits for the pop before it.
    let ring = Ring::<u64>::create(Region::memfd("one"), &options.items(1)).unwrap();
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    let reading = std::thread::spawn(move || rx.iter().collect::<Result<Vec<_>, _>>());
    assert_eq!(tx.push_batch(0..2000), Ok(2000));
    tx.close();
    let read = within(LIMIT, "reading", || reading.join().unwrap()).unwrap();
    assert!(read.into_iter().eq(0..2000));
}

#[test]
fn capacities_are_what_was_asked_for_and_all_of_it_can_be_used() {
    crate::harness::watch();
    let exactly = |options: Options, items: usize| {
        let region = Region::memfd("capacity");
        let ring = Ring::<u64>::create(region, &options).unwrap();
        assert_eq!(ring.limit_bytes(), 8 * items);
        let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
        assert_eq!((tx.capacity(), rx.capacity()), (items, items));
        for lap in 0..3 {
            for n in 0..items {
                assert_eq!(tx.room_at_least(), items - n);
                tx.try_push((lap * n) as u64).unwrap();
                assert_eq!(rx.len(), n + 1);
            }
            assert_eq!(tx.try_push(0), Err(PushError::Full));
            let read: Vec<_> = rx.try_iter().map(Result::unwrap).collect();
            assert!(read.into_iter().eq((0..items).map(|n| (lap * n) as u64)));
            assert_eq!(rx.try_pop(), Err(PopError::Empty));
        }
    };
    for (bytes, items) in
        [(1, 1), (8, 1), (15, 1), (16, 2), (100, 12), (4096, 512), (4097, 512), (65536, 8192)]
    {
        exactly(Options::new().bytes(bytes), items);
    }
    for items in [1, 2, 3, 5, 100, 511, 512, 513, 1000] {
        exactly(Options::new().items(items), items);
    }
    // Whichever is more.
    exactly(Options::new().items(3).bytes(100), 12);
    exactly(Options::new().items(13).bytes(100), 13);
    exactly(Options::new(), 8192);
}
