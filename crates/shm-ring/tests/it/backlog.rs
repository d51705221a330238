//! What is unread, by number and by position: how much it is in the eyes of each side, giving a part of it back by
//! position, and skipping it.

use std::time::Duration;

use shm_ring::{MessageRing, Options, PopError, Region, Ring, Wait};
use shm_ring_outsider::{POSITION, WAKE_AT, WAKES_SENT, consumer, data, producer, record_header};

use crate::bytes::Bytes;
use crate::items::text;

/// Of a ring that has been used for some time: records cross the end of the data.
const START: u64 = 4096 * 3 - 48;

type Three = [u64; 3];

fn values() -> (Ring<Three>, Bytes) {
    crate::harness::watch();
    let options = Options::new().items(100);
    let ring = Ring::create(Region::memfd("backlog"), &options).unwrap();
    let bytes = Bytes::of(ring.descriptor());
    // A multiple of the size of a value.
    bytes.start_at(START - START % 24);
    (ring, bytes)
}

fn messages() -> (MessageRing, Bytes) {
    crate::harness::watch();
    let ring = MessageRing::create(Region::memfd("backlog"), &Options::new().bytes(4096)).unwrap();
    let bytes = Bytes::of(ring.descriptor());
    bytes.start_at(START);
    (ring, bytes)
}

#[test]
fn values_are_released_to_their_boundaries_and_nowhere_else() {
    for count in 0..5 {
        let (ring, bytes) = values();
        let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
        tx.push_batch((0..4).map(|n| [n; 3])).unwrap();
        let (head, tail) = (rx.position(), tx.position());
        assert_eq!((head, tail), (START - START % 24, head + 4 * 24));
        let before = bytes.all();
        let boundaries: Vec<u64> = (0..5).map(|n| head + 24 * n).collect();
        for position in (0..head).step_by(24).chain(head - 30..tail + 30).chain([u64::MAX]) {
            if !boundaries.contains(&position) {
                let nearest = boundaries.iter().rev().find(|at| **at <= position);
                let expected =
                    PopError::NotABoundary { position, before: *nearest.unwrap_or(&head) };
                assert_eq!(rx.release_to(position), Err(expected));
            }
        }
        assert!(bytes.all() == before, "what was refused changed something");
        assert_eq!(rx.release_to(boundaries[count]), Ok(count));
        assert_eq!(rx.position(), boundaries[count]);
        assert_eq!(bytes.get(consumer() + POSITION), boundaries[count]);
        assert_eq!(rx.release_to(boundaries[count]), Ok(0), "there already");
        assert!(rx.try_iter().eq((count as u64..4).map(|n| Ok([n; 3]))));
        assert_eq!(rx.release_to(tail), Ok(0));
    }
}

#[test]
fn messages_are_released_to_their_boundaries_and_nowhere_else() {
    let lengths = [0, 5, 31, 17];
    for count in 0..5 {
        let (ring, bytes) = messages();
        let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
        for (n, len) in lengths.into_iter().enumerate() {
            tx.push(&text(n as u64, len)).unwrap();
        }
        let mut boundaries = vec![rx.position()];
        boundaries.extend(rx.peek(9).unwrap().iter().map(|message| message.end()));
        let (head, tail) = (START, tx.position());
        assert_eq!((boundaries[0], boundaries[4]), (head, tail));
        let before = bytes.all();
        for position in (0..head).step_by(64).chain(head - 30..tail + 30).chain([u64::MAX]) {
            if !boundaries.contains(&position) {
                let nearest = boundaries.iter().rev().find(|at| **at <= position);
                let expected =
                    PopError::NotABoundary { position, before: *nearest.unwrap_or(&head) };
                assert_eq!(rx.release_to(position), Err(expected));
            }
        }
        assert!(bytes.all() == before, "what was refused changed something");
        assert_eq!(rx.release_to(boundaries[count]), Ok(count));
        assert_eq!(bytes.get(consumer() + POSITION), boundaries[count]);
        let rest = lengths.into_iter().enumerate().skip(count);
        assert!(rx.try_iter().eq(rest.map(|(n, len)| Ok(text(n as u64, len)))));
    }
}

/// Each call looks at the tail, so what came after the last look can be released too.
#[test]
fn what_came_since_is_released_as_well() {
    let (ring, _) = values();
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    tx.push_batch([[0; 3], [1; 3]]).unwrap();
    assert_eq!(rx.try_pop(), Ok([0; 3]));
    tx.push([2; 3]).unwrap();
    assert_eq!(rx.release_to(tx.position()), Ok(2));
    tx.push([3; 3]).unwrap();
    assert_eq!(rx.skip_unread(), Ok(1));
    assert_eq!((rx.skip_unread(), rx.try_pop()), (Ok(0), Err(PopError::Empty)));

    let (ring, _) = messages();
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    tx.push_batch(&["one", "two"]).unwrap();
    assert_eq!(rx.try_pop(), Ok(b"one".to_vec()));
    tx.push(b"three").unwrap();
    assert_eq!(rx.release_to(tx.position()), Ok(2));
    tx.push(b"four").unwrap();
    assert_eq!(rx.skip_unread(), Ok(16));
    assert_eq!((rx.skip_unread(), rx.try_pop()), (Ok(0), Err(PopError::Empty)));
}

/// Looked at further than it is released, over and over: nothing is lost or seen twice by whoever counts positions.
#[test]
fn a_consumer_may_look_beyond_what_it_releases() {
    let (ring, _) = messages();
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    let (mut sent, mut seen, mut released) = (0, 0, 0);
    let mut ends = Vec::new();
    while released < 500 {
        while tx.try_push(&text(sent, sent as usize % 50)).is_ok() {
            sent += 1;
        }
        for message in rx.peek(usize::MAX).unwrap().iter().skip((seen - released) as usize) {
            assert_eq!(message.to_vec(), text(seen, seen as usize % 50));
            ends.push(message.end());
            seen += 1;
        }
        assert_eq!((seen, *ends.last().unwrap()), (sent, tx.position()));
        // Not all that was seen, and another number each time.
        let part = 1 + (seen - released) / (2 + seen % 5);
        released += part;
        assert_eq!(rx.release_to(ends[released as usize - 1]), Ok(part as usize));
    }
}

#[test]
fn the_next_consumer_goes_on_at_the_position_that_was_stored() {
    let (ring, _) = values();
    let mut tx = ring.producer().unwrap();
    tx.push_batch((0..10).map(|n| [n; 3])).unwrap();
    let mut rx = ring.consumer().unwrap();
    assert_eq!(rx.pop(), Ok([0; 3]));
    // Three are used and not released when the consumer goes.
    let stored = rx.position() + 3 * size_of::<Three>() as u64;
    assert_eq!(rx.peek(3).unwrap().len(), 3);
    drop(rx);
    let mut rx = ring.consumer().unwrap();
    assert_eq!(rx.release_to(stored), Ok(3));
    assert_eq!(rx.pop(), Ok([4; 3]));
    // The position of a producer goes on as well.
    let position = tx.position();
    drop(tx);
    assert_eq!(ring.producer().unwrap().position(), position);
}

#[test]
fn each_side_counts_what_is_unread() {
    let (ring, _) = values();
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    assert!(tx.is_empty() && rx.is_empty());
    tx.push_batch([[0; 3]; 7]).unwrap();
    assert_eq!((tx.len(), rx.len()), (7, 7));
    assert!(!tx.is_empty() && !rx.is_empty());
    rx.pop().unwrap();
    assert_eq!((tx.len(), rx.len(), tx.room_at_least()), (6, 6, 94));
    rx.skip_unread().unwrap();
    assert!(tx.is_empty() && rx.is_empty());

    let (ring, bytes) = messages();
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    assert!(tx.is_empty() && rx.is_empty());
    tx.push_batch(&["one", "three", "of nineteen letters"]).unwrap();
    assert_eq!((tx.len_bytes(), rx.len_bytes()), (64, 64));
    assert!(!tx.is_empty() && !rx.is_empty());
    rx.pop().unwrap();
    assert_eq!((tx.len_bytes(), rx.len_bytes()), (48, 48));
    rx.skip_unread().unwrap();
    assert!(tx.is_empty() && rx.is_empty());
    // Nobody waits for a ring without end that cannot be read.
    bytes.set(producer() + POSITION, START + (1 << 40));
    assert!(!rx.is_empty());
    assert_eq!(rx.skip_unread(), Err(PopError::Corrupt));
    assert_eq!(rx.release_to(START), Err(PopError::Corrupt));
    assert!(!rx.is_empty());
}

/// The walk to a position reads headers of the other side: one that cannot be ends it, and what is before it stays.
#[test]
fn a_message_that_cannot_be_ends_the_way_to_a_position() {
    let (ring, bytes) = messages();
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    tx.push_batch(&["one", "two", "three"]).unwrap();
    let second = START + 16;
    bytes.set(data() + second % 4096, record_header(second, 5000));
    let position = tx.position();
    let wrong = PopError::NotABoundary { position, before: second };
    assert_eq!(rx.release_to(position), Err(wrong));
    assert_eq!(bytes.get(consumer() + POSITION), START);
    assert_eq!(rx.release_to(second), Ok(1));
    assert_eq!(rx.try_pop(), Err(PopError::Corrupt));
}

#[test]
fn a_producer_that_sleeps_for_room_is_woken_by_what_is_released_without_being_taken() {
    for by_position in [false, true] {
        let (ring, bytes) = values();
        let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
        tx.push_batch([[0; 3]; 100]).unwrap();
        let (head, sent) = (rx.position(), bytes.get(consumer() + WAKES_SENT));
        bytes.set(producer() + WAKE_AT, head + 24);
        match by_position {
            false => assert_eq!(rx.skip_unread(), Ok(100)),
            true => assert_eq!(rx.release_to(head + 24), Ok(1)),
        }
        assert_eq!(bytes.get(consumer() + WAKES_SENT), sent + 1);
    }
}

#[test]
fn a_side_says_at_once_whether_the_other_has_closed() {
    let (ring, _) = values();
    let rx = ring.consumer().unwrap();
    assert!(!rx.is_closed(), "nobody has come yet");
    let mut tx = ring.producer().unwrap();
    tx.push([7; 3]).unwrap();
    assert!(!rx.is_closed() && !tx.is_closed());
    tx.close();
    assert!(rx.is_closed(), "also while there is something to take");
    let mut tx = ring.producer().unwrap();
    assert!(!rx.is_closed(), "another one has come");
    tx.set_wait(Wait::PARK);
    drop(rx);
    assert!(tx.is_closed());
    assert!(tx.push_timeout([8; 3], Duration::ZERO).is_ok(), "there is room all the same");
}
