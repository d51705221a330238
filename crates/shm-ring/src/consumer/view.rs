//! Owns: records that are not taken yet, read in place: [`View`] of values, [`MessageView`] of messages, and [`Message`],
//! what both a view and a batch show of one. Knows nothing of: how records are waited for.
//!
//! Invariants that every unsafe block here rests on:
//! 1. the records are mapped and aligned as their type wants, in one piece, for as long as the borrow of the consumer
//!    (whose mapping it is) lasts: their lengths were checked against the tail that was seen;
//! 2. the safe methods form no reference into the region: they go through `mapping`.
#![allow(unsafe_code)]

use core::fmt;
use core::iter::FusedIterator;
use core::marker::PhantomData;
use core::mem::MaybeUninit;
use std::io;
use std::os::fd::{AsFd, AsRawFd};

use zerocopy::{FromBytes, IntoBytes};

use super::Receiver;
use super::found::{Found, found_at};
use crate::error::OutOfBounds;
use crate::item::Item;
use crate::mapping::copy;
use crate::mapping::records::Area;

/// The oldest values, still in the ring, as one slice. [`release`](Self::release) frees their room; dropping the view
/// leaves the values where they are, to be seen again: delivery is at least once.
///
/// A view borrows its consumer, and cannot outlive it:
///
/// ```compile_fail,E0505
/// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), &Default::default())?;
/// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
/// tx.push(7)?;
/// let view = rx.peek(1)?;
/// drop(rx);
/// assert_eq!(view.len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// In the other order it compiles:
///
/// ```
/// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), &Default::default())?;
/// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
/// tx.push(7)?;
/// let view = rx.peek(1)?;
/// assert_eq!(view.len(), 1);
/// drop(view);
/// drop(rx);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "the records stay in the ring until the view is released"]
pub struct View<'a, T: Item> {
    receiver: &'a mut Receiver<T>,
    count: usize,
}

impl<'a, T: Item> View<'a, T> {
    /// A view of the first `count` values, which are known to be there.
    #[inline(always)]
    pub(super) fn of(receiver: &'a mut Receiver<T>, count: usize) -> Self {
        Self { receiver, count }
    }

    #[inline(always)]
    fn at(&self, index: usize) -> u64 {
        self.receiver.head.position() + (index * size_of::<T>()) as u64
    }

    /// Values in the view.
    #[must_use]
    #[inline]
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is none.
    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// A copy of the value at `index`, if there is one. The other process may write while it is copied: then the copy is
    /// a mixture, and nothing worse.
    #[must_use]
    #[inline]
    pub fn get(&self, index: usize) -> Option<T> {
        (index < self.count).then(|| self.receiver.map.area().take(self.at(index)))
    }

    /// Copies of all values, oldest first.
    #[inline]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = T> + FusedIterator {
        (0..self.count).map(|index| self.receiver.map.area().take(self.at(index)))
    }

    /// Copies the values from `index` on to `items`.
    ///
    /// # Panics
    /// If the view has fewer.
    #[inline]
    pub fn copy_to(&self, index: usize, items: &mut [T]) {
        let fits = index.checked_add(items.len()).is_some_and(|end| end <= self.count);
        assert!(fits, "{} items from {index} on in a view of {}", items.len(), self.count);
        self.receiver.map.area().take_run(self.at(index), items.as_mut_bytes());
    }

    /// The values themselves.
    ///
    /// # Safety
    /// While the slice is alive, the other process must not write to this region's data.
    ///
    /// ```
    /// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), &Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// tx.push_slice(&[1, 2, 3])?;
    /// let view = rx.peek(8)?;
    /// // SAFETY: the producer is our own code: it writes nothing that is not released.
    /// assert_eq!(unsafe { view.as_slice() }, [1, 2, 3]);
    /// view.release(3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    #[inline]
    pub unsafe fn as_slice(&self) -> &[T] {
        let first = self.receiver.map.area().at(self.receiver.head.position()).cast::<T>();
        // SAFETY: invariant 1, the contract above, and any bytes are items (FromBytes).
        unsafe { core::slice::from_raw_parts(first, self.count) }
    }

    /// Releases the first `count` values, by one store: they count as read from now on.
    ///
    /// # Panics
    /// If the view has fewer.
    #[inline]
    pub fn release(self, count: usize) {
        assert!(count <= self.count, "{count} items of a view of {}", self.count);
        if count > 0 {
            // A child was refused the view, or was forked since: then this releases nothing.
            let _ = self.receiver.release((count * size_of::<T>()) as u64);
        }
    }
}

impl<T: Item> fmt::Debug for View<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("View").field("len", &self.count).finish_non_exhaustive()
    }
}

/// The oldest messages, still in the ring. [`release`](Self::release) frees their room. A view that is dropped leaves the
/// messages in the ring, and they are seen again: delivery is at least once.
///
/// ```
/// # let ring = shm_ring::MessageRing::create(shm_ring::Region::memfd("doc"), &Default::default())?;
/// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
/// tx.push_batch(&["one", "two", "three"])?;
/// let view = rx.peek(2)?;
/// assert_eq!(view.first().to_vec(), b"one");
/// assert_eq!(view.iter().map(|message| message.len()).sum::<usize>(), 6);
/// assert_eq!(view.release(usize::MAX), 2); // all that it shows
/// assert_eq!(rx.pop()?, b"three");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "the messages stay in the ring until the view is released"]
pub struct MessageView<'a> {
    receiver: &'a mut Receiver<[u8]>,
    first: Found,
    max: usize,
}

impl<'a> MessageView<'a> {
    /// A view of up to `max` messages, at least one, of those that are known to be there. `first` is the first.
    #[inline(always)]
    pub(super) fn of(receiver: &'a mut Receiver<[u8]>, first: Found, max: usize) -> Self {
        Self { receiver, first, max }
    }

    /// The oldest message.
    #[inline]
    pub fn first(&self) -> Message<'_> {
        Message::at(self.receiver.map.area(), self.first)
    }

    /// Iterates over the messages, oldest first. It ends early where the ring holds no valid message: the next call of
    /// the consumer reports that.
    #[inline]
    pub fn iter(&self) -> Messages<'_> {
        let Receiver { head, map, .. } = &*self.receiver;
        Messages {
            area: map.area(),
            first: Some(self.first),
            position: self.first.at,
            tail: head.tail(),
            left: self.max,
        }
    }

    /// Releases the first `count` messages, or all that [`iter`](Self::iter) shows if those are fewer, by one store: they
    /// count as read from now on. Returns their number. A view does not know how many messages it shows before they are
    /// looked at: `release(usize::MAX)` releases all of them.
    #[inline]
    pub fn release(self, count: usize) -> usize {
        let mut messages = self.iter();
        let released = messages.by_ref().take(count).count();
        let stride = messages.position - self.first.at;
        if stride > 0 {
            let _ = self.receiver.release(stride);
        }
        released
    }
}

impl fmt::Debug for MessageView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageView").field("first", &self.first()).finish_non_exhaustive()
    }
}

/// The messages of a [`MessageView`], oldest first.
///
/// ```
/// # let ring = shm_ring::MessageRing::create(shm_ring::Region::memfd("doc"), &Default::default())?;
/// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
/// tx.push_batch(&["one", "three"])?;
/// let view = rx.peek(8)?;
/// let longest = view.iter().map(|message| message.len()).max();
/// assert_eq!(longest, Some(5));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Messages<'a> {
    area: Area<'a, [u8]>,
    /// Told once, when the view was made.
    first: Option<Found>,
    position: u64,
    tail: u64,
    left: usize,
}

impl<'a> Iterator for Messages<'a> {
    type Item = Message<'a>;

    #[inline]
    fn next(&mut self) -> Option<Message<'a>> {
        if self.left == 0 || self.position == self.tail {
            return None;
        }
        let found = self.first.take().or_else(|| found_at(self.area, self.position, self.tail));
        let Some(found) = found else {
            // Over, whatever stands there later.
            self.left = 0;
            return None;
        };
        self.left -= 1;
        self.position += found.stride;
        Some(Message::at(self.area, found))
    }
}

impl FusedIterator for Messages<'_> {}

impl fmt::Debug for Messages<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Messages").field("left", &self.left).finish_non_exhaustive()
    }
}

/// A message in the region, read in place. The safe methods return copies: the other
/// process may write while they read, and then the copy is a mixture, and nothing worse.
///
/// ```
/// # let ring = shm_ring::MessageRing::create(shm_ring::Region::memfd("doc"), &Default::default())?;
/// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
/// tx.push(b"a text")?;
/// rx.pop_batch(1, |message| assert_eq!(message.to_vec(), b"a text"))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Message<'a> {
    payload: *const u8,
    len: usize,
    end: u64,
    region: PhantomData<&'a [u8]>,
}

impl<'a> Message<'a> {
    #[inline(always)]
    pub(super) fn at(area: Area<'a, [u8]>, found: Found) -> Self {
        let payload = area.payload(found.at).cast_const();
        let end = found.at + found.stride;
        Self { payload, len: found.len as usize, end, region: PhantomData }
    }

    /// Bytes of the message.
    #[must_use]
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it has none.
    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The position behind the message: what [`MessageConsumer::release_to`](crate::MessageConsumer::release_to) takes to
    /// release it and all before it.
    #[must_use]
    #[inline]
    pub fn end(&self) -> u64 {
        self.end
    }

    /// Where `len` bytes from `offset` on stand, if they are inside.
    #[inline]
    fn inside(&self, offset: usize, len: usize) -> Result<*const u8, OutOfBounds> {
        match offset.checked_add(len) {
            Some(end) if end <= self.len => Ok(self.payload.wrapping_add(offset)),
            _ => Err(OutOfBounds { offset, len, size: self.len }),
        }
    }

    /// A copy of the `U` that stands `offset` bytes after the start, at any alignment.
    ///
    /// # Errors
    /// [`OutOfBounds`].
    ///
    /// ```
    /// # let ring = shm_ring::MessageRing::create(shm_ring::Region::memfd("doc"), &Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// tx.push(b"a text")?;
    /// let view = rx.peek(1)?;
    /// assert_eq!(view.first().read_at::<[u8; 4]>(2)?, *b"text");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn read_at<U: FromBytes>(&self, offset: usize) -> Result<U, OutOfBounds> {
        let from = self.inside(offset, size_of::<U>())?;
        let mut value = MaybeUninit::<U>::uninit();
        // SAFETY: invariants 1 and 2; `value` is our own.
        unsafe { copy::part_out(value.as_mut_ptr().cast(), from, size_of::<U>()) };
        // SAFETY: all of its bytes have been written, and any bytes are a `U` (FromBytes).
        Ok(unsafe { value.assume_init() })
    }

    /// Copies what stands `offset` bytes after the start to `to`, all of it.
    ///
    /// # Errors
    /// [`OutOfBounds`]; `to` is then unchanged.
    #[inline]
    pub fn copy_to(&self, offset: usize, to: &mut [u8]) -> Result<(), OutOfBounds> {
        let from = self.inside(offset, to.len())?;
        // SAFETY: invariants 1 and 2; `to` is our own.
        unsafe { copy::part_out(to.as_mut_ptr(), from, to.len()) };
        Ok(())
    }

    /// A copy of the message.
    ///
    /// # Panics
    /// If there is no memory for it. Where that matters, [`copy_to`](Self::copy_to) copies to memory that is there.
    #[must_use]
    pub fn to_vec(&self) -> Vec<u8> {
        let mut bytes = vec![0; self.len];
        // SAFETY: invariants 1 and 2; `bytes` is our own.
        unsafe { copy::part_out(bytes.as_mut_ptr(), self.payload, self.len) };
        bytes
    }

    /// Writes what stands from `offset` on to `to`: how many bytes that took, by one `write`, in which the kernel copies
    /// straight out of the ring.
    ///
    /// # Errors
    /// What `write` answers, [`Interrupted`](io::ErrorKind::Interrupted) too. An `offset` beyond the
    /// message is [`InvalidInput`](io::ErrorKind::InvalidInput).
    ///
    /// ```
    /// use std::io::Read;
    /// # let ring = shm_ring::MessageRing::create(shm_ring::Region::memfd("doc"), &Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// tx.push(b"into a pipe")?;
    /// let (mut reader, writer) = std::io::pipe()?;
    /// let view = rx.peek(1)?;
    /// assert_eq!(view.first().write_to(5, &writer)?, 6);
    /// view.release(1);
    /// drop(writer);
    /// let mut text = String::new();
    /// reader.read_to_string(&mut text)?;
    /// assert_eq!(text, "a pipe");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn write_to(&self, offset: usize, to: impl AsFd) -> io::Result<usize> {
        let len = self.len.saturating_sub(offset);
        let from = self
            .inside(offset, len)
            .map_err(|out| io::Error::new(io::ErrorKind::InvalidInput, out))?;
        // SAFETY: invariants 1 and 2.
        unsafe { copy::write_to(from, to.as_fd().as_raw_fd(), len) }
    }

    /// The address of the message: [`len`](Self::len) bytes, aligned as the ring's messages are, valid until the view is
    /// released or dropped.
    ///
    /// While it is read through, the other process must not write to this region's data.
    #[must_use]
    #[inline]
    pub fn as_ptr(&self) -> *const u8 {
        self.payload
    }

    /// The message itself, aligned as the ring's messages are.
    ///
    /// # Safety
    /// While the slice is alive, the other process must not write to this region's data.
    ///
    /// ```
    /// # let ring = shm_ring::MessageRing::create(shm_ring::Region::memfd("doc"), &Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// tx.push(b"a text")?;
    /// let view = rx.peek(1)?;
    /// // SAFETY: the producer is our own code: it writes nothing that is not released.
    /// assert_eq!(unsafe { view.first().as_slice() }, b"a text");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    #[inline]
    pub unsafe fn as_slice(&self) -> &'a [u8] {
        // SAFETY: invariant 1 and the contract above.
        unsafe { core::slice::from_raw_parts(self.payload, self.len) }
    }
}

impl fmt::Debug for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message").field("len", &self.len).finish_non_exhaustive()
    }
}
