//! The short ways: both ends of a ring at once, a consumer as what a `for` goes over, and paths as regions.

use core::iter::FusedIterator;
use std::path::Path;

use shm_ring::{
    Consumer, MessageConsumer, MessageRing, Observer, Options, Producer, PushError, Region, Ring,
};

use crate::harness::Dir;

#[test]
fn a_pair_is_both_ends_of_one_ring_that_has_no_name() {
    let (mut tx, mut rx) = Ring::pair(&Options::new().items(2)).unwrap();
    tx.push(7).unwrap();
    tx.push(8).unwrap();
    assert_eq!(tx.try_push(9), Err(PushError::Full), "the options count");
    assert_eq!((rx.pop(), rx.pop()), (Ok(7_u16), Ok(8)));
    drop(tx);
    assert!(rx.is_closed());

    let (mut tx, mut rx) = MessageRing::pair(&Options::new().bytes(64)).unwrap();
    tx.push(b"seven").unwrap();
    assert_eq!(tx.max_len(), 56);
    assert_eq!(rx.pop(), Ok(b"seven".to_vec()));

    let wrong = Ring::<u64>::pair(&Options::new().items(usize::MAX)).unwrap_err();
    assert!(matches!(wrong, shm_ring::Error::InvalidOptions { .. }), "{wrong}");
}

#[test]
fn a_for_loop_takes_records_until_the_producer_closes() {
    let (mut tx, mut rx) = Ring::pair(&Options::new()).unwrap();
    let pushing = std::thread::spawn(move || tx.push_batch(0..1000_u32).unwrap());
    let mut expected = 0;
    for item in &mut rx {
        assert_eq!(item, Ok(expected));
        expected += 1;
    }
    assert_eq!(expected, 1000);
    pushing.join().unwrap();
    // The consumer is still there, and empty.
    assert_eq!((&mut rx).into_iter().next(), None);

    let (mut tx, mut rx) = MessageRing::pair(&Options::new()).unwrap();
    tx.push_batch(&["one", "two"]).unwrap();
    drop(tx);
    let mut seen = Vec::new();
    for message in &mut rx {
        seen.push(message.unwrap());
    }
    assert_eq!(seen, [b"one", b"two"]);
}

/// What is over stays over.
#[test]
fn iterators_are_fused() {
    fn fused<I: FusedIterator>(mut iterator: I) {
        while iterator.next().is_some() {}
        assert!(iterator.next().is_none());
    }
    fn of(tx: &mut Producer<u64>, rx: &mut Consumer<u64>) {
        tx.push_slice(&[1, 2]).unwrap();
        fused(rx.peek(2).unwrap().iter());
        fused(rx.try_iter());
    }
    fn of_messages(rx: &mut MessageConsumer) {
        fused(rx.peek(2).unwrap().iter());
        fused(rx.try_iter());
        fused(rx.into_iter());
    }
    let (mut tx, mut rx) = Ring::pair(&Options::new()).unwrap();
    of(&mut tx, &mut rx);
    drop(tx);
    fused(rx.iter());
    let (mut tx, mut rx) = MessageRing::pair(&Options::new()).unwrap();
    tx.push_batch(&["one", "two"]).unwrap();
    drop(tx);
    of_messages(&mut rx);
}

#[test]
fn a_path_is_a_file_and_a_text_is_a_name() {
    let dir = Dir::new("paths");
    let path = dir.join("ring");
    let options = Options::new().items(4);
    let ring = Ring::<u64>::create(path.as_path(), &options).unwrap();
    assert!(path.is_file());
    assert_eq!(Ring::<u64>::open(path.clone()).unwrap().id(), ring.id());
    let path: &Path = &path;
    let region: Region = path.into();
    assert_eq!(Observer::open(region).unwrap().snapshot().id, ring.id());
    // As a text it would be a name, and a name has no slash.
    let text = path.to_str().unwrap();
    let refused = Ring::<u64>::open(text).unwrap_err();
    assert!(matches!(refused, shm_ring::Error::InvalidName { .. }), "{refused}");
}
