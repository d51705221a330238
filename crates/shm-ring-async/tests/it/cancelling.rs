//! Futures that are dropped after each poll: nothing is lost or sent twice, nothing stays armed, and no waker is kept.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use shm_ring::{
    Consumer, ItemLayout, Latest, MessageRing, Options, Producer, Region, Ring, UntypedRing, Wait,
    is_armed,
};
use shm_ring_async::{Async, Engine};

use crate::forms;
use crate::harness::{Child, Name, until};
use crate::runtimes::{Counter, engines, poll_once};

/// Polls once by a waker that counts, and drops the future. Whoever keeps the waker then would be found.
fn poll_and_drop<F: Future>(engine: &Engine, future: F) -> Poll<F::Output> {
    let (counter, waker) = Counter::new();
    let answer = {
        let mut future = pin!(future);
        let answer = future.as_mut().poll(&mut Context::from_waker(&waker));
        if answer.is_pending() {
            // Or it was the others' turn, and then it is to be polled at once.
            assert!(engine.sleepers() == 1 || counter.calls() == 1, "it did not go to sleep");
        }
        answer
    };
    assert_eq!(engine.sleepers(), 0, "it sleeps on");
    drop(waker);
    assert_eq!(Arc::strong_count(&counter), 1, "somebody keeps the waker");
    answer
}

/// Every future of a consumer that finds nothing.
#[test]
fn a_receiver_that_is_dropped_leaves_nothing_armed() {
    for engine in engines() {
        let (tx, rx) = Ring::<u64>::pair(&Options::new().wait(Wait::PARK)).unwrap();
        let mut rx = Async::with_engine(rx, &engine).unwrap();
        let mut items = Vec::new();
        assert!(poll_and_drop(&engine, rx.recv()).is_pending());
        assert!(!is_armed(rx.get_ref(), false));
        let mut item = 5;
        assert!(poll_and_drop(&engine, rx.recv_into(&mut item)).is_pending());
        assert_eq!(item, 5);
        assert!(!is_armed(rx.get_ref(), false));
        assert!(poll_and_drop(&engine, rx.recv_many(&mut items, 8)).is_pending());
        assert!(!is_armed(rx.get_ref(), false));
        assert!(poll_and_drop(&engine, rx.readable()).is_pending());
        assert!(!is_armed(rx.get_ref(), false));
        let known = rx.peer();
        assert!(poll_and_drop(&engine, rx.peer_changed(known)).is_pending());
        assert!(!is_armed(rx.get_ref(), false));
        // Nobody rings for it.
        let rings = tx.stats().wakes_sent;
        let mut tx = tx;
        tx.push(1).unwrap();
        assert_eq!(tx.stats().wakes_sent, rings);

        let (_tx, rx) = MessageRing::pair(&Options::new().wait(Wait::PARK)).unwrap();
        let mut rx = Async::with_engine(rx, &engine).unwrap();
        let (mut message, mut many) = (Vec::new(), Vec::new());
        assert!(poll_and_drop(&engine, rx.recv()).is_pending());
        assert!(poll_and_drop(&engine, rx.recv_into(&mut message)).is_pending());
        assert!(poll_and_drop(&engine, rx.recv_many(&mut many, 2)).is_pending());
        assert!(poll_and_drop(&engine, rx.readable()).is_pending());
        assert!(!is_armed(rx.get_ref(), false));

        let item = ItemLayout { size: 3, align: 1, schema: 0 };
        let (_tx, rx) = UntypedRing::pair(item, &Options::new().wait(Wait::PARK)).unwrap();
        let mut rx = Async::with_engine(rx, &engine).unwrap();
        assert!(poll_and_drop(&engine, rx.recv(&mut [0; 3])).is_pending());
        assert!(poll_and_drop(&engine, rx.recv_many(&mut [0; 9])).is_pending());
        assert!(!is_armed(rx.get_ref(), false));

        let latest = Latest::<u64>::create(Region::memfd("cancel"), &Options::new()).unwrap();
        let _writer = latest.writer().unwrap();
        let mut reader = Async::with_engine(latest.reader().unwrap(), &engine).unwrap();
        assert!(poll_and_drop(&engine, reader.changed()).is_pending());
        assert!(poll_and_drop(&engine, reader.next_value()).is_pending());
    }
}

/// Every future of a producer that finds no room, and one that waits for somebody.
#[test]
fn a_sender_that_is_dropped_leaves_nothing_armed_and_sends_nothing() {
    for engine in engines() {
        let (mut tx, mut rx) =
            Ring::<u64>::pair(&Options::new().items(2).wait(Wait::PARK)).unwrap();
        assert_eq!(tx.try_push_slice(&[1, 2]), Ok(2));
        let mut tx = Async::with_engine(tx, &engine).unwrap();
        assert!(poll_and_drop(&engine, tx.send(3)).is_pending());
        assert!(!is_armed(tx.get_ref(), false));
        assert!(poll_and_drop(&engine, tx.send_from(&3)).is_pending());
        assert!(poll_and_drop(&engine, tx.send_slice(&[3, 4])).is_pending());
        assert!(poll_and_drop(&engine, tx.writable(1)).is_pending());
        assert!(!is_armed(tx.get_ref(), false));
        assert_eq!((rx.pop(), rx.pop()), (Ok(1), Ok(2)));
        assert!(rx.try_pop().is_err());

        let (mut tx, mut rx) =
            MessageRing::pair(&Options::new().bytes(64).wait(Wait::PARK)).unwrap();
        tx.push(&[1; 40]).unwrap();
        let mut tx = Async::with_engine(tx, &engine).unwrap();
        assert!(poll_and_drop(&engine, tx.send(&[2; 40])).is_pending());
        assert!(
            poll_and_drop(&engine, tx.send_vectored(&[[2; 20].as_slice(), &[2; 20]])).is_pending()
        );
        assert!(poll_and_drop(&engine, tx.writable(40)).is_pending());
        assert!(!is_armed(tx.get_ref(), false));
        assert_eq!(rx.pop().unwrap(), [1; 40]);
        assert!(rx.try_pop().is_err());

        let ring =
            Ring::<u64>::create(Region::memfd("cancel"), &Options::new().wait(Wait::PARK)).unwrap();
        let mut tx = Async::with_engine(ring.producer().unwrap(), &engine).unwrap();
        assert!(poll_and_drop(&engine, tx.wait_for_peer()).is_pending());
        assert!(!is_armed(tx.get_ref(), false));
    }
}

/// A poll by hand that nobody follows: the end stays armed until it rises, and then nobody rings.
#[test]
fn an_end_that_was_polled_rises() {
    for engine in engines() {
        let (mut tx, rx) = Ring::<u64>::pair(&Options::new().wait(Wait::PARK)).unwrap();
        let mut rx = Async::with_engine(rx, &engine).unwrap();
        let (counter, waker) = Counter::new();
        assert!(rx.poll_pop(&mut Context::from_waker(&waker)).is_pending());
        assert!(is_armed(rx.get_ref(), false));
        rx.rise();
        assert!(!is_armed(rx.get_ref(), false));
        let (rings, calls) = (tx.stats().wakes_sent, counter.calls());
        tx.push(1).unwrap();
        assert_eq!((tx.stats().wakes_sent, engine.sleepers()), (rings, 0));
        assert_eq!(counter.calls(), calls);
        drop(waker);
        assert_eq!(Arc::strong_count(&counter), 1);
        // And it goes to sleep again as before.
        let (counter, waker) = Counter::new();
        let mut cx = Context::from_waker(&waker);
        assert_eq!(rx.poll_pop(&mut cx), Poll::Ready(Ok(1)));
        assert!(rx.poll_pop(&mut cx).is_pending());
        tx.push(2).unwrap();
        counter.until(1);
        assert_eq!(rx.into_inner().try_pop(), Ok(2));
    }
}

/// Each future is dropped after one poll, whatever came of it, beside a producer in another process.
#[test]
fn nothing_is_lost_by_a_receiver_that_is_dropped_after_each_poll() {
    for engine in engines() {
        let name = Name::new("cancel");
        let options = Options::new().items(16).wait(Wait::PARK);
        let child = Child::spawn("push-numbers", &[name.as_str()]);
        let rx = Consumer::<u64>::open_or_create(name.as_str(), &options).unwrap();
        let mut rx = Async::with_engine(rx, &engine).unwrap();
        let (mut next, mut many) = (0, Vec::new());
        until("all was received", || {
            let taken = match next % 2 {
                0 => poll_and_drop(&engine, rx.recv()).map_ok(|n| many.push(n)),
                _ => poll_and_drop(&engine, rx.recv_many(&mut many, 3)).map_ok(|_| ()),
            };
            if let Poll::Ready(taken) = taken {
                taken.unwrap();
            }
            for n in many.drain(..) {
                assert_eq!(n, next);
                next += 1;
            }
            next == forms::COUNT
        });
        child.finish();
    }
}

#[test]
fn nothing_is_sent_twice_by_a_sender_that_is_dropped_after_each_poll() {
    for engine in engines() {
        let name = Name::new("cancel");
        let options = Options::new().items(16).wait(Wait::PARK);
        let mut child = Child::spawn("pop-numbers", &[name.as_str()]);
        let tx = Producer::<u64>::open_or_create(name.as_str(), &options).unwrap();
        let mut tx = Async::with_engine(tx, &engine).unwrap();
        let mut next = 0;
        until("all was sent", || {
            if let Poll::Ready(sent) = poll_and_drop(&engine, tx.send(next)) {
                sent.unwrap();
                next += 1;
            }
            next == forms::COUNT
        });
        drop(tx);
        child.expect("all");
        child.finish();
    }
}

/// A task that is polled again by another waker, as in `select!`: the last one is called.
#[test]
fn the_waker_of_the_last_poll_is_called() {
    for engine in engines() {
        let (mut tx, rx) = Ring::<u64>::pair(&Options::new().wait(Wait::PARK)).unwrap();
        let mut rx = Async::with_engine(rx, &engine).unwrap();
        let mut future = pin!(rx.recv());
        let (first, waker) = Counter::new();
        assert!(future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        let (second, waker) = Counter::new();
        assert!(future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        let calls = first.calls();
        tx.push(7).unwrap();
        second.until(1);
        assert_eq!(first.calls(), calls);
        assert_eq!(poll_once(future), Poll::Ready(Ok(7)));
    }
}

/// The end's own calls change what it is armed for: the next poll arms it anew.
#[test]
fn a_call_of_the_end_itself_between_two_polls_loses_no_wake_up() {
    for engine in engines() {
        let (mut tx, rx) = Ring::<u64>::pair(&Options::new().wait(Wait::PARK)).unwrap();
        let mut rx = Async::with_engine(rx, &engine).unwrap();
        for round in 0..20 {
            let (counter, waker) = Counter::new();
            let mut cx = Context::from_waker(&waker);
            assert!(rx.poll_pop(&mut cx).is_pending());
            if round % 2 == 0 {
                // It moves on.
                tx.push(1).unwrap();
                assert_eq!(rx.get_mut().try_pop(), Ok(1));
            } else {
                // It sleeps by itself, and is awake then.
                assert!(rx.get_mut().pop_timeout(Duration::from_millis(1)).is_err());
            }
            let before = counter.calls();
            assert!(rx.poll_pop(&mut cx).is_pending());
            assert!(is_armed(rx.get_ref(), false), "nobody will ring");
            tx.push(2).unwrap();
            until("the waker is called", || counter.calls() > before);
            assert_eq!(rx.poll_pop(&mut cx), Poll::Ready(Ok(2)));
        }
    }
}
