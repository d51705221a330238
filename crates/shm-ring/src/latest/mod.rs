//! Owns: [`Latest`], one writer and any number of readers that write nothing: creating, opening and handing out the two
//! ends. Knows nothing of: how a version comes to exist.

// First: the page of a reader shows its blocks in the order in which they are met here, and begins with read.
mod reader;

mod error;
mod next;
mod untyped;
mod wait;
mod writer;

pub use self::error::{NextError, ReadError};
pub use self::reader::LatestReader;
pub use self::untyped::{UntypedLatest, UntypedLatestReader, UntypedLatestWriter};
pub use self::writer::LatestWriter;

use core::marker::PhantomData;
use std::os::fd::{AsFd, BorrowedFd};

use crate::error::Error;
use crate::item::Item;
use crate::options::Options;
use crate::peer::Peer;
use crate::protocol::layout::SidePage;
use crate::protocol::session;
use crate::protocol::sync::Foreign;
use crate::protocol::version;
use crate::region::lease;
use crate::region::{Access, Backing, Region};
use crate::ring::contents::Contents;
use crate::ring::handle::Handle;
use crate::role::Role;

/// The latest value of something: one [`LatestWriter`] replaces it as often as it likes, any number of
/// [`LatestReader`]s read it, whole. Neither waits for the other, and values that nobody read in time are gone:
/// where each of them counts, use a [`Ring`](crate::Ring).
///
/// It is a broadcast as well: a reader may take the values in order, each of them, and learns how many it lost where it
/// was too slow ([`LatestReader::next`]). [`Options::history`] says how many are kept for it.
///
/// Readers map the region for reading alone and write nothing, so a descriptor that is open for reading is
/// enough, and a file that the reader may not write. (A memfd's descriptor lets its receiver write, whatever it is open for.)
/// A writer that is killed at any instruction leaves the last value that it published; the next writer goes on from there.
///
/// The value is kept in several slots, which the writer fills in turn. A reader is disturbed only by a writer
/// that publishes all but one of them anew while one value is copied. [`Options::items`] and
/// [`Options::bytes`] say how many slots there are at least (default 8, at least 4); a page is always
/// filled with them.
///
/// ```
/// use shm_ring::{Latest, Options};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let name = &format!("/shm-ring-doc-latest-{}", std::process::id());
/// let latest = Latest::<[f64; 3]>::create(name.as_str(), &Options::new().unlink_on_drop())?;
/// let mut writer = latest.writer()?;
/// writer.write([1.0, 2.0, 3.0]);
///
/// // In any other process:
/// let mut reader = Latest::<[f64; 3]>::open(name.as_str())?.reader()?;
/// assert_eq!(reader.read()?, [1.0, 2.0, 3.0]);
/// # Ok(())
/// # }
/// ```
pub struct Latest<T: Item> {
    handle: Handle,
    item: PhantomData<fn(&T) -> *const T>,
}

impl<T: Item> Latest<T> {
    /// Bytes from one slot to the next.
    const SLOT: u64 = {
        // An item that no header can tell the size of does not compile.
        let size = size_of::<T>() as u64;
        version::slot_size(align_of::<T>() as u64, size)
    };

    /// Creates a region for a latest value. It appears under its name whole or not at all, without a value.
    ///
    /// ```
    /// use shm_ring::{Latest, Options, ReadError, Region};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let latest = Latest::<u64>::create(Region::memfd("doc"), &Options::new())?;
    /// assert_eq!(latest.reader()?.read(), Err(ReadError::Empty));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Ring::create`](crate::Ring::create).
    pub fn create(region: impl Into<Region>, options: &Options) -> Result<Self, Error> {
        Handle::create(&region.into(), Contents::latest::<T>(options), options).map(Self::over)
    }

    /// Opens the latest value in `region` with default options.
    ///
    /// ```
    /// use shm_ring::{Error, Latest, Property, Region, Ring, Options};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let ring = Ring::<u64>::create(Region::memfd("doc"), &Options::new())?;
    /// let fd = ring.descriptor().try_clone_to_owned()?;
    /// let refused = Latest::<u64>::open(Region::descriptor(fd));
    /// assert!(matches!(refused, Err(Error::Incompatible { property: Property::RecordKind, .. })));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`open_with`](Self::open_with).
    pub fn open(region: impl Into<Region>) -> Result<Self, Error> {
        Self::open_with(region, &Options::new())
    }

    /// Opens the latest value in `region`, for reading: that the region may be written is asked only by
    /// [`writer`](Self::writer).
    ///
    /// ```
    /// use shm_ring::{Latest, Options, Region};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let latest = Latest::<u64>::create(Region::memfd("doc"), &Options::new().label("speed"))?;
    /// let fd = latest.descriptor().try_clone_to_owned()?;
    /// let same = Latest::<u64>::open_with(Region::descriptor(fd), &Options::new().label("speed"))?;
    /// assert_eq!(same.id(), latest.id());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Ring::open_with`](crate::Ring::open_with).
    pub fn open_with(region: impl Into<Region>, options: &Options) -> Result<Self, Error> {
        let contents = Contents::latest::<T>(options);
        Handle::open(&region.into(), contents, Access::Read, options).map(Self::over)
    }

    /// Opens the latest value in `region`, or creates it: if another process does the same at the same time, both
    /// get the same one.
    ///
    /// ```
    /// use shm_ring::{Latest, Options};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let name = &format!("/shm-ring-doc-latest-or-{}", std::process::id());
    /// let options = Options::new().unlink_on_drop();
    /// let one = Latest::<u64>::open_or_create(name.as_str(), &options)?;
    /// let other = Latest::<u64>::open_or_create(name.as_str(), &options)?;
    /// assert_eq!(one.id(), other.id());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Ring::open_or_create`](crate::Ring::open_or_create).
    pub fn open_or_create(region: impl Into<Region>, options: &Options) -> Result<Self, Error> {
        let contents = Contents::latest::<T>(options);
        Handle::open_or_create(&region.into(), contents, Access::Read, options).map(Self::over)
    }

    /// Replaces the region under its name, which nobody uses, by a new one for a latest value: see
    /// [`Ring::replace_if_unused`](crate::Ring::replace_if_unused). An old value goes, and its readers go on reading what they
    /// have open until they ask [`LatestReader::has_lost_its_name`].
    ///
    /// ```
    /// use shm_ring::{Latest, Options};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let name = &format!("/shm-ring-doc-latest-replace-{}", std::process::id());
    /// let old = Latest::<u64>::create(name.as_str(), &Options::new().label("v1"))?;
    /// let reader = old.reader()?;
    /// let new = Latest::<u64>::replace_if_unused(name.as_str(), &Options::new().label("v2").unlink_on_drop())?;
    /// assert!(reader.has_lost_its_name() && !new.has_lost_its_name());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Ring::replace_if_unused`](crate::Ring::replace_if_unused).
    pub fn replace_if_unused(region: impl Into<Region>, options: &Options) -> Result<Self, Error> {
        let contents = Contents::latest::<T>(options);
        Handle::replace_if_unused(&region.into(), contents, options).map(Self::over)
    }

    /// Becomes the writer.
    ///
    /// ```
    /// use shm_ring::{Error, Latest, Options, Region};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let latest = Latest::<u64>::create(Region::memfd("doc"), &Options::new())?;
    /// let writer = latest.writer()?;
    /// assert!(matches!(latest.writer(), Err(Error::RoleTaken { .. })));
    /// drop(writer);
    /// latest.writer()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::RoleTaken`] if there is one, [`Error::NameGone`] if the name by which this handle was made leads elsewhere
    /// by now, [`Error::Corrupt`] if the count of values in the region cannot be, [`Error::WrongLength`] if it was cut, [`Error::Os`], also if this process may only read the region.
    pub fn writer(&self) -> Result<LatestWriter<T>, Error> {
        LatestWriter::attach(&self.handle)
    }

    /// Makes a reader. A value has any number of them, and its writer does not know them.
    ///
    /// It reads the value that is there ([`LatestReader::read`]); its history begins with what is written from now on
    /// ([`LatestReader::next`], and [`LatestReader::start_at_oldest`] for what is there as well).
    ///
    /// ```
    /// use shm_ring::{Latest, Options, Region};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let latest = Latest::<u64>::create(Region::memfd("doc"), &Options::new())?;
    /// latest.writer()?.write(7);
    /// let (mut one, mut other) = (latest.reader()?, latest.reader()?);
    /// assert_eq!((one.read()?, other.read()?), (7, 7));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::NameGone`] as of [`writer`](Self::writer), [`Error::WrongLength`] if the region was cut, [`Error::Os`].
    pub fn reader(&self) -> Result<LatestReader<T>, Error> {
        LatestReader::attach(&self.handle)
    }

    fn over(handle: Handle) -> Self {
        Self { handle, item: PhantomData }
    }
}

impl<T: Item> Latest<T> {
    /// The region's descriptor, to hand to another process, which opens it with [`Region::descriptor`]. It is
    /// open for reading only, unless the region was created here.
    ///
    /// ```
    /// # use shm_ring::{Latest, Options, Region};
    /// let latest = Latest::<u64>::create(Region::memfd("doc"), &Options::new())?;
    /// latest.writer()?.write(7);
    /// let fd = latest.descriptor().try_clone_to_owned()?;
    /// let same = Latest::<u64>::open(Region::descriptor(fd))?;
    /// assert_eq!(same.reader()?.read()?, 7);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.handle.backing.fd.as_fd()
    }

    /// The number of newest values that can be read, the latest among them: all slots but one, which the writer may be
    /// writing. It is at least the number that the creator asked for ([`Options::history`]).
    ///
    /// ```
    /// # use shm_ring::{Latest, Options, Region};
    /// let latest = Latest::<u64>::create(Region::memfd("doc"), &Options::new().history(100))?;
    /// assert_eq!(latest.history(), 127);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn history(&self) -> usize {
        version::kept(self.handle.layout.records.capacity / Self::SLOT) as usize
    }

    /// Whether the name by which it was created or opened leads elsewhere, or nowhere: it was removed or replaced. Always
    /// `false` without a name, and if the question is refused.
    #[must_use]
    pub fn has_lost_its_name(&self) -> bool {
        self.handle.backing.has_lost_its_name()
    }

    /// A random number: another latest value made later under the same name has another one.
    ///
    /// ```
    /// # use shm_ring::{Latest, Options, Region};
    /// let latest = Latest::<u64>::create(Region::memfd("doc"), &Options::new())?;
    /// let other = Latest::<u64>::create(Region::memfd("doc"), &Options::new())?;
    /// assert_ne!(latest.id(), other.id());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn id(&self) -> u128 {
        self.handle.id()
    }
}

impl<T: Item> core::fmt::Debug for Latest<T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Latest")
            .field("region", &self.handle.backing.region)
            .finish_non_exhaustive()
    }
}

/// What is known about the writer, asked through a descriptor that need only be open for reading.
fn writer_of(page: Foreign<'_, SidePage>, backing: &Backing, page_size: u64) -> Peer {
    let held = || lease::is_held(backing.fd.as_fd(), page_size, Role::Writer);
    let (life, session) = session::look(page, held);
    Peer::of(life, session, backing.meaningful(session::signature(page)))
}
