//! Which scenes are gone through, and how much of each: images of all, kills of as many as there is time for.
//! It must not know how a window is checked.

use std::time::{Duration, Instant};

use shm_ring::{Latest, Ring};

use super::asleep;
use super::create::{self, Made, Way};
use super::kind::{Kind, Messages, Wide};
use super::latest;
use super::raw::{CAPACITY, Side, stride};
use super::scene::{LAPS, Op, Scene, offsets};
use super::tally::{Tallies, Tally};
use super::window::{Stage, Window};
use crate::How;
use crate::report::Report;
use crate::rng::Rng;

/// Seconds of a run that was not told how long it may take.
const SECONDS: u64 = 20;
/// Sequence numbers start here: a multiple of every number of lengths.
const SEQUENCE: u64 = 60_000;
/// Kills of a window that takes thousands of instructions, unless all are asked for.
const SPARSE: u64 = 40;
/// Scenes of each operation whose images are checked, unless all are asked for.
const SCENES: usize = 16;
/// Kinds of records: the first of them has its first scenes killed after every instruction whatever the time.
const KINDS: u32 = 3;
/// Kills beside a sleeper, each of which may take a slice, unless all are asked for.
const SLEEPERS: u64 = 6;
/// An operation with more violations than this is left alone.
const ENOUGH: u64 = 2;

struct Campaign<'a> {
    report: &'a mut Report,
    tallies: Tallies,
    rng: Rng,
    full: bool,
    end: Instant,
}

pub(crate) fn run(how: &How, report: &mut Report) {
    let seed = how.seed(report);
    let seconds = how.seconds.unwrap_or(if how.full { 86_400 } else { SECONDS });
    let mut campaign = Campaign {
        report,
        tallies: Tallies::default(),
        rng: Rng::new(seed),
        full: how.full,
        end: Instant::now() + Duration::from_secs(seconds),
    };
    campaign.kind::<u64>(KINDS);
    campaign.kind::<Wide>(2);
    campaign.kind::<Messages>(1);
    for way in Way::ALL {
        campaign.creations::<Ring<u64>>(way);
        // The header is all that differs.
        if way == Way::Named || how.full {
            campaign.creations::<Latest<[u8; 13]>>(way);
        }
    }
    campaign.latest();
    campaign.sleepers();
    let Campaign { report, tallies, .. } = campaign;
    tallies.report(report);
}

/// After how many instructions to kill: every `by`th of a window of `steps`, from `first` on, and behind the
/// whole operation.
fn points(first: u64, by: u64, steps: u64) -> impl Iterator<Item = u64> {
    (first..=steps).step_by(by as usize).chain([steps + 1])
}

/// Whether a scene is the one that is easiest to read: its record is nowhere near the end of the data area.
fn is_plain(scene: &Scene) -> bool {
    scene.at == LAPS[0] * CAPACITY + offsets(0)[0] && scene.sequence == SEQUENCE
}

impl Campaign<'_> {
    /// All scenes of one kind; `left` kinds, this one included, and what comes then share the time that is left.
    fn kind<K: Kind>(&mut self, left: u32) {
        let stage = match Stage::<K>::new() {
            Ok(stage) => stage,
            Err(error) => return self.report.violation(error),
        };
        let now = Instant::now();
        let end = now + self.end.saturating_duration_since(now) / (left + 1);
        let mut scenes = Vec::new();
        for op in Op::ALL {
            for (index, scene) in self.scenes::<K>(op).into_iter().enumerate() {
                let Some(window) = self.images(&stage, scene) else { break };
                scenes.push((index, scene, window));
            }
        }
        // The first scene of each operation whatever the time; then as many as there is time for.
        scenes.sort_by_key(|&(index, ..)| index);
        for (index, scene, window) in scenes {
            let late = Instant::now() >= end;
            if index > 0 && late {
                break;
            }
            self.kills(&stage, scene, &window, late && (self.full || left < KINDS));
        }
    }

    /// Where `op` is begun, in an order that the seed decides.
    fn scenes<K: Kind>(&mut self, op: Op) -> Vec<Scene> {
        let mut scenes = Vec::new();
        for start in 0..K::STARTS {
            let sequence = SEQUENCE + start;
            for lap in LAPS {
                for offset in offsets(stride(K::len(sequence))) {
                    scenes.push(Scene { op, at: lap * CAPACITY + offset, sequence });
                }
            }
        }
        // Only what is longer than all that stands before it surely finds too little room.
        if op == Op::PushPark {
            let longest = (0..K::STARTS).map(|start| K::len(SEQUENCE + start)).max();
            scenes.retain(|scene| Some(K::len(scene.sequence)) == longest);
        }
        for index in (1..scenes.len()).rev() {
            scenes.swap(index, self.rng.below(index as u64 + 1) as usize);
        }
        if self.full {
            // The one that `sites` tells about is always among them.
            scenes.sort_by_key(|scene| !is_plain(scene));
        }
        match op {
            Op::Nothing => scenes.truncate(1),
            _ if op.is_long() => scenes.truncate(2),
            _ if self.full => {}
            _ => scenes.truncate(SCENES),
        }
        scenes
    }

    fn tally(&mut self, op: Op) -> &mut Tally {
        let kills = if op.is_long() { SPARSE } else { op.least().min(SPARSE) };
        self.tallies.of(op.name(), (op.least(), kills))
    }

    fn violation<K: Kind>(&mut self, scene: Scene, what: &str) {
        self.tally(scene.op).violations += 1;
        let Scene { op, at, sequence } = scene;
        let (lap, offset, len) = (at / CAPACITY, at % CAPACITY, K::len(sequence));
        let (name, kind) = (op.name(), K::NAME);
        self.report
            .violation(format!("{name} ({kind}, {len} bytes, lap {lap}, offset {offset}), {what}"));
    }

    fn images<K: Kind>(&mut self, stage: &Stage<K>, scene: Scene) -> Option<Window> {
        match stage.images(scene) {
            Ok(window) => {
                self.tally(scene.op).window(window.steps, window.images);
                if self.full && is_plain(&scene) {
                    self.sites::<K>(scene, &window);
                }
                Some(window)
            }
            Err(what) => {
                self.violation::<K>(scene, &what);
                None
            }
        }
    }

    /// After which instruction what was stored, of the scene that is easiest to read.
    fn sites<K: Kind>(&mut self, scene: Scene, window: &Window) {
        let site = format!("site: {} ({})", scene.op.name(), K::NAME);
        for (step, what) in &window.sites {
            let what = what.join(" and ");
            self.report.figure(format!("{site}: {what}"), *step as f64, "instructions");
        }
        self.report.figure(format!("{site}: end"), window.steps as f64, "instructions");
    }

    fn kills<K: Kind>(&mut self, stage: &Stage<K>, scene: Scene, window: &Window, late: bool) {
        let by = match scene.op {
            op if late || op.is_long() && !self.full => (window.steps / SPARSE).max(1),
            // As another one but for the name, or nothing is stored.
            Op::Nothing | Op::TryPush | Op::TryPop | Op::ReserveDrop | Op::Peek if !self.full => 4,
            _ => 1,
        };
        let mut alone = self.rng.below(2) == 0;
        for steps in points(self.rng.below(by), by, window.steps) {
            // In turn with and without a survivor; with both if all are asked for.
            for _ in 0..if self.full { 2 } else { 1 } {
                alone = !alone;
                match stage.kill(scene, steps, &window.path, alone) {
                    Ok(()) => self.tally(scene.op).kills += 1,
                    Err(what) => self.violation::<K>(scene, &what),
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
        let Self { report, tallies, rng, full, end } = self;
        latest::Part { report, tallies, rng, full: *full, end: *end }.run();
    }

    /// Kills beside a peer that sleeps, and of one that sleeps.
    fn sleepers(&mut self) {
        let stage = match Stage::<u64>::new() {
            Ok(stage) => stage,
            Err(error) => return self.report.violation(error),
        };
        let mut longest = Duration::ZERO;
        for (victim, name) in [
            (Side::Producer, "push, its consumer really asleep"),
            (Side::Consumer, "pop, its producer really asleep"),
        ] {
            let scene = asleep::scene(victim);
            let Some(window) = self.images(&stage, scene) else { continue };
            let from = asleep::from_store(&window);
            let count = (window.steps - from).max(1);
            let by = if self.full { 1 } else { count.div_ceil(SLEEPERS) };
            let mut violated = Vec::new();
            let mut kills = 0;
            let first = from + self.rng.below(by);
            for steps in (first..=window.steps).step_by(by as usize) {
                match asleep::kill(&stage, victim, steps, &window.path) {
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
            for _ in 0..3 {
                match asleep::kill_sleeper(&stage, victim) {
                    Ok(()) => kills += 1,
                    Err(what) => violated.push(what),
                }
            }
            let tally = self.tallies.of(name, (8, SLEEPERS));
            tally.window(count, 0);
            tally.kills += kills;
            tally.violations += violated.len() as u64;
            for what in violated {
                self.report.violation(format!("{name}, {what}"));
            }
        }
        self.report.figure("longest sleep beside a death", longest.as_secs_f64() * 1e3, "ms");
    }
}
