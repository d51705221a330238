//! Messages whose record headers were forged: a length that cannot be is `Corrupt`, permanently, by every
//! form; one that can be is a copy of what stands there; and a length is read once, so that one that
//! changes after the look changes nothing.

use std::time::Duration;

use shm_ring::{
    BatchError, MessageRing, Options, OutOfBounds, PopError, PushError, Region, Threshold, Wait,
};
use shm_ring_outsider::{
    HINT, POSITION, POSITION_END, consumer, data, lay, pack, producer, record_header,
};

use crate::bytes::Bytes;
use crate::forms::{Aligned, AnyRing, Kind, Put, Room, Take};
use crate::harness::{LIMIT, within};
use crate::items::{A64, text};

/// Some way along, so that there is something behind.
const START: u64 = 10 * 4096;
const LONGEST: u32 = 4088;

fn ring<K: Kind + ?Sized>(start: u64) -> (K::Ring, Bytes) {
    crate::harness::watch();
    let options = Options::new().bytes(4096).wait(Wait::PARK);
    let ring = K::create(Region::memfd("forged"), &options).unwrap();
    let bytes = Bytes::of(ring.descriptor());
    bytes.start_at(start / K::UNIT as u64 * K::UNIT as u64);
    (ring, bytes)
}

/// A ring with one message, which is not in the front.
fn with_one(start: u64, message: &[u8]) -> (MessageRing, Bytes) {
    let (ring, bytes) = ring::<[u8]>(start);
    let mut tx = ring.producer().unwrap();
    tx.push_batch(&[message]).unwrap();
    (ring, bytes)
}

#[test]
fn headers_that_cannot_be_are_corrupt_permanently_by_every_form() {
    let right = record_header(START, 12);
    let forged = [
        // Beyond the tail, and beyond all that the ring can hold.
        record_header(START, 17),
        record_header(START, LONGEST),
        record_header(START, LONGEST + 1),
        record_header(START, 1 << 31),
        record_header(START, u32::MAX - 3),
        record_header(START, u32::MAX),
        record_header(START + 8, 12),
        record_header(START + 4096, 12),
        record_header(START - 4096, 12),
        right & !(1 << 63),
        right ^ 1 << 40,
        12,
        u64::MAX,
        0,
    ];
    for word in forged {
        for take in <[u8]>::POPS {
            let (ring, bytes) = with_one(START, &[1; 12]);
            let rx = ring.consumer().unwrap();
            bytes.set(data(), word);
            let take = *take;
            // A form that waits must not wait.
            let (told, rx) = within(LIMIT, "a pop of what cannot be", move || {
                let mut rx = rx;
                (<[u8]>::pop(&mut rx, take, 2000), rx)
            });
            assert_eq!(told, Err(PopError::Corrupt), "{word:#x} by {take:?}");
            bytes.set(data(), right);
            let mut rx = rx;
            for take in <[u8]>::POPS {
                assert_eq!(<[u8]>::pop(&mut rx, *take, 300), Err(PopError::Corrupt), "{take:?}");
            }
            assert_eq!(bytes.get(consumer() + POSITION), START, "nothing was given back");
        }
    }
}

#[test]
fn any_length_that_can_be_is_a_copy_of_what_stands_there() {
    for start in [START, START + 2048, START + 4096 - 8] {
        for len in (0..40).chain(250..270).chain([2047, 2048, 4072, LONGEST - 1, LONGEST]) {
            for (turn, take) in <[u8]>::POPS.iter().enumerate() {
                let (ring, bytes) = ring::<[u8]>(start);
                let mut rx = ring.consumer().unwrap();
                // As much as there can be, so that every length ends before the tail.
                lay(bytes.region(), &bytes.header(), start, &text(turn as u64, LONGEST as usize));
                bytes.set(data() + start % 4096, record_header(start, len));
                bytes.set(producer() + POSITION, pack(start + 4096, false));
                let data = bytes.all().split_off(data() as usize).repeat(2);
                let payload = start as usize % 4096 + 8;
                let expected = &data[payload..payload + len as usize];
                let popped = <[u8]>::pop(&mut rx, *take, len as usize + turn % 3);
                assert!(popped.as_deref() == Ok(expected), "{len} at {start:#x} by {take:?}");
                let next = start + 8 + u64::from(len).next_multiple_of(8);
                assert_eq!(bytes.get(consumer() + POSITION), next);
                // What stands behind it is no header: an answer, and nothing else.
                let told = <[u8]>::pop(&mut rx, Take::Try, 0);
                let ended = if next == start + 4096 { PopError::Empty } else { PopError::Corrupt };
                assert_eq!(told, Err(ended));
            }
        }
    }
}

#[test]
fn a_length_that_changes_after_the_look_changes_nothing() {
    for changed in [0, 8, 17, LONGEST, LONGEST + 1, u32::MAX] {
        let (ring, bytes) = ring::<[u8]>(START);
        let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
        for n in 0..3 {
            tx.push(&text(n, 16)).unwrap();
        }
        let view = rx.try_peek(1).unwrap();
        bytes.set(data(), record_header(START, changed));
        let message = view.first();
        assert_eq!(message.len(), 16);
        assert_eq!(message.to_vec(), text(0, 16));
        let beyond = OutOfBounds { offset: 9, len: 8, size: 16 };
        assert_eq!(message.read_at::<u64>(9), Err(beyond));
        assert_eq!(message.copy_to(9, &mut [0; 8]), Err(beyond));
        assert_eq!(view.release(1), 1);
        assert_eq!(bytes.get(consumer() + POSITION), START + 24);
        // The same in the middle of a batch, for the record that is being shown.
        let mut shown = Vec::new();
        let taken = rx.try_pop_batch(5, |record| {
            if shown.is_empty() {
                bytes.set(data() + 24, record_header(START + 24, changed));
            }
            shown.push(record.to_vec());
        });
        assert_eq!((taken, shown), (Ok(2), vec![text(1, 16), text(2, 16)]));
    }
}

#[test]
fn a_batch_ends_before_a_record_that_cannot_be() {
    let (ring, bytes) = ring::<[u8]>(START);
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    tx.push_batch(&[text(0, 16), text(1, 16), text(2, 16)]).unwrap();
    let mut shown = Vec::new();
    let taken = rx.try_pop_batch(5, |record| {
        bytes.set(data() + 48, record_header(START + 48, LONGEST + 1));
        shown.push(record.to_vec());
    });
    assert_eq!((taken, shown), (Ok(2), vec![text(0, 16), text(1, 16)]));
    assert_eq!(bytes.get(consumer() + POSITION), START + 48);
    bytes.set(data() + 48, record_header(START + 48, 16));
    let mut shown = 0;
    assert_eq!(rx.try_pop_batch(5, |_| shown += 1), Err(PopError::Corrupt));
    assert_eq!(shown, 0);
    // A view ends there as well, and releases no more than it shows.
    let (ring, bytes) = self::ring::<[u8]>(START);
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    tx.push_batch(&[text(0, 16), text(1, 16), text(2, 16)]).unwrap();
    bytes.set(data() + 48, record_header(START + 48, LONGEST + 1));
    let view = rx.try_peek(5).unwrap();
    assert_eq!(view.iter().count(), 2);
    assert_eq!(view.release(5), 2);
    assert_eq!(bytes.get(consumer() + POSITION), START + 48);
    assert_eq!(rx.try_peek(5).map(drop), Err(PopError::Corrupt));
}

/// What stands in the front is believed no more than what stands in the data.
#[test]
fn a_front_that_is_no_message_of_this_place_is_discarded() {
    for (header, len) in [
        (record_header(START + 8, 12), 12_u64),
        (record_header(START, 13), 12),
        (record_header(START, 20), 12),
        (record_header(START, 49), 12),
        (record_header(START, u32::MAX), 12),
        (0, 12),
    ] {
        let (ring, bytes) = with_one(START, &text(1, len as usize));
        let mut rx = ring.consumer().unwrap();
        bytes.set(producer() + POSITION + 8, header);
        bytes.write(producer() + POSITION + 16, &[0xee; 48]);
        let tail = bytes.tail();
        bytes.set(producer() + POSITION, pack(tail, true));
        let popped = rx.try_pop();
        if header == record_header(START, 13) {
            // It ends at the tail, as the front says: who can write one can write the other.
            assert_eq!(popped, Ok(vec![0xee; 13]));
        } else {
            assert_eq!(popped, Ok(text(1, 12)), "{header:#x}");
        }
        assert_eq!(bytes.get(consumer() + POSITION), tail);
        assert_eq!(bytes.get(consumer() + HINT), 1);
    }
}

#[test]
fn heads_that_cannot_be_are_corrupt_by_every_form() {
    fn corrupt<K: Kind + ?Sized + 'static>(head: impl Fn(u64) -> u64) {
        let len = K::LEN.unwrap_or(1);
        for put in K::PUSHES.iter().copied().chain([Put::Reserve(Room::Drop)]) {
            let (ring, bytes) = ring::<K>(START);
            let mut tx = ring.producer().unwrap();
            // So full that the next push asks where the consumer is.
            while K::push(&mut tx, Put::Try, &text(1, len)).is_ok() {}
            let tail = bytes.tail();
            bytes.set(consumer() + POSITION, head(tail));
            let told = within(LIMIT, "a push behind a head that cannot be", move || {
                K::push(&mut tx, put, &text(1, len))
            });
            assert_eq!(told, Err(PushError::Corrupt), "{put:?} with head {:#x}", head(tail));
        }
    }
    for beyond in [8, 16, 4096] {
        corrupt::<[u8]>(|tail| tail + beyond);
        corrupt::<u64>(|tail| tail + beyond);
    }
    corrupt::<[u8]>(|tail| tail - 4096 - 8);
    corrupt::<[u8]>(|tail| tail - 4);
    corrupt::<[u8]>(|_| POSITION_END);
    corrupt::<[u8]>(|_| u64::MAX);
    // A place where no record of this size or alignment can stand.
    corrupt::<Aligned<64>>(|tail| tail - 128 - 8);
    corrupt::<A64>(|tail| tail - 192 + 64);
}

#[test]
fn a_threshold_does_not_wait_for_a_tail_that_cannot_be() {
    for tail in [START + 8 * 4096, POSITION_END, u64::MAX, START + 1] {
        for asleep in [false, true] {
            let (ring, bytes) = ring::<[u8]>(START);
            let (_tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
            rx.set_threshold(Some(Threshold::bytes(64, Duration::from_secs(3600))));
            let forge = || bytes.set(producer() + POSITION, tail);
            if !asleep {
                forge();
            }
            let popping = std::thread::spawn(move || (rx.pop(), rx.try_pop(), rx.pop()));
            if asleep {
                bytes.until_parked(consumer());
                forge();
            }
            let told = within(LIMIT, "a pop", || popping.join().unwrap());
            let corrupt = Err(PopError::Corrupt);
            assert_eq!(told, (corrupt.clone(), corrupt.clone(), corrupt), "{tail:#x}");
        }
    }
}

#[test]
fn a_head_that_falls_back_is_corrupt_once_it_is_more_than_a_ring_behind() {
    let (ring, bytes) = ring::<u64>(START);
    let (mut tx, _rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    let fit = tx.capacity();
    // A whole ring behind, which can be. What fits by the head that was looked at before is published;
    // by the next look it is more.
    bytes.set(consumer() + POSITION, START - 4096);
    let told = within(LIMIT, "a batch", move || {
        let told = tx.push_batch(0..2 * fit as u64);
        (told, tx.try_push(0), tx)
    });
    let (batch, next, mut tx) = told;
    assert_eq!(batch, Err(BatchError { pushed: fit, error: PushError::Corrupt }));
    assert_eq!(next, Err(PushError::Corrupt));
    bytes.set(consumer() + POSITION, START + 8 * fit as u64);
    assert_eq!(tx.try_push(0), Err(PushError::Corrupt), "permanently");
}
