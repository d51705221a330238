//! What is compared: the rows, how long each run is, and in which order runs go. It must not know how
//! results are shown.

pub(crate) mod cpus;
pub(crate) mod figure;
pub(crate) mod goals;
pub(crate) mod instructions;
pub(crate) mod state;
pub(crate) mod stats;
pub(crate) mod system_calls;

use std::time::{Duration, Instant};

use crate::plan::state::{Seen, State, states};
use crate::plan::stats::valid;
use crate::run::clock::Clock;
use crate::run::control::Side;
use crate::run::message::Code;
use crate::run::spec::{BATCH, BURST, FAN, RATE, Spec, Workload};
use crate::run::transport::{Entry, Idle};
use crate::run::{Failure, Sample, run};

/// Valid runs that a row needs in a state of the machine: of fewer nobody can say how far they differ.
pub(crate) const ENOUGH: u32 = 3;

/// One row: a transport doing one thing with one size.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) entry: &'static Entry,
    pub(crate) workload: Workload,
    pub(crate) bytes: usize,
    pub(crate) interval_ns: u64,
    /// Messages at a time, for `batch`.
    pub(crate) batch: usize,
    /// Messages at once, for `burst`.
    pub(crate) burst: usize,
    /// Messages a second, for `paced`.
    pub(crate) rate: u64,
    /// Channels, for `fan`.
    pub(crate) fan: usize,
    /// Messages in each measured run, found by the trial run.
    pub(crate) messages: u64,
    pub(crate) samples: Vec<Sample>,
    pub(crate) failures: Vec<Failure>,
    /// System calls per message, both sides, once they were counted.
    pub(crate) system_calls: Option<f64>,
}

impl Row {
    pub(crate) fn new(entry: &'static Entry, workload: Workload, bytes: usize) -> Self {
        let (samples, failures) = (Vec::new(), Vec::new());
        Self {
            entry,
            workload,
            bytes,
            interval_ns: match workload {
                workload if workload.is_steady() => WATCHED_NS,
                Workload::Burst => 1_000_000,
                _ => 100_000,
            },
            batch: BATCH,
            burst: BURST,
            rate: RATE,
            fan: FAN,
            messages: 0,
            samples,
            failures,
            system_calls: None,
        }
    }

    /// The workload, and what it is done with.
    pub(crate) fn doing(&self) -> String {
        match self.workload {
            Workload::Batch => format!("batch of {}", self.batch),
            Workload::Wake => format!("wake {} us", self.interval_ns / 1000),
            Workload::Burst => format!("burst of {}, {} us", self.burst, self.interval_ns / 1000),
            Workload::Paced => format!("paced {}/s", self.rate),
            Workload::Fan => format!("fan of {}", self.fan),
            workload => workload.to_string(),
        }
    }

    /// Why its transport cannot do it, if that is so.
    pub(crate) fn why_not(&self) -> String {
        let (name, doing) = (self.entry.name, self.doing());
        if self.workload.is_on_one_core() && self.entry.idle == Idle::Spins {
            return format!("{name} spins, so {doing} would be waiting for the processor");
        }
        format!("{name} cannot do {doing} with {} bytes", self.bytes)
    }

    /// What B and A do when idle. The sender of `wake` and of `burst` sleeps between messages, that of
    /// `paced` spins, whatever the transport does (a send may sleep yet); where both share a processor
    /// neither can have it; and where a side is watched that waits, what it spends is the result.
    pub(crate) fn idle(&self) -> [Idle; 2] {
        match self.workload {
            Workload::Wake | Workload::Burst => [Idle::Sleeps, self.entry.idle],
            Workload::Paced if self.entry.idle == Idle::Sleeps => {
                [Idle::SpinsThenSleeps, Idle::Sleeps]
            }
            workload if workload.is_on_one_core() => [Idle::Sleeps; 2],
            workload if workload.is_steady() => [Idle::Sleeps; 2],
            _ => [self.entry.idle; 2],
        }
    }

    /// The states to look at this row in: those that the comparison saw or, where no floor is
    /// measured, none by name.
    pub(crate) fn states(&self, seen: &[Seen]) -> Vec<Option<State>> {
        if seen.is_empty() || !self.workload.has_floor() {
            return vec![None];
        }
        seen.iter().map(|seen| Some(seen.state)).collect()
    }

    /// Whether its transport fails: a side ended with an error, or every run was stuck. One that took too
    /// long among others that ended was kept from its processors.
    pub(crate) fn fails(&self) -> bool {
        let is_late = |failure: &Failure| matches!(failure, Failure::TimedOut);
        let late = self.failures.iter().filter(|failure| is_late(failure)).count();
        late < self.failures.len() || (late > 0 && self.samples.is_empty())
    }

    /// Whether the row can run and has fewer than `enough` valid runs in some state that the
    /// comparison saw. A row that fails would not get better by going on.
    fn lacks(&self, seen: &[Seen], enough: u32) -> bool {
        let few = |state| (valid(&self.samples, seen, state, self.idle()).len() as u32) < enough;
        !self.fails() && !self.workload.is_steady() && self.states(seen).into_iter().any(few)
    }

    /// The run of this row for side A, before the channels are made.
    pub(crate) fn spec(&self, messages: u64, effort: Effort) -> Spec {
        // Batches, bursts and turns are whole ones.
        let whole = |messages: u64| match self.workload {
            Workload::Batch => messages.next_multiple_of(self.batch as u64),
            Workload::Burst => messages.next_multiple_of(self.burst as u64),
            Workload::Fan => messages.next_multiple_of(self.fan as u64),
            _ => messages,
        };
        let warm_up = match self.workload {
            Workload::Wake | Workload::Burst => 0,
            workload if workload.is_steady() => 0,
            _ => whole((messages / 10).min(WARM_UP_MAX)),
        };
        Spec {
            side: Side::A,
            transport: self.entry.name.to_owned(),
            workload: self.workload,
            bytes: self.bytes,
            warm_up,
            messages: whole(messages - warm_up.min(messages / 2)),
            batch: self.batch,
            burst: self.burst,
            rate: self.rate,
            interval_ns: self.interval_ns,
            cpus: match self.workload.is_on_one_core() {
                true => [effort.cpus[0]; 2],
                false => effort.cpus,
            },
            clock: effort.clock,
            parent: std::process::id(),
            no_system_calls: false,
            counts_system_calls: false,
            code: Code::default(),
            control: -1,
            channels: Vec::new(),
            fan: self.fan,
        }
    }
}

/// Messages before the measured ones, at the most.
const WARM_UP_MAX: u64 = 10_000;
/// Messages of a trial run.
const TRIAL: u64 = 2000;
/// Messages of a trial run that are large, altogether in bytes, and how many there are at the least.
const TRIAL_BYTES: u64 = 128 << 20;
const TRIAL_MIN: u64 = 50;
/// How long a side is watched that waits, unless something else is asked for.
const WATCHED_NS: u64 = 3_000_000_000;
/// Messages that fill whatever there is to fill, several times.
const MANY: u64 = 20_000;
/// Bursts of a run at the least.
const LEAST_BURSTS: u64 = 10;
/// What a message of a burst takes where it is slow: else bursts at short intervals would take long.
const SLOW_NS: u64 = 10_000;
/// Messages of a run at the most, and at the least.
const MESSAGES: (u64, u64) = (200, 50_000_000);

/// How the comparison goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    /// Rounds that are run in any case.
    pub(crate) runs: u32,
    /// A row with this many valid runs in each state needs no more.
    pub(crate) enough: u32,
    /// How long a comparison may take by adding runs of rows that lack valid ones.
    pub(crate) patience: Duration,
    /// The length that a run aims at.
    pub(crate) run_time: Duration,
    /// The messages of a run, where that is not for its length to say.
    pub(crate) messages: Option<u64>,
    /// A run that takes longer is stuck.
    pub(crate) limit: Duration,
    pub(crate) cpus: [usize; 2],
    pub(crate) clock: Clock,
}

/// Runs every row `runs` times: each round goes through all of the rows, so that what changes on the
/// machine changes for all of them. Rows that then lack valid runs in a state that others have run
/// again, as long as the time allows. `done` is told after each run; `false` ends the comparison.
pub(crate) fn compare(rows: &mut [Row], effort: Effort, mut done: impl FnMut(&Row) -> bool) {
    let start = Instant::now();
    for row in &mut *rows {
        find_length(row, effort);
        if !done(row) {
            return;
        }
    }
    let mut round_time = Duration::ZERO;
    for round in 0.. {
        let seen = seen(rows);
        let added = round >= effort.runs;
        let enough = effort.runs.min(effort.enough);
        let in_turn = |row: &Row| row.messages > 0 && (!added || row.lacks(&seen, enough));
        let out_of_time = start.elapsed() + round_time >= effort.patience;
        if added && (out_of_time || !rows.iter().any(in_turn)) {
            return;
        }
        let round_start = Instant::now();
        for row in rows.iter_mut().filter(|row| in_turn(row)) {
            match run(&row.spec(row.messages, effort), effort.limit) {
                Ok(sample) => row.samples.push(Sample { round, ..sample }),
                Err(Failure::Interrupted) => {}
                Err(failure) => row.failures.push(failure),
            }
            if !done(row) {
                return;
            }
        }
        round_time = round_start.elapsed();
    }
}

/// The states of the machine that all runs together saw; none on one processor.
pub(crate) fn seen(rows: &[Row]) -> Vec<Seen> {
    states(rows.iter().flat_map(|row| &row.samples).map(|sample| sample.floor_ns))
}

/// A trial run tells how many messages fill the time; a second one, where the first was too short to
/// tell.
fn find_length(row: &mut Row, effort: Effort) {
    let target = effort.run_time.as_nanos() as f64;
    let intervals = (target / row.interval_ns as f64) as u64;
    let known = match row.workload {
        Workload::Wake => Some(intervals.max(50)),
        Workload::Burst => {
            let each = row.interval_ns + row.burst as u64 * SLOW_NS;
            Some(((target / each as f64) as u64).max(LEAST_BURSTS) * row.burst as u64)
        }
        Workload::Paced => Some(((target * row.rate as f64 * 1e-9) as u64).max(50)),
        Workload::IdleReceiver => Some(1),
        Workload::IdleSender | Workload::Memory => Some(MANY),
        _ => None,
    };
    let asked = effort.messages.filter(|_| !row.workload.is_steady());
    if let Some(messages) = asked.or(known) {
        row.messages = messages.min(row.entry.messages_max);
        return;
    }
    // Large messages take their time.
    let mut messages = (TRIAL_BYTES / row.bytes as u64).clamp(TRIAL_MIN, TRIAL);
    for _ in 0..2 {
        let start = Instant::now();
        match run(&row.spec(messages, effort), effort.limit) {
            Ok(sample) => {
                let each = sample.wall_ns.max(1) as f64 / sample.verified as f64;
                let fills = (target / each) as u64;
                messages = fills.clamp(MESSAGES.0, MESSAGES.1).min(row.entry.messages_max);
                if messages <= sample.verified || start.elapsed() > effort.run_time {
                    break;
                }
            }
            Err(Failure::Interrupted) => return,
            // Perhaps it had no processor. Fewer messages are tried once.
            Err(Failure::TimedOut) if row.failures.is_empty() => {
                row.failures.push(Failure::TimedOut);
                messages = TRIAL_MIN;
            }
            Err(failure) => {
                row.failures.push(failure);
                return;
            }
        }
    }
    row.messages = messages;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::transport::find;

    #[test]
    fn a_row_that_lacks_valid_runs_in_a_state_that_others_have_runs_again() {
        let sample = |floor_ns, cpu| Sample {
            floor_ns,
            wall_ns: 1,
            verified: 1,
            cpu: [cpu, 1.0],
            ..Sample::default()
        };
        let mut row = Row::new(find("shm-ring-spin").unwrap(), Workload::Stream, 64);
        row.samples = vec![sample(130.0, 1.0), sample(130.0, 1.0), sample(130.0, 0.5)];
        let mut rows = [row.clone(), row];
        let lacking = |rows: &[Row], enough| {
            let seen = seen(rows);
            rows.iter().map(|row| row.lacks(&seen, enough)).collect::<Vec<_>>()
        };
        assert_eq!(lacking(&rows, 2), [false, false]);
        assert_eq!(lacking(&rows, 3), [true, true], "the third was preempted");
        rows[1].samples.extend([550.0, 560.0, 570.0].map(|floor| sample(floor, 1.0)));
        assert_eq!(lacking(&rows, 2), [true, false], "the first was never run in the far state");
        rows[0].failures.push(Failure::TimedOut);
        assert_eq!(lacking(&rows, 2), [true, false], "one run that took too long is no failure");
        rows[0].failures.push(Failure::Side("a message was lost".to_owned()));
        assert_eq!(lacking(&rows, 2), [false, false]);
        let idle = Row { workload: Workload::IdleSender, failures: vec![], ..rows[0].clone() };
        assert_eq!(idle.states(&seen(&rows)), [None], "no floor is measured beside it");
    }

    #[test]
    fn a_row_fails_by_an_error_or_if_every_run_is_stuck() {
        let row = |failures: Vec<Failure>, samples: usize| Row {
            failures,
            samples: vec![Sample::default(); samples],
            ..Row::new(find("pipe").unwrap(), Workload::Stream, 64)
        };
        let wrong = Failure::Side("a message was lost".to_owned());
        let late = Failure::TimedOut;
        assert!(!row(Vec::new(), 0).fails() && !row(Vec::new(), 3).fails());
        assert!(!row(vec![late.clone(); 2], 1).fails(), "other work had the processors");
        assert!(row(vec![late.clone()], 0).fails(), "nothing says that it ever ends");
        assert!(row(vec![wrong.clone()], 3).fails() && row(vec![late, wrong], 3).fails());
    }

    #[test]
    fn a_run_is_whole_and_where_its_workload_wants_it() {
        let clock = Clock { tsc: false, ns_per_tick: 1.0, read_ns: 0.0 };
        let (patience, run_time, limit) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
        let (messages, cpus) = (None, [3, 5]);
        let effort =
            Effort { runs: 1, enough: 1, patience, run_time, messages, limit, cpus, clock };
        let spec = |workload| {
            let row = Row::new(find("shm-ring-park").unwrap(), workload, 64);
            Row { batch: 7, burst: 9, fan: 11, ..row }.spec(1000, effort)
        };
        for (workload, of) in [(Workload::Batch, 7), (Workload::Burst, 9), (Workload::Fan, 11)] {
            let spec = spec(workload);
            assert_eq!((spec.warm_up % of, spec.messages % of), (0, 0), "{workload}");
            assert!(spec.warm_up + spec.messages >= 1000, "{workload}");
        }
        assert_eq!(spec(Workload::Fan).channels_wanted(), 11);
        assert_eq!(spec(Workload::OneCoreEcho).channels_wanted(), 2);
        assert_eq!(
            (spec(Workload::OneCore).cpus, spec(Workload::OneCoreEcho).cpus),
            ([3; 2], [3; 2])
        );
        assert_eq!(spec(Workload::Paced).cpus, [3, 5]);
    }

    #[test]
    fn the_sender_of_wake_sleeps_whatever_the_transport_does() {
        let idle = |workload| Row::new(find("shm-ring-spin").unwrap(), workload, 64).idle();
        assert_eq!(idle(Workload::Wake), [Idle::Sleeps, Idle::Spins]);
        assert_eq!(idle(Workload::Burst), [Idle::Sleeps, Idle::Spins]);
        assert_eq!(idle(Workload::Paced), [Idle::Spins; 2]);
        assert_eq!(idle(Workload::Stream), [Idle::Spins; 2]);
    }
}
