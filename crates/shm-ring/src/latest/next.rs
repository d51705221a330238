//! Owns: the calls by which a reader of a latest value takes each version in order: a broadcast. Knows nothing of: what proves
//! a copy whole, and which versions are lost to one that is too slow.

use core::time::Duration;

use super::reader::LatestReader;
use super::{Latest, NextError, ReadError};
use crate::attachment::wait::Timeout;
use crate::item::Item;
use crate::mapping::ReadOnly;
use crate::protocol::version::NoNext;
use crate::role::Role;

impl<T: Item> LatestReader<T> {
    /// Takes the value that was written after the last one that this reader came to, if there is one. Each value comes
    /// once and in order, as long as the reader is at most [`Latest::history`] values behind. It makes one copy at most
    /// and no system call. The writer does not wait for it.
    ///
    /// A new reader begins with the first value that is written after it has attached. [`read`](Self::read) and this
    /// share one count: after the newest value was read this goes on behind it, and what was passed over does not count
    /// as lost.
    ///
    /// A reader that is too slow learns once how many values it lost, and goes on in the middle of what is kept: at the
    /// oldest the writer would overtake it again with the next value. So [`NextError::Lagged`] counts some values that
    /// could still have been read; [`start_at_oldest`](Self::start_at_oldest) goes back to them.
    ///
    /// # Errors
    /// [`NextError::Empty`] if nothing was written after the last value, whatever became of the writer;
    /// [`NextError::Lagged`]; [`NextError::Corrupt`], permanently.
    ///
    /// ```
    /// use shm_ring::{Latest, NextError, Options, Region};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let latest = Latest::<u64>::create(Region::memfd("doc"), &Options::new().history(100))?;
    /// let mut writer = latest.writer()?;
    /// writer.write(1);
    /// let mut readers = [latest.reader()?, latest.reader()?];
    /// writer.write(2);
    /// writer.write(3);
    /// for reader in &mut readers {
    ///     assert_eq!((reader.try_next()?, reader.try_next()?), (2, 3));
    ///     assert_eq!(reader.try_next(), Err(NextError::Empty));
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn try_next(&mut self) -> Result<T, NextError> {
        self.copy_next(0, ReadOnly::take)
    }

    /// Like [`try_next`](Self::try_next), but writes to a place of the caller. Use it for values of about 1 KiB or more,
    /// where the move would cost as much as the read.
    ///
    /// # Errors
    /// As [`try_next`](Self::try_next). After [`NextError::Empty`] the place is unchanged, after other errors all zeros.
    ///
    /// ```
    /// use shm_ring::{Latest, Options, Region};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let latest = Latest::<[u8; 4096]>::create(Region::memfd("doc"), &Options::new())?;
    /// let mut reader = latest.reader()?;
    /// latest.writer()?.write([1; 4096]);
    /// let mut picture = [0; 4096];
    /// reader.try_next_into(&mut picture)?;
    /// assert_eq!(picture, [1; 4096]);
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn try_next_into(&mut self, place: &mut T) -> Result<(), NextError> {
        self.copy_next_into(0, place)
    }

    /// Like [`try_next`](Self::try_next), but waits for a value as long as the writer lives, or none has come yet. It waits
    /// as [`read_newer`](Self::read_newer) does, and [`LatestWriter::notify`] wakes it.
    ///
    /// # Errors
    /// [`NextError::Lagged`] and [`NextError::Corrupt`] as [`try_next`](Self::try_next). Once everything was read,
    /// [`NextError::Closed`] or [`NextError::WriterDead`] (another writer may attach, and then waiting goes on).
    ///
    /// ```
    /// use shm_ring::{Latest, NextError, Options, Region};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let latest = Latest::<u64>::create(Region::memfd("doc"), &Options::new().history(100))?;
    /// let (mut writer, mut reader) = (latest.writer()?, latest.reader()?);
    /// let writing = std::thread::spawn(move || (0..50).for_each(|n| writer.write(n)));
    /// let mut lost = 0;
    /// let last = loop {
    ///     match reader.next() {
    ///         Ok(49) => break 49,
    ///         Ok(_) => {}
    ///         Err(NextError::Lagged(values)) => lost += values,
    ///         Err(error) => return Err(error.into()),
    ///     }
    /// };
    /// writing.join().unwrap();
    /// assert_eq!((last, lost), (49, 0));
    /// assert_eq!(reader.next(), Err(NextError::Closed));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// [`LatestWriter::notify`]: crate::LatestWriter::notify
    #[expect(clippy::should_implement_trait, reason = "a stream with lags is no iterator")]
    pub fn next(&mut self) -> Result<T, NextError> {
        self.next_within(Timeout::FOREVER, |reader, at_least| {
            reader.copy_next(at_least, ReadOnly::take)
        })
    }

    /// Like [`next`](Self::next), but writes to a place of the caller.
    ///
    /// # Errors
    /// As [`next`](Self::next). The place is all zeros or unchanged then: never torn.
    ///
    /// ```
    /// use shm_ring::{Latest, Options, Region};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let latest = Latest::<[u8; 4096]>::create(Region::memfd("doc"), &Options::new())?;
    /// let mut reader = latest.reader()?;
    /// latest.writer()?.write([1; 4096]);
    /// let mut picture = [0; 4096];
    /// reader.next_into(&mut picture)?;
    /// assert_eq!(picture, [1; 4096]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn next_into(&mut self, place: &mut T) -> Result<(), NextError> {
        self.next_within(Timeout::FOREVER, |reader, at_least| {
            reader.copy_next_into(at_least, place)
        })
    }

    /// Like [`next`](Self::next), but waits at most `timeout`.
    ///
    /// # Errors
    /// As [`next`](Self::next), and [`NextError::TimedOut`].
    ///
    /// ```
    /// use std::time::Duration;
    /// use shm_ring::{Latest, NextError, Options, Region};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let latest = Latest::<u64>::create(Region::memfd("doc"), &Options::new())?;
    /// let (mut writer, mut reader) = (latest.writer()?, latest.reader()?);
    /// let briefly = Duration::from_millis(2);
    /// assert_eq!(reader.next_timeout(briefly), Err(NextError::TimedOut));
    /// writer.write(1);
    /// assert_eq!(reader.next_timeout(briefly)?, 1);
    /// writer.close();
    /// assert_eq!(reader.next_timeout(briefly), Err(NextError::Closed));
    /// # Ok(())
    /// # }
    /// ```
    pub fn next_timeout(&mut self, timeout: Duration) -> Result<T, NextError> {
        self.next_within(Timeout::of(timeout), |reader, at_least| {
            reader.copy_next(at_least, ReadOnly::take)
        })
    }

    /// Goes back to the oldest value that is kept: the next call of [`next`](Self::next) begins there, but never before
    /// what this reader has read. For a reader that has just attached and wants what is there as well, or one that lags
    /// and wants to lose as little as it can. A writer that goes on may overwrite that value first.
    ///
    /// # Errors
    /// [`ReadError::Corrupt`], permanently.
    ///
    /// ```
    /// use shm_ring::{Latest, Options, Region};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let latest = Latest::<u64>::create(Region::memfd("doc"), &Options::new().history(31))?;
    /// let mut writer = latest.writer()?;
    /// (1..=100).for_each(|n| writer.write(n));
    /// let mut reader = latest.reader()?;
    /// reader.start_at_oldest()?;
    /// assert_eq!(reader.try_next()?, 101 - latest.history() as u64);
    /// # Ok(())
    /// # }
    /// ```
    pub fn start_at_oldest(&mut self) -> Result<(), ReadError> {
        let Self { seen, mapping, .. } = self;
        seen.rewind(mapping.side(Role::Writer)).map_err(|_| ReadError::Corrupt)
    }

    /// The next value, where `at_least` so many versions have been published.
    #[inline(always)]
    fn copy_next<R>(
        &mut self,
        at_least: u64,
        take: impl FnOnce(&ReadOnly, u64) -> R,
    ) -> Result<R, NextError> {
        let Self { seen, mapping, .. } = self;
        let take = |version: u64| take(mapping, version.wrapping_mul(Latest::<T>::SLOT));
        Ok(seen.next(mapping.side(Role::Writer), at_least, take)?)
    }

    #[inline(always)]
    fn copy_next_into(&mut self, at_least: u64, place: &mut T) -> Result<(), NextError> {
        let take = |mapping: &ReadOnly, position| mapping.take_into(position, place);
        let answer = self.copy_next(at_least, take);
        if matches!(answer, Err(NextError::Lagged(_) | NextError::Corrupt)) {
            place.as_mut_bytes().fill(0);
        }
        answer
    }

    pub(super) fn next_within<R>(
        &mut self,
        timeout: Timeout,
        mut copy_next: impl FnMut(&mut Self, u64) -> Result<R, NextError>,
    ) -> Result<R, NextError> {
        match copy_next(self, 0) {
            Err(NextError::Empty) => {}
            answer => return answer,
        }
        let last = self.seen.position();
        match self.wait_behind(last, timeout) {
            // One that was seen cannot have gone.
            None => copy_next(self, last + 1),
            // What was written before the writer went is still there.
            Some(ended) => match copy_next(self, 0) {
                Err(NextError::Empty) => Err(ended.into()),
                answer => answer,
            },
        }
    }
}

impl From<NoNext> for NextError {
    fn from(no_next: NoNext) -> Self {
        match no_next {
            NoNext::Empty => Self::Empty,
            NoNext::Lagged(lost) => Self::Lagged(lost),
            NoNext::Corrupt => Self::Corrupt,
        }
    }
}
