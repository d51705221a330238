//! Sandboxes: where io_uring is refused there is the other engine, and where futexes are, tasks are woken all the same.

use std::time::Duration;

use shm_ring::{Options, Ring, Wait};
use shm_ring_async::{Async, Engine, Kind};

use crate::harness::{Child, Home};
use crate::runtimes::{Runtime, Task, engines};
use crate::system;

const URING: &[libc::c_long] =
    &[libc::SYS_io_uring_setup, libc::SYS_io_uring_enter, libc::SYS_io_uring_register];

/// Two tasks that answer each other, each asleep while the other has the turn.
fn conversation(engine: &Engine) -> Task {
    let options = Options::new().items(4).wait(Wait::PARK);
    let (there, mut echo_rx) = Ring::<u64>::pair(&options).unwrap();
    let (mut echo_tx, back) = Ring::<u64>::pair(&options).unwrap();
    let echoing = std::thread::spawn(move || {
        for item in echo_rx.iter() {
            std::thread::sleep(Duration::from_micros(300));
            echo_tx.push(item.unwrap() + 1).unwrap();
        }
    });
    let mut there = Async::with_engine(there, engine).unwrap();
    let mut back = Async::with_engine(back, engine).unwrap();
    Box::pin(async move {
        for n in 0..50 {
            there.send(n).await.unwrap();
            assert_eq!(back.recv().await, Ok(n + 1));
        }
        drop(there);
        echoing.join().unwrap();
    })
}

/// Job: converses where something is refused, before or after the engines are made.
pub(crate) fn sandboxed(mut home: Home) {
    let (what, late) = (home.argument(0).to_owned(), home.argument(1) == "late");
    let refuse = || match what.as_str() {
        "io_uring EPERM" => system::refuse(URING, libc::EPERM),
        "io_uring ENOSYS" => system::refuse(URING, libc::ENOSYS),
        "futex_waitv" => system::refuse(&[libc::SYS_futex_waitv], libc::ENOSYS),
        "membarrier" => system::refuse(&[libc::SYS_membarrier], libc::EPERM),
        "all" => {
            system::refuse(URING, libc::EPERM);
            system::refuse(&[libc::SYS_futex_waitv, libc::SYS_membarrier], libc::EPERM);
        }
        _ => panic!("{what}"),
    };
    let mut ready = if late { engines() } else { Vec::new() };
    refuse();
    let no_uring = what.starts_with("io_uring") || what == "all";
    assert_eq!(Engine::io_uring().is_err(), no_uring || ready.len() == 1);
    if !late {
        ready = engines();
        assert!(!no_uring || ready.iter().all(|engine| engine.kind() == Kind::Thread));
    }
    for engine in ready {
        for runtime in Runtime::ALL {
            runtime.run(conversation(&engine));
        }
        assert_eq!(engine.sleepers(), 0);
    }
    home.say("done");
}

#[test]
fn tasks_are_woken_whatever_is_refused() {
    for what in ["io_uring EPERM", "io_uring ENOSYS", "futex_waitv", "membarrier", "all"] {
        for when in ["early", "late"] {
            let mut child = Child::spawn("sandboxed", &[what, when]);
            child.expect("done");
            child.finish();
        }
    }
}
