//! The last laps below the end of all positions, where a long message may not fit any more and a short
//! one would. What does not fit below the end never will: that is `Corrupt`, not a ring that is full for
//! the moment, and nobody waits for it.

use std::time::Duration;

use shm_ring::{
    BatchError, MessageConsumer, MessageProducer, Options, PopError, PushError, Region, Threshold,
    Wait, WaitAnyError, wait_any,
};
use shm_ring_outsider::{POSITION, POSITION_END, producer};

use crate::bytes::Bytes;
use crate::forms::{Aligned, AnyRing, Kind, Put, Room, Take};
use crate::harness::{LIMIT, within};
use crate::items::{A64, Random, text};

const CAPACITY: u64 = 4096;

fn ring<K: Kind + ?Sized>(start: u64) -> (K::Ring, Bytes) {
    crate::harness::watch();
    let options = Options::new().bytes(CAPACITY as usize).wait(Wait::PARK);
    let ring = K::create(Region::memfd("top"), &options).unwrap();
    let bytes = Bytes::of(ring.descriptor());
    bytes.start_at(start);
    (ring, bytes)
}

/// Streams records of all lengths by all forms until no more can be pushed.
fn to_the_top<K: Kind + ?Sized>(start: u64) {
    let (ring, bytes) = ring::<K>(start / K::UNIT as u64 * K::UNIT as u64);
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    let mut random = Random::new(start);
    let (mut pushed, mut popped) = (Vec::new(), 0);
    let ended = loop {
        let len = K::LEN.unwrap_or(random.below(1200) as usize);
        let payload = text(pushed.len() as u64, len);
        let put = random.one_of(K::PUSHES_THAT_RETURN);
        match K::push(&mut tx, put, &payload) {
            Ok(()) => pushed.push(payload),
            Err(PushError::Full | PushError::TimedOut) => {
                while popped < pushed.len() {
                    let take = random.one_of(K::POPS_THAT_RETURN);
                    let taken = K::pop(&mut rx, take, len.max(1200));
                    assert_eq!(taken.as_ref(), Ok(&pushed[popped]), "record {popped}");
                    popped += 1;
                }
            }
            Err(ended) => break ended,
        }
    };
    assert_eq!(ended, PushError::Corrupt, "from {start:#x}");
    assert_eq!(K::room(&mut tx), 0);
    let tail = bytes.tail();
    assert!((POSITION_END - 1300..POSITION_END).contains(&tail), "it ended at {tail:#x}");
    for payload in &pushed[popped..] {
        assert_eq!(K::pop(&mut rx, Take::Try, 0).as_ref(), Ok(payload));
    }
    assert_eq!(K::pop(&mut rx, Take::Try, 0), Err(PopError::Empty));
    assert_eq!(K::pop(&mut rx, Take::Timeout, 0), Err(PopError::TimedOut));
}

#[test]
fn records_of_any_length_go_through_the_last_laps() {
    within(LIMIT, "a stream to the end of all positions", || {
        for laps in [1, 2, 3] {
            for more in [0, 64, 128, 1024, 2048] {
                let start = POSITION_END - laps * CAPACITY - more;
                to_the_top::<u64>(start);
                to_the_top::<A64>(start);
                to_the_top::<[u8]>(start + 8);
                to_the_top::<[u8; 13]>(start + 40);
                to_the_top::<Aligned<64>>(start);
            }
        }
        // The check in record headers wraps on the way.
        for wrap in [1_u64 << 34, 1 << 35, 1 << 61] {
            let (ring, bytes) = ring::<[u8]>(wrap - 3 * CAPACITY);
            let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
            let mut random = Random::new(wrap);
            while bytes.tail() < wrap + 3 * CAPACITY {
                let payload = text(random.next(), random.below(4081) as usize);
                tx.push(&payload).unwrap();
                assert_eq!(rx.try_pop(), Ok(payload));
            }
        }
    });
}

const LONG: usize = 3000;

#[test]
fn a_long_message_that_does_not_fit_below_the_end_is_corrupt_by_every_form() {
    for put in <[u8]>::PUSHES.iter().copied().chain([Put::Reserve(Room::Drop)]) {
        let (ring, bytes) = ring::<[u8]>(POSITION_END - 2048);
        let mut tx = ring.producer().unwrap();
        let (tx, told) = within(LIMIT, "a push that can never be", move || {
            let told = [LONG, LONG, 3].map(|len| <[u8]>::push(&mut tx, put, &text(1, len)));
            (tx, told)
        });
        // The third would have fitted, but `Corrupt` stays for the attachment.
        assert_eq!(told, [Err(PushError::Corrupt); 3], "{put:?}");
        drop(tx);
        assert_eq!(bytes.tail(), POSITION_END - 2048);
        // For the next one there is still room for what is short.
        let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
        let longest = 2048 - 16;
        assert_eq!(tx.try_push(&text(2, longest)), Ok(()));
        assert_eq!(tx.try_push(b""), Err(PushError::Corrupt));
        assert_eq!(rx.try_pop(), Ok(text(2, longest)));
        assert_eq!(rx.try_pop(), Err(PopError::Empty));
    }
}

#[test]
fn near_the_end_a_full_ring_is_full_and_what_never_fits_is_corrupt_at_once() {
    let (ring, _) = ring::<[u8]>(POSITION_END - CAPACITY - 1024);
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    tx.push(&text(1, LONG)).unwrap();
    // 2112 bytes are left below the end, and fewer are free now.
    assert_eq!(tx.try_push(&text(2, 2000)), Err(PushError::Full));
    assert_eq!(tx.push_timeout(&text(2, 2000), Duration::ZERO), Err(PushError::TimedOut));
    assert_eq!(rx.try_pop(), Ok(text(1, LONG)));
    tx.push(&text(2, 2000)).unwrap();
    let told = within(LIMIT, "a push into a full ring", move || tx.push(&text(3, 2500)));
    assert_eq!(told, Err(PushError::Corrupt));
    assert_eq!(rx.try_pop(), Ok(text(2, 2000)));
}

#[test]
fn a_batch_ends_where_positions_end() {
    // Ten records, and a place that is still a position.
    let start = POSITION_END - 11 * 8;
    let (values, messages) = (ring::<u64>(start).0, ring::<[u8]>(start - 10 * 8).0);
    let batch: Vec<_> = (0..20).map(|n| text(n, 8)).collect();
    let (mut tx, mut rx) = (values.producer().unwrap(), values.consumer().unwrap());
    let told = within(LIMIT, "a batch", move || (tx.push_batch(0..20), tx.try_push_batch(0..20)));
    let expected = Err(BatchError { pushed: 10, error: PushError::Corrupt });
    assert_eq!(told, (expected, Err(PushError::Corrupt)));
    assert!(rx.try_iter().eq((0..10).map(Ok)));
    let (mut tx, mut rx) = (messages.producer().unwrap(), messages.consumer().unwrap());
    let sent = batch.clone();
    let told = within(LIMIT, "a batch", move || (tx.push_batch(&sent), tx.try_push_batch(&sent)));
    assert_eq!(told, (expected, Err(PushError::Corrupt)));
    assert!(rx.try_iter().eq(batch[..10].iter().cloned().map(Ok)));
    let mut tx = ring::<u64>(start).0.producer().unwrap();
    assert_eq!(tx.try_push_batch(0..20), Ok(10));
    assert_eq!(tx.try_push_batch(0..20), Err(PushError::Corrupt));
}

#[test]
fn a_tail_beyond_the_end_is_corrupt_by_every_form() {
    fn beyond<K: Kind + ?Sized + 'static>(start: u64, len: usize) {
        for tail in [POSITION_END, POSITION_END + K::UNIT as u64] {
            for take in K::POPS {
                let (ring, bytes) = ring::<K>(start / K::UNIT as u64 * K::UNIT as u64);
                let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
                let take = *take;
                K::push(&mut tx, Put::Try, &text(1, len)).unwrap();
                assert_eq!(K::pop(&mut rx, take, len), Ok(text(1, len)));
                bytes.set(producer() + POSITION, tail);
                let told = within(LIMIT, "a pop beyond the end", move || {
                    let told = K::pop(&mut rx, take, 8);
                    (told, wait_any(&mut [&mut rx], None))
                });
                assert_eq!(told, (Err(PopError::Corrupt), Ok(0)), "{take:?}");
            }
        }
    }
    beyond::<u64>(POSITION_END - 16, 8);
    beyond::<[u8; 13]>(POSITION_END - 40, 13);
    beyond::<[u8]>(POSITION_END - 16, 0);
    beyond::<[u8]>(POSITION_END - 2048, 2000);
    beyond::<Aligned<64>>(POSITION_END - 512, 192);
}

#[test]
fn waiting_for_what_no_position_can_reach_ends_in_time() {
    let (ring, _) = ring::<[u8]>(POSITION_END - 24);
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    tx.push(b"the last").unwrap();
    assert_eq!(rx.pop().unwrap(), b"the last");
    let soon = Duration::from_millis(20);
    let wait = move |mut rx: MessageConsumer, _tx: MessageProducer| {
        let first = rx.pop_timeout(soon);
        rx.set_threshold(Some(Threshold::bytes(2048, soon)));
        let second = rx.pop_timeout(soon);
        let any = wait_any(&mut [&mut rx], Some(soon));
        (first, second, any)
    };
    let told = within(LIMIT, "waiting behind the last record", move || wait(rx, tx));
    let expected = (Err(PopError::TimedOut), Err(PopError::TimedOut), Err(WaitAnyError::TimedOut));
    assert_eq!(told, expected);
}
