//! Owns: the operations that are stepped through, and what each does to the ring as a whole. Knows nothing of: where one
//! begins, or how it is called.

use shm_ring_outsider::Side;

/// Fewer kills of an operation than this show nothing.
const LEAST: u64 = 20;

macro_rules! ops {
    (
        $(#[$doc:meta])* $ops:ident
        $($side:ident { $($op:ident $name:literal $records:literal,)* })*
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum $ops {
            $($(#[doc = $name] $op,)*)*
        }

        impl $ops {
            pub(crate) const ALL: &'static [Self] = &[$($(Self::$op,)*)*];

            pub(crate) fn side(self) -> Side {
                match self { $($(Self::$op)|* => Side::$side,)* }
            }

            pub(crate) fn name(self) -> &'static str {
                match self { $($(Self::$op => $name,)*)* }
            }

            /// Records that the whole operation publishes or takes, if as many are there.
            pub(crate) fn records(self) -> u64 {
                match self { $($(Self::$op => $records,)*)* }
            }
        }
    };
}

// "looking": it has to load head before it finds room. "ringing": the other side's `wake_at` is set, and it rings.
// "parking": it finds nothing to do, goes to sleep, and comes back when its time is over. "recover": attaching after one
// that died asleep, and a producer in the midst of a record.
ops! {
    /// What is stepped through. The window of each is the operation itself and nothing before or behind it.
    Op
    Producer {
        Nothing "nothing" 0,
        Push "push" 1,
        PushFrom "push_from" 1,
        TryPush "try_push" 1,
        PushTimeout "push_timeout" 1,
        PushLook "push, looking for room" 1,
        PushRing "push, ringing" 1,
        PushPark "push, parking" 0,
        PushParkRing "push, parking beside a sleeper" 0,
        PushParts "push_vectored" 1,
        TryPushParts "try_push_vectored" 1,
        PushSlice "push_slice" 3,
        TryPushSlice "try_push_slice" 3,
        PushSliceRing "push_slice, ringing" 3,
        PushBatch "push_batch" 3,
        TryPushBatch "try_push_batch" 3,
        PushBatchRing "push_batch, ringing" 3,
        Reserve "reserve, commit" 1,
        TryReserve "try_reserve, commit" 1,
        ReserveMore "reserve, commit fewer" 2,
        ReserveLonger "reserve, commit a shorter one" 1,
        ReserveRing "reserve, commit, ringing" 1,
        ReserveDrop "reserve, drop" 0,
        ReservePark "reserve, parking" 0,
        AttachProducer "attach producer" 0,
        RecoverProducer "recover producer" 0,
        CloseProducer "close producer" 0,
    }
    Consumer {
        Pop "pop" 1,
        TryPop "try_pop" 1,
        PopTimeout "pop_timeout" 1,
        PopInto "pop_into" 1,
        TryPopInto "try_pop_into" 1,
        PopTo "pop_to" 1,
        TryPopTo "try_pop_to" 1,
        PopRing "pop, ringing" 1,
        PopPark "pop, parking" 0,
        PopSlice "pop_slice" 3,
        TryPopSlice "try_pop_slice" 3,
        PopSliceRing "pop_slice, ringing" 3,
        PopBatch "pop_batch" 3,
        TryPopBatch "try_pop_batch" 3,
        PopBatchRing "pop_batch, ringing" 3,
        PopBatchPark "pop_batch, parking" 0,
        Peek "peek, drop" 0,
        PeekRelease "peek, release fewer" 2,
        TryPeekRelease "try_peek, release fewer" 2,
        ReleaseRing "peek, release, ringing" 2,
        PeekPark "peek, parking" 0,
        AttachConsumer "attach consumer" 0,
        RecoverConsumer "recover consumer" 0,
        CloseConsumer "close consumer" 0,
    }
}

// "recover": after a writer that died in the midst of a value. "read_newer": a wait for a newer value, which is there; or
// that goes to sleep, and comes back when its time is over. "next": the oldest version that is kept.
ops! {
    /// The same of a latest value.
    LatestOp
    Producer {
        Write "latest, write" 1,
        WriteFrom "latest, write_from" 1,
        Notify "latest, notify" 0,
        AttachWriter "latest, attach writer" 0,
        RecoverWriter "latest, recover writer" 0,
        CloseWriter "latest, close writer" 0,
    }
    Consumer {
        AttachReader "latest, attach reader" 0,
        Read "latest, read" 1,
        ReadInto "latest, read_into" 1,
        ReadNewer "latest, read_newer" 1,
        ReadNewerInVain "latest, read_newer in vain" 0,
        Next "latest, next" 1,
    }
}

impl LatestOp {
    /// Whether it is a reader's, beside a writer that lives.
    pub(crate) fn reads(self) -> bool {
        self.side() == Side::Consumer
    }

    pub(crate) fn writes(self) -> bool {
        self.side() == Side::Producer && self.records() == 1
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

    /// As of the other operations.
    pub(crate) fn least(self) -> (u64, u64) {
        match self {
            _ if self.attaches() || self == Self::AttachReader => (1000, LEAST),
            Self::CloseWriter | Self::ReadNewerInVain => (100, LEAST),
            // It counts, rings and calls the kernel.
            Self::Notify => (20, LEAST),
            _ => (25, LEAST),
        }
    }
}

impl Op {
    /// Records that the whole operation publishes.
    pub(crate) fn adds(self) -> u64 {
        if self.side() == Side::Producer { self.records() } else { 0 }
    }

    pub(crate) fn attaches(self) -> bool {
        use Op::{AttachConsumer, AttachProducer, RecoverConsumer, RecoverProducer};
        matches!(self, AttachProducer | RecoverProducer | AttachConsumer | RecoverConsumer)
    }

    pub(crate) fn recovers(self) -> bool {
        matches!(self, Self::RecoverProducer | Self::RecoverConsumer)
    }

    pub(crate) fn closes(self) -> bool {
        matches!(self, Self::CloseProducer | Self::CloseConsumer)
    }

    /// Whether it parks because the ring is full.
    pub(crate) fn fills(self) -> bool {
        matches!(self, Self::PushPark | Self::PushParkRing | Self::ReservePark)
    }

    pub(crate) fn parks(self) -> bool {
        use Op::{PeekPark, PopBatchPark, PopPark};
        self.fills() || matches!(self, PopPark | PopBatchPark | PeekPark)
    }

    /// Whether it finds the other side's `wake_at` set and must ring.
    pub(crate) fn rings(self) -> bool {
        use Op::{PopBatchRing, PopRing, PopSliceRing, ReleaseRing};
        use Op::{PushBatchRing, PushParkRing, PushRing, PushSliceRing, ReserveRing};
        matches!(
            self,
            PushRing
                | PushSliceRing
                | PushBatchRing
                | ReserveRing
                | PushParkRing
                | PopRing
                | PopSliceRing
                | PopBatchRing
                | ReleaseRing
        )
    }

    /// How often the whole operation rings its bell.
    pub(crate) fn wakes(self) -> u32 {
        u32::from(self.attaches() || self.closes() || self.rings())
    }

    /// Whether it takes thousands of instructions: then kills go by a stride unless all are asked for.
    pub(crate) fn is_long(self) -> bool {
        self.attaches() || self.closes() || self.parks()
    }

    /// Whether it is another one but for its name, or stores nothing: fewer kills show as much.
    pub(crate) fn is_minor(self) -> bool {
        use Op::{Nothing, Peek, PopTimeout, PushFrom, PushTimeout, ReserveDrop};
        matches!(self, Nothing | Peek | PopTimeout | PushFrom | PushTimeout | ReserveDrop)
            || self.name().starts_with("try_")
    }

    /// The fewest instructions of its window that can be the real thing, and the fewest kills. A compiler that removed the
    /// operation, or a mark at the wrong place, falls below.
    pub(crate) fn least(self) -> (u64, u64) {
        match self {
            Self::Nothing => (1, 1),
            _ if self.attaches() => (1000, LEAST),
            _ if self.closes() => (100, LEAST),
            _ if self.parks() => (300, LEAST),
            _ if self.records() == 3 => (40, LEAST),
            _ => (25, LEAST),
        }
    }

    /// Whether what it reads must be in the killed consumer's own memory before head may move.
    pub(crate) fn keeps(self) -> bool {
        self.side() == Side::Consumer
            && !matches!(self, Self::Pop | Self::TryPop | Self::PopTimeout | Self::PopRing)
    }
}
