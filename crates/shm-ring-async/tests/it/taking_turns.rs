//! A ring that is never empty keeps no task of the same thread from its turn.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_core::Stream;
use shm_ring::{Options, Ring};
use shm_ring_async::Async;

use crate::runtimes::everywhere;

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
                        std::task::Poll::Ready(Some(Ok(n))) => {
                            assert_eq!(n, taken);
                            taken += 1;
                            run += 1;
                            longest = longest.max(run);
                            if taken == COUNT {
                                return std::task::Poll::Ready(());
                            }
                        }
                        std::task::Poll::Ready(other) => panic!("{other:?}"),
                        std::task::Poll::Pending => {
                            run = 0;
                            turns.fetch_add(1, Ordering::Relaxed);
                            return std::task::Poll::Pending;
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
                        return std::task::Poll::Pending;
                    }
                    sent += 1;
                }
                std::task::Poll::Ready(())
            })
            .await;
            assert!(turns >= COUNT / TURN - 1, "{turns}");
            assert!(rx.try_iter().map(Result::unwrap).eq(0..COUNT));
        })
    });
}
