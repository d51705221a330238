//! Owns: the waiting policy: spin, yield, sleep in slices, and ask now and then whether the other side is still there.
//! Knows nothing of: what is waited for; a [`Waitable`] does.

use core::time::Duration;
use std::fs::File;
use std::io::Read;
use std::sync::OnceLock;

use crate::error::{PopError, PushError};
use crate::options::Wait;
use crate::protocol::bell::SLICE;
use crate::protocol::clock::Deadline;
use crate::protocol::layout::NEVER;
use crate::protocol::park::SleepLimit;
use crate::protocol::position::Corrupt;

/// Why a wait ended without what was waited for. One byte, so that it travels in a register: the
/// errors that users see are larger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    TimedOut,
    Closed,
    PeerDead,
    Interrupted,
    Corrupt,
    Forked,
}

impl From<Corrupt> for Ended {
    fn from(Corrupt: Corrupt) -> Self {
        Self::Corrupt
    }
}

impl From<Ended> for PushError {
    fn from(ended: Ended) -> Self {
        match ended {
            Ended::TimedOut => Self::TimedOut,
            Ended::Closed => Self::Closed,
            Ended::PeerDead => Self::PeerDead,
            Ended::Interrupted => Self::Interrupted,
            Ended::Corrupt => Self::Corrupt,
            Ended::Forked => Self::Forked,
        }
    }
}

impl From<Ended> for PopError {
    fn from(ended: Ended) -> Self {
        match ended {
            Ended::TimedOut => Self::TimedOut,
            Ended::Closed => Self::Closed,
            Ended::PeerDead => Self::PeerDead,
            Ended::Interrupted => Self::Interrupted,
            Ended::Corrupt => Self::Corrupt,
            Ended::Forked => Self::Forked,
        }
    }
}

/// How long a wait may take. One word, so that it travels in a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timeout {
    nanos: u64,
}

impl Timeout {
    pub(crate) const FOREVER: Self = Self { nanos: u64::MAX };
    /// No time at all: one look, and one question whether the other side is gone.
    pub(crate) const NONE: Self = Self { nanos: 0 };

    /// As long as `duration`: more than five hundred years are for ever.
    pub(crate) fn of(duration: Duration) -> Self {
        Self { nanos: u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX) }
    }

    /// As long as `duration`, or for ever.
    pub(crate) fn of_any(duration: Option<Duration>) -> Self {
        duration.map_or(Self::FOREVER, Self::of)
    }

    /// [`deadline`](Self::deadline), unless there is no time at all.
    pub(crate) fn deadline_if_any(self) -> Option<Deadline> {
        (self != Self::NONE).then(|| self.deadline())
    }

    /// When it ends, counted from now. A call that need not wait reads no clock.
    pub(crate) fn deadline(self) -> Deadline {
        match self {
            Self::FOREVER => Deadline::END_OF_TIME,
            Self { nanos } => Deadline::now().plus(Duration::from_nanos(nanos)),
        }
    }
}

/// What a side sleeps for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WaitRequest {
    /// The other side's position that ends the sleep.
    pub(crate) wake_at: u64,
    /// The one that does after a slice: enough to go on, where `wake_at` is what pays.
    pub(crate) least: u64,
    /// Whether the other side must hear of it if it sleeps too: see [`Sleeper`](crate::protocol::park::Sleeper).
    pub(crate) wake_sleeping_peer: bool,
    /// Whether an end of the other side ends the wait although something is unread.
    pub(crate) unread: bool,
    pub(crate) deadline: Deadline,
}

impl WaitRequest {
    /// What a side sleeps for that wants no record and no room: only an end of the other side wakes it.
    pub(crate) fn for_an_end(deadline: Deadline) -> Self {
        Self { unread: true, ..Self::for_records(NEVER, deadline) }
    }

    /// What a consumer sleeps for.
    pub(crate) fn for_records(wake_at: u64, deadline: Deadline) -> Self {
        Self { wake_at, least: wake_at, wake_sleeping_peer: false, unread: false, deadline }
    }
}

/// A sleep that the kernel ends if a peer dies: each end is a look that finds a word that lies.
pub(super) const WATCHED_SLICE: Duration = Duration::from_secs(1);
/// The slice where the waker relies on a membarrier that cannot be had here.
pub(crate) const SHORT_SLICE: Duration = Duration::from_millis(1);
/// Looks at the ring for each look at the clock and at the peer's session and liveness words.
const LOOKS_PER_GLANCE: u32 = 64;

/// What a wait watches.
pub(crate) trait Waitable {
    /// Whether the wait is over.
    fn ready(&mut self) -> bool;

    /// How many looks at one ring, each with a processor pause, take as long as [`ready`](Self::ready) and one pause.
    fn looks(&self) -> u32 {
        1
    }

    /// Whether a peer may have gone since it was last asked about: no system call.
    fn peer_has_changed(&mut self) -> bool;

    /// Whether a peer had gone when last asked about and has not been followed: no system call.
    fn known_gone(&mut self) -> bool;

    /// Whether another thread wants the wait to end.
    fn interrupted(&self) -> bool {
        false
    }

    /// Asks whether a peer is gone.
    fn gone(&mut self) -> Option<Ended>;

    /// Sleeps once, after a last look at all of the above. `long` says that the wait is older than a slice. `until` is
    /// asked with how long the sleep may be. Returns the end if that look found it.
    fn sleep(&mut self, long: bool, until: impl FnOnce(SleepLimit) -> Deadline) -> Option<Ended>;
}

/// Waits by `policy`: `None` when the watch is ready, else why the wait is over.
pub(crate) fn wait_until(
    policy: Wait,
    deadline: Deadline,
    watch: &mut impl Waitable,
) -> Option<Ended> {
    let policy = fewer_spins(policy);
    let spins = policy.spins;
    let before_park = spins.saturating_add(policy.yields);
    let mut looks = 0;
    let mut since_glance = 0;
    let mut long = false;
    let mut spinning_ends =
        (!policy.spin_for.is_zero()).then(|| Deadline::now().plus(policy.spin_for));
    // The first slice begins with the first look at the clock: an answer that comes sooner, as in a
    // conversation, is not kept waiting by it.
    let mut slice_end = None;
    // Gone when last asked and not followed by anyone since: that has not changed.
    let mut ask_about_peer = watch.known_gone();
    let mut interrupted = watch.interrupted();
    loop {
        if ask_about_peer {
            let ended = watch.gone();
            if ended.is_some() {
                return ended;
            }
            ask_about_peer = false;
        }
        if watch.ready() {
            return None;
        }
        if interrupted {
            return Some(Ended::Interrupted);
        }
        if looks < spins || spinning_ends.is_some() {
            core::hint::spin_loop();
            let pass = watch.looks();
            looks = looks.saturating_add(pass).min(spins);
            since_glance += pass;
            let goes_on = looks < before_park || spinning_ends.is_some();
            if since_glance < LOOKS_PER_GLANCE && goes_on {
                continue;
            }
        } else if looks < before_park {
            // As long as the scheduler likes: the clock is looked at after each.
            std::thread::yield_now();
            looks += 1;
        } else if policy.park {
            let slice_end = *slice_end.get_or_insert_with(|| Deadline::now().plus(SLICE));
            let watched = deadline.min(slice_end.plus(WATCHED_SLICE.saturating_sub(SLICE)));
            let deadline = deadline.min(slice_end);
            let until = |limit| match limit {
                SleepLimit::Watched if long => watched,
                SleepLimit::Watched | SleepLimit::Slice => deadline,
                SleepLimit::Short => deadline.min(Deadline::now().plus(SHORT_SLICE)),
            };
            let ended = watch.sleep(long, until);
            if ended.is_some() {
                return ended;
            }
        } else {
            looks = 0;
        }
        since_glance = 0;
        interrupted = watch.interrupted();
        ask_about_peer = watch.peer_has_changed();
        let now = Deadline::now();
        if now >= deadline {
            // Not without asking: who waits briefly each time would never hear of an end.
            let ended = if ask_about_peer { watch.gone() } else { None };
            return ended.or(Some(Ended::TimedOut));
        }
        spinning_ends = spinning_ends.filter(|end| now < *end);
        if now >= *slice_end.get_or_insert_with(|| now.plus(SLICE)) {
            slice_end = Some(now.plus(SLICE));
            long = true;
            ask_about_peer = true;
        }
    }
}

/// `policy` as it is on this machine.
fn fewer_spins(policy: Wait) -> Wait {
    if (policy.park || policy.yields > 0) && one_processor() {
        Wait { spins: 0, spin_for: Duration::ZERO, ..policy }
    } else {
        policy
    }
}

/// Whether a wait by `policy` looks again at all before it sleeps.
pub(super) fn spins(policy: Wait) -> bool {
    let Wait { spins, spin_for, .. } = fewer_spins(policy);
    spins > 0 || !spin_for.is_zero()
}

/// Finds out what a wait will want to know, so that no wait has to read a file.
pub(crate) fn prepare() {
    one_processor();
}

/// Whether the machine has one processor: then the peer cannot move while we spin. The processors
/// that we may use say nothing, since the peer is often pinned to another one.
fn one_processor() -> bool {
    static ONE: OnceLock<bool> = OnceLock::new();
    *ONE.get_or_init(|| {
        // Into a place of our own: a page of heap would stay behind. Longer lists begin with more than one too.
        let mut list = [0; 16];
        let online = File::open("/sys/devices/system/cpu/online");
        let read = online.and_then(|mut online| online.read(&mut list));
        read.is_ok_and(|_| !list.iter().any(|byte| b"-,".contains(byte)))
    })
}
