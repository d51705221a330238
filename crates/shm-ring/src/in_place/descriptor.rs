//! Bytes that go from a file into a reservation, or from a record into a file, without a copy of ours: the
//! kernel moves them. It must not know when a record exists. The invariants of the unsafe blocks stand at
//! the top of `in_place`.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsFd, AsRawFd};

use super::{Record, Reservation};
use crate::copy;

impl Record<'_, [u8]> {
    /// Writes what stands from `offset` on to `to`: how many bytes that took, by one `write`.
    ///
    /// The other process may write the record meanwhile, and then a mixture is written, and nothing worse.
    ///
    /// # Errors
    /// What `write` answers, [`Interrupted`](io::ErrorKind::Interrupted) too. An `offset` beyond the
    /// message is [`InvalidInput`](io::ErrorKind::InvalidInput).
    ///
    /// ```
    /// use std::io::Read;
    /// use shm_ring::{Options, Region, Ring};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let ring = Ring::<[u8]>::create(Region::memfd("doc"), Options::new())?;
    /// let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// tx.push(b"into a pipe")?;
    /// let (mut reader, writer) = std::io::pipe()?;
    /// let view = rx.peek()?;
    /// assert_eq!(view.write_to(5, &writer)?, 6);
    /// view.release();
    /// drop(writer);
    /// let mut text = String::new();
    /// reader.read_to_string(&mut text)?;
    /// assert_eq!(text, "a pipe");
    /// # Ok(())
    /// # }
    /// ```
    pub fn write_to(&self, offset: usize, to: impl AsFd) -> io::Result<usize> {
        let len = self.size.saturating_sub(offset);
        let from = self.inside(offset, len).map_err(invalid)?;
        // SAFETY: invariants 1 and 2.
        unsafe { copy::write_to(from, to.as_fd().as_raw_fd(), len) }
    }
}

impl Reservation<'_, [u8]> {
    /// Reads from `from` into the room from `offset` on, as much as comes: how many bytes that was, by one
    /// `read`. 0 is the end of the file, or no room.
    ///
    /// # Errors
    /// What `read` answers, [`Interrupted`](io::ErrorKind::Interrupted) too. An `offset` beyond the room is
    /// [`InvalidInput`](io::ErrorKind::InvalidInput).
    ///
    /// ```
    /// use std::io::Write;
    /// use shm_ring::{Options, Region, Ring};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let ring = Ring::<[u8]>::create(Region::memfd("doc"), Options::new())?;
    /// let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// let (reader, mut writer) = std::io::pipe()?;
    /// writer.write_all(b"out of a pipe")?;
    /// let mut room = tx.reserve(100)?;
    /// let len = room.read_from(0, &reader)?;
    /// room.commit_len(len)?;
    /// assert_eq!(rx.pop()?, b"out of a pipe");
    /// # Ok(())
    /// # }
    /// ```
    pub fn read_from(&mut self, offset: usize, from: impl AsFd) -> io::Result<usize> {
        let len = self.record.size.saturating_sub(offset);
        let to = self.record.inside(offset, len).map_err(invalid)?;
        // SAFETY: invariants 1 and 2; the producer owns the data area, and nobody reads what is not
        // committed.
        unsafe { copy::read_from(to, from.as_fd().as_raw_fd(), len) }
    }
}

fn invalid(out: crate::error::OutOfBounds) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, out)
}
