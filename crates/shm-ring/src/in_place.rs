//! Access in place: a [`Reservation`] of room that is not published yet, a [`View`] of a record that
//! is not taken yet, and [`Record`], what both and batches show of a payload. It must not know how
//! records are published or waited for.
//!
//! Invariants that every unsafe block here and in `record` rests on:
//! 1. `payload` leads to `size` mapped bytes, aligned for an element and mapped up to the next
//!    multiple of 8, for as long as the borrow of the endpoint (whose mapping it is) lasts; `size`
//!    is a multiple of an element's size.
//! 2. The safe methods form no reference into the region: they go through `copy`.
#![allow(unsafe_code)]

mod descriptor;
mod record;

pub use self::record::Record;

use core::mem::MaybeUninit;
use core::ops::Deref;

use zerocopy::{Immutable, IntoBytes};

use crate::copy;
use crate::endpoint::{Consumer, Found, Producer};
use crate::error::OutOfBounds;
use crate::item::{Item, Payload};
use crate::mirror::Slots;

/// The oldest record, still in the ring. [`release`](Self::release) gives its room back; dropping
/// the view leaves the record where it is, to be seen again: delivery is at least once.
///
/// A view borrows its consumer, and cannot outlive it:
///
/// ```compile_fail,E0505
/// # use shm_ring::{Options, Region, Ring};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let ring = Ring::<[u8]>::create(Region::memfd("doc"), Options::new())?;
/// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
/// tx.push(b"a message")?;
/// let view = rx.peek()?;
/// drop(rx);
/// assert_eq!(view.len(), 9);
/// # Ok(())
/// # }
/// ```
///
/// In the other order it compiles:
///
/// ```
/// # use shm_ring::{Options, Region, Ring};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let ring = Ring::<[u8]>::create(Region::memfd("doc"), Options::new())?;
/// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
/// tx.push(b"a message")?;
/// let view = rx.peek()?;
/// assert_eq!(view.len(), 9);
/// drop(view);
/// drop(rx);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "the record stays in the ring until the view is released"]
pub struct View<'a, P: Payload + ?Sized> {
    consumer: &'a mut Consumer<P>,
    found: Found,
    record: Record<'a, P>,
}

impl<'a, P: Payload + ?Sized> View<'a, P> {
    /// A view of the record that a look has just found at the head of `consumer`.
    #[inline(always)]
    pub(crate) fn of(consumer: &'a mut Consumer<P>, found: Found) -> Self {
        let record = Record::at(consumer.slots.area(), found.at, found.len);
        Self { consumer, found, record }
    }

    /// Gives the record's room back: it counts as read from now on.
    ///
    /// ```
    /// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// tx.push(7)?;
    /// rx.peek()?.release();
    /// assert_eq!(rx.ready_at_least(), 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn release(self) {
        self.consumer.release(self.found);
    }
}

impl<'a, P: Payload + ?Sized> Deref for View<'a, P> {
    type Target = Record<'a, P>;

    fn deref(&self) -> &Record<'a, P> {
        &self.record
    }
}

/// Room for a record, to be written in place. [`commit`](Self::commit) publishes it; dropping or
/// forgetting the reservation, or a panic while it lives, publishes nothing.
///
/// Bytes that are not written keep what stood there: parts of former records of this ring.
///
/// One reservation at a time:
///
/// ```compile_fail,E0499
/// # use shm_ring::{Options, Region, Ring};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let ring = Ring::<[u8]>::create(Region::memfd("doc"), Options::new())?;
/// # let mut tx = ring.producer()?;
/// let first = tx.reserve(8)?;
/// let second = tx.reserve(8)?;
/// first.commit();
/// second.commit();
/// # Ok(())
/// # }
/// ```
///
/// ```
/// # use shm_ring::{Options, Region, Ring};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let ring = Ring::<[u8]>::create(Region::memfd("doc"), Options::new())?;
/// # let mut tx = ring.producer()?;
/// let first = tx.reserve(8)?;
/// first.commit();
/// let second = tx.reserve(8)?;
/// second.commit();
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "nothing is published until the reservation is committed"]
pub struct Reservation<'a, P: Payload + ?Sized> {
    producer: &'a mut Producer<P>,
    record: Record<'a, P>,
}

impl<'a, P: Payload + ?Sized> Reservation<'a, P> {
    /// A reservation of `size` bytes at the tail of `producer`, where there is room for them.
    #[inline(always)]
    pub(crate) fn of(producer: &'a mut Producer<P>, size: u32) -> Self {
        let record = Record::at(producer.slots.area(), producer.position(), size);
        Self { producer, record }
    }

    /// Bytes of the payload.
    ///
    /// ```
    /// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// assert_eq!(tx.reserve()?.size(), 8);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn size(&self) -> usize {
        self.record.size
    }

    /// Writes `from`, a value or a slice, `offset` bytes after the start, at any alignment.
    ///
    /// # Errors
    /// [`OutOfBounds`]; nothing is then written.
    ///
    /// ```
    /// # let ring = shm_ring::Ring::<[u8]>::create(shm_ring::Region::memfd("doc"), Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// let mut room = tx.reserve(12)?;
    /// room.write_at(0, &7_u64)?;
    /// room.write_at(8, b"text")?;
    /// room.commit();
    /// assert_eq!(rx.pop()?, b"\x07\0\0\0\0\0\0\0text");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn write_at<U>(&mut self, offset: usize, from: &U) -> Result<(), OutOfBounds>
    where
        U: IntoBytes + Immutable + ?Sized,
    {
        let from = from.as_bytes();
        let to = self.record.inside(offset, from.len())?;
        // SAFETY: invariants 1 and 2; the producer owns the data area, and nobody reads what is
        // not committed.
        unsafe { copy::put_at(to, from.as_ptr(), from.len()) };
        Ok(())
    }

    /// Publishes the record.
    ///
    /// ```
    /// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// let mut room = tx.reserve()?;
    /// room.write(&7);
    /// room.commit();
    /// assert_eq!(rx.pop()?, 7);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn commit(self) {
        let size = self.record.size;
        self.commit_bytes(size);
    }

    #[inline(always)]
    fn commit_bytes(self, size: usize) {
        let Self { producer, .. } = self;
        let stride = Slots::<P>::stride(size as u64);
        producer.commit(stride, size as u32, |area, at| area.fill_up(at, size));
    }
}

impl<T: Item> Reservation<'_, T> {
    /// Writes the value.
    ///
    /// ```
    /// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// let mut room = tx.reserve()?;
    /// room.write(&7);
    /// room.commit();
    /// assert_eq!(rx.pop()?, 7);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn write(&mut self, value: &T) {
        self.producer.slots.area().put(self.producer.position(), value);
    }

    /// The place of the value.
    ///
    /// # Safety
    /// While the reference lives the other side must keep the protocol: it writes no data.
    ///
    /// ```
    /// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// let mut room = tx.reserve()?;
    /// // SAFETY: the consumer is our own code: it keeps the protocol.
    /// unsafe { room.as_uninit() }.write(7);
    /// room.commit();
    /// assert_eq!(rx.pop()?, 7);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    #[inline]
    pub unsafe fn as_uninit(&mut self) -> &mut MaybeUninit<T> {
        // SAFETY: invariant 1, and the contract above; `&mut self` makes it the only one.
        unsafe { &mut *self.record.payload.cast() }
    }
}

impl<T: Item> Reservation<'_, [T]> {
    /// Elements of the message.
    ///
    /// ```
    /// # let ring = shm_ring::Ring::<[u8]>::create(shm_ring::Region::memfd("doc"), Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// assert_eq!(tx.reserve(4)?.len(), 4);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        self.record.len()
    }

    /// Whether the message has none.
    ///
    /// ```
    /// # let ring = shm_ring::Ring::<[u8]>::create(shm_ring::Region::memfd("doc"), Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// assert!(tx.reserve(0)?.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.record.is_empty()
    }

    /// Publishes the first `len` elements as the message.
    ///
    /// # Errors
    /// [`OutOfBounds`] if fewer were reserved; nothing is then published.
    ///
    /// ```
    /// # let ring = shm_ring::Ring::<[u8]>::create(shm_ring::Region::memfd("doc"), Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// let mut room = tx.reserve(64)?;
    /// room.write_at(0, b"text")?;
    /// room.commit_len(4)?;
    /// assert_eq!(rx.pop()?, b"text");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn commit_len(self, len: usize) -> Result<(), OutOfBounds> {
        let size = self.record.size;
        match len.checked_mul(size_of::<T>()) {
            Some(bytes) if bytes <= size => self.commit_bytes(bytes),
            bytes => {
                let len = bytes.unwrap_or(usize::MAX);
                return Err(OutOfBounds { offset: 0, len, size });
            }
        }
        Ok(())
    }

    /// The message to be, aligned for `T`: what is not written keeps parts of former records.
    ///
    /// # Safety
    /// While the slice lives the other side must keep the protocol: it writes no data.
    ///
    /// ```
    /// # let ring = shm_ring::Ring::<[u8]>::create(shm_ring::Region::memfd("doc"), Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// let mut room = tx.reserve(4)?;
    /// // SAFETY: the consumer is our own code: it keeps the protocol.
    /// unsafe { room.as_mut_slice() }.copy_from_slice(b"text");
    /// room.commit();
    /// assert_eq!(rx.pop()?, b"text");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    #[inline]
    pub unsafe fn as_mut_slice(&mut self) -> &mut [T] {
        // SAFETY: invariant 1, the contract above, and any bytes are elements (FromBytes); `&mut
        // self` makes it the only one.
        unsafe {
            core::slice::from_raw_parts_mut(self.record.payload.cast::<T>(), self.record.len())
        }
    }
}
