//! Owns: what a user may choose: [`Options`] of a ring. Knows nothing of: what is done with it.

mod ends;
mod wait;

pub use self::ends::Ends;
pub use self::wait::{Threshold, Wait};

use core::fmt;
use core::time::Duration;

use crate::protocol::layout::LABEL_MAX;

/// How a ring is created, opened and attached to.
///
/// `items`, `bytes` or `history`, `mode`, `group` and `sparse` matter to the creator; `schema` and `label` must be the same
/// on both sides; the rest is each side's own.
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
    pub(crate) history: u64,
    pub(crate) align: u64,
    pub(crate) max_capacity: u64,
    pub(crate) schema: u64,
    pub(crate) label: String,
    pub(crate) mode: u32,
    pub(crate) group: Option<u32>,
    pub(crate) any_owner: bool,
    pub(crate) prefault: bool,
    pub(crate) lock_memory: bool,
    pub(crate) sparse: bool,
    pub(crate) unlink_on_drop: bool,
    pub(crate) death_notice: bool,
    pub(crate) membarrier: bool,
    pub(crate) attach_timeout: Duration,
    pub(crate) ends: Ends,
    pub(crate) wait: Wait,
}

/// The kernel needs about a second for a process of 10 GiB.
const ATTACH_TIMEOUT: Duration = Duration::from_secs(5);

/// Bytes of the data area when the user says nothing.
pub(crate) const DEFAULT_BYTES: u64 = 64 * 1024;

impl Default for Options {
    fn default() -> Self {
        Self::new()
    }
}

impl Options {
    /// 64 KiB of data (or one item, where that is more), mode 0600, balanced waiting.
    ///
    /// ```
    /// let options = shm_ring::Options::new();
    /// ```
    pub fn new() -> Self {
        Self {
            items: None,
            bytes: None,
            history: 0,
            align: 1,
            max_capacity: u64::MAX,
            schema: 0,
            label: String::new(),
            mode: 0o600,
            group: None,
            any_owner: false,
            prefault: false,
            lock_memory: false,
            sparse: false,
            unlink_on_drop: false,
            death_notice: true,
            membarrier: true,
            attach_timeout: ATTACH_TIMEOUT,
            ends: Ends::Mine,
            wait: Wait::default(),
        }
    }

    /// Makes room for exactly this many items at once. Messages have no common size: use [`bytes`](Self::bytes).
    ///
    /// The memory for them is rounded up to a power of two of bytes, at least a page.
    ///
    /// ```
    /// # use shm_ring::{Options, PushError, Region, Ring};
    /// let ring = Ring::<u64>::create(Region::memfd("doc"), &Options::new().items(3))?;
    /// let mut tx = ring.producer()?;
    /// tx.push_slice(&[1, 2, 3])?;
    /// assert_eq!(tx.try_push(4), Err(PushError::Full));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn items(mut self, items: usize) -> Self {
        self.items = Some(items as u64);
        self
    }

    /// Makes room for exactly this many bytes of records: messages with their headers ([`guide::layout`](crate::guide::layout)),
    /// or as many whole values as fit, at least one.
    ///
    /// ```
    /// # use shm_ring::{MessageRing, Options, Region};
    /// let ring = MessageRing::create(Region::memfd("doc"), &Options::new().bytes(5000))?;
    /// assert_eq!(ring.limit_bytes(), 5000);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn bytes(mut self, bytes: usize) -> Self {
        self.bytes = Some(bytes as u64);
        self
    }

    /// Sets the minimum of newest values that a [`Latest`](crate::Latest) keeps, for readers that want each of them
    /// ([`LatestReader::next`](crate::LatestReader::next)). An opener is refused if the region keeps fewer. Not for
    /// rings, which keep each record until it is consumed.
    ///
    /// ```
    /// # use shm_ring::{Latest, Options, Region};
    /// let latest = Latest::<u64>::create(Region::memfd("doc"), &Options::new().history(1000))?;
    /// assert!(latest.history() >= 1000);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn history(mut self, versions: usize) -> Self {
        self.history = versions as u64;
        self
    }

    /// Sets the minimum alignment of the payloads of messages, a power of two up to a page (default 1: to 8 bytes, as
    /// all are). Each message then has as many bytes of header.
    ///
    /// ```
    /// # use shm_ring::{MessageRing, Options, Region};
    /// let ring = MessageRing::create(Region::memfd("doc"), &Options::new().align(64))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn align(mut self, bytes: usize) -> Self {
        self.align = bytes as u64;
        self
    }

    /// Refuses to open a ring whose data area is larger than this many bytes (default: none is refused). A message
    /// cannot be longer, so this bounds the memory that a pop asks for.
    ///
    /// ```
    /// # use shm_ring::{MessageRing, Options, Region};
    /// let ring = MessageRing::create(Region::memfd("doc"), &Options::new().bytes(1 << 20))?;
    /// let again = Region::descriptor(ring.descriptor().try_clone_to_owned()?);
    /// assert!(MessageRing::open_with(again, &Options::new().max_capacity(1 << 16)).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn max_capacity(mut self, bytes: usize) -> Self {
        self.max_capacity = bytes as u64;
        self
    }

    /// Sets a number that names the meaning of the items. Both sides must give the same (default 0).
    ///
    /// ```
    /// # use shm_ring::{Options, Region, Ring};
    /// let ring = Ring::<u64>::create(Region::memfd("doc"), &Options::new().schema(2))?;
    /// let again = Region::descriptor(ring.descriptor().try_clone_to_owned()?);
    /// assert!(Ring::<u64>::open_with(again, &Options::new().schema(1)).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn schema(mut self, schema: u64) -> Self {
        self.schema = schema;
        self
    }

    /// Sets a text of up to 64 bytes that says what is inside. Both sides must give the same (default empty). A longer
    /// text, or one with a NUL, is an error when the ring is created or opened.
    ///
    /// ```
    /// # use shm_ring::{Options, Region, Ring};
    /// let ring = Ring::<u64>::create(Region::memfd("doc"), &Options::new().label("ticks v2"))?;
    /// let again = Region::descriptor(ring.descriptor().try_clone_to_owned()?);
    /// let error = Ring::<u64>::open_with(again, &Options::new().label("ticks v1"));
    /// assert!(error.unwrap_err().to_string().contains("ticks v2"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Sets the permission bits of a new named or file region, whatever the umask (default 0600). An opener refuses a
    /// region that more people may write.
    ///
    /// ```
    /// let options = shm_ring::Options::new().mode(0o660);
    /// ```
    pub fn mode(mut self, mode: u32) -> Self {
        self.mode = mode;
        self
    }

    /// Gives a new named or file region to this group, by its number, before it appears under its name (default: the
    /// creator's primary group, or the directory's). The creator must be a member of it, or root.
    ///
    /// Two users share group 1500: both say the same, and the first of them creates the region
    /// ([more](crate::guide::regions)).
    ///
    /// ```
    /// let options = shm_ring::Options::new().group(1500).mode(0o660).any_owner();
    /// ```
    pub fn group(mut self, group: u32) -> Self {
        self.group = Some(group);
        self
    }

    /// Opens regions of other users too. Their owners can truncate a named region, which raises SIGBUS here: see
    /// [`Region`](crate::Region).
    ///
    /// ```
    /// let options = shm_ring::Options::new().any_owner();
    /// ```
    pub fn any_owner(mut self) -> Self {
        self.any_owner = true;
        self
    }

    /// Touches every page when a side attaches, so that no first use pays for a page fault.
    ///
    /// ```
    /// # use shm_ring::{Options, Region, Ring};
    /// let ring = Ring::<u64>::create(Region::memfd("doc"), &Options::new().prefault())?;
    /// let tx = ring.producer()?; // takes all its page faults now
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn prefault(mut self) -> Self {
        self.prefault = true;
        self
    }

    /// Locks the pages in memory when a side attaches. The data counts twice against `RLIMIT_MEMLOCK`,
    /// since it is mapped twice.
    ///
    /// ```
    /// let options = shm_ring::Options::new().lock_memory();
    /// ```
    pub fn lock_memory(mut self) -> Self {
        self.lock_memory = true;
        self
    }

    /// Reserves addresses and no memory: pages are allocated when first touched. A full file
    /// system is then a SIGBUS at that moment, instead of an error at creation.
    ///
    /// ```
    /// # use shm_ring::{Options, Region, Ring};
    /// let ring = Ring::<u64>::create(Region::memfd("doc"), &Options::new().bytes(1 << 32).sparse())?;
    /// assert_eq!(ring.limit_bytes(), 1 << 32);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn sparse(mut self) -> Self {
        self.sparse = true;
        self
    }

    /// Removes the name when the last user leaves: each process that created or opened a ring with this option looks, when
    /// it drops the last of the [`Ring`](crate::Ring) and its ends, whether nobody holds a role and no record is unread.
    /// If somebody does or one is, the name stays, for the next to leave: say this on both sides. A process that is
    /// killed removes nothing.
    ///
    /// A process that has the ring open and holds no role is no user: it gets [`Error::NameGone`](crate::Error::NameGone)
    /// later. Of a latest value nobody knows the readers: its creator removes the name, unless there is a writer.
    ///
    /// ```
    /// # use shm_ring::{Consumer, Options, Producer};
    /// # let name = &format!("/shm-ring-doc-last-user-{}", std::process::id());
    /// let options = Options::new().unlink_on_drop();
    /// let mut tx = Producer::<u64>::open_or_create(name.as_str(), &options)?;
    /// tx.push(7)?;
    /// drop(tx); // The name stays: 7 is unread.
    /// let mut rx = Consumer::<u64>::open_with(name.as_str(), &options)?;
    /// assert_eq!(rx.pop()?, 7);
    /// drop(rx);
    /// assert!(Consumer::<u64>::open(name.as_str()).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn unlink_on_drop(mut self) -> Self {
        self.unlink_on_drop = true;
        self
    }

    /// Sets how long attaching waits for a role whose last holder has died or closed and still holds it (default 5 s).
    ///
    /// The kernel frees a role when it has torn down the memory of the dead, and a child that was just forked has to run once.
    /// A role that somebody is attached to is [`Error::RoleTaken`](crate::Error::RoleTaken) at once.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use shm_ring::{Options, Region, Ring};
    /// let options = Options::new().attach_timeout(Duration::from_millis(100));
    /// let tx = Ring::<u64>::create(Region::memfd("doc"), &options)?.producer()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn attach_timeout(mut self, timeout: Duration) -> Self {
        self.attach_timeout = timeout;
        self
    }

    /// Sets which ends of the other side this side reports (default [`Ends::Mine`]).
    ///
    /// ```
    /// # use shm_ring::{Ends, Options, PopError, Region, Ring};
    /// let ring = Ring::<u64>::create(Region::memfd("doc"), &Options::new().ends(Ends::OfStream))?;
    /// ring.producer()?.close();
    /// assert_eq!(ring.consumer()?.pop(), Err(PopError::Closed));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn ends(mut self, ends: Ends) -> Self {
        self.ends = ends;
        self
    }

    /// Sets whether the kernel reports to the other side at once if this process dies (default true).
    ///
    /// That takes a thread, one for all rings of the process, which sleeps from the first attachment
    /// to the end of the last and blocks all signals. Turn it off where a second thread is in the way:
    /// some calls want a process with one (`unshare` or `setns` into a user namespace), a sandbox may end
    /// those that start one, and a process whose other threads all end by themselves goes on for it.
    /// Without it, as where the kernel refuses (before Linux 5.16 for the side that sleeps), a side that
    /// sleeps learns of a death within a tenth of a second.
    ///
    /// ```
    /// # use shm_ring::{Options, Region, Ring};
    /// let ring = Ring::<u64>::create(Region::memfd("doc"), &Options::new().death_notice(false))?;
    /// let tx = ring.producer()?; // and no other thread
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn death_notice(mut self, death_notice: bool) -> Self {
        self.death_notice = death_notice;
        self
    }

    /// Sets whether this process takes part in `membarrier(GLOBAL_EXPEDITED)` (default true): a push then costs no fence, and
    /// whichever process of the machine runs such a barrier, as a side of a ring does before it sleeps, interrupts the
    /// processors that run this one.
    ///
    /// Turn it off in a process whose threads nobody may interrupt. Each push and each pop of the end then runs a full
    /// fence before it looks whether the other side sleeps, and the other side sleeps and wakes without a membarrier.
    /// The kernel forgets no registration: one attachment of the process without this option registers all of it.
    ///
    /// ```
    /// # use shm_ring::{Options, Region, Ring};
    /// let ring = Ring::<u64>::create(Region::memfd("doc"), &Options::new().membarrier(false))?;
    /// let mut tx = ring.producer()?;
    /// tx.push(1)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn membarrier(mut self, membarrier: bool) -> Self {
        self.membarrier = membarrier;
        self
    }

    /// Sets how this side waits (default [`Wait::BALANCED`]).
    ///
    /// ```
    /// # use shm_ring::{Options, Region, Ring};
    /// let ring = Ring::<u64>::create(Region::memfd("doc"), &Options::new().wait(shm_ring::Wait::PARK))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn wait(mut self, wait: Wait) -> Self {
        self.wait = wait;
        self
    }

    /// The label as the header has it, or the problem with it.
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
