//! The latest value.
//!
//! Owns: what the region of a latest value at rest holds, and what a reader must answer.
//! Knows nothing of: rings.

use core::sync::atomic::Ordering::Acquire;
use core::sync::atomic::fence;

use crate::header::{Header, Kind};
use crate::region::Region;
use crate::reserved;
use crate::side::{SideWords, Start};
use crate::violation::{Rule, Violation};
use crate::words::{NEVER, POSITION, POSITION_END, Side};

/// A latest value that breaks no rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Latest {
    /// The words of the writer.
    pub writer: SideWords,
    /// The number of the latest version; 0 if there is none.
    pub published: u64,
    /// The item of the latest version.
    pub item: Option<Vec<u8>>,
}

/// Judges a region that was created with `header` and holds a latest value.
pub fn judge_latest<R: Region + ?Sized>(region: &R, header: &Header) -> Result<Latest, Violation> {
    Violation::unless(header.kind() == Some(Kind::Latest), Rule::Header, || {
        "the region holds a ring and no latest value".to_owned()
    })?;
    reserved::check(region, header)?;
    let [writer, nobody] = Side::BOTH.map(|side| SideWords::of(region, header, side));
    let fresh = SideWords {
        position: 0,
        front: [0; 56],
        wake_at: NEVER,
        hint: 0,
        bell: 0,
        session: 0,
        fence_mode: 0,
        pid: 0,
        pid_namespace: 0,
        liveness: 0,
        high_water: 0,
        sleeps: 0,
        wakes_sent: 0,
        waits: 0,
        dropped: 0,
        died: 0,
        starts: [Start { session: 0, began: 0, died_before: 0 }; 2],
        told: 0,
    };
    Violation::unless(nobody == fresh, Rule::Reserved, || {
        format!("the page that nobody owns was written: {nobody:?}")
    })?;
    Violation::unless(writer.front == fresh.front, Rule::Reserved, || {
        "the front of a latest value was written".to_owned()
    })?;
    let says = (writer.died, writer.starts) != (fresh.died, fresh.starts);
    Violation::unless(!says, Rule::Reserved, || {
        format!("the writer of a latest value wrote where its sessions began: {writer:?}")
    })?;
    Violation::unless(writer.wake_at == NEVER, Rule::WakeAt, || {
        format!("the writer, who never sleeps, wants to be woken at {}", writer.wake_at)
    })?;
    writer.check(Side::Producer, header)?;
    let published = writer.position;
    Violation::unless(published < POSITION_END, Rule::Position, || {
        format!("the latest version is {published:#x}: 2^62 or more")
    })?;
    if published == 0 {
        return Ok(Latest { writer, published, item: None });
    }
    let (size, whole) = (header.item_size as usize, header.item_size.next_multiple_of(8));
    let mut item = region.read(header.slot_at(published), whole as usize);
    Violation::unless(item[size..].iter().all(|&byte| byte == 0), Rule::Slot, || {
        format!("the fill behind version {published} is {:?}", &item[size..])
    })?;
    item.truncate(size);
    Ok(Latest { writer, published, item: Some(item) })
}

/// The item in the slot of `version`.
#[track_caller]
pub fn version<R: Region + ?Sized>(region: &R, header: &Header, version: u64) -> Vec<u8> {
    region.read(header.slot_at(version), header.item_size as usize)
}

/// What a reader must know: the version that it has read, the one that it has come to, and whether the region is corrupt
/// for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reader {
    /// The version that it read last.
    pub version: u64,
    /// It wants none up to this one next.
    pub passed: u64,
    /// Permanently.
    pub corrupt: bool,
}

impl Reader {
    /// The number of the latest version, or `None` if the reader must find the region corrupt.
    pub fn look<R: Region + ?Sized>(&mut self, region: &R, header: &Header) -> Option<u64> {
        let published = published(region, header);
        fence(Acquire);
        self.corrupt |= published < self.version || published >= POSITION_END;
        (!self.corrupt).then_some(published)
    }

    /// One attempt to copy the latest version: `Some(None)` if there is none yet, `None` if the region is corrupt
    /// or the copy is not whole.
    pub fn read<R: Region + ?Sized>(
        &mut self,
        region: &R,
        header: &Header,
    ) -> Option<Option<Vec<u8>>> {
        let version = self.look(region, header)?;
        if version == 0 {
            return Some(None);
        }
        let item = self::version(region, header, version);
        fence(Acquire);
        let now = published(region, header);
        if now.wrapping_sub(version) > header.slots() - 2 {
            return None;
        }
        self.version = version;
        Some(Some(item))
    }
}

/// What a reader finds that wants the next version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing after the last.
    Nothing,
    /// The item of the next version, whole.
    Item(Vec<u8>),
    /// So many versions are lost.
    Lost(u64),
    /// The region is corrupt.
    Corrupt,
}

impl Reader {
    /// A reader that wants what is published from now on.
    pub fn attach<R: Region + ?Sized>(region: &R, header: &Header) -> Self {
        Self { passed: published(region, header), ..Self::default() }
    }

    /// The version that it has come to.
    pub fn position(&self) -> u64 {
        self.version.max(self.passed)
    }

    /// The version after the last that it has come to.
    pub fn next<R: Region + ?Sized>(&mut self, region: &R, header: &Header) -> Next {
        let last = self.position();
        match self.look(region, header) {
            Some(published) if published == last => return Next::Nothing,
            Some(published) if published > last => {}
            _ => return self.corrupt(),
        }
        let item = self::version(region, header, last + 1);
        fence(Acquire);
        let (now, spare) = (published(region, header), header.slots() - 2);
        if now <= last || now >= POSITION_END {
            return self.corrupt();
        }
        if now - (last + 1) <= spare {
            self.version = last + 1;
            return Next::Item(item);
        }
        self.passed = now - spare / 2 - 1;
        Next::Lost(self.passed - last)
    }

    fn corrupt(&mut self) -> Next {
        self.corrupt = true;
        Next::Corrupt
    }
}

fn published<R: Region + ?Sized>(region: &R, header: &Header) -> u64 {
    region.word(Side::Producer.page(header.page.into()) + POSITION)
}

/// Whether a writer attaches, by the version that it finds.
impl Latest {
    /// The first version after which no writer attaches.
    pub const ATTACH_END: u64 = POSITION_END / 2;
}
