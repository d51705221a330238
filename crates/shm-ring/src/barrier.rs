//! The two halves of the park edge: a light barrier for the side that publishes often and a heavy
//! one for the side that is about to sleep. It must not know what is ordered.
//!
//! The waker stores a position and then loads the sleeper's `wake_at`; the sleeper stores `wake_at`
//! and then loads the position. Both stores must not stay invisible to both loads, which takes a
//! full barrier on both sides. `membarrier(GLOBAL_EXPEDITED)` makes the sleeper pay for both: it
//! runs a full barrier on each processor that runs a registered process, so the waker needs only to
//! keep the compiler from reordering. Source of the idea: the asymmetric barriers of liburcu.
//!
//! Under loom, which has no membarrier, both halves are the fence that they stand for.

use core::sync::atomic::compiler_fence;

use crate::sync::{Ordering, fence};

/// Whether this process may leave its half of the barrier to the sleeper. Registers it on first
/// use; the kernel forgets a registration only at exec.
#[cfg(not(loom))]
pub(crate) fn waker_may_rely_on_membarrier() -> bool {
    use rustix::thread::{MembarrierCommand, membarrier};
    static REGISTERED: std::sync::OnceLock<bool> = std::sync::OnceLock::new();
    *REGISTERED.get_or_init(|| {
        membarrier(MembarrierCommand::RegisterGlobalExpedited).is_ok() && membarrier_is_had()
    })
}

/// The waker's half, between its store and its look at `wake_at`.
#[inline(always)]
pub(crate) fn light(relies_on_membarrier: bool) {
    if relies_on_membarrier && cfg!(not(loom)) {
        compiler_fence(Ordering::SeqCst);
    } else {
        fence(Ordering::SeqCst); // edge `park`, light
    }
}

/// The sleeper's half, between its store of `wake_at` and its last look. `false` if the waker
/// relies on a membarrier that cannot be had here: then sleep in short slices.
pub(crate) fn heavy(waker_relies_on_membarrier: bool) -> bool {
    fence(Ordering::SeqCst); // edge `park`, heavy
    membarrier_is_had() || !waker_relies_on_membarrier
}

fn membarrier_is_had() -> bool {
    #[cfg(loom)]
    return true;
    #[cfg(not(loom))]
    rustix::thread::membarrier(rustix::thread::MembarrierCommand::GlobalExpedited).is_ok()
}
