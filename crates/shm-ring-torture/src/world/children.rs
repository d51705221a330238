//! What a process makes that goes on without it: children that misuse what they inherit, and another program.
//!
//! Owns: fork and exec of a process that has an end. Knows nothing of: the storm.
//!
//! Invariant of the unsafe blocks: the process has one thread beside the library's, which only sleeps and holds no lock
//! that a child could want.
#![allow(unsafe_code)]

use std::any::Any;
use std::time::{Duration, Instant};

use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, alarm, fork};
use shm_ring::LatestWriter;

use super::forms::{CHILDS, Form, Item, Messages, Values};
use super::ledger::Count;
use super::life::Living;
use crate::trace::exit_now;

/// A child of a process that may be killed meanwhile ends by itself after that many seconds.
const ENOUGH: u32 = 8;

/// Forks a child that uses, and then drops, what is its parent's, and lives on for some time.
pub(super) fn misuse<E: Any>(living: &mut Living<'_>, taken: &mut Option<E>) {
    let time = Duration::from_micros(living.rng.below(4_000_000));
    let drops = living.rng.below(2) == 0;
    living.ledger.add(Count::Children);
    // SAFETY: the invariant above.
    if let Ok(ForkResult::Child) = unsafe { fork() } {
        alarm::set(ENOUGH);
        let start = Instant::now();
        if let Some(end) = taken {
            use_up(end);
        }
        if drops {
            let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(taken.take())));
        }
        std::thread::sleep(time.saturating_sub(start.elapsed()));
        exit_now(0);
    }
    std::thread::sleep(Duration::from_micros(living.rng.below(3000)));
}

/// Makes a child of which no handler knows, which drops what is its parent's and ends.
pub(super) fn drop_unknown<E: Any>(living: &mut Living<'_>, taken: &mut Option<E>) {
    living.ledger.add(Count::Unknown);
    let (flags, none) = (libc::SIGCHLD, 0);
    // SAFETY: the invariant above: a fork, but for the handlers.
    let child = unsafe { libc::syscall(libc::SYS_clone, flags, none, none, none, none) };
    if child == 0 {
        alarm::set(ENOUGH);
        let dropped = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(taken.take())));
        exit_now(i32::from(dropped.is_err()));
    }
    // Long enough for a look at the lock.
    std::thread::sleep(Duration::from_micros(living.rng.below(8000)));
    let status = waitpid(Pid::from_raw(child as i32), None);
    if !matches!(status, Ok(WaitStatus::Exited(_, 0))) {
        living.ledger.violation(&format!("a child that drops what it inherited: {status:?}"));
    }
}

fn use_up(end: &mut dyn Any) {
    use_up_form::<Values>(end);
    use_up_form::<Messages>(end);
    if let Some(writer) = end.downcast_mut::<LatestWriter<Item>>() {
        (0..8).for_each(|_| writer.write(CHILDS));
    }
}

fn use_up_form<F: Form>(end: &mut dyn Any) {
    if let Some(tx) = end.downcast_mut::<F::Producer>() {
        for _ in 0..8 {
            let _ = F::try_push(tx, CHILDS);
        }
    }
    if let Some(rx) = end.downcast_mut::<F::Consumer>() {
        for _ in 0..8 {
            let _ = F::try_pop(rx);
        }
    }
}

/// Becomes another program.
pub(super) fn exec() -> ! {
    let _ = nix::unistd::execv(c"/bin/sleep", &[c"sleep", c"0.02"]);
    exit_now(0)
}
