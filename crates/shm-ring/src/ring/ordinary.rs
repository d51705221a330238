//! Owns: both ends of a ring in ordinary memory, in two threads, for Miri: it judges every access to a record, and the edges
//! that make a slice of the region sound. Knows nothing of: files, locks, sleeping; Miri has none of them.
//!
//! Records do not wrap here (see `Mapping::ordinary`): their sizes divide the data area.
#![allow(unsafe_code)]

use core::mem::MaybeUninit;
use std::fs::File;
use std::sync::Arc;
use std::thread;

use super::contents::Contents;
use super::header;
use crate::consumer::{Consumer, MessageConsumer, Receiver};
use crate::error::{PopError, PushError};
use crate::item::Payload;
use crate::mapping::Mapping;
use crate::mapping::records::RecordMap;
use crate::options::Options;
use crate::process::Descriptor;
use crate::producer::{MessageProducer, Producer, Publisher};
use crate::region::Backing;
use crate::region::lease::Lease;
use crate::role::Role;

/// Both ends of a new ring.
fn ends<P: Payload + ?Sized>(contents: Contents, options: Options) -> (Publisher<P>, Receiver<P>) {
    let options = options.membarrier(false).death_notice(false);
    let (_, layout) = header::new(contents, &options).unwrap();
    let file = || File::open("/dev/null").map(Into::into);
    let backing = Arc::new(Backing::new(file().unwrap(), "ordinary memory".to_owned(), None));
    let lease = |role| {
        let description = Descriptor::open(file).unwrap();
        Lease::take(description, layout.page, role).unwrap().unwrap()
    };
    let [tx, rx] = Mapping::ordinary(layout.page, layout.records.capacity);
    let map = |mapping| RecordMap::over(mapping, &layout.records, layout.align).unwrap();
    let (tx, rx) = (map(tx), map(rx));
    let (wrote, reads) = (lease(Role::Producer), lease(Role::Consumer));
    (
        Publisher::attach(tx, wrote, layout.records, &options, backing.clone()).unwrap(),
        Receiver::attach(rx, reads, layout.records, &options, backing).unwrap(),
    )
}

/// Tries until there is room.
macro_rules! pushed {
    ($call:expr) => {
        loop {
            match $call {
                Ok(done) => break done,
                Err(PushError::Full) => thread::yield_now(),
                Err(error) => panic!("{error}"),
            }
        }
    };
}

/// Tries until something is there.
macro_rules! popped {
    ($call:expr) => {
        loop {
            match $call {
                Ok(done) => break done,
                Err(PopError::Empty) => thread::yield_now(),
                Err(error) => panic!("{error}"),
            }
        }
    };
}

/// Values, four at a time: by copy, in batches, in place; each side changes its way at another time.
fn values<const WORDS: usize>(count: u64) {
    const RUN: u64 = 4;
    let value = |number: u64| [number; WORDS];
    let options = Options::new().bytes(4096);
    let (inner, receiver) = ends(Contents::values::<[u64; WORDS]>(&options), options);
    let (mut tx, mut rx) = (Producer { inner }, Consumer { inner: receiver });
    thread::scope(|scope| {
        scope.spawn(move || {
            for run in 0..count / RUN {
                let run_of = [0, 1, 2, 3].map(|index| value(RUN * run + index));
                match run % 3 {
                    0 => run_of.iter().for_each(|value| pushed!(tx.try_push(*value))),
                    1 => pushed!(tx.try_push_all(&run_of)),
                    _ => {
                        let mut room = pushed!(tx.try_reserve(RUN as usize));
                        // SAFETY: the consumer reads only what was committed.
                        let places = unsafe { room.as_uninit() };
                        places.copy_from_slice(&run_of.map(MaybeUninit::new));
                        room.commit(RUN as usize);
                    }
                }
            }
        });
        let mut number = 0;
        while number < count {
            let left = RUN - number % RUN;
            match number / RUN / 2 % 3 {
                0 => {
                    assert_eq!(popped!(rx.try_pop()), value(number));
                    number += 1;
                }
                1 => {
                    let mut taken = [value(0); RUN as usize];
                    let some = popped!(rx.try_pop_slice(&mut taken[..left as usize]));
                    for taken in &taken[..some] {
                        assert_eq!(*taken, value(number));
                        number += 1;
                    }
                }
                _ => {
                    let view = popped!(rx.try_peek(left as usize));
                    // SAFETY: the producer writes nothing that was not released.
                    for taken in unsafe { view.as_slice() } {
                        assert_eq!(*taken, value(number));
                        number += 1;
                    }
                    let seen = view.len();
                    view.release(seen);
                }
            }
        }
    });
}

/// Messages of up to `longest` bytes, all of one stride: by copy, in parts, in place.
fn messages(longest: usize, count: usize) {
    let len = |number: usize| longest - number % 8;
    let bytes = |number: usize| vec![number as u8; len(number)];
    let options = Options::new().bytes(4096);
    let (inner, receiver) = ends(Contents::messages(&options), options);
    let (mut tx, mut rx) = (MessageProducer { inner }, MessageConsumer { inner: receiver });
    thread::scope(|scope| {
        scope.spawn(move || {
            for number in 0..count {
                let message = bytes(number);
                match number % 3 {
                    0 => pushed!(tx.try_push(&message)),
                    1 => {
                        let mut room = pushed!(tx.try_reserve(message.len()));
                        let middle = message.len() / 2;
                        room.write_at(middle, &message[middle..]).unwrap();
                        room.write_at(0, &message[..middle]).unwrap();
                        room.commit(message.len());
                    }
                    _ => {
                        let mut room = pushed!(tx.try_reserve(message.len()));
                        // SAFETY: the consumer reads only what was committed.
                        unsafe { room.as_mut_slice() }.copy_from_slice(&message);
                        room.commit(message.len());
                    }
                }
            }
        });
        let mut taken = Vec::new();
        for number in 0..count {
            match number / 2 % 3 {
                0 => {
                    popped!(rx.try_pop_into(&mut taken));
                    assert_eq!(taken, bytes(number));
                }
                1 => {
                    let view = popped!(rx.try_peek(1));
                    let mut part = vec![0; len(number) / 2];
                    view.first().copy_to(len(number) - part.len(), &mut part).unwrap();
                    assert_eq!(part, bytes(number)[len(number) - part.len()..]);
                    view.release(1);
                }
                _ => {
                    let view = popped!(rx.try_peek(1));
                    // SAFETY: the producer writes nothing that was not released.
                    assert_eq!(unsafe { view.first().as_slice() }, bytes(number));
                    view.release(1);
                }
            }
        }
    });
}

#[test]
fn values_that_stand_in_the_front() {
    values::<1>(24);
}

#[test]
fn values_through_reused_room() {
    values::<64>(24);
}

#[test]
fn messages_that_stand_in_the_front() {
    messages(8, 12);
}

#[test]
fn messages_through_reused_room() {
    messages(1016, 9);
}
