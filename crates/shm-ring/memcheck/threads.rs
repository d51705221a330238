//! Both ends of a ring in two threads, as fast as they go, by every form: what valgrind watches (`memcheck/run`).
//!
//! SHM_RING_MESSAGES: how many messages each stream carries.

use std::thread;

use shm_ring::{MessageRing, Options, Region, Ring, Wait};

/// The bytes of message `number`: any piece of another message differs from them.
fn fill(number: u64, bytes: &mut [u8]) {
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = (number as u8).wrapping_mul(31).wrapping_add(at as u8);
    }
}

fn check(number: u64, bytes: &[u8]) {
    for (at, byte) in bytes.iter().enumerate() {
        let expected = (number as u8).wrapping_mul(31).wrapping_add(at as u8);
        assert_eq!(*byte, expected, "byte {at} of message {number}");
    }
}

fn value<const LEN: usize>(number: u64) -> [u8; LEN] {
    let mut value = [0; LEN];
    fill(number, &mut value);
    value
}

/// Runs both ends of a ring, each in a thread of its own.
fn both(push: impl FnOnce() + Send, pop: impl FnOnce() + Send) {
    thread::scope(|scope| {
        scope.spawn(push);
        scope.spawn(pop);
    });
}

fn options(wait: Wait) -> Options {
    Options::new().bytes(4096).wait(wait)
}

/// Values by copy, in turn one by one, in batches, and in place.
fn values<const LEN: usize>(count: u64, wait: Wait) {
    let ring = Ring::<[u8; LEN]>::create(Region::memfd("threads"), &options(wait)).unwrap();
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    both(
        move || {
            let mut number = 0;
            while number < count {
                match number % 3 {
                    0 => tx.push(value(number)).unwrap(),
                    1 => {
                        let end = count.min(number + 4);
                        tx.push_batch((number..end).map(value)).unwrap();
                        number = end - 1;
                    }
                    _ => {
                        let mut room = tx.reserve(1).unwrap();
                        room.write(0, &value(number));
                        room.commit(1);
                    }
                }
                number += 1;
            }
        },
        move || {
            let mut number = 0;
            while number < count {
                match number % 3 {
                    0 => check(number, &rx.pop().unwrap()),
                    1 => {
                        let taken = rx.pop_batch(4, |item| {
                            check(number, &item);
                            number += 1;
                        });
                        taken.unwrap();
                        number -= 1;
                    }
                    _ => {
                        let view = rx.peek(1).unwrap();
                        check(number, &view.get(0).expect("one is there"));
                        view.release(1);
                    }
                }
                number += 1;
            }
        },
    );
}

/// Bytes of message `number`: all lengths from none to longer than what is copied in blocks.
fn length(number: u64) -> usize {
    (number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as usize % 700
}

fn messages(count: u64, wait: Wait) {
    let ring = MessageRing::create(Region::memfd("threads"), &options(wait)).unwrap();
    let (mut tx, mut rx) = (ring.producer().unwrap(), ring.consumer().unwrap());
    both(
        move || {
            for number in 0..count {
                // It ends where its memory does.
                let mut bytes = vec![0; length(number)];
                fill(number, &mut bytes);
                tx.push(&bytes).unwrap();
            }
        },
        move || {
            for number in 0..count {
                let bytes = rx.pop().unwrap();
                assert_eq!(bytes.len(), length(number), "length of message {number}");
                check(number, &bytes);
            }
        },
    );
}

fn main() {
    let count = std::env::var("SHM_RING_MESSAGES").ok();
    let count = count.map_or(2_000, |count| count.parse().expect("a number of messages"));
    for wait in [Wait::PARK, Wait::BALANCED] {
        values::<8>(count, wait);
        values::<300>(count, wait);
        messages(count, wait);
    }
    println!("6 streams of {count} messages, each byte as it was sent");
}
