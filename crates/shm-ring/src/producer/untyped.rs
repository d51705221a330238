//! Owns: [`UntypedProducer`], publishing values that are known as bytes of one length. Knows nothing of: how room is waited
//! for, or how values are copied.

use core::time::Duration;

use static_assertions::{assert_impl_all, assert_not_impl_any};

use super::Publisher;
use crate::attachment::wait::Timeout;
use crate::error::{AtHand, BatchError, PushError};
use crate::item::{ItemLayout, Untyped, by_length};
use crate::protocol::position::FRONT_BYTES;

/// The end of a ring that publishes values whose size and alignment are known only when the program runs: for commands,
/// bridges and other languages. The other end may know their type.
///
/// A value is a slice of as many bytes as [`item`](Self::item) says. A slice of another length is
/// [`PushError::WrongLength`], and nothing is published then.
///
/// A ring has one, under the same rules as its [`Producer`](crate::Producer).
///
/// ```
/// use shm_ring::{Consumer, ItemLayout, Options, PushError, UntypedProducer};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let name = &format!("/shm-ring-doc-untyped-producer-{}", std::process::id());
/// let item = ItemLayout { size: 8, align: 4, schema: 0 };
/// let options = Options::new().items(64).unlink_on_drop();
/// let mut tx = UntypedProducer::create(name.as_str(), item, &options)?;
/// // In another process:
/// let mut rx = Consumer::<[u32; 2]>::open(name.as_str())?;
/// tx.push(&[1, 0, 0, 0, 2, 0, 0, 0])?;
/// assert_eq!(rx.pop()?, [1, 2].map(u32::to_le));
/// assert_eq!(tx.push(b"short"), Err(PushError::WrongLength { len: 5, item: 8 }));
/// # Ok(())
/// # }
/// ```
pub struct UntypedProducer {
    pub(crate) inner: Publisher<Untyped>,
    pub(crate) item: ItemLayout,
}

assert_impl_all!(UntypedProducer: Send);
assert_not_impl_any!(UntypedProducer: Sync, Clone);

#[inline(always)]
fn check_run_of(size: u64, bytes: &[u8]) -> Result<(), PushError> {
    let (len, item) = (bytes.len(), size as usize);
    if len % item == 0 { Ok(()) } else { Err(PushError::WrongLength { len, item }) }
}

impl Publisher<Untyped> {
    /// Whether `bytes` are those of one value.
    fn check_one(&self, bytes: &[u8]) -> Result<(), PushError> {
        let (len, item) = (bytes.len(), self.size() as usize);
        if len == item { Ok(()) } else { Err(PushError::WrongLength { len, item }) }
    }

    /// Whether `bytes` are those of whole values.
    fn check_run(&self, bytes: &[u8]) -> Result<(), PushError> {
        check_run_of(self.size(), bytes)
    }

    /// Bytes of a value: `N`, or where that is 0 as many as the region says. Divisions by what the compiler knows cost next to
    /// nothing, and a batch has six.
    #[inline(always)]
    fn size_of_run<const N: u64>(&self) -> u64 {
        if N == 0 { self.size() } else { N }
    }

    fn push_run_at_once<const N: u64>(&mut self, values: &[u8]) -> Result<usize, PushError> {
        let size = self.size_of_run::<N>();
        check_run_of(size, values)?;
        if values.is_empty() {
            return Ok(0);
        }
        self.make_room(size)?;
        self.publish_run_of(size, values)
    }

    fn push_run<const N: u64>(&mut self, values: &[u8]) -> Result<usize, BatchError> {
        let mut pushed = 0;
        let size = self.size_of_run::<N>();
        check_run_of(size, values).map_err(|error| BatchError { pushed, error })?;
        let mut rest = values;
        while !rest.is_empty() {
            self.await_room(size, Timeout::FOREVER)
                .map_err(|error| BatchError { pushed, error })?;
            let published = self.publish_run_of(size, rest);
            let count = published.map_err(|error| BatchError { pushed, error })?;
            rest = &rest[count * size as usize..];
            pushed += count;
        }
        Ok(pushed)
    }
}

impl Publisher<Untyped> {
    /// Publishes a value of `N` bytes, for which there is room, and makes no call. Whether the consumer asked to be woken.
    #[inline(always)]
    fn publish_at_hand<const N: usize>(&mut self, value: &[u8]) -> AtHand {
        let Ok(value) = <&[u8; N]>::try_from(value) else { return AtHand::Not };
        let next = self.write_value(value);
        if self.gate.asked_at_hand(next, self.map.theirs()) {
            return AtHand::Asked;
        }
        self.tail.advance_to(next);
        AtHand::Done
    }
}

impl UntypedProducer {
    /// [`try_push`](Self::try_push) of a value of a usual length, if room is known to be there.
    #[doc(hidden)]
    #[inline(always)]
    pub fn push_at_hand(&mut self, value: &[u8]) -> AtHand {
        let size = self.inner.size();
        let is_usual = value.len() as u64 == size && self.inner.gate.asks_at_hand();
        if !is_usual || !self.inner.tail.has_room(size) {
            return AtHand::Not;
        }
        by_length!(value.len(), self.inner, publish_at_hand(value), otherwise AtHand::Not)
    }

    /// Ends a push at hand that was [`Asked`](AtHand::Asked).
    ///
    /// # Errors
    /// [`PushError::Forked`].
    #[doc(hidden)]
    pub fn end_push_at_hand(&mut self) -> Result<(), PushError> {
        let next = self.inner.position() + self.inner.size();
        self.inner.wake(next)
    }

    /// Publishes the value of these bytes if there is room: see [`Producer::try_push`](crate::Producer::try_push).
    ///
    /// # Errors
    /// [`PushError::WrongLength`]; [`PushError::Full`]; [`PushError::Corrupt`], permanently.
    pub fn try_push(&mut self, value: &[u8]) -> Result<(), PushError> {
        self.inner.check_one(value)?;
        self.inner.make_room(self.inner.size())?;
        self.inner.publish_value(value)
    }

    /// Publishes the value of these bytes, waiting for room as long as there is a consumer or none has come yet.
    ///
    /// A waiting producer is woken when half the ring is free, not at the first free slot.
    ///
    /// # Errors
    /// [`PushError::WrongLength`]. Only while there is no room: [`PushError::Closed`] and [`PushError::PeerDead`] once the
    /// consumer is gone; at any time [`PushError::Corrupt`], permanently.
    pub fn push(&mut self, value: &[u8]) -> Result<(), PushError> {
        self.push_until(value, Timeout::FOREVER)
    }

    /// Like [`push`](Self::push), but waits at most `timeout`.
    ///
    /// # Errors
    /// As [`push`](Self::push), and [`PushError::TimedOut`].
    pub fn push_timeout(&mut self, value: &[u8], timeout: Duration) -> Result<(), PushError> {
        self.push_until(value, Timeout::of(timeout))
    }

    fn push_until(&mut self, value: &[u8], timeout: Timeout) -> Result<(), PushError> {
        self.inner.check_one(value)?;
        self.inner.await_room(self.inner.size(), timeout)?;
        self.inner.publish_value(value)
    }

    /// Publishes as many of `values`, whole values one behind the other, as there is room for, by one copy and one store of
    /// the position. Returns their number.
    ///
    /// # Errors
    /// [`PushError::WrongLength`]. If there is no room for the first: as [`try_push`](Self::try_push).
    pub fn try_push_slice(&mut self, values: &[u8]) -> Result<usize, PushError> {
        let size = self.inner.size();
        by_length!(size, self.inner, push_run_at_once(values), otherwise self.inner.push_run_at_once::<0>(values))
    }

    /// Publishes all of `values`, whole values one behind the other, waiting for room as [`push`](Self::push) does: by one
    /// copy and one store of the position for as many as fit at a time. Returns their number.
    ///
    /// # Errors
    /// As [`push`](Self::push), with the number of values that were pushed before.
    ///
    /// ```
    /// # use shm_ring::{ItemLayout, Options, Region, UntypedRing};
    /// # let item = ItemLayout { size: 3, align: 1, schema: 0 };
    /// # let (mut tx, mut rx) = UntypedRing::pair(item, &Options::new())?;
    /// assert_eq!(tx.push_slice(b"onetwosix")?, 3);
    /// let mut values = [0; 6];
    /// assert_eq!(rx.pop_slice(&mut values)?, 2);
    /// assert_eq!(&values, b"onetwo");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn push_slice(&mut self, values: &[u8]) -> Result<usize, BatchError> {
        let size = self.inner.size();
        by_length!(size, self.inner, push_run(values), otherwise self.inner.push_run::<0>(values))
    }

    /// Reserves room for `count` values, to be written in place, if there is enough.
    ///
    /// # Errors
    /// As [`try_push`](Self::try_push); [`PushError::TooLarge`] if the ring can never have that much.
    pub fn try_reserve(&mut self, count: usize) -> Result<UntypedReservation<'_>, PushError> {
        let bytes = self.inner.bytes_of(count)?;
        self.inner.check_process()?;
        self.inner.make_room(bytes)?;
        Ok(UntypedReservation::of(&mut self.inner, count))
    }

    /// Reserves room for `count` values, to be written in place; waits for it as [`push`](Self::push) does.
    ///
    /// # Errors
    /// As [`push`](Self::push); [`PushError::TooLarge`] if the ring can never have that much.
    pub fn reserve(&mut self, count: usize) -> Result<UntypedReservation<'_>, PushError> {
        let bytes = self.inner.bytes_of(count)?;
        self.inner.check_process()?;
        self.inner.await_room(bytes, Timeout::FOREVER)?;
        Ok(UntypedReservation::of(&mut self.inner, count))
    }
}

/// Room for values known as bytes, written in place: see [`Reservation`](crate::Reservation).
///
/// ```
/// # use shm_ring::{ItemLayout, Options, Region, UntypedRing};
/// # let item = ItemLayout { size: 3, align: 1, schema: 0 };
/// # let (mut tx, mut rx) = UntypedRing::pair(item, &Options::new())?;
/// let mut room = tx.reserve(8)?;
/// room.write(0, b"onetwo")?;
/// room.commit(2);
/// let mut values = [0; 24];
/// assert_eq!(rx.pop_slice(&mut values)?, 2);
/// assert_eq!(&values[..6], b"onetwo");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "nothing is published until the reservation is committed"]
pub struct UntypedReservation<'a> {
    publisher: &'a mut Publisher<Untyped>,
    count: usize,
}

impl<'a> UntypedReservation<'a> {
    fn of(publisher: &'a mut Publisher<Untyped>, count: usize) -> Self {
        publisher.prefetch_run_ahead(count as u64 * publisher.size());
        Self { publisher, count }
    }

    /// Values that fit.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether none does.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Writes as many of `values`, whole values one behind the other, to the places from `index` on as there are places:
    /// how many.
    ///
    /// # Errors
    /// [`PushError::WrongLength`] if they are not whole. Nothing is written then.
    pub fn write(&mut self, index: usize, values: &[u8]) -> Result<usize, PushError> {
        self.publisher.check_run(values)?;
        let size = self.publisher.size();
        let most = values.len() / size as usize;
        let count = self.count.saturating_sub(index).min(most);
        if count > 0 {
            let at = self.publisher.position() + index as u64 * size;
            self.publisher.map.area().put_run(at, &values[..count * size as usize]);
        }
        Ok(count)
    }

    /// The address of the room: [`len`](Self::len) values one behind the other, valid and for nobody else until the
    /// reservation is committed or dropped.
    ///
    /// While it is written through, the other process must not write to this region's data.
    #[must_use]
    pub fn as_mut_ptr(&mut self) -> *mut u8 {
        self.publisher.map.area().at(self.publisher.position())
    }

    /// Publishes the first `count` values.
    ///
    /// # Panics
    /// If fewer were reserved.
    pub fn commit(self, count: usize) {
        assert!(count <= self.count, "{count} items of a reservation of {}", self.count);
        let Self { publisher, .. } = self;
        let size = publisher.size();
        let next = match count {
            0 => return,
            1 if size <= FRONT_BYTES => {
                let mut value = [0; FRONT_BYTES as usize];
                let value = &mut value[..size as usize];
                publisher.map.area().take_into(publisher.position(), value);
                publisher.publish_one(value)
            }
            _ => publisher.publish(count as u64 * size),
        };
        let _ = publisher.wake(next);
    }
}

impl core::fmt::Debug for UntypedReservation<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("UntypedReservation").field("len", &self.count).finish_non_exhaustive()
    }
}
