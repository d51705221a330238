//! The state that the machine was in during a run, by the floor beside it.
//! Owns: the split of the floors of one comparison into states. Knows nothing of: rows, transports.
//!
//! A virtual machine changes between states within seconds: *near*, where both processors share a
//! cache that answers, and *far*, where they do not. A ratio across states means nothing.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::plan::figure::Figure;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum State {
    Near,
    Far,
}

impl State {
    pub(crate) const ALL: [Self; 2] = [Self::Near, Self::Far];

    /// The name of a state with this floor.
    pub(crate) fn named(floor_ns: f64) -> Self {
        if floor_ns < FAR_FROM_NS { Self::Near } else { Self::Far }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Near => "near",
            Self::Far => "far",
        })
    }
}

/// A state that a comparison saw.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Seen {
    pub(crate) state: State,
    /// The floors of its runs.
    pub(crate) floor_ns: Figure,
    pub(crate) runs: u32,
}

/// Between the floors of near states (60 to 150 ns) and those of far ones (300 ns on a Xeon, 370 to 650 ns on an EPYC).
const FAR_FROM_NS: f64 = 220.0;
/// Between two states the floor jumps by at least this factor.
const GAP: f64 = 1.6;
/// A floor may be this far from the median of its state.
const BOUNDS: (f64, f64) = (0.6, 1.6);
/// Fewer runs are no state, nor is a smaller part of all runs.
const LEAST: usize = 3;
const LEAST_PART: f64 = 0.05;

/// The states that these floors show: none, one, or near and far.
pub(crate) fn states(floors: impl IntoIterator<Item = f64>) -> Vec<Seen> {
    let mut floors: Vec<f64> = floors.into_iter().filter(|&floor| floor > 0.0).collect();
    floors.sort_by(f64::total_cmp);
    let clusters = match valley(&floors) {
        Some((low, high)) => vec![&floors[..low], &floors[high..]],
        None => vec![&floors[..]],
    };
    let mut seen: Vec<Seen> = clusters.into_iter().filter_map(cluster).collect();
    // Two clusters that go by one name are no near and far: the larger one is the state.
    if let [a, b] = seen[..]
        && a.state == b.state
    {
        seen = vec![if a.runs >= b.runs { a } else { b }];
    }
    let counted = |&Seen { state, floor_ns, .. }: &Seen| {
        // A floor between the clusters, or in one that is no state, may fit all the same.
        let fits = |floor: &f64| state_of(*floor, &seen) == Some(state);
        let fitting: Vec<f64> = floors.iter().copied().filter(fits).collect();
        let range = Figure::of(fitting.iter().copied()).unwrap_or(floor_ns);
        let floor_ns = Figure { median: floor_ns.median, ..range };
        Seen { state, floor_ns, runs: fitting.len() as u32 }
    };
    seen.iter().map(counted).collect()
}

/// The state of a run with this floor; `None` if it fits none of them.
pub(crate) fn state_of(floor_ns: f64, states: &[Seen]) -> Option<State> {
    let distance = |seen: &&Seen| (floor_ns / seen.floor_ns.median).ln().abs();
    let nearest = states.iter().min_by(|a, b| distance(a).total_cmp(&distance(b)))?;
    is_within(floor_ns, nearest.floor_ns.median).then_some(nearest.state)
}

fn is_within(floor_ns: f64, median: f64) -> bool {
    (BOUNDS.0..=BOUNDS.1).contains(&(floor_ns / median))
}

fn cluster(floors: &[f64]) -> Option<Seen> {
    let median = Figure::of(floors.iter().copied())?.median;
    let fitting: Vec<f64> =
        floors.iter().copied().filter(|&floor| is_within(floor, median)).collect();
    let floor_ns = Figure::of(fitting.iter().copied())?;
    Some(Seen { state: State::named(median), floor_ns, runs: fitting.len() as u32 })
}

/// The emptiest stretch of sorted floors that is as wide as a gap, with a state on either side: the
/// floors before the first index are below it, those from the second index on are above it.
///
/// A few floors may lie in it, of runs during which the state changed: a gap between neighbours
/// would not be found then.
fn valley(floors: &[f64]) -> Option<(usize, usize)> {
    let least = LEAST.max((floors.len() as f64 * LEAST_PART).ceil() as usize);
    let stretches = (least..=floors.len().saturating_sub(least)).filter_map(|low| {
        let high = floors.partition_point(|&floor| floor < floors[low - 1] * GAP).max(low);
        let inside = high - low;
        (floors.len() - high >= least && inside < least).then_some((inside, low, high))
    });
    // Of equally empty ones the widest.
    let width = |&(_, low, high): &(usize, usize, usize)| floors[high] / floors[low - 1];
    stretches
        .min_by(|a, b| a.0.cmp(&b.0).then(width(b).total_cmp(&width(a))))
        .map(|(_, low, high)| (low, high))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The states by name, median floor and runs.
    fn found(floors: &[f64]) -> Vec<(State, f64, u32)> {
        states(floors.iter().copied())
            .into_iter()
            .map(|seen| (seen.state, seen.floor_ns.median, seen.runs))
            .collect()
    }

    #[test]
    fn floors_of_one_state_are_one_cluster_named_by_its_floor() {
        assert_eq!(found(&[]), []);
        assert_eq!(found(&[0.0, 0.0]), [], "there is no floor on one processor");
        assert_eq!(found(&[130.0]), [(State::Near, 130.0, 1)]);
        assert_eq!(found(&[110.0, 150.0, 130.0, 120.0]), [(State::Near, 125.0, 4)]);
        assert_eq!(found(&[300.0, 290.0, 350.0]), [(State::Far, 300.0, 3)]);
        assert_eq!(found(&[500.0, 610.0, 560.0]), [(State::Far, 560.0, 3)]);
        // No neighbours are a gap apart, however far the first is from the last.
        let slope: Vec<f64> = (0..20).map(|at| 100.0 * 1.05_f64.powi(at)).collect();
        assert_eq!(found(&slope).len(), 1);
    }

    #[test]
    fn floors_of_two_states_are_split_at_the_gap() {
        let floors = [130.0, 560.0, 120.0, 600.0, 140.0, 520.0, 150.0];
        let expected = [(State::Near, 135.0, 4), (State::Far, 560.0, 3)];
        assert_eq!(found(&floors), expected);
        let states = states(floors);
        for (floor, state) in [
            (130.0, Some(State::Near)),
            (215.0, Some(State::Near)),
            (217.0, None),
            (335.0, None),
            (337.0, Some(State::Far)),
            (897.0, None),
            (50.0, None),
        ] {
            assert_eq!(state_of(floor, &states), state, "{floor}");
        }
    }

    #[test]
    fn a_few_strange_floors_are_no_state() {
        let mut floors = vec![130.0; 60];
        floors.extend([50.0, 51.0, 600.0]);
        assert_eq!(found(&floors), [(State::Near, 130.0, 60)]);
        // Two of three runs: a state of one run would say nothing.
        assert_eq!(found(&[130.0, 131.0, 550.0]), [(State::Near, 130.5, 2)]);
    }

    #[test]
    fn runs_between_the_states_do_not_join_them() {
        let mut floors = vec![130.0; 30];
        floors.extend([190.0, 280.0, 400.0]);
        floors.extend([550.0; 30]);
        let seen = states(floors);
        assert_eq!(seen.iter().map(|seen| seen.state).collect::<Vec<_>>(), State::ALL);
        assert_eq!(state_of(280.0, &seen), None);
    }

    #[test]
    fn a_state_counts_each_run_that_fits_it() {
        let mut floors = vec![130.0; 30];
        floors.extend([190.0, 350.0]);
        floors.extend([550.0; 30]);
        let seen = states(floors.iter().copied());
        for state in State::ALL {
            let fit = floors.iter().filter(|&&floor| state_of(floor, &seen) == Some(state));
            let counted = seen.iter().find(|seen| seen.state == state).map(|seen| seen.runs);
            assert_eq!(counted, Some(fit.count() as u32), "{state}");
        }
    }

    #[test]
    fn of_two_clusters_with_one_name_the_larger_is_the_state() {
        // Both processors sat on one physical core for a while.
        let floors = [[50.0; 4].as_slice(), &[130.0; 9]].concat();
        assert_eq!(found(&floors), [(State::Near, 130.0, 9)]);
        assert_eq!(state_of(50.0, &states(floors)), None);
    }
}
