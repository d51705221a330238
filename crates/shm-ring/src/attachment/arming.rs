//! Owns: the three operations of sleeping, for an event loop that does the sleeping itself: [`arm`], which looks again,
//! [`Armed`], what to sleep on, and [`disarm`]. Knows nothing of: who sleeps, and by which system call.

use core::fmt;
use core::time::Duration;
use std::sync::Arc;

use static_assertions::assert_impl_all;

use crate::attachment::wait::{Ended, SHORT_SLICE, WATCHED_SLICE};
use crate::attachment::wait_any::AnyEnd;
use crate::mapping::PeerPage;
use crate::protocol::bell::SLICE;
use crate::protocol::interrupt::bell;
use crate::protocol::layout::SidePage;
use crate::protocol::park::{self, SleepLimit};
use crate::protocol::sync::{AtomicU32, Foreign, Ordering, fence};

/// The words that an armed end sleeps on: up to three futex words and the value of each, and for how long. Made by [`arm`].
///
/// It keeps the words mapped, for reading, whatever becomes of the end: any thread may look at them.
///
/// ```
/// use shm_ring::{Options, Ring, arm, disarm};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (mut tx, mut rx) = Ring::<u64>::pair(&Options::new())?;
/// assert!(rx.try_pop().is_err());
/// let armed = arm(&rx, false).expect("there is nothing");
/// // Another thread would now sleep: on all `words` at once, for as long as `limit` says.
/// assert!(!armed.is_rung());
/// tx.push(7)?;
/// assert!(armed.is_rung());
/// disarm(&rx);
/// assert_eq!(rx.try_pop()?, 7);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Armed {
    /// None where the kernel refused to map it once more: then there is nothing to sleep on but time.
    page: Option<Arc<PeerPage>>,
    bell: u32,
    liveness: Option<u32>,
    interrupt: Option<u32>,
    limit: Duration,
}

assert_impl_all!(Armed: Send, Sync, Clone);

impl Armed {
    pub(crate) fn of<const N: usize>(
        armed: &park::Armed<'_, N>,
        theirs: Foreign<'_, SidePage>,
        page: Option<Arc<PeerPage>>,
        long: bool,
    ) -> Self {
        let value = |word| armed.words.value_of(word);
        let limit = match (&page, armed.limit) {
            (None, _) | (_, SleepLimit::Short) => SHORT_SLICE,
            (_, SleepLimit::Watched) if long => WATCHED_SLICE,
            (_, SleepLimit::Watched | SleepLimit::Slice) => SLICE,
        };
        Self {
            page,
            bell: value(theirs.get().bell.0.word()).unwrap_or(0),
            liveness: value(&theirs.get().liveness.0),
            interrupt: value(bell().word()),
            limit,
        }
    }

    /// For at most this long.
    pub(crate) fn within(self, limit: Duration) -> Self {
        Self { limit: self.limit.min(limit), ..self }
    }

    fn pairs(&self) -> impl Iterator<Item = (&AtomicU32, u32)> {
        let side = self.page.as_ref().map(|page| page.side().get());
        let rung = side.map(|side| (side.bell.0.word(), self.bell));
        let life = side.and_then(|side| Some((&side.liveness.0, self.liveness?)));
        let interrupt = self.interrupt.map(|count| (bell().word(), count));
        [rung, life, interrupt].into_iter().flatten()
    }

    /// The words, and for which value of each the sleep goes on. The futexes are shared (no PRIVATE flag), of 32 bits, and
    /// mapped for as long as this lives. There is none if the kernel refused the mapping.
    pub fn words(&self) -> impl Iterator<Item = (*const u32, u32)> {
        self.pairs().map(|(word, value)| (core::ptr::from_ref(word).cast(), value))
    }

    /// Whether one of the words has changed: then the sleep is over. A load each.
    #[must_use]
    pub fn is_rung(&self) -> bool {
        let rung = self.pairs().any(|(word, value)| Foreign::new(word).relaxed() != value);
        if rung {
            fence(Ordering::Acquire); // edge `bell`
        }
        rung
    }

    /// For how long the sleep may last: then the end must be asked again, and may be armed anew. That is a tenth of a second
    /// at first, a second from then on if the kernel would report the other side's death, and a millisecond where the
    /// kernel refuses what a long sleep needs.
    #[must_use]
    pub fn limit(&self) -> Duration {
        self.limit
    }

    /// The words as they are now, for somebody who is to notice the next change of them, with nobody armed.
    #[must_use]
    pub fn renewed(&self) -> Self {
        let now = |word: &AtomicU32| Foreign::new(word).relaxed();
        let side = self.page.as_ref().map(|page| page.side().get());
        Self {
            page: self.page.clone(),
            bell: side.map_or(0, |side| now(side.bell.0.word())),
            liveness: self.liveness.and_then(|_| Some(now(&side?.liveness.0))),
            interrupt: self.interrupt.map(|_| now(bell().word())),
            limit: self.limit,
        }
    }
}

impl fmt::Debug for Armed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Armed")
            .field("words", &self.pairs().count())
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

/// Tells the other side that this end is about to sleep, and looks once more: what to sleep on, or `None` if the next call
/// on the end has an answer. For an event loop, which does the sleeping itself; [`wait_any`](crate::wait_any) is for a
/// thread.
///
/// It is to be called when a `try_` call has found nothing, and as often as the sleep goes on longer than
/// [`Armed::limit`], then with `long`: a producer is woken by as much room as it needs from then on. An end that is armed
/// and not asleep costs the other side one system call. It asks for the same wake-up as long as
/// [`is_armed`] says so; [`disarm`] ends it. An interrupt is a reason for `None` too: [`take_interrupt`].
///
/// A consumer's threshold is not looked at. One system call (membarrier).
///
/// ```
/// # let (mut tx, mut rx) = shm_ring::Ring::<u64>::pair(&Default::default())?;
/// tx.push(7)?;
/// assert!(shm_ring::arm(&rx, false).is_none()); // something is there
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn arm(end: &dyn AnyEnd, long: bool) -> Option<Armed> {
    let (side, theirs) = (end.side(), end.theirs());
    if !side.is_ours() {
        return None;
    }
    let page = side.peer_page();
    let sleeper = core::iter::once(end.sleeper(long));
    let last_look = || {
        let is_over = end.is_ready() || end.ends_with_peer() && side.ended(theirs, false).is_some();
        is_over.then_some(())
    };
    // The bell, the word that tells of a death, and the bell of this process.
    let armed = park::arm_unless::<3, ()>(sleeper, side.interrupts(), last_look).ok()?;
    Some(Armed::of(&armed, theirs, page, long))
}

/// Whether the other side still knows that this end sleeps, for just what it would be armed for now. A call on the end
/// that got or gave a record, or waited, has changed that.
///
/// ```
/// # let (mut tx, mut rx) = shm_ring::Ring::<u64>::pair(&Default::default())?;
/// let armed = shm_ring::arm(&rx, false);
/// assert!(shm_ring::is_armed(&rx, false));
/// tx.push(7)?;
/// rx.pop()?;
/// assert!(!shm_ring::is_armed(&rx, false)); // it would be for the second record
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn is_armed(end: &dyn AnyEnd, long: bool) -> bool {
    end.side().is_ours() && end.sleeper(long).is_announced()
}

/// Whether an [`Interrupt`](crate::Interrupt) wants the wait of this end to be over: that of a task, which calls nothing that
/// waits. The interrupt is used up.
///
/// ```
/// # let (_tx, rx) = shm_ring::Ring::<u64>::pair(&Default::default())?;
/// rx.interrupt_handle().interrupt();
/// assert!(shm_ring::arm(&rx, false).is_none());
/// assert!(shm_ring::take_interrupt(&rx));
/// assert!(!shm_ring::take_interrupt(&rx));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn take_interrupt(end: &dyn AnyEnd) -> bool {
    let up = end.side().is_interrupted();
    if up {
        let _ = end.side().told(end.mine(), Ended::Interrupted);
    }
    up
}

/// Whether this end looks again for a while before it sleeps, by its [`Wait`](crate::Wait): a task does so between the turns of
/// others.
///
/// ```
/// # use shm_ring::{Options, Ring, Wait, spins};
/// let (mut tx, rx) = Ring::<u64>::pair(&Options::new().wait(Wait::SPIN))?;
/// tx.set_wait(Wait::PARK);
/// assert!(spins(&rx) && !spins(&tx));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn spins(end: &dyn AnyEnd) -> bool {
    end.side().spins()
}

/// Does what a waiting call does first when a `try_` call has found nothing: stays away
/// from the ring for some microseconds if both sides of a stream are awake, so that each look finds many records or much room, and
/// looks again. Whether the next `try_` call has something.
///
/// ```
/// # let (mut tx, mut rx) = shm_ring::Ring::<u64>::pair(&Default::default())?;
/// assert!(rx.try_pop().is_err() && !shm_ring::stay_away(&mut rx));
/// tx.push(7)?;
/// assert!(shm_ring::stay_away(&mut rx));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn stay_away(end: &mut dyn AnyEnd) -> bool {
    end.side().is_ours() && end.stays_away()
}

/// Tells the other side that this end is awake. An end that is dropped need not.
///
/// ```
/// # let (_tx, rx) = shm_ring::Ring::<u64>::pair(&Default::default())?;
/// let armed = shm_ring::arm(&rx, false);
/// shm_ring::disarm(&rx);
/// assert!(!shm_ring::is_armed(&rx, false));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn disarm(end: &dyn AnyEnd) {
    if end.side().is_ours() {
        park::disarm(core::iter::once(end.sleeper(false)));
    }
}
