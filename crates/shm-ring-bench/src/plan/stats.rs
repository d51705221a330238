//! Many runs made one row: medians, and which runs are discarded. It must not know where the runs
//! come from.

use serde::{Deserialize, Serialize};

use crate::plan::state::{Seen, State, state_of};
use crate::run::Sample;
use crate::run::transport::Idle;

/// Why a run is discarded, although it came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Reason {
    /// The floor beside the run fits no state of the machine.
    Floor,
    /// A side that does not sleep had less than 0.85 of its processor.
    Preempted,
}

/// How many runs were discarded, and why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Excluded {
    pub(crate) floor: u32,
    pub(crate) preempted: u32,
    /// The run failed or was killed.
    pub(crate) failed: u32,
}

impl Excluded {
    pub(crate) fn count(&self) -> u32 {
        self.floor + self.preempted + self.failed
    }

    /// Every reason that occurred with how often, for people.
    pub(crate) fn reasons(&self) -> Vec<String> {
        [(self.floor, "floor"), (self.preempted, "preempted"), (self.failed, "failed")]
            .into_iter()
            .filter(|&(count, _)| count > 0)
            .map(|(count, reason)| format!("{count} {reason}"))
            .collect()
    }
}

/// The minimum processor share of a side that does not sleep.
const AWAKE_SHARE: f64 = 0.85;

/// Whether a side was kept from its processor. A side that never sleeps was if it did not run all
/// the time. One that sleeps when idle may have chosen to: of it only the time counts in which it
/// wanted to run and could not.
fn is_preempted(idle: Idle, cpu: f64, queued: f64) -> bool {
    match idle {
        Idle::Spins => cpu < AWAKE_SHARE,
        Idle::SpinsThenSleeps => queued > 1.0 - AWAKE_SHARE,
        Idle::Sleeps => false,
    }
}

/// The state that a run was made in (`None` where no floor is measured), and why it is discarded, if
/// it is. `idle` is what B and A do when they have nothing to do.
pub(crate) fn judged(
    sample: &Sample,
    states: &[Seen],
    idle: [Idle; 2],
) -> (Option<State>, Option<Reason>) {
    let state = state_of(sample.floor_ns, states);
    let preempted =
        (0..2).any(|side| is_preempted(idle[side], sample.cpu[side], sample.queued[side]));
    let reason = match state {
        None if sample.floor_ns > 0.0 => Some(Reason::Floor),
        _ => preempted.then_some(Reason::Preempted),
    };
    (state, reason)
}

/// The valid samples of a state.
pub(crate) fn valid<'a>(
    samples: &'a [Sample],
    states: &[Seen],
    state: Option<State>,
    idle: [Idle; 2],
) -> Vec<&'a Sample> {
    samples.iter().filter(|sample| judged(sample, states, idle) == (state, None)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::state::states;

    fn sample(floor_ns: f64, cpu: f64, queued: f64) -> Sample {
        let (cpu, queued) = ([cpu, 1.0], [queued, 0.0]);
        Sample { floor_ns, wall_ns: 1, verified: 1, cpu, queued, ..Sample::default() }
    }

    #[test]
    fn a_run_is_valid_in_its_own_state_only() {
        let floors = [120.0, 130.0, 125.0, 550.0, 580.0, 560.0, 570.0];
        let states = states(floors);
        let mut samples = floors.map(|floor| sample(floor, 1.0, 0.0)).to_vec();
        samples.push(sample(280.0, 1.0, 0.0));
        let count = |state| valid(&samples, &states, state, [Idle::Spins; 2]).len();
        assert_eq!((count(Some(State::Near)), count(Some(State::Far)), count(None)), (3, 4, 0));
        let strange = judged(samples.last().unwrap(), &states, [Idle::Spins; 2]);
        assert_eq!(strange, (None, Some(Reason::Floor)));
        // Where no floor is measured none is judged.
        let without = judged(&sample(0.0, 1.0, 0.0), &states, [Idle::Spins; 2]);
        assert_eq!(without, (None, None));
    }

    #[test]
    fn a_side_that_does_not_sleep_and_was_kept_from_running_is_discarded() {
        let samples = [sample(130.0, 1.0, 0.0), sample(130.0, 0.84, 0.16), sample(130.0, 0.2, 0.0)];
        let states = states([130.0; 3]);
        let count = |idle| valid(&samples, &states, Some(State::Near), idle).len();
        assert_eq!(count([Idle::Spins; 2]), 1);
        assert_eq!(count([Idle::SpinsThenSleeps; 2]), 2);
        assert_eq!(count([Idle::Sleeps; 2]), 3);
        // The first of the two is the side that lacked its processor.
        assert_eq!(count([Idle::Sleeps, Idle::Spins]), 3);
        let both = judged(&sample(700.0, 0.2, 0.8), &states, [Idle::Spins; 2]);
        assert_eq!(both.1, Some(Reason::Floor), "each run is counted once, by the first reason");
    }

    #[test]
    fn every_reason_is_named() {
        let excluded = Excluded { floor: 1, preempted: 0, failed: 2 };
        assert_eq!(excluded.count(), 3);
        assert_eq!(excluded.reasons(), ["1 floor", "2 failed"]);
    }
}
