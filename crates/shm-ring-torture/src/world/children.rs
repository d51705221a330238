//! What a process makes that goes on without it: children that misuse what they inherit, and another program.
//!
//! Owns: fork and exec of a process that has an end. Knows nothing of: the storm.
//!
//! Invariant of the unsafe block: the process has one thread beside the library's, which only sleeps and holds no lock
//! that a child could want.
#![allow(unsafe_code)]

use std::any::Any;
use std::time::{Duration, Instant};

use nix::sys::prctl::set_pdeathsig;
use nix::unistd::{ForkResult, alarm, fork};
use shm_ring::{Consumer, Producer};

use super::ends::{CHILDS, Item};
use super::ledger::{Count, Doing};
use super::life::{Held, Living};
use crate::trace::exit_now;

/// A child of a process that may be killed meanwhile ends by itself after that many seconds.
const ENOUGH: u32 = 8;

/// Forks a child that uses, and then drops, what is its parent's, and lives on for some time.
pub(super) fn misuse<E: Any>(living: &mut Living<'_>, taken: &mut Option<E>, held: Held) {
    let time = Duration::from_micros(living.rng.below(3_000_000));
    let drops = living.rng.below(2) == 0;
    living.doing(Doing::Holding, None);
    living.ledger.add(Count::Children);
    // SAFETY: the invariant above.
    if let Ok(ForkResult::Child) = unsafe { fork() } {
        // The parent's end must not take it along: it is what holds on to what it inherited.
        let _ = set_pdeathsig(None);
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
    let _ = held;
    std::thread::sleep(Duration::from_micros(living.rng.below(3000)));
}

fn use_up(end: &mut dyn Any) {
    if let Some(tx) = end.downcast_mut::<Producer<Item>>() {
        for _ in 0..8 {
            let _ = tx.try_push(CHILDS);
        }
    }
    if let Some(rx) = end.downcast_mut::<Consumer<Item>>() {
        for _ in 0..8 {
            let _ = rx.try_pop();
        }
    }
}

/// Becomes another program.
pub(super) fn exec() -> ! {
    let _ = nix::unistd::execv(c"/bin/sleep", &[c"sleep", c"0.02"]);
    exit_now(0)
}
