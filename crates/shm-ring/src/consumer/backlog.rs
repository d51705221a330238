//! Owns: what is unread: how much it is, waiting until it is so much, how much is waited for by default, and giving it back
//! by position or all of it. Knows nothing of: payloads.

use core::time::Duration;

use super::found::found_at;
use super::{Consumer, MessageConsumer, Receiver, UntypedConsumer};
use crate::attachment::wait::{Ended, Timeout, WaitRequest};
use crate::error::PopError;
use crate::item::{Item, Payload};
use crate::options::Threshold;
use crate::protocol::clock::Deadline;
use crate::protocol::park;
use crate::protocol::position::Corrupt;

impl<P: Payload + ?Sized> Receiver<P> {
    /// Loads the tail once: where the unread records begin, and where they end.
    fn unread(&mut self) -> Result<(u64, u64), PopError> {
        match self.look() {
            Ok(_) => Ok((self.head.position(), self.head.tail())),
            Err(Corrupt) => Err(self.corrupt()),
        }
    }

    /// Waits until `bytes` of records are unread, until `deadline` if there is time at all.
    fn await_unread(&mut self, bytes: u64, deadline: Option<Deadline>) -> Result<(), PopError> {
        let Self { head, map, side, .. } = self;
        let (layout, mine, theirs) = (side.layout, map.mine(), map.theirs());
        let position = head.position();
        side.endings.has_read(position);
        // `None` of what contradicts the protocol.
        let is_there = || head.ready(&layout, theirs).map(|ready| ready >= bytes);
        let is_stuck = || bytes > layout.limit || park::sleeps_beyond(position, theirs);
        let enough = || is_there().unwrap_or(true) || is_stuck();
        let wake_at = position.saturating_add(bytes);
        let request =
            |deadline| WaitRequest { unread: true, ..WaitRequest::for_records(wake_at, deadline) };
        let ended = match deadline.map(request) {
            _ if enough() => Ok(()),
            Some(request) => side.wait(mine, theirs, request, enough, |_| enough()),
            None => Err(side.has_no_time(theirs, true)),
        };
        match (is_there(), ended) {
            (Some(true), _) => Ok(()),
            (None, _) => Err(self.told(Ended::Corrupt).into()),
            (Some(false), Err(ended)) => Err(self.told(ended).into()),
            (Some(false), Ok(())) => Err(PopError::Full),
        }
    }

    /// Gives back the records below `boundary`, the last record boundary that is not behind `position`. They must be the
    /// same.
    fn release_below(&mut self, position: u64, boundary: u64) -> Result<(), PopError> {
        if boundary != position {
            return Err(PopError::NotABoundary { position, before: boundary });
        }
        if position > self.head.position() {
            self.release(position - self.head.position())?;
        }
        Ok(())
    }

    /// Releases all that is unread. Returns the bytes of it.
    fn skip(&mut self) -> Result<u64, PopError> {
        let (head, tail) = self.unread()?;
        self.release_below(tail, tail)?;
        Ok(tail - head)
    }

    /// Whether there is nothing to take or to report.
    #[inline]
    fn is_empty(&self) -> bool {
        !self.head.has_changed(self.map.theirs())
    }
}

macro_rules! counted {
    ([$($generics:tt)*], $consumer:ty) => {
        impl<$($generics)*> $consumer {
            /// Waits until `count` items are there, at most `timeout` (`None`: for ever): for the first as
            /// [`peek`](Self::peek) does, then for the rest, also behind those that a view showed and nobody released. Then
            /// [`try_peek`](Self::try_peek) shows them.
            ///
            /// # Errors
            /// As [`peek`](Self::peek), also if some are there, but fewer; [`PopError::TimedOut`]; [`PopError::Full`] if no
            /// more can come before some are released.
            ///
            /// ```
            /// use std::time::Duration;
            /// # use shm_ring::{Options, PopError, Region, Ring};
            /// # let ring = Ring::<u64>::create(Region::memfd("doc"), &Options::new().items(64))?;
            /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
            /// tx.push_slice(&[7; 3])?;
            /// assert_eq!(rx.wait(4, Some(Duration::from_millis(1))), Err(PopError::TimedOut));
            /// assert_eq!(rx.wait(65, None), Err(PopError::Full));
            /// rx.wait(3, None)?;
            /// assert_eq!(rx.try_peek(4)?.len(), 3);
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            pub fn wait(&mut self, count: usize, timeout: Option<Duration>) -> Result<(), PopError> {
                let timeout = Timeout::of_any(timeout);
                if count == 0 {
                    return Ok(());
                }
                // One for both waits, where there are two.
                let deadline = if count == 1 { None } else { timeout.deadline_if_any() };
                self.inner.find(Some(timeout))?;
                if count == 1 {
                    return Ok(());
                }
                let bytes = (count as u64).saturating_mul(self.inner.size());
                self.inner.await_unread(bytes, deadline)
            }

            /// A lower bound on the number of items that are unread. The producer may publish more at any time.
            ///
            /// ```
            /// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), &Default::default())?;
            /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
            /// tx.push_batch([1, 2, 3])?;
            /// assert_eq!((rx.len(), tx.len()), (3, 3));
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            #[must_use]
            pub fn len(&self) -> usize {
                (self.inner.ready() / self.inner.size()) as usize
            }

            /// Whether there was nothing to take: one load. A ring that is corrupt is not empty, since the next call reports it.
            #[must_use]
            #[inline]
            pub fn is_empty(&self) -> bool {
                self.inner.is_empty()
            }

            /// Releases all items below `position`, which counts as [`position`](Self::position) does: for a consumer
            /// that looks at items by [`peek`](Self::peek) and releases them when somebody else is done with them.
            /// Returns the number released.
            ///
            /// The position behind the n-th item of a view is [`position`](Self::position), plus n times the size of an item. A
            /// consumer that stores that position with what it made of the items, in one transaction, delivers exactly once: its
            /// successor begins with `release_to` of what was stored.
            ///
            /// # Errors
            /// [`PopError::NotABoundary`] if no unread item begins or ends there, and nothing is released;
            /// [`PopError::Corrupt`], permanently.
            ///
            /// ```
            /// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), &Default::default())?;
            /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
            /// tx.push_batch([1, 2, 3])?;
            /// let first = rx.position();
            /// assert_eq!(rx.peek(2)?.iter().sum::<u64>(), 3);
            /// // The sum and this position were stored together. The consumer was killed, and this is the next one:
            /// let stored = first + 2 * size_of::<u64>() as u64;
            /// assert_eq!(rx.release_to(stored)?, 2);
            /// assert_eq!(rx.pop()?, 3);
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            pub fn release_to(&mut self, position: u64) -> Result<usize, PopError> {
                let (head, tail) = self.inner.unread()?;
                let bytes = position.clamp(head, tail) - head;
                self.inner.release_below(position, head + bytes - bytes % self.inner.size())?;
                Ok((bytes / self.inner.size()) as usize)
            }

            /// Releases all items that are unread, unseen: what a consumer does that comes late, or fell behind.
            /// Returns their number.
            ///
            /// # Errors
            /// [`PopError::Corrupt`], permanently.
            ///
            /// ```
            /// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), &Default::default())?;
            /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
            /// tx.push_batch([1, 2, 3])?;
            /// assert_eq!(rx.skip_unread()?, 3);
            /// tx.push(4)?;
            /// assert_eq!(rx.pop()?, 4);
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            pub fn skip_unread(&mut self) -> Result<usize, PopError> {
                Ok((self.inner.skip()? / self.inner.size()) as usize)
            }

            /// Sets how much must be there before a `pop` that found the ring empty returns: for consumers
            /// that would rather be woken seldom than at once. `None` is the default: at the first record.
            ///
            /// The clock of [`Threshold`] starts when a record may come, so an idle consumer is not woken
            /// for nothing. A threshold above half the ring counts as half the ring. A producer that waits
            /// for room, closes or dies ends the wait early.
            ///
            /// ```
            /// use std::time::Duration;
            /// use shm_ring::{Options, Region, Ring, Threshold};
            /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
            /// let ring = Ring::<u64>::create(Region::memfd("doc"), &Options::new())?;
            /// let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
            /// rx.set_threshold(Some(Threshold::items::<u64>(64, Duration::from_micros(200))));
            /// tx.push(1)?;
            /// assert_eq!(rx.pop()?, 1);
            /// # Ok(())
            /// # }
            /// ```
            pub fn set_threshold(&mut self, threshold: Option<Threshold>) {
                self.inner.set_threshold(threshold);
            }
        }
    };
}

counted!([T: Item], Consumer<T>);
counted!([], UntypedConsumer);

impl MessageConsumer {
    /// Waits until `count` messages are there, at most `timeout` (`None`: for ever): for the first as [`pop`](Self::pop)
    /// does, then for the rest, also behind those that a [`MessageView`](crate::MessageView) showed and nobody released.
    /// Then [`try_peek`](Self::try_peek) shows them. It looks at the header of each.
    ///
    /// # Errors
    /// As [`pop_timeout`](Self::pop_timeout), also if some are there, but fewer; [`PopError::Full`] if no more can come
    /// before some are released.
    ///
    /// ```
    /// # let ring = shm_ring::MessageRing::create(shm_ring::Region::memfd("doc"), &Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// tx.push_batch(&["a header", "and its body"])?;
    /// rx.wait(2, None)?;
    /// assert_eq!(rx.try_peek(2)?.iter().count(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn wait(&mut self, count: usize, timeout: Option<Duration>) -> Result<(), PopError> {
        let timeout = Timeout::of_any(timeout);
        if count == 0 {
            return Ok(());
        }
        let deadline = if count == 1 { None } else { timeout.deadline_if_any() };
        self.inner.find(Some(timeout))?;
        let (mut at, mut left) = (self.inner.head.position(), count);
        while left > 0 {
            let (head, tail) = self.inner.unread()?;
            if at == tail {
                let unit = self.inner.side.layout.unit;
                self.inner.await_unread(at - head + unit, deadline)?;
                continue;
            }
            (at, left) = match found_at(self.inner.map.area(), at, tail) {
                Some(found) => (at + found.stride, left - 1),
                // What is no message is for the call that comes to it to report.
                None if at > head => return Ok(()),
                None => return self.inner.found().map(drop),
            };
        }
        Ok(())
    }

    /// A lower bound on the bytes of records that are unread, with their headers. The producer may publish more at any
    /// time.
    #[must_use]
    pub fn len_bytes(&self) -> usize {
        self.inner.ready() as usize
    }

    /// Whether there was nothing to take: one load. A ring that is corrupt is not empty, since the next call reports it.
    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.inner.is_empty()
    }

    /// Releases all messages below `position`, which counts as [`position`](Self::position) does: what
    /// [`Message::end`](crate::Message::end) returned for one of them. Returns the number released. See
    /// [`Consumer::release_to`].
    ///
    /// It looks at the header of each message that it releases.
    ///
    /// # Errors
    /// [`PopError::NotABoundary`] if no unread message begins or ends there, and nothing is released;
    /// [`PopError::Corrupt`], permanently.
    ///
    /// ```
    /// # let ring = shm_ring::MessageRing::create(shm_ring::Region::memfd("doc"), &Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// tx.push_batch(&["one", "two", "three"])?;
    /// let second = rx.peek(3)?.iter().nth(1).expect("three are there").end();
    /// // When the first two were acknowledged:
    /// assert_eq!(rx.release_to(second)?, 2);
    /// assert_eq!(rx.pop()?, b"three");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn release_to(&mut self, position: u64) -> Result<usize, PopError> {
        let (head, tail) = self.inner.unread()?;
        let area = self.inner.map.area();
        let (mut at, mut count) = (head, 0);
        while at < position.min(tail) {
            // What is no record is no way to a boundary: that is for the pop that comes to it to report.
            match found_at(area, at, tail) {
                Some(found) if at + found.stride <= position => at += found.stride,
                _ => break,
            }
            count += 1;
        }
        self.inner.release_below(position, at)?;
        Ok(count)
    }

    /// Releases all messages that are unread, unseen: what a consumer does that comes late, or fell behind. Returns the
    /// bytes of their records, with headers.
    ///
    /// # Errors
    /// [`PopError::Corrupt`], permanently.
    pub fn skip_unread(&mut self) -> Result<usize, PopError> {
        Ok(self.inner.skip()? as usize)
    }
}
