//! The engines' threads: how many there are, that each end is woken and no other, that time ends a sleep, and that nothing is
//! left when an engine or a runtime goes.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use shm_ring::{Consumer, Options, Producer, Ring, Wait, is_armed};
use shm_ring_async::{Async, Engine, Kind};

use crate::harness::{Child, Home, LIMIT, SOON, until, within};
use crate::runtimes::{Counter, block_on, engines};

/// The helper threads of this process.
fn helpers() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    let names = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
    names.filter(|name| name.trim_end() == "shm-ring-async").count()
}

struct Sleeping {
    tx: Producer<u64>,
    rx: Async<Consumer<u64>>,
    counter: Arc<Counter>,
}

fn sleeping(engine: &Engine) -> Sleeping {
    let (tx, rx) = Ring::<u64>::pair(&Options::new().items(2).wait(Wait::PARK)).unwrap();
    let mut rx = Async::with_engine(rx, engine).unwrap();
    let (counter, waker) = Counter::new();
    assert!(rx.poll_pop(&mut Context::from_waker(&waker)).is_pending());
    Sleeping { tx, rx, counter }
}

/// More than one thread can sleep for by futex_waitv: 63 of two words each.
#[test]
fn each_of_many_ends_is_woken_and_no_other() {
    const ENDS: usize = 150;
    for engine in engines() {
        let mut ends: Vec<_> = (0..ENDS).map(|_| sleeping(&engine)).collect();
        // From the last, so that those in full threads come late. A word of each is rung once.
        for at in (0..ENDS).rev() {
            let end = &mut ends[at];
            end.tx.push(at as u64).unwrap();
            end.counter.until(1);
            let waker = std::task::Waker::noop();
            let popped = end.rx.poll_pop(&mut Context::from_waker(waker));
            assert_eq!(popped, Poll::Ready(Ok(at as u64)));
            let woken: Vec<_> =
                ends.iter().enumerate().filter(|(_, e)| e.counter.calls() > 0).collect();
            assert!(woken.len() >= ENDS - at && engine.sleepers() <= at);
            // A second is a long time for a whole round; who slept that long was asked again.
            assert!(woken.iter().all(|(_, end)| end.counter.calls() == 1));
        }
    }
}

/// Job: counts threads of its own while ends sleep, are woken, and are dropped.
pub(crate) fn lingering(mut home: Home) {
    for kind in [Kind::Thread, Kind::IoUring] {
        let engine = match kind {
            Kind::Thread => Engine::thread(),
            _ => match Engine::io_uring() {
                Ok(engine) => engine,
                Err(_) => continue,
            },
        };
        assert_eq!(helpers(), 0);
        let end = sleeping(&engine);
        until("a thread is there", || helpers() == 1);
        drop(end);
        assert_eq!(engine.sleepers(), 0);
        // It goes by itself, and another comes when it is needed.
        until("the thread has gone", || helpers() == 0);
        let ends: Vec<_> = (0..150).map(|_| sleeping(&engine)).collect();
        let most = if kind == Kind::Thread { 3 } else { 1 };
        until("all threads are there", || helpers() == most);
        // An engine outlives its handle as long as an end has it, and sees its threads gone.
        drop(engine);
        let mut ends = ends;
        ends[0].tx.push(1).unwrap();
        ends[0].counter.until(1);
        drop(ends);
        // The kernel shows a thread that was joined for a moment more; one that nobody stops stays for a second.
        let gone = (0..50).any(|_| {
            std::thread::sleep(Duration::from_millis(2));
            helpers() == 0
        });
        assert!(gone, "a thread outlives its engine");
    }
    home.say("done");
}

#[test]
fn a_thread_ends_when_nobody_sleeps_and_with_its_engine() {
    let mut child = Child::spawn("lingering", &[]);
    child.expect("done");
    child.finish();
}

/// A runtime that shuts down drops its tasks in the middle of their waits.
#[test]
fn a_runtime_that_shuts_down_leaves_nothing_armed() {
    for engine in engines() {
        for threads in [false, true] {
            let runtime = match threads {
                false => tokio::runtime::Builder::new_current_thread().build().unwrap(),
                true => {
                    let mut builder = tokio::runtime::Builder::new_multi_thread();
                    builder.worker_threads(2).build().unwrap()
                }
            };
            let (tx, rx) = Ring::<u64>::pair(&Options::new().items(1).wait(Wait::PARK)).unwrap();
            let (back_tx, back_rx) =
                Ring::<u64>::pair(&Options::new().items(1).wait(Wait::PARK)).unwrap();
            let mut rx = Async::with_engine(rx, &engine).unwrap();
            let mut back_tx = Async::with_engine(back_tx, &engine).unwrap();
            runtime.spawn(async move { rx.recv().await });
            runtime.spawn(async move {
                back_tx.send(1).await.unwrap();
                back_tx.send(2).await
            });
            let engine = engine.clone();
            within(LIMIT, "the runtime", move || {
                // A runtime of one thread runs its tasks while it is blocked on something.
                runtime.block_on(async {
                    while engine.sleepers() < 2 {
                        tokio::task::yield_now().await;
                    }
                });
                drop(runtime);
                assert_eq!(engine.sleepers(), 0);
                // They have closed, each in order.
                assert!(tx.is_closed() && back_rx.is_closed());
            });
        }
    }
}

/// An end that nothing rings for looks by itself now and then, and goes on sleeping; its task never hears of more.
#[test]
fn an_idle_end_is_woken_about_once_a_second() {
    for engine in engines() {
        let mut end = sleeping(&engine);
        let start = Instant::now();
        let mut calls = 0;
        while start.elapsed() < Duration::from_millis(2500) {
            std::thread::sleep(Duration::from_millis(10));
            if end.counter.calls() > calls {
                calls = end.counter.calls();
                let waker = end.counter.clone().into();
                assert!(end.rx.poll_pop(&mut Context::from_waker(&waker)).is_pending());
                assert!(is_armed(end.rx.get_ref(), true));
            }
        }
        // The first time after a tenth of a second, then each second: never more often.
        assert!((1..=4).contains(&calls), "{calls}");
        let rings = end.tx.stats().wakes_sent;
        end.tx.push(7).unwrap();
        assert_eq!(end.tx.stats().wakes_sent, rings + 1);
        end.counter.until(calls + 1);
    }
}

/// Each ring is heard, and not only the next look by the clock.
#[test]
fn an_end_that_is_rung_again_and_again_is_woken_by_that() {
    for engine in engines() {
        let mut end = sleeping(&engine);
        let start = Instant::now();
        for n in 1..=100 {
            end.tx.push(n as u64).unwrap();
            end.counter.until(n);
            let waker = end.counter.clone().into();
            let mut cx = Context::from_waker(&waker);
            assert_eq!(end.rx.poll_pop(&mut cx), Poll::Ready(Ok(n as u64)));
            assert!(end.rx.poll_pop(&mut cx).is_pending());
        }
        // A look by the clock comes after a tenth of a second.
        assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
    }
}

/// The helper that sleeps learns of each, and does not find it when its own time is over.
#[test]
fn an_end_that_comes_while_the_helper_sleeps_is_woken_by_its_ring() {
    for engine in engines() {
        let _first = sleeping(&engine);
        let start = Instant::now();
        for _ in 0..100 {
            let mut end = sleeping(&engine);
            // Time for the helper to fall asleep, did it not know of the end.
            std::thread::sleep(Duration::from_millis(1));
            end.tx.push(7).unwrap();
            end.counter.until(1);
        }
        // Its own time is over after a tenth of a second, and then again.
        assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
    }
}

/// Two engines, one after the other: what sleeps in the first is woken by it, and the second begins anew.
#[test]
fn an_end_that_changes_its_engine_loses_no_wake_up() {
    let engines = engines();
    let (mut tx, rx) = Ring::<u64>::pair(&Options::new().wait(Wait::PARK)).unwrap();
    let mut end = Some(rx);
    for round in 0..200 {
        let engine = &engines[round % engines.len()];
        let mut rx = Async::with_engine(end.take().unwrap(), engine).unwrap();
        let (counter, waker) = Counter::new();
        assert!(rx.poll_pop(&mut Context::from_waker(&waker)).is_pending());
        if round % 3 == 0 {
            // Taken away while it sleeps.
            end = Some(rx.into_inner());
            continue;
        }
        tx.push(round as u64).unwrap();
        counter.until(1);
        assert_eq!(block_on(rx.recv()), Ok(round as u64));
        end = Some(rx.into_inner());
    }
    assert!(engines.iter().all(|engine| engine.sleepers() == 0));
}
