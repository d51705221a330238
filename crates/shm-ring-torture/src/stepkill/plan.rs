//! Owns: which scenes are gone through, and how much of each: images of all, kills of as many as there is time for. Knows
//! nothing of: how a window is checked.

use std::time::{Duration, Instant};

use shm_ring::{Latest, MessageRing, Ring};
use shm_ring_outsider::Side;

use super::Which;
use super::asleep;
use super::create::{self, Made, Way};
use super::kind::{Kind, Words};
use super::latest;
use super::messages::Messages;
use super::op::Op;
use super::scene::{Newest, Scene, positions, stride};
use super::tally::{Tallies, Tally};
use super::window::{Fixture, Window};
use crate::How;
use crate::report::Report;
use crate::rng::Rng;

/// Seconds of a run that was not told how long it may take.
const SECONDS: u64 = 25;
/// Sequence numbers start here: a multiple of every number of lengths.
const SEQUENCE: u64 = 60_000;
/// Kills of a window that takes thousands of instructions, unless all are asked for.
const SPARSE: u64 = 40;
/// Kills of a window of a kind of which the time decides how much is done, when it is up.
const LATE: u64 = 12;
/// Kills beside a sleeper, each of which may take a slice, unless all are asked for.
const SLEEPERS: u64 = 4;
/// An operation with more violations than this is left alone.
const ENOUGH: u64 = 2;

/// What is done with the first scene of each operation of a kind, whatever the time. A run that was told how long it may
/// take is sparse throughout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effort {
    /// Kills after every instruction, but for what takes thousands of them.
    Whole,
    /// As many kills as there is time for, and some at least.
    Brief,
    /// The same, and without what differs little from one kind to another.
    Sparse,
}

struct Campaign<'a> {
    which: &'a Which,
    report: &'a mut Report,
    tallies: Tallies,
    rng: Rng,
    full: bool,
    end: Instant,
}

pub(crate) fn run(how: &How, which: &Which, report: &mut Report) {
    let seed = how.seed(report);
    let seconds = how.seconds.unwrap_or(if how.full { 86_400 } else { SECONDS });
    let mut campaign = Campaign {
        which,
        report,
        tallies: Tallies::default(),
        rng: Rng::new(seed),
        full: how.full,
        end: Instant::now() + Duration::from_secs(seconds),
    };
    let most = if how.seconds.is_none() || how.full { Effort::Whole } else { Effort::Brief };
    campaign.kind::<u64>(8, most);
    campaign.kind::<Messages<8>>(7, most);
    campaign.kind::<u8>(6, Effort::Sparse);
    campaign.kind::<[u8; 5]>(5, Effort::Sparse);
    campaign.kind::<Words<3>>(4, Effort::Sparse);
    campaign.kind::<Words<8>>(3, Effort::Sparse);
    campaign.kind::<Words<25>>(2, Effort::Sparse);
    campaign.kind::<Messages<64>>(1, Effort::Sparse);
    for way in Way::ALL {
        campaign.creations::<Ring<u64>>(way);
        // The header is all that differs.
        if way == Way::Named || how.full {
            campaign.creations::<MessageRing>(way);
            campaign.creations::<Latest<[u8; 13]>>(way);
        }
    }
    campaign.latest();
    campaign.sleepers();
    let Campaign { report, tallies, .. } = campaign;
    if tallies.are_empty() {
        report.violation("nothing has such a name");
    }
    tallies.report(report);
}

/// After how many instructions to kill: every `by`th of a window of `steps`, from `first` on, and behind the whole
/// operation.
fn points(first: u64, by: u64, steps: u64) -> impl Iterator<Item = u64> {
    (first..=steps).step_by(by as usize).chain([steps + 1])
}

impl Campaign<'_> {
    /// All scenes of one kind; `left` kinds, this one included, and what comes then share the time that is left.
    fn kind<K: Kind>(&mut self, left: u32, effort: Effort) {
        let fixture = match Fixture::<K>::new() {
            Ok(fixture) => fixture,
            Err(error) => return self.report.violation(error),
        };
        let now = Instant::now();
        let end = now + self.end.saturating_duration_since(now) / (left + 1);
        let mut scenes = Vec::new();
        let which = self.which;
        // Recovering is all of attaching.
        let spared =
            |op| effort == Effort::Sparse && [Op::AttachProducer, Op::AttachConsumer].contains(&op);
        for &op in
            Op::ALL.iter().filter(|&&op| exists::<K>(op) && !spared(op) && which.has(op.name()))
        {
            for (index, scene) in self.scenes(&fixture, op, effort).into_iter().enumerate() {
                // The first of each operation whatever the time.
                if index > 0 && Instant::now() >= end && !self.full {
                    break;
                }
                let Some(window) = self.images(&fixture, scene) else { break };
                scenes.push((index, scene, window));
            }
        }
        // Likewise.
        scenes.sort_by_key(|&(index, ..)| index);
        for (index, scene, window) in scenes {
            let late = Instant::now() >= end;
            if index > 0 && late {
                break;
            }
            let late = late && (self.full || effort != Effort::Whole);
            self.kills(&fixture, scene, &window, late);
        }
    }

    /// Where `op` is begun, in an order that the seed decides: each way in which the newest record can stand in turn.
    fn scenes<K: Kind>(&mut self, fixture: &Fixture<K>, op: Op, effort: Effort) -> Vec<Scene> {
        let header = &fixture.arena.header;
        let longest = (0..K::STARTS).map(|start| K::len(SEQUENCE + start)).max();
        let mut places = Vec::new();
        for sequence in SEQUENCE..SEQUENCE + K::STARTS {
            // Only what is longer than all that stands before it finds too little room, whatever was laid.
            if !op.fills() || Some(K::len(sequence)) == longest {
                places.extend(
                    positions(header, stride::<K>(header, sequence))
                        .into_iter()
                        .map(|at| (at, sequence)),
                );
            }
        }
        for index in (1..places.len()).rev() {
            places.swap(index, self.rng.below(index as u64 + 1) as usize);
        }
        if !self.full {
            let most = match op {
                Op::Nothing => 1,
                _ if op.is_long() => {
                    if effort == Effort::Whole {
                        3
                    } else {
                        1
                    }
                }
                _ => 12,
            };
            // A half-written front is what recovering is about.
            let first = usize::from(op.recovers());
            // The shorter the list, the more the place and how the newest record stands vary together.
            return places
                .into_iter()
                .cycle()
                .zip(Newest::ALL.into_iter().cycle().skip(first))
                .map(|((at, sequence), newest)| Scene { op, newest, at, sequence })
                .take(most)
                .collect();
        }
        let all = places.into_iter().flat_map(|(at, sequence)| {
            Newest::ALL.map(|newest| Scene { op, newest, at, sequence })
        });
        all.take(if op.is_long() { 6 } else { usize::MAX }).collect()
    }

    fn tally(&mut self, op: Op) -> &mut Tally {
        let kills = if op.is_long() { SPARSE / 2 } else { op.least().min(SPARSE / 2) };
        self.tallies.of(op.name(), (op.least(), kills))
    }

    fn violation<K: Kind>(&mut self, fixture: &Fixture<K>, scene: Scene, what: &str) {
        self.tally(scene.op).violations += 1;
        let Scene { op, newest, at, sequence } = scene;
        let capacity = fixture.arena.header.capacity;
        let (lap, offset, len) = (at / capacity, at % capacity, K::len(sequence));
        let (name, kind, newest) = (op.name(), K::NAME, newest.name());
        self.report.violation(format!(
            "{name} ({kind}, {len} bytes, lap {lap}, offset {offset}, {newest}), {what}"
        ));
    }

    fn images<K: Kind>(&mut self, fixture: &Fixture<K>, scene: Scene) -> Option<Window> {
        match fixture.images(scene) {
            Ok(window) => {
                self.tally(scene.op).window(window.steps, window.images);
                if self.full {
                    self.sites::<K>(scene, &window);
                }
                Some(window)
            }
            Err(what) => {
                self.violation(fixture, scene, &what);
                None
            }
        }
    }

    /// After which instruction what was stored, of the first scene of each operation.
    fn sites<K: Kind>(&mut self, scene: Scene, window: &Window) {
        let site = format!("site: {} ({}, {})", scene.op.name(), K::NAME, scene.newest.name());
        if !self.tallies.is_new(&site) {
            return;
        }
        for (step, what) in &window.sites {
            let what = what.join(" and ");
            self.report.figure(format!("{site}: {what}"), *step as f64, "instructions");
        }
        self.report.figure(format!("{site}: end"), window.steps as f64, "instructions");
    }

    fn kills<K: Kind>(&mut self, fixture: &Fixture<K>, scene: Scene, window: &Window, late: bool) {
        let by = match scene.op {
            _ if late => window.steps.div_ceil(LATE).max(1),
            op if op.is_long() && !self.full => (window.steps / SPARSE).max(1),
            op if op.is_minor() && !self.full => 4,
            _ => 1,
        };
        let mut alone = self.rng.below(2) == 0;
        for steps in points(self.rng.below(by), by, window.steps) {
            // In turn with and without a survivor; with both if all are asked for.
            for _ in 0..if self.full { 2 } else { 1 } {
                alone = !alone;
                match fixture.kill(scene, steps, &window.path, alone) {
                    Ok(()) => self.tally(scene.op).kills += 1,
                    Err(what) => self.violation(fixture, scene, &what),
                }
                if self.tally(scene.op).violations > ENOUGH {
                    return;
                }
            }
        }
    }

    /// A creator, in one of the ways to create.
    fn creations<M: Made>(&mut self, way: Way) {
        let all = self.full && Instant::now() < self.end;
        let start = self.rng.below(1 << 32);
        let name = format!("{}, {}", M::CREATE, way.name());
        if !self.which.has(&name) {
            return;
        }
        let tally = self.tallies.of(&name, (1000, SPARSE));
        let mut violated = Vec::new();
        match create::images::<M>(way, tally) {
            Ok(path) => {
                let total = path.len() as u64;
                let by = if all { 1 } else { (total / SPARSE).max(1) };
                for steps in points(start % by, by, total) {
                    match create::kill::<M>(way, steps, &path) {
                        Ok(()) => tally.kills += 1,
                        Err(what) => violated.push(what),
                    }
                    if violated.len() as u64 > ENOUGH {
                        break;
                    }
                }
            }
            Err(what) => violated.push(what),
        }
        tally.violations += violated.len() as u64;
        for what in violated {
            self.report.violation(format!("{name}, {what}"));
        }
    }

    /// The latest value.
    fn latest(&mut self) {
        let Self { which, report, tallies, rng, full, end } = self;
        latest::Part { which, report, tallies, rng, full: *full, end: *end }.run();
    }

    /// Kills beside a peer that sleeps, and of one that sleeps.
    fn sleepers(&mut self) {
        let fixture = match Fixture::<u64>::new() {
            Ok(fixture) => fixture,
            Err(error) => return self.report.violation(error),
        };
        let mut longest = Duration::ZERO;
        for op in asleep::OPS {
            let name = format!("{}, the other side really asleep", op.name());
            if !self.which.has(&name) {
                continue;
            }
            let window = match fixture.images(asleep::scene(op)) {
                Ok(window) => window,
                Err(what) => {
                    self.sleeper_tally(&name, &Window::default(), 0, vec![what], 0);
                    continue;
                }
            };
            let from = asleep::from_store(&window);
            let count = (window.steps - from).max(1);
            let by = if self.full { 1 } else { count.div_ceil(SLEEPERS) };
            let first = from + self.rng.below(by);
            let mut violated = Vec::new();
            let mut kills = 0;
            for steps in (first..=window.steps).step_by(by as usize) {
                match asleep::kill(&fixture, op, steps, &window.path) {
                    Ok(slept) => {
                        kills += 1;
                        longest = longest.max(slept);
                    }
                    Err(what) => {
                        violated.push(what);
                        // Each may have cost the limit against hangs.
                        break;
                    }
                }
            }
            self.sleeper_tally(&name, &window, kills, violated, SLEEPERS - 1);
        }
        for (side, name) in
            [(Side::Producer, "a sleeping producer"), (Side::Consumer, "a sleeping consumer")]
        {
            if !self.which.has(name) {
                continue;
            }
            let kills = (0..3).map(|_| asleep::kill_sleeper(&fixture, side));
            let (done, violated): (Vec<_>, Vec<_>) = kills.partition(Result::is_ok);
            let violated = violated.into_iter().filter_map(Result::err).collect();
            let whole = Window { steps: 1, ..Window::default() };
            self.sleeper_tally(name, &whole, done.len() as u64, violated, 3);
        }
        self.report.figure("longest sleep beside a death", longest.as_secs_f64() * 1e3, "ms");
    }

    fn sleeper_tally(
        &mut self,
        name: &str,
        window: &Window,
        kills: u64,
        violated: Vec<String>,
        least: u64,
    ) {
        let tally = self.tallies.of(name, (1, least));
        tally.window(window.steps, window.images);
        tally.kills += kills;
        tally.violations += violated.len() as u64;
        for what in violated {
            self.report.violation(format!("{name}, {what}"));
        }
    }
}

/// Whether there is such an operation with records of this kind.
fn exists<K: Kind>(op: Op) -> bool {
    op == Op::Nothing
        || op.attaches()
        || op.closes()
        || K::put(op).is_some()
        || K::take(op).is_some()
}
