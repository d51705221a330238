//! Owns: [`Process`], by which a value knows whether the process that made it is the one that runs. Knows nothing of: what
//! a child must not keep; `fork` does.
//!
//! Never a pid: a child in a pid namespace of its own can have its parent's. The token stands in a page that the kernel
//! wipes in every child that has memory of its own; where it refuses to, the handler of `fork` does. A child's tokens are
//! later ones than those of all its ancestors, so nothing that it inherits is taken for its own.

mod fork;
mod page;

pub(crate) use self::fork::{Descriptor, Inherited};

use crate::protocol::sync::Ordering;
use crate::protocol::sync::private::AtomicU64;

/// The last token of this process, or of the one that it was forked from.
static ISSUED: AtomicU64 = AtomicU64::new(0);

/// A process, for what must know after a fork whose it is. Children that share its memory (`vfork`, `CLONE_VM`) count as the
/// same. No pid: a child in a pid namespace of its own can have its parent's.
///
/// ```
/// assert!(shm_ring::Process::this().is_this()); // and in a child of this one it is not
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Process {
    word: &'static AtomicU64,
    token: u64,
}

impl Process {
    /// The one that runs.
    #[must_use]
    pub fn this() -> Self {
        fork::watch();
        let word = page::word();
        let token = match word.load(Ordering::Relaxed) {
            0 => {
                if ISSUED.load(Ordering::Relaxed) > 0 {
                    fork::forget();
                }
                let fresh = ISSUED.fetch_add(1, Ordering::Relaxed) + 1;
                match word.compare_exchange(0, fresh, Ordering::Relaxed, Ordering::Relaxed) {
                    Ok(_) => fresh,
                    Err(another) => another,
                }
            }
            token => token,
        };
        Self { word, token }
    }

    /// Whether it is the one that runs: a load.
    #[inline]
    #[must_use]
    pub fn is_this(self) -> bool {
        self.word.load(Ordering::Relaxed) == self.token
    }
}
