//! What is compared: the rows, how long each run is, and in which order runs go. It must not know how
//! results are shown.

use std::time::{Duration, Instant};

use crate::clock::Clock;
use crate::control::Side;
use crate::run::{Failure, Sample, run};
use crate::spec::{Spec, Workload};
use crate::transport::{Entry, Idle};

/// One row: a transport doing one thing with one size.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) entry: &'static Entry,
    pub(crate) workload: Workload,
    pub(crate) bytes: usize,
    pub(crate) interval_ns: u64,
    /// Whether nobody asked for this row and only a goal needs it.
    pub(crate) for_goals: bool,
    /// Messages in each measured run, found by the trial run.
    pub(crate) messages: u64,
    pub(crate) samples: Vec<Sample>,
    pub(crate) failures: Vec<Failure>,
}

impl Row {
    pub(crate) fn new(entry: &'static Entry, workload: Workload, bytes: usize) -> Self {
        let (samples, failures) = (Vec::new(), Vec::new());
        Self {
            entry,
            workload,
            bytes,
            interval_ns: 100_000,
            for_goals: false,
            messages: 0,
            samples,
            failures,
        }
    }

    /// `stream`, `echo`, or `wake` with its interval.
    pub(crate) fn doing(&self) -> String {
        match self.workload {
            Workload::Wake => format!("wake {} us", self.interval_ns / 1000),
            workload => workload.to_string(),
        }
    }

    /// What B and A do when idle. The sender of `wake` sleeps between messages, whatever the
    /// transport does.
    pub(crate) fn idle(&self) -> [Idle; 2] {
        let tx = match self.workload {
            Workload::Wake => Idle::Sleeps,
            Workload::Stream | Workload::Echo => self.entry.idle,
        };
        [tx, self.entry.idle]
    }

    /// The run of this row for side A, before the channels are made.
    pub(crate) fn spec(&self, messages: u64, effort: Effort) -> Spec {
        let warm_up = match self.workload {
            Workload::Wake => 0,
            _ => (messages / 10).min(WARM_UP_MAX),
        };
        Spec {
            side: Side::A,
            transport: self.entry.name.to_owned(),
            workload: self.workload,
            bytes: self.bytes,
            warm_up,
            messages: messages - warm_up.min(messages / 2),
            interval_ns: self.interval_ns,
            cpus: effort.cpus,
            clock: effort.clock,
            parent: std::process::id() as i32,
            no_system_calls: false,
            control: -1,
            channels: Vec::new(),
        }
    }
}

/// Messages before the measured ones, at the most.
const WARM_UP_MAX: u64 = 10_000;
/// Messages of a trial run.
const TRIAL: u64 = 2000;
/// Messages of a run at the most, and at the least.
const MESSAGES: (u64, u64) = (200, 50_000_000);

/// How the comparison goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    pub(crate) runs: u32,
    /// The length that a run aims at.
    pub(crate) run_time: Duration,
    /// A run that takes longer is stuck.
    pub(crate) limit: Duration,
    pub(crate) cpus: [usize; 2],
    pub(crate) clock: Clock,
}

/// Runs every row `runs` times: each round goes through all of the rows, so that what changes on the
/// machine changes for all of them. `done` is told after each run; `false` ends the comparison.
pub(crate) fn compare(rows: &mut [Row], effort: Effort, mut done: impl FnMut(&Row) -> bool) {
    for row in &mut *rows {
        find_length(row, effort);
        if !done(row) {
            return;
        }
    }
    for _ in 0..effort.runs {
        for row in rows.iter_mut().filter(|row| row.messages > 0) {
            match run(&row.spec(row.messages, effort), effort.limit) {
                Ok(sample) => row.samples.push(sample),
                Err(Failure::Interrupted) => {}
                Err(failure) => row.failures.push(failure),
            }
            if !done(row) {
                return;
            }
        }
    }
}

/// A trial run tells how many messages fill the time; a second one, where the first was too short to
/// tell.
fn find_length(row: &mut Row, effort: Effort) {
    let target = effort.run_time.as_nanos() as f64;
    if row.workload == Workload::Wake {
        row.messages = ((target / row.interval_ns as f64) as u64).max(50);
        return;
    }
    let mut messages = TRIAL;
    for _ in 0..2 {
        let start = Instant::now();
        match run(&row.spec(messages, effort), effort.limit) {
            Ok(sample) => {
                let each = sample.wall_ns.max(1) as f64 / sample.verified as f64;
                let fills = (target / each) as u64;
                messages = fills.clamp(MESSAGES.0, MESSAGES.1).min(row.entry.messages_max);
                if messages <= TRIAL || start.elapsed() > effort.run_time {
                    break;
                }
            }
            Err(Failure::Interrupted) => return,
            Err(failure) => {
                row.failures.push(failure);
                return;
            }
        }
    }
    row.messages = messages;
}
