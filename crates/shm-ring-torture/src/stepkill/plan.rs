//! Owns: which scenes are gone through, and how much of each: images of all, kills of as many as there is time for. Knows
//! nothing of: how a window is checked.

use std::marker::PhantomData;
use std::time::{Duration, Instant};

use shm_ring::{Latest, MessageRing, Ring};
use shm_ring_outsider::Side;

use super::Which;
use super::asleep;
use super::create::{Creations, Made, Way};
use super::kind::{Kind, Words};
use super::knife::{Kill, Subject, Window, images, kill};
use super::latest::{self, Carried};
use super::messages::Messages;
use super::op::{LatestOp, Op};
use super::rings::Fixture;
use super::scene::{Newest, Scene, positions, stride};
use super::tally::{Tallies, Tally};
use crate::How;
use crate::report::Report;
use crate::rng::Rng;

/// Seconds of a run that was not told how long it may take.
const SECONDS: u64 = 25;
/// Sequence numbers start here: a multiple of every number of lengths.
const SEQUENCE: u64 = 60_000;
/// Kills of a window of thousands of instructions, of a creation and of a latest value, unless all are asked for.
const SPARSE: u64 = 40;
/// Kills of a window of a kind of which the time decides how much is done, when it is up.
const LATE: u64 = 12;
/// Kills beside a sleeper, each of which may take a slice, unless all are asked for.
const SLEEPERS: u64 = 4;
/// A latest value of so many bytes is begun after fewer versions, unless all are asked for.
const LONG: usize = 1000;
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
    campaign.latest::<[u8; 13]>();
    campaign.latest::<[u64; 640]>();
    campaign.sleepers();
    let Campaign { report, tallies, .. } = campaign;
    if tallies.are_empty() {
        report.violation("nothing has such a name");
    }
    tallies.report(report);
}

/// After how many instructions to kill, the last time behind the whole operation. In the midst of an instruction that
/// repeats itself nothing of the region is written: the images say so.
fn points(window: &Window) -> Vec<u64> {
    let at = |step: u64| window.path.get(step as usize);
    (0..window.steps + 2)
        .filter(|&step| step == 0 || at(step).is_none() || at(step) != at(step - 1))
        .collect()
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
            let by = match scene.op {
                _ if late && (self.full || effort != Effort::Whole) => window.steps.div_ceil(LATE),
                op if op.is_long() && !self.full => window.steps / SPARSE,
                op if op.is_minor() && !self.full => 4,
                _ => 1,
            };
            self.kills(&fixture, scene, &window, by, self.full);
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
        self.shuffle(&mut places);
        if !self.full {
            let most = match op {
                Op::Nothing => 1,
                _ if op.is_long() && effort == Effort::Whole => 3,
                _ if op.is_long() => 1,
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

    fn tally<S: Subject>(&mut self, scene: S::Scene) -> &mut Tally {
        self.tallies.of(&S::name(scene), S::least(scene))
    }

    fn violation<S: Subject>(&mut self, subject: &S, scene: S::Scene, what: &str) {
        self.tally::<S>(scene).violations += 1;
        self.report.violation(format!("{}, {what}", subject.says(scene)));
    }

    fn images<S: Subject>(&mut self, subject: &S, scene: S::Scene) -> Option<Window> {
        match images(subject, scene) {
            Ok(window) => {
                self.tally::<S>(scene).window(window.steps, window.images);
                Some(window)
            }
            Err(what) => {
                self.violation(subject, scene, &what);
                None
            }
        }
    }

    /// Kills after every `by`th instruction, in turn with and without a survivor; or with `both` after each.
    fn kills<S: Subject>(
        &mut self,
        subject: &S,
        scene: S::Scene,
        window: &Window,
        by: u64,
        both: bool,
    ) {
        let points = points(window);
        let by = by.clamp(1, points.len() as u64);
        let mut alone = self.rng.below(2) == 0;
        let first = self.rng.below(by) as usize;
        let behind = (points.len() - 1 - first) as u64;
        let last = points.last().copied().filter(|_| !behind.is_multiple_of(by));
        for steps in points.into_iter().skip(first).step_by(by as usize).chain(last) {
            for _ in 0..if both { 2 } else { 1 } {
                alone = !alone;
                match kill(subject, scene, Kill { steps, alone }, &window.path) {
                    Ok(()) => self.tally::<S>(scene).kills += 1,
                    Err(what) => self.violation(subject, scene, &what),
                }
                if self.tally::<S>(scene).violations > ENOUGH {
                    return;
                }
            }
        }
    }

    /// Whether all was asked for, and there is time: otherwise the rest is done as if it had not been.
    fn all(&self) -> bool {
        self.full && Instant::now() < self.end
    }

    /// The stride by which a window is killed of which all is not asked for.
    fn sparse(&self, window: &Window) -> u64 {
        if self.all() { 1 } else { points(window).len() as u64 / SPARSE }
    }

    /// A creator, in one of the ways to create.
    fn creations<M: Made>(&mut self, way: Way) {
        let creations = Creations::<M>(PhantomData);
        if !self.which.has(&Creations::<M>::name(way)) {
            return;
        }
        if let Some(window) = self.images(&creations, way) {
            let by = self.sparse(&window);
            self.kills(&creations, way, &window, by, false);
        }
    }

    /// The latest value.
    fn latest<T: Carried>(&mut self) {
        let fixture = match latest::Fixture::<T>::new() {
            Ok(fixture) => fixture,
            Err(error) => return self.report.violation(error),
        };
        let which = self.which;
        for &op in LatestOp::ALL.iter().filter(|op| which.has(op.name())) {
            let scenes = self.versions::<T>(op, fixture.slots());
            for (index, published) in scenes.into_iter().enumerate() {
                let scene = latest::Scene { op, published };
                if let Some(window) = self.images(&fixture, scene)
                    && (index == 0 || self.all())
                {
                    let by = self.sparse(&window);
                    self.kills(&fixture, scene, &window, by, false);
                }
                if self.tally::<latest::Fixture<T>>(scene).violations > ENOUGH {
                    break;
                }
            }
        }
    }

    /// After which versions `op` is begun, in an order that the seed decides.
    fn versions<T: Carried>(&mut self, op: LatestOp, slots: u64) -> Vec<u64> {
        let mut versions = latest::versions(slots).to_vec();
        versions.retain(|&version| op != LatestOp::ReadNewer || version > 0);
        self.shuffle(&mut versions);
        // A long value takes an instruction for every few bytes, or for each, and every write of it is another
        // image.
        let most = match op {
            _ if op.least().0 >= 1000 => 1 + usize::from(self.full),
            _ if self.full => versions.len(),
            LatestOp::WriteFrom if size_of::<T>() >= LONG => 2,
            _ if size_of::<T>() >= LONG => 1,
            _ => versions.len(),
        };
        versions.truncate(most);
        versions
    }

    fn shuffle<T>(&mut self, list: &mut [T]) {
        for index in (1..list.len()).rev() {
            list.swap(index, self.rng.below(index as u64 + 1) as usize);
        }
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
            let window = match images(&fixture, asleep::scene(op)) {
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
