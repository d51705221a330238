//! Owns: a latest value that is known as bytes of one length, and its two ends. Knows nothing of: how a version comes to exist.

use core::time::Duration;
use std::os::fd::{AsFd, BorrowedFd};

use super::reader::LatestReader;
use super::writer::LatestWriter;
use super::{NextError, ReadError};
use crate::attachment::wait::Timeout;
use crate::error::{Error, PushError};
use crate::item::ItemLayout;
use crate::options::Options;
use crate::peer::Peer;
use crate::protocol::version;
use crate::region::{Access, Region};
use crate::ring::contents::Contents;
use crate::ring::handle::Handle;
use crate::role::Role;

/// A [`Latest`](crate::Latest) value whose size and alignment are known only when the program runs: for commands, bridges and
/// other languages. It is the same region as that of a type of that size and alignment.
///
/// ```
/// use shm_ring::{ItemLayout, Latest, Options, Region, UntypedLatest};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let item = ItemLayout { size: 8, align: 8, schema: 0 };
/// let speed = UntypedLatest::create(Region::memfd("speed"), item, &Options::new())?;
/// speed.writer()?.write(&1.5_f64.to_ne_bytes())?;
/// // In another process, which was sent the descriptor:
/// let received = Region::descriptor(speed.descriptor().try_clone_to_owned()?);
/// assert_eq!(Latest::<f64>::open(received)?.reader()?.read()?, 1.5);
/// # Ok(())
/// # }
/// ```
pub struct UntypedLatest {
    handle: Handle,
    item: ItemLayout,
}

impl UntypedLatest {
    /// Creates a region: see [`Latest::create`](crate::Latest::create).
    ///
    /// # Errors
    /// As [`UntypedRing::create`](crate::UntypedRing::create).
    pub fn create(
        region: impl Into<Region>,
        item: ItemLayout,
        options: &Options,
    ) -> Result<Self, Error> {
        let contents = Contents::untyped_latest(item, options)?;
        Ok(Self { handle: Handle::create(&region.into(), contents, options)?, item })
    }

    /// Opens a region for reading: see [`Latest::open_with`](crate::Latest::open_with).
    ///
    /// # Errors
    /// As [`UntypedRing::open_with`](crate::UntypedRing::open_with).
    pub fn open_with(
        region: impl Into<Region>,
        item: ItemLayout,
        options: &Options,
    ) -> Result<Self, Error> {
        let contents = Contents::untyped_latest(item, options)?;
        let handle = Handle::open(&region.into(), contents, Access::Read, options)?;
        Ok(Self { handle, item })
    }

    /// Opens a region, or creates it: see [`Latest::open_or_create`](crate::Latest::open_or_create).
    ///
    /// # Errors
    /// As [`UntypedRing::open_or_create`](crate::UntypedRing::open_or_create).
    pub fn open_or_create(
        region: impl Into<Region>,
        item: ItemLayout,
        options: &Options,
    ) -> Result<Self, Error> {
        let contents = Contents::untyped_latest(item, options)?;
        let handle = Handle::open_or_create(&region.into(), contents, Access::Read, options)?;
        Ok(Self { handle, item })
    }

    /// Replaces the region under its name: see [`Latest::replace_if_unused`](crate::Latest::replace_if_unused).
    ///
    /// # Errors
    /// As [`UntypedRing::replace_if_unused`](crate::UntypedRing::replace_if_unused).
    pub fn replace_if_unused(
        region: impl Into<Region>,
        item: ItemLayout,
        options: &Options,
    ) -> Result<Self, Error> {
        let contents = Contents::untyped_latest(item, options)?;
        Ok(Self { handle: Handle::replace_if_unused(&region.into(), contents, options)?, item })
    }

    /// Becomes the writer.
    ///
    /// # Errors
    /// As [`Latest::writer`](crate::Latest::writer).
    pub fn writer(&self) -> Result<UntypedLatestWriter, Error> {
        let inner = LatestWriter::attach(&self.handle)?;
        Ok(UntypedLatestWriter { inner, slot: self.slot(), item: self.item })
    }

    /// A reader.
    ///
    /// # Errors
    /// As [`Latest::reader`](crate::Latest::reader).
    pub fn reader(&self) -> Result<UntypedLatestReader, Error> {
        let inner = LatestReader::attach_slots(&self.handle, self.slot())?;
        Ok(UntypedLatestReader { inner, slot: self.slot(), item: self.item })
    }

    /// The size, alignment and schema id of its value.
    #[must_use]
    pub fn item(&self) -> ItemLayout {
        self.item
    }

    /// The region's descriptor: see [`Latest::descriptor`](crate::Latest::descriptor).
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.handle.backing.fd.as_fd()
    }

    /// How many of the newest values can be read: see [`Latest::history`](crate::Latest::history).
    #[must_use]
    pub fn history(&self) -> usize {
        version::kept(self.handle.layout.records.capacity / self.slot()) as usize
    }

    /// Bytes from one slot to the next.
    fn slot(&self) -> u64 {
        version::slot_size(self.item.align as u64, self.item.size as u64)
    }
}

impl core::fmt::Debug for UntypedLatest {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("UntypedLatest")
            .field("region", &self.handle.backing.region)
            .field("item", &self.item)
            .finish_non_exhaustive()
    }
}

/// The one that writes an [`UntypedLatest`] value: see [`LatestWriter`].
///
/// ```
/// use shm_ring::{ItemLayout, Options, PushError, Region, UntypedLatest};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let item = ItemLayout { size: 3, align: 1, schema: 0 };
/// let latest = UntypedLatest::create(Region::memfd("doc"), item, &Options::new())?;
/// let mut writer = latest.writer()?;
/// writer.write(b"one")?;
/// assert_eq!(writer.write(b"three"), Err(PushError::WrongLength { len: 5, item: 3 }));
/// assert_eq!(writer.version(), 1);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct UntypedLatestWriter {
    /// Sessions, leases and versions do not ask for the type: `u8` stands for the one that nobody knows.
    inner: LatestWriter<u8>,
    slot: u64,
    item: ItemLayout,
}

impl UntypedLatestWriter {
    /// Replaces the latest value by these bytes: see [`LatestWriter::write`].
    ///
    /// # Errors
    /// [`PushError::WrongLength`].
    pub fn write(&mut self, value: &[u8]) -> Result<(), PushError> {
        let (len, item, slot) = (value.len(), self.item.size, self.slot);
        if len != item {
            return Err(PushError::WrongLength { len, item });
        }
        let LatestWriter { written, slots, .. } = &mut self.inner;
        let put = |version: u64| slots.area().put_slot_bytes(version.wrapping_mul(slot), value);
        written.write(slots.mine(), put);
        Ok(())
    }

    /// Wakes every reader that waits: see [`LatestWriter::notify`].
    pub fn notify(&mut self) {
        self.inner.notify();
    }

    /// How many values have been written: see [`LatestWriter::version`].
    #[must_use]
    pub fn version(&self) -> u64 {
        self.inner.version()
    }

    /// The number of this attachment: odd, and another one for each.
    #[must_use]
    pub fn session(&self) -> u64 {
        self.inner.session()
    }

    /// Whether the name leads elsewhere, or nowhere: see [`LatestWriter::has_lost_its_name`].
    #[must_use]
    pub fn has_lost_its_name(&self) -> bool {
        self.inner.has_lost_its_name()
    }
}

/// One that reads an [`UntypedLatest`] value: see [`LatestReader`].
///
/// A place of another length than [`ItemLayout::size`] is [`ReadError::WrongLength`], and unchanged.
///
/// ```
/// use shm_ring::{ItemLayout, NextError, Options, Region, UntypedLatest};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let item = ItemLayout { size: 3, align: 1, schema: 0 };
/// let latest = UntypedLatest::create(Region::memfd("doc"), item, &Options::new().history(7))?;
/// let (mut writer, mut reader) = (latest.writer()?, latest.reader()?);
/// writer.write(b"one")?;
/// writer.write(b"two")?;
/// let mut value = [0; 3];
/// reader.try_next_into(&mut value)?;
/// assert_eq!(&value, b"one");
/// reader.read_into(&mut value)?;
/// assert_eq!(&value, b"two");
/// assert_eq!(reader.try_next_into(&mut value), Err(NextError::Empty));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct UntypedLatestReader {
    /// As of a writer.
    inner: LatestReader<u8>,
    slot: u64,
    item: ItemLayout,
}

impl UntypedLatestReader {
    /// Copies the latest value to `place`: see [`LatestReader::read_into`].
    ///
    /// # Errors
    /// As [`LatestReader::read_into`], and [`ReadError::WrongLength`].
    pub fn read_into(&mut self, place: &mut [u8]) -> Result<(), ReadError> {
        self.read_from(0, place)
    }

    /// Like [`read_into`](Self::read_into), but of a value that this reader has not read, waiting for one for at most
    /// `timeout` (`None`: for ever): see [`LatestReader::read_newer`].
    ///
    /// # Errors
    /// As [`LatestReader::read_newer`] and [`LatestReader::read_into`], [`ReadError::TimedOut`] and
    /// [`ReadError::WrongLength`].
    pub fn read_newer_into(
        &mut self,
        place: &mut [u8],
        timeout: Option<Duration>,
    ) -> Result<(), ReadError> {
        let (len, item) = (place.len(), self.item.size);
        if len != item {
            return Err(ReadError::WrongLength { len, item });
        }
        let last = self.inner.version();
        if !self.inner.has_newer()? {
            let ended = self.inner.wait_behind(last, Timeout::of_any(timeout));
            // What was written before the writer went is still there.
            match ended {
                Some(ended) if !self.inner.has_newer()? => return Err(ended.into()),
                _ => {}
            }
        }
        // One that was seen cannot have gone.
        self.read_from(last + 1, place)
    }

    fn read_from(&mut self, at_least: u64, place: &mut [u8]) -> Result<(), ReadError> {
        let (len, item, slot) = (place.len(), self.item.size, self.slot);
        if len != item {
            return Err(ReadError::WrongLength { len, item });
        }
        let LatestReader { seen, mapping, .. } = &mut self.inner;
        let mut touched = false;
        let take = |version: u64| {
            touched = true;
            mapping.take_bytes(version.wrapping_mul(slot), place);
        };
        let read = seen.read(mapping.side(Role::Writer), at_least, take);
        if read.is_err() && touched {
            place.fill(0);
        }
        Ok(read?)
    }

    /// Copies the value that was written after the last one that this reader came to, if there is one, to `place`: see
    /// [`LatestReader::try_next_into`].
    ///
    /// # Errors
    /// As [`LatestReader::try_next_into`], and [`NextError::WrongLength`].
    pub fn try_next_into(&mut self, place: &mut [u8]) -> Result<(), NextError> {
        self.copy_next(0, place)
    }

    /// Like [`try_next_into`](Self::try_next_into), waiting for at most `timeout` (`None`: for ever): see
    /// [`LatestReader::next_into`].
    ///
    /// # Errors
    /// As [`LatestReader::next_timeout`], and [`NextError::WrongLength`].
    pub fn next_into(
        &mut self,
        place: &mut [u8],
        timeout: Option<Duration>,
    ) -> Result<(), NextError> {
        self.inner.next_within(Timeout::of_any(timeout), |reader, at_least| {
            copy_next(reader, self.item.size, self.slot, at_least, place)
        })
    }

    fn copy_next(&mut self, at_least: u64, place: &mut [u8]) -> Result<(), NextError> {
        copy_next(&mut self.inner, self.item.size, self.slot, at_least, place)
    }

    /// Goes back to the oldest value that is kept: see [`LatestReader::start_at_oldest`].
    ///
    /// # Errors
    /// [`ReadError::Corrupt`], permanently.
    pub fn start_at_oldest(&mut self) -> Result<(), ReadError> {
        self.inner.start_at_oldest()
    }

    /// Whether there is a value newer than what this reader has read: see [`LatestReader::has_newer`].
    ///
    /// # Errors
    /// [`ReadError::Corrupt`], permanently.
    pub fn has_newer(&mut self) -> Result<bool, ReadError> {
        self.inner.has_newer()
    }

    /// The number of the value that was read last: see [`LatestReader::version`].
    #[must_use]
    pub fn version(&self) -> u64 {
        self.inner.version()
    }

    /// Asks about the writer.
    #[must_use]
    pub fn writer(&self) -> Peer {
        self.inner.writer()
    }

    /// Whether the name leads elsewhere, or nowhere: see [`LatestReader::has_lost_its_name`].
    #[must_use]
    pub fn has_lost_its_name(&self) -> bool {
        self.inner.has_lost_its_name()
    }
}

fn copy_next(
    reader: &mut LatestReader<u8>,
    item: usize,
    slot: u64,
    at_least: u64,
    place: &mut [u8],
) -> Result<(), NextError> {
    let len = place.len();
    if len != item {
        return Err(NextError::WrongLength { len, item });
    }
    let LatestReader { seen, mapping, .. } = reader;
    let take = |version: u64| mapping.take_bytes(version.wrapping_mul(slot), place);
    let answer = seen.next(mapping.side(Role::Writer), at_least, take).map_err(NextError::from);
    if matches!(answer, Err(NextError::Lagged(_) | NextError::Corrupt)) {
        place.fill(0);
    }
    answer
}
