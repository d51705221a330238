//! Owns: the two halves of the park edge: a light barrier for the side that publishes often and a heavy one for the side
//! that is about to sleep. Knows nothing of: what is ordered.
//!
//! The waker stores a position and then loads the sleeper's `wake_at`; the sleeper stores `wake_at`
//! and then loads the position. Both stores must not stay invisible to both loads, which takes a
//! full barrier on both sides. `membarrier(GLOBAL_EXPEDITED)` makes the sleeper pay for both: it
//! runs a full barrier on each processor that runs a registered process, so the waker needs only to
//! keep the compiler from reordering. Source of the idea: the asymmetric barriers of liburcu.
//!
//! Under loom, which has no membarrier, both halves are the fence that they stand for.
//!
//! Invariant of the one unsafe block: a `Foreign<SidePage>` leads to a mapped, aligned page.

use crate::protocol::layout::SidePage;
use crate::protocol::sync::{Foreign, Ordering, fence};

/// Whether this process may leave its half of the barrier to the sleeper. Registers it on first
/// use; the kernel forgets a registration only at exec.
#[cfg(not(loom))]
pub(crate) fn waker_may_rely_on_membarrier() -> bool {
    #[cfg(shm_ring_steps)]
    if true {
        return crate::protocol::steps::relies_on_membarrier();
    }
    use rustix::thread::{MembarrierCommand, membarrier};
    static REGISTERED: std::sync::OnceLock<bool> = std::sync::OnceLock::new();
    *REGISTERED.get_or_init(|| {
        membarrier(MembarrierCommand::RegisterGlobalExpedited).is_ok() && membarrier_is_had()
    })
}

/// The waker's half and its look at the sleeper's `wake_at`, loaded after all earlier stores of this
/// thread.
#[inline(always)]
pub(crate) fn light_then_load(relies_on_membarrier: bool, sleeper: Foreign<'_, SidePage>) -> u64 {
    if !relies_on_membarrier || cfg!(loom) {
        return fence_then_load(sleeper);
    }
    load_in_order(sleeper)
}

#[cfg_attr(not(loom), cold)]
#[inline(never)]
fn fence_then_load(sleeper: Foreign<'_, SidePage>) -> u64 {
    fence(Ordering::SeqCst); // edge `park`, light
    load_in_order(sleeper)
}

/// Loads `wake_at` after what stands before in the program, as far as the compiler is concerned.
///
/// A compiler fence and a load would do, and cost a third of the throughput of small items: what it
/// makes the compiler forget is not only what is in shared memory but the caller's own cursor too,
/// and the next push would wait for the store of this one. An asm block that reads memory keeps the
/// same stores before itself and lets the compiler keep what it knows.
#[inline(always)]
pub(crate) fn load_in_order(sleeper: Foreign<'_, SidePage>) -> u64 {
    #[cfg(all(target_arch = "x86_64", not(any(loom, shm_ring_steps, miri))))]
    {
        let value: u64;
        // SAFETY: a load of an aligned word inside a `SidePage` that is mapped, by one instruction as
        // a relaxed load is. It may read what others write, which assembly may, and writes nothing.
        #[allow(unsafe_code)]
        unsafe {
            core::arch::asm!(
                "mov {value}, [{page} + {wake_at}]",
                value = lateout(reg) value,
                page = in(reg) core::ptr::from_ref(sleeper.get()),
                wake_at = const core::mem::offset_of!(SidePage, park),
                options(nostack, preserves_flags, readonly),
            );
        }
        value
    }
    #[cfg(not(all(target_arch = "x86_64", not(any(loom, shm_ring_steps, miri)))))]
    {
        core::sync::atomic::compiler_fence(core::sync::atomic::Ordering::SeqCst);
        sleeper.map(|page| &page.park.0.wake_at).relaxed()
    }
}

/// What a waker leaves to the sleeper's half of the barrier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Relied {
    /// It fences itself, for as long as its session lasts.
    Nothing,
    /// It fences itself, and may rely on more later in its session.
    Perhaps,
    Membarrier,
}

/// The sleeper's half, between its store of `wake_at` and its last look. `false` if a waker
/// relies on a membarrier that cannot be had here: then sleep in short slices.
///
/// `relied` is asked behind the fence. So it says what the session says that the last ring of a bell came from, and the
/// first thing that a new session does is to ring: one that starts after the question ends the sleep.
pub(crate) fn heavy(relied: impl FnOnce() -> Relied) -> bool {
    fence(Ordering::SeqCst); // edge `park`, heavy
    match relied() {
        Relied::Nothing => true,
        Relied::Perhaps => {
            membarrier_is_had();
            true
        }
        Relied::Membarrier => membarrier_is_had(),
    }
}

fn membarrier_is_had() -> bool {
    #[cfg(shm_ring_steps)]
    crate::protocol::steps::membarrier();
    #[cfg(any(loom, shm_ring_steps))]
    return true;
    #[cfg(not(any(loom, shm_ring_steps)))]
    rustix::thread::membarrier(rustix::thread::MembarrierCommand::GlobalExpedited).is_ok()
}
