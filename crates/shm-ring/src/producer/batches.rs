//! Owns: publishing several records by one store of the position: batches of both kinds, slices of values. Knows nothing
//! of: how room is waited for.

use zerocopy::IntoBytes;

use super::{MessageProducer, Producer, Publisher};
use crate::attachment::wait::Timeout;
use crate::error::{BatchError, PushError};
use crate::item::{Item, Values};

impl<V: Values + ?Sized> Publisher<V> {
    /// Publishes as many of the values whose bytes these are as fit: how many. There is room for one.
    #[inline(always)]
    pub(crate) fn publish_run(&mut self, values: &[u8]) -> Result<usize, PushError> {
        self.publish_run_of(self.size(), values)
    }

    /// [`publish_run`](Self::publish_run) of values whose size the caller knows when it is compiled.
    #[inline(always)]
    pub(crate) fn publish_run_of(&mut self, size: u64, values: &[u8]) -> Result<usize, PushError> {
        let fits = self.room_for(values.len() as u64).min(values.len() as u64);
        let count = fits / size;
        let bytes = fits - fits % size;
        self.map.area().put_run_of(size as usize, self.position(), &values[..bytes as usize]);
        if bytes > 0 {
            let next = self.publish(bytes);
            self.wake(next)?;
        }
        Ok(count as usize)
    }
}

impl<T: Item> Producer<T> {
    /// Publishes what `items` supplies while there is room, all of it by one store of the position. Returns their number.
    /// The iterator keeps the items that it was not asked for; it is not asked for anything once the ring is full.
    ///
    /// If the iterator panics, what it had supplied is published.
    ///
    /// # Errors
    /// If there is no room for the first: as [`try_push`](Self::try_push).
    ///
    /// ```
    /// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), &shm_ring::Options::new().items(2))?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// assert_eq!(tx.try_push_batch([1, 2, 3])?, 2);
    /// assert_eq!(rx.pop()?, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    // Not inlined: the loop needs the registers, and the iterator is its own here.
    #[inline(never)]
    pub fn try_push_batch(
        &mut self,
        items: impl IntoIterator<Item = T>,
    ) -> Result<usize, PushError> {
        let mut items = items.into_iter();
        if items.size_hint() == (0, Some(0)) {
            return Ok(0);
        }
        self.inner.check_process()?;
        self.inner.make_room(Self::SIZE)?;
        let mut batch = self.inner.batch();
        let mut count = 0;
        while batch.has_room(Self::SIZE) {
            let Some(item) = items.next() else { break };
            batch.add(Self::SIZE, |area, at| area.put(at, item.as_bytes()));
            count += 1;
        }
        Ok(count)
    }

    /// Publishes all that `items` supplies, waiting for room as [`push`](Self::push) does: by one store of the position
    /// for as many as fit at a time. Returns their number.
    ///
    /// # Errors
    /// As [`push`](Self::push), with the number of items that were pushed before.
    ///
    /// ```
    /// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), &Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// assert_eq!(tx.push_batch([1, 2, 3])?, 3);
    /// assert_eq!(rx.iter().take(3).map(|item| item.unwrap()).sum::<u64>(), 6);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline(never)]
    pub fn push_batch(&mut self, items: impl IntoIterator<Item = T>) -> Result<usize, BatchError> {
        let mut items = items.into_iter();
        let mut pushed = 0;
        let mut next = items.next();
        while next.is_some() {
            // At each pass: `items` is the caller's code, and may have forked.
            let ours = self.inner.check_process();
            ours.and_then(|()| self.inner.await_room(Self::SIZE, Timeout::FOREVER))
                .map_err(|error| BatchError { pushed, error })?;
            let mut batch = self.inner.batch();
            while let Some(item) = next.take_if(|_| batch.has_room(Self::SIZE)) {
                batch.add(Self::SIZE, |area, at| area.put(at, item.as_bytes()));
                pushed += 1;
                next = items.next();
            }
        }
        Ok(pushed)
    }

    /// Publishes as many of `items`, from the first on, as there is room for, by one copy and one store of the position.
    /// Returns their number.
    ///
    /// # Errors
    /// If there is no room for the first: as [`try_push`](Self::try_push).
    ///
    /// ```
    /// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), &shm_ring::Options::new().items(2))?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// assert_eq!(tx.try_push_slice(&[1, 2, 3])?, 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn try_push_slice(&mut self, items: &[T]) -> Result<usize, PushError> {
        if items.is_empty() {
            return Ok(0);
        }
        self.inner.make_room(Self::SIZE)?;
        self.inner.publish_run(items.as_bytes())
    }

    /// Publishes all of `items`, waiting for room as [`push`](Self::push) does: by one copy and one store of the position
    /// for as many as fit at a time. Returns their number.
    ///
    /// # Errors
    /// As [`push`](Self::push), with the number of items that were pushed before.
    ///
    /// ```
    /// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), &Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// tx.push_slice(&[1, 2, 3])?;
    /// let mut items = [0; 8];
    /// assert_eq!(rx.pop_slice(&mut items)?, 3);
    /// assert_eq!(items[..3], [1, 2, 3]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn push_slice(&mut self, items: &[T]) -> Result<usize, BatchError> {
        let mut pushed = 0;
        while pushed < items.len() {
            self.inner
                .await_room(Self::SIZE, Timeout::FOREVER)
                .map_err(|error| BatchError { pushed, error })?;
            let published = self.inner.publish_run(items[pushed..].as_bytes());
            pushed += published.map_err(|error| BatchError { pushed, error })?;
        }
        Ok(pushed)
    }

    /// Publishes all of `items` by one copy and one store of the position, if there is room for all of them, and none of
    /// them otherwise.
    ///
    /// # Errors
    /// As [`try_push`](Self::try_push); [`PushError::TooLarge`] if the ring can never have that much room. Nothing is
    /// published then.
    ///
    /// ```
    /// use shm_ring::PushError;
    /// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), &shm_ring::Options::new().items(3))?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// tx.try_push_all(&[1, 2])?;
    /// assert_eq!(tx.try_push_all(&[3, 4]), Err(PushError::Full));
    /// assert_eq!(rx.try_iter().count(), 2);
    /// assert_eq!(tx.try_push_all(&[0; 4]), Err(PushError::TooLarge { len: 4, max: 3 }));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn try_push_all(&mut self, items: &[T]) -> Result<(), PushError> {
        if !items.is_empty() {
            let bytes = self.inner.bytes_of(items.len())?;
            self.inner.make_room(bytes)?;
            self.inner.publish_run(items.as_bytes())?;
        }
        Ok(())
    }

    /// Like [`try_push_all`](Self::try_push_all), waiting for room for all of them as [`push`](Self::push) does.
    ///
    /// # Errors
    /// As [`push`](Self::push); [`PushError::TooLarge`] if the ring can never have that much room. Nothing is published
    /// then.
    #[inline]
    pub fn push_all(&mut self, items: &[T]) -> Result<(), PushError> {
        if !items.is_empty() {
            let bytes = self.inner.bytes_of(items.len())?;
            self.inner.await_room(bytes, Timeout::FOREVER)?;
            self.inner.publish_run(items.as_bytes())?;
        }
        Ok(())
    }
}

impl MessageProducer {
    /// Publishes as many of `messages`, from the first on, as there is room for, all of them by one store of the
    /// position. Returns their number.
    ///
    /// # Errors
    /// If there is no room for the first: as [`try_push`](Self::try_push).
    pub fn try_push_batch<M: AsRef<[u8]>>(&mut self, messages: &[M]) -> Result<usize, PushError> {
        let Some((first, rest)) = messages.split_first() else { return Ok(0) };
        let first = first.as_ref();
        let stride = self.stride_of(first.len())?;
        self.inner.check_process()?;
        self.inner.make_room(stride)?;
        Ok(self.publish_batch(first, rest))
    }

    /// Publishes all of `messages`, waiting for room as [`push`](Self::push) does: by one store of the position for as
    /// many as fit at a time. Returns their number.
    ///
    /// # Errors
    /// As [`push`](Self::push), with the number of messages that were pushed before.
    ///
    /// ```
    /// # let ring = shm_ring::MessageRing::create(shm_ring::Region::memfd("doc"), &Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// assert_eq!(tx.push_batch(&["one", "two"])?, 2);
    /// assert_eq!(rx.pop()?, b"one");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn push_batch<M: AsRef<[u8]>>(&mut self, messages: &[M]) -> Result<usize, BatchError> {
        let mut pushed = 0;
        while let Some((first, rest)) = messages[pushed..].split_first() {
            let first = first.as_ref();
            let failed = |error| BatchError { pushed, error };
            let stride = self.stride_of(first.len()).map_err(failed)?;
            self.inner.check_process().map_err(failed)?;
            self.inner.await_room(stride, Timeout::FOREVER).map_err(failed)?;
            pushed += self.publish_batch(first, rest);
        }
        Ok(pushed)
    }

    /// Publishes all of `messages` by one store of the position, if there is room for all of them, and none of them
    /// otherwise.
    ///
    /// # Errors
    /// As [`try_push`](Self::try_push); [`PushError::TooLarge`], in bytes of records, if the ring can never have that
    /// much room. Nothing is published then.
    ///
    /// ```
    /// # let ring = shm_ring::MessageRing::create(shm_ring::Region::memfd("doc"), &Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// tx.try_push_all(&["begin", "7 to account 12", "commit"])?;
    /// assert_eq!(rx.try_iter().count(), 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn try_push_all<M: AsRef<[u8]>>(&mut self, messages: &[M]) -> Result<(), PushError> {
        let bytes = self.bytes_of_all(messages)?;
        self.inner.make_room(bytes)?;
        self.publish_all(messages, bytes)
    }

    /// Like [`try_push_all`](Self::try_push_all), waiting for room for all of them as [`push`](Self::push) does.
    ///
    /// # Errors
    /// As [`push`](Self::push); [`PushError::TooLarge`], in bytes of records, if the ring can never have that much
    /// room. Nothing is published then.
    pub fn push_all<M: AsRef<[u8]>>(&mut self, messages: &[M]) -> Result<(), PushError> {
        let bytes = self.bytes_of_all(messages)?;
        self.inner.await_room(bytes, Timeout::FOREVER)?;
        self.publish_all(messages, bytes)
    }

    /// Bytes of records that `messages` take, if the ring can have as much.
    fn bytes_of_all<M: AsRef<[u8]>>(&self, messages: &[M]) -> Result<u64, PushError> {
        let mut bytes = 0_u64;
        for message in messages {
            bytes = bytes.saturating_add(self.stride_of(message.as_ref().len())?);
        }
        let limit = self.inner.side.layout.limit;
        match bytes <= limit {
            true => Ok(bytes),
            false => Err(PushError::TooLarge { len: bytes as usize, max: limit as usize }),
        }
    }

    /// Publishes all of `messages`, for which there are `bytes` of room, or none of them. `AsRef` is the caller's code: it
    /// may panic, or answer with more than the first time, and then nothing is published.
    #[inline(never)]
    fn publish_all<M: AsRef<[u8]>>(&mut self, messages: &[M], bytes: u64) -> Result<(), PushError> {
        let first = self.inner.position();
        let mut at = first;
        for message in messages {
            let message = message.as_ref();
            let stride = self.stride_of(message.len())?;
            if at + stride > first + bytes {
                return Err(PushError::Full);
            }
            let area = self.inner.map.area();
            area.put_header(at, message.len() as u32);
            area.put_payload(at, message);
            at += stride;
        }
        if at > first {
            let next = self.inner.publish(at - first);
            self.inner.wake(next)?;
        }
        Ok(())
    }

    /// Publishes `first`, for which there is room, and as many of `rest` as fit behind it. `AsRef` is the caller's code:
    /// each message is asked for once.
    #[inline(never)]
    fn publish_batch<M: AsRef<[u8]>>(&mut self, first: &[u8], rest: &[M]) -> usize {
        let mut batch = self.inner.batch();
        let mut count = 0;
        for message in core::iter::once(first).chain(rest.iter().map(AsRef::as_ref)) {
            let area = batch.area();
            let stride = area.stride(message.len() as u64);
            if message.len() as u64 > area.len_max() || !batch.has_room(stride) {
                break;
            }
            batch.add(stride, |area, at| {
                area.put_header(at, message.len() as u32);
                area.put_payload(at, message);
            });
            count += 1;
        }
        count
    }
}
