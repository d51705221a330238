//! One operation of one child, instruction by instruction: looked at after each, or killed after one of them.
//! It must not know which scenes there are.

use std::io::IoSliceMut;

use nix::sys::signal::Signal;
use nix::sys::uio::{RemoteIoVec, process_vm_readv};
use shm_ring::{Options, Region, Ring, Wait};

use super::judge::{Seen, copied, ends, follows, judge, whole};
use super::kind::Kind;
use super::perform::perform;
use super::raw::{CAPACITY, Image, Side, write_at};
use super::scene::{Op, Scene, Start};
use super::successors::{Survivor, after_consumer, after_producer};
use crate::trace::{Step, Traced};

/// A window that is still open after so many instructions hangs.
pub(super) const STEPS_MAX: u64 = 1_000_000;

/// Two rings that are laid out anew for each window: one that is worked on, and one for copies of it.
pub(crate) struct Stage<K: Kind> {
    pub(super) ring: Ring<K::P>,
    copy: Ring<K::P>,
    pub(super) blank: Image,
}

/// What a window showed.
#[derive(Debug, Default)]
pub(crate) struct Window {
    /// Instructions between the two marks.
    pub(crate) steps: u64,
    /// Distinct images that were checked.
    pub(crate) images: u64,
    /// After which instruction what was stored.
    pub(crate) sites: Vec<(u64, Vec<&'static str>)>,
    /// The address of each instruction.
    pub(crate) path: Vec<u64>,
}

/// The rings or the tracing failed, or something was violated.
pub(crate) type Outcome<T> = Result<T, String>;

pub(super) fn os<E: std::fmt::Display>(what: &'static str) -> impl Fn(E) -> String {
    move |error| format!("{what}: {error}")
}

/// How all rings here are created and opened.
pub(super) fn options() -> Options {
    // A side that finds nothing asks about its peer at once: no check has to wait. One thread each: a second
    // one would run while its process is stepped.
    Options::new().bytes(CAPACITY).wait(Wait::PARK).death_notice(false)
}

impl<K: Kind> Stage<K> {
    pub(crate) fn new() -> Outcome<Self> {
        let make = || {
            Ring::<K::P>::create(Region::memfd("stepkill"), options())
                .map_err(os("a ring for the campaign"))
        };
        let (ring, copy) = (make()?, make()?);
        let blank = Image::of(ring.descriptor()).map_err(os("reading a region"))?;
        blank.header_is_whole(K::RECORDS)?;
        // What a process finds out once is found out before anyone is forked. Twice: what was closed is free.
        for _ in 0..2 {
            let ends = (ring.producer(), ring.consumer());
            ends.0.map_err(os("a role that is free cannot be taken"))?;
            ends.1.map_err(os("a role that is free cannot be taken"))?;
        }
        Ok(Self { ring, copy, blank })
    }

    pub(super) fn set(&self, start: &Start) -> Outcome<()> {
        start.image.write_to(self.ring.descriptor()).map_err(os("writing a region"))
    }

    /// A sleeper of the other side, as far as the operation can see.
    fn set_sleeper(&self, scene: Scene) -> Outcome<()> {
        let Some((side, wake_at)) = scene.wake_at::<K>() else { return Ok(()) };
        write_at(self.ring.descriptor(), side.wake_at_offset(), &wake_at.to_le_bytes())
            .map_err(os("writing a region"))
    }

    /// A child stopped right before the operation.
    pub(super) fn child(
        &self,
        scene: Scene,
        start: &Start,
        diary: &mut K::Diary,
    ) -> Outcome<Traced> {
        let ring = &self.ring;
        let mut child =
            Traced::start(|| perform::<K>(scene, start, ring, diary)).map_err(os("tracing"))?;
        match child.go().map_err(os("tracing"))? {
            Step::Signalled(Signal::SIGSTOP) => Ok(child),
            other => Err(format!("a child did not get ready: {other:?}")),
        }
    }

    /// Copies the region after each instruction, and checks each copy that differs from the one before as one
    /// who finds it when everybody is dead.
    pub(crate) fn images(&self, scene: Scene) -> Outcome<Window> {
        let start = scene.start::<K>(&self.blank);
        self.set(&start)?;
        self.set_sleeper(scene)?;
        let mut diary = K::diary();
        let mut child = self.child(scene, &start, &mut diary)?;
        let region = self.ring.descriptor();
        let mut image = Image::of(region).map_err(os("reading a region"))?;
        let mut last = image.clone();
        let bell = image.bell(scene.op.side());
        let mut window = Window::default();
        let mut seen = None;
        let ends = ends::<K>(scene);
        loop {
            let at = |what: String| format!("after instruction {}, image: {what}", window.steps);
            if seen.is_none() || image != last {
                let now = judge::<K>(scene, &start, &image).map_err(at)?;
                if let Some(before) = seen {
                    follows(before, now).map_err(at)?;
                    let changes = image.changes(&last, scene.at, &ends);
                    window.sites.push((window.steps, changes));
                }
                copied::<K>(scene, now, &read_diary::<K>(&child, &diary)?).map_err(at)?;
                image.write_to(self.copy.descriptor()).map_err(os("writing a region"))?;
                let survivor = || Survivor::Nobody { victim_first: window.images % 2 == 1 };
                self.successors(&self.copy, scene, survivor(), now).map_err(at)?;
                seen = Some(now);
                window.images += 1;
                last.clone_from(&image);
            }
            window.path.push(child.instruction().map_err(os("tracing"))?);
            match child.step().map_err(os("tracing"))? {
                Step::Stopped if window.steps < STEPS_MAX => window.steps += 1,
                Step::Signalled(Signal::SIGSTOP) => break,
                other => return Err(at(format!("it hangs or ended: {other:?}"))),
            }
            image.refresh(region).map_err(os("reading a region"))?;
        }
        let Some(seen) = seen else { return Err("nothing was seen".to_owned()) };
        whole(scene, &start, bell, &image, seen)?;
        if scene.op.closes() {
            // The process lives on, and must not keep what it gave up.
            self.successors(&self.ring, scene, Survivor::Nobody { victim_first: false }, seen)
                .map_err(|what| format!("closed by a process that lives on: {what}"))?;
        }
        match child.go().map_err(os("tracing"))? {
            Step::Exited(0) => Ok(window),
            other => Err(format!("the operation failed: {other:?}")),
        }
    }

    /// Kills a child after `steps` instructions and checks what is left, with or without a survivor.
    /// `path` are the addresses of the window's instructions as far as they are known.
    pub(crate) fn kill(&self, scene: Scene, steps: u64, path: &[u64], alone: bool) -> Outcome<()> {
        let inside = self.kill_one(scene, steps, path, alone)?;
        if !inside && steps < path.len() as u64 {
            // It went another way and missed the breakpoint.
            self.kill_one(scene, steps, &[], alone)?;
        }
        Ok(())
    }

    /// Whether the kill was inside of the operation, and not behind it.
    fn kill_one(&self, scene: Scene, steps: u64, path: &[u64], alone: bool) -> Outcome<bool> {
        let at = |what: String| format!("killed after instruction {steps}: {what}");
        let start = scene.start::<K>(&self.blank);
        self.set(&start)?;
        let survivor = match (alone, scene.op.side()) {
            // Head is moved behind a consumer's back there.
            _ if scene.op == Op::PushLook => Survivor::Nobody { victim_first: alone },
            (true, _) => Survivor::Nobody { victim_first: steps & 2 == 0 },
            (false, Side::Producer) => {
                Survivor::Consumer(self.ring.consumer().map_err(os("a survivor"))?)
            }
            (false, Side::Consumer) => {
                Survivor::Producer(self.ring.producer().map_err(os("a survivor"))?)
            }
        };
        self.set_sleeper(scene)?;
        let mut diary = K::diary();
        let mut child = self.child(scene, &start, &mut diary)?;
        let inside = advance(&mut child, steps, path).map_err(at)?;
        let read = read_diary::<K>(&child, &diary)?;
        drop(child);
        let image = Image::of(self.ring.descriptor()).map_err(os("reading a region"))?;
        let seen = judge::<K>(scene, &start, &image).map_err(at)?;
        copied::<K>(scene, seen, &read).map_err(at)?;
        self.successors(&self.ring, scene, survivor, seen).map_err(at)?;
        Ok(inside)
    }

    fn successors(
        &self,
        ring: &Ring<K::P>,
        scene: Scene,
        survivor: Survivor<K>,
        seen: Seen,
    ) -> Outcome<()> {
        match scene.op.side() {
            Side::Producer => after_producer(ring, survivor, seen),
            Side::Consumer => after_consumer(ring, survivor, seen),
        }
    }
}

/// Whether a child has made `steps` instructions of its window; not if it is behind the whole operation.
/// `path` are the addresses of another child's, which may have gone another way.
pub(super) fn advance(child: &mut Traced, steps: u64, path: &[u64]) -> Outcome<bool> {
    match child.advance(steps, path).map_err(os("tracing"))? {
        Step::Stopped => Ok(true),
        Step::Signalled(Signal::SIGSTOP) => Ok(false),
        other => Err(format!("it hangs or ended: {other:?}")),
    }
}

/// The child's copy of `diary`, which stands where ours does.
fn read_diary<K: Kind>(child: &Traced, diary: &K::Diary) -> Outcome<Vec<u8>> {
    let (base, len) = K::diary_at(diary);
    let mut bytes = vec![0; len];
    process_vm_readv(child.pid(), &mut [IoSliceMut::new(&mut bytes)], &[RemoteIoVec { base, len }])
        .map_err(os("reading a child's memory"))?;
    Ok(bytes)
}
