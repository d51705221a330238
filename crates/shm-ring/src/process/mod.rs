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

/// A process. Children that share its memory (`vfork`, `CLONE_VM`) count as the same.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Process {
    word: &'static AtomicU64,
    token: u64,
}

impl Process {
    /// The one that runs.
    pub(crate) fn this() -> Self {
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
    pub(crate) fn is_this(self) -> bool {
        self.word.load(Ordering::Relaxed) == self.token
    }
}
