//! Who takes a role over: the tail and the head that stand in the region are all that there is to know. Whether the front
//! may be used does not matter, what stands behind the tail does not exist, and nothing of the data is looked at.

use std::os::unix::fs::MetadataExt;

use shm_ring::{MessageRing, Options, PopError, Producer, Region, Ring, Wait};
use shm_ring_outsider::{
    FRONT, HINT, POSITION, consumer, judge, lay, pack, page, poison, producer, unpack,
};

use crate::bytes::Bytes;
use crate::harness::{Child, Home, Name};

fn options() -> Options {
    Options::new().items(512).wait(Wait::PARK)
}

/// Job: pushes a few, the last of them with or without the front, and closes when told to.
pub(crate) fn push_and_end(mut home: Home) {
    let mut tx = Producer::<u64>::open(home.argument(0)).unwrap();
    let first = home.number(2);
    tx.push_slice(&[first, first + 1]).unwrap();
    match home.argument(1) {
        "front" => tx.push(first + 2).unwrap(),
        _ => drop(tx.push_slice(&[first + 2]).unwrap()),
    }
    home.say("pushed");
    home.hear();
    tx.close();
    home.say("closed");
}

#[test]
fn a_successor_goes_on_after_any_end_whether_the_front_may_be_used_or_not() {
    let name = Name::new("successor");
    let ring = Ring::<u64>::create(name.as_str(), &options()).unwrap();
    let bytes = Bytes::of(ring.descriptor());
    // Who reads has a hint that wants the front.
    bytes.set(consumer() + HINT, 1);
    let mut pushed = 0;
    for round in 0..8 {
        let front = ["front", "data"][round % 2];
        let first = pushed.to_string();
        let mut child = Child::spawn("push-and-end", &[name.as_str(), front, &first]);
        child.expect("pushed");
        pushed += 3;
        if round / 2 % 2 == 0 {
            child.kill();
        } else {
            child.say("close");
            child.expect("closed");
            child.finish();
        }
        let word = bytes.get(producer() + POSITION);
        assert_eq!(unpack(word), (8 * pushed, front == "front"));
        // The next one finds the tail, and leaves the word as it is.
        let mut tx = ring.producer().unwrap();
        assert_eq!(bytes.get(producer() + POSITION), word);
        judge(bytes.region(), &bytes.header()).unwrap_or_else(|why| panic!("{why}"));
        assert_eq!(tx.room_at_least() as u64, 512 - pushed);
        tx.push(pushed).unwrap();
        pushed += 1;
        drop(tx);
    }
    let mut rx = ring.consumer().unwrap();
    assert!(rx.try_iter().eq((0..pushed).map(Ok)));
    assert_eq!(rx.pop(), Err(PopError::PeerDead), "of those whose records it read some died");
}

/// As a producer leaves a ring that is killed between any two stores of a push.
#[test]
fn a_push_that_did_not_come_to_its_end_never_was() {
    for stage in 0..4 {
        for waits in [false, true] {
            let ring = Ring::<u64>::create(Region::memfd("stages"), &options()).unwrap();
            let bytes = Bytes::of(ring.descriptor());
            let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
            tx.push(1).unwrap();
            let tail = bytes.tail();
            if !waits {
                assert_eq!(rx.pop(), Ok(1));
            }
            drop(tx);
            // Written; marked; half of the front; all of it.
            lay(bytes.region(), &bytes.header(), tail, &[0xee; 8]);
            if stage > 0 {
                bytes.set(producer() + POSITION, pack(tail, false));
            }
            if stage > 1 {
                bytes.write(producer() + FRONT, &[0xee; 4][..]);
            }
            if stage > 2 {
                bytes.write(producer() + FRONT, &[0xee; 8]);
            }
            let mut tx = ring.producer().unwrap();
            if waits {
                assert_eq!(rx.pop(), Ok(1), "stage {stage}");
            }
            assert_eq!(rx.try_pop(), Err(PopError::Empty), "stage {stage}");
            tx.push(2).unwrap();
            assert_eq!((rx.pop(), rx.try_pop()), (Ok(2), Err(PopError::Empty)), "stage {stage}");
        }
    }
}

/// Whatever stands behind the tail, be it messages that could have been there: none is found.
#[test]
fn what_stands_behind_the_tail_is_not_looked_at() {
    let options = Options::new().bytes(4096);
    for len in [0, 1, 100, 4000] {
        let ring = MessageRing::create(Region::memfd("behind"), &options).unwrap();
        let bytes = Bytes::of(ring.descriptor());
        let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
        tx.push(b"before").unwrap();
        drop(tx);
        poison(bytes.region(), &bytes.header(), Some(len));
        let tail = bytes.tail();
        let mut tx = ring.producer().unwrap();
        assert_eq!(bytes.tail(), tail);
        tx.push(b"behind").unwrap();
        assert_eq!(rx.pop().unwrap(), b"before");
        assert_eq!(rx.pop().unwrap(), b"behind");
        assert_eq!(rx.try_pop(), Err(PopError::Empty));
    }
}

#[test]
fn attaching_touches_no_page_of_the_data() {
    const CAPACITY: u64 = 1 << 30;
    let name = Name::new("untouched");
    let options = Options::new().bytes(CAPACITY as usize).sparse();
    let used = || name.path().metadata().unwrap().blocks() * 512;
    // The largest page that the kernel may give for one that is touched counts as one.
    let values = Ring::<u64>::create(name.as_str(), &options).unwrap();
    let control = used();
    assert!(control <= 3 * page(), "{control} bytes of a sparse ring are there");
    let bytes = Bytes::of(values.descriptor());
    for position in [0, CAPACITY / 2, 3 * CAPACITY] {
        bytes.start_at(position);
        // As after a producer that has filled half of it.
        bytes.set(producer() + POSITION, pack(position + CAPACITY / 2, false));
        for _ in 0..3 {
            drop((values.producer().unwrap(), values.consumer().unwrap()));
        }
        assert!(used() <= 3 * page(), "{} bytes are there after attaching", used());
    }
    let mut tx = values.producer().unwrap();
    tx.push(7).unwrap();
    assert!(used() > control, "what is written is there");
}
