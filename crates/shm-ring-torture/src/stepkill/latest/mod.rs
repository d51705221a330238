//! Owns: the latest value under the same knife: a writer that dies at any instruction leaves a value that is whole, and a
//! reader that dies leaves no trace. Knows nothing of: the ring's scenes.
//!
//! Of each operation, the region is looked at after every instruction: by LAYOUT.md alone, which says which
//! bytes it may write; by a reader beside the child that stands still; and, in a copy, by those who come when
//! everybody is dead. Kills: with a reader that had read before, and one that opens the region afterwards. Both
//! read the version whose number stands there, learn what became of the writer, and go on with the next one
//! from that number. A reader is killed beside a writer that lives.

mod carried;
mod judge;
mod perform;
mod scene;
mod successors;
mod window;

use std::time::Instant;

use shm_ring::Latest;

use self::carried::Carried;
use self::judge::Seen;
use self::scene::{Op, Scene, versions};
use self::window::Fixture;
use super::Which;
use super::tally::{Tallies, Tally};
use super::window::Outcome;
use crate::report::Report;
use crate::rng::Rng;

/// Kills of a window, unless all are asked for.
const SPARSE: u64 = 30;
/// Values of so many bytes are begun after fewer versions, unless all are asked for.
const LONG: usize = 1000;
/// An operation with more violations than this is left alone.
const ENOUGH: u64 = 2;

/// Checks a latest value that nobody has written yet.
pub(super) fn after_creation<T: Carried>(latest: &Latest<T>) -> Outcome<()> {
    successors::after(latest, None, None, Seen { published: 0, session: 0 })
}

/// What the campaign lends to its part.
pub(super) struct Part<'a> {
    pub(super) which: &'a Which,
    pub(super) report: &'a mut Report,
    pub(super) tallies: &'a mut Tallies,
    pub(super) rng: &'a mut Rng,
    pub(super) full: bool,
    /// When all were asked for and it is later than this, the rest is done as if they had not been.
    pub(super) end: Instant,
}

impl Part<'_> {
    pub(super) fn run(&mut self) {
        self.values::<[u8; 13]>();
        self.values::<[u64; 640]>();
    }

    fn all(&self) -> bool {
        self.full && Instant::now() < self.end
    }

    fn values<T: Carried>(&mut self) {
        let fixture = match Fixture::<T>::new() {
            Ok(fixture) => fixture,
            Err(error) => return self.report.violation(error),
        };
        for op in Op::ALL.into_iter().filter(|op| self.which.has(op.name())) {
            for (index, scene) in self.scenes::<T>(op, fixture.slots()).into_iter().enumerate() {
                match fixture.images(scene) {
                    Ok(window) => {
                        self.tally(op).window(window.steps, window.images);
                        if index == 0 || self.all() {
                            self.kills(&fixture, scene, window.steps, &window.path);
                        }
                    }
                    Err(what) => self.violation::<T>(scene, &what),
                }
                if self.tally(op).violations > ENOUGH {
                    break;
                }
            }
        }
    }

    /// After which versions `op` is begun, in an order that the seed decides.
    fn scenes<T: Carried>(&mut self, op: Op, slots: u64) -> Vec<Scene> {
        let versions = versions(slots).into_iter();
        let mut scenes: Vec<Scene> = versions
            .map(|published| Scene { op, published })
            .filter(|scene| op != Op::ReadNewer || scene.published > 0)
            .collect();
        for index in (1..scenes.len()).rev() {
            scenes.swap(index, self.rng.below(index as u64 + 1) as usize);
        }
        // A long value takes an instruction for every few bytes, or for each, and every write of it is another
        // image.
        let most = match op {
            _ if op.least() >= 1000 => 1 + usize::from(self.full),
            _ if self.full => scenes.len(),
            Op::WriteFrom if size_of::<T>() >= LONG => 2,
            _ if size_of::<T>() >= LONG => 1,
            _ => scenes.len(),
        };
        scenes.truncate(most);
        scenes
    }

    fn tally(&mut self, op: Op) -> &mut Tally {
        self.tallies.of(op.name(), (op.least(), op.least().min(SPARSE)))
    }

    fn violation<T: Carried>(&mut self, scene: Scene, what: &str) {
        self.tally(scene.op).violations += 1;
        let Scene { op, published } = scene;
        self.report.violation(format!(
            "{} ({}, after version {published}), {what}",
            op.name(),
            T::NAME
        ));
    }

    fn kills<T: Carried>(&mut self, fixture: &Fixture<T>, scene: Scene, steps: u64, path: &[u64]) {
        // In the midst of an instruction that repeats itself nothing of the region is written: the images say so.
        let repeats = |at: u64| at > 0 && path.get(at as usize) == path.get(at as usize - 1);
        // The last one is behind the whole operation.
        let mut points: Vec<u64> = (0..steps + 2).filter(|&at| !repeats(at)).collect();
        if !self.all() {
            let by = (points.len() as u64 / SPARSE).max(1);
            let first = self.rng.below(by);
            points = points.into_iter().skip(first as usize).step_by(by as usize).collect();
        }
        for at in points {
            match fixture.kill(scene, at, path) {
                Ok(()) => self.tally(scene.op).kills += 1,
                Err(what) => self.violation::<T>(scene, &what),
            }
            if self.tally(scene.op).violations > ENOUGH {
                return;
            }
        }
    }
}
