//! Owns: one operation on a latest value, instruction by instruction: looked at after each, or killed after one of them.
//! Knows nothing of: which scenes there are.

use nix::sys::signal::Signal;
use shm_ring::{Latest, LatestReader, LatestWriter, Options, Region};
use shm_ring_outsider::{Descriptor, Header, Region as _, Writable};

use super::carried::Carried;
use super::judge::{Seen, done, follows, judge, written};
use super::perform::perform;
use super::scene::{Scene, Start};
use super::successors::{after, expect_still, reader, reads};
use crate::stepkill::create::LABEL;
use crate::stepkill::judge::released;
use crate::stepkill::kind;
use crate::stepkill::window::{Outcome, STEPS_MAX, Window, advance, created, os};
use crate::trace::{Step, Traced};

/// Two latest values that are laid out anew for each window: one that is worked on, and one for copies of it.
pub(super) struct Fixture<T: Carried> {
    latest: Latest<T>,
    region: Descriptor,
    header: Header,
    /// As its creator left it.
    blank: Vec<u8>,
    copy: Latest<T>,
    copied: Descriptor,
}

/// How all of them are created and opened.
pub(super) fn options<T: Carried>() -> Options {
    kind::options().items(header::<T>().slots() as usize).label(LABEL)
}

/// The header that they have, but for what is never the same twice.
pub(super) fn header<T: Carried>() -> Header {
    Header::latest(size_of::<T>() as u64, align_of::<T>() as u64).labelled(LABEL)
}

impl<T: Carried> Fixture<T> {
    pub(super) fn new() -> Outcome<Self> {
        let make = || {
            let region = Region::memfd("stepkill-latest");
            let latest = Latest::<T>::create(region, &options::<T>())
                .map_err(os("a latest value for the campaign"))?;
            let region = Descriptor::of(latest.descriptor()).map_err(os("a descriptor"))?;
            Ok::<_, String>((latest, region))
        };
        let ((latest, region), (copy, copied)) = (make()?, make()?);
        let blank = region.all();
        let header = created(&blank, header::<T>())?;
        // What a process finds out once is found out before anyone is forked.
        for _ in 0..2 {
            let ends = (latest.writer(), latest.reader());
            ends.0.map_err(os("a role that is free cannot be taken"))?;
            ends.1.map_err(os("a reader cannot attach"))?;
        }
        Ok(Self { latest, region, header, blank, copy, copied })
    }

    /// Slots of its region.
    pub(super) fn slots(&self) -> u64 {
        self.header.slots()
    }

    /// Lays out the region, with a writer that lives if a reader is to be killed.
    fn set(&self, scene: Scene) -> Outcome<(Start, Option<LatestWriter<T>>)> {
        let mut start = scene.start::<T>(&self.header, &self.blank);
        self.region.write(0, &start.image);
        let writer = scene.op.reads().then(|| self.latest.writer()).transpose();
        let writer = writer.map_err(os("a writer"))?;
        start.image = self.region.all();
        Ok((start, writer))
    }

    /// A reader that has read what there is, which has left no trace.
    fn reader(&self, scene: Scene, start: &Start) -> Outcome<LatestReader<T>> {
        let mut reader = reader(&self.latest)?;
        reads("one that was there before", &mut reader, scene.published)?;
        match written(&self.header, &start.image, &self.region.all()) {
            Some(what) => Err(format!("a reader attached and read, and {what} was written")),
            None => Ok(reader),
        }
    }

    /// A child stopped right before the operation.
    fn child(&self, scene: Scene, start: &mut Start) -> Outcome<Traced> {
        let latest = &self.latest;
        let mut child = Traced::start(|| perform::<T>(scene, latest)).map_err(os("tracing"))?;
        match child.go().map_err(os("tracing"))? {
            Step::Signalled(Signal::SIGSTOP) => {}
            other => return Err(format!("a child did not get ready: {other:?}")),
        }
        // What it did to get ready is not the operation's.
        start.image = self.region.all();
        Ok(child)
    }

    /// Looks at the region after each instruction, and checks each image that differs from the one before: as
    /// a reader beside the child, and as one who finds it when everybody is dead.
    pub(super) fn images(&self, scene: Scene) -> Outcome<Window> {
        let (mut start, writer) = self.set(scene)?;
        let mut beside = self.reader(scene, &start)?;
        let mut child = self.child(scene, &mut start)?;
        let Self { region, header, .. } = self;
        let mut image = start.image.clone();
        let mut last = image.clone();
        let mut window = Window::default();
        let mut seen: Option<(Seen, shm_ring_outsider::Latest)> = None;
        let (_, began) = judge::<T>(scene, &start, header, &image)?;
        loop {
            let at = |what: String| format!("after instruction {}, image: {what}", window.steps);
            if seen.is_none() || image != last {
                let (now, latest) = judge::<T>(scene, &start, header, &image).map_err(at)?;
                if let Some((_, before)) = &seen {
                    follows(before, &latest).map_err(at)?;
                }
                reads("one beside it", &mut beside, now.published).map_err(at)?;
                expect_still(beside.writer(), start.sessions.1, now.session).map_err(at)?;
                if !scene.op.reads() {
                    self.copied.write(0, &image);
                    after(&self.copy, None, None, now).map_err(at)?;
                }
                seen = Some((now, latest));
                window.images += 1;
                last.clone_from(&image);
            }
            window.path.push(child.instruction().map_err(os("tracing"))?);
            match child.step().map_err(os("tracing"))? {
                Step::Stopped if window.steps < STEPS_MAX => window.steps += 1,
                Step::Signalled(Signal::SIGSTOP) => break,
                other => return Err(at(format!("it hangs or ended: {other:?}"))),
            }
            region.try_read(0, &mut image).map_err(os("reading a region"))?;
        }
        let Some((seen, latest)) = seen else { return Err("nothing was seen".to_owned()) };
        done(scene, &start, &began, &latest)?;
        if scene.op.closes() || scene.op.reads() {
            // The process lives on, and must not keep what it gave up or never had.
            after(&self.latest, Some(beside), writer, seen)
                .map_err(|what| format!("done by a process that lives on: {what}"))?;
        }
        match child.go().map_err(os("tracing"))? {
            Step::Exited(0) => Ok(window),
            other => Err(format!("the operation failed: {other:?}")),
        }
    }

    /// Kills a child after `steps` instructions and checks what is left. `path` are the addresses of the
    /// window's instructions as far as they are known.
    pub(super) fn kill(&self, scene: Scene, steps: u64, path: &[u64]) -> Outcome<()> {
        let inside = self.kill_one(scene, steps, path)?;
        if !inside && steps < path.len() as u64 {
            // It went another way and missed the breakpoint.
            self.kill_one(scene, steps, &[])?;
        }
        Ok(())
    }

    /// Whether the kill was inside of the operation, and not behind it.
    fn kill_one(&self, scene: Scene, steps: u64, path: &[u64]) -> Outcome<bool> {
        let at = |what: String| format!("killed after instruction {steps}: {what}");
        let (mut start, writer) = self.set(scene)?;
        let before = self.reader(scene, &start)?;
        let mut child = self.child(scene, &mut start)?;
        let inside = advance(&mut child, steps, path).map_err(at)?;
        drop(child);
        if !scene.op.reads() {
            released(&self.region, shm_ring_outsider::Side::Producer).map_err(at)?;
        }
        let (seen, _) = judge::<T>(scene, &start, &self.header, &self.region.all()).map_err(at)?;
        after(&self.latest, Some(before), writer, seen).map_err(at)?;
        Ok(inside)
    }
}
