//! Owns: [`MessageConsumer`], taking messages: the order of a pop of any length. Knows nothing of: how records are waited
//! for.

use core::time::Duration;

use static_assertions::{assert_impl_all, assert_not_impl_any};

use super::found::{Found, found_at};
use super::{MessageView, Receiver};
use crate::attachment::wait::Timeout;
use crate::error::PopError;
use crate::mapping::messages::{self, FRONT_MESSAGE_MAX};
use crate::mapping::records::Area;
use crate::options::{Ends, Threshold};
use crate::protocol::position::{Corrupt, Head, Look};
use crate::protocol::record;

/// The end of a ring that reads messages.
///
/// A ring has one, under the same rules as its [`Producer`](crate::Producer).
///
/// ```
/// # let ring = shm_ring::MessageRing::create(shm_ring::Region::memfd("doc"), &Default::default())?;
/// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
/// tx.push(b"of any length")?;
/// let mut line = Vec::new();
/// rx.pop_into(&mut line)?;
/// assert_eq!(line, b"of any length");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct MessageConsumer {
    pub(crate) inner: Receiver<[u8]>,
}

assert_impl_all!(MessageConsumer: Send);
assert_not_impl_any!(MessageConsumer: Sync, Clone);

impl Receiver<[u8]> {
    /// The message at the head, where one is known to be.
    #[inline(always)]
    pub(super) fn found(&mut self) -> Result<Found, PopError> {
        let found = found_at(self.map.area(), self.head.position(), self.head.tail());
        found.ok_or_else(|| {
            let Corrupt = self.head.poison();
            self.corrupt()
        })
    }

    /// The message at the head, if it is the only one, and stands whole in the front; and the bytes that begin with its
    /// payload.
    #[inline(always)]
    fn in_front(&self, look: Look) -> Option<(Found, [u8; FRONT_MESSAGE_MAX])> {
        let Look::Front { word } = look else { return None };
        let (theirs, at) = (self.map.theirs(), self.head.position());
        let front = theirs.map(|page| &page.position.0.front);
        // Perhaps that of a later message, or half of one: the second look at the word tells.
        let len = record::header_len(messages::front_header(front), at)?;
        let stride = self.map.area().stride(u64::from(len));
        if len as usize > FRONT_MESSAGE_MAX || at + stride != self.head.tail() {
            return None;
        }
        let bytes = messages::take_front(front);
        Head::front_is_whole(theirs, word).then_some((Found { at, len, stride }, bytes))
    }
}

impl MessageConsumer {
    /// Takes the oldest message into a new `Vec`, waiting for one as [`Consumer::pop`](crate::Consumer::pop) does.
    ///
    /// # Errors
    /// As [`Consumer::pop`](crate::Consumer::pop), and [`PopError::NoMemory`].
    #[inline]
    pub fn pop(&mut self) -> Result<Vec<u8>, PopError> {
        let mut message = Vec::new();
        self.pop_into(&mut message)?;
        Ok(message)
    }

    /// Takes the oldest message into a new `Vec` if there is one. Never waits.
    ///
    /// Delivery is at most once, as with [`Consumer::try_pop`](crate::Consumer::try_pop).
    ///
    /// # Errors
    /// [`PopError::Empty`]; [`PopError::NoMemory`], and the message stays; [`PopError::Corrupt`], permanently.
    #[inline]
    pub fn try_pop(&mut self) -> Result<Vec<u8>, PopError> {
        let mut message = Vec::new();
        self.try_pop_into(&mut message)?;
        Ok(message)
    }

    /// Like [`pop`](Self::pop), but waits at most `timeout`.
    ///
    /// # Errors
    /// As [`pop`](Self::pop), and [`PopError::TimedOut`].
    #[inline]
    pub fn pop_timeout(&mut self, timeout: Duration) -> Result<Vec<u8>, PopError> {
        let mut message = Vec::new();
        self.pop_into_timeout(&mut message, timeout)?;
        Ok(message)
    }

    /// Like [`try_pop`](Self::try_pop), but into a `Vec` that is used again; the message replaces its contents. Returns
    /// the length of the message.
    ///
    /// # Errors
    /// As [`try_pop`](Self::try_pop).
    #[inline]
    pub fn try_pop_into(&mut self, message: &mut Vec<u8>) -> Result<usize, PopError> {
        self.take(None, message)
    }

    /// Like [`pop`](Self::pop), but into a `Vec` that is used again; the message replaces its contents. Returns the
    /// length of the message.
    ///
    /// # Errors
    /// As [`pop`](Self::pop).
    #[inline]
    pub fn pop_into(&mut self, message: &mut Vec<u8>) -> Result<usize, PopError> {
        self.take(Some(Timeout::FOREVER), message)
    }

    /// Like [`pop_into`](Self::pop_into), but waits at most `timeout`.
    ///
    /// # Errors
    /// As [`pop_timeout`](Self::pop_timeout).
    #[inline]
    pub fn pop_into_timeout(
        &mut self,
        message: &mut Vec<u8>,
        timeout: Duration,
    ) -> Result<usize, PopError> {
        self.take(Some(Timeout::of(timeout)), message)
    }

    /// Takes the oldest message into `buffer` if there is one. Returns the length of the message.
    ///
    /// # Errors
    /// As [`try_pop`](Self::try_pop); [`PopError::TooSmall`] if `buffer` is, and the message stays.
    #[inline]
    pub fn try_pop_to(&mut self, buffer: &mut [u8]) -> Result<usize, PopError> {
        self.take(None, buffer)
    }

    /// Takes the oldest message into `buffer`, waiting for one as [`pop`](Self::pop) does. Returns the length of the
    /// message.
    ///
    /// # Errors
    /// As [`pop`](Self::pop); [`PopError::TooSmall`] if `buffer` is, and the message stays.
    ///
    /// ```
    /// # let ring = shm_ring::MessageRing::create(shm_ring::Region::memfd("doc"), &Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// tx.push(b"a text")?;
    /// let mut buffer = [0; 16];
    /// let len = rx.pop_to(&mut buffer)?;
    /// assert_eq!(&buffer[..len], b"a text");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn pop_to(&mut self, buffer: &mut [u8]) -> Result<usize, PopError> {
        self.take(Some(Timeout::FOREVER), buffer)
    }

    /// Like [`pop_to`](Self::pop_to), but waits at most `timeout`.
    ///
    /// # Errors
    /// As [`pop_to`](Self::pop_to), and [`PopError::TimedOut`].
    #[inline]
    pub fn pop_to_timeout(
        &mut self,
        buffer: &mut [u8],
        timeout: Duration,
    ) -> Result<usize, PopError> {
        self.take(Some(Timeout::of(timeout)), buffer)
    }

    /// Takes the oldest message: from the data if it is known to be there, else whence the tail says.
    #[inline(always)]
    pub(super) fn take(
        &mut self,
        timeout: Option<Timeout>,
        to: &mut (impl Destination + ?Sized),
    ) -> Result<usize, PopError> {
        let inner = &mut self.inner;
        if !inner.head.has_record() {
            let look = match timeout {
                None => inner.try_look()?,
                Some(timeout) => inner.await_look(timeout)?,
            };
            if let Some((found, bytes)) = inner.in_front(look) {
                let len = found.len as usize;
                to.prepare(len)?;
                to.copy_bytes(&bytes[..len]);
                inner.release(found.stride)?;
                return Ok(len);
            }
            inner.prefetch_run();
        }
        let found = inner.found()?;
        let len = found.len as usize;
        to.prepare(len)?;
        to.copy_payload(inner.map.area(), found);
        inner.prefetch_below();
        inner.release(found.stride)?;
        Ok(len)
    }

    /// Makes sure that there is a message, and knows of all that are there.
    #[inline(always)]
    pub(super) fn find_first(&mut self, timeout: Option<Timeout>) -> Result<(), PopError> {
        let inner = &mut self.inner;
        inner.check_process()?;
        // What is known to be there comes first; if the look finds what cannot be, so will the next one.
        if !inner.head.has_record() || inner.look().is_err() {
            inner.find(timeout)?;
        }
        inner.prefetch_run();
        Ok(())
    }

    /// Lends the oldest messages, up to `max` of those that are there and at least one, to be read in place.
    ///
    /// Delivery is at least once: the messages are there until the view is released, also for a consumer
    /// that comes after one that was killed.
    ///
    /// # Errors
    /// As [`try_pop`](Self::try_pop).
    #[inline]
    pub fn try_peek(&mut self, max: usize) -> Result<MessageView<'_>, PopError> {
        self.view(max, None)
    }

    /// Like [`try_peek`](Self::try_peek), waiting for the first message as [`pop`](Self::pop) does.
    ///
    /// # Errors
    /// As [`pop`](Self::pop).
    ///
    /// ```
    /// # let ring = shm_ring::MessageRing::create(shm_ring::Region::memfd("doc"), &Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// tx.push(b"a text")?;
    /// let view = rx.peek(1)?;
    /// assert_eq!(view.first().len(), 6);
    /// view.release(1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn peek(&mut self, max: usize) -> Result<MessageView<'_>, PopError> {
        self.view(max, Some(Timeout::FOREVER))
    }

    #[inline(always)]
    fn view(&mut self, max: usize, timeout: Option<Timeout>) -> Result<MessageView<'_>, PopError> {
        self.find_first(timeout)?;
        let first = self.inner.found()?;
        Ok(MessageView::of(&mut self.inner, first, max.max(1)))
    }

    /// Changes which ends of producers this consumer reports, and returns which those were before: see
    /// [`Options::ends`](crate::Options::ends).
    ///
    /// ```
    /// # let ring = shm_ring::MessageRing::create(shm_ring::Region::memfd("doc"), &Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// use shm_ring::Ends;
    /// assert_eq!(rx.set_ends(Ends::OfStream), Ends::Mine);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_ends(&mut self, ends: Ends) -> Ends {
        self.inner.set_ends(ends)
    }

    /// Sets how much must be there before a `pop` that found the ring empty returns: see
    /// [`Consumer::set_threshold`](crate::Consumer::set_threshold).
    pub fn set_threshold(&mut self, threshold: Option<Threshold>) {
        self.inner.set_threshold(threshold);
    }
}

/// Where a message goes.
pub(super) trait Destination {
    /// Makes sure of room for `len` bytes; what is there stays until they are copied.
    fn prepare(&mut self, len: usize) -> Result<(), PopError>;
    /// Holds `bytes` and nothing else then.
    fn copy_bytes(&mut self, bytes: &[u8]);
    /// Holds the payload of `found` and nothing else then.
    fn copy_payload(&mut self, area: Area<'_, [u8]>, found: Found);
}

impl Destination for Vec<u8> {
    #[inline(always)]
    fn prepare(&mut self, len: usize) -> Result<(), PopError> {
        let more = len.saturating_sub(self.len());
        self.try_reserve(more).map_err(|_| PopError::NoMemory { needed: len })
    }

    #[inline(always)]
    fn copy_bytes(&mut self, bytes: &[u8]) {
        self.clear();
        self.extend_from_slice(bytes);
    }

    #[inline(always)]
    fn copy_payload(&mut self, area: Area<'_, [u8]>, found: Found) {
        area.take_vec(found.at, found.len as usize, self);
    }
}

impl Destination for [u8] {
    #[inline(always)]
    fn prepare(&mut self, len: usize) -> Result<(), PopError> {
        match len <= self.len() {
            true => Ok(()),
            false => Err(PopError::TooSmall { len: self.len(), needed: len }),
        }
    }

    #[inline(always)]
    fn copy_bytes(&mut self, bytes: &[u8]) {
        self[..bytes.len()].copy_from_slice(bytes);
    }

    #[inline(always)]
    fn copy_payload(&mut self, area: Area<'_, [u8]>, found: Found) {
        area.take_payload(found.at, &mut self[..found.len as usize]);
    }
}
