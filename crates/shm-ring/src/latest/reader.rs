//! Owns: [`LatestReader`], the end that reads a latest value: it maps the region for reading alone, and nobody knows of it.
//! Knows nothing of: what proves a copy whole.

use core::marker::PhantomData;
use core::time::Duration;
use std::os::fd::AsFd;
use std::sync::Arc;

use static_assertions::{assert_impl_all, assert_not_impl_any};

use super::{Latest, ReadError, writer_of};
use crate::attachment::wait::Timeout;
use crate::error::{Error, os};
use crate::item::Item;
use crate::mapping::{PeerPage, ReadOnly};
use crate::options::Wait;
use crate::peer::Peer;
use crate::protocol::layout::SidePage;
use crate::protocol::sync::Foreign;
use crate::protocol::version::{Miss, Seen};
use crate::region::Backing;
use crate::ring::handle::Handle;
use crate::ring::header;
use crate::role::Role;

/// Reads a [`Latest`] value. A value has any number of readers.
///
/// Each reads on its own: a read changes nothing for the others, nor for the writer. [`read`](Self::read) returns the newest
/// value, [`next`](Self::next) each one in the order in which they were written.
///
/// ```
/// use shm_ring::{Latest, Options, ReadError, Region};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let latest = Latest::<u64>::create(Region::memfd("doc"), &Options::new())?;
/// let (mut writer, mut reader) = (latest.writer()?, latest.reader()?);
/// assert_eq!(reader.read(), Err(ReadError::Empty));
/// writer.write(1);
/// assert!(reader.has_newer()?);
/// assert_eq!((reader.read()?, reader.version()), (1, 1));
/// assert!(!reader.has_newer()?);
/// // The value stays.
/// assert_eq!(reader.read()?, 1);
/// # Ok(())
/// # }
/// ```
pub struct LatestReader<T: Item> {
    pub(super) seen: Seen,
    pub(super) wait: Wait,
    /// The writer's session, if it was closed or dead when it was last asked about.
    pub(super) gone: Option<u64>,
    pub(super) mapping: ReadOnly,
    pub(super) page: u64,
    pub(super) backing: Arc<Backing>,
    /// Once it has armed for somebody else to sleep: the writer's page, and nothing if it cannot be mapped.
    pub(super) writer_page: Option<Option<Arc<PeerPage>>>,
    item: PhantomData<fn() -> T>,
}

assert_impl_all!(LatestReader<u64>: Send);
assert_not_impl_any!(LatestReader<u64>: Clone);

impl<T: Item> LatestReader<T> {
    pub(super) fn attach(handle: &Handle) -> Result<Self, Error> {
        Self::attach_slots(handle, Latest::<T>::SLOT)
    }

    /// Where slots have `slot` bytes.
    pub(super) fn attach_slots(handle: &Handle, slot: u64) -> Result<Self, Error> {
        let Handle { backing, layout, options } = handle;
        backing.refuse_nameless()?;
        header::check_len(backing, layout)?;
        let (page, capacity) = (layout.page, layout.records.capacity);
        let mapping = ReadOnly::new(backing.fd.as_fd(), page, capacity)
            .and_then(|mapping| mapping.prepared(options.prefault, options.lock_memory))
            .map_err(|error| os(&backing.region, error.call, error.errno))?;
        let mut seen = Seen::nothing(capacity / slot);
        seen.pass(mapping.side(Role::Writer));
        Ok(Self {
            seen,
            wait: options.wait,
            gone: None,
            mapping,
            page,
            backing: backing.clone(),
            writer_page: None,
            item: PhantomData,
        })
    }

    /// Returns a copy of the latest value: whole, and never older than a value that this reader has read before.
    ///
    /// It makes at most 64 copies, whatever the writer does, and no system call. Usually it makes one: another is needed
    /// only if the writer published all slots but one anew meanwhile.
    ///
    /// The value is returned by move, through the stack: one of megabytes overflows a stack of 2 MiB. Use
    /// [`read_into`](Self::read_into) and a place on the heap.
    ///
    /// # Errors
    /// [`ReadError::Empty`] before the first write; [`ReadError::Overrun`] if the writer came round in each
    /// attempt; [`ReadError::Corrupt`], permanently.
    ///
    /// ```
    /// use shm_ring::{Latest, Options, Region};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let latest = Latest::<[u32; 2]>::create(Region::memfd("doc"), &Options::new())?;
    /// latest.writer()?.write([3, 4]);
    /// // Its writer has gone.
    /// assert_eq!(latest.reader()?.read()?, [3, 4]);
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn read(&mut self) -> Result<T, ReadError> {
        self.read_from(0)
    }

    /// Where `at_least` so many versions have been published.
    #[inline(always)]
    fn read_from(&mut self, at_least: u64) -> Result<T, ReadError> {
        let Self { seen, mapping, .. } = self;
        let take = |version: u64| mapping.take(version.wrapping_mul(Latest::<T>::SLOT));
        Ok(seen.read(mapping.side(Role::Writer), at_least, take)?)
    }

    /// Like [`read`](Self::read), but writes to a place of the caller. Use it for values of about 1 KiB or more, where
    /// the move would cost as much as the read.
    ///
    /// # Errors
    /// As [`read`](Self::read). After [`ReadError::Overrun`] and [`ReadError::Corrupt`] the place is all zeros
    /// or unchanged, and after [`ReadError::Empty`] unchanged: never torn.
    ///
    /// ```
    /// use shm_ring::{Latest, Options, Region};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let latest = Latest::<[u8; 4096]>::create(Region::memfd("doc"), &Options::new())?;
    /// latest.writer()?.write([1; 4096]);
    /// let mut picture = [0; 4096];
    /// latest.reader()?.read_into(&mut picture)?;
    /// assert_eq!(picture, [1; 4096]);
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn read_into(&mut self, place: &mut T) -> Result<(), ReadError> {
        let Self { seen, mapping, .. } = self;
        let mut touched = false;
        let take = |version: u64| {
            touched = true;
            mapping.take_into(version.wrapping_mul(Latest::<T>::SLOT), place);
        };
        let read = seen.read(mapping.side(Role::Writer), 0, take);
        if read.is_err() && touched {
            place.as_mut_bytes().fill(0);
        }
        Ok(read?)
    }

    /// Like [`read`](Self::read), but waits for a value that this reader has not read, as long as the writer lives or none
    /// has come yet.
    ///
    /// It waits as [`Options::wait`](crate::Options::wait) says. A reader that sleeps is woken by
    /// [`LatestWriter::notify`] and when the writer attaches or closes, and looks by itself once a
    /// millisecond.
    ///
    /// # Errors
    /// As [`read`](Self::read), and only if there is nothing new: [`ReadError::Closed`] and
    /// [`ReadError::WriterDead`] once the writer is gone (another may attach, and then waiting goes on).
    ///
    /// ```
    /// use shm_ring::{Latest, Options, ReadError, Region};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let latest = Latest::<u64>::create(Region::memfd("doc"), &Options::new())?;
    /// let (mut writer, mut reader) = (latest.writer()?, latest.reader()?);
    /// let writing = std::thread::spawn(move || writer.write(1));
    /// assert_eq!(reader.read_newer()?, 1);
    /// writing.join().unwrap();
    /// // The writer has closed, and there is nothing new.
    /// assert_eq!(reader.read_newer(), Err(ReadError::Closed));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// [`LatestWriter::notify`]: crate::LatestWriter::notify
    pub fn read_newer(&mut self) -> Result<T, ReadError> {
        self.read_newer_within(Timeout::FOREVER)
    }

    /// Like [`read_newer`](Self::read_newer), but waits at most `timeout`.
    ///
    /// # Errors
    /// As [`read_newer`](Self::read_newer), and [`ReadError::TimedOut`].
    ///
    /// ```
    /// use std::time::Duration;
    /// use shm_ring::{Latest, Options, ReadError, Region};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let latest = Latest::<u64>::create(Region::memfd("doc"), &Options::new())?;
    /// let (mut writer, mut reader) = (latest.writer()?, latest.reader()?);
    /// let briefly = Duration::from_millis(2);
    /// writer.write(1);
    /// assert_eq!(reader.read_newer_timeout(briefly)?, 1);
    /// assert_eq!(reader.read_newer_timeout(briefly), Err(ReadError::TimedOut));
    /// writer.close();
    /// assert_eq!(reader.read_newer_timeout(briefly), Err(ReadError::Closed));
    /// # Ok(())
    /// # }
    /// ```
    pub fn read_newer_timeout(&mut self, timeout: Duration) -> Result<T, ReadError> {
        self.read_newer_within(Timeout::of(timeout))
    }

    fn read_newer_within(&mut self, timeout: Timeout) -> Result<T, ReadError> {
        let last = self.version();
        if !self.has_newer()? {
            let ended = self.wait_behind(last, timeout);
            // What was written before the writer went is still there.
            match ended {
                Some(ended) if !self.has_newer()? => return Err(ended.into()),
                _ => {}
            }
        }
        // One that was seen cannot have gone.
        self.read_from(last + 1)
    }
}

impl<T: Item> LatestReader<T> {
    pub(super) fn theirs(&self) -> Foreign<'_, SidePage> {
        self.mapping.side(Role::Writer)
    }

    /// Whether the name by which it was opened leads elsewhere, or nowhere: it was removed or replaced, and the next writer
    /// is not found here. No lock shows readers, so ask when the writer is gone. Always `false` without a name, and if the
    /// question is refused.
    #[must_use]
    pub fn has_lost_its_name(&self) -> bool {
        self.backing.has_lost_its_name()
    }

    /// The number of the value that was read last, by [`read`](Self::read) or [`next`](Self::next), counted from 1; 0 if
    /// none was.
    ///
    /// ```
    /// # use shm_ring::{Latest, Options, Region};
    /// let latest = Latest::<u64>::create(Region::memfd("doc"), &Options::new())?;
    /// let (mut writer, mut reader) = (latest.writer()?, latest.reader()?);
    /// (0..10).for_each(|n| writer.write(n));
    /// assert_eq!((reader.version(), reader.read()?, reader.version()), (0, 9, 10));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    #[inline]
    pub fn version(&self) -> u64 {
        self.seen.version()
    }

    /// Whether there is a value newer than what this reader has read: one load. After a reader has attached that may be
    /// one that was there before, which [`read`](Self::read) returns and [`next`](Self::next) passes over.
    ///
    /// # Errors
    /// [`ReadError::Corrupt`], permanently.
    ///
    /// ```
    /// # use shm_ring::{Latest, Options, Region};
    /// let latest = Latest::<u64>::create(Region::memfd("doc"), &Options::new())?;
    /// let (mut writer, mut reader) = (latest.writer()?, latest.reader()?);
    /// assert!(!reader.has_newer()?);
    /// writer.write(1);
    /// assert!(reader.has_newer()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn has_newer(&mut self) -> Result<bool, ReadError> {
        let theirs = self.mapping.side(Role::Writer);
        self.seen.is_behind(theirs, self.seen.version()).map_err(|_| ReadError::Corrupt)
    }

    /// Asks about the writer: two loads and one `fcntl` on its lock.
    ///
    /// ```
    /// use shm_ring::{Latest, Options, Peer, Region};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let latest = Latest::<u64>::create(Region::memfd("doc"), &Options::new())?;
    /// let reader = latest.reader()?;
    /// assert_eq!(reader.writer(), Peer::Absent);
    /// let writer = latest.writer()?;
    /// assert!(matches!(reader.writer(), Peer::Alive { session: 1, .. }));
    /// writer.close();
    /// assert_eq!(reader.writer(), Peer::Closed { session: 2 });
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn writer(&self) -> Peer {
        writer_of(self.theirs(), &self.backing, self.page)
    }
}

impl From<Miss> for ReadError {
    fn from(miss: Miss) -> Self {
        match miss {
            Miss::Empty => Self::Empty,
            Miss::Overrun => Self::Overrun,
            Miss::Corrupt => Self::Corrupt,
        }
    }
}

impl<T: Item> core::fmt::Debug for LatestReader<T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("LatestReader").field("version", &self.version()).finish_non_exhaustive()
    }
}
