//! Where each word of a side's page is.
//!
//! Owns: names, offsets and sizes of the words. Knows nothing of: what they mean, or how they are accessed.

/// `wake_at` of a side that is awake.
pub const NEVER: u64 = u64::MAX;
/// Positions and versions of this or more are an error.
pub const POSITION_END: u64 = 1 << 62;
/// Bytes of the front.
pub const FRONT_BYTES: u64 = 56;

/// Bytes of a start: the session, its first position, and the last session before it that had died.
pub const START_BYTES: u64 = 24;

/// A word of a side's page; its value is the offset in the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u64)]
pub enum Word {
    /// The tail word, `head`, or `published`.
    Position = 0,
    /// The copy of the newest record: 56 bytes.
    Front = 8,
    /// Where the other side's position wakes this side.
    WakeAt = 128,
    /// Whether the consumer wants the front.
    Hint = 136,
    /// What the other side sleeps on.
    Bell = 256,
    /// 0, odd while attached, even when closed.
    Session = 384,
    /// How this side wakes.
    FenceMode = 392,
    /// Of the process that attached.
    Pid = 396,
    /// In which pid namespace that is its number.
    PidNamespace = 400,
    /// The robust futex.
    Liveness = 512,
    /// The most bytes in flight.
    HighWater = 640,
    /// How often this side went to sleep.
    Sleeps = 648,
    /// How often it rang its bell.
    WakesSent = 656,
    /// How often a waiting call had to wait.
    Waits = 664,
    /// How many records the producer's user counted as thrown away.
    Dropped = 672,
    /// The last session of the producer that ended without a close.
    Died = 768,
    /// Where a session began whose number, halved, is even: three words.
    StartEven = 776,
    /// Where one began whose number, halved, is odd.
    StartOdd = 800,
    /// The last session whose end a consumer has returned.
    Told = 824,
}

impl Word {
    /// All of them, by offset.
    pub const ALL: [Self; 19] = [
        Self::Position,
        Self::Front,
        Self::WakeAt,
        Self::Hint,
        Self::Bell,
        Self::Session,
        Self::FenceMode,
        Self::Pid,
        Self::PidNamespace,
        Self::Liveness,
        Self::HighWater,
        Self::Sleeps,
        Self::WakesSent,
        Self::Waits,
        Self::Dropped,
        Self::Died,
        Self::StartEven,
        Self::StartOdd,
        Self::Told,
    ];

    /// Its offset in the page of its side.
    pub const fn offset(self) -> u64 {
        self as u64
    }

    /// Its size in bytes.
    pub const fn bytes(self) -> u64 {
        match self {
            Self::Front => FRONT_BYTES,
            Self::StartEven | Self::StartOdd => START_BYTES,
            Self::Bell | Self::FenceMode | Self::Pid | Self::Liveness => 4,
            _ => 8,
        }
    }

    /// What LAYOUT.md calls it in the page of `side`.
    pub const fn name(self, side: Side) -> &'static str {
        match (self, side) {
            (Self::Position, Side::Producer) => "tail word",
            (Self::Position, Side::Consumer) => "head",
            (Self::Front, _) => "front",
            (Self::WakeAt, _) => "wake_at",
            (Self::Hint, _) => "hint",
            (Self::Bell, _) => "bell",
            (Self::Session, _) => "session",
            (Self::FenceMode, _) => "fence mode",
            (Self::Pid, _) => "pid",
            (Self::PidNamespace, _) => "pid namespace",
            (Self::Liveness, _) => "liveness",
            (Self::HighWater, _) => "high-water mark",
            (Self::Sleeps, _) => "sleeps",
            (Self::WakesSent, _) => "wakes sent",
            (Self::Waits, _) => "waits",
            (Self::Dropped, _) => "dropped",
            (Self::Died, _) => "died",
            (Self::StartEven | Self::StartOdd, _) => "start",
            (Self::Told, _) => "told",
        }
    }
}

/// Offset of the tail word, of `head` and of `published` in their page.
pub const POSITION: u64 = Word::Position.offset();
/// Offset of the front.
pub const FRONT: u64 = Word::Front.offset();
/// Offset of `wake_at`.
pub const WAKE_AT: u64 = Word::WakeAt.offset();
/// Offset of the hint.
pub const HINT: u64 = Word::Hint.offset();
/// Offset of the bell.
pub const BELL: u64 = Word::Bell.offset();
/// Offset of the session.
pub const SESSION: u64 = Word::Session.offset();
/// Offset of the fence mode.
pub const FENCE_MODE: u64 = Word::FenceMode.offset();
/// Offset of the pid.
pub const PID: u64 = Word::Pid.offset();
/// Offset of the pid namespace.
pub const PID_NAMESPACE: u64 = Word::PidNamespace.offset();
/// Offset of the liveness word.
pub const LIVENESS: u64 = Word::Liveness.offset();
/// Offset of the high-water mark, the first of five counters.
pub const HIGH_WATER: u64 = Word::HighWater.offset();
/// Offset of the count of sleeps.
pub const SLEEPS: u64 = Word::Sleeps.offset();
/// Offset of the count of wakes sent.
pub const WAKES_SENT: u64 = Word::WakesSent.offset();
/// Offset of the count of waits.
pub const WAITS: u64 = Word::Waits.offset();
/// Offset of the count of what was thrown away.
pub const DROPPED: u64 = Word::Dropped.offset();
/// Offset of `died`.
pub const DIED: u64 = Word::Died.offset();
/// Offset of the first of two starts.
pub const STARTS: u64 = Word::StartEven.offset();
/// Offset of `told`.
pub const TOLD: u64 = Word::Told.offset();

/// One of the two sides of a ring. The writer of a latest value has the producer's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// Writes the second page and the data.
    Producer,
    /// Writes the third page.
    Consumer,
}

impl Side {
    /// The producer first, as their pages are.
    pub const BOTH: [Self; 2] = [Self::Producer, Self::Consumer];

    /// Its peer.
    pub const fn other(self) -> Self {
        match self {
            Self::Producer => Self::Consumer,
            Self::Consumer => Self::Producer,
        }
    }

    /// Offset of its page in a region with pages of `page` bytes.
    pub const fn page(self, page: u64) -> u64 {
        match self {
            Self::Producer => page,
            Self::Consumer => 2 * page,
        }
    }
}

/// Bytes of a page of this machine.
pub fn page() -> u64 {
    rustix::param::page_size() as u64
}

/// Offset of the producer's page in a region of this machine.
pub fn producer() -> u64 {
    Side::Producer.page(page())
}

/// Offset of the consumer's page in a region of this machine.
pub fn consumer() -> u64 {
    Side::Consumer.page(page())
}

/// Offset of the data area in a region of this machine.
pub fn data() -> u64 {
    3 * page()
}
