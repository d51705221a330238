//! Owns: park and ring: how a side that has nothing to do sleeps, and how the other wakes it. Knows nothing of: what is
//! carried; life and death, about which its caller decides, in `last_look`.
//!
//! | edge | between | made by |
//! |---|---|---|
//! | `park` | waker: store position, load `wake_at`; sleeper: store `wake_at`, load position | light barrier in `moved`, heavy barrier in `park` |
//! | `bell` | waker: store bell; sleeper: load bell | Release in `Bell::ring`, heavy barrier in `park`, fence in `listen` |
//!
//! Why no wake-up is lost: of the two full barriers one comes first. If the sleeper's, the waker
//! loads the `wake_at` stored before it and rings, and a sleeper that had already read the bell
//! finds it changed or is woken. If the waker's, the sleeper's last look sees the position stored
//! before it and does not sleep. A `wake_at` is a position and each is slept on once, so a waker
//! that rang for it need not ring again while it still reads the same one.

use crate::protocol::barrier;
use crate::protocol::clock::Deadline;
use crate::protocol::layout::{Counters, FENCE_MODE_MEMBARRIER, NEVER, SidePage};
use crate::protocol::session::{Liveness, liveness};
use crate::protocol::sync::{Foreign, Ordering, fence};

/// How long a sleep may last at most, apart from the sleeper's deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SleepLimit {
    /// Whoever publishes rings: long, and an end to it is the floor under everything else.
    Slice,
    /// The waker relies on a barrier that could not be had.
    Short,
    /// The kernel has told of the other side's death, and its lease is about to be free.
    Retry,
}

impl SleepLimit {
    /// How long to sleep after a heavy barrier that was had or not.
    pub(crate) fn of(whole: bool, told: bool) -> Self {
        match (told, whole) {
            (true, _) => Self::Retry,
            (false, false) => Self::Short,
            (false, true) => Self::Slice,
        }
    }
}

/// One side's part in waking the other.
#[derive(Debug)]
pub(crate) struct Gate {
    /// The last `wake_at` that was rung for with a position at or above it.
    rung_for: u64,
    relies_on_membarrier: bool,
}

impl Gate {
    pub(crate) fn new(relies_on_membarrier: bool) -> Self {
        Self { rung_for: NEVER, relies_on_membarrier }
    }

    /// The position in `mine` has moved to `position`: wakes the other side if it asked for that.
    #[inline(always)]
    pub(crate) fn moved(&mut self, position: u64, mine: &SidePage, theirs: Foreign<'_, SidePage>) {
        if let Some(wake_at) = self.asked(position, theirs) {
            self.ring_for(wake_at, mine);
        }
    }

    /// This side's position has moved to `position`: the `wake_at` to [`ring_for`](Self::ring_for), if
    /// the other side asked for that. A question of its own, since what ringing needs would take
    /// registers from the loop of pushes around it.
    #[inline(always)]
    pub(crate) fn asked(&self, position: u64, theirs: Foreign<'_, SidePage>) -> Option<u64> {
        let wake_at = barrier::light_then_load(self.relies_on_membarrier, theirs); // edge `park`
        if position >= wake_at { Some(wake_at) } else { None }
    }

    /// Wakes the other side, which wants to be woken at `wake_at`, if that was not done before.
    #[cold]
    #[inline(never)]
    pub(crate) fn ring_for(&mut self, wake_at: u64, mine: &SidePage) {
        if wake_at != self.rung_for {
            self.rung_for = wake_at;
            ring(mine);
        }
    }

    /// Sleeps once, until the other side's position reaches `wake_at`, it rings for another
    /// reason, the kernel tells of its death, or `until`, which is asked with how long it may be.
    /// Does not sleep if `last_look` finds something.
    ///
    /// `wake_sleeping_peer` says that the other side, if it sleeps, must be told that we go to sleep: the
    /// producer's duty, so that a consumer that waits for more than one record takes what is there.
    pub(crate) fn park<R>(
        &self,
        mine: &SidePage,
        theirs: Foreign<'_, SidePage>,
        wake_at: u64,
        wake_sleeping_peer: bool,
        mut last_look: impl FnMut() -> Option<R>,
        until: impl FnOnce(SleepLimit) -> Deadline,
    ) -> Option<R> {
        // Before the last look: a death from here on changes the word, and the kernel compares it.
        let life = liveness(theirs);
        let count = arm(mine, theirs, wake_at);
        let whole = barrier::heavy(relies_on_sleepers(theirs)); // edges `park`, `bell`
        // After the barrier: before it, both sides could miss each other and sleep for ever.
        if wake_sleeping_peer && sleeps(theirs) {
            ring(mine);
        }
        let found = last_look();
        if found.is_none() {
            Counters::count(&mine.counters.0.sleeps);
            let until = until(SleepLimit::of(whole, life == Liveness::Told));
            let bell = theirs.map(|page| &page.bell.0);
            match life {
                Liveness::Monitored(word) => {
                    bell.wait_with(count, theirs.map(|page| &page.liveness.0), word, until);
                }
                Liveness::Untold | Liveness::Told => bell.wait(count, until),
            }
        }
        disarm(mine);
        found
    }
}

/// Sleeps once, as somebody whom the other side does not know of: until it rings for whatever reason, or until
/// `until`. Does not sleep if `last_look` finds something.
///
/// Nothing is stored that the other side would have to see, so no full barrier is needed: a ring after the
/// count was loaded ends the sleep, and one before it carries what was stored before.
pub(crate) fn listen<R>(
    theirs: Foreign<'_, SidePage>,
    mut last_look: impl FnMut() -> Option<R>,
    until: impl FnOnce() -> Deadline,
) -> Option<R> {
    let bell = theirs.map(|page| &page.bell.0);
    let count = bell.count();
    fence(Ordering::Acquire); // edge `bell`, heard by a listener
    let answer = last_look();
    if answer.is_none() {
        bell.wait(count, until());
    }
    answer
}

/// Says that this side is about to sleep until the other's position reaches `wake_at`. The count of
/// the other side's bell from before that: what follows is a heavy barrier and a last look.
pub(crate) fn arm(mine: &SidePage, theirs: Foreign<'_, SidePage>, wake_at: u64) -> u32 {
    let count = theirs.map(|page| &page.bell.0).count();
    // A swap where a store would do: loom treats a blind store as one that may be delayed for ever
    // beside another thread's operations, and this is off the fast path.
    mine.park.0.wake_at.swap(wake_at, Ordering::Relaxed);
    count
}

/// Says that this side is awake.
pub(crate) fn disarm(mine: &SidePage) {
    mine.park.0.wake_at.swap(NEVER, Ordering::Relaxed);
}

/// Whether the other side sleeps or is about to, as far as is visible here.
pub(crate) fn sleeps(theirs: Foreign<'_, SidePage>) -> bool {
    theirs.map(|page| &page.park.0.wake_at).relaxed() != NEVER
}

/// Whether a consumer that waits for `threshold` bytes goes on: as much is ready, or something is
/// and the producer waits for room. Two sides never wait for each other.
pub(crate) fn is_enough(
    ready: u64,
    threshold: u64,
    stirs: impl FnOnce() -> bool,
    theirs: Foreign<'_, SidePage>,
) -> bool {
    ready >= threshold || sleeps(theirs) && stirs()
}

/// Whether the other side, as a waker, leaves its half of the barrier to the sleeper.
pub(crate) fn relies_on_sleepers(theirs: Foreign<'_, SidePage>) -> bool {
    theirs.map(|page| &page.life.0.fence_mode).relaxed() == FENCE_MODE_MEMBARRIER
}

/// Wakes the other side whatever it waits for.
pub(crate) fn ring(mine: &SidePage) {
    Counters::count(&mine.counters.0.wakes_sent);
    mine.bell.0.ring();
}
