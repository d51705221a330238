//! Owns: room for records that are not published yet, written in place: [`Reservation`] of values and
//! [`MessageReservation`] of a message. Knows nothing of: how room is waited for.
//!
//! Invariants that every unsafe block here rests on:
//! 1. the room is mapped and aligned for what is written there, in one piece, for as long as the borrow of the producer
//!    (whose mapping it is) lasts, and nobody reads what is not published;
//! 2. the safe methods form no reference into the region: they go through `mapping`.
#![allow(unsafe_code)]

use core::mem::MaybeUninit;
use std::io;
use std::os::fd::{AsFd, AsRawFd};

use zerocopy::{Immutable, IntoBytes};

use super::Publisher;
use crate::error::OutOfBounds;
use crate::item::Item;
use crate::mapping::copy;
use crate::protocol::position::FRONT_BYTES;

/// Room for values, written in place as one slice. [`commit`](Self::commit) publishes the number that it is given, from the
/// first on; dropping or forgetting the reservation, or a panic while it lives, publishes nothing.
///
/// Items that are not written keep what stood there: former records of this ring.
///
/// ```
/// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), &Default::default())?;
/// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
/// let mut room = tx.reserve(3)?;
/// room.write_slice(0, &[1, 2, 3]);
/// room.commit(3);
/// assert_eq!(rx.pop()?, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// One reservation at a time:
///
/// ```compile_fail,E0499
/// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), &Default::default())?;
/// # let mut tx = ring.producer()?;
/// let first = tx.reserve(8)?;
/// let second = tx.reserve(8)?;
/// first.commit(8);
/// second.commit(8);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// ```
/// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), &Default::default())?;
/// # let mut tx = ring.producer()?;
/// let first = tx.reserve(8)?;
/// first.commit(8);
/// let second = tx.reserve(8)?;
/// second.commit(8);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "nothing is published until the reservation is committed"]
pub struct Reservation<'a, T: Item> {
    publisher: &'a mut Publisher<T>,
    count: usize,
}

impl<'a, T: Item> Reservation<'a, T> {
    const SIZE: u64 = size_of::<T>() as u64;

    /// Room for `count` items at the tail, where it is.
    #[inline(always)]
    pub(super) fn of(publisher: &'a mut Publisher<T>, count: usize) -> Self {
        publisher.prefetch_run_ahead(count as u64 * Self::SIZE);
        Self { publisher, count }
    }

    /// Items that fit.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether none does.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Writes the item at `index`.
    ///
    /// # Panics
    /// If `index` is not below [`len`](Self::len).
    #[inline]
    pub fn write(&mut self, index: usize, item: &T) {
        assert!(index < self.count, "item {index} of a reservation of {}", self.count);
        let at = self.publisher.position() + index as u64 * Self::SIZE;
        self.publisher.map.area().put(at, item.as_bytes());
    }

    /// Writes the items from `index` on.
    ///
    /// # Panics
    /// If they do not fit.
    #[inline]
    pub fn write_slice(&mut self, index: usize, items: &[T]) {
        let fits = index.checked_add(items.len()).is_some_and(|end| end <= self.count);
        assert!(fits, "{} items from {index} on in a reservation of {}", items.len(), self.count);
        let at = self.publisher.position() + index as u64 * Self::SIZE;
        self.publisher.map.area().put_run(at, items.as_bytes());
    }

    /// The room itself. Non-temporal stores into it need an `sfence` before [`commit`](Self::commit).
    ///
    /// # Safety
    /// While the slice is alive, the other process must not write to this region's data.
    ///
    /// ```
    /// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), &Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// let mut room = tx.reserve(2)?;
    /// // SAFETY: the consumer is our own code and writes no data.
    /// for (number, place) in unsafe { room.as_uninit() }.iter_mut().enumerate() {
    ///     place.write(number as u64);
    /// }
    /// room.commit(2);
    /// assert_eq!((rx.pop()?, rx.pop()?), (0, 1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    #[inline]
    pub unsafe fn as_uninit(&mut self) -> &mut [MaybeUninit<T>] {
        let first = self.publisher.map.area().at(self.publisher.position()).cast();
        // SAFETY: invariant 1, and the contract above; `&mut self` makes it the only one.
        unsafe { core::slice::from_raw_parts_mut(first, self.count) }
    }

    /// Publishes the first `count` items.
    ///
    /// # Panics
    /// If fewer were reserved.
    #[inline]
    pub fn commit(self, count: usize) {
        assert!(count <= self.count, "{count} items of a reservation of {}", self.count);
        let Self { publisher, .. } = self;
        let next = match count {
            0 => return,
            1 if Self::SIZE <= FRONT_BYTES => {
                let item = publisher.map.area().take(publisher.position());
                publisher.publish_one(item.as_bytes())
            }
            _ => publisher.publish(count as u64 * Self::SIZE),
        };
        // A child was refused the reservation, or was forked since: nobody sees what it writes.
        let _ = publisher.wake(next);
    }
}

impl<T: Item> core::fmt::Debug for Reservation<'_, T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Reservation").field("len", &self.count).finish_non_exhaustive()
    }
}

/// Room for a message, written in place. [`commit`](Self::commit) publishes it; dropping or forgetting the reservation,
/// or a panic while it lives, publishes nothing.
///
/// Bytes that are not written keep what stood there: parts of former records of this ring.
///
/// ```
/// # let ring = shm_ring::MessageRing::create(shm_ring::Region::memfd("doc"), &Default::default())?;
/// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
/// let mut room = tx.reserve(64)?;
/// room.write_at(0, &7_u64)?;
/// room.write_at(8, b"text")?;
/// room.commit(12);
/// assert_eq!(rx.pop()?, b"\x07\0\0\0\0\0\0\0text");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "nothing is published until the reservation is committed"]
pub struct MessageReservation<'a> {
    publisher: &'a mut Publisher<[u8]>,
    len: usize,
}

impl<'a> MessageReservation<'a> {
    /// Room for a message of `len` bytes at the tail, where it is.
    #[inline(always)]
    pub(super) fn of(publisher: &'a mut Publisher<[u8]>, len: usize) -> Self {
        Self { publisher, len }
    }

    /// Bytes that fit.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether none does.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// That `len` bytes from `offset` on are inside.
    #[inline]
    fn inside(&self, offset: usize, len: usize) -> Result<(), OutOfBounds> {
        match offset.checked_add(len) {
            Some(end) if end <= self.len => Ok(()),
            _ => Err(OutOfBounds { offset, len, size: self.len }),
        }
    }

    /// Writes `from`, a value or a slice, `offset` bytes after the start, at any alignment.
    ///
    /// # Errors
    /// [`OutOfBounds`]; nothing is then written.
    #[inline]
    pub fn write_at<U>(&mut self, offset: usize, from: &U) -> Result<(), OutOfBounds>
    where
        U: IntoBytes + Immutable + ?Sized,
    {
        let bytes = from.as_bytes();
        self.inside(offset, bytes.len())?;
        self.publisher.map.area().put_part(self.publisher.position(), offset, bytes);
        Ok(())
    }

    /// Reads from `from` into the room from `offset` on, as much as comes: how many bytes that was, by one `read`, in
    /// which the kernel copies straight into the ring. 0 is the end of the file, or no room.
    ///
    /// # Errors
    /// What `read` answers, [`Interrupted`](io::ErrorKind::Interrupted) too. An `offset` beyond the room is
    /// [`InvalidInput`](io::ErrorKind::InvalidInput).
    ///
    /// ```
    /// use std::io::Write;
    /// # let ring = shm_ring::MessageRing::create(shm_ring::Region::memfd("doc"), &Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// let (reader, mut writer) = std::io::pipe()?;
    /// writer.write_all(b"out of a pipe")?;
    /// let mut room = tx.reserve(100)?;
    /// let len = room.read_from(0, &reader)?;
    /// room.commit(len);
    /// assert_eq!(rx.pop()?, b"out of a pipe");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn read_from(&mut self, offset: usize, from: impl AsFd) -> io::Result<usize> {
        let len = self.len.saturating_sub(offset);
        self.inside(offset, len).map_err(|out| io::Error::new(io::ErrorKind::InvalidInput, out))?;
        let payload = self.publisher.map.area().payload(self.publisher.position());
        let to = payload.wrapping_add(offset);
        // SAFETY: invariant 1: `offset + len` bytes of the payload are mapped for writing, and nobody reads them.
        unsafe { copy::read_from(to, from.as_fd().as_raw_fd(), len) }
    }

    /// The address of the room: [`len`](Self::len) bytes, aligned as the ring's messages are, valid and for nobody else until
    /// the reservation is committed or dropped. Bytes that you do not write keep parts of former records.
    ///
    /// While it is written through, the other process must not write to this region's data.
    #[must_use]
    #[inline]
    pub fn as_mut_ptr(&mut self) -> *mut u8 {
        self.publisher.map.area().payload(self.publisher.position())
    }

    /// The room itself, aligned as the ring's messages are. Bytes that you do not write keep parts of former records.
    /// Non-temporal stores into it need an `sfence` before [`commit`](Self::commit).
    ///
    /// # Safety
    /// While the slice is alive, the other process must not write to this region's data.
    ///
    /// ```
    /// # let ring = shm_ring::MessageRing::create(shm_ring::Region::memfd("doc"), &Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// let mut room = tx.reserve(4)?;
    /// // SAFETY: the consumer is our own code and writes no data.
    /// unsafe { room.as_mut_slice() }.copy_from_slice(b"text");
    /// room.commit(4);
    /// assert_eq!(rx.pop()?, b"text");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    #[inline]
    pub unsafe fn as_mut_slice(&mut self) -> &mut [u8] {
        let payload = self.publisher.map.area().payload(self.publisher.position());
        // SAFETY: invariant 1, and the contract above; `&mut self` makes it the only one.
        unsafe { core::slice::from_raw_parts_mut(payload, self.len) }
    }

    /// Publishes the first `len` bytes as the message.
    ///
    /// # Panics
    /// If fewer were reserved.
    #[inline]
    pub fn commit(self, len: usize) {
        assert!(len <= self.len, "{len} bytes of a reservation of {}", self.len);
        let _ = self.publisher.publish_message(len as u32);
    }
}

impl core::fmt::Debug for MessageReservation<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("MessageReservation").field("len", &self.len).finish_non_exhaustive()
    }
}
