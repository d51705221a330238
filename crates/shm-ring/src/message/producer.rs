//! Publishing messages: the order of a push of any length. It must not know how a commit word looks.

use core::ops::Deref;
use core::time::Duration;

use crate::endpoint::{Patience, Producer};
use crate::error::{BatchError, PushError};
use crate::in_place::Reservation;
use crate::item::Item;
use crate::mirror::Slots;

/// Bytes of a payload that fits, and of its record.
#[derive(Clone, Copy)]
struct Extent {
    len: u32,
    stride: u64,
}

impl<T: Item> Producer<[T]> {
    /// The extent of a message of `len` elements, if it fits this ring at all.
    #[inline(always)]
    fn extent(&self, len: usize) -> Result<Extent, PushError> {
        match len.checked_mul(size_of::<T>()) {
            Some(bytes) if bytes as u64 <= self.slots.len_max() => {
                Ok(Extent { len: bytes as u32, stride: Slots::<[T]>::stride(bytes as u64) })
            }
            _ => Err(PushError::TooLarge { len, max: self.max_len() }),
        }
    }

    #[inline(always)]
    fn publish(&mut self, message: &[T], extent: Extent) {
        self.commit(extent.stride, extent.len, |area, at| area.put_all(at, message));
    }

    /// Publishes `message` if there is room. Never waits, never makes a system call unless the
    /// consumer sleeps and must be woken, and does not ask whether there is a consumer: what is
    /// published waits for whoever comes.
    ///
    /// # Errors
    /// [`PushError::TooLarge`] for what this ring can never hold; [`PushError::Full`];
    /// [`PushError::Corrupt`], for good.
    ///
    /// ```
    /// use shm_ring::{Options, PushError, Region, Ring};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let ring = Ring::<[u8]>::create(Region::memfd("doc"), Options::new().bytes(4096))?;
    /// let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// tx.try_push(b"of any length")?;
    /// tx.try_push(b"")?;
    /// assert_eq!(tx.try_push(&[0; 4081]), Err(PushError::TooLarge { len: 4081, max: 4080 }));
    /// assert_eq!(rx.pop()?, b"of any length");
    /// assert_eq!(rx.pop()?, b"");
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn try_push(&mut self, message: &[T]) -> Result<(), PushError> {
        let extent = self.extent(message.len())?;
        self.make_room(extent.stride)?;
        self.publish(message, extent);
        Ok(())
    }

    /// Publishes `message`, waiting for room as long as there is a consumer or none has come yet.
    ///
    /// A waiting producer is woken when half the ring is free, or what the message needs.
    ///
    /// # Errors
    /// [`PushError::TooLarge`]; while there is no room [`PushError::Closed`] and
    /// [`PushError::PeerDead`] once the consumer is gone (another may attach, and then pushing goes
    /// on); at any time [`PushError::Corrupt`], for good.
    ///
    /// ```
    /// # let ring = shm_ring::Ring::<[u8]>::create(shm_ring::Region::memfd("doc"), Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// tx.push(b"of any length")?;
    /// assert_eq!(rx.pop()?, b"of any length");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn push(&mut self, message: &[T]) -> Result<(), PushError> {
        self.push_patiently(message, Patience::FOREVER)
    }

    /// [`push`](Self::push), for `timeout` at most.
    ///
    /// # Errors
    /// As [`push`](Self::push), and [`PushError::TimedOut`].
    ///
    /// ```
    /// # let ring = shm_ring::Ring::<[u8]>::create(shm_ring::Region::memfd("doc"), Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// tx.push_timeout(b"soon", std::time::Duration::from_millis(1))?;
    /// assert_eq!(rx.pop()?, b"soon");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn push_timeout(&mut self, message: &[T], timeout: Duration) -> Result<(), PushError> {
        self.push_patiently(message, Patience::of(timeout))
    }

    #[inline(always)]
    fn push_patiently(&mut self, message: &[T], patience: Patience) -> Result<(), PushError> {
        let extent = self.extent(message.len())?;
        self.await_room(extent.stride, patience)?;
        self.publish(message, extent);
        Ok(())
    }

    /// Publishes the concatenation of `parts` as one message, if there is room: slices, `Vec`s or
    /// [`IoSlice`](std::io::IoSlice)s.
    ///
    /// # Errors
    /// As [`try_push`](Self::try_push).
    ///
    /// ```
    /// use shm_ring::{Options, Region, Ring};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let ring = Ring::<[u8]>::create(Region::memfd("doc"), Options::new())?;
    /// let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// tx.try_push_vectored(&[&b"head"[..], b"er and body"])?;
    /// assert_eq!(rx.pop()?, b"header and body");
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_push_vectored<S: Deref<Target = [T]>>(
        &mut self,
        parts: &[S],
    ) -> Result<(), PushError> {
        let extent = self.extent_of(parts)?;
        self.make_room(extent.stride)?;
        self.publish_parts(parts, extent);
        Ok(())
    }

    /// [`try_push_vectored`](Self::try_push_vectored), waiting for room as [`push`](Self::push) does.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    ///
    /// ```
    /// # let ring = shm_ring::Ring::<[u8]>::create(shm_ring::Region::memfd("doc"), Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// tx.push_vectored(&[&b"head"[..], b"er"])?;
    /// assert_eq!(rx.pop()?, b"header");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn push_vectored<S: Deref<Target = [T]>>(&mut self, parts: &[S]) -> Result<(), PushError> {
        self.push_vectored_patiently(parts, Patience::FOREVER)
    }

    /// [`push_vectored`](Self::push_vectored), for `timeout` at most.
    ///
    /// # Errors
    /// As [`push_timeout`](Self::push_timeout).
    ///
    /// ```
    /// # let ring = shm_ring::Ring::<[u8]>::create(shm_ring::Region::memfd("doc"), Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// let parts = [&b"head"[..], b"er"];
    /// tx.push_vectored_timeout(&parts, std::time::Duration::from_millis(1))?;
    /// assert_eq!(rx.pop()?, b"header");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn push_vectored_timeout<S: Deref<Target = [T]>>(
        &mut self,
        parts: &[S],
        timeout: Duration,
    ) -> Result<(), PushError> {
        self.push_vectored_patiently(parts, Patience::of(timeout))
    }

    fn push_vectored_patiently<S: Deref<Target = [T]>>(
        &mut self,
        parts: &[S],
        patience: Patience,
    ) -> Result<(), PushError> {
        let extent = self.extent_of(parts)?;
        self.await_room(extent.stride, patience)?;
        self.publish_parts(parts, extent);
        Ok(())
    }

    fn extent_of<S: Deref<Target = [T]>>(&self, parts: &[S]) -> Result<Extent, PushError> {
        let len = parts.iter().fold(0_usize, |len, part| len.saturating_add(part.len()));
        self.extent(len)
    }

    fn publish_parts<S: Deref<Target = [T]>>(&mut self, parts: &[S], extent: Extent) {
        let position = self.position();
        let whole = extent.len as usize;
        let mut at = 0;
        for part in parts {
            // `Deref` is the caller's code: it may answer differently the second time.
            let fits = (whole - at) / size_of::<T>();
            let part = &part[..part.len().min(fits)];
            self.slots.area().put_part(position, at, part);
            at += size_of_val(part);
        }
        self.commit(extent.stride, extent.len, |area, at| area.fill_up(at, whole));
    }

    /// Room for a message of `len` elements, to be written in place, if there is room.
    ///
    /// # Errors
    /// As [`try_push`](Self::try_push).
    ///
    /// ```
    /// # let ring = shm_ring::Ring::<[u8]>::create(shm_ring::Region::memfd("doc"), Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// let mut room = tx.try_reserve(4)?;
    /// room.write_at(0, b"text")?;
    /// room.commit();
    /// assert_eq!(rx.pop()?, b"text");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn try_reserve(&mut self, len: usize) -> Result<Reservation<'_, [T]>, PushError> {
        let extent = self.extent(len)?;
        self.make_room(extent.stride)?;
        Ok(Reservation::of(self, extent.len))
    }

    /// [`try_reserve`](Self::try_reserve), waiting for room as [`push`](Self::push) does.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    ///
    /// ```
    /// use shm_ring::{Options, Region, Ring};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let ring = Ring::<[u8]>::create(Region::memfd("doc"), Options::new())?;
    /// let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// let mut room = tx.reserve(64)?;
    /// room.write_at(0, &7_u64)?;
    /// room.write_at(8, b"and some text")?;
    /// room.commit_len(21)?;
    /// let view = rx.peek()?;
    /// assert_eq!(view.read_at::<u64>(0)?, 7);
    /// assert_eq!(view.len(), 21);
    /// view.release();
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn reserve(&mut self, len: usize) -> Result<Reservation<'_, [T]>, PushError> {
        self.reserve_patiently(len, Patience::FOREVER)
    }

    /// [`reserve`](Self::reserve), for `timeout` at most.
    ///
    /// # Errors
    /// As [`push_timeout`](Self::push_timeout).
    ///
    /// ```
    /// # let ring = shm_ring::Ring::<[u8]>::create(shm_ring::Region::memfd("doc"), Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// let room = tx.reserve_timeout(4, std::time::Duration::from_millis(1))?;
    /// assert_eq!(room.len(), 4);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn reserve_timeout(
        &mut self,
        len: usize,
        timeout: Duration,
    ) -> Result<Reservation<'_, [T]>, PushError> {
        self.reserve_patiently(len, Patience::of(timeout))
    }

    #[inline(always)]
    fn reserve_patiently(
        &mut self,
        len: usize,
        patience: Patience,
    ) -> Result<Reservation<'_, [T]>, PushError> {
        let extent = self.extent(len)?;
        self.await_room(extent.stride, patience)?;
        Ok(Reservation::of(self, extent.len))
    }

    /// Publishes the messages that fit now, by one store: all of them appear at once. How many it
    /// was; the rest can be tried again.
    ///
    /// # Errors
    /// Only if the first message cannot be published: as [`try_push`](Self::try_push). A later
    /// message that can never fit ends the batch before it.
    ///
    /// ```
    /// # let ring = shm_ring::Ring::<[u8]>::create(shm_ring::Region::memfd("doc"), Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// assert_eq!(tx.try_push_batch(&["one", "and", "another"])?, 3);
    /// assert_eq!(rx.pop()?, b"one");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn try_push_batch<M: AsRef<[T]>>(&mut self, messages: &[M]) -> Result<usize, PushError> {
        let Some((first, rest)) = messages.split_first() else { return Ok(0) };
        let first = first.as_ref();
        let extent = self.extent(first.len())?;
        self.make_room(extent.stride)?;
        Ok(self.publish_batch(first, extent, rest))
    }

    /// Publishes all messages, waiting for room as [`push`](Self::push) does: as many as fit at a
    /// time, by one store.
    ///
    /// # Errors
    /// As [`push`](Self::push), with how many were published before.
    ///
    /// ```
    /// use shm_ring::{Options, Region, Ring};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let ring = Ring::<[u8]>::create(Region::memfd("doc"), Options::new())?;
    /// let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// assert_eq!(tx.push_batch(&["one", "and", "another"])?, 3);
    /// let mut bytes = 0;
    /// assert_eq!(rx.pop_batch(32, |message| bytes += message.len())?, 3);
    /// assert_eq!(bytes, 13);
    /// # Ok(())
    /// # }
    /// ```
    pub fn push_batch<M: AsRef<[T]>>(&mut self, messages: &[M]) -> Result<usize, BatchError> {
        let mut pushed = 0;
        while let Some((first, rest)) = messages[pushed..].split_first() {
            let first = first.as_ref();
            let failed = |error| BatchError { pushed, error };
            let extent = self.extent(first.len()).map_err(failed)?;
            self.await_room(extent.stride, Patience::FOREVER).map_err(failed)?;
            pushed += self.publish_batch(first, extent, rest);
        }
        Ok(pushed)
    }

    /// Publishes `first`, for which there is room, and those of `rest` that fit.
    #[inline(never)]
    fn publish_batch<M: AsRef<[T]>>(&mut self, first: &[T], extent: Extent, rest: &[M]) -> usize {
        let Extent { len, stride } = extent;
        let max = self.slots.len_max();
        let mut staging = self.staging(stride, len, |area, at| area.put_all(at, first));
        let mut staged = 1;
        for message in rest {
            let message = message.as_ref();
            let len = size_of_val(message) as u64;
            let stride = Slots::<[T]>::stride(len);
            if len > max || !staging.has_room(stride) {
                break;
            }
            staging.stage(stride, len as u32, |area, at| area.put_all(at, message));
            staged += 1;
        }
        staged
    }
}
