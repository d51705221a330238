//! Signals that interrupt whatever sleeps: deadlines are absolute and kept, and nothing ends by
//! EINTR. It must not know about injected answers.

use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use shm_ring::{Options, PopError, PushError, Region, Ring, Wait, WaitAnyError, wait_any};

use super::case::{Case, Scene, Seen, Stop, case, ensure};
use super::kernel::{handled, let_signals_interrupt};
use super::process::{Child, LIMIT, SOON, fork};
use super::streams::{self, PLAIN, Side};

pub(crate) const CASES: &[Case] = &[
    case("signals/pop_timeout in a storm", |scene| {
        in_a_storm(scene, |wait, rings| {
            let mut rx = rings[0].consumer()?;
            Ok(rx.pop_timeout(wait) == Err(PopError::TimedOut))
        })
    }),
    case("signals/push_timeout in a storm", |scene| {
        in_a_storm(scene, |wait, rings| {
            let mut tx = rings[0].producer()?;
            while tx.try_push(0).is_ok() {}
            Ok(tx.push_timeout(0, wait) == Err(PushError::TimedOut))
        })
    }),
    case("signals/wait_any in a storm", |scene| {
        in_a_storm(scene, |wait, rings| {
            let (mut a, mut b) = (rings[0].consumer()?, rings[1].consumer()?);
            let waited = wait_any(&mut [&mut a, &mut b], Some(wait));
            Ok(waited == Err(WaitAnyError::TimedOut))
        })
    }),
    case("signals/stream in a storm", stream),
];

/// Signals to this process, one a millisecond, for so long or until it is dropped.
fn storm(length: Duration) -> Result<Child, Stop> {
    let_signals_interrupt()?;
    let target = nix::unistd::getpid();
    fork(|_| {
        let start = Instant::now();
        while start.elapsed() < length {
            kill(target, Signal::SIGUSR1)?;
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    })
}

/// `wait` must end as a wait does whose deadline has come, neither before it nor long after.
fn in_a_storm(scene: &Scene, wait: impl Fn(Duration, &[Ring<u64>]) -> Result<bool, Stop>) -> Seen {
    let mut rings = Vec::new();
    for _ in 0..2 {
        let options = Options::new().bytes(4096).wait(Wait::PARK);
        rings.push(Ring::create(Region::memfd("storm"), &options)?);
    }
    let lengths: &[u64] = if scene.full { &[5000, 5000] } else { &[300, 1000, 3000] };
    // Longer than the waits may take: one that starts anew with each signal ends when it is over.
    let all = Duration::from_millis(lengths.iter().sum());
    let _storm = storm(all + SOON + Duration::from_secs(1))?;
    // It blows before the wait begins.
    super::process::until("the storm blows", || handled() > 0)?;
    for length in lengths.iter().copied().map(Duration::from_millis) {
        let (before, start) = (handled(), Instant::now());
        let timed_out = wait(length, &rings)?;
        let (took, signals) = (start.elapsed(), handled() - before);
        ensure!(timed_out, "the wait ended otherwise than by its deadline, after {took:?}");
        ensure!(took >= length, "the deadline of {length:?} came after {took:?}");
        ensure!(took < length + SOON, "the deadline of {length:?} came only after {took:?}");
        // On a machine that is too busy to send many the longer wait shows it.
        if signals >= 20 {
            return Ok(format!(
                "{length:?} took {} ms through {signals} signals",
                took.as_millis()
            ));
        }
    }
    Err(Stop::Violated("20 signals did not come in the longest of the waits".to_owned()))
}

fn stream(scene: &Scene) -> Seen {
    let besieged = || {
        // It ends with the process that it besieges.
        std::mem::forget(storm(LIMIT)?);
        Ok(())
    };
    let side = || Side { before: &besieged, ..PLAIN };
    let (mut parks, runs) = (0, if scene.full { 50 } else { 3 });
    for _ in 0..runs {
        let ran = streams::run(scene, &side(), &side())?;
        parks += ran.parks.iter().sum::<u64>();
    }
    Ok(format!("{runs} streams of {} values, {parks} sleeps", streams::VALUES))
}
