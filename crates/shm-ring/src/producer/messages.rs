//! Owns: [`MessageProducer`], publishing messages: the order of a push of any length. Knows nothing of: how room is
//! waited for.

use core::ops::Deref;
use core::time::Duration;

use static_assertions::{assert_impl_all, assert_not_impl_any};

use super::{MessageReservation, Publisher};
use crate::attachment::wait::Timeout;
use crate::error::PushError;
use crate::mapping::messages::FRONT_MESSAGE_MAX;

/// The end of a ring that publishes messages: byte strings of any length up to [`max_len`](Self::max_len).
///
/// A ring has one, under the same rules as its [`Producer`](crate::Producer).
///
/// ```
/// # let ring = shm_ring::MessageRing::create(shm_ring::Region::memfd("doc"), &Default::default())?;
/// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
/// tx.push(b"of any length")?;
/// assert_eq!(rx.pop()?, b"of any length");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct MessageProducer {
    pub(crate) inner: Publisher<[u8]>,
}

assert_impl_all!(MessageProducer: Send);
assert_not_impl_any!(MessageProducer: Sync, Clone);

impl Publisher<[u8]> {
    /// Makes the message of `len` bytes exist whose payload is written at the tail, and wakes the consumer if it sleeps
    /// until then.
    #[inline(always)]
    pub(super) fn publish_message(&mut self, len: u32) -> Result<(), PushError> {
        let (at, area) = (self.position(), self.map.area());
        area.put_header(at, len);
        let stride = area.stride(u64::from(len));
        let next = if len as usize <= FRONT_MESSAGE_MAX {
            self.publish_in_front(stride, |front| area.put_front(front, at, len))
        } else {
            self.publish(stride)
        };
        self.wake(next)
    }
}

impl MessageProducer {
    /// Bytes from a message of `len` bytes to the next, if the ring can have one.
    #[inline(always)]
    pub(super) fn stride_of(&self, len: usize) -> Result<u64, PushError> {
        let area = self.inner.map.area();
        match len as u64 <= area.len_max() {
            true => Ok(area.stride(len as u64)),
            false => Err(PushError::TooLarge { len, max: self.max_len() }),
        }
    }

    /// Publishes `message`, for which there is room.
    #[inline(always)]
    fn publish(&mut self, message: &[u8], stride: u64) -> Result<(), PushError> {
        self.inner.prefetch(stride);
        self.inner.map.area().put_payload(self.inner.position(), message);
        self.inner.publish_message(message.len() as u32)
    }

    /// Publishes `message`, waiting for room as [`Producer::push`](crate::Producer::push) does.
    ///
    /// # Errors
    /// As [`Producer::push`](crate::Producer::push), and [`PushError::TooLarge`].
    #[inline]
    pub fn push(&mut self, message: &[u8]) -> Result<(), PushError> {
        self.push_within(message, Timeout::FOREVER)
    }

    /// Publishes `message` if there is room. Never waits, never makes a system call unless the consumer sleeps and must
    /// be woken.
    ///
    /// # Errors
    /// [`PushError::Full`]; [`PushError::TooLarge`] if the ring can never have that much room; [`PushError::Corrupt`],
    /// permanently.
    ///
    /// ```
    /// # let ring = shm_ring::MessageRing::create(shm_ring::Region::memfd("doc"), &Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// tx.try_push(b"a message")?;
    /// assert_eq!(rx.try_pop()?, b"a message");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn try_push(&mut self, message: &[u8]) -> Result<(), PushError> {
        let stride = self.stride_of(message.len())?;
        self.inner.make_room(stride)?;
        self.publish(message, stride)
    }

    /// Like [`push`](Self::push), but waits at most `timeout`.
    ///
    /// # Errors
    /// As [`push`](Self::push), and [`PushError::TimedOut`].
    #[inline]
    pub fn push_timeout(&mut self, message: &[u8], timeout: Duration) -> Result<(), PushError> {
        self.push_within(message, Timeout::of(timeout))
    }

    #[inline(always)]
    fn push_within(&mut self, message: &[u8], timeout: Timeout) -> Result<(), PushError> {
        let stride = self.stride_of(message.len())?;
        self.inner.await_room(stride, timeout)?;
        self.publish(message, stride)
    }

    /// Publishes one message that is put together from `parts`, if there is room.
    ///
    /// # Errors
    /// As [`try_push`](Self::try_push).
    pub fn try_push_vectored<S: Deref<Target = [u8]>>(
        &mut self,
        parts: &[S],
    ) -> Result<(), PushError> {
        let len = len_of(parts);
        let stride = self.stride_of(len)?;
        self.inner.make_room(stride)?;
        self.publish_parts(parts, len, stride)
    }

    /// Publishes one message that is put together from `parts`, waiting for room as [`push`](Self::push) does.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    ///
    /// ```
    /// # let ring = shm_ring::MessageRing::create(shm_ring::Region::memfd("doc"), &Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// tx.push_vectored(&[&b"head, "[..], b"body"])?;
    /// assert_eq!(rx.pop()?, b"head, body");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn push_vectored<S: Deref<Target = [u8]>>(&mut self, parts: &[S]) -> Result<(), PushError> {
        self.push_vectored_within(parts, Timeout::FOREVER)
    }

    /// Like [`push_vectored`](Self::push_vectored), but waits at most `timeout`.
    ///
    /// # Errors
    /// As [`push_timeout`](Self::push_timeout).
    pub fn push_vectored_timeout<S: Deref<Target = [u8]>>(
        &mut self,
        parts: &[S],
        timeout: Duration,
    ) -> Result<(), PushError> {
        self.push_vectored_within(parts, Timeout::of(timeout))
    }

    fn push_vectored_within<S: Deref<Target = [u8]>>(
        &mut self,
        parts: &[S],
        timeout: Timeout,
    ) -> Result<(), PushError> {
        let len = len_of(parts);
        let stride = self.stride_of(len)?;
        self.inner.await_room(stride, timeout)?;
        self.publish_parts(parts, len, stride)
    }

    fn publish_parts<S: Deref<Target = [u8]>>(
        &mut self,
        parts: &[S],
        len: usize,
        stride: u64,
    ) -> Result<(), PushError> {
        self.inner.prefetch(stride);
        let position = self.inner.position();
        let mut at = 0;
        for part in parts {
            // `Deref` is the caller's code: it may answer differently the second time.
            let part = &part[..part.len().min(len - at)];
            self.inner.map.area().put_part(position, at, part);
            at += part.len();
        }
        self.inner.publish_message(len as u32)
    }

    /// Reserves room for a message of up to `len` bytes, to be written in place, if there is enough.
    ///
    /// # Errors
    /// As [`try_push`](Self::try_push).
    #[inline]
    pub fn try_reserve(&mut self, len: usize) -> Result<MessageReservation<'_>, PushError> {
        let stride = self.stride_of(len)?;
        self.inner.check_process()?;
        self.inner.make_room(stride)?;
        self.inner.prefetch(stride);
        Ok(MessageReservation::of(&mut self.inner, len))
    }

    /// Reserves room for a message of up to `len` bytes, to be written in place; waits for it as [`push`](Self::push)
    /// does.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    #[inline]
    pub fn reserve(&mut self, len: usize) -> Result<MessageReservation<'_>, PushError> {
        let stride = self.stride_of(len)?;
        self.inner.check_process()?;
        self.inner.await_room(stride, Timeout::FOREVER)?;
        self.inner.prefetch(stride);
        Ok(MessageReservation::of(&mut self.inner, len))
    }

    /// Waits until there is room for a message of `len` bytes, at most `timeout` (`None`: for ever). Then
    /// [`try_reserve`](Self::try_reserve) of as many is not refused.
    ///
    /// # Errors
    /// As [`push_timeout`](Self::push_timeout).
    #[inline]
    pub fn wait(&mut self, len: usize, timeout: Option<Duration>) -> Result<(), PushError> {
        let stride = self.stride_of(len)?;
        self.inner.await_room(stride, Timeout::of_any(timeout))
    }

    /// Counts `records` that the caller throws away, because the ring was full or for another reason of its own: one store.
    /// [`stats`](Self::stats), [`Snapshot::dropped`](crate::Snapshot::dropped) and `shm-ring stat` show the sum.
    pub fn count_dropped(&mut self, records: u64) {
        self.inner.count_dropped(records);
    }

    /// An upper bound on the bytes of records, with their headers, that the consumer has not released. It may release
    /// more at any time.
    #[must_use]
    pub fn len_bytes(&mut self) -> usize {
        self.inner.side.layout.limit as usize - self.room_at_least()
    }

    /// Whether the consumer has released everything.
    #[must_use]
    pub fn is_empty(&mut self) -> bool {
        self.len_bytes() == 0
    }

    /// A lower bound on the bytes of records that fit, with 8 bytes or more of header for each message. The consumer may
    /// free more at any time.
    #[must_use]
    pub fn room_at_least(&mut self) -> usize {
        self.inner.room() as usize
    }

    /// Sets at how much room a `push` that found the ring full is woken: as soon as
    /// this many bytes of records are free. `None` is the default: half the
    /// ring, so that a fast producer does not sleep once for each record. `Some(1)` is the first free place, for
    /// producers that must not stay behind: a window of credits, a conversation in a small ring. It then costs the
    /// consumer a system call for each record that it takes while the ring is full.
    ///
    /// A call that needs more room is woken when there is as much as it needs. More than the ring holds counts as all of
    /// it.
    ///
    /// ```
    /// # let ring = shm_ring::MessageRing::create(shm_ring::Region::memfd("doc"), &Default::default())?;
    /// let mut tx = ring.producer()?;
    /// tx.set_threshold(Some(1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_threshold(&mut self, bytes: Option<usize>) {
        self.inner.set_threshold(bytes.map(|bytes| bytes as u64));
    }
}

fn len_of<S: Deref<Target = [u8]>>(parts: &[S]) -> usize {
    parts.iter().fold(0_usize, |len, part| len.saturating_add(part.len()))
}
