//! The two halves of the park edge: a light barrier for the side that publishes often and a heavy
//! one for the side that is about to sleep. It must not know what is ordered.
//!
//! The waker stores a position and then loads the sleeper's `wake_at`; the sleeper stores `wake_at`
//! and then loads the position. Both stores must not stay invisible to both loads, which takes a
//! full barrier on both sides. `membarrier(GLOBAL_EXPEDITED)` makes the sleeper pay for both: it
//! runs a full barrier on each processor that runs a registered process, so the waker needs only to
//! keep the compiler from reordering. Source of the idea: the asymmetric barriers of liburcu.

#[cfg(not(loom))]
mod real {
    use core::sync::atomic::compiler_fence;
    use std::sync::OnceLock;

    use rustix::thread::{MembarrierCommand, membarrier};

    use crate::sync::{Ordering, fence};

    /// Whether this process may leave its half of the barrier to the sleeper. Registers it on
    /// first use; the kernel forgets a registration only at exec.
    pub(crate) fn waker_may_rely_on_membarrier() -> bool {
        static REGISTERED: OnceLock<bool> = OnceLock::new();
        *REGISTERED.get_or_init(|| {
            membarrier(MembarrierCommand::RegisterGlobalExpedited).is_ok()
                && membarrier(MembarrierCommand::GlobalExpedited).is_ok()
        })
    }

    /// The waker's half, between its store and its look at `wake_at`.
    #[inline(always)]
    pub(crate) fn light(relies_on_membarrier: bool) {
        if relies_on_membarrier {
            compiler_fence(Ordering::SeqCst);
        } else {
            fence(Ordering::SeqCst);
        }
    }

    /// The sleeper's half, between its store of `wake_at` and its last look. `false` if the waker
    /// relies on a membarrier that cannot be had here: then sleep in short slices.
    pub(crate) fn heavy(waker_relies_on_membarrier: bool) -> bool {
        fence(Ordering::SeqCst);
        let done = membarrier(MembarrierCommand::GlobalExpedited).is_ok();
        done || !waker_relies_on_membarrier
    }
}

#[cfg(loom)]
mod modelled {
    use crate::sync::{Ordering, fence};

    pub(crate) fn light(_relies_on_membarrier: bool) {
        fence(Ordering::SeqCst); // modelled light barrier
    }

    pub(crate) fn heavy(_waker_relies_on_membarrier: bool) -> bool {
        fence(Ordering::SeqCst); // modelled heavy barrier
        true
    }
}

#[cfg(loom)]
pub(crate) use modelled::*;
#[cfg(not(loom))]
pub(crate) use real::*;
