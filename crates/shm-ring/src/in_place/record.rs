//! [`Record`]: what a view and a batch show of a payload. It must not know who shows it. The invariants
//! of the unsafe blocks stand at the top of `in_place`.
#![allow(unsafe_code)]

use core::fmt;
use core::marker::PhantomData;
use core::mem::MaybeUninit;

use zerocopy::FromBytes;

use crate::copy;
use crate::error::OutOfBounds;
use crate::item::{Item, Payload};
use crate::mirror::Area;

/// A payload in the region, read where it stands. What the safe methods give are copies: the other
/// process may write while they read, and then the copy is a mixture, and nothing worse.
///
/// Payloads are aligned as their elements are: see [`as_slice`](Record::as_slice).
///
/// ```
/// # let ring = shm_ring::Ring::<[u8]>::create(shm_ring::Region::memfd("doc"), Default::default())?;
/// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
/// tx.push(b"a text")?;
/// rx.pop_batch(1, |record| assert_eq!(record.to_vec(), b"a text"))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Record<'a, P: Payload + ?Sized> {
    pub(super) payload: *mut u8,
    /// Bytes.
    pub(super) size: usize,
    region: PhantomData<&'a P>,
}

impl<P: Payload + ?Sized> Record<'_, P> {
    /// The payload of `size` bytes at `position`.
    ///
    /// # Panics
    /// If that is longer than the longest payload: callers have refused that before.
    #[inline(always)]
    pub(crate) fn at(area: Area<'_, P>, position: u64, size: u32) -> Self {
        assert!(u64::from(size) <= area.len_max(), "longer than the longest payload");
        Self { payload: area.payload(position), size: size as usize, region: PhantomData }
    }

    /// Bytes of the payload.
    ///
    /// ```
    /// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// tx.push(7)?;
    /// assert_eq!(rx.peek()?.size(), 8);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn size(&self) -> usize {
        self.size
    }

    /// Where `len` bytes from `offset` on stand, if they are inside.
    #[inline]
    pub(super) fn inside(&self, offset: usize, len: usize) -> Result<*mut u8, OutOfBounds> {
        match offset.checked_add(len) {
            Some(end) if end <= self.size => Ok(self.payload.wrapping_add(offset)),
            _ => Err(OutOfBounds { offset, len, size: self.size }),
        }
    }

    /// A copy of the `U` that stands `offset` bytes after the start, at any alignment.
    ///
    /// # Errors
    /// [`OutOfBounds`].
    ///
    /// ```
    /// # let ring = shm_ring::Ring::<[u8]>::create(shm_ring::Region::memfd("doc"), Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// tx.push(b"a text")?;
    /// let view = rx.peek()?;
    /// assert_eq!(view.read_at::<[u8; 4]>(2)?, *b"text");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn read_at<U: FromBytes>(&self, offset: usize) -> Result<U, OutOfBounds> {
        let from = self.inside(offset, size_of::<U>())?;
        let mut value = MaybeUninit::<U>::uninit();
        // SAFETY: invariants 1 and 2; `value` is our own.
        unsafe { copy::take_at(value.as_mut_ptr().cast(), from, size_of::<U>()) };
        // SAFETY: all of its bytes have been written, and any bytes are a `U` (FromBytes).
        Ok(unsafe { value.assume_init() })
    }

    /// Copies what stands `offset` bytes after the start to `to`, all of it.
    ///
    /// # Errors
    /// [`OutOfBounds`]; `to` is then unchanged.
    ///
    /// ```
    /// # let ring = shm_ring::Ring::<[u8]>::create(shm_ring::Region::memfd("doc"), Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// tx.push(b"a text")?;
    /// let view = rx.peek()?;
    /// let mut part = [0; 4];
    /// view.copy_to(2, &mut part)?;
    /// assert_eq!(part, *b"text");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn copy_to(&self, offset: usize, to: &mut [u8]) -> Result<(), OutOfBounds> {
        let from = self.inside(offset, to.len())?;
        // SAFETY: invariants 1 and 2; `to` is our own.
        unsafe { copy::take_at(to.as_mut_ptr(), from, to.len()) };
        Ok(())
    }
}

impl<T: Item> Record<'_, T> {
    /// A copy of the value.
    ///
    /// ```
    /// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// tx.push(7)?;
    /// assert_eq!(rx.peek()?.read(), 7);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    #[inline]
    pub fn read(&self) -> T {
        let mut value = MaybeUninit::<T>::uninit();
        // SAFETY: invariants 1 and 2: `size` is that of a `T`; `value` is our own.
        unsafe { copy::take(value.as_mut_ptr().cast(), self.payload, size_of::<T>()) };
        // SAFETY: all of its bytes have been written, and any bytes are a `T` (FromBytes).
        unsafe { value.assume_init() }
    }

    /// The value itself.
    ///
    /// # Safety
    /// While the reference lives the other side must keep the protocol: nobody writes this record.
    ///
    /// ```
    /// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// tx.push(7)?;
    /// let view = rx.peek()?;
    /// // SAFETY: the producer is our own code: it keeps the protocol.
    /// assert_eq!(*unsafe { view.as_value() }, 7);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    #[inline]
    pub unsafe fn as_value(&self) -> &T {
        // SAFETY: invariant 1, the contract above, and any bytes are a `T` (FromBytes).
        unsafe { &*self.payload.cast::<T>() }
    }
}

impl<T: Item> Record<'_, [T]> {
    /// Elements of the message.
    ///
    /// ```
    /// # let ring = shm_ring::Ring::<[u8]>::create(shm_ring::Region::memfd("doc"), Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// tx.push(b"a text")?;
    /// let view = rx.peek()?;
    /// assert_eq!(view.len(), 6);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    #[inline]
    pub fn len(&self) -> usize {
        self.size / size_of::<T>()
    }

    /// Whether the message has none.
    ///
    /// ```
    /// # let ring = shm_ring::Ring::<[u8]>::create(shm_ring::Region::memfd("doc"), Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// tx.push(b"")?;
    /// assert!(rx.peek()?.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.size == 0
    }

    /// A copy of the message.
    ///
    /// ```
    /// # let ring = shm_ring::Ring::<[u8]>::create(shm_ring::Region::memfd("doc"), Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// tx.push(b"a text")?;
    /// let view = rx.peek()?;
    /// assert_eq!(view.to_vec(), b"a text");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn to_vec(&self) -> Vec<T> {
        let mut copied = Vec::<T>::with_capacity(self.len());
        // SAFETY: invariants 1 and 2; the capacity has just been reserved.
        unsafe { copy::take(copied.as_mut_ptr().cast(), self.payload, self.size) };
        // SAFETY: `len` elements have been written whole, and any bytes are elements (FromBytes).
        unsafe { copied.set_len(self.len()) };
        copied
    }

    /// The message itself, aligned for `T`.
    ///
    /// # Safety
    /// While the slice lives the other side must keep the protocol: nobody writes this record.
    ///
    /// ```
    /// # let ring = shm_ring::Ring::<[u8]>::create(shm_ring::Region::memfd("doc"), Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// tx.push(b"a text")?;
    /// let view = rx.peek()?;
    /// // SAFETY: the producer is our own code: it keeps the protocol.
    /// assert_eq!(unsafe { view.as_slice() }, b"a text");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    #[inline]
    pub unsafe fn as_slice(&self) -> &[T] {
        // SAFETY: invariant 1, the contract above, and any bytes are elements (FromBytes).
        unsafe { core::slice::from_raw_parts(self.payload.cast::<T>(), self.len()) }
    }
}

impl<P: Payload + ?Sized> fmt::Debug for Record<'_, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record").field("size", &self.size).finish_non_exhaustive()
    }
}
