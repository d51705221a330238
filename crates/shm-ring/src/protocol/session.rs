//! Owns: life and death: the session word of each side and what it says together with the lease. Knows nothing of: how a
//! lease is held.
//!
//! | edge | release end | acquire end | carries |
//! |---|---|---|---|
//! | `open` | a side stores its odd session | the other loads it, then fences | that the lease is held |
//! | `close` | a side stores its even session | the other loads it, then fences | everything that side published |
//! | `bury` | an attaching producer stores its liveness word | the consumer loads it, then fences | that its predecessor has died |
//! | `start` | an attaching producer fences, then stores where its session begins | the consumer loads that, then fences | the session before |

use crate::protocol::layout::{LIVENESS_DIED, SidePage};
use crate::protocol::position::unpack;
use crate::protocol::sync::{Foreign, Ordering, fence};

/// What a side's session and lease say about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    /// Never attached.
    Absent,
    /// Somebody attaches for the first time: the role is held, and there is no session yet.
    Attaching,
    /// Attached.
    Alive,
    /// Closed in order.
    Closed,
    /// The holder died.
    Dead {
        /// Whether the kernel has freed its lease: before that, a system call of the holder may still be under way.
        released: bool,
    },
}

/// Opens the next session of the side that owns `mine`; the number is returned.
pub(crate) fn open(mine: &SidePage) -> u64 {
    let last = mine.life.0.session.load(Ordering::Relaxed);
    let next = last.wrapping_add(1) | 1;
    mine.life.0.session.store(next, Ordering::Release); // edge `open`
    next
}

/// What a producer that attaches does first: a predecessor that left its session open has died, and will not say so.
pub(crate) fn bury(mine: &SidePage) {
    let last = mine.life.0.session.load(Ordering::Relaxed);
    if last % 2 == 1 {
        mine.ends.0.died.store(last, Ordering::Relaxed);
    }
}

/// Stores by what the kernel will know that this side died, or 0. What it reported of the last holder ends here.
pub(crate) fn name_thread(mine: &SidePage, liveness: u32) {
    mine.liveness.0.store(liveness, Ordering::Release); // edge `bury`
}

/// What a producer does before it [`open`]s its session: says where that begins.
pub(crate) fn begin(mine: &SidePage) {
    let next = mine.life.0.session.load(Ordering::Relaxed).wrapping_add(1) | 1;
    let (tail, _) = unpack(mine.position.0.word.load(Ordering::Relaxed));
    let ends = &mine.ends.0;
    let start = ends.start_of(next);
    fence(Ordering::Release); // edge `start`
    start.session.store(next, Ordering::Relaxed);
    start.began.store(tail, Ordering::Relaxed);
    start.died_before.store(ends.died.load(Ordering::Relaxed), Ordering::Relaxed);
}

/// Closes session `open` in order.
pub(crate) fn close(mine: &SidePage, open: u64) {
    mine.life.0.session.store(open.wrapping_add(1), Ordering::Release); // edge `close`
}

/// Ends the session as the kernel does when its holder dies. The word still names the thread: if this process is killed
/// before it has rung, the kernel wakes who sleeps on it.
#[cfg(not(loom))]
pub(crate) fn die(mine: &SidePage) {
    let word = mine.liveness.0.load(Ordering::Relaxed);
    mine.liveness.0.store(word | LIVENESS_DIED, Ordering::Release); // edge `close`, of a death
}

/// Writes down who opens the next session: a process, by its number in a pid namespace.
pub(crate) fn sign(mine: &SidePage, pid: u32, namespace: u64) {
    mine.life.0.pid.store(pid, Ordering::Relaxed);
    mine.life.0.pid_namespace.store(namespace, Ordering::Relaxed);
}

/// What the other side's process has written down: its number, and in which pid namespace.
#[cfg(not(loom))]
pub(crate) fn signature(theirs: Foreign<'_, SidePage>) -> (u32, u64) {
    let life = theirs.map(|page| &page.life.0);
    (life.map(|life| &life.pid).relaxed(), life.map(|life| &life.pid_namespace).relaxed())
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

/// What a side's liveness word says: whether the kernel tells of its death, or has done so. A word that lies is its
/// owner's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Liveness {
    /// There is no kernel that could tell.
    Untold,
    /// If the kernel tells, it changes the word from this value or a later one, and wakes who sleeps on
    /// it. A word that names no thread is watched too: who stores a name there while we sleep may be
    /// killed before it rings.
    Monitored(u32),
    /// The kernel has told, or the holder itself, in a panic. The lease is free later: a process gives up its memory before
    /// its files, and of much memory that takes long.
    Told(u32),
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
    if word & LIVENESS_DIED != 0 { Liveness::Told(word) } else { Liveness::Monitored(word) }
}

/// Whether the kernel has told of the end of the holder that named itself last.
pub(crate) fn is_told(theirs: Foreign<'_, SidePage>) -> bool {
    theirs.map(|page| &page.liveness.0).relaxed() & LIVENESS_DIED != 0
}

/// Whether the kernel will tell of the end of the other side's session, or it has none that could end untold.
pub(crate) fn is_told_of(theirs: Foreign<'_, SidePage>) -> bool {
    let number = number(theirs);
    match liveness(theirs) {
        Liveness::Monitored(word) => number == 0 || number % 2 == 1 && word != 0,
        Liveness::Untold | Liveness::Told(_) => false,
    }
}

/// How often a session is read again because it changed or is in between. Few, and nobody yields between them: a peer
/// that opens and closes all the time must not hold up a deadline, and the last answer is as true as the first.
const LOOKS: u32 = if cfg!(loom) { 2 } else { 8 };

/// Session, mark and lease, session again: if the session changed in between, ask again, so that a side
/// that closes in order never looks dead. A side that stays in between (it was stopped there)
/// holds its lease: one that attaches for the first time is attaching, and after an even number the last
/// session is closed, whether its holder has yet to give up the lease or a successor has just taken
/// it. The holder rings before it gives up the lease: who went to sleep on that would not be rung
/// for again.
///
/// The mark of a death is of the session that is read before and after it: who attaches takes the last one's mark away
/// before he stores his session, so a session of his is never read beside it. After a mark without a session nobody is
/// attaching any more.
pub(crate) fn look(theirs: Foreign<'_, SidePage>, held: impl Fn() -> bool) -> (Life, u64) {
    let (life, session, _) = look_with(theirs, held, |_| ());
    (life, session)
}

/// [`look`], and what `between` finds between the two loads of the session, if that is the same: it is then of that session,
/// and comes behind what says that the session is over.
pub(crate) fn look_with<R>(
    theirs: Foreign<'_, SidePage>,
    held: impl Fn() -> bool,
    between: impl Fn(u64) -> R,
) -> (Life, u64, Option<R>) {
    let mut session = number_and_what_came_before(theirs);
    let mut found = None;
    for _ in 0..LOOKS {
        let told = is_told(theirs);
        let held = held();
        fence(Ordering::Acquire); // edge `bury`
        // A successor takes the mark away before it has a session.
        let told = told || session % 2 == 1 && died(theirs) == session;
        let between = between(session);
        fence(Ordering::Acquire); // edge `start`
        let again = number_and_what_came_before(theirs);
        let settled = session == again;
        found = settled.then_some(between);
        session = again;
        match (settled, again % 2 == 1, held && !told) {
            (true, true, true) => return (Life::Alive, session, found),
            (true, true, false) => return (Life::Dead { released: !held }, session, found),
            (true, false, false) if session == 0 => return (Life::Absent, session, found),
            (true, false, false) => return (Life::Closed, session, found),
            (true, false, true) | (false, ..) => pause(),
        }
    }
    let life = match (session, session % 2) {
        (0, _) => Life::Attaching,
        (_, 0) => Life::Closed,
        _ => Life::Alive,
    };
    (life, session, found)
}

/// The last session that a successor found open.
fn died(theirs: Foreign<'_, SidePage>) -> u64 {
    theirs.map(|page| &page.ends.0.died).relaxed()
}

#[cfg(not(loom))]
fn pause() {
    core::hint::spin_loop();
}

#[cfg(loom)]
fn pause() {
    loom::thread::yield_now();
}
