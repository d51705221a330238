//! The other side comes, closes, dies by kill -9 and is followed: a task that sleeps for it learns of each.

use std::sync::mpsc::channel;
use std::task::Context;
use std::time::{Duration, Instant};

use shm_ring::{
    Consumer, Interrupt, MessageProducer, MessageRing, Options, Peer, PopError, Producer,
    PushError, Ring, Wait, is_armed,
};
use shm_ring_async::Async;

use crate::harness::{Child, Home, Name, SOON};
use crate::runtimes::{Counter, block_on, engines, everywhere};

fn options() -> Options {
    Options::new().items(4).wait(Wait::PARK)
}

/// Job: holds a role until told to close, or killed.
pub(crate) fn hold(mut home: Home) {
    let name = home.argument(1).to_owned();
    let notice = options().death_notice(home.argument(2) == "notice");
    if home.argument(0) == "producer" {
        let mut tx = Producer::<u64>::open_or_create(name, &notice).unwrap();
        tx.push(7).unwrap();
        home.say("here");
        home.stay();
    } else {
        let _rx = Consumer::<u64>::open_or_create(name, &notice).unwrap();
        home.say("here");
        home.stay();
    }
}

fn holder(role: &str, name: &Name, notice: &str) -> Child {
    let mut child = Child::spawn("hold", &[role, name.as_str(), notice]);
    child.expect("here");
    child
}

/// Kills `child` while the task sleeps.
fn kill_soon(mut child: Child) -> std::thread::JoinHandle<Instant> {
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(30));
        let killed = Instant::now();
        child.kill();
        killed
    })
}

/// With the kernel's notice, and without it, when only a look at the lock tells.
#[test]
fn a_receiver_learns_that_its_producer_was_killed() {
    for notice in ["notice", "none"] {
        everywhere(|engine| {
            let (name, engine) = (Name::new("peers"), engine.clone());
            let child = holder("producer", &name, notice);
            Box::pin(async move {
                let rx = Consumer::<u64>::open_with(name.as_str(), &options()).unwrap();
                let mut rx = Async::with_engine(rx, &engine).unwrap();
                assert_eq!(rx.recv().await, Ok(7));
                let killed = kill_soon(child);
                assert_eq!(rx.recv().await, Err(PopError::PeerDead));
                assert!(killed.join().unwrap().elapsed() < SOON);
                // The next one is waited for, and goes on in the same ring.
                // A child dies with the thread that started it.
                let (end, ended) = channel::<()>();
                let next = std::thread::spawn(move || {
                    let child = holder("producer", &name, notice);
                    let _ = ended.recv();
                    drop((child, name));
                });
                let peer = rx.wait_for_peer().await;
                assert!(matches!(peer, Peer::Alive { session: 3, .. }), "{peer:?}");
                assert_eq!(rx.recv().await, Ok(7));
                drop(end);
                next.join().unwrap();
            })
        });
    }
}

#[test]
fn a_sender_learns_that_its_consumer_was_killed() {
    for notice in ["notice", "none"] {
        everywhere(|engine| {
            let (name, engine) = (Name::new("peers"), engine.clone());
            let child = holder("consumer", &name, notice);
            Box::pin(async move {
                let tx = Producer::<u64>::open_with(name.as_str(), &options()).unwrap();
                let mut tx = Async::with_engine(tx, &engine).unwrap();
                for n in 0..4 {
                    tx.send(n).await.unwrap();
                }
                let killed = kill_soon(child);
                assert_eq!(tx.send(4).await, Err(PushError::PeerDead));
                assert!(killed.join().unwrap().elapsed() < SOON);
            })
        });
    }
}

/// Each change of the other side, whatever is unread.
#[test]
fn a_change_of_the_other_side_is_told() {
    for notice in ["notice", "none"] {
        everywhere(|engine| {
            let (name, engine) = (Name::new("peers"), engine.clone());
            Box::pin(async move {
                let rx = Consumer::<u64>::open_or_create(name.as_str(), &options()).unwrap();
                let mut rx = Async::with_engine(rx, &engine).unwrap();
                let known = rx.peer();
                assert_eq!(known, Peer::Absent);
                let (end, ended) = channel::<()>();
                // A child dies with the thread that started it.
                let child = std::thread::spawn(move || {
                    let mut child = holder("producer", &name, notice);
                    ended.recv().unwrap();
                    std::thread::sleep(Duration::from_millis(30));
                    let killed = Instant::now();
                    child.kill();
                    (killed, name)
                });
                let mut known = rx.peer_changed(known).await;
                while !matches!(known, Peer::Alive { session: 1, .. }) {
                    known = rx.peer_changed(known).await;
                }
                end.send(()).unwrap();
                let mut dead = rx.peer_changed(known).await;
                assert!(matches!(dead, Peer::Dead { session: 1, .. }), "{dead:?}");
                let (killed, _name) = child.join().unwrap();
                assert!(killed.elapsed() < SOON);
                while !matches!(dead, Peer::Dead { released: true, .. }) {
                    dead = rx.peer_changed(dead).await;
                }
                // What it had published is there all the same.
                assert_eq!(rx.recv().await, Ok(7));
            })
        });
    }
}

/// A producer of messages that sleeps for more room than comes at first gets it once it has waited for a while, although
/// that is less than half of the ring.
#[test]
fn a_sender_that_waits_long_is_woken_by_the_room_that_it_needs() {
    for engine in engines() {
        let (tx, mut rx) = MessageRing::pair(&Options::new().bytes(1024).wait(Wait::PARK)).unwrap();
        let mut tx = Async::<MessageProducer>::with_engine(tx, &engine).unwrap();
        block_on(async {
            for _ in 0..16 {
                tx.send(&[1; 56]).await.unwrap();
            }
        });
        let popping = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(5));
            rx.pop().unwrap();
            rx
        });
        // One has been taken of sixteen.
        block_on(tx.send(&[2; 56])).unwrap();
        popping.join().unwrap();
    }
}

/// And asks for just that from then on.
#[test]
fn a_sender_that_waits_long_asks_for_less() {
    for engine in engines() {
        let (mut tx, _rx) =
            MessageRing::pair(&Options::new().bytes(1024).wait(Wait::PARK)).unwrap();
        while tx.try_push(&[1; 56]).is_ok() {}
        let mut tx = Async::with_engine(tx, &engine).unwrap();
        let (counter, waker) = Counter::new();
        let mut cx = Context::from_waker(&waker);
        assert!(tx.poll_push(&mut cx, &[2; 56]).is_pending());
        assert!(is_armed(tx.get_ref(), false) && !is_armed(tx.get_ref(), true));
        counter.until(1);
        assert!(tx.poll_push(&mut cx, &[2; 56]).is_pending());
        assert!(is_armed(tx.get_ref(), true) && !is_armed(tx.get_ref(), false));
    }
}

/// A handle that was given out before ends the wait of a task.
#[test]
fn a_wait_of_a_task_is_interrupted() {
    for engine in engines() {
        let (tx, rx) = Ring::<u64>::pair(&options()).unwrap();
        let interrupts: Vec<Interrupt> = vec![rx.interrupt_handle(), tx.interrupt_handle()];
        let mut rx = Async::with_engine(rx, &engine).unwrap();
        let mut tx = Async::with_engine(tx, &engine).unwrap();
        let soon = |which: usize| {
            let interrupt = interrupts[which].clone();
            std::thread::spawn(move || {
                std::thread::sleep(Duration::from_millis(20));
                interrupt.interrupt();
            })
        };
        let interrupting = soon(0);
        assert_eq!(block_on(rx.recv()), Err(PopError::Interrupted));
        interrupting.join().unwrap();
        let (known, interrupting) = (rx.peer(), soon(0));
        assert_eq!(block_on(rx.peer_changed(known)), known);
        interrupting.join().unwrap();
        while tx.get_mut().try_push(1).is_ok() {}
        let interrupting = soon(1);
        assert_eq!(block_on(tx.send(2)), Err(PushError::Interrupted));
        interrupting.join().unwrap();
        // What is there comes first, and one interrupt ends one wait.
        interrupts.iter().for_each(Interrupt::interrupt);
        assert_eq!(block_on(rx.recv()), Ok(1));
        assert_eq!(block_on(tx.send(2)), Ok(()));
        assert_eq!(block_on(tx.send(3)), Err(PushError::Interrupted));
        interrupts[1].interrupt();
        drop(rx);
        assert_eq!(block_on(tx.send(3)), Err(PushError::Closed));
        assert!(matches!(block_on(tx.wait_for_peer()), Peer::Closed { .. }));
    }
}
