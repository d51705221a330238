//! A ring that is never empty keeps no task of the same thread from its turn.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use futures_core::Stream;
use shm_ring::{Consumer, Options, Ring, Wait};
use shm_ring_async::Async;

use crate::runtimes::{Counter, engines, everywhere};

/// As many as one turn may take.
const TURN: u64 = 128;
const COUNT: u64 = 4096;

#[test]
fn a_task_with_much_to_read_lets_others_have_their_turn() {
    everywhere(|engine| {
        let (mut tx, rx) = Ring::<u64>::pair(&Options::new().items(COUNT as usize)).unwrap();
        tx.push_batch(0..COUNT).unwrap();
        let mut records = Async::with_engine(rx, engine).unwrap().into_records();
        let turns = Arc::new(AtomicU64::new(0));
        // Polls the stream without a break, and counts how often it was not ready although there was something.
        Box::pin(async move {
            let mut taken = 0;
            let mut longest = 0;
            let mut run = 0;
            poll_fn(|cx| {
                loop {
                    match Pin::new(&mut records).poll_next(cx) {
                        Poll::Ready(Some(Ok(n))) => {
                            assert_eq!(n, taken);
                            taken += 1;
                            run += 1;
                            longest = longest.max(run);
                            if taken == COUNT {
                                return Poll::Ready(());
                            }
                        }
                        Poll::Ready(other) => panic!("{other:?}"),
                        Poll::Pending => {
                            run = 0;
                            turns.fetch_add(1, Ordering::Relaxed);
                            return Poll::Pending;
                        }
                    }
                }
            })
            .await;
            assert!(longest <= TURN, "{longest} in one turn");
            assert!(turns.load(Ordering::Relaxed) >= COUNT / TURN - 1);
        })
    });
}

/// The same for a producer.
#[test]
fn a_task_with_much_to_write_lets_others_have_their_turn() {
    everywhere(|engine| {
        let (tx, mut rx) = Ring::<u64>::pair(&Options::new().items(COUNT as usize)).unwrap();
        let mut tx = Async::with_engine(tx, engine).unwrap();
        Box::pin(async move {
            let (mut sent, mut turns) = (0, 0);
            poll_fn(|cx| {
                while sent < COUNT {
                    if tx.poll_push(cx, &sent).is_pending() {
                        turns += 1;
                        return Poll::Pending;
                    }
                    sent += 1;
                }
                Poll::Ready(())
            })
            .await;
            assert!(turns >= COUNT / TURN - 1, "{turns}");
            assert!(rx.try_iter().map(Result::unwrap).eq(0..COUNT));
        })
    });
}

/// Between turns of the others, as often as is worth it and not for ever; at once if it is not to spin, or has slept and was
/// given nothing since.
#[test]
fn an_end_that_spins_looks_some_more_before_it_sleeps() {
    for engine in engines() {
        let (mut tx, rx) = Ring::<u64>::pair(&Options::new().wait(Wait::BALANCED)).unwrap();
        let mut rx = Async::with_engine(rx, &engine).unwrap();
        let (counter, waker) = Counter::new();
        let mut cx = Context::from_waker(&waker);
        let mut looks_until_asleep = |rx: &mut Async<Consumer<u64>>| {
            let before = counter.calls();
            let mut looks = 0;
            while engine.sleepers() == 0 {
                assert!(looks < 1000, "it never sleeps");
                assert!(rx.poll_pop(&mut cx).is_pending());
                looks += 1;
            }
            // Each but the last has its task polled again.
            assert_eq!(counter.calls() - before, looks - 1);
            looks
        };
        let first = looks_until_asleep(&mut rx);
        assert!(first > 1);
        rx.rise();
        assert_eq!(looks_until_asleep(&mut rx), 1, "it has slept, and got nothing");
        rx.rise();
        tx.push(7).unwrap();
        assert_eq!(rx.poll_pop(&mut Context::from_waker(&waker)), Poll::Ready(Ok(7)));
        assert_eq!(looks_until_asleep(&mut rx), first);
        rx.rise();
        tx.push(8).unwrap();
        assert_eq!(rx.poll_pop(&mut Context::from_waker(&waker)), Poll::Ready(Ok(8)));
        rx.set_looks(3);
        assert_eq!(looks_until_asleep(&mut rx), 4);
        rx.rise();
        tx.push(9).unwrap();
        assert_eq!(rx.poll_pop(&mut Context::from_waker(&waker)), Poll::Ready(Ok(9)));
        rx.get_mut().set_wait(Wait::PARK);
        assert_eq!(looks_until_asleep(&mut rx), 1, "it is not to spin");
    }
}
