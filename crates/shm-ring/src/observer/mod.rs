//! Owns: [`Observer`], which maps a ring for reading and nothing else. Knows nothing of: roles; it writes nothing, rings no
//! bell and never waits.

mod dump;
mod list;
mod positions;
mod snapshot;
mod value;
mod watch;

pub use self::dump::{Dump, DumpError, Unread};
pub use self::list::{Listed, list};
pub use self::snapshot::{Contents, SideSnapshot, Snapshot};
pub use self::watch::Watch;

use std::os::fd::{AsFd, BorrowedFd};

use crate::error::{Error, os};
use crate::mapping::ReadOnly;
use crate::options::Options;
use crate::protocol::layout::{Header, KIND_LATEST, KIND_VALUES};
use crate::region::{Access, Backing, Region};
use crate::ring::contents::RegionLayout;
use crate::ring::header;

/// Looks at a ring from outside: the positions and processes of its sides, and unread records. Or at a
/// [`Latest`](crate::Latest) value: its writer, its version, its bytes.
///
/// It maps all of the region read-only, takes no role, rings no bell and writes nothing, so neither side
/// can tell that it is there. A descriptor that is open for reading is enough. The caller need not
/// know the type, the schema or the label: the header has them. Everything else in it is checked as strictly as by a side
/// that attaches.
///
/// It shows what the two sides wrote, and is as true as they are honest. Whatever they write,
/// a call ends in an answer or an error, but for SIGBUS where [`Region`] says so.
///
/// ```
/// use shm_ring::{Observer, Options, Peer, Region, Ring};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let name = &format!("/shm-ring-doc-observer-{}", std::process::id());
/// let ring = Ring::<u64>::create(name.as_str(), &Options::new().items(100).unlink_on_drop())?;
/// let mut tx = ring.producer()?;
/// tx.push(7)?;
///
/// // In any other process:
/// let observer = Observer::open(name.as_str())?;
/// let snapshot = observer.snapshot();
/// assert_eq!(snapshot.unread_records(), Some(1));
/// assert!(matches!(snapshot.producer.peer, Peer::Alive { session: 1, .. }));
/// assert_eq!(snapshot.consumer.peer, Peer::Absent);
/// # ring.consumer()?.pop()?;
/// # Ok(())
/// # }
/// ```
pub struct Observer {
    backing: Backing,
    header: Header,
    layout: RegionLayout,
    mapping: ReadOnly,
}

impl Observer {
    /// Looks at the ring in `region`, with default options.
    ///
    /// ```
    /// # use shm_ring::{DumpError, Contents, Observer, Options, Peer, Region, Ring};
    /// # let ring = Ring::<u64>::create(Region::memfd("doc"), &Options::new())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// # let fd = ring.descriptor().try_clone_to_owned()?;
    /// # let observer = Observer::open(Region::descriptor(fd))?;
    /// tx.push(7)?;
    /// assert_eq!(observer.snapshot().unread_records(), Some(1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`open_with`](Self::open_with).
    pub fn open(region: impl Into<Region>) -> Result<Self, Error> {
        Self::open_with(region, &Options::new())
    }

    /// Looks at the ring in `region`. Of the options, [`any_owner`](Options::any_owner) and
    /// [`mode`](Options::mode) say whose regions are looked at.
    ///
    /// ```
    /// use shm_ring::{Error, Observer, Options};
    /// let missing = Observer::open_with("/shm-ring-doc-missing", &Options::new().any_owner());
    /// assert!(matches!(missing, Err(Error::NotFound { .. })));
    /// ```
    ///
    /// # Errors
    /// As [`Ring::open_with`](crate::Ring::open_with), except that no kind of record, item, schema or
    /// label is wanted.
    pub fn open_with(region: impl Into<Region>, options: &Options) -> Result<Self, Error> {
        let backing = region.into().open(options, Access::Read)?;
        let (header, layout) = header::examine(&backing)?;
        let mapping = ReadOnly::new(backing.fd.as_fd(), layout.page, layout.records.capacity)
            .map_err(|error| os(&backing.region, error.call, error.errno))?;
        Ok(Self { backing, header, layout, mapping })
    }

    /// The descriptor that is looked through: open for reading.
    ///
    /// ```
    /// # use shm_ring::{DumpError, Contents, Observer, Options, Peer, Region, Ring};
    /// # let ring = Ring::<u64>::create(Region::memfd("doc"), &Options::new())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// # let fd = ring.descriptor().try_clone_to_owned()?;
    /// # let observer = Observer::open(Region::descriptor(fd))?;
    /// let len = std::fs::File::from(observer.descriptor().try_clone_to_owned()?).metadata()?.len();
    /// assert!(len > observer.snapshot().capacity);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.backing.fd.as_fd()
    }

    /// Whether it is a ring of values.
    fn carries_values(&self) -> bool {
        self.header.kind == KIND_VALUES
    }

    /// Whether it is a latest value, and no ring.
    fn is_latest(&self) -> bool {
        self.header.kind == KIND_LATEST
    }
}

impl core::fmt::Debug for Observer {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Observer").field("region", &self.backing.region).finish_non_exhaustive()
    }
}
