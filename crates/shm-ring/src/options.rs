//! What a user may choose: [`Options`] of a ring and [`Wait`], how a side waits. It must not act on
//! any of it.

use core::fmt;
use core::time::Duration;

use crate::item::Item;
use crate::layout::LABEL_MAX;
use crate::record;

/// How a side waits when it has nothing to do: spin, then yield, then sleep.
///
/// ```
/// use shm_ring::{Options, Wait};
/// let patient = Wait { spins: 100, yields: 0, park: true };
/// let options = Options::new().items(1024).wait(patient);
/// assert_eq!(Wait::default(), Wait::BALANCED);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    /// Looks at the ring with a processor pause between them, before anything else. Skipped on a
    /// machine with one processor when `park` or `yields` offers something better.
    pub spins: u32,
    /// Looks with `sched_yield` between them, after the spins.
    pub yields: u32,
    /// Whether to sleep on a futex after that. If not, spinning starts over.
    pub park: bool,
}

impl Wait {
    /// Never sleeps: the lowest latency, for a whole processor.
    pub const SPIN: Self = Self { spins: 1024, yields: 0, park: false };
    /// Spins for some tens of microseconds, a little longer than a wake-up takes, then sleeps.
    pub const BALANCED: Self = Self { spins: 1024, yields: 0, park: true };
    /// Sleeps as soon as there is nothing to do: the least processor time.
    pub const PARK: Self = Self { spins: 0, yields: 0, park: true };
}

impl Default for Wait {
    fn default() -> Self {
        Self::BALANCED
    }
}

/// How much must be there before a consumer that waits goes on, and how long it waits for that once
/// something may come: [`Consumer::set_threshold`](crate::Consumer::set_threshold).
///
/// Network cards know the same as interrupt coalescing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Threshold {
    /// Bytes of records, with their commit words.
    pub(crate) bytes: u64,
    pub(crate) within: Duration,
}

impl Threshold {
    /// `count` values of type `T`.
    pub fn items<T: Item>(count: u64, within: Duration) -> Self {
        let stride =
            record::stride(record::alignment(align_of::<T>() as u64), size_of::<T>() as u64);
        Self::bytes(count.saturating_mul(stride), within)
    }

    /// This many bytes of records, with their commit words: 8 more for each message, and each
    /// filled up to a multiple of 8.
    pub fn bytes(bytes: u64, within: Duration) -> Self {
        Self { bytes, within }
    }
}

/// How a ring is created, opened and attached to.
///
/// `items` or `bytes`, `mode`, `sparse` and `unlink_on_drop` matter to the creator; `schema` and
/// `label` must be the same on both sides; the rest is each side's own.
///
/// ```
/// use shm_ring::{Options, Wait};
/// let options = Options::new().items(4096).label("ticks v2").wait(Wait::PARK);
/// ```
#[derive(Clone)]
#[must_use]
pub struct Options {
    pub(crate) items: Option<u64>,
    pub(crate) bytes: Option<u64>,
    pub(crate) schema: u64,
    pub(crate) label: String,
    pub(crate) mode: u32,
    pub(crate) any_owner: bool,
    pub(crate) prefault: bool,
    pub(crate) lock: bool,
    pub(crate) sparse: bool,
    pub(crate) unlink_on_drop: bool,
    pub(crate) death_notice: bool,
    pub(crate) wait: Wait,
}

/// Bytes of the data area when the user says nothing.
pub(crate) const DEFAULT_BYTES: u64 = 64 * 1024;

impl Default for Options {
    fn default() -> Self {
        Self::new()
    }
}

impl Options {
    /// 64 KiB of data (or one item, where that is more), mode 0600, balanced waiting.
    pub fn new() -> Self {
        Self {
            items: None,
            bytes: None,
            schema: 0,
            label: String::new(),
            mode: 0o600,
            any_owner: false,
            prefault: false,
            lock: false,
            sparse: false,
            unlink_on_drop: false,
            death_notice: true,
            wait: Wait::default(),
        }
    }

    /// Room for at least this many items at once. Not for messages, which have no common size.
    pub fn items(mut self, items: u64) -> Self {
        self.items = Some(items);
        self
    }

    /// At least this many bytes of data, records with their commit words.
    pub fn bytes(mut self, bytes: u64) -> Self {
        self.bytes = Some(bytes);
        self
    }

    /// A number that names the meaning of the items; both sides must give the same (default 0).
    pub fn schema(mut self, schema: u64) -> Self {
        self.schema = schema;
        self
    }

    /// A text of up to 64 bytes that says what is inside; both sides must give the same (default
    /// empty). Longer ones, and those with a NUL, are refused when the ring is created or opened.
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Permission bits of a new named or file region, whatever the umask says (default 0600); also
    /// the most that others may be allowed to write when opening one.
    pub fn mode(mut self, mode: u32) -> Self {
        self.mode = mode;
        self
    }

    /// Opens regions of other users too. Their owners can cut a named region under us: see
    /// [`Region`](crate::Region).
    pub fn any_owner(mut self) -> Self {
        self.any_owner = true;
        self
    }

    /// Touches every page when attaching, so that no first use pays for a page fault.
    pub fn prefault(mut self) -> Self {
        self.prefault = true;
        self
    }

    /// Locks the pages in memory when attaching. The data counts twice against `RLIMIT_MEMLOCK`,
    /// since it is mapped twice.
    pub fn lock(mut self) -> Self {
        self.lock = true;
        self
    }

    /// Reserves addresses and no memory: pages are allocated when first touched. A full file
    /// system is then a SIGBUS at that moment, instead of an error at creation.
    pub fn sparse(mut self) -> Self {
        self.sparse = true;
        self
    }

    /// Removes the name of a region created here when the last handle of the creator is dropped.
    pub fn unlink_on_drop(mut self) -> Self {
        self.unlink_on_drop = true;
        self
    }

    /// Whether the kernel tells the other side at once, should this process die (default true).
    ///
    /// That takes a thread, one for all rings of the process, which sleeps from the first attachment
    /// to the end of the last and blocks all signals. Turn it off where a second thread is in the way:
    /// some calls want a process with one (`unshare` or `setns` into a user namespace), a sandbox may end
    /// those that start one, and a process whose other threads all end by themselves goes on for it.
    /// Without it, as where the kernel refuses (before Linux 5.16 for the side that sleeps), a side that
    /// sleeps learns of a death within a tenth of a second.
    pub fn death_notice(mut self, death_notice: bool) -> Self {
        self.death_notice = death_notice;
        self
    }

    /// How this side waits (default [`Wait::BALANCED`]).
    pub fn wait(mut self, wait: Wait) -> Self {
        self.wait = wait;
        self
    }

    /// The label as it stands in the header, or what is wrong with it.
    pub(crate) fn label_bytes(&self) -> Result<[u8; LABEL_MAX], String> {
        let mut bytes = [0; LABEL_MAX];
        let label = self.label.as_bytes();
        if label.len() > LABEL_MAX {
            return Err(format!(
                "a label is at most {LABEL_MAX} bytes and this one has {}",
                label.len()
            ));
        }
        if label.contains(&0) {
            return Err("a label must not contain a NUL byte".to_owned());
        }
        bytes[..label.len()].copy_from_slice(label);
        Ok(bytes)
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("items", &self.items)
            .field("bytes", &self.bytes)
            .field("label", &self.label)
            .field("wait", &self.wait)
            .finish_non_exhaustive()
    }
}
