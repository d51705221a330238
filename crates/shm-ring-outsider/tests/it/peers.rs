//! The outsider's producer and consumer, against each other and against the judge.

use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;

use shm_ring_outsider::{
    Consumer, Corrupt, FRONT, HINT, Header, Mapping, NO_FRONT, Producer, PushError, Region, Rule,
    Side, Word, Writable, changes, consumer, fresh, judge, start_at,
};

use crate::payload;
use crate::regions::memfd;

fn mapping(header: &Header, start: u64) -> Mapping {
    let region = memfd(&fresh(header));
    start_at(&region, header, start);
    Mapping::writable(&region).unwrap()
}

#[test]
fn records_go_through_in_their_order_and_by_the_front_when_they_are_alone() {
    for (header, lens) in [
        (Header::values(5, 1, 3), &[5_usize][..]),
        (Header::values(57, 1, 3), &[57]),
        (Header::messages(8, 256), &[0, 1, 48, 49, 100]),
        (Header::messages(64, 1024), &[0, 1, 48, 49, 100]),
    ] {
        let region = mapping(&header, header.unit() * 7);
        let mut tx = Producer::attach(&region, &header).unwrap();
        let mut rx = Consumer::attach(&region, &header).unwrap();
        assert_eq!((tx.session(), rx.session(), rx.pop()), (1, 1, Ok(None)));
        let (mut short, rounds) = (0, 500);
        for n in 0..rounds {
            let len = lens[n % lens.len()];
            tx.push(&payload(n, len)).unwrap();
            let found = judge(&region, &header).unwrap();
            let fits = header.front_of(0, &payload(n, len)).is_some();
            assert_eq!((found.records.len(), found.front), (1, fits));
            assert_eq!(rx.pop(), Ok(Some(payload(n, len))));
            short += u64::from(fits);
        }
        assert_eq!((rx.fronts(), rx.head()), (short, tx.tail()));
        judge(&region, &header).unwrap();
    }
}

#[test]
fn a_stream_fills_the_limit_and_turns_the_hint_off() {
    let header = Header::values(24, 8, 3);
    let region = mapping(&header, 0);
    let mut tx = Producer::attach(&region, &header).unwrap();
    let mut rx = Consumer::attach(&region, &header).unwrap();
    for n in 0..3 {
        tx.push(&payload(n, 24)).unwrap();
    }
    assert_eq!((tx.push(&payload(3, 24)), tx.room()), (Err(PushError::Full), 0));
    for n in 0..3 {
        assert_eq!(rx.pop(), Ok(Some(payload(n, 24))));
    }
    assert_eq!((rx.fronts(), region.word(consumer() + HINT)), (0, 0));
    tx.push(&payload(9, 24)).unwrap();
    assert!(!judge(&region, &header).unwrap().front, "not wanted, not copied");
    assert_eq!((rx.pop(), region.word(consumer() + HINT)), (Ok(Some(payload(9, 24))), 1));
    let batch = [payload(1, 24), payload(2, 24)];
    tx.push_batch(&[&batch[0], &batch[1]]).unwrap();
    assert_ne!(region.named(Side::Producer, Word::Position) & NO_FRONT, 0);
    assert_eq!(judge(&region, &header).unwrap().payloads(), batch);
    assert_eq!(tx.push_batch(&[&batch[0], &batch[1]]), Err(PushError::Full));
    assert_eq!(judge(&region, &header).unwrap().records.len(), 2, "all or none");
    assert_eq!(tx.push_batch(&[&batch[0][..]; 4]), Err(PushError::WrongLength));
    assert_eq!(tx.push(b"short"), Err(PushError::WrongLength));
}

#[test]
fn a_successor_goes_on_where_the_tail_is() {
    let header = Header::messages(8, 256);
    let region = mapping(&header, 4096 - 8);
    // Nobody closes it: it died.
    Producer::attach(&region, &header).unwrap().push(b"first").unwrap();
    let mut tx = Producer::attach(&region, &header).unwrap();
    assert_eq!((tx.session(), tx.tail()), (3, 4096 + 8));
    tx.push(b"second").unwrap();
    tx.close();
    let found = judge(&region, &header).unwrap();
    assert_eq!((found.producer.session, found.producer.bell), (4, 3));
    assert_eq!(found.payloads(), [&b"first"[..], b"second"]);
    let mut rx = Consumer::attach(&region, &header).unwrap();
    rx.pop().unwrap();
    rx.close();
    let mut rx = Consumer::attach(&region, &header).unwrap();
    assert_eq!((rx.session(), rx.pop()), (3, Ok(Some(b"second".to_vec()))));
}

#[test]
fn a_sleeper_is_woken_once_for_what_it_asked() {
    let header = Header::values(8, 8, 4);
    let region = mapping(&header, 0);
    let mut tx = Producer::attach(&region, &header).unwrap();
    let before = region.all();
    region.set_named(Side::Consumer, Word::WakeAt, 16);
    let bell = || region.named(Side::Producer, Word::Bell);
    let rung = bell();
    tx.push(&[1; 8]).unwrap();
    assert_eq!(bell(), rung, "not yet");
    tx.push(&[2; 8]).unwrap();
    tx.push(&[3; 8]).unwrap();
    assert_eq!(bell(), rung + 1, "once");
    let told = changes(&header, &before, &region.all());
    let names = ["producer's tail word", "producer's bell", "consumer's wake_at", "data"];
    assert_eq!(told, names, "the hint is 0: no front");
}

#[test]
fn a_peer_that_cannot_be_ends_it_permanently() {
    let header = Header::messages(8, 256);
    let region = mapping(&header, 64);
    let mut rx = Consumer::attach(&region, &header).unwrap();
    region.set_named(Side::Producer, Word::Position, 64 + 264);
    assert_eq!((rx.pop(), rx.pop()), (Err(Corrupt), Err(Corrupt)));
    assert_eq!(judge(&region, &header).unwrap_err().rule, Rule::Limit);
    assert!(Consumer::attach(&region, &header).is_ok(), "its own head is right");
    assert_eq!(Producer::attach(&region, &header).unwrap_err(), PushError::Corrupt);
    // A front for another place is not taken, and the data decides.
    let region = mapping(&header, 64);
    let mut tx = Producer::attach(&region, &header).unwrap();
    let mut rx = Consumer::attach(&region, &header).unwrap();
    tx.push(b"right").unwrap();
    region.set(shm_ring_outsider::producer() + FRONT, 0);
    assert_eq!((rx.pop(), rx.fronts()), (Ok(Some(b"right".to_vec())), 0));
}

/// Two threads, so that fronts are torn and read at the same time.
#[test]
fn records_stay_whole_between_two_threads() {
    const ROUNDS: usize = 20_000;
    for header in [Header::values(24, 8, 3), Header::messages(8, 256)] {
        let region = mapping(&header, 0);
        let len = |n: usize| if header.item_size == 24 { 24 } else { n % 60 };
        let fronts = std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut tx = Producer::attach(&region, &header).unwrap();
                for n in 0..ROUNDS {
                    // A conversation, then a stream, and so on.
                    while n / 100 % 2 == 0 && tx.room() < header.limit {
                        std::thread::yield_now();
                    }
                    while tx.push(&payload(n, len(n))) == Err(PushError::Full) {
                        std::thread::yield_now();
                    }
                }
            });
            let mut rx = Consumer::attach(&region, &header).unwrap();
            for n in 0..ROUNDS {
                let popped = loop {
                    match rx.pop().unwrap() {
                        Some(popped) => break popped,
                        None => std::thread::yield_now(),
                    }
                };
                assert!(popped == payload(n, len(n)), "record {n} is {popped:?}");
            }
            rx.fronts()
        });
        // Of each conversation all but the first two, in which the hint may still be that of a stream.
        let lone = ROUNDS as u64 / 200 * 98;
        assert!(fronts >= if header.item_size == 24 { lone } else { lone / 2 }, "{fronts} fronts");
        judge(&region, &header).unwrap();
    }
}

/// Somebody who looks at the front all the time while it is written, and takes it only between two equal loads of
/// a tail word with a clear bit.
#[test]
fn a_front_with_a_clear_bit_is_never_torn() {
    let header = Header::values(56, 8, 3);
    let region = mapping(&header, 0);
    let page = shm_ring_outsider::producer();
    let value = |n: u64| n.to_le_bytes().repeat(7);
    let over = AtomicBool::new(false);
    let seen = std::thread::scope(|scope| {
        let observer = scope.spawn(|| {
            let mut seen = 0;
            while !over.load(Relaxed) {
                let word = region.word(page);
                let front: Vec<u64> = (0..7).map(|at| region.word(page + FRONT + 8 * at)).collect();
                if word == 0 || word & NO_FRONT != 0 || region.word(page) != word {
                    continue;
                }
                assert_eq!(front, [word / 56 - 1; 7], "the front at {word}");
                seen += 1;
            }
            seen
        });
        let mut tx = Producer::attach(&region, &header).unwrap();
        let mut rx = Consumer::attach(&region, &header).unwrap();
        let mut n = 0;
        while n < 100_000 && !observer.is_finished() {
            tx.push(&value(n)).unwrap();
            assert_eq!(rx.pop(), Ok(Some(value(n))));
            n += 1;
        }
        over.store(true, Relaxed);
        observer.join().unwrap()
    });
    assert!(seen > 0, "no front was seen");
}
