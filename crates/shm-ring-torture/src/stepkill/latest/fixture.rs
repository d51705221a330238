//! Owns: latest values under the knife: where an operation begins, what the region holds by then, and how it is judged after
//! each instruction. Knows nothing of: how an operation is performed.

use shm_ring::{Latest, LatestReader, LatestWriter, Options, Region};
use shm_ring_outsider::{
    Descriptor, Header, Region as _, Side, Word, Writable, cells, follows_latest, lay_version,
};

use super::judge::{Seen, done, judge, written};
use super::perform::perform;
use super::successors::{after, expect_still, reader, reads};
use super::{Carried, bytes};
use crate::stepkill::create::LABEL;
use crate::stepkill::judge::released;
use crate::stepkill::kind;
use crate::stepkill::knife::{Done, Kill, Outcome, Subject, Window, os};
use crate::stepkill::op::LatestOp as Op;
use crate::stepkill::rings::created;
use crate::trace::Traced;

/// An operation and where it begins.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scene {
    pub(crate) op: Op,
    /// The latest version when it begins; 0 if there is none.
    pub(crate) published: u64,
}

/// Versions to begin after, where there are so many slots: none and the first; the next one goes into the last
/// slot, the first and the second; where 32 bits end; close to the last one after which a writer attaches.
pub(crate) fn versions(slots: u64) -> [u64; 7] {
    [0, 1, slots - 2, slots - 1, slots, (1 << 32) - 1, (1 << 61) - 1 - 4 * slots]
}

/// What the region holds before the operation.
#[derive(Clone, Debug)]
pub(crate) struct Start {
    pub(crate) image: Vec<u8>,
    /// The writer's session, before it has attached and after.
    pub(crate) sessions: (u64, u64),
}

impl Scene {
    /// The oldest version that can be read when it begins.
    pub(super) fn oldest(self, slots: u64) -> u64 {
        (self.published + 2).saturating_sub(slots).max(1)
    }

    /// Lays out the region in `blank`, as its creator leaves it: the versions that its slots hold, and in the slot of the
    /// next one the worst that a killed writer can have left there.
    pub(crate) fn start<T: Carried>(self, header: &Header, blank: &[u8]) -> Start {
        let mut image = blank.to_vec();
        let region = cells(&mut image);
        let next = self.published + 1;
        for version in self.oldest(header.slots())..next {
            lay_version(region, header, version, &bytes::<T>(version));
        }
        region.write(header.slot_at(next), &vec![0xa5; header.slot() as usize]);
        region.set_named(Side::Producer, Word::Position, self.published);
        let before = match (self.op, self.published) {
            (Op::RecoverWriter, _) => 1,
            (_, 0) => 0,
            _ => 2,
        };
        region.set_named(Side::Producer, Word::Session, before);
        Start { image, sessions: (before, (before + 1) | 1) }
    }
}

/// Two latest values that are laid out anew for each window: one that is worked on, and one for copies of it.
pub(crate) struct Fixture<T: Carried> {
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
    pub(crate) fn new() -> Outcome<Self> {
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
    pub(crate) fn slots(&self) -> u64 {
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
}

/// What one child finds.
pub(crate) struct Stage<T: Carried> {
    scene: Scene,
    start: Start,
    /// One that had read before.
    before: LatestReader<T>,
    writer: Option<LatestWriter<T>>,
    image: Vec<u8>,
    last: Vec<u8>,
    began: Option<shm_ring_outsider::Latest>,
    seen: Option<(Seen, shm_ring_outsider::Latest)>,
}

impl<T: Carried> Subject for Fixture<T> {
    type Scene = Scene;
    type Stage = Stage<T>;

    fn name(scene: Scene) -> String {
        scene.op.name().to_owned()
    }

    fn least(scene: Scene) -> (u64, u64) {
        scene.op.least()
    }

    fn says(&self, scene: Scene) -> String {
        format!("{} ({}, after version {})", scene.op.name(), T::NAME, scene.published)
    }

    fn stage(&self, scene: Scene, _: Option<Kill>) -> Outcome<Stage<T>> {
        let (start, writer) = self.set(scene)?;
        let before = self.reader(scene, &start)?;
        let image = start.image.clone();
        let last = Vec::new();
        Ok(Stage { scene, start, before, writer, image, last, began: None, seen: None })
    }

    fn perform(&self, stage: &mut Stage<T>) -> Done {
        perform(stage.scene, &self.latest)
    }

    fn begins(&self, stage: &mut Stage<T>) {
        // What it did to get ready is not the operation's.
        stage.start.image = self.region.all();
    }

    fn look(&self, stage: &mut Stage<T>, _: &Traced, window: &mut Window) -> Outcome<()> {
        let Stage { scene, start, before, image, last, began, seen, .. } = stage;
        self.region.try_read(0, image).map_err(os("reading a region"))?;
        if seen.is_some() && image == last {
            return Ok(());
        }
        let (now, latest) = judge::<T>(*scene, start, &self.header, image)?;
        match seen {
            Some((_, before)) => follows_latest(before, &latest)?,
            None => *began = Some(latest.clone()),
        }
        // A reader beside the child that stands still, and those who come when everybody is dead.
        reads("one beside it", before, now.published)?;
        expect_still(before.writer(), start.sessions.1, now.session)?;
        if !scene.op.reads() {
            self.copied.write(0, image);
            after(&self.copy, None, None, now)?;
        }
        *seen = Some((now, latest));
        window.images += 1;
        last.clone_from(image);
        Ok(())
    }

    fn whole(&self, stage: Stage<T>) -> Outcome<()> {
        let Stage { scene, start, before, writer, began, seen, .. } = stage;
        let (Some(began), Some((seen, latest))) = (began, seen) else {
            return Err("nothing was seen".to_owned());
        };
        done(scene, &start, &began, &latest)?;
        if scene.op.closes() || scene.op.reads() {
            // The process lives on, and must not keep what it gave up or never had.
            after(&self.latest, Some(before), writer, seen)
                .map_err(|what| format!("done by a process that lives on: {what}"))?;
        }
        Ok(())
    }

    fn killed(&self, stage: Stage<T>, child: Traced) -> Outcome<()> {
        let Stage { scene, start, before, writer, .. } = stage;
        drop(child);
        if !scene.op.reads() {
            released(&self.region, Side::Producer)?;
        }
        let (seen, _) = judge::<T>(scene, &start, &self.header, &self.region.all())?;
        after(&self.latest, Some(before), writer, seen)
    }
}
