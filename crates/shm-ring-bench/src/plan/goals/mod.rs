//! The project's goals, as ratios of figures of one comparison and of one state of the machine. It
//! must not measure.

mod list;
mod measures;

use serde::{Deserialize, Serialize};

use self::measures::Measures;
use crate::plan::figure::Figure;
use crate::plan::state::State;
use crate::plan::{Row, seen};
use crate::run::spec::Workload;
use crate::run::transport::find;

/// A goal, and how far it was reached.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Goal {
    pub(crate) id: String,
    pub(crate) measure: String,
    /// Which peer was the best one, where the goal is against that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) peer: Option<String>,
    /// The state that it is judged in; none for what does not depend on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) state: Option<State>,
    /// `None` if it could not be measured; then `note` says why.
    pub(crate) value: Option<f64>,
    /// The minimum and the maximum of the value by single runs.
    pub(crate) range: Option<[f64; 2]>,
    pub(crate) must: String,
    pub(crate) aim: String,
    pub(crate) verdict: Verdict,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) note: Option<String>,
}

impl Goal {
    /// What is measured, with the name of the best peer.
    pub(crate) fn measured(&self) -> String {
        match &self.peer {
            Some(peer) => format!("{} ({peer})", self.measure),
            None => self.measure.clone(),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Verdict {
    AimReached,
    MustReached,
    Missed,
    NotMeasured,
    /// The machine was never seen in that state.
    NotJudged,
}

/// What a goal needs and this program was built without.
pub(crate) const NOT_BUILT: &str = "is not built in";

/// A value, or why there is none.
pub(crate) type Measured = Result<f64, String>;

/// What is measured beside the rows; `None` if the comparison did not get there or was not asked for it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Beside {
    /// System calls in half a million messages.
    pub(crate) system_calls: Option<Measured>,
    /// By how many instructions a push and a pop are longer than those recorded.
    pub(crate) instructions: Option<Measured>,
}

/// Which row of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Key {
    transport: &'static str,
    workload: Workload,
    bytes: usize,
    /// Between messages or bursts, if it is not the usual one.
    interval_ns: Option<u64>,
}

impl Key {
    fn row(self) -> Option<Row> {
        let row = Row::new(find(self.transport)?, self.workload, self.bytes);
        Some(Row { interval_ns: self.interval_ns.unwrap_or(row.interval_ns), ..row })
    }
}

/// What a goal looks at.
#[derive(Clone, Copy, Debug)]
enum Measure {
    Ratio(Key, Key),
    /// The ratio to the fastest of these transports, doing the same.
    Best(Key, &'static [&'static str]),
    OverFloor(Key),
    /// The worst of several runs over their median.
    Worst(Key),
    /// The ratio of the processor times that a receiver takes for a message.
    SleeperCpu(Key, Key),
    /// The processor time of a side that waits.
    Spent(Key),
    /// The memory of a side.
    Held(Key),
    SystemCalls,
    Instructions,
}

impl Measure {
    fn keys(&self) -> Vec<Key> {
        match *self {
            Self::Ratio(over, under) | Self::SleeperCpu(over, under) => vec![over, under],
            Self::Best(key, peers) => {
                let of_peers = peers.iter().map(|&transport| Key { transport, ..key });
                std::iter::once(key).chain(of_peers).collect()
            }
            Self::OverFloor(key) | Self::Worst(key) | Self::Spent(key) | Self::Held(key) => {
                vec![key]
            }
            Self::SystemCalls | Self::Instructions => Vec::new(),
        }
    }

    /// Whether the state of the machine makes a difference: what is measured beside a floor.
    fn has_state(&self) -> bool {
        self.keys().iter().any(|key| key.workload.has_floor())
    }
}

#[derive(Clone, Copy, Debug)]
enum Bound {
    AtMost(f64),
    AtLeast(f64),
    Below(f64),
}

impl Bound {
    fn holds(&self, value: f64) -> bool {
        match *self {
            Self::AtMost(limit) => value <= limit,
            Self::AtLeast(limit) => value >= limit,
            Self::Below(limit) => value < limit,
        }
    }

    fn text(&self) -> String {
        // To the digits in which goals are set.
        let digits = |limit: f64| format!("{}", (limit * 1000.0).round() / 1000.0);
        match *self {
            Self::AtMost(limit) => format!("<= {}", digits(limit)),
            Self::AtLeast(limit) => format!(">= {}", digits(limit)),
            Self::Below(limit) => format!("< {}", digits(limit)),
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Wanted {
    id: &'static str,
    measure: &'static str,
    of: Measure,
    /// What must be reached and what is aimed at.
    bounds: [Bound; 2],
    /// The same in the far state, if it is not the same there.
    far: Option<[Bound; 2]>,
}

impl Wanted {
    fn judged(&self, state: Option<State>, measured: Result<Figure, String>) -> Goal {
        let [must, aim] = match (state, self.far) {
            (Some(State::Far), Some(far)) => far,
            _ => self.bounds,
        };
        let (value, range, note) = match measured {
            Ok(figure) => (Some(figure.median), Some([figure.min, figure.max]), None),
            Err(why) => (None, None, Some(why)),
        };
        let verdict = match value {
            None => Verdict::NotMeasured,
            Some(value) if aim.holds(value) => Verdict::AimReached,
            Some(value) if must.holds(value) => Verdict::MustReached,
            Some(_) => Verdict::Missed,
        };
        let (id, measure) = (self.id.to_owned(), self.measure.to_owned());
        let (must, aim) = (must.text(), aim.text());
        Goal { id, measure, peer: None, state, value, range, must, aim, verdict, note }
    }

    /// The goal in a state that the machine was not in.
    fn unseen(&self, state: State) -> Goal {
        let not_seen = self.judged(Some(state), Err(format!("the machine was never {state}")));
        Goal { verdict: Verdict::NotJudged, ..not_seen }
    }

    /// The goal in each state of the machine by itself, or once if it does not depend on it.
    fn in_each_state(&self, rows: &[Row], beside: &Beside) -> Vec<Goal> {
        let seen = seen(rows);
        let judged_in = |state| self.judged_by(&Measures { rows, seen: &seen, state, beside });
        if seen.is_empty() || !self.of.has_state() {
            return vec![judged_in(None)];
        }
        let in_state = |state: State| match seen.iter().any(|seen| seen.state == state) {
            true => judged_in(Some(state)),
            false => self.unseen(state),
        };
        State::ALL.into_iter().map(in_state).collect()
    }

    fn judged_by(&self, measures: &Measures) -> Goal {
        let (goal, remark) = match measures.resolved(self.of) {
            Err(why) => (self.judged(measures.state, Err(why)), None),
            Ok((of, peer)) => {
                let goal = self.judged(measures.state, measures.figure(of));
                let remarks: Vec<String> =
                    measures.few(of).into_iter().chain(measures.without(self.of)).collect();
                let remark = (!remarks.is_empty()).then(|| remarks.join("; "));
                (Goal { peer: peer.map(str::to_owned), ..goal }, remark)
            }
        };
        let goal = Goal { note: goal.note.clone().or(remark), ..goal };
        // Every attempt ended by a system call: they were counted, and there were some.
        match (self.of, goal.verdict) {
            (Measure::SystemCalls, Verdict::NotMeasured)
                if measures.beside.system_calls.is_some() =>
            {
                Goal { verdict: Verdict::Missed, ..goal }
            }
            _ => goal,
        }
    }
}

/// The rows that all goals together need, those that are compared beside each other. What was not
/// built in is missing.
pub(crate) fn rows() -> Vec<Row> {
    let mut keys: Vec<Key> = Vec::new();
    for key in list::GOALS.iter().flat_map(|goal| goal.of.keys()) {
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys.into_iter().filter_map(Key::row).collect()
}

/// All goals, those too for which there is no row. What depends on the state of the machine is judged
/// in each state by itself.
pub(crate) fn all(rows: &[Row], beside: &Beside) -> Vec<Goal> {
    list::GOALS.iter().flat_map(|wanted| wanted.in_each_state(rows, beside)).collect()
}

/// Of how many runs a figure should be. The worst is looked at of no more: it would be worse.
pub(crate) const ENOUGH: usize = 7;

#[cfg(test)]
mod tests;
