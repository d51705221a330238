//! Owns: [`LatestWriter`], the end that writes a latest value. Knows nothing of: what proves a copy of it whole.

use std::sync::Arc;

use static_assertions::{assert_impl_all, assert_not_impl_any};

use super::Latest;
use crate::error::Error;
use crate::item::Item;
use crate::mapping::records::RecordMap;
use crate::protocol::park;
use crate::protocol::session;
use crate::protocol::version::Written;
use crate::region::Backing;
use crate::region::lease::Lease;
use crate::ring::handle::Handle;
use crate::role::Role;

/// The one that writes a [`Latest`] value. There is one at a time: a lock that the kernel frees when its
/// holder dies.
///
/// ```
/// use shm_ring::{Latest, Options, Region};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let latest = Latest::<u64>::create(Region::memfd("doc"), &Options::new())?;
/// let mut writer = latest.writer()?;
/// for n in 0..1000 {
///     writer.write(n);
/// }
/// assert_eq!(writer.version(), 1000);
/// // As after a death: the next one goes on.
/// writer.close();
/// assert_eq!(latest.writer()?.version(), 1000);
/// # Ok(())
/// # }
/// ```
pub struct LatestWriter<T: Item> {
    pub(super) written: Written,
    pub(super) slots: RecordMap<T>,
    session: u64,
    lease: Lease,
    backing: Arc<Backing>,
}

assert_impl_all!(LatestWriter<u64>: Send);
assert_not_impl_any!(LatestWriter<u64>: Sync, Clone);

impl<T: Item> LatestWriter<T> {
    pub(super) fn attach(handle: &Handle) -> Result<Self, Error> {
        let (role, backing) = (Role::Writer, handle.backing.clone());
        let (slots, lease) = handle.attach::<T>(role)?;
        let mine = slots.mine();
        let written = Written::recover(mine)
            .map_err(|_| Error::Corrupt { region: backing.region.clone(), role })?;
        session::sign(mine, std::process::id(), backing.pid_namespace());
        let session = session::open(mine);
        park::ring(mine);
        Ok(Self { written, slots, session, lease, backing })
    }

    /// Replaces the latest value. It never waits and makes no system call: readers that wait for a newer
    /// value find it within a millisecond, or at once after [`notify`](Self::notify).
    ///
    /// ```
    /// use shm_ring::{Latest, Options, Region};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let latest = Latest::<u64>::create(Region::memfd("doc"), &Options::new())?;
    /// let mut writer = latest.writer()?;
    /// writer.write(1);
    /// writer.write(2);
    /// assert_eq!(latest.reader()?.read()?, 2);
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn write(&mut self, value: T) {
        self.write_from(&value);
    }

    /// Like [`write`](Self::write), but takes the value by reference. Use it for values of about 1 KiB or more, where the
    /// move would cost as much as the write.
    ///
    /// ```
    /// use shm_ring::{Latest, Options, Region};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let latest = Latest::<[u8; 4096]>::create(Region::memfd("doc"), &Options::new())?;
    /// let picture = [7; 4096];
    /// latest.writer()?.write_from(&picture);
    /// assert_eq!(latest.reader()?.read()?, picture);
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn write_from(&mut self, value: &T) {
        let Self { written, slots, .. } = self;
        let put = |version: u64| {
            slots.area().put_slot(version.wrapping_mul(Latest::<T>::SLOT), value);
        };
        written.write(slots.mine(), put);
    }
}

impl<T: Item> LatestWriter<T> {
    /// Wakes every reader that waits for a newer value ([`LatestReader::read_newer`]): one system call, which
    /// is why `write` leaves it to its caller. Readers write nothing, so nobody knows whether one waits.
    ///
    /// ```
    /// use std::time::Duration;
    /// use shm_ring::{Latest, Options, Region};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let latest = Latest::<u64>::create(Region::memfd("doc"), &Options::new())?;
    /// let (mut writer, mut reader) = (latest.writer()?, latest.reader()?);
    /// let waiting = std::thread::spawn(move || reader.read_newer_timeout(Duration::from_secs(10)));
    /// writer.write(1);
    /// writer.notify();
    /// assert_eq!(waiting.join().unwrap()?, 1);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// [`LatestReader::read_newer`]: crate::LatestReader::read_newer
    pub fn notify(&mut self) {
        park::ring(self.slots.mine());
    }

    /// How many values have been written since the region was created, by this writer and those before it.
    ///
    /// ```
    /// # use shm_ring::{Latest, Options, Region};
    /// let latest = Latest::<u64>::create(Region::memfd("doc"), &Options::new())?;
    /// let mut writer = latest.writer()?;
    /// writer.write(5);
    /// assert_eq!(writer.version(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    #[inline]
    pub fn version(&self) -> u64 {
        self.written.version()
    }

    /// Whether the name by which it was created or opened leads elsewhere, or nowhere, by force: new readers do not come
    /// here. Always `false` without a name, and if the question is refused.
    #[must_use]
    pub fn has_lost_its_name(&self) -> bool {
        self.backing.has_lost_its_name()
    }

    /// The number of this attachment: odd, and another one for each.
    ///
    /// ```
    /// # use shm_ring::{Latest, Options, Region};
    /// let latest = Latest::<u64>::create(Region::memfd("doc"), &Options::new())?;
    /// assert_eq!(latest.writer()?.session(), 1);
    /// assert_eq!(latest.writer()?.session(), 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn session(&self) -> u64 {
        self.session
    }

    /// Closes in order: readers that ask or wait learn of it. Dropping does the same, but while its thread panics: then they
    /// learn that the writer is dead.
    ///
    /// ```
    /// # use shm_ring::{Latest, Options, Region};
    /// let latest = Latest::<u64>::create(Region::memfd("doc"), &Options::new())?;
    /// latest.writer()?.close();
    /// assert_eq!(latest.reader()?.writer(), shm_ring::Peer::Closed { session: 2 });
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn close(self) {}
}

impl<T: Item> Drop for LatestWriter<T> {
    fn drop(&mut self) {
        // A forked child has a copy of all this and owns none of it.
        if !self.lease.is_ours() {
            return;
        }
        // A thread that unwinds leaves the session open: without its lease that is dead.
        if !std::thread::panicking() {
            session::close(self.slots.mine(), self.session);
        }
        park::ring(self.slots.mine());
    }
}

impl<T: Item> core::fmt::Debug for LatestWriter<T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("LatestWriter")
            .field("session", &self.session)
            .field("version", &self.version())
            .finish_non_exhaustive()
    }
}
