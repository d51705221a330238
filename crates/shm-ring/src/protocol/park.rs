//! Owns: park and ring: how a side that has nothing to do sleeps, and how the other wakes it. Knows nothing of: what is
//! carried; life and death, about which its caller decides, in `last_look`.
//!
//! One sleep is three steps, for one ring and for many: [`arm`] with a last look ([`arm_unless`]), sleep on what it returned,
//! [`disarm`]. [`sleep`] is all three. Who sleeps elsewhere, in an event loop, takes the first and the last alone.
//!
//! | edge | between | made by |
//! |---|---|---|
//! | `park` | waker: store position, load `wake_at`; sleeper: store `wake_at`, load position | light barrier in `Gate::asked`, heavy barrier in `arm` |
//! | `bell` | waker: store bell; sleeper: load bell | Release in `Bell::ring`; heavy barrier, or for a listener a fence, in `arm` |
//!
//! Why no wake-up is lost: of the two full barriers one comes first. If the sleeper's, the waker
//! loads the `wake_at` stored before it and rings, and a sleeper that had already read the bell
//! finds it changed or is woken. If the waker's, the sleeper's last look sees the position stored
//! before it and does not sleep. A `wake_at` is a position and each is slept on once, so a waker
//! that rang for it need not ring again while it still reads the same one.
//!
//! With several rings every bell is read and every `wake_at` stored before the one barrier, and every ring is looked at
//! after it: the argument holds for each ring, and the kernel sleeps only while all the words are as they were.

use crate::protocol::barrier::{self, Relied};
use crate::protocol::bell::{Bell, Words};
use crate::protocol::clock::Deadline;
use crate::protocol::interrupt::Interrupts;
use crate::protocol::layout::{Counters, FENCE_MODE_FENCE, FENCE_MODE_MEMBARRIER, NEVER, SidePage};
use crate::protocol::session::{Liveness, is_told_of, liveness};
use crate::protocol::sync::{Foreign, Ordering, fence};

/// How long a sleep may last at most, apart from the sleeper's deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SleepLimit {
    /// Whoever publishes rings, and the kernel wakes us if it dies instead: an end to it serves only against a word that
    /// lies.
    Watched,
    /// Whoever publishes rings, and if it dies instead nothing ends the sleep but this.
    Slice,
    /// The waker relies on a barrier that could not be had.
    Short,
}

impl SleepLimit {
    /// How long to sleep after a heavy barrier that was had or not, beside peers each of which the kernel watches or not.
    fn of(whole: bool, watched: bool) -> Self {
        match (whole, watched) {
            (false, _) => Self::Short,
            (true, false) => Self::Slice,
            (true, true) => Self::Watched,
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

    /// Whether [`asked_at_hand`](Self::asked_at_hand) may stand for [`asked`](Self::asked). It does not change.
    #[inline(always)]
    pub(crate) fn asks_at_hand(&self) -> bool {
        self.relies_on_membarrier && !cfg!(loom)
    }

    /// [`asked`](Self::asked) without a call: whether.
    #[inline(always)]
    pub(crate) fn asked_at_hand(&self, position: u64, theirs: Foreign<'_, SidePage>) -> bool {
        position >= barrier::load_in_order(theirs) // edge `park`
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
}

/// A ring that a sleep is for.
#[derive(Clone, Copy)]
pub(crate) struct Sleeper<'a> {
    theirs: Foreign<'a, SidePage>,
    /// What this side says to the other of the sleep. A listener has nothing to say: it hears every ring and no death.
    says: Option<Says<'a>>,
}

#[derive(Clone, Copy)]
struct Says<'a> {
    mine: &'a SidePage,
    wake_at: u64,
    wake_sleeping_peer: bool,
}

impl<'a> Sleeper<'a> {
    /// Sleeps until the other side's position reaches `wake_at`, it rings for another reason, or the kernel tells of
    /// its death.
    ///
    /// `wake_sleeping_peer` says that the other side, if it sleeps, must be told that we go to sleep: the
    /// producer's duty, so that a consumer that waits for more than one record takes what is there.
    pub(crate) fn until(
        wake_at: u64,
        wake_sleeping_peer: bool,
        mine: &'a SidePage,
        theirs: Foreign<'a, SidePage>,
    ) -> Self {
        Self { theirs, says: Some(Says { mine, wake_at, wake_sleeping_peer }) }
    }

    /// Whether the other side is told now of exactly this sleep. A listener's it is never told of.
    pub(crate) fn is_announced(&self) -> bool {
        self.says
            .is_none_or(|says| says.mine.park.0.wake_at.load(Ordering::Relaxed) == says.wake_at)
    }

    /// Sleeps, as somebody whom the other side does not know of, until it rings for whatever reason.
    pub(crate) fn listener(theirs: Foreign<'a, SidePage>) -> Self {
        Self { theirs, says: None }
    }
}

/// What to sleep on.
pub(crate) struct Armed<'a, const N: usize> {
    pub(crate) words: Words<'a, N>,
    /// How long at most.
    pub(crate) limit: SleepLimit,
}

/// Sleeps once, for any of `rings`, on at most `N` words: until one of them has what its [`Sleeper`] says, or until
/// `until`, which is asked with how long it may be. Does not sleep if `last_look` finds something, nor if it is interrupted,
/// which the caller finds when it looks at the flags.
pub(crate) fn sleep<'a, const N: usize, R>(
    rings: impl Iterator<Item = Sleeper<'a>> + Clone,
    interrupts: Interrupts<'a, impl Fn() -> bool>,
    last_look: impl FnOnce() -> Option<R>,
    until: impl FnOnce(SleepLimit) -> Deadline,
) -> Option<R> {
    let armed = match arm_unless::<N, R>(rings.clone(), interrupts, last_look) {
        Ok(armed) => armed,
        Err(found) => return found,
    };
    armed.words.sleep(until(armed.limit));
    disarm(rings);
    None
}

/// [`arm`] and the last look. If that finds something, or an interrupt is up, this side is awake again, and what was found is
/// returned.
pub(crate) fn arm_unless<'a, const N: usize, R>(
    rings: impl Iterator<Item = Sleeper<'a>> + Clone,
    interrupts: Interrupts<'a, impl Fn() -> bool>,
    last_look: impl FnOnce() -> Option<R>,
) -> Result<Armed<'a, N>, Option<R>> {
    let armed = arm::<N>(rings.clone(), interrupts.bell);
    let found = last_look();
    if found.is_none() && !(interrupts.are_up)() {
        for Says { mine, .. } in rings.clone().filter_map(|one| one.says) {
            Counters::count(&mine.counters.0.sleeps);
        }
        return Ok(armed);
    }
    disarm(rings);
    Err(found)
}

/// Says of each ring that this side is about to sleep. What follows is a last look at each, then a sleep on what this
/// returns, then [`disarm`].
pub(crate) fn arm<'a, const N: usize>(
    rings: impl Iterator<Item = Sleeper<'a>> + Clone,
    interrupts: Option<&'a Bell>,
) -> Armed<'a, N> {
    let mut words = Words::new();
    if let Some(bell) = interrupts {
        words.add_bell(Foreign::new(bell));
    }
    let says = || rings.clone().filter_map(|one| Some((one.theirs, one.says?)));
    for Sleeper { theirs, says } in rings.clone() {
        // Before the last look, and so before `wake_at`: a ring from here on ends the sleep.
        words.add_bell(theirs.map(|page| &page.bell.0));
        if let Some(Says { mine, wake_at, .. }) = says {
            // A swap where a store would do: loom treats a blind store as one that may be delayed for ever
            // beside another thread's operations, and this is off the fast path.
            mine.park.0.wake_at.swap(wake_at, Ordering::Relaxed);
        }
    }
    // Before the last look: a death from here on changes the word, and the kernel compares it. Behind the bells: where
    // there is no place for both words of each ring, slices tell of the deaths of the last ones.
    let is_heard = says().next().is_some();
    let mut watched = is_heard;
    for (theirs, _) in says() {
        match liveness(theirs) {
            // Also of the dead, where the last look finds no session of theirs: who follows writes another one.
            Liveness::Monitored(word) | Liveness::Told(word) => {
                let has_place = words.add(theirs.map(|page| &page.liveness.0), word);
                watched &= has_place && is_told_of(theirs);
            }
            Liveness::Untold => watched = false,
        }
    }
    let mut whole = true;
    if is_heard {
        let relied = || says().map(|(theirs, _)| leaves_to_sleepers(theirs)).max();
        // Edges `park`, `bell` and `interrupt`.
        whole = barrier::heavy(|| relied().unwrap_or(Relied::Membarrier));
    } else {
        // Nothing was stored that another must see: a ring before the count was loaded carries what was stored before.
        fence(Ordering::Acquire); // edge `bell`, heard by a listener; edge `interrupt`
    }
    // After the barrier: before it, both sides could miss each other and sleep for ever.
    for (theirs, Says { mine, wake_sleeping_peer, .. }) in says() {
        if wake_sleeping_peer && sleeps(theirs) {
            ring(mine);
        }
    }
    Armed { words, limit: SleepLimit::of(whole, watched) }
}

/// Says of each ring that this side is awake.
pub(crate) fn disarm<'a>(rings: impl Iterator<Item = Sleeper<'a>>) {
    for Says { mine, .. } in rings.filter_map(|one| one.says) {
        mine.park.0.wake_at.swap(NEVER, Ordering::Relaxed);
    }
}

/// Whether the other side sleeps or is about to, as far as is visible here.
pub(crate) fn sleeps(theirs: Foreign<'_, SidePage>) -> bool {
    theirs.map(|page| &page.park.0.wake_at).relaxed() != NEVER
}

/// Whether the other side sleeps until our position, which is `position`, moves.
#[cfg(not(loom))]
pub(crate) fn sleeps_beyond(position: u64, theirs: Foreign<'_, SidePage>) -> bool {
    let wake_at = theirs.map(|page| &page.park.0.wake_at).relaxed();
    wake_at != NEVER && wake_at > position
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

/// What the other side, as a waker, leaves to us.
fn leaves_to_sleepers(theirs: Foreign<'_, SidePage>) -> Relied {
    match theirs.map(|page| &page.life.0.fence_mode).relaxed() {
        FENCE_MODE_MEMBARRIER => Relied::Membarrier,
        FENCE_MODE_FENCE => Relied::Nothing,
        _ => Relied::Perhaps,
    }
}

/// Wakes the other side whatever it waits for.
pub(crate) fn ring(mine: &SidePage) {
    Counters::count(&mine.counters.0.wakes_sent);
    mine.bell.0.ring();
}
