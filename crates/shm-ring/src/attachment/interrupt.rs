//! Owns: [`Interrupt`], by which another thread or a signal handler ends a wait. Knows nothing of: why no interrupt is lost.

use std::sync::Arc;

use static_assertions::assert_impl_all;

use crate::protocol::interrupt::{self, Flag};

/// Ends a wait of the end that it came from, from another thread or from a signal handler: for a clean shutdown.
///
/// The wait that is under way ends with `Interrupted`, or else the next one that finds nothing: an interrupt is never lost, and
/// several before that are one. Records and room come first: a `pop` that finds a record returns it, and the wait after it
/// is interrupted. [`wait_any`](crate::wait_any) is a wait of each of its ends; `wait_for_peer` returns how things stand.
///
/// An end that never gave out a handle pays nothing. One that did sleeps on one more word, which takes Linux 5.16; before
/// that, or where a sandbox refuses it, it looks every millisecond.
///
/// ```
/// use shm_ring::{Options, PopError, Region, Ring};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let ring = Ring::<u64>::create(Region::memfd("doc"), &Options::new())?;
/// let mut rx = ring.consumer()?;
/// let interrupt = rx.interrupt_handle();
/// let waiting = std::thread::spawn(move || rx.pop());
/// interrupt.interrupt();
/// assert_eq!(waiting.join().unwrap(), Err(PopError::Interrupted));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Interrupt {
    flag: Arc<Flag>,
}

assert_impl_all!(Interrupt: Send, Sync, Clone);

impl Interrupt {
    pub(crate) fn of(flag: Arc<Flag>) -> Self {
        Self { flag }
    }

    /// Interrupts. A signal handler may call it: two atomic operations and one system call. The last handle must not be
    /// dropped in one, since that frees memory.
    pub fn interrupt(&self) {
        self.flag.raise(interrupt::bell());
    }
}

impl core::fmt::Debug for Interrupt {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Interrupt").field("pending", &self.flag.is_up()).finish()
    }
}
