//! A forked child: the ends and the engines that it inherits are refused to it, it can drop them, and its own ones work.

use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{Context, Poll};

use shm_ring::{Consumer, MessageProducer, MessageRing, Options, PopError, PushError, Ring, Wait};
use shm_ring_async::{Async, Engine};

use crate::harness::{Child, Home};
use crate::runtimes::{Counter, block_on, engines};
use crate::system;

/// Job: forks while ends sleep.
pub(crate) fn forked(mut home: Home) {
    for engine in engines() {
        let (mut tx, rx) = Ring::<u64>::pair(&Options::new().wait(Wait::PARK)).unwrap();
        let (sender, _rx) = MessageRing::pair(&Options::new().bytes(64).wait(Wait::PARK)).unwrap();
        let mut rx = Async::with_engine(rx, &engine).unwrap();
        let mut global = Async::new(sender);
        block_on(global.send(&[1; 40])).unwrap();
        let (counter, waker) = Counter::new();
        let mut cx = Context::from_waker(&waker);
        assert!(rx.poll_pop(&mut cx).is_pending());
        assert!(global.poll_push(&mut cx, &[2; 40]).is_pending());
        let mut inherited = Some((rx, global));
        let in_child = |inherited: &mut Option<_>, engine: Engine| {
            let (counter, waker) = Counter::new();
            let mut cx = Context::from_waker(&waker);
            let (mut inherited_rx, mut global): (Async<Consumer<u64>>, Async<MessageProducer>) =
                inherited.take().unwrap();
            assert_eq!(inherited_rx.poll_pop(&mut cx), Poll::Ready(Err(PopError::Forked)));
            assert_eq!(global.poll_push(&mut cx, &[2; 40]), Poll::Ready(Err(PushError::Forked)));
            // Nothing changes here, and it does not wait for that.
            let known = inherited_rx.peer();
            assert_eq!(block_on(inherited_rx.peer_changed(known)), known);
            assert_eq!(engine.sleepers(), 0);
            let (tx, _rx) = Ring::<u64>::pair(&Options::new().wait(Wait::PARK)).unwrap();
            let refused = Async::with_engine(tx, &engine).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::PermissionDenied);
            assert!(refused.to_string().contains("forked"));
            drop((inherited_rx, global, engine));
            // Its own.
            for engine in [Engine::of_process(), Engine::thread()] {
                let (mut tx, rx) = Ring::<u64>::pair(&Options::new().wait(Wait::PARK)).unwrap();
                let mut rx = Async::with_engine(rx, &engine).unwrap();
                let before = counter.calls();
                assert!(rx.poll_pop(&mut cx).is_pending());
                // Unless its time was over already.
                assert!(engine.sleepers() == 1 || counter.calls() > before);
                tx.push(7).unwrap();
                counter.until(before + 1);
                assert_eq!(rx.poll_pop(&mut cx), Poll::Ready(Ok(7)));
            }
        };
        let Some(pid) = system::fork() else {
            // A panic would end one thread, and the process with it in order: it has no other.
            let fine = catch_unwind(AssertUnwindSafe(|| in_child(&mut inherited, engine)));
            system::exit_now(i32::from(fine.is_err()));
        };
        assert_eq!(system::wait_for(pid), 0);
        // The parent's sleep on, and are woken.
        let (mut rx, _global) = inherited.take().unwrap();
        tx.push(8).unwrap();
        counter.until(1);
        assert_eq!(rx.poll_pop(&mut cx), Poll::Ready(Ok(8)));
        let pushing = std::thread::spawn(move || {
            std::thread::sleep(std::time::Duration::from_millis(5));
            tx.push(9).unwrap();
        });
        assert_eq!(block_on(rx.recv()), Ok(9));
        pushing.join().unwrap();
    }
    home.say("done");
}

#[test]
fn what_a_child_inherits_is_refused_and_its_own_works() {
    let mut child = Child::spawn("forked", &[]);
    child.expect("done");
    child.finish();
}
