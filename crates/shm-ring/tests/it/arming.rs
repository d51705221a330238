//! Arming for somebody else who sleeps: on which words and for how long, what a last look finds, and that the words outlive
//! the end.

use std::time::Duration;

use shm_ring::{
    Armed, Consumer, Interrupt, Latest, MessageRing, Options, Peer, Producer, Region, Ring,
    WaitAnyError, arm, disarm, is_armed, take_interrupt, wait_any,
};

use crate::alone::Fork;
use crate::harness::{Child, Home, Name, until};
use crate::system;

const SLICE: Duration = Duration::from_millis(100);

/// Job: pushes when told.
pub(crate) fn push_and_say(mut home: Home) {
    let options = Options::new().death_notice(home.argument(1) == "notice");
    let mut tx = Producer::<u64>::open_with(home.argument(0), &options).unwrap();
    home.say("here");
    loop {
        match home.hear().as_str() {
            "push" => tx.push(7).unwrap(),
            _ => return,
        }
        home.say("pushed");
    }
}

fn armed(rx: &Consumer<u64>, long: bool) -> Armed {
    arm(rx, long).expect("there is nothing to do")
}

/// The bell and the word that tells of a death, for a second in the long run; without that word for a tenth.
#[test]
fn what_is_slept_on_says_of_a_record_an_end_and_a_death() {
    for (notice, limit) in [("notice", Duration::from_secs(1)), ("none", SLICE)] {
        for end in ["close", "kill"] {
            let name = Name::new("arming");
            let ring = Ring::<u64>::create(name.as_str(), &Options::new()).unwrap();
            let mut rx = ring.consumer().unwrap();
            let mut child = Child::spawn("push-and-say", &[name.as_str(), notice]);
            child.expect("here");
            let first = armed(&rx, false);
            assert_eq!((first.words().count(), first.limit()), (2, SLICE));
            assert_eq!(armed(&rx, true).limit(), limit);
            assert!(is_armed(&rx, false) && !first.is_rung());
            child.say("push");
            child.expect("pushed");
            assert!(first.is_rung() && !first.renewed().is_rung());
            assert!(arm(&rx, false).is_none(), "it is there");
            assert!(!is_armed(&rx, false), "it is awake again");
            assert_eq!(rx.pop(), Ok(7));
            let next = armed(&rx, false);
            if end == "close" {
                child.say("close");
                child.finish();
                assert!(next.is_rung());
            } else {
                child.kill();
                // What tells is the kernel, before it frees the lock.
                assert_eq!(next.is_rung(), notice == "notice");
            }
            assert!(arm(&rx, false).is_none() && !is_armed(&rx, false));
            assert!(rx.pop().is_err());
        }
    }
}

/// Nobody rings for one that is awake.
#[test]
fn who_is_awake_is_not_rung_for() {
    let (mut tx, rx) = Ring::<u64>::pair(&Options::new().items(1)).unwrap();
    let first = armed(&rx, false);
    disarm(&rx);
    let rings = tx.stats().wakes_sent;
    tx.push(1).unwrap();
    assert_eq!(tx.stats().wakes_sent, rings);
    assert!(!first.is_rung());
    // A producer that finds no room is the same.
    assert!(tx.try_push(2).is_err());
    let mut rx = rx;
    let full = arm(&tx, false).expect("there is no room");
    assert!(is_armed(&tx, false));
    rx.pop().unwrap();
    assert!(full.is_rung() && arm(&tx, false).is_none());
}

/// An end that does something else in between is armed for another thing.
#[test]
fn an_end_that_moved_or_slept_by_itself_is_not_armed_any_more() {
    let (mut tx, mut rx) = Ring::<u64>::pair(&Options::new()).unwrap();
    let _first = armed(&rx, false);
    tx.push(1).unwrap();
    rx.pop().unwrap();
    assert!(!is_armed(&rx, false));
    let _second = armed(&rx, false);
    assert!(rx.pop_timeout(Duration::from_millis(1)).is_err());
    assert!(!is_armed(&rx, false));
    // One that only looked is.
    let _third = armed(&rx, false);
    assert!(rx.try_pop().is_err());
    assert!(is_armed(&rx, false));
}

/// A producer is woken at half a ring at first, then by what it needs.
#[test]
fn a_producer_that_waits_long_asks_for_less() {
    let (mut tx, mut rx) = MessageRing::pair(&Options::new().bytes(1024)).unwrap();
    while tx.try_push(&[1; 56]).is_ok() {}
    let first = arm(&tx, false).unwrap();
    rx.pop().unwrap();
    assert!(!first.is_rung());
    assert!(tx.try_push(&[1; 56]).is_ok() && tx.try_push(&[1; 56]).is_err());
    assert!(!is_armed(&tx, true));
    let long = arm(&tx, true).unwrap();
    assert!(is_armed(&tx, true) && !is_armed(&tx, false));
    rx.pop().unwrap();
    assert!(long.is_rung());
}

#[test]
fn an_interrupt_is_heard_and_taken_once() {
    let (_tx, rx) = Ring::<u64>::pair(&Options::new()).unwrap();
    assert!(!take_interrupt(&rx));
    let interrupt: Interrupt = rx.interrupt_handle();
    let asleep = armed(&rx, false);
    assert_eq!(asleep.words().count(), 3);
    interrupt.interrupt();
    assert!(asleep.is_rung());
    assert!(arm(&rx, false).is_none() && !is_armed(&rx, false));
    assert!(take_interrupt(&rx) && !take_interrupt(&rx));
    assert!(arm(&rx, false).is_some());
}

/// Its words can be looked at when the end and the ring are gone.
#[test]
fn what_is_slept_on_outlives_the_end() {
    let (mut tx, rx) = Ring::<u64>::pair(&Options::new()).unwrap();
    let asleep = armed(&rx, false);
    drop(rx);
    assert!(!asleep.is_rung());
    tx.close();
    assert!(asleep.is_rung());
    assert_eq!(asleep.clone().renewed().words().count(), 2);
    let (tx_of, rx) = Ring::<u64>::pair(&Options::new()).unwrap();
    tx = tx_of;
    assert!(arm(&rx, false).is_some());
    drop((tx, rx, asleep));
}

#[test]
fn a_change_of_the_other_side_is_waited_for() {
    let ring = Ring::<u64>::create(Region::memfd("arming"), &Options::new()).unwrap();
    let rx = ring.consumer().unwrap();
    let briefly = Some(Duration::from_millis(1));
    let mut change = rx.awaited_change();
    assert_eq!(wait_any(&mut [&mut change], briefly), Err(WaitAnyError::TimedOut));
    let asleep = arm(&change, false).expect("nobody has come");
    let mut tx = ring.producer().unwrap();
    assert!(asleep.is_rung());
    assert_eq!(wait_any(&mut [&mut change], briefly), Ok(0));
    // A record is no change.
    let mut change = rx.awaited_change();
    let asleep = arm(&change, false).expect("somebody is there as before");
    tx.push(1).unwrap();
    assert!(!asleep.is_rung());
    assert_eq!(wait_any(&mut [&mut change], briefly), Err(WaitAnyError::TimedOut));
    tx.close();
    assert!(asleep.is_rung() && arm(&change, false).is_none());
    assert!(matches!(rx.peer(), Peer::Closed { session: 2 }));
}

/// A reader listens for as long as a millisecond: who writes need not ring.
#[test]
fn a_reader_of_a_latest_value_listens() {
    let latest = Latest::<u64>::create(Region::memfd("arming"), &Options::new()).unwrap();
    let (mut writer, mut reader) = (latest.writer().unwrap(), latest.reader().unwrap());
    let asleep = reader.arm().expect("nothing was written");
    assert_eq!((asleep.words().count(), asleep.limit()), (1, Duration::from_millis(1)));
    writer.write(1);
    assert!(!asleep.is_rung());
    writer.notify();
    assert!(asleep.is_rung() && reader.arm().is_none());
    assert_eq!(reader.read(), Ok(1));
    let asleep = reader.arm().expect("nothing new");
    writer.close();
    assert!(asleep.is_rung() && reader.arm().is_none());
}

/// Job: arms, forks, and has the child try.
pub(crate) fn arm_and_fork(mut home: Home) {
    let (mut tx, rx) = Ring::<u64>::pair(&Options::new()).unwrap();
    let asleep = armed(&rx, false);
    let mut inherited = Some((rx, asleep));
    let child = Fork::new(system::fork, || {
        let (rx, asleep) = inherited.take().unwrap();
        assert!(arm(&rx, false).is_none() && !is_armed(&rx, false));
        disarm(&rx);
        assert!(!take_interrupt(&rx));
        drop((rx, asleep));
    });
    assert!(child.ended().success());
    let (rx, asleep) = inherited.take().unwrap();
    assert!(is_armed(&rx, false));
    tx.push(1).unwrap();
    until("it is rung", || asleep.is_rung());
    home.say("done");
}

#[test]
fn a_child_arms_nothing_that_it_inherits() {
    let mut child = Child::spawn("arm-and-fork", &[]);
    child.expect("done");
    child.finish();
}
