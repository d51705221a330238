//! One schedule: two sides take turns until both are done.
//!
//! Owns: whose turn it is. Knows nothing of: what they do.

use rustix::time::{ClockId, clock_gettime};

use super::path::Path;
use super::stepped::{At, Stepped, Wrong};

/// Who goes on by how much before all go on to their ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Schedule {
    /// The side that begins.
    pub(crate) first: usize,
    /// Its instructions before it is preempted.
    pub(crate) steps: usize,
    /// The other side's before it is preempted too; all of them if there is one preemption only.
    pub(crate) then: Option<usize>,
}

/// How a schedule ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Both sides are done.
    Done,
    /// We were so slow that a slice ended before the other side's turn was over: that says nothing.
    Late,
}

/// Runs `schedule` on two sides that are at the beginning of their operations, whose `paths` are known.
pub(crate) fn run(
    sides: &mut [Stepped<'_>; 2],
    schedule: Schedule,
    paths: &[Path; 2],
) -> Result<End, Wrong> {
    let Schedule { first, steps, then } = schedule;
    let second = 1 - first;
    sides[first].go_to(paths[first].place(steps))?;
    let mut turn = second;
    if let Some(steps) = then {
        sides[second].go_to(paths[second].place(steps))?;
        turn = first;
    }
    // Each turn ends with a sleep or the end, and each sleep must be ended by the other side.
    for _ in 0..100 {
        let other = 1 - turn;
        let at = sides[turn].at;
        match at {
            At::Done if sides[other].at == At::Done => {
                let timed_out = sides.iter().any(|side| side.sleeps.timed_out > 0);
                return Ok(if timed_out { End::Late } else { End::Done });
            }
            At::Asleep { until } if !sides[turn].is_awake()? => {
                let other_rests = match sides[other].at {
                    At::Done => true,
                    At::Asleep { .. } => !sides[other].is_awake()?,
                    At::Midway => false,
                };
                if other_rests && !ends_by_ring(&mut sides[turn], until)? {
                    return Ok(End::Late);
                }
            }
            At::Done => {}
            _ => sides[turn].run_out()?,
        }
        turn = other;
    }
    Err("they wake each other for ever".to_owned())
}

/// `side` sleeps and the other has no more to do: it must have rung by now. `false` if the slice ended
/// before that could be seen.
fn ends_by_ring(side: &mut Stepped<'_>, until: u64) -> Result<bool, Wrong> {
    let in_time = monotonic() < until;
    let before = side.sleeps.timed_out;
    side.wait_till_awake()?;
    match (side.sleeps.timed_out > before, in_time) {
        (false, _) => Ok(true),
        (true, true) => Err("lost wake-up: it slept, nobody rang, and its slice ended".to_owned()),
        (true, false) => Ok(false),
    }
}

fn monotonic() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}
