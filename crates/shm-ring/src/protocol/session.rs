//! Owns: life and death: the session word of each side and what it says together with the lease. Knows nothing of: how a
//! lease is held.
//!
//! | edge | release end | acquire end | carries |
//! |---|---|---|---|
//! | `open` | a side stores its odd session | the other loads it, then fences | that the lease is held |
//! | `close` | a side stores its even session | the other loads it, then fences | everything that side published |

use crate::protocol::layout::{LIVENESS_DIED, SidePage};
use crate::protocol::sync::{Foreign, Ordering, fence};

/// What a side's session and lease say about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    /// Never attached.
    Absent,
    /// Attached, or in the act of attaching or closing.
    Alive,
    /// Closed in order.
    Closed,
    /// The holder died.
    Dead,
}

/// Opens the next session of the side that owns `mine`; the number is returned.
pub(crate) fn open(mine: &SidePage) -> u64 {
    let last = mine.life.0.session.load(Ordering::Relaxed);
    let next = last.wrapping_add(1) | 1;
    mine.life.0.session.store(next, Ordering::Release); // edge `open`
    next
}

/// Closes session `open` in order.
pub(crate) fn close(mine: &SidePage, open: u64) {
    mine.life.0.session.store(open.wrapping_add(1), Ordering::Release); // edge `close`
}

/// The other side's session number, as far as it is visible here.
#[inline]
pub(crate) fn number(theirs: Foreign<'_, SidePage>) -> u64 {
    theirs.map(|page| &page.life.0.session).relaxed()
}

/// [`number`], and everything that its writer did before it wrote that.
fn number_and_what_came_before(theirs: Foreign<'_, SidePage>) -> u64 {
    let number = number(theirs);
    fence(Ordering::Acquire); // edges `open` and `close`
    number
}

/// Whether the other side's last session was closed in order. Then everything that it published is visible.
#[cfg(not(loom))]
pub(crate) fn is_closed(theirs: Foreign<'_, SidePage>) -> bool {
    let number = number_and_what_came_before(theirs);
    number != 0 && number % 2 == 0
}

/// What a side's liveness word says: whether the kernel tells of its death, or has done so. A hint:
/// the lease decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Liveness {
    /// There is no kernel that could tell.
    Untold,
    /// If the kernel tells, it changes the word from this value or a later one, and wakes who sleeps on
    /// it. A word that names no thread is watched too: who stores a name there while we sleep may be
    /// killed before it rings.
    Monitored(u32),
    /// The kernel has told. The lease is free at once or very soon: a process gives up its memory
    /// before its files.
    Told,
}

/// What the other side's liveness word says.
///
/// No order is needed: whoever acts on [`Liveness::Monitored`] has the kernel compare the word again.
pub(crate) fn liveness(theirs: Foreign<'_, SidePage>) -> Liveness {
    // Loom has no kernel. What sleeps and wakes by this word is modelled in spin.
    if cfg!(loom) {
        return Liveness::Untold;
    }
    let word = theirs.map(|page| &page.liveness.0).relaxed();
    if word & LIVENESS_DIED != 0 { Liveness::Told } else { Liveness::Monitored(word) }
}

/// Whether the kernel will tell of the end of the other side's session, or it has none that could end untold.
pub(crate) fn is_told_of(theirs: Foreign<'_, SidePage>) -> bool {
    let number = number(theirs);
    match liveness(theirs) {
        Liveness::Monitored(word) => number == 0 || number % 2 == 1 && word != 0,
        Liveness::Untold | Liveness::Told => false,
    }
}

/// How often a session is read again because it changed or is in between. Few, and nobody yields between them: a peer
/// that opens and closes all the time must not hold up a deadline, and the last answer is as true as the first.
const LOOKS: u32 = if cfg!(loom) { 2 } else { 8 };

/// Session, lease, session again: if the session changed in between, ask again, so that a side
/// that closes in order never looks dead. A side that stays in between (it was stopped there)
/// holds its lease: one that attaches for the first time is alive, and after an even number the last
/// session is closed, whether its holder has yet to give up the lease or a successor has just taken
/// it. The holder rings before it gives up the lease: who went to sleep on that would not be rung
/// for again.
pub(crate) fn look(theirs: Foreign<'_, SidePage>, held: impl Fn() -> bool) -> (Life, u64) {
    let mut session = number_and_what_came_before(theirs);
    for _ in 0..LOOKS {
        let held = held();
        let again = number_and_what_came_before(theirs);
        let settled = session == again;
        session = again;
        match (settled, again % 2 == 1, held) {
            (true, true, true) => return (Life::Alive, session),
            (true, true, false) => return (Life::Dead, session),
            (true, false, false) if session == 0 => return (Life::Absent, session),
            (true, false, false) => return (Life::Closed, session),
            (true, false, true) | (false, ..) => pause(),
        }
    }
    let closed = session != 0 && session % 2 == 0;
    (if closed { Life::Closed } else { Life::Alive }, session)
}

#[cfg(not(loom))]
fn pause() {
    core::hint::spin_loop();
}

#[cfg(loom)]
fn pause() {
    loom::thread::yield_now();
}
