//! Owns: [`UntypedConsumer`], taking values that are known as bytes of one length. Knows nothing of: how records are waited
//! for, or how values are copied.

use core::time::Duration;

use static_assertions::{assert_impl_all, assert_not_impl_any};

use super::Receiver;
use super::flow::Flow;
use crate::attachment::wait::Timeout;
use crate::error::{AtHand, PopError};
use crate::item::{ItemLayout, Untyped, by_length};
use crate::mapping::records;
use crate::protocol::position::{FRONT_BYTES, Head, Look};
use crate::protocol::record::RecordLayout;

/// The end of a ring that reads values whose size and alignment are known only when the program runs: for commands,
/// bridges and other languages. The other end may know their type.
///
/// A value is as many bytes as [`item`](Self::item) says. A buffer of another length is [`PopError::WrongLength`]: nothing
/// is taken then, and nothing is written to it.
///
/// A ring has one, under the same rules as its [`Producer`](crate::Producer).
///
/// ```
/// use shm_ring::{ItemLayout, Options, PopError, Producer, UntypedConsumer};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let name = &format!("/shm-ring-doc-untyped-consumer-{}", std::process::id());
/// let options = Options::new().schema(7).label("pairs").unlink_on_drop();
/// let mut tx = Producer::<[u32; 2]>::create(name.as_str(), &options)?;
/// // In another process, which takes whatever values there are:
/// let mut rx = UntypedConsumer::open_any(name.as_str(), &Options::new())?;
/// assert_eq!(rx.item(), ItemLayout { size: 8, align: 4, schema: 7 });
/// tx.push([1, 2].map(u32::to_le))?;
/// assert_eq!(rx.pop_into(&mut [0; 4]), Err(PopError::WrongLength { len: 4, item: 8 }));
/// let mut value = vec![0; rx.item().size];
/// rx.pop_into(&mut value)?;
/// assert_eq!(value, [1, 0, 0, 0, 2, 0, 0, 0]);
/// # Ok(())
/// # }
/// ```
pub struct UntypedConsumer {
    pub(crate) inner: Receiver<Untyped>,
    pub(crate) item: ItemLayout,
}

assert_impl_all!(UntypedConsumer: Send);
assert_not_impl_any!(UntypedConsumer: Sync, Clone);

impl Receiver<Untyped> {
    /// Takes the oldest value, if `value` has its length.
    fn take_one(&mut self, value: &mut [u8], timeout: Option<Timeout>) -> Result<(), PopError> {
        let (len, item) = (value.len(), self.size() as usize);
        if len != item {
            return Err(PopError::WrongLength { len, item });
        }
        self.take_next_into(timeout, value, Self::release)
    }

    /// How many values `bytes` have room for, if that are whole ones.
    fn values_in(&self, bytes: &[u8]) -> Result<usize, PopError> {
        let (len, item) = (bytes.len(), self.size() as usize);
        if len % item == 0 { Ok(len / item) } else { Err(PopError::WrongLength { len, item }) }
    }

    fn take_many(
        &mut self,
        values: &mut [u8],
        timeout: Option<Timeout>,
    ) -> Result<usize, PopError> {
        let size = self.size();
        by_length!(size, self, take_many_of(values, timeout), otherwise self.take_many_of::<0>(values, timeout))
    }

    /// [`take_many`](Self::take_many) of values of `N` bytes, or where that is 0 of as many as the region says: as when they
    /// are pushed.
    fn take_many_of<const N: u64>(
        &mut self,
        values: &mut [u8],
        timeout: Option<Timeout>,
    ) -> Result<usize, PopError> {
        let size = if N == 0 { self.size() } else { N };
        let (len, item) = (values.len(), size as usize);
        if len % item != 0 {
            return Err(PopError::WrongLength { len, item });
        }
        let count = self.count_up_to_of(size, len / item, timeout)?;
        let values = &mut values[..count * item];
        self.map.area().take_run_of(item, self.head.position(), values);
        if count > 0 {
            self.release(values.len() as u64)?;
        }
        Ok(count)
    }
}

impl Receiver<Untyped> {
    /// Takes a value of `N` bytes, as many as it has, that is known to be there.
    #[inline(always)]
    fn take_at_hand<const N: usize>(&mut self, value: &mut [u8]) -> AtHand {
        let Ok(value) = <&mut [u8; N]>::try_from(value) else { return AtHand::Not };
        self.map.area().take_into(self.head.position(), value);
        self.prefetch_below();
        self.pass_at_hand::<N>()
    }

    /// Takes a value of `N` bytes, as many as it has, if a look finds one.
    #[inline(always)]
    fn look_at_hand<const N: usize>(&mut self, value: &mut [u8]) -> AtHand {
        let Ok(value) = <&mut [u8; N]>::try_from(value) else { return AtHand::Not };
        let layout = RecordLayout { unit: N as u64, ..self.side.layout };
        let theirs = self.map.theirs();
        let Some(look) = self.head.look_at_hand(&layout, theirs) else { return AtHand::Not };
        if let (Look::Front { word }, true) = (look, layout.unit <= FRONT_BYTES) {
            if self.head.tail() - self.head.position() == layout.unit {
                let copy = records::copy_front(theirs.map(|page| &page.position.0.front), N);
                if Head::front_is_whole(theirs, word) {
                    copy.write_to(value);
                    return self.pass_at_hand::<N>();
                }
            }
        }
        self.prefetch_run();
        self.take_at_hand::<N>(value)
    }

    /// Releases a value that was read.
    #[inline(always)]
    fn pass_at_hand<const N: usize>(&mut self) -> AtHand {
        let next = self.head.position() + N as u64;
        self.head.release_below(self.map.mine(), next);
        if self.gate.asked_at_hand(next, self.map.theirs()) {
            return AtHand::Asked;
        }
        self.head.advance_to(next);
        AtHand::Done
    }
}

impl UntypedConsumer {
    /// [`try_pop_into`](Self::try_pop_into) of a value of a usual length that is known to be there, without a call.
    #[doc(hidden)]
    #[inline(always)]
    pub fn pop_at_hand(&mut self, value: &mut [u8]) -> AtHand {
        let is_usual = value.len() as u64 == self.inner.size() && self.inner.gate.asks_at_hand();
        if !is_usual || !self.inner.head.has_record() {
            return AtHand::Not;
        }
        by_length!(value.len(), self.inner, take_at_hand(value), otherwise AtHand::Not)
    }

    /// [`pop_at_hand`](Self::pop_at_hand) of a value that is not known to be there, if a look finds one.
    #[doc(hidden)]
    #[inline(always)]
    pub fn look_at_hand(&mut self, value: &mut [u8]) -> AtHand {
        let is_usual = value.len() as u64 == self.inner.size() && self.inner.gate.asks_at_hand();
        if !is_usual || self.inner.head.has_record() {
            return AtHand::Not;
        }
        by_length!(value.len(), self.inner, look_at_hand(value), otherwise AtHand::Not)
    }

    /// Ends a pop at hand that was [`Asked`](AtHand::Asked).
    ///
    /// # Errors
    /// [`PopError::Forked`].
    #[doc(hidden)]
    pub fn end_pop_at_hand(&mut self) -> Result<(), PopError> {
        self.inner.release(self.inner.size())
    }

    /// Takes the oldest value into `value` if there is one: see [`Consumer::try_pop`](crate::Consumer::try_pop).
    ///
    /// # Errors
    /// [`PopError::WrongLength`]; [`PopError::Empty`]; [`PopError::Corrupt`], permanently. `value` is then unchanged.
    pub fn try_pop_into(&mut self, value: &mut [u8]) -> Result<(), PopError> {
        self.inner.take_one(value, None)
    }

    /// Takes the oldest value into `value`, waiting for one as long as there is a producer or none has come yet.
    ///
    /// Delivery is at most once, as with [`Consumer::pop`](crate::Consumer::pop).
    ///
    /// # Errors
    /// [`PopError::WrongLength`]. Only when everything published has been taken: [`PopError::Closed`] and
    /// [`PopError::PeerDead`] once the producer is gone; at any time [`PopError::Corrupt`], permanently. `value` is then
    /// unchanged.
    pub fn pop_into(&mut self, value: &mut [u8]) -> Result<(), PopError> {
        self.inner.take_one(value, Some(Timeout::FOREVER))
    }

    /// Like [`pop_into`](Self::pop_into), but waits at most `timeout`.
    ///
    /// # Errors
    /// As [`pop_into`](Self::pop_into), and [`PopError::TimedOut`].
    pub fn pop_into_timeout(
        &mut self,
        value: &mut [u8],
        timeout: Duration,
    ) -> Result<(), PopError> {
        self.inner.take_one(value, Some(Timeout::of(timeout)))
    }

    /// Takes as many values as are there, up to as many as `values` has room for, oldest first, by one copy, and frees
    /// their room by one store. Returns their number. The length of `values` is a multiple of a value's.
    ///
    /// # Errors
    /// As [`try_pop_into`](Self::try_pop_into).
    pub fn try_pop_slice(&mut self, values: &mut [u8]) -> Result<usize, PopError> {
        self.inner.take_many(values, None)
    }

    /// Like [`try_pop_slice`](Self::try_pop_slice), waiting for the first value as [`pop_into`](Self::pop_into) does.
    ///
    /// # Errors
    /// As [`pop_into`](Self::pop_into).
    pub fn pop_slice(&mut self, values: &mut [u8]) -> Result<usize, PopError> {
        self.inner.take_many(values, Some(Timeout::FOREVER))
    }

    /// Like [`pop_slice`](Self::pop_slice), but waits at most `timeout`.
    ///
    /// # Errors
    /// As [`pop_into_timeout`](Self::pop_into_timeout).
    pub fn pop_slice_timeout(
        &mut self,
        values: &mut [u8],
        timeout: Duration,
    ) -> Result<usize, PopError> {
        self.inner.take_many(values, Some(Timeout::of(timeout)))
    }

    /// Takes up to `max` values that are there, oldest first, hands a copy of each to `each`, and frees their room by
    /// one store at the end. Returns their number. `each` may stop, and delivery is as with
    /// [`Consumer::try_pop_batch`](crate::Consumer::try_pop_batch).
    ///
    /// # Errors
    /// Only if there is none: as [`try_pop_into`](Self::try_pop_into); [`PopError::NoMemory`] if there is none for a copy.
    pub fn try_pop_batch<F: Flow>(
        &mut self,
        max: usize,
        each: impl FnMut(&[u8]) -> F,
    ) -> Result<usize, PopError> {
        self.take_batch(max, None, each)
    }

    /// Like [`try_pop_batch`](Self::try_pop_batch), waiting for the first value as [`pop_into`](Self::pop_into) does.
    ///
    /// # Errors
    /// As [`pop_into`](Self::pop_into), and [`PopError::NoMemory`].
    ///
    /// ```
    /// # use shm_ring::{ItemLayout, Options, Region, UntypedRing};
    /// # let item = ItemLayout { size: 3, align: 1, schema: 0 };
    /// # let (mut tx, mut rx) = UntypedRing::pair(item, &Options::new())?;
    /// use core::ops::ControlFlow;
    /// tx.push_slice(b"onetwosix")?;
    /// let taken = rx.pop_batch(usize::MAX, |value| match value {
    ///     b"two" => ControlFlow::Break(()),
    ///     _ => ControlFlow::Continue(()),
    /// })?;
    /// assert_eq!((taken, rx.len()), (2, 1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn pop_batch<F: Flow>(
        &mut self,
        max: usize,
        each: impl FnMut(&[u8]) -> F,
    ) -> Result<usize, PopError> {
        self.take_batch(max, Some(Timeout::FOREVER), each)
    }

    /// Like [`pop_batch`](Self::pop_batch), but waits at most `timeout`.
    ///
    /// # Errors
    /// As [`pop_into_timeout`](Self::pop_into_timeout), and [`PopError::NoMemory`].
    pub fn pop_batch_timeout<F: Flow>(
        &mut self,
        max: usize,
        timeout: Duration,
        each: impl FnMut(&[u8]) -> F,
    ) -> Result<usize, PopError> {
        self.take_batch(max, Some(Timeout::of(timeout)), each)
    }

    fn take_batch<F: Flow>(
        &mut self,
        max: usize,
        timeout: Option<Timeout>,
        mut each: impl FnMut(&[u8]) -> F,
    ) -> Result<usize, PopError> {
        let count = self.inner.count_up_to(max, timeout)?;
        if count == 0 {
            return Ok(0);
        }
        let size = self.inner.size() as usize;
        let mut value = Vec::new();
        value.try_reserve_exact(size).map_err(|_| PopError::NoMemory { needed: size })?;
        value.resize(size, 0);
        let mut batch = self.inner.batch();
        for index in 0..count {
            let (position, tail) = batch.rest();
            batch.area().prefetch_below(position, tail);
            batch.area().take_into(position, &mut value);
            batch.pass(size as u64);
            if each(&value).stops() {
                return Ok(index + 1);
            }
        }
        Ok(count)
    }

    /// Lends the oldest values, up to `max` of those that are there, to be read in place.
    ///
    /// Delivery is at least once: the values are there until the view is released, also for a consumer
    /// that comes after one that was killed.
    ///
    /// # Errors
    /// [`PopError::Empty`]; [`PopError::Corrupt`], permanently.
    pub fn try_peek(&mut self, max: usize) -> Result<UntypedView<'_>, PopError> {
        UntypedView::of(&mut self.inner, max, None)
    }

    /// Like [`try_peek`](Self::try_peek), waiting for the first value as [`pop_into`](Self::pop_into) does.
    ///
    /// # Errors
    /// As [`pop_into`](Self::pop_into).
    pub fn peek(&mut self, max: usize) -> Result<UntypedView<'_>, PopError> {
        UntypedView::of(&mut self.inner, max, Some(Timeout::FOREVER))
    }
}

/// The oldest values, known as bytes and still in the ring: see [`View`](crate::View).
///
/// ```
/// # use shm_ring::{ItemLayout, Options, Region, UntypedRing};
/// # let item = ItemLayout { size: 3, align: 1, schema: 0 };
/// # let (mut tx, mut rx) = UntypedRing::pair(item, &Options::new())?;
/// tx.push_slice(b"onetwosix")?;
/// let view = rx.peek(2)?;
/// let mut second = [0; 3];
/// assert_eq!(view.copy_to(1, &mut second)?, 1);
/// assert_eq!((view.len(), &second), (2, b"two"));
/// view.release(2);
/// assert_eq!(rx.len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "the records stay in the ring until the view is released"]
pub struct UntypedView<'a> {
    receiver: &'a mut Receiver<Untyped>,
    count: usize,
}

impl<'a> UntypedView<'a> {
    fn of(
        receiver: &'a mut Receiver<Untyped>,
        max: usize,
        timeout: Option<Timeout>,
    ) -> Result<Self, PopError> {
        let count = receiver.count_up_to(max, timeout)?;
        Ok(Self { receiver, count })
    }

    /// Values in the view.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Copies as many values from `index` on to `values` as the view has and as that has room for: how many. The other
    /// process may write while they are copied: then the copy is a mixture, and nothing worse.
    ///
    /// # Errors
    /// [`PopError::WrongLength`] if `values` has no room for whole values; it is then unchanged.
    pub fn copy_to(&self, index: usize, values: &mut [u8]) -> Result<usize, PopError> {
        let most = self.receiver.values_in(values)?;
        let count = self.count.saturating_sub(index).min(most);
        if count > 0 {
            let size = self.receiver.size();
            let at = self.receiver.position() + index as u64 * size;
            self.receiver.map.area().take_run(at, &mut values[..count * size as usize]);
        }
        Ok(count)
    }

    /// The address of the values: [`len`](Self::len) of them one behind the other, valid until the view is released or
    /// dropped.
    ///
    /// While it is read through, the other process must not write to this region's data.
    #[must_use]
    pub fn as_ptr(&self) -> *const u8 {
        self.receiver.map.area().at(self.receiver.position())
    }

    /// Releases the first `count` values, by one store: they count as read from now on.
    ///
    /// # Panics
    /// If the view has fewer.
    pub fn release(self, count: usize) {
        assert!(count <= self.count, "{count} items of a view of {}", self.count);
        if count > 0 {
            let _ = self.receiver.release(count as u64 * self.receiver.size());
        }
    }
}

impl core::fmt::Debug for UntypedView<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("UntypedView").field("len", &self.count).finish_non_exhaustive()
    }
}
