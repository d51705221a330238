//! Owns: waiting for records: of consumers of values, messages and untyped values. Knows nothing of: how a task sleeps.

use core::task::{Context, Poll};
use core::time::Duration;

use shm_ring::{
    AnyEnd, Consumer, Item, MessageConsumer, PopError, UntypedConsumer, take_interrupt,
};

use crate::wrapper::{Async, For};

/// The answer of `pop`, if there is one: with `thorough` also that the producer is gone, which `wait` finds out.
pub(crate) fn popped<C: AnyEnd, R>(
    end: &mut C,
    thorough: bool,
    mut pop: impl FnMut(&mut C) -> Result<R, PopError>,
    wait: impl FnOnce(&mut C) -> Result<(), PopError>,
) -> Option<Result<R, PopError>> {
    let found = match pop(end) {
        Err(PopError::Empty) if thorough => match wait(end) {
            Ok(()) => pop(end),
            Err(PopError::TimedOut) if take_interrupt(end) => Err(PopError::Interrupted),
            Err(error) => Err(error),
        },
        found => found,
    };
    match found {
        Err(PopError::Empty | PopError::TimedOut) => None,
        answer => Some(answer),
    }
}

/// What a call answers, unless that is that there is nothing.
#[inline(always)]
fn there<R>(answer: Result<R, PopError>) -> Option<Result<R, PopError>> {
    if matches!(answer, Err(PopError::Empty)) { None } else { Some(answer) }
}

macro_rules! consumer {
    ([$($generics:tt)*] $end:ident $of:ty) => {
        impl<$($generics)*> Async<$of> {
            #[inline]
            pub(crate) fn poll_take<R>(
                &mut self,
                cx: &Context<'_>,
                mut pop: impl FnMut(&mut $of) -> Result<R, PopError>,
            ) -> Poll<Result<R, PopError>> {
                if let Some(answer) = self.at_once(|rx| there(pop(rx))) {
                    return Poll::Ready(answer);
                }
                self.poll_wait(cx, For(|rx: &mut $of, thorough: bool| {
                    popped(rx, thorough, &mut pop, |rx| rx.wait(1, Some(Duration::ZERO)))
                }))
            }

            #[doc = concat!("Has the task of `cx` woken when there is something to be read: the calls of the end itself then have it, such as [`try_peek`](", stringify!($end), "::try_peek).")]
            /// A poll that is not followed by another leaves the end armed until [`rise`](Self::rise).
            ///
            /// # Errors
            #[doc = concat!("As [`", stringify!($end), "::wait`].")]
            pub fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), PopError>> {
                self.poll_take(cx, |rx| match rx.wait(1, Some(Duration::ZERO)) {
                    Err(PopError::TimedOut) => Err(PopError::Empty),
                    answer => answer,
                })
            }

            /// Waits until there is something to be read: see [`poll_readable`](Self::poll_readable).
            ///
            /// # Errors
            #[doc = concat!("As [`", stringify!($end), "::wait`].")]
            pub async fn readable(&mut self) -> Result<(), PopError> {
                self.wait(Self::poll_readable).await
            }
        }
    };
}

consumer!([T: Item] Consumer Consumer<T>);
consumer!([] MessageConsumer MessageConsumer);
consumer!([] UntypedConsumer UntypedConsumer);

impl<T: Item> Async<Consumer<T>> {
    /// Takes the oldest item, or has the task of `cx` woken when there is one. A poll that is not followed by another leaves the end armed
    /// until [`rise`](Self::rise).
    ///
    /// # Errors
    /// As [`Consumer::pop`].
    #[inline]
    pub fn poll_pop(&mut self, cx: &mut Context<'_>) -> Poll<Result<T, PopError>> {
        self.poll_take(cx, Consumer::try_pop)
    }

    /// Takes the oldest item, waiting for one as [`Consumer::pop`] does. A future that is dropped before it is ready has taken
    /// none.
    ///
    /// # Errors
    /// As [`Consumer::pop`].
    ///
    /// ```
    /// # use shm_ring::{Options, PopError, Ring};
    /// # use shm_ring_async::Async;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (mut tx, rx) = Ring::<u64>::pair(&Options::new())?;
    /// let mut rx = Async::new(rx);
    /// tx.push(7)?;
    /// tx.close();
    /// assert_eq!(rx.recv().await, Ok(7));
    /// assert_eq!(rx.recv().await, Err(PopError::Closed));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn recv(&mut self) -> Result<T, PopError> {
        // As `poll_pop` does too: but a value that comes through a poll is copied twice more.
        if let Some(answer) = self.at_once(|rx| there(rx.try_pop())) {
            return answer;
        }
        self.wait(Self::poll_pop).await
    }

    /// Like [`recv`](Self::recv), but writes to a place of the caller. The fastest way to take one item at a time: none
    /// is moved through a future.
    ///
    /// # Errors
    /// As [`Consumer::pop`]; `item` is then unchanged.
    ///
    /// ```
    /// # use shm_ring::{Options, Ring};
    /// # use shm_ring_async::Async;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (mut tx, rx) = Ring::<[u64; 8]>::pair(&Options::new())?;
    /// let (mut rx, mut item) = (Async::new(rx), [0; 8]);
    /// tx.push([7; 8])?;
    /// rx.recv_into(&mut item).await?;
    /// assert_eq!(item, [7; 8]);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn recv_into(&mut self, item: &mut T) -> Result<(), PopError> {
        if let Some(answer) = self.at_once(|rx| there(rx.try_pop_into(item))) {
            return answer;
        }
        self.wait(|this, cx| this.poll_take(cx, |rx| rx.try_pop_into(item))).await
    }

    /// Adds up to `max` of the items that are there to `items`, waiting for the first, and returns how many. A future that is
    /// dropped before it is ready has taken none.
    ///
    /// # Errors
    /// As [`Consumer::pop`].
    ///
    /// ```
    /// # use shm_ring::{Options, Ring};
    /// # use shm_ring_async::Async;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (mut tx, rx) = Ring::<u64>::pair(&Options::new())?;
    /// tx.push_slice(&[1, 2, 3])?;
    /// let mut items = Vec::new();
    /// assert_eq!(Async::new(rx).recv_many(&mut items, 2).await?, 2);
    /// assert_eq!(items, [1, 2]);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn recv_many(&mut self, items: &mut Vec<T>, max: usize) -> Result<usize, PopError> {
        if max == 0 {
            return Ok(0);
        }
        self.wait(|this, cx| {
            this.poll_take(cx, |rx| rx.try_pop_batch(max, |item| items.push(item)))
        })
        .await
    }
}

impl Async<MessageConsumer> {
    /// Takes the oldest message into `message`, whose contents it replaces, or has the task of `cx` woken when there is one. Bytes of
    /// the message.
    ///
    /// # Errors
    /// As [`MessageConsumer::pop_into`].
    #[inline]
    pub fn poll_pop(
        &mut self,
        cx: &mut Context<'_>,
        message: &mut Vec<u8>,
    ) -> Poll<Result<usize, PopError>> {
        self.poll_take(cx, |rx| rx.try_pop_into(message))
    }

    /// Takes the oldest message into a new `Vec`, waiting for one as [`MessageConsumer::pop`] does.
    ///
    /// # Errors
    /// As [`MessageConsumer::pop`].
    ///
    /// ```
    /// # use shm_ring::{MessageRing, Options};
    /// # use shm_ring_async::Async;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (tx, rx) = MessageRing::pair(&Options::new())?;
    /// let (mut tx, mut rx) = (Async::new(tx), Async::new(rx));
    /// tx.send(b"of any length").await?;
    /// assert_eq!(rx.recv().await?, b"of any length");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn recv(&mut self) -> Result<Vec<u8>, PopError> {
        self.wait(|this, cx| this.poll_take(cx, MessageConsumer::try_pop)).await
    }

    /// Like [`recv`](Self::recv), but into a `Vec` that is used again. Bytes of the message.
    ///
    /// # Errors
    /// As [`MessageConsumer::pop`].
    pub async fn recv_into(&mut self, message: &mut Vec<u8>) -> Result<usize, PopError> {
        self.wait(|this, cx| this.poll_pop(cx, message)).await
    }

    /// Adds up to `max` of the messages that are there to `messages`, waiting for the first, and returns how many.
    ///
    /// # Errors
    /// As [`MessageConsumer::pop`]; [`PopError::NoMemory`] if there is none for the first.
    pub async fn recv_many(
        &mut self,
        messages: &mut Vec<Vec<u8>>,
        max: usize,
    ) -> Result<usize, PopError> {
        if max == 0 {
            return Ok(0);
        }
        let mut take = |rx: &mut MessageConsumer| {
            let mut taken = 0;
            while taken < max {
                match rx.try_pop() {
                    Ok(message) => messages.push(message),
                    // What is wrong with a later one, the next call says.
                    Err(_) if taken > 0 => break,
                    Err(error) => return Err(error),
                }
                taken += 1;
            }
            Ok(taken)
        };
        self.wait(|this, cx| this.poll_take(cx, &mut take)).await
    }
}

impl Async<UntypedConsumer> {
    /// Takes the oldest value into `value`, or has the task of `cx` woken when there is one.
    ///
    /// # Errors
    /// As [`UntypedConsumer::pop_into`].
    #[inline]
    pub fn poll_pop(
        &mut self,
        cx: &mut Context<'_>,
        value: &mut [u8],
    ) -> Poll<Result<(), PopError>> {
        self.poll_take(cx, |rx| rx.try_pop_into(value))
    }

    /// Takes the oldest value into `value`, waiting for one as [`UntypedConsumer::pop_into`] does.
    ///
    /// # Errors
    /// As [`UntypedConsumer::pop_into`].
    ///
    /// ```
    /// # use shm_ring::{ItemLayout, Options, UntypedRing};
    /// # use shm_ring_async::Async;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let item = ItemLayout { size: 3, align: 1, schema: 0 };
    /// let (tx, rx) = UntypedRing::pair(item, &Options::new())?;
    /// let (mut tx, mut rx) = (Async::new(tx), Async::new(rx));
    /// tx.send(b"one").await?;
    /// let mut value = [0; 3];
    /// rx.recv(&mut value).await?;
    /// assert_eq!(&value, b"one");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn recv(&mut self, value: &mut [u8]) -> Result<(), PopError> {
        self.wait(|this, cx| this.poll_pop(cx, value)).await
    }

    /// Takes as many whole values as are there and `values` has room for, waiting for the first, and returns how many.
    ///
    /// # Errors
    /// As [`UntypedConsumer::pop_slice`].
    pub async fn recv_many(&mut self, values: &mut [u8]) -> Result<usize, PopError> {
        if values.is_empty() {
            return self.get_mut().try_pop_slice(values);
        }
        self.wait(|this, cx| this.poll_take(cx, |rx| rx.try_pop_slice(values))).await
    }
}
