//! Owns: popping as iteration. Knows nothing of: how a record is popped.

use super::{Consumer, MessageConsumer};
use crate::error::PopError;
use crate::item::Item;

/// Takes what a consumer takes, waiting for more, until its producer has closed and everything was read:
/// [`Consumer::iter`] and [`MessageConsumer::iter`]. After an error it is over.
///
/// ```
/// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), &Default::default())?;
/// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
/// tx.push_batch([1, 2, 3])?;
/// tx.close();
/// let mut sum = 0;
/// for item in &mut rx {
///     sum += item?;
/// }
/// assert_eq!(sum, 6);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Iter<'a, C> {
    consumer: &'a mut C,
    over: bool,
}

/// Takes what is there when it is made, and does not wait: [`Consumer::try_iter`] and [`MessageConsumer::try_iter`].
/// After an error it is over.
///
/// ```
/// # let ring = shm_ring::Ring::<u64>::create(shm_ring::Region::memfd("doc"), &Default::default())?;
/// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
/// tx.push_batch([1, 2, 3])?;
/// let there: Vec<u64> = rx.try_iter().collect::<Result<_, _>>()?;
/// assert_eq!(there, [1, 2, 3]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct TryIter<'a, C> {
    consumer: &'a mut C,
    /// The tail when it was made.
    end: u64,
    over: bool,
}

macro_rules! iteration {
    ([$($generics:tt)*], $consumer:ty, $item:ty) => {
        impl<$($generics)*> $consumer {
            /// Takes records as an iterator, waiting for each as `pop` does: it ends when the producer has closed.
            pub fn iter(&mut self) -> Iter<'_, Self> {
                Iter { consumer: self, over: false }
            }

            /// Takes the records that are there now, as an iterator: those that are published meanwhile are not among
            /// them.
            pub fn try_iter(&mut self) -> TryIter<'_, Self> {
                // What contradicts the protocol is for the first pop to say.
                let over = self.inner.try_look() == Err(PopError::Empty);
                let end = self.inner.head.tail();
                TryIter { consumer: self, end, over }
            }
        }

        impl<$($generics)*> Iterator for Iter<'_, $consumer> {
            type Item = Result<$item, PopError>;

            fn next(&mut self) -> Option<Self::Item> {
                next(&mut self.over, PopError::Closed, || self.consumer.pop())
            }
        }

        impl<$($generics)*> Iterator for TryIter<'_, $consumer> {
            type Item = Result<$item, PopError>;

            fn next(&mut self) -> Option<Self::Item> {
                let popped = next(&mut self.over, PopError::Empty, || self.consumer.try_pop());
                self.over |= self.consumer.inner.head.position() == self.end;
                popped
            }
        }

        /// As `iter`: `for item in &mut consumer`.
        impl<'a, $($generics)*> IntoIterator for &'a mut $consumer {
            type Item = Result<$item, PopError>;
            type IntoIter = Iter<'a, $consumer>;

            fn into_iter(self) -> Self::IntoIter {
                self.iter()
            }
        }

        impl<$($generics)*> core::iter::FusedIterator for Iter<'_, $consumer> {}
        impl<$($generics)*> core::iter::FusedIterator for TryIter<'_, $consumer> {}
    };
}

iteration!([T: Item], Consumer<T>, T);
iteration!([], MessageConsumer, Vec<u8>);

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
