//! Owns: what may stand in a latest value's region after any instruction of an operation: the rules of LAYOUT.md, as the
//! outsider knows them, which bytes the operation may write, and how far it can have come. Knows nothing of: the library.

use shm_ring_outsider::{Header, Latest, Life, Side, Word, judge_latest, life, name};

use super::fixture::{Scene, Start};
use super::{Carried, bytes};
use crate::stepkill::judge::sessions;

/// How far an operation had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// The latest version.
    pub(super) published: u64,
    pub(super) session: u64,
}

impl Seen {
    /// What the writer is, if nobody holds its lock.
    pub(super) fn fate(&self) -> Life {
        life(self.session, false)
    }
}

/// The first of what is not as it was `before`.
pub(super) fn written(header: &Header, before: &[u8], now: &[u8]) -> Option<String> {
    let offset = before.iter().zip(now).position(|(old, new)| old != new)?;
    Some(name(header, offset as u64))
}

/// How far the operation of `scene` had come when the region was `image`, and what it holds; or why that cannot be.
pub(super) fn judge<T: Carried>(
    scene: Scene,
    start: &Start,
    header: &Header,
    image: &[u8],
) -> Result<(Seen, Latest), String> {
    let op = scene.op;
    let changed = start.image.iter().zip(image).enumerate().filter(|(_, (old, new))| old != new);
    for (offset, _) in changed {
        if !may_change(scene, header, offset as u64) {
            return Err(format!("{} was written", name(header, offset as u64)));
        }
    }
    let latest = judge_latest(image, header)?;
    let published = latest.published;
    if published != scene.published && !(op.writes() && published == scene.published + 1) {
        return Err(format!("version {published} is the latest after {}", scene.published));
    }
    if latest.item != (published != 0).then(|| bytes::<T>(published)) {
        return Err(format!("version {published} is the latest and is not whole"));
    }
    let session = latest.writer.session;
    sessions(start.sessions, op.attaches(), op.closes(), session)?;
    Ok((Seen { published, session }, latest))
}

/// Whether the operation of `scene` may write the byte at `offset`. The slots of all versions that a reader may be copying
/// are nobody's to touch.
fn may_change(scene: Scene, header: &Header, offset: u64) -> bool {
    let op = scene.op;
    let within = |at: u64, len: u64| (at..at + len).contains(&offset);
    let page = Side::Producer.page(header.page.into());
    let word = |word: Word| within(page + word.offset(), word.bytes());
    let life = word(Word::Session) || word(Word::Pid) || word(Word::PidNamespace);
    op.writes()
        && (word(Word::Position) || within(header.slot_at(scene.published + 1), header.slot()))
        || life && (op.attaches() || op.closes())
        || op.rings() > 0 && (word(Word::Bell) || word(Word::WakesSent))
}

/// What is wrong with the end of the whole operation, which found `began`.
pub(super) fn done(
    scene: Scene,
    start: &Start,
    began: &Latest,
    now: &Latest,
) -> Result<(), String> {
    let op = scene.op;
    let seen = Seen { published: now.published, session: now.writer.session };
    let wanted = Seen {
        published: scene.published + u64::from(op.writes()),
        session: start.sessions.1 + u64::from(op.closes()),
    };
    if seen != wanted {
        return Err(format!("it returned with {seen:?} and not {wanted:?}"));
    }
    let rung = now.writer.bell.wrapping_sub(began.writer.bell);
    if rung != op.rings() {
        return Err(format!("it rang {rung} times and not {}", op.rings()));
    }
    Ok(())
}
