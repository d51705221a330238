//! Owns: ending a wait of this process from another thread or a signal handler: a flag of each end, and one bell for all of
//! them. Knows nothing of: what is waited for.
//!
//! | edge | release end | acquire end | carries |
//! |---|---|---|---|
//! | `interrupt` | `Flag::raise` counts a ring of the bell | `park::arm` loads the count, then runs its barrier or fence | the flag |
//!
//! Why no interrupt is lost between the last look and the sleep: the flag is raised before the bell is counted, and the
//! sleeper reads the count before it looks at the flag. If it read the new count, it sees the flag and does not sleep. If it
//! read the old one, the word is another when the sleep begins, or it is woken. Each ring is one atomic addition: of two
//! at the same time neither takes the count of the other.

use crate::protocol::bell::Bell;
use crate::protocol::sync::{AtomicU32, Ordering};

/// The bell of this process. Whoever sleeps on it and was not meant looks again.
#[cfg(not(loom))]
static PROCESS: Bell = Bell::new();

/// Whether an end is to stop waiting. It stays up until a wait ends by it.
pub(crate) struct Flag(AtomicU32);

impl Flag {
    pub(crate) fn new() -> Self {
        Self(AtomicU32::new(0))
    }

    /// Raises it and wakes whoever sleeps on `bell`. Two atomic operations and a system call: a signal handler may.
    pub(crate) fn raise(&self, bell: &Bell) {
        self.0.store(1, Ordering::Relaxed);
        bell.ring_by_any(); // edge `interrupt`
    }

    pub(crate) fn is_up(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 1
    }

    pub(crate) fn lower(&self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

/// What may interrupt a sleep.
#[derive(Clone, Copy)]
pub(crate) struct Interrupts<'a, F> {
    /// None if nobody can.
    pub(crate) bell: Option<&'a Bell>,
    pub(crate) are_up: F,
}

/// Of a sleep that nobody can interrupt.
pub(crate) const NONE: Interrupts<'static, fn() -> bool> =
    Interrupts { bell: None, are_up: || false };

/// The bell of this process.
#[cfg(not(loom))]
pub(crate) fn bell() -> &'static Bell {
    &PROCESS
}
