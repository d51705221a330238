//! Alarms, for ends whose owner is no task: the waker is called once for what the end waits for, and not for what was disarmed,
//! nothing is armed twice, and a child's does nothing.
//!
//! Owns: what an alarm promises. Knows nothing of: what a waker does.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use shm_ring::{Options, Producer, Ring, is_armed, take_interrupt};
use shm_ring_async::{Alarm, Engine};

use crate::harness::{Child, Home};
use crate::runtimes::{Counter, engines};
use crate::system;

fn small() -> Options {
    Options::new().items(4)
}

fn alarm(engine: &Engine) -> (std::sync::Arc<Counter>, Alarm) {
    let (counter, waker) = Counter::new();
    (counter, Alarm::with_engine(waker, engine).unwrap())
}

#[test]
fn a_record_room_and_an_end_call_the_waker_once() {
    for engine in engines() {
        let (mut tx, mut rx) = Ring::<u64>::pair(&small()).unwrap();
        let ((reads, mut reading), (writes, mut writing)) = (alarm(&engine), alarm(&engine));
        assert!(reading.arm(&rx) && reading.arm(&rx));
        tx.push(1).unwrap();
        reads.until(1);
        assert!(!reading.arm(&rx), "there is a record");
        assert!(!is_armed(&rx, false) && !is_armed(&rx, true));
        assert!(!writing.arm(&tx), "there is room");
        while tx.try_push(2).is_ok() {}
        assert!(writing.arm(&tx));
        while rx.try_pop().is_ok() {}
        writes.until(1);
        assert!(!writing.arm(&tx));
        let before = reads.calls();
        assert!(reading.arm(&rx));
        tx.close();
        reads.until(before + 1);
        assert!(!reading.arm(&rx), "the producer is gone");
    }
}

#[test]
fn nobody_rings_for_an_end_that_was_disarmed_and_its_waker_is_not_called() {
    for engine in engines() {
        let (mut tx, mut rx) = Ring::<u64>::pair(&small()).unwrap();
        let (counter, mut alarm) = alarm(&engine);
        for round in 0..20 {
            assert!(alarm.arm(&rx));
            alarm.disarm(&rx);
            alarm.disarm(&rx);
            assert_eq!(engine.sleepers(), 0);
            let (calls, wakes) = (counter.calls(), tx.stats().wakes_sent);
            tx.push(round).unwrap();
            assert_eq!(tx.stats().wakes_sent, wakes, "rung for");
            std::thread::sleep(Duration::from_millis(1));
            assert_eq!(counter.calls(), calls, "woken");
            assert_eq!(rx.try_pop(), Ok(round));
        }
        assert!(alarm.arm(&rx));
        drop(alarm);
        assert_eq!(engine.sleepers(), 0);
    }
}

#[test]
fn an_idle_end_is_asked_again_by_and_by_and_an_interrupt_is_for_its_owner() {
    for engine in engines() {
        let (tx, rx) = Ring::<u64>::pair(&small()).unwrap();
        let (counter, mut alarm) = alarm(&engine);
        for calls in 1..=3 {
            assert!(alarm.arm(&rx));
            counter.until(calls);
        }
        assert!(alarm.arm(&rx) && is_armed(&rx, true));
        rx.interrupt_handle().interrupt();
        counter.until(4);
        assert!(!alarm.arm(&rx) && take_interrupt(&rx));
        assert!(alarm.arm(&rx));
        // Who is awaited by the same alarm need not be the one who publishes.
        assert!(alarm.arm(&rx.awaited_peer()));
        drop((tx, rx));
    }
}

/// Job: forks while an end is armed.
pub(crate) fn forked_alarms(mut home: Home) {
    for engine in engines() {
        let (mut tx, rx) = Ring::<u64>::pair(&small()).unwrap();
        let (counter, mut alarm) = alarm(&engine);
        assert!(alarm.is_ours() && alarm.arm(&rx));
        let Some(pid) = system::fork() else {
            let fine = catch_unwind(AssertUnwindSafe(|| {
                assert!(!alarm.is_ours() && !alarm.arm(&rx));
                alarm.disarm(&rx);
                let (_, waker) = Counter::new();
                assert!(Alarm::with_engine(waker, &engine).is_err());
                // Its own.
                let (mut tx, rx): (Producer<u64>, _) = Ring::pair(&small()).unwrap();
                assert!(!alarm.arm(&rx), "nobody would wake it");
                drop(alarm);
                let (counter, waker) = Counter::new();
                let mut alarm = Alarm::new(waker);
                assert!(alarm.arm(&rx));
                tx.push(7).unwrap();
                counter.until(1);
            }));
            system::exit_now(i32::from(fine.is_err()));
        };
        assert_eq!(system::wait_for(pid), 0);
        tx.push(8).unwrap();
        counter.until(1);
        assert!(!alarm.arm(&rx));
    }
    home.say("done");
}

#[test]
fn an_alarm_is_of_one_process() {
    let mut child = Child::spawn("forked-alarms", &[]);
    child.expect("done");
    child.finish();
}
