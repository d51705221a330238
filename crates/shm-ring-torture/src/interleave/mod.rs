//! Campaign `interleave`: two processes that run the release code of the library, stepped against
//! each other. All schedules with one preemption, whoever begins, and strided ones with two.
//!
//! What it shows and what not: the processor's own reordering does not happen under single-stepping
//! (each step is a trip through the kernel), so every schedule is sequentially consistent and the
//! membarrier of the sleeper always finds the waker at rest. It shows that the machine code does its
//! loads, stores and system calls in an order that holds at every cut; loom and the litmus shapes are
//! about the orders that the processor adds. Values cross one by one: what each instruction of the other calls
//! stores is `stepkill`'s to look at.
//!
//! Owns: which schedules are played, for how long, and their counts. Knows nothing of: operations.

mod case;
mod child;
mod fixture;
mod ledger;
mod path;
mod schedule;
mod stepped;

use std::time::{Duration, Instant};

use self::case::{Case, Value};
use self::fixture::Fixture;
use self::path::{Path, Spread, order};
use self::schedule::{End, Schedule};
use self::stepped::{Code, Sleeps};
use crate::How;
use crate::report::Report;
use crate::rng::Rng;

/// What the short form takes.
const SECONDS: u64 = 25;
/// Of that, for schedules with one preemption.
const ONE_SHARE: f64 = 0.75;
/// Tries for a schedule that came too late to say anything.
const TRIES: u32 = 5;
/// Violations after which a case is left: the others have more to say.
const ENOUGH: u64 = 3;
/// Rounds (a schedule for either beginner) that are played of each case, however late it is.
const ONE_ROUNDS: u64 = 6;
const TWO_ROUNDS: u64 = 2;
/// Stride of two preemptions in the full form.
const FULL_STRIDE: u64 = 5;

/// Counts of the schedules of one group.
#[derive(Clone, Debug, Default)]
struct Counts {
    one: u64,
    /// Those that there are.
    one_of: u64,
    two: u64,
    /// Instructions up to the preemptions.
    steps: u64,
    sleeps: u64,
    rung: u64,
    refused: u64,
    late: u64,
    lengths: Vec<u64>,
}

impl Counts {
    fn add(&mut self, sleeps: Sleeps) {
        self.sleeps += sleeps.entered;
        self.rung += sleeps.rung;
        self.refused += sleeps.refused;
    }
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
        counts: Vec::new(),
        paths: vec![None; cases.len()],
        broken: vec![0; cases.len()],
        cases,
        report,
    };
    let until = |share: f64| budget.map(|budget| start + budget.mul_f64(share));
    campaign.part(Campaign::one_preemption, until(ONE_SHARE));
    campaign.part(Campaign::two_preemptions, until(1.0));
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
    let options = child::options();
    let region = shm_ring::Region::memfd("shm-ring-torture-warm-up");
    let ring = shm_ring::Ring::<Value>::create(region, &options)?;
    let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    let short = Duration::from_millis(1);
    while tx.push_timeout(case::value(0), short).is_ok() {}
    while rx.pop_timeout(short).is_ok() {}
    let name = fixture::name("warm-up");
    let made = shm_ring::Ring::<Value>::create(name.as_str(), &options)
        .and_then(|_| shm_ring::Ring::<Value>::open(name.as_str()));
    fixture::forget(&name);
    made?;
    Ok(())
}

struct Campaign {
    rng: Rng,
    code: Code,
    /// Whether nothing was left out by request.
    whole: bool,
    cases: Vec<Case>,
    counts: Vec<(&'static str, Counts)>,
    /// The paths of the two sides of each case, once they were walked.
    paths: Vec<Option<[Path; 2]>>,
    /// Violations of each case.
    broken: Vec<u64>,
    report: Report,
}

/// Plays schedules of the case with this number, at least some, and until it is so late.
type Part = fn(&mut Campaign, usize, &Fixture<'_>, &[Path; 2], Option<Instant>);

impl Campaign {
    /// Plays one part of each case, sharing out the time.
    fn part(&mut self, part: Part, until: Option<Instant>) {
        let code = std::mem::take(&mut self.code);
        for at in (0..self.cases.len()).filter(|&at| self.broken[at] < ENOUGH).collect::<Vec<_>>() {
            let share = until.map(|until| {
                let now = Instant::now();
                now + until.saturating_duration_since(now) / (self.cases.len() - at) as u32
            });
            let case = self.cases[at].clone();
            let answer = Fixture::new(&case, &code).and_then(|fixture| {
                let paths = match self.paths[at].take() {
                    Some(paths) => paths,
                    None => [fixture.path(0)?, fixture.path(1)?],
                };
                part(self, at, &fixture, &paths, share);
                self.paths[at] = Some(paths);
                Ok(())
            });
            if let Err(wrong) = answer {
                self.broken[at] += 1;
                self.report.violation(format!("{}: by itself: {wrong}", case.name()));
            }
        }
        self.code = code;
    }

    /// Every n for both beginners, or as many of them, evenly spread, as there is time for.
    fn one_preemption(
        &mut self,
        at: usize,
        fixture: &Fixture<'_>,
        paths: &[Path; 2],
        until: Option<Instant>,
    ) {
        let places = [0, 1].map(|first: usize| paths[first].len() as u64 + 1);
        let counts = self.counts(at);
        counts.one_of += places[0] + places[1];
        counts.lengths.extend(paths.iter().map(|path| path.len() as u64));
        let orders = [0, 1].map(|which: usize| order(&paths[which], self.rng.next()));
        for round in 0..places[0].max(places[1]) {
            for first in 0..2 {
                if round >= places[first] {
                    continue;
                }
                let steps = orders[first][round as usize];
                let schedule = Schedule { first, steps, then: None };
                self.play(at, fixture, schedule, paths);
                self.counts(at).one += 1;
                if self.is_over(at, until, round < ONE_ROUNDS) {
                    return;
                }
            }
        }
    }

    /// A net of (n, m) with a seeded offset; without a limit its meshes are [`FULL_STRIDE`] wide for
    /// short operations and so wide that it has as many knots for long ones.
    fn two_preemptions(
        &mut self,
        at: usize,
        fixture: &Fixture<'_>,
        paths: &[Path; 2],
        until: Option<Instant>,
    ) {
        const KNOTS: u64 = 60;
        let places = [0, 1].map(|which: usize| paths[which].len() as u64 + 1);
        let strides = places.map(|count| FULL_STRIDE.max(count / KNOTS));
        let knots = [0, 1].map(|which: usize| places[which].div_ceil(strides[which]));
        let offsets = strides.map(|stride| self.rng.below(stride));
        let all = knots[0] * knots[1];
        let spread = Spread::new(all, self.rng.next());
        for round in 0..all {
            let knot = spread.at(round);
            let n = (knot % knots[0] * strides[0] + offsets[0]).min(places[0] - 1) as usize;
            let m = (knot / knots[0] * strides[1] + offsets[1]).min(places[1] - 1) as usize;
            for (first, steps, then) in [(0, n, m), (1, m, n)] {
                let schedule = Schedule { first, steps, then: Some(then) };
                self.play(at, fixture, schedule, paths);
                self.counts(at).two += 1;
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

    fn play(&mut self, at: usize, fixture: &Fixture<'_>, schedule: Schedule, paths: &[Path; 2]) {
        for _ in 0..TRIES {
            let played = fixture.play(schedule, paths);
            self.counts(at).steps += (schedule.steps + schedule.then.unwrap_or(0)) as u64;
            for sleeps in played.sleeps {
                self.counts(at).add(sleeps);
            }
            match played.end {
                Ok(End::Done) => return,
                Ok(End::Late) => self.counts(at).late += 1,
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

    fn counts(&mut self, at: usize) -> &mut Counts {
        let group = self.cases[at].group;
        let place = self.counts.iter().position(|(name, _)| *name == group).unwrap_or_else(|| {
            self.counts.push((group, Counts::default()));
            self.counts.len() - 1
        });
        &mut self.counts[place].1
    }

    fn finish(self, took: Duration) -> Report {
        let Self { mut report, counts, whole, .. } = self;
        let least = |least: u64| if whole { least } else { 0 };
        let mut all = Counts::default();
        for (group, counts) in &counts {
            report.at_least(
                format!("{group}: one preemption"),
                counts.one,
                2 * ONE_ROUNDS,
                "schedules",
            );
            report.figure(format!("{group}: of"), counts.one_of as f64, "schedules");
            report.at_least(
                format!("{group}: two preemptions"),
                counts.two,
                2 * TWO_ROUNDS,
                "schedules",
            );
            let (least, most) = (counts.lengths.iter().min(), counts.lengths.iter().max());
            report.at_least(
                format!("{group}: shortest operation"),
                least.copied().unwrap_or(0),
                10,
                "instructions",
            );
            let most = most.copied().unwrap_or(0);
            report.figure(format!("{group}: longest"), most as f64, "instructions");
            if group.contains("park") || group.contains("waiting") {
                // Of the few schedules that a busy machine has time for, one in ten comes to sleep.
                report.at_least(format!("{group}: sleeps"), counts.sleeps, 1, "sleeps");
                report.at_least(format!("{group}: ended by a ring"), counts.rung, 1, "sleeps");
            }
            all.one += counts.one;
            all.two += counts.two;
            all.steps += counts.steps;
            all.sleeps += counts.sleeps;
            all.rung += counts.rung;
            all.refused += counts.refused;
            all.late += counts.late;
        }
        report.at_least("one preemption", all.one, least(1000), "schedules");
        report.at_least("two preemptions", all.two, least(100), "schedules");
        let steps = all.steps as f64;
        report.figure("instructions up to the preemptions", steps, "instructions");
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
