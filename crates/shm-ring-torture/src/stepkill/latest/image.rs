//! The bytes of a latest value's region, read and laid by LAYOUT.md and by nothing else, and what of them may
//! have changed after any instruction of an operation. It must not ask the library anything.

use std::io;
use std::os::fd::BorrowedFd;

use super::carried::{Carried, bytes};
use super::scene::{Scene, Start};
use crate::layout::{BELL, COUNTERS, DATA, PAGE, PID, PRODUCER, SESSION};
use crate::stepkill::raw::write_at;

/// Counts how often the writer rang.
const RINGS: usize = (PRODUCER + COUNTERS + 16) as usize;

/// How the data area is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    size: u64,
    capacity: u64,
}

impl Shape {
    /// Four slots, or as many as fill a page.
    pub(super) fn of<T: Carried>() -> Self {
        let size = size_of::<T>() as u64;
        Self { size, capacity: (4 * Self::slot(size)).max(PAGE) }
    }

    fn slot(size: u64) -> u64 {
        size.max(128).next_power_of_two()
    }

    pub(super) fn slots(self) -> u64 {
        self.capacity / Self::slot(self.size)
    }

    /// Where `version` stands.
    fn at(self, version: u64) -> usize {
        (DATA + version % self.slots() * Self::slot(self.size)) as usize
    }

    fn region(self) -> usize {
        (DATA + self.capacity) as usize
    }
}

/// All bytes of a region at one moment.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Image {
    pub(super) shape: Shape,
    bytes: Vec<u8>,
}

impl core::fmt::Debug for Image {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Image").field("shape", &self.shape).finish_non_exhaustive()
    }
}

impl Image {
    pub(super) fn of<T: Carried>(region: BorrowedFd<'_>) -> io::Result<Self> {
        let shape = Shape::of::<T>();
        let mut image = Self { shape, bytes: vec![0; shape.region()] };
        image.refresh(region)?;
        Ok(image)
    }

    /// Reads the region again, into the same memory.
    pub(super) fn refresh(&mut self, region: BorrowedFd<'_>) -> io::Result<()> {
        let read = rustix::io::pread(region, &mut self.bytes, 0)?;
        if read == self.bytes.len() { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }

    pub(super) fn write_to(&self, region: BorrowedFd<'_>) -> io::Result<()> {
        write_at(region, 0, &self.bytes)
    }

    fn word(&self, offset: u64) -> u64 {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&self.bytes[offset as usize..offset as usize + 8]);
        u64::from_le_bytes(bytes)
    }

    fn set(&mut self, offset: u64, word: u64) {
        self.bytes[offset as usize..offset as usize + 8].copy_from_slice(&word.to_le_bytes());
    }

    pub(super) fn published(&self) -> u64 {
        self.word(PRODUCER)
    }

    pub(super) fn set_published(&mut self, version: u64) {
        self.set(PRODUCER, version);
    }

    pub(super) fn session(&self) -> u64 {
        self.word(PRODUCER + SESSION)
    }

    pub(super) fn set_session(&mut self, session: u64) {
        self.set(PRODUCER + SESSION, session);
    }

    pub(super) fn bell(&self) -> u32 {
        self.word(PRODUCER + BELL) as u32
    }

    /// Lays `version` into its slot.
    pub(super) fn lay<T: Carried>(&mut self, version: u64) {
        let whole = whole::<T>(version);
        let at = self.shape.at(version);
        self.bytes[at..at + whole.len()].copy_from_slice(&whole);
    }

    /// Fills the slot of `version` with what no value holds.
    pub(super) fn tear(&mut self, version: u64) {
        let at = self.shape.at(version);
        self.bytes[at..at + Shape::slot(self.shape.size) as usize].fill(0xa5);
    }

    fn holds<T: Carried>(&self, version: u64) -> bool {
        let (at, whole) = (self.shape.at(version), whole::<T>(version));
        self.bytes[at..at + whole.len()] == whole[..]
    }

    /// The first of what is not as it was `before`.
    pub(super) fn written_since(&self, before: &Self) -> Option<String> {
        let differs = |&offset: &usize| self.bytes[offset] != before.bytes[offset];
        (0..self.bytes.len()).find(differs).map(|offset| self.name(offset))
    }

    /// What stands at `offset`, in the words of LAYOUT.md.
    fn name(&self, offset: usize) -> String {
        let page = PRODUCER as usize;
        match offset.checked_sub(page) {
            None => "the header".to_owned(),
            Some(0..8) => "the number of the latest version".to_owned(),
            Some(in_page) if in_page < PAGE as usize => {
                format!("byte {in_page} of the writer's page")
            }
            _ if offset < DATA as usize => "the page that nobody owns".to_owned(),
            _ => {
                let slot = (offset - DATA as usize) / Shape::slot(self.shape.size) as usize;
                format!("slot {slot} of {}", self.shape.slots())
            }
        }
    }
}

/// A version as it stands in its slot: filled up to whole words with zeros.
fn whole<T: Carried>(version: u64) -> Vec<u8> {
    let mut bytes = bytes::<T>(version);
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    bytes
}

/// How far an operation had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// The latest version.
    pub(super) published: u64,
    pub(super) session: u64,
}

/// How far the operation of `scene` had come when the region was `image`; or why that cannot be.
pub(super) fn judge<T: Carried>(
    scene: Scene,
    start: &Start,
    image: &Image,
) -> Result<Seen, String> {
    let op = scene.op;
    let changed = |offset: usize| image.bytes[offset] != start.image.bytes[offset];
    for offset in (0..image.bytes.len()).filter(|&offset| changed(offset)) {
        if !may_change(scene, image.shape, offset) {
            return Err(format!("{} was written", image.name(offset)));
        }
    }
    let published = image.published();
    if published != scene.published && !(op.writes() && published == scene.published + 1) {
        return Err(format!("version {published} is the latest after {}", scene.published));
    }
    if published != scene.published && !image.holds::<T>(published) {
        return Err(format!("version {published} is the latest and is not whole"));
    }
    let session = image.session();
    let (before, attached) = start.sessions;
    let allowed = match op {
        _ if op.attaches() => [before, attached],
        _ if op.closes() => [attached, attached + 1],
        _ => [attached, attached],
    };
    if !allowed.contains(&session) {
        return Err(format!("the session is {session} and can only be one of {allowed:?}"));
    }
    Ok(Seen { published, session })
}

/// Whether the operation of `scene` may write the byte at `offset`. The slots of all versions that a reader may
/// be copying are nobody's to touch.
fn may_change(scene: Scene, shape: Shape, offset: usize) -> bool {
    let op = scene.op;
    let word = |at: u64, len: usize| (at as usize..at as usize + len).contains(&offset);
    let slot = shape.at(scene.published + 1) as u64;
    word(PRODUCER, 8) && op.writes()
        || word(slot, Shape::slot(shape.size) as usize) && op.writes()
        || word(PRODUCER + SESSION, 8) && !op.reads() && !op.writes()
        || word(PRODUCER + PID, 4) && !op.reads() && !op.writes()
        || word(PRODUCER + BELL, 4) && op.rings() > 0
        || word(RINGS as u64, 8) && op.rings() > 0
}

/// What is wrong when `now` follows `before`.
pub(super) fn follows(before: Seen, now: Seen) -> Result<(), String> {
    if now.published < before.published || now.session < before.session {
        return Err(format!("what was done came undone: {before:?}, then {now:?}"));
    }
    Ok(())
}

/// What is wrong with the end of the whole operation. `bell` is what the bell said before it began.
pub(super) fn done(
    scene: Scene,
    start: &Start,
    bell: u32,
    image: &Image,
    seen: Seen,
) -> Result<(), String> {
    let op = scene.op;
    let wanted = Seen {
        published: scene.published + u64::from(op.writes()),
        session: start.sessions.1 + u64::from(op.closes()),
    };
    if seen != wanted {
        return Err(format!("it returned with {seen:?} and not {wanted:?}"));
    }
    let rung = image.bell().wrapping_sub(bell);
    if rung != op.rings() {
        return Err(format!("it rang {rung} times and not {}", op.rings()));
    }
    Ok(())
}
