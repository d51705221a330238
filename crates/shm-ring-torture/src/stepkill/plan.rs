//! Which scenes are gone through, and how much of each: images of all, kills of as many as there is time for.
//! It must not know how a window is checked.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::kind::{Kind, Messages, Wide};
use super::raw::{CAPACITY, stride};
use super::scene::{LAPS, Op, Scene, offsets};
use super::window::{Killed, Stage, Window};
use crate::How;
use crate::report::Report;
use crate::rng::Rng;

/// Seconds of a run that was not told how long it may take.
const SECONDS: u64 = 20;
/// Sequence numbers start here: a multiple of every number of lengths.
const SEQUENCE: u64 = 60_000;

/// What was counted of one operation.
#[derive(Debug, Default)]
struct Tally {
    windows: u64,
    /// Instructions after each of which the region was looked at.
    steps: u64,
    /// Of the shortest window.
    least: Option<u64>,
    images: u64,
    kills: u64,
    violations: u64,
}

struct Campaign<'a> {
    report: &'a mut Report,
    tallies: BTreeMap<usize, Tally>,
    rng: Rng,
    full: bool,
    end: Instant,
}

pub(crate) fn run(how: &How, report: &mut Report) {
    let seed = how.seed.unwrap_or_else(|| {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_nanos() as u64)
    });
    report.figure("seed", seed as f64, "");
    let seconds = how.seconds.unwrap_or(if how.full { 86_400 } else { SECONDS });
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut campaign =
        Campaign { report, tallies: BTreeMap::new(), rng: Rng::new(seed), full: how.full, end };
    campaign.kind::<u64>(3);
    campaign.kind::<Wide>(2);
    campaign.kind::<Messages>(1);
    campaign.figures();
}

impl Campaign<'_> {
    /// All scenes of one kind; `left` kinds, this one included, share the time that is left.
    fn kind<K: Kind>(&mut self, left: u32) {
        let stage = match Stage::<K>::new() {
            Ok(stage) => stage,
            Err(error) => return self.report.violation(error),
        };
        let end = match self.full {
            true => self.end,
            false => Instant::now() + (self.end - Instant::now()) / left,
        };
        let mut scenes = Vec::new();
        for op in Op::ALL {
            for (index, scene) in self.scenes::<K>(op).into_iter().enumerate() {
                let Some(window) = self.images(&stage, scene) else { continue };
                scenes.push((index, scene, window));
            }
        }
        // The first scene of each operation whatever the time; then as many as there is time for.
        scenes.sort_by_key(|&(index, ..)| index);
        for (index, scene, window) in scenes {
            if index > 0 && Instant::now() >= end {
                break;
            }
            self.kills(&stage, scene, &window);
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
        // A producer asks for half a ring: only what is longer than what stands before it finds too little.
        if op == Op::PushPark {
            let longest = (0..K::STARTS).map(|start| K::len(SEQUENCE + start)).max();
            scenes.retain(|scene| Some(K::len(scene.sequence)) == longest);
        }
        for index in (1..scenes.len()).rev() {
            scenes.swap(index, self.rng.below(index as u64 + 1) as usize);
        }
        if op == Op::Nothing {
            scenes.truncate(1);
        } else if op.is_long() && !self.full {
            scenes.truncate(2);
        }
        scenes
    }

    fn tally(&mut self, op: Op) -> &mut Tally {
        self.tallies.entry(op as usize).or_default()
    }

    fn violation<K: Kind>(&mut self, scene: Scene, what: &str) {
        self.tally(scene.op).violations += 1;
        let Scene { op, at, sequence } = scene;
        let (lap, offset) = (at / CAPACITY, at % CAPACITY);
        let len = K::len(sequence);
        self.report.violation(format!(
            "{} ({}, {len} bytes, lap {lap}, offset {offset}), {what}",
            op.name(),
            K::NAME
        ));
    }

    fn images<K: Kind>(&mut self, stage: &Stage<K>, scene: Scene) -> Option<Window> {
        match stage.images(scene) {
            Ok(window) => {
                let tally = self.tally(scene.op);
                tally.windows += 1;
                tally.steps += window.steps;
                tally.images += window.images;
                tally.least = Some(tally.least.unwrap_or(u64::MAX).min(window.steps));
                Some(window)
            }
            Err(what) => {
                self.violation::<K>(scene, &what);
                None
            }
        }
    }

    fn kills<K: Kind>(&mut self, stage: &Stage<K>, scene: Scene, window: &Window) {
        let sparse = scene.op.is_long() && !self.full;
        let by = if sparse { window.steps / 60 + 1 } else { 1 };
        let mut steps = if sparse { self.rng.below(by) } else { 0 };
        let mut alone = self.rng.below(2) == 0;
        loop {
            match stage.kill(scene, steps, &window.path, alone) {
                Ok(killed) => {
                    self.tally(scene.op).kills += 1;
                    if killed == Killed::Behind {
                        break;
                    }
                }
                Err(what) => {
                    self.violation::<K>(scene, &what);
                    if self.tally(scene.op).violations > 20 {
                        break;
                    }
                }
            }
            if !self.full || alone {
                steps += by;
            }
            alone = !alone;
            if steps > 2 * window.steps {
                break;
            }
        }
    }

    fn figures(self) {
        let Self { report, tallies, .. } = self;
        let (mut steps, mut kills, mut images, mut violations) = (0, 0, 0, 0);
        for op in Op::ALL {
            let none = Tally::default();
            let tally = tallies.get(&(op as usize)).unwrap_or(&none);
            let name = format!("{:?}: {}", op.side(), op.name());
            report.at_least(
                format!("{name}: shortest"),
                tally.least.unwrap_or(0),
                op.least(),
                "instructions",
            );
            report.figure(format!("{name}: windows"), tally.windows as f64, "");
            report.figure(format!("{name}: stepped"), tally.steps as f64, "instructions");
            report.figure(format!("{name}: images"), tally.images as f64, "checked");
            report.at_least(format!("{name}: kills"), tally.kills, op.least(), "checked");
            report.figure(format!("{name}: violations"), tally.violations as f64, "");
            steps += tally.steps;
            kills += tally.kills;
            images += tally.images;
            violations += tally.violations;
        }
        report.figure("all: stepped", steps as f64, "instructions");
        report.figure("all: images", images as f64, "checked");
        report.figure("all: kills", kills as f64, "checked");
        report.figure("all: violations", violations as f64, "");
    }
}
