//! Positions far along: where the check of a record header wraps, and right below the end of all
//! positions. Nothing overflows, and beyond the end is `Corrupt`.

use shm_ring::{Error, Item, MessageRing, Options, PopError, PushError, Region, Ring, Role};
use shm_ring_outsider::{POSITION, POSITION_END, consumer, pack, producer};
use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::bytes::Bytes;
use crate::items::{check, make, text};

#[derive(FromBytes, IntoBytes, Immutable)]
#[repr(C, align(64))]
struct Wide([u8; 64]);

fn ring<T: Item>() -> (Ring<T>, Bytes) {
    crate::harness::watch();
    let ring = Ring::<T>::create(Region::memfd("far"), &Options::new().bytes(4096)).unwrap();
    let bytes = Bytes::of(ring.descriptor());
    (ring, bytes)
}

/// Fills and empties a ring that starts at `start` until `records` have gone through.
fn stream<T: Item>(start: u64, records: u64) {
    let (ring, bytes) = ring::<T>();
    bytes.start_at(start / size_of::<T>() as u64 * size_of::<T>() as u64);
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    let (mut pushed, mut popped) = (0, 0);
    while popped < records {
        while pushed < records && tx.try_push(make(pushed)).is_ok() {
            pushed += 1;
        }
        while let Ok(item) = rx.try_pop() {
            check(&item, popped);
            popped += 1;
        }
        assert_eq!(pushed, popped);
        if popped % 3 == 0 {
            // Attaching again must find the same place.
            drop((tx, rx));
            (tx, rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
        }
    }
}

#[test]
fn streams_go_through_every_place_where_a_number_of_bits_ends() {
    for wrap in [1 << 31, 1 << 32, 1 << 34, 1 << 35, 1 << 36, 1 << 61] {
        stream::<u64>(wrap - 100 * 8, 2000);
        stream::<u8>(wrap - 1000, 9000);
        stream::<[u8; 3]>(wrap - 1000, 3000);
        stream::<Wide>(wrap - 5 * 64, 200);
    }
}

#[test]
fn the_header_of_a_lap_long_ago_is_not_taken_for_a_message() {
    // After 2^34 bytes all headers repeat: what stood there then must not be read again.
    crate::harness::watch();
    let ring = MessageRing::create(Region::memfd("far"), &Options::new().bytes(4096)).unwrap();
    let bytes = Bytes::of(ring.descriptor());
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    for n in 0..1000 {
        tx.try_push(&text(n, 60)).unwrap();
        assert_eq!(rx.try_pop(), Ok(text(n, 60)));
    }
    drop((tx, rx));
    bytes.start_at(bytes.tail() + (1 << 34));
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    for n in 1000..1200 {
        assert_eq!(rx.try_pop(), Err(PopError::Empty), "before {n}");
        tx.try_push(&text(n, 60)).unwrap();
        assert_eq!(rx.try_pop(), Ok(text(n, 60)));
    }
}

#[test]
fn right_below_the_end_works_and_at_the_end_pushing_is_corrupt() {
    let (ring, bytes) = ring::<u64>();
    bytes.start_at(POSITION_END - 10 * 8);
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    for n in 0..9 {
        tx.push(n).unwrap();
        assert_eq!(rx.pop(), Ok(n));
    }
    // The tail behind a tenth would be no position any more. That is final, so it must not look like a ring that is
    // full for the moment.
    assert_eq!(tx.try_push(9), Err(PushError::Corrupt));
    assert_eq!(tx.push(9), Err(PushError::Corrupt));
    assert_eq!(tx.room_at_least(), 0);
    assert_eq!(rx.try_pop(), Err(PopError::Empty));
}

#[test]
fn a_start_at_or_beyond_the_end_or_between_records_is_corrupt() {
    let impossible = [
        POSITION_END,
        POSITION_END + 8,
        1 << 63 | POSITION_END,
        u64::MAX,
        u64::MAX - 7,
        4,
        12,
        POSITION_END - 4,
    ];
    for position in impossible {
        let (ring, bytes) = ring::<u64>();
        bytes.set(producer() + POSITION, position);
        bytes.set(consumer() + POSITION, position);
        let refused = ring.producer().map(drop);
        assert!(
            matches!(refused, Err(Error::Corrupt { role: Role::Producer, .. })),
            "{position:#x}: {refused:?}"
        );
        let refused = ring.consumer().map(drop);
        assert!(
            matches!(refused, Err(Error::Corrupt { role: Role::Consumer, .. })),
            "{position:#x}: {refused:?}"
        );
    }
    // A multiple of 8 that is none of the item size.
    let (ring, bytes) = ring::<Wide>();
    bytes.start_at(8);
    assert!(matches!(ring.producer(), Err(Error::Corrupt { .. })));
    assert!(matches!(ring.consumer(), Err(Error::Corrupt { .. })));
    // Each side's own page is what counts for it; the other's only once it is looked at.
    let (ring, bytes) = self::ring::<u64>();
    bytes.set(consumer() + POSITION, 16);
    assert!(matches!(ring.producer(), Err(Error::Corrupt { .. })), "head is ahead of tail");
    // The tail's mark is no part of the position; the head has none.
    bytes.set(producer() + POSITION, pack(16, false));
    assert!(ring.producer().is_ok());
    bytes.set(consumer() + POSITION, pack(16, false));
    assert!(matches!(ring.consumer(), Err(Error::Corrupt { .. })));
}
