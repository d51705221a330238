//! Taking messages: the order of a pop of any length. It must not know how a commit word looks.

use core::time::Duration;

use crate::endpoint::{Consumer, Found, Patience};
use crate::error::PopError;
use crate::in_place::{Record, View};
use crate::item::Item;

impl<T: Item> Consumer<[T]> {
    /// Takes the oldest message if there is one, as a new `Vec`;
    /// [`try_pop_into`](Self::try_pop_into) uses one that is there. Never waits, never makes a
    /// system call unless the producer sleeps and must be woken.
    ///
    /// Delivery is at most once: the message's room is given back before this returns, so a
    /// consumer killed after that has lost it. [`peek`](Self::peek) is at least once.
    ///
    /// # Errors
    /// [`PopError::Empty`]; [`PopError::Corrupt`], for good.
    ///
    /// ```
    /// # let ring = shm_ring::Ring::<[u8]>::create(shm_ring::Region::memfd("doc"), Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// assert_eq!(rx.try_pop(), Err(shm_ring::PopError::Empty));
    /// tx.push(b"text")?;
    /// assert_eq!(rx.try_pop()?, b"text");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn try_pop(&mut self) -> Result<Vec<T>, PopError> {
        let mut message = Vec::new();
        self.try_pop_into(&mut message)?;
        Ok(message)
    }

    /// Takes the oldest message, as a new `Vec`, waiting for one as long as there is a producer or
    /// none has come yet.
    ///
    /// # Errors
    /// Only when everything published has been taken: [`PopError::Closed`] and
    /// [`PopError::PeerDead`] once the producer is gone (another may attach, and then popping goes
    /// on); at any time [`PopError::Corrupt`], for good.
    ///
    /// ```
    /// # let ring = shm_ring::Ring::<[u8]>::create(shm_ring::Region::memfd("doc"), Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// tx.push(b"text")?;
    /// assert_eq!(rx.pop()?, b"text");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn pop(&mut self) -> Result<Vec<T>, PopError> {
        let mut message = Vec::new();
        self.pop_into(&mut message)?;
        Ok(message)
    }

    /// [`pop`](Self::pop), for `timeout` at most.
    ///
    /// # Errors
    /// As [`pop`](Self::pop), and [`PopError::TimedOut`].
    ///
    /// ```
    /// # let ring = shm_ring::Ring::<[u8]>::create(shm_ring::Region::memfd("doc"), Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// let patience = std::time::Duration::from_millis(1);
    /// assert_eq!(rx.pop_timeout(patience), Err(shm_ring::PopError::TimedOut));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn pop_timeout(&mut self, timeout: Duration) -> Result<Vec<T>, PopError> {
        let mut message = Vec::new();
        self.pop_into_timeout(&mut message, timeout)?;
        Ok(message)
    }

    /// Takes the oldest message if there is one, in place of what `message` holds. Its length in
    /// elements is returned.
    ///
    /// # Errors
    /// As [`try_pop`](Self::try_pop); `message` is then unchanged.
    ///
    /// ```
    /// # let ring = shm_ring::Ring::<[u8]>::create(shm_ring::Region::memfd("doc"), Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// let mut text = Vec::new();
    /// tx.push(b"text")?;
    /// assert_eq!(rx.try_pop_into(&mut text)?, 4);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn try_pop_into(&mut self, message: &mut Vec<T>) -> Result<usize, PopError> {
        let found = self.look()?;
        Ok(self.take_into(found, message))
    }

    /// Takes the oldest message, waiting for one, in place of what `message` holds. Its length in
    /// elements is returned.
    ///
    /// # Errors
    /// As [`pop`](Self::pop); `message` is then unchanged.
    ///
    /// ```
    /// use shm_ring::{Options, Region, Ring};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let ring = Ring::<[u8]>::create(Region::memfd("doc"), Options::new())?;
    /// let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// tx.push(b"replaces")?;
    /// let mut message = b"what was there before".to_vec();
    /// assert_eq!(rx.pop_into(&mut message)?, 8);
    /// assert_eq!(message, b"replaces");
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn pop_into(&mut self, message: &mut Vec<T>) -> Result<usize, PopError> {
        let found = self.await_record(Patience::FOREVER)?;
        Ok(self.take_into(found, message))
    }

    /// [`pop_into`](Self::pop_into), for `timeout` at most.
    ///
    /// # Errors
    /// As [`pop_timeout`](Self::pop_timeout); `message` is then unchanged.
    ///
    /// ```
    /// # let ring = shm_ring::Ring::<[u8]>::create(shm_ring::Region::memfd("doc"), Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// tx.push(b"text")?;
    /// rx.pop_into_timeout(&mut Vec::new(), std::time::Duration::from_millis(1))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn pop_into_timeout(
        &mut self,
        message: &mut Vec<T>,
        timeout: Duration,
    ) -> Result<usize, PopError> {
        let found = self.await_record(Patience::of(timeout))?;
        Ok(self.take_into(found, message))
    }

    #[inline(always)]
    fn take_into(&mut self, found: Found, message: &mut Vec<T>) -> usize {
        self.slots.area().take_vec(found.at, found.len as usize, message);
        self.release(found);
        message.len()
    }

    /// Takes the oldest message if there is one, into the start of `buffer`. Its length in elements
    /// is returned.
    ///
    /// # Errors
    /// As [`try_pop`](Self::try_pop), and [`PopError::TooSmall`] with the length that is needed: the
    /// message then stays in the ring. In all cases `buffer` is then unchanged.
    ///
    /// ```
    /// # let ring = shm_ring::Ring::<[u8]>::create(shm_ring::Region::memfd("doc"), Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// tx.push(b"text")?;
    /// assert_eq!(rx.try_pop_to(&mut [0; 64])?, 4);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn try_pop_to(&mut self, buffer: &mut [T]) -> Result<usize, PopError> {
        let found = self.look()?;
        self.take_to(found, buffer)
    }

    /// [`try_pop_to`](Self::try_pop_to), waiting for a message as [`pop`](Self::pop) does.
    ///
    /// # Errors
    /// As [`pop`](Self::pop), and [`PopError::TooSmall`].
    ///
    /// ```
    /// use shm_ring::{Options, PopError, Region, Ring};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let ring = Ring::<[u8]>::create(Region::memfd("doc"), Options::new())?;
    /// let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// tx.push(b"twelve bytes")?;
    /// assert_eq!(rx.pop_to(&mut [0; 8]), Err(PopError::TooSmall { len: 8, needed: 12 }));
    /// let mut buffer = [0; 16];
    /// let len = rx.pop_to(&mut buffer)?;
    /// assert_eq!(&buffer[..len], b"twelve bytes");
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn pop_to(&mut self, buffer: &mut [T]) -> Result<usize, PopError> {
        let found = self.await_record(Patience::FOREVER)?;
        self.take_to(found, buffer)
    }

    /// [`pop_to`](Self::pop_to), for `timeout` at most.
    ///
    /// # Errors
    /// As [`pop_to`](Self::pop_to), and [`PopError::TimedOut`].
    ///
    /// ```
    /// # let ring = shm_ring::Ring::<[u8]>::create(shm_ring::Region::memfd("doc"), Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// tx.push(b"text")?;
    /// rx.pop_to_timeout(&mut [0; 64], std::time::Duration::from_millis(1))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn pop_to_timeout(
        &mut self,
        buffer: &mut [T],
        timeout: Duration,
    ) -> Result<usize, PopError> {
        let found = self.await_record(Patience::of(timeout))?;
        self.take_to(found, buffer)
    }

    #[inline(always)]
    fn take_to(&mut self, found: Found, buffer: &mut [T]) -> Result<usize, PopError> {
        let needed = found.len as usize / size_of::<T>();
        if needed > buffer.len() {
            return Err(PopError::TooSmall { len: buffer.len(), needed });
        }
        self.slots.area().take_all(found.at, found.len as usize, buffer);
        self.release(found);
        Ok(needed)
    }

    /// Shows up to `max` messages that are there, oldest first, and gives their room back by one
    /// store at the end. How many it was.
    ///
    /// Delivery of the batch is at least once while `each` runs: a consumer killed there leaves all of
    /// it to its successor. After that it is at most once. If `each` panics, the message that it saw
    /// last counts as taken, and those it had not seen stay.
    ///
    /// # Errors
    /// Only if there is none: as [`try_pop`](Self::try_pop).
    ///
    /// ```
    /// # let ring = shm_ring::Ring::<[u8]>::create(shm_ring::Region::memfd("doc"), Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// tx.push_batch(&["one", "two", "three"])?;
    /// assert_eq!(rx.try_pop_batch(2, |text| assert_eq!(text.len(), 3))?, 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn try_pop_batch(
        &mut self,
        max: usize,
        each: impl FnMut(&Record<'_, [T]>),
    ) -> Result<usize, PopError> {
        if max > 0 {
            self.look()?;
        }
        Ok(self.take_batch(max, each))
    }

    /// [`try_pop_batch`](Self::try_pop_batch), waiting for the first message as [`pop`](Self::pop)
    /// does.
    ///
    /// # Errors
    /// As [`pop`](Self::pop).
    ///
    /// ```
    /// # let ring = shm_ring::Ring::<[u8]>::create(shm_ring::Region::memfd("doc"), Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// tx.push_batch(&["one", "and", "another"])?;
    /// assert_eq!(rx.pop_batch(usize::MAX, |text| println!("{} bytes", text.len()))?, 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn pop_batch(
        &mut self,
        max: usize,
        each: impl FnMut(&Record<'_, [T]>),
    ) -> Result<usize, PopError> {
        self.pop_batch_patiently(max, Patience::FOREVER, each)
    }

    /// [`pop_batch`](Self::pop_batch), for `timeout` at most.
    ///
    /// # Errors
    /// As [`pop_timeout`](Self::pop_timeout).
    ///
    /// ```
    /// # let ring = shm_ring::Ring::<[u8]>::create(shm_ring::Region::memfd("doc"), Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// let popped = rx.pop_batch_timeout(8, std::time::Duration::ZERO, |_| ());
    /// assert_eq!(popped, Err(shm_ring::PopError::TimedOut));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn pop_batch_timeout(
        &mut self,
        max: usize,
        timeout: Duration,
        each: impl FnMut(&Record<'_, [T]>),
    ) -> Result<usize, PopError> {
        self.pop_batch_patiently(max, Patience::of(timeout), each)
    }

    fn pop_batch_patiently(
        &mut self,
        max: usize,
        patience: Patience,
        each: impl FnMut(&Record<'_, [T]>),
    ) -> Result<usize, PopError> {
        if max > 0 {
            self.await_record(patience)?;
        }
        Ok(self.take_batch(max, each))
    }

    fn take_batch(&mut self, max: usize, mut each: impl FnMut(&Record<'_, [T]>)) -> usize {
        let mut passing = self.passing();
        let mut taken = 0;
        while taken < max {
            let Some(found) = passing.next() else { break };
            taken += 1;
            each(&Record::at(passing.area(), found.at, found.len));
        }
        taken
    }

    /// The oldest message, to be read in place, if there is one.
    ///
    /// Delivery is at least once: the message is there until the view is released, also for a
    /// consumer that comes after one that was killed.
    ///
    /// # Errors
    /// As [`try_pop`](Self::try_pop).
    ///
    /// ```
    /// # let ring = shm_ring::Ring::<[u8]>::create(shm_ring::Region::memfd("doc"), Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// tx.push(b"text")?;
    /// assert_eq!(rx.try_peek()?.to_vec(), b"text");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn try_peek(&mut self) -> Result<View<'_, [T]>, PopError> {
        let found = self.look()?;
        Ok(View::of(self, found))
    }

    /// [`try_peek`](Self::try_peek), waiting for a message as [`pop`](Self::pop) does.
    ///
    /// # Errors
    /// As [`pop`](Self::pop).
    ///
    /// ```
    /// use shm_ring::{Options, Region, Ring};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let ring = Ring::<[u8]>::create(Region::memfd("doc"), Options::new())?;
    /// let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// tx.push(b"seen twice")?;
    /// assert_eq!(rx.peek()?.to_vec(), b"seen twice");
    /// let view = rx.peek()?;
    /// assert_eq!(view.read_at::<[u8; 4]>(0)?, *b"seen");
    /// view.release();
    /// assert_eq!(rx.ready_bytes_at_least(), 0);
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn peek(&mut self) -> Result<View<'_, [T]>, PopError> {
        let found = self.await_record(Patience::FOREVER)?;
        Ok(View::of(self, found))
    }

    /// [`peek`](Self::peek), for `timeout` at most.
    ///
    /// # Errors
    /// As [`pop_timeout`](Self::pop_timeout).
    ///
    /// ```
    /// # let ring = shm_ring::Ring::<[u8]>::create(shm_ring::Region::memfd("doc"), Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// tx.push(b"text")?;
    /// rx.peek_timeout(std::time::Duration::from_millis(1))?.release();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn peek_timeout(&mut self, timeout: Duration) -> Result<View<'_, [T]>, PopError> {
        let found = self.await_record(Patience::of(timeout))?;
        Ok(View::of(self, found))
    }

    /// How many bytes of records, with their commit words, are surely there now: the producer can
    /// only make it more.
    ///
    /// ```
    /// # let ring = shm_ring::Ring::<[u8]>::create(shm_ring::Region::memfd("doc"), Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// tx.push(b"text")?;
    /// assert_eq!(rx.ready_bytes_at_least(), 16);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn ready_bytes_at_least(&self) -> u64 {
        self.ready()
    }
}
