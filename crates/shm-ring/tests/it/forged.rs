//! Messages whose commit words were forged: a length that cannot be is `Corrupt`, for good, by every
//! form; one that can be is a copy of what stands there; and a length is told once, so that one that
//! changes after the look changes nothing.

use std::time::Duration;

use shm_ring::{
    BatchError, Consumer, Error, Options, OutOfBounds, PopError, Producer, PushError, Region, Ring,
    Threshold, Wait,
};

use crate::forms::{Kind, Put, Room, Take};
use crate::house::{LIMIT, within};
use crate::items::{A64, Random, elements, text};
use crate::scribble::{TIMEOUT, survive};
use crate::wire::{Bytes, POSITION, POSITION_END, commit_word, consumer, data, producer};

/// Some way along, so that there is something behind.
const START: u64 = 10 * 4096;
const LONGEST: u32 = 4080;

fn ring<K: Kind + ?Sized>(start: u64) -> (Ring<K>, Bytes) {
    crate::house::watch();
    let options = Options::new().bytes(4096).wait(Wait::PARK);
    let ring = Ring::<K>::create(Region::memfd("forged"), options).unwrap();
    let bytes = Bytes::of(ring.descriptor());
    bytes.start_at(start);
    (ring, bytes)
}

#[test]
fn commit_words_that_cannot_be_are_corrupt_for_good_by_every_form() {
    let right = commit_word(START, 12);
    let forged = [
        commit_word(START, 1),
        commit_word(START, 11),
        commit_word(START, LONGEST + 4),
        commit_word(START, LONGEST + 1),
        commit_word(START, 1 << 31),
        commit_word(START, u32::MAX - 3),
        commit_word(START, u32::MAX),
        commit_word(START + 8, 12),
        commit_word(START + 4096, 12),
        commit_word(START - 4096, 12),
        right & !(1 << 63),
        right ^ 1 << 40,
        12,
        u64::MAX,
    ];
    for word in forged {
        for take in <[u32]>::POPS {
            let (ring, bytes) = ring::<[u32]>(START);
            let (mut tx, rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
            tx.push(&[1, 2, 3]).unwrap();
            bytes.set(data(), word);
            let take = *take;
            // A form that waits must not wait.
            let (told, rx) = within(LIMIT, "a pop of what cannot be", move || {
                let mut rx = rx;
                (<[u32]>::pop(&mut rx, take, 2000), rx)
            });
            assert_eq!(told, Err(PopError::Corrupt), "{word:#x} by {take:?}");
            bytes.set(data(), right);
            let mut rx = rx;
            for take in <[u32]>::POPS {
                assert_eq!(<[u32]>::pop(&mut rx, *take, 3), Err(PopError::Corrupt), "{take:?}");
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
                let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
                tx.push(&text(turn as u64, 100)).unwrap();
                bytes.set(data() + start % 4096, commit_word(start, len));
                let data = bytes.all().split_off(data() as usize).repeat(2);
                let payload = start as usize % 4096 + 8;
                let expected = &data[payload..payload + len as usize];
                let popped = <[u8]>::pop(&mut rx, *take, len as usize + turn % 3);
                assert!(popped.as_deref() == Ok(expected), "{len} at {start:#x} by {take:?}");
                let next = start + 8 + u64::from(len).next_multiple_of(8);
                assert_eq!(bytes.get(consumer() + POSITION), next);
                // What stands there is old data or nothing, and never anything but an answer.
                let _ = <[u8]>::pop(&mut rx, Take::Try, 0);
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
        let view = rx.try_peek().unwrap();
        bytes.set(data(), commit_word(START, changed));
        assert_eq!((view.size(), view.len()), (16, 16));
        assert_eq!(view.to_vec(), text(0, 16));
        let beyond = OutOfBounds { offset: 9, len: 8, size: 16 };
        assert_eq!(view.read_at::<u64>(9), Err(beyond));
        assert_eq!(view.copy_to(9, &mut [0; 8]), Err(beyond));
        view.release();
        assert_eq!(bytes.get(consumer() + POSITION), START + 24);
        // The same in the middle of a batch, for the record that is being shown.
        let mut shown = Vec::new();
        let taken = rx.try_pop_batch(5, |record| {
            if shown.is_empty() {
                bytes.set(data() + 24, commit_word(START + 24, changed));
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
        bytes.set(data() + 48, commit_word(START + 48, LONGEST + 1));
        shown.push(record.to_vec());
    });
    assert_eq!((taken, shown), (Ok(2), vec![text(0, 16), text(1, 16)]));
    assert_eq!(bytes.get(consumer() + POSITION), START + 48);
    bytes.set(data() + 48, commit_word(START + 48, 16));
    assert_eq!(rx.try_pop_batch(5, |_| panic!("shown")), Err(PopError::Corrupt));
}

#[test]
fn heads_that_cannot_be_are_corrupt_by_every_form() {
    fn corrupt<K: Kind + ?Sized + 'static>(head: impl Fn(u64) -> u64) {
        for put in K::PUSHES.iter().copied().chain([Put::Reserve(Room::Drop)]) {
            let (ring, bytes) = ring::<K>(START);
            let mut tx = ring.producer().unwrap();
            // So full that the next push asks where the consumer is.
            while K::push(&mut tx, Put::Try, &text(1, K::UNIT * K::LEN.unwrap_or(1))).is_ok() {}
            let tail = bytes.get(producer() + POSITION);
            bytes.set(consumer() + POSITION, head(tail));
            let told = within(LIMIT, "a push behind a head that cannot be", move || {
                K::push(&mut tx, put, &text(1, K::UNIT * K::LEN.unwrap_or(1)))
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
    // A place where no record of this alignment can stand.
    corrupt::<[A64]>(|tail| tail - 128 - 8);
    corrupt::<A64>(|tail| tail - 256 + 32);
}

#[test]
fn a_threshold_does_not_wait_for_a_tail_that_cannot_be() {
    for tail in [START + 8 * 4096, POSITION_END, u64::MAX, START + 1] {
        let (ring, bytes) = ring::<[u8]>(START);
        let (_tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
        rx.set_threshold(Some(Threshold::bytes(64, Duration::from_secs(3600))));
        bytes.set(producer() + POSITION, tail);
        let told = within(LIMIT, "a pop", move || (rx.pop(), rx.try_pop(), rx.pop()));
        let corrupt = Err(PopError::Corrupt);
        assert_eq!(told, (corrupt.clone(), corrupt.clone(), corrupt), "{tail:#x}");
    }
}

#[test]
fn a_producer_recovers_only_messages_that_can_be() {
    for (len, fine) in [
        (0, true),
        (4, true),
        (4076, true),
        // Its record and the zero behind it fill the ring.
        (LONGEST, true),
        (LONGEST + 4, false),
        (2, false),
        (u32::MAX, false),
        (u32::MAX - 3, false),
    ] {
        let (ring, bytes) = ring::<[u32]>(START);
        bytes.set(data(), commit_word(START, len));
        let told = ring.producer();
        if fine {
            told.unwrap();
            let next = START + 8 + u64::from(len).next_multiple_of(8);
            assert_eq!(bytes.get(producer() + POSITION), next, "{len}");
        } else {
            assert!(matches!(told, Err(Error::Corrupt { .. })), "{len}: {told:?}");
        }
    }
    // A chain of empty messages all around, and then more: never a walk without end.
    let (ring, bytes) = ring::<[u8]>(0);
    for at in (0..4096).step_by(8) {
        bytes.set(data() + at, commit_word(at, 0));
    }
    let told = within(LIMIT, "recovering", move || ring.producer().map(drop));
    assert!(matches!(told, Err(Error::Corrupt { .. })), "{told:?}");
}

fn push_anything(tx: &mut Producer<[u32]>, random: &mut Random) -> bool {
    let message = text(1, random.below(400) as usize * 4);
    let told = match random.below(3) {
        0 => tx.push_timeout(&elements(&message), TIMEOUT),
        1 => tx.reserve_timeout(message.len() / 4, TIMEOUT).map(|room| room.commit()),
        _ => <[u32]>::try_push_batch(tx, &[message.clone(), message]).map(drop),
    };
    told != Err(PushError::Corrupt)
}

fn pop_anything(rx: &mut Consumer<[u32]>, random: &mut Random) -> bool {
    let told = match random.below(4) {
        0 => rx.pop_timeout(TIMEOUT).map(drop),
        1 => rx.pop_to_timeout(&mut [0; 300], TIMEOUT).map(drop),
        2 => rx.pop_batch_timeout(4, TIMEOUT, |record| drop(record.to_vec())).map(drop),
        _ => rx.peek_timeout(TIMEOUT).map(|view| {
            let mut bytes = vec![0; view.size()];
            view.copy_to(0, &mut bytes).unwrap();
            assert_eq!(view.to_vec().len(), view.len());
            view.release();
        }),
    };
    if let Err(PopError::TooSmall { .. }) = told {
        let _ = rx.try_pop();
    }
    assert!(rx.ready_bytes_at_least() <= 4096);
    told != Err(PopError::Corrupt)
}

#[test]
fn messages_survive_a_process_that_writes_anything_anywhere() {
    survive::<[u32]>(push_anything, pop_anything);
}

#[test]
fn a_head_that_falls_back_is_corrupt_once_it_is_more_than_a_ring_behind() {
    let (ring, bytes) = ring::<u64>(START);
    let (mut tx, _rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    let fit = tx.capacity() as usize;
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
    bytes.set(consumer() + POSITION, START + 16 * fit as u64);
    assert_eq!(tx.try_push(0), Err(PushError::Corrupt), "for good");
}
