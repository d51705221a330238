//! Owns: the wire format, layout v2: which word stands where and who writes it. LAYOUT.md describes it for those who
//! write a peer in another language. Knows nothing of: how the words are used.

use crate::protocol::bell::Bell;
use crate::protocol::sync::{AtomicU32, AtomicU64, Ordering};

/// `wake_at` of a side that is not asleep.
pub(crate) const NEVER: u64 = u64::MAX;

/// A hot word alone on its line: 128 bytes, because adjacent lines are fetched in pairs.
#[repr(C, align(128))]
pub(crate) struct Line<T>(pub(crate) T);

/// The page that one side writes and the other maps read-only. Both sides have the same shape.
#[repr(C)]
pub(crate) struct SidePage {
    pub(crate) position: Line<Position>,
    pub(crate) park: Line<Park>,
    /// Rung by this side; the other side sleeps on it.
    pub(crate) bell: Line<Bell>,
    pub(crate) life: Line<Life>,
    /// For the kernel's notice of a death: 0, or the thread that the kernel is to tell of with
    /// [`LIVENESS_WAITERS`]. The kernel puts [`LIVENESS_DIED`] in place of the thread when it ends.
    pub(crate) liveness: Line<AtomicU32>,
    pub(crate) counters: Line<Counters>,
    pub(crate) ends: Line<Ends>,
}

/// How far a side has come.
#[repr(C)]
pub(crate) struct Position {
    /// The tail word in the producer's page, `head` in the consumer's, the latest version in a writer's.
    pub(crate) word: AtomicU64,
    /// In the producer's page: the copy of the newest record, on the line of the word that says so.
    pub(crate) front: [AtomicU64; FRONT_WORDS],
}

/// What a side tells the other about waking it.
#[repr(C)]
pub(crate) struct Park {
    /// The position of the *other* side at which this side, asleep, wants to be woken.
    pub(crate) wake_at: AtomicU64,
    /// In the consumer's page: whether it wants the front. On the line that the producer looks at anyway.
    pub(crate) hint: AtomicU64,
}

/// Words of the front.
pub(crate) const FRONT_WORDS: usize = 7;

/// Who holds the role.
#[repr(C)]
pub(crate) struct Life {
    /// 0 before the first attachment, odd while attached, even after an orderly close.
    pub(crate) session: AtomicU64,
    /// 1 if this side, as a waker, relies on the sleeper's membarrier; 2 if it fences itself for as long as its session
    /// lasts; 0 if it fences itself for now.
    pub(crate) fence_mode: AtomicU32,
    /// For display only; no decision is made on it.
    pub(crate) pid: AtomicU32,
    /// In which pid namespace that is its number; 0 if that is not known.
    pub(crate) pid_namespace: AtomicU64,
}

/// What happened on the slow path, for observers.
#[repr(C)]
pub(crate) struct Counters {
    /// Most bytes seen in flight when the producer looked (the producer's page only).
    pub(crate) high_water: AtomicU64,
    pub(crate) sleeps: AtomicU64,
    pub(crate) wakes_sent: AtomicU64,
    /// Waits that found the ring full (producer) or empty (consumer).
    pub(crate) waits: AtomicU64,
    /// Records that the producer's user counted as thrown away (the producer's page only).
    pub(crate) dropped: AtomicU64,
}

/// How sessions of the producer began and ended, and which ends its consumers have heard of. On no line that a push or a
/// pop touches.
#[repr(C)]
pub(crate) struct Ends {
    /// In the producer's page: the last session that ended without an orderly close, once somebody has followed it.
    pub(crate) died: AtomicU64,
    /// In the producer's page: of the last two sessions that began, by turns.
    pub(crate) starts: [Start; 2],
    /// In the consumer's page: the last session whose end was returned.
    pub(crate) told: AtomicU64,
}

/// Where a session of the producer began.
#[repr(C)]
pub(crate) struct Start {
    /// Which session that is. Of any other this says nothing.
    pub(crate) session: AtomicU64,
    /// Its tail.
    pub(crate) began: AtomicU64,
    /// What `died` said then.
    pub(crate) died_before: AtomicU64,
}

impl Ends {
    /// Where a session's start stands: not where that of the session before it does.
    pub(crate) fn start_of(&self, session: u64) -> &Start {
        &self.starts[(session >> 1 & 1) as usize]
    }
}

impl Counters {
    /// Adds one.
    pub(crate) fn count(counter: &AtomicU64) {
        Self::add(counter, 1);
    }

    /// Adds `more`. A counter has one writer, so a load and a store do. Nothing depends on counters, so loom is spared
    /// them.
    pub(crate) fn add(counter: &AtomicU64, more: u64) {
        if cfg!(not(loom)) {
            counter.store(counter.load(Ordering::Relaxed).wrapping_add(more), Ordering::Relaxed);
        }
    }

    /// Raises a mark to `value`.
    pub(crate) fn raise(counter: &AtomicU64, value: u64) {
        if cfg!(not(loom)) && counter.load(Ordering::Relaxed) < value {
            counter.store(value, Ordering::Relaxed);
        }
    }
}

/// In a liveness word: wake whoever sleeps on it (the kernel's FUTEX_WAITERS).
#[cfg(not(loom))]
pub(crate) const LIVENESS_WAITERS: u32 = 1 << 31;

/// In a liveness word: the thread ended while it was named here (the kernel's FUTEX_OWNER_DIED), or the side ended by a
/// panic.
pub(crate) const LIVENESS_DIED: u32 = 1 << 30;

/// `fence_mode` of a waker that relies on the sleeper's membarrier.
pub(crate) const FENCE_MODE_MEMBARRIER: u32 = 1;

/// `fence_mode` of a waker that fences itself, whatever happens.
pub(crate) const FENCE_MODE_FENCE: u32 = 2;

#[cfg(loom)]
impl SidePage {
    /// A page as the creator leaves it, at `position`.
    pub(crate) fn at(position: u64) -> Self {
        Self::with_bell(position, Bell::new())
    }

    pub(crate) fn with_bell(position: u64, bell: Bell) -> Self {
        Self {
            position: Line(Position {
                word: AtomicU64::new(position),
                front: core::array::from_fn(|_| AtomicU64::new(0)),
            }),
            park: Line(Park { wake_at: AtomicU64::new(NEVER), hint: AtomicU64::new(0) }),
            bell: Line(bell),
            life: Line(Life {
                session: AtomicU64::new(0),
                fence_mode: AtomicU32::new(0),
                pid: AtomicU32::new(0),
                pid_namespace: AtomicU64::new(0),
            }),
            liveness: Line(AtomicU32::new(0)),
            counters: Line(Counters {
                high_water: AtomicU64::new(0),
                sleeps: AtomicU64::new(0),
                wakes_sent: AtomicU64::new(0),
                waits: AtomicU64::new(0),
                dropped: AtomicU64::new(0),
            }),
            ends: Line(Ends {
                died: AtomicU64::new(0),
                starts: core::array::from_fn(|_| Start {
                    session: AtomicU64::new(0),
                    began: AtomicU64::new(0),
                    died_before: AtomicU64::new(0),
                }),
                told: AtomicU64::new(0),
            }),
        }
    }
}

#[cfg(not(loom))]
pub(crate) use wire::*;

#[cfg(not(loom))]
mod wire {
    use core::mem::{offset_of, size_of};

    use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

    use super::{Counters, Ends, Life, NEVER, Park, Position, SidePage, Start};

    pub(crate) const MAGIC: [u8; 8] = *b"shm-ring";
    pub(crate) const VERSION: u32 = 2;
    /// Reads as this only where the writer and the reader agree on byte order.
    pub(crate) const BYTE_ORDER: u32 = 0x0102_0304;
    /// Bytes of the words that are accessed atomically.
    pub(crate) const WORD_SIZE: u32 = 8;
    pub(crate) const LABEL_MAX: usize = 64;

    /// Record kinds.
    pub(crate) const KIND_VALUES: u32 = 1;
    pub(crate) const KIND_MESSAGES: u32 = 2;
    /// No records: slots, one of which holds the latest value.
    pub(crate) const KIND_LATEST: u32 = 3;

    /// The header page's fields: written by the creator before the region has a name, and never
    /// again.
    #[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
    #[repr(C)]
    pub(crate) struct Header {
        pub(crate) magic: [u8; 8],
        pub(crate) version: u32,
        pub(crate) header_len: u32,
        pub(crate) byte_order: u32,
        pub(crate) word_size: u32,
        /// Bytes of a page of control words: the page size of the creator's machine.
        pub(crate) page: u32,
        pub(crate) kind: u32,
        pub(crate) item_size: u64,
        pub(crate) item_align: u64,
        pub(crate) schema: u64,
        /// Bytes of the data area: a power of two, at least a page.
        pub(crate) capacity: u64,
        pub(crate) data_offset: u64,
        /// Nanoseconds since the Unix epoch.
        pub(crate) created: u64,
        pub(crate) id: [u8; 16],
        /// UTF-8, filled up with zeros.
        pub(crate) label: [u8; LABEL_MAX],
        /// The most bytes of records in flight.
        pub(crate) limit: u64,
        pub(crate) reserved: [u8; 88],
    }

    /// Bytes of the header.
    pub(crate) const HEADER_LEN: u32 = 256;

    /// Control pages before the data: header, producer, consumer.
    pub(crate) const CONTROL_PAGES: u64 = 3;

    /// Offset of `wake_at` in a side's page: the one word there that does not start as zero.
    pub(crate) const WAKE_AT_OFFSET: u64 = 128;

    /// Offset of the liveness word in a side's page.
    pub(crate) const LIVENESS_OFFSET: u64 = 512;

    /// The bytes that stand at [`WAKE_AT_OFFSET`] in a fresh region.
    pub(crate) const WAKE_AT_INITIAL: [u8; 8] = NEVER.to_le_bytes();

    const _: () = {
        assert!(cfg!(target_endian = "little"), "layout v2 is little-endian");
        assert!(cfg!(target_pointer_width = "64"), "positions and mappings need 64 bits");
        assert!(cfg!(target_has_atomic = "64"), "positions are 64-bit atomics");

        assert!(size_of::<Header>() == HEADER_LEN as usize);
        assert!(offset_of!(Header, magic) == 0);
        assert!(offset_of!(Header, version) == 8);
        assert!(offset_of!(Header, header_len) == 12);
        assert!(offset_of!(Header, byte_order) == 16);
        assert!(offset_of!(Header, word_size) == 20);
        assert!(offset_of!(Header, page) == 24);
        assert!(offset_of!(Header, kind) == 28);
        assert!(offset_of!(Header, item_size) == 32);
        assert!(offset_of!(Header, item_align) == 40);
        assert!(offset_of!(Header, schema) == 48);
        assert!(offset_of!(Header, capacity) == 56);
        assert!(offset_of!(Header, data_offset) == 64);
        assert!(offset_of!(Header, created) == 72);
        assert!(offset_of!(Header, id) == 80);
        assert!(offset_of!(Header, label) == 96);
        assert!(offset_of!(Header, limit) == 160);
        assert!(offset_of!(Header, reserved) == 168);

        assert!(offset_of!(SidePage, position) == 0);
        assert!(offset_of!(Position, front) == 8);
        assert!(offset_of!(SidePage, park) == WAKE_AT_OFFSET as usize);
        assert!(offset_of!(Park, wake_at) == 0);
        assert!(offset_of!(Park, hint) == 8);
        assert!(offset_of!(SidePage, bell) == 256);
        assert!(offset_of!(SidePage, life) == 384);
        assert!(offset_of!(SidePage, liveness) == LIVENESS_OFFSET as usize);
        assert!(offset_of!(SidePage, counters) == 640);
        assert!(offset_of!(SidePage, ends) == 768);
        assert!(size_of::<SidePage>() == 896, "a side's words fit the smallest page");
        assert!(offset_of!(Life, session) == 0);
        assert!(offset_of!(Life, fence_mode) == 8);
        assert!(offset_of!(Life, pid) == 12);
        assert!(offset_of!(Life, pid_namespace) == 16);
        assert!(offset_of!(Counters, high_water) == 0);
        assert!(offset_of!(Counters, sleeps) == 8);
        assert!(offset_of!(Counters, wakes_sent) == 16);
        assert!(offset_of!(Counters, waits) == 24);
        assert!(offset_of!(Counters, dropped) == 32);
        assert!(offset_of!(Ends, died) == 0);
        assert!(offset_of!(Ends, starts) == 8);
        assert!(offset_of!(Ends, told) == 56);
        assert!(size_of::<Start>() == 24);
        assert!(offset_of!(Start, session) == 0);
        assert!(offset_of!(Start, began) == 8);
        assert!(offset_of!(Start, died_before) == 16);
    };
}
