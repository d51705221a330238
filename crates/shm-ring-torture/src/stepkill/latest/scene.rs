//! Owns: where an operation on a latest value begins: which one, after which version, and what the region holds by then.
//! Knows nothing of: how an operation is performed or what becomes of it.

use shm_ring_outsider::{Header, Side, Word, Writable, cells, lay_version};

use super::carried::{Carried, bytes};

/// What is stepped through. The window of each is the operation itself and nothing before or behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    Write,
    WriteFrom,
    Notify,
    AttachWriter,
    /// Attaching after a writer that died in the midst of a value.
    RecoverWriter,
    CloseWriter,
    AttachReader,
    Read,
    ReadInto,
    /// A wait for a newer value, which is there.
    ReadNewer,
    /// A wait for a newer value that goes to sleep, and comes back when its time is over.
    ReadNewerInVain,
    /// The oldest version that is kept.
    Next,
}

impl Op {
    pub(crate) const ALL: [Self; 12] = [
        Self::Write,
        Self::WriteFrom,
        Self::Notify,
        Self::AttachWriter,
        Self::RecoverWriter,
        Self::CloseWriter,
        Self::AttachReader,
        Self::Read,
        Self::ReadInto,
        Self::ReadNewer,
        Self::ReadNewerInVain,
        Self::Next,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Write => "latest, write",
            Self::WriteFrom => "latest, write_from",
            Self::Notify => "latest, notify",
            Self::AttachWriter => "latest, attach writer",
            Self::RecoverWriter => "latest, recover writer",
            Self::CloseWriter => "latest, close writer",
            Self::AttachReader => "latest, attach reader",
            Self::Read => "latest, read",
            Self::ReadInto => "latest, read_into",
            Self::ReadNewer => "latest, read_newer",
            Self::ReadNewerInVain => "latest, read_newer in vain",
            Self::Next => "latest, next",
        }
    }

    /// Whether it is a reader's, beside a writer that lives.
    pub(crate) fn reads(self) -> bool {
        use Op::{AttachReader, Next, Read, ReadInto, ReadNewer, ReadNewerInVain};
        matches!(self, AttachReader | Read | ReadInto | ReadNewer | ReadNewerInVain | Next)
    }

    pub(crate) fn writes(self) -> bool {
        matches!(self, Self::Write | Self::WriteFrom)
    }

    /// Whether a writer attaches.
    pub(crate) fn attaches(self) -> bool {
        matches!(self, Self::AttachWriter | Self::RecoverWriter)
    }

    pub(crate) fn closes(self) -> bool {
        self == Self::CloseWriter
    }

    /// How often the whole operation rings the writer's bell.
    pub(crate) fn rings(self) -> u32 {
        u32::from(self.attaches() || self.closes() || self == Self::Notify)
    }

    /// The fewest instructions of its window that can be the real thing. A compiler that removed the
    /// operation, or a mark at the wrong place, falls below.
    pub(crate) fn least(self) -> u64 {
        match self {
            _ if self.attaches() || self == Self::AttachReader => 1000,
            Self::CloseWriter | Self::ReadNewerInVain => 100,
            // It counts, rings and calls the kernel.
            Self::Notify => 20,
            _ => 25,
        }
    }
}

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
