//! Campaign `interleave`: two processes that run the release code of the library, stepped against
//! each other. All schedules with one preemption, both ways, and strided ones with two.
//!
//! What it shows and what not: the processor's own reordering does not happen under single-stepping
//! (each step is a trip through the kernel), so every schedule is sequentially consistent and the
//! membarrier of the sleeper always finds the waker at rest. It shows that the machine code does its
//! loads, stores and system calls in an order that holds at every cut; loom and the litmus files are
//! about the orders that the processor adds.
//!
//! This file decides which schedules are played, for how long, and counts them.

mod carried;
mod case;
mod child;
mod ledger;
mod order;
mod schedule;
mod stage;
mod stepped;
mod way;

use std::time::{Duration, Instant};

use self::carried::Carried;
use self::case::{Case, Kind};
use self::order::{Spread, order};
use self::schedule::{End, Schedule};
use self::stage::Stage;
use self::stepped::{Code, Sleeps};
use self::way::Way;
use crate::How;
use crate::report::Report;
use crate::rng::Rng;

/// What the short form takes.
const SECONDS: u64 = 24;
/// Of that, for schedules with one preemption of short operations, and then for those of long ones.
const SHORT_SHARE: f64 = 0.6;
const LONG_SHARE: f64 = 0.25;
/// Tries for a schedule that came too late to say anything.
const TRIES: u32 = 5;
/// Violations after which a case is left: the others have more to say.
const ENOUGH: u64 = 3;
/// Rounds (a schedule for either way) that are played of each case, however late it is.
const ONE_ROUNDS: u64 = 12;
const TWO_ROUNDS: u64 = 4;
/// Stride of two preemptions in the full form.
const FULL_STRIDE: u64 = 5;

/// Counts of the schedules of one group.
#[derive(Debug, Default)]
struct Tally {
    one: u64,
    /// Those that there are.
    one_of: u64,
    two: u64,
    sleeps: u64,
    rung: u64,
    refused: u64,
    late: u64,
    lengths: Vec<u64>,
}

impl Tally {
    fn add(&mut self, sleeps: Sleeps) {
        self.sleeps += sleeps.entered;
        self.rung += sleeps.rung;
        self.refused += sleeps.refused;
    }
}

/// Which schedules are played now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    OneOfShort,
    OneOfLong,
    Two,
}

/// What of it.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Which {
    /// Only what has this in its name, with dashes for spaces: `park`, `attach-against-close`.
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
}

pub(crate) fn run(how: &How, which: &Which) -> Report {
    let mut report = Report::new("interleave");
    if cfg!(debug_assertions) {
        report.violation("this is not the release binary: build with --release");
        return report;
    }
    if cfg!(not(target_arch = "x86_64")) {
        report.violation("single-stepping is for x86-64 here");
        return report;
    }
    let seed = how.seed(&mut report);
    let start = Instant::now();
    stay_on_one_processor();
    if let Err(error) = warm_up() {
        report.violation(format!("a ring in one process: {error}"));
        return report;
    }
    let budget = match (how.seconds, how.full) {
        (Some(seconds), _) => Some(Duration::from_secs(seconds)),
        (None, true) => None,
        (None, false) => Some(Duration::from_secs(SECONDS)),
    };
    let mut cases = case::all();
    if let Some(only) = &which.only {
        let only = only.replace('-', " ");
        cases.retain(|case| case.group.contains(only.as_str()));
        if cases.is_empty() {
            report.violation(format!("there is nothing called {only:?}"));
        }
    }
    let mut campaign = Campaign {
        rng: Rng::new(seed),
        code: Code::default(),
        whole: which.only.is_none(),
        tallies: Vec::new(),
        ways: vec![None; cases.len()],
        broken: vec![0; cases.len()],
        cases,
        report,
    };
    let until = |share: f64| budget.map(|budget| start + budget.mul_f64(share));
    campaign.part(Part::OneOfShort, until(SHORT_SHARE));
    campaign.part(Part::OneOfLong, until(SHORT_SHARE + LONG_SHARE));
    campaign.part(Part::Two, until(1.0));
    campaign.finish(start.elapsed())
}

/// Parent and children take turns: on one processor a turn is a switch, on two it is an interrupt.
fn stay_on_one_processor() {
    use rustix::thread::{CpuSet, sched_getcpu, sched_setaffinity};
    let mut here = CpuSet::new();
    here.set(sched_getcpu());
    // Only slower if refused.
    let _ = sched_setaffinity(None, &here);
}

/// Does once what a process does once only (finding symbols, registering with the kernel), so that
/// forked children have it behind them and no schedule is about that.
fn warm_up() -> Result<(), Box<dyn std::error::Error>> {
    let ring = shm_ring::Ring::<u64>::create(
        shm_ring::Region::memfd("shm-ring-torture-warm-up"),
        child::options(),
    )?;
    let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    let short = Duration::from_millis(1);
    while tx.push_timeout(1, short).is_ok() {}
    while rx.pop_timeout(short).is_ok() {}
    let name = stage::name("warm-up");
    let made = shm_ring::Ring::<u64>::create(name.as_str(), child::options())
        .and_then(|_| shm_ring::Ring::<u64>::open(name.as_str()));
    stage::forget(&name);
    made?;
    Ok(())
}

struct Campaign {
    rng: Rng,
    code: Code,
    /// Whether nothing was left out by request.
    whole: bool,
    cases: Vec<Case>,
    tallies: Vec<(&'static str, Tally)>,
    /// The ways of the two sides of each case, once they were walked.
    ways: Vec<Option<[Way; 2]>>,
    /// Violations of each case.
    broken: Vec<u64>,
    report: Report,
}

impl Campaign {
    /// Plays one part of each case that it is about, sharing out the time.
    fn part(&mut self, part: Part, until: Option<Instant>) {
        let about: Vec<usize> = (0..self.cases.len())
            .filter(|&at| match part {
                Part::OneOfShort => !self.cases[at].long,
                Part::OneOfLong => self.cases[at].long,
                Part::Two => true,
            })
            .collect();
        for (done, &at) in about.iter().enumerate() {
            let share = until.map(|until| {
                let now = Instant::now();
                now + until.saturating_duration_since(now) / (about.len() - done) as u32
            });
            let case = self.cases[at].clone();
            match case.kind {
                Kind::Values => self.case::<[u64; 2]>(at, &case, |_| 8, part, share),
                Kind::Messages(lengths) => self.case::<[u8]>(at, &case, lengths, part, share),
            }
        }
    }

    fn case<P: Carried + ?Sized + 'static>(
        &mut self,
        at: usize,
        case: &Case,
        lengths: carried::Lengths,
        part: Part,
        until: Option<Instant>,
    ) {
        if self.broken[at] >= ENOUGH {
            return;
        }
        let code = std::mem::take(&mut self.code);
        let answer = Stage::<P>::new(case, lengths, &code).and_then(|stage| {
            let ways = match self.ways[at].take() {
                Some(ways) => ways,
                None => [stage.way(0)?, stage.way(1)?],
            };
            match part {
                Part::OneOfShort | Part::OneOfLong => self.one_preemption(at, &stage, &ways, until),
                Part::Two => self.two_preemptions(at, &stage, &ways, until),
            }
            self.ways[at] = Some(ways);
            Ok(())
        });
        self.code = code;
        if let Err(wrong) = answer {
            self.broken[at] += 1;
            self.report.violation(format!("{}: by itself: {wrong}", case.name()));
        }
    }

    /// Every n for both ways, or as many of them, evenly spread, as there is time for.
    fn one_preemption<P: Carried + ?Sized + 'static>(
        &mut self,
        at: usize,
        stage: &Stage<'_, P>,
        ways: &[Way; 2],
        until: Option<Instant>,
    ) {
        let counts = [0, 1].map(|first: usize| ways[first].len() as u64 + 1);
        let tally = self.tally(at);
        tally.one_of += counts[0] + counts[1];
        tally.lengths.extend(ways.iter().map(|way| way.len() as u64));
        let orders = [0, 1].map(|which: usize| order(&ways[which], self.rng.next()));
        for round in 0..counts[0].max(counts[1]) {
            for first in 0..2 {
                if round >= counts[first] {
                    continue;
                }
                let steps = orders[first][round as usize];
                let schedule = Schedule { first, steps, then: None };
                self.play(at, stage, schedule, ways);
                self.tally(at).one += 1;
                if self.is_over(at, until, round < ONE_ROUNDS) {
                    return;
                }
            }
        }
    }

    /// A net of (n, m) with a seeded offset; without a limit its meshes are [`FULL_STRIDE`] wide for
    /// short operations and so wide that it has as many knots for long ones.
    fn two_preemptions<P: Carried + ?Sized + 'static>(
        &mut self,
        at: usize,
        stage: &Stage<'_, P>,
        ways: &[Way; 2],
        until: Option<Instant>,
    ) {
        const KNOTS: u64 = 60;
        let counts = [0, 1].map(|which: usize| ways[which].len() as u64 + 1);
        let strides = counts.map(|count| FULL_STRIDE.max(count / KNOTS));
        let knots = [0, 1].map(|which: usize| counts[which].div_ceil(strides[which]));
        let offsets = strides.map(|stride| self.rng.below(stride));
        let all = knots[0] * knots[1];
        let spread = Spread::new(all, self.rng.next());
        for round in 0..all {
            let knot = spread.at(round);
            let n = (knot % knots[0] * strides[0] + offsets[0]).min(counts[0] - 1) as usize;
            let m = (knot / knots[0] * strides[1] + offsets[1]).min(counts[1] - 1) as usize;
            for (first, steps, then) in [(0, n, m), (1, m, n)] {
                let schedule = Schedule { first, steps, then: Some(then) };
                self.play(at, stage, schedule, ways);
                self.tally(at).two += 1;
                if self.is_over(at, until, round < TWO_ROUNDS) {
                    return;
                }
            }
        }
    }

    fn is_over(&self, at: usize, until: Option<Instant>, at_any_rate: bool) -> bool {
        let late = until.is_some_and(|until| Instant::now() >= until);
        self.broken[at] >= ENOUGH || late && !at_any_rate
    }

    fn play<P: Carried + ?Sized + 'static>(
        &mut self,
        at: usize,
        stage: &Stage<'_, P>,
        schedule: Schedule,
        ways: &[Way; 2],
    ) {
        for _ in 0..TRIES {
            let played = stage.play(schedule, ways);
            for did in played.sides.iter().flatten() {
                self.tally(at).add(did.sleeps);
            }
            match played.end {
                Ok(End::Done) => return,
                Ok(End::Late) => self.tally(at).late += 1,
                Err(wrong) => {
                    self.broken[at] += 1;
                    let Schedule { first, steps, then } = schedule;
                    let op = |which: usize| self.cases[at].ops[which];
                    let then = then.map_or_else(
                        || format!("all of {:?}", op(1 - first)),
                        |then| format!("{then} of {:?}", op(1 - first)),
                    );
                    let name = self.cases[at].name();
                    self.report.violation(format!(
                        "{name}: {steps} instructions of {:?}, then {then}: {wrong}",
                        op(first)
                    ));
                    return;
                }
            }
        }
    }

    fn tally(&mut self, at: usize) -> &mut Tally {
        let group = self.cases[at].group;
        let place = self.tallies.iter().position(|(name, _)| *name == group).unwrap_or_else(|| {
            self.tallies.push((group, Tally::default()));
            self.tallies.len() - 1
        });
        &mut self.tallies[place].1
    }

    fn finish(self, took: Duration) -> Report {
        let Self { mut report, tallies, whole, .. } = self;
        let least = |least: u64| if whole { least } else { 0 };
        let mut all = Tally::default();
        for (group, tally) in &tallies {
            report.at_least(
                format!("{group}: one preemption"),
                tally.one,
                2 * ONE_ROUNDS,
                "schedules",
            );
            report.figure(format!("{group}: of"), tally.one_of as f64, "schedules");
            report.at_least(
                format!("{group}: two preemptions"),
                tally.two,
                2 * TWO_ROUNDS,
                "schedules",
            );
            let (least, most) = (tally.lengths.iter().min(), tally.lengths.iter().max());
            report.at_least(
                format!("{group}: shortest operation"),
                least.copied().unwrap_or(0),
                10,
                "instructions",
            );
            let most = most.copied().unwrap_or(0);
            report.figure(format!("{group}: longest"), most as f64, "instructions");
            if group.contains("park") || group.contains("waiting") {
                report.at_least(format!("{group}: sleeps"), tally.sleeps, 3, "sleeps");
                report.at_least(format!("{group}: ended by a ring"), tally.rung, 3, "sleeps");
            }
            all.one += tally.one;
            all.two += tally.two;
            all.sleeps += tally.sleeps;
            all.rung += tally.rung;
            all.refused += tally.refused;
            all.late += tally.late;
        }
        report.at_least("one preemption", all.one, least(1000), "schedules");
        report.at_least("two preemptions", all.two, least(100), "schedules");
        report.at_least("sleeps entered", all.sleeps, least(50), "");
        report.at_least("sleeps ended by a ring", all.rung, least(50), "");
        report.at_least("sleeps refused: rung just before", all.refused, least(10), "");
        report.figure("schedules tried again: too late to tell", all.late as f64, "");
        let seconds = took.as_secs_f64();
        report.figure("time taken", (seconds * 10.0).round() / 10.0, "s");
        report.figure("rate", ((all.one + all.two) as f64 / seconds).round(), "schedules/s");
        report
    }
}
