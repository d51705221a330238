//! Popping as iteration, of values and of messages. It must not know how a record is popped.

use crate::endpoint::Consumer;
use crate::error::PopError;
use crate::item::{Item, Payload};

/// Records as they come: see [`Consumer::iter`].
///
/// ```
/// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), Default::default())?;
/// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
/// tx.push_batch([1, 2, 3])?;
/// assert_eq!(rx.iter().next(), Some(Ok(1)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Iter<'a, P: ?Sized> {
    consumer: &'a mut Consumer<P>,
    over: bool,
}

/// The records that are there: see [`Consumer::try_iter`].
///
/// ```
/// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), Default::default())?;
/// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
/// assert_eq!(rx.try_iter().next(), None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct TryIter<'a, P: ?Sized> {
    consumer: &'a mut Consumer<P>,
    over: bool,
}

impl<P: Payload + ?Sized> Consumer<P> {
    /// Records as they come, waiting for each as `pop` does, until the producer closes. A producer
    /// that dies, or corruption, is one `Err` and then the end.
    ///
    /// ```
    /// use shm_ring::{Options, Region, Ring};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let ring = Ring::<u64>::create(Region::memfd("doc"), Options::new())?;
    /// let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// for n in 0..3 {
    ///     tx.push(n)?;
    /// }
    /// tx.close();
    /// assert_eq!(rx.iter().collect::<Result<Vec<_>, _>>()?, [0, 1, 2]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn iter(&mut self) -> Iter<'_, P> {
        Iter { consumer: self, over: false }
    }

    /// The records that are there now, without waiting.
    ///
    /// ```
    /// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// tx.push_batch([1, 2, 3])?;
    /// assert_eq!(rx.try_iter().sum::<Result<u64, _>>()?, 6);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn try_iter(&mut self) -> TryIter<'_, P> {
        TryIter { consumer: self, over: false }
    }
}

/// One step of an iteration that ends without a word at `end`, and after any other error.
fn next<T>(
    over: &mut bool,
    end: PopError,
    pop: impl FnOnce() -> Result<T, PopError>,
) -> Option<Result<T, PopError>> {
    if *over {
        return None;
    }
    let popped = pop();
    *over = popped.is_err();
    if matches!(popped, Err(error) if error == end) { None } else { Some(popped) }
}

impl<T: Item> Iterator for Iter<'_, T> {
    type Item = Result<T, PopError>;

    fn next(&mut self) -> Option<Self::Item> {
        next(&mut self.over, PopError::Closed, || self.consumer.pop())
    }
}

impl<T: Item> Iterator for TryIter<'_, T> {
    type Item = Result<T, PopError>;

    fn next(&mut self) -> Option<Self::Item> {
        next(&mut self.over, PopError::Empty, || self.consumer.try_pop())
    }
}

impl<T: Item> Iterator for Iter<'_, [T]> {
    type Item = Result<Vec<T>, PopError>;

    fn next(&mut self) -> Option<Self::Item> {
        next(&mut self.over, PopError::Closed, || self.consumer.pop())
    }
}

impl<T: Item> Iterator for TryIter<'_, [T]> {
    type Item = Result<Vec<T>, PopError>;

    fn next(&mut self) -> Option<Self::Item> {
        next(&mut self.over, PopError::Empty, || self.consumer.try_pop())
    }
}
