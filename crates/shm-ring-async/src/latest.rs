//! Owns: waiting for a latest value: the newest, or each in order. Knows nothing of: how a task sleeps.

use core::task::{Context, Poll};
use core::time::Duration;

use shm_ring::{Item, LatestReader, NextError, ReadError};

use crate::wrapper::{Async, For};

/// Where nobody notifies, a writer's value is found by a look once a millisecond, as
/// [`read_newer`](LatestReader::read_newer) does; [`LatestWriter::notify`](shm_ring::LatestWriter::notify) wakes at once.
impl<T: Item> Async<LatestReader<T>> {
    /// A value that this reader has not read, or the task of `cx` is woken when there is one.
    ///
    /// # Errors
    /// As [`LatestReader::read_newer`].
    pub fn poll_changed(&mut self, cx: &mut Context<'_>) -> Poll<Result<T, ReadError>> {
        self.poll_wait(
            cx,
            For(|reader: &mut LatestReader<T>, thorough: bool| {
                if !thorough && matches!(reader.has_newer(), Ok(false)) {
                    return None;
                }
                match reader.read_newer_timeout(Duration::ZERO) {
                    Err(ReadError::TimedOut) => None,
                    answer => Some(answer),
                }
            }),
        )
    }

    /// Waits for a value that this reader has not read, as [`LatestReader::read_newer`] does.
    ///
    /// # Errors
    /// As [`LatestReader::read_newer`].
    ///
    /// ```
    /// # use shm_ring::{Latest, Options, Region};
    /// # use shm_ring_async::Async;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let latest = Latest::<u64>::create(Region::memfd("doc"), &Options::new())?;
    /// let (mut writer, mut reader) = (latest.writer()?, Async::new(latest.reader()?));
    /// let reading = tokio::spawn(async move { reader.changed().await });
    /// writer.write(7);
    /// writer.notify();
    /// assert_eq!(reading.await?, Ok(7));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn changed(&mut self) -> Result<T, ReadError> {
        self.wait(Self::poll_changed).await
    }

    /// The value after the last one, or the task of `cx` is woken when there is one.
    ///
    /// # Errors
    /// As [`LatestReader::next`].
    pub fn poll_next_value(&mut self, cx: &mut Context<'_>) -> Poll<Result<T, NextError>> {
        self.poll_wait(
            cx,
            For(|reader: &mut LatestReader<T>, thorough: bool| {
                let next = match thorough {
                    false => reader.try_next(),
                    true => reader.next_timeout(Duration::ZERO),
                };
                match next {
                    Err(NextError::Empty | NextError::TimedOut) => None,
                    answer => Some(answer),
                }
            }),
        )
    }

    /// Waits for the value after the last one, as [`LatestReader::next`] does: each in order, or how many were lost.
    ///
    /// # Errors
    /// As [`LatestReader::next`].
    pub async fn next_value(&mut self) -> Result<T, NextError> {
        self.wait(Self::poll_next_value).await
    }
}
