//! The engine in tokio's reactor: in the runtime whose thread it shares, beyond the end of that runtime, and where there is none.

use std::task::{Context, Poll};
use std::time::Duration;

use shm_ring::{Options, Ring, Wait};
use shm_ring_async::{Async, Engine, Kind};
use tokio::runtime::{Builder, Runtime};

use crate::harness::{LIMIT, within};
use crate::runtimes::{Counter, block_on};

/// None where there is no io_uring.
fn engine(runtime: &Runtime) -> Option<Engine> {
    let _entered = runtime.enter();
    Engine::tokio().ok()
}

fn one_thread() -> Runtime {
    Builder::new_current_thread().enable_io().build().unwrap()
}

fn threads() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_io().build().unwrap()
}

fn parked() -> Options {
    Options::new().items(4).wait(Wait::PARK)
}

/// Each waits for the other, and one thread sleeps for both.
#[test]
fn two_tasks_of_the_runtime_converse() {
    for runtime in [one_thread(), threads()] {
        let Some(engine) = engine(&runtime) else { return };
        assert_eq!(engine.kind(), Kind::Tokio);
        within(LIMIT, "the conversation", move || {
            let (there, echo_rx) = Ring::<u64>::pair(&parked()).unwrap();
            let (echo_tx, back) = Ring::<u64>::pair(&parked()).unwrap();
            let mut echo_rx = Async::with_engine(echo_rx, &engine).unwrap();
            let mut echo_tx = Async::with_engine(echo_tx, &engine).unwrap();
            let mut there = Async::with_engine(there, &engine).unwrap();
            let mut back = Async::with_engine(back, &engine).unwrap();
            runtime.block_on(async move {
                let echoing = tokio::spawn(async move {
                    while let Ok(item) = echo_rx.recv().await {
                        echo_tx.send(item + 1).await.unwrap();
                    }
                });
                for n in 0..2000 {
                    there.send(n).await.unwrap();
                    assert_eq!(back.recv().await, Ok(n + 1));
                }
                drop(there);
                echoing.await.unwrap();
            });
            assert_eq!(engine.sleepers(), 0);
        });
    }
}

/// A thread rings for a task whose runtime has nothing else to do, again and again.
#[test]
fn a_runtime_that_sleeps_is_woken_by_the_ring() {
    for runtime in [one_thread(), threads()] {
        let Some(engine) = engine(&runtime) else { return };
        within(LIMIT, "the runtime", move || {
            let (mut tx, rx) = Ring::<u64>::pair(&parked()).unwrap();
            let mut rx = Async::with_engine(rx, &engine).unwrap();
            let pushing = std::thread::spawn(move || {
                for n in 0..500 {
                    std::thread::sleep(Duration::from_micros(200));
                    tx.push(n).unwrap();
                }
            });
            runtime.block_on(async move {
                for n in 0..500 {
                    assert_eq!(rx.recv().await, Ok(n));
                }
            });
            pushing.join().unwrap();
        });
    }
}

/// What sleeps in it sleeps on, by a thread, when the runtime ends; and so does what goes to sleep after that.
#[test]
fn an_end_outlives_the_runtime_that_slept_for_it() {
    for runtime in [one_thread(), threads()] {
        let Some(engine) = engine(&runtime) else { return };
        let (mut tx, rx) = Ring::<u64>::pair(&parked()).unwrap();
        let mut rx = Async::with_engine(rx, &engine).unwrap();
        let (counter, waker) = Counter::new();
        let mut cx = Context::from_waker(&waker);
        assert!(rx.poll_pop(&mut cx).is_pending());
        // The task has its first turn.
        runtime.block_on(tokio::task::yield_now());
        assert_eq!(engine.sleepers(), 1);
        drop(runtime);
        assert_eq!(engine.sleepers(), 1);
        tx.push(1).unwrap();
        counter.until(1);
        assert_eq!(rx.poll_pop(&mut cx), Poll::Ready(Ok(1)));
        assert!(rx.poll_pop(&mut cx).is_pending());
        tx.push(2).unwrap();
        counter.until(2);
        assert_eq!(rx.poll_pop(&mut cx), Poll::Ready(Ok(2)));
    }
}

/// A runtime that has ended takes no task.
#[test]
fn an_end_that_goes_to_sleep_after_the_runtime_is_woken() {
    for runtime in [one_thread(), threads()] {
        let Some(engine) = engine(&runtime) else { return };
        drop(runtime);
        let (mut tx, rx) = Ring::<u64>::pair(&parked()).unwrap();
        let mut rx = Async::with_engine(rx, &engine).unwrap();
        let pushing = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(20));
            tx.push(1).unwrap();
        });
        assert_eq!(within(LIMIT, "the wait", move || block_on(rx.recv())), Ok(1));
        pushing.join().unwrap();
    }
}

/// More ends than one ring has entries, all rung at once.
#[test]
fn many_ends_sleep_in_one_runtime() {
    let runtime = one_thread();
    let Some(engine) = engine(&runtime) else { return };
    let (producers, consumers): (Vec<_>, Vec<_>) =
        (0..300).map(|_| Ring::<u64>::pair(&parked()).unwrap()).unzip();
    let pushing = std::thread::spawn({
        let engine = engine.clone();
        let mut producers = producers;
        move || {
            while engine.sleepers() < 300 {
                std::thread::sleep(Duration::from_millis(1));
            }
            producers.iter_mut().for_each(|tx| tx.push(7).unwrap());
            producers
        }
    });
    within(LIMIT, "the tasks", move || {
        runtime.block_on(async {
            let tasks: Vec<_> = consumers
                .into_iter()
                .map(|rx| {
                    let mut rx = Async::with_engine(rx, &engine).unwrap();
                    tokio::spawn(async move { rx.recv().await })
                })
                .collect();
            for task in tasks {
                assert_eq!(task.await.unwrap(), Ok(7));
            }
        });
        assert_eq!(engine.sleepers(), 0);
    });
    drop(pushing.join().unwrap());
}

#[test]
fn without_a_runtime_there_is_an_error_that_says_so() {
    if Engine::io_uring().is_ok() {
        let error = Engine::tokio().unwrap_err();
        assert!(error.to_string().contains("runtime"), "{error}");
    }
}
