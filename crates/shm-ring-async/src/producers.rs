//! Owns: waiting for room: of producers of values, messages and untyped values. Knows nothing of: how a task sleeps.

use core::ops::Deref;
use core::task::{Context, Poll};
use core::time::Duration;

use shm_ring::{
    AnyEnd, BatchError, Item, MessageProducer, Producer, PushError, UntypedProducer, take_interrupt,
};

use crate::wrapper::{Async, For};

/// The answer of `push`, if there is one: with `thorough` also that the consumer is gone, which `wait` finds out.
fn pushed<P: AnyEnd, R>(
    end: &mut P,
    thorough: bool,
    mut push: impl FnMut(&mut P) -> Result<R, PushError>,
    wait: impl FnOnce(&mut P) -> Result<(), PushError>,
) -> Option<Result<R, PushError>> {
    let found = match push(end) {
        Err(PushError::Full) if thorough => match wait(end) {
            Ok(()) => push(end),
            Err(PushError::TimedOut) if take_interrupt(end) => Err(PushError::Interrupted),
            Err(error) => Err(error),
        },
        found => found,
    };
    match found {
        Err(PushError::Full | PushError::TimedOut) => None,
        answer => Some(answer),
    }
}

/// What a call answers, unless that is that there is no room.
#[inline(always)]
fn given<R>(answer: Result<R, PushError>) -> Option<Result<R, PushError>> {
    if matches!(answer, Err(PushError::Full)) { None } else { Some(answer) }
}

macro_rules! producer {
    ([$($generics:tt)*] $end:ident $of:ty, $many:ident, $what:literal) => {
        impl<$($generics)*> Async<$of> {
            /// Publishes by `push`, which wants room for so much.
            #[inline]
            fn poll_give<R>(
                &mut self,
                cx: &Context<'_>,
                room: usize,
                mut push: impl FnMut(&mut $of) -> Result<R, PushError>,
            ) -> Poll<Result<R, PushError>> {
                if let Some(answer) = self.at_once(|tx| given(push(tx))) {
                    return Poll::Ready(answer);
                }
                self.poll_wait(cx, For(|tx: &mut $of, thorough: bool| {
                    pushed(tx, thorough, &mut push, |tx| tx.wait(room, Some(Duration::ZERO)))
                }))
            }

            #[doc = concat!("Has the task of `cx` woken when there is room for ", $what, ": a call of the end itself then finds it,")]
            #[doc = concat!("such as [`try_reserve`](", stringify!($end), "::try_reserve).")]
            ///
            /// # Errors
            #[doc = concat!("As [`", stringify!($end), "::wait`].")]
            pub fn poll_room(&mut self, cx: &mut Context<'_>, $many: usize) -> Poll<Result<(), PushError>> {
                self.poll_give(cx, $many, |tx| match tx.wait($many, Some(Duration::ZERO)) {
                    Err(PushError::TimedOut) => Err(PushError::Full),
                    answer => answer,
                })
            }

            #[doc = concat!("Waits until there is room for ", $what, ": see [`poll_room`](Self::poll_room).")]
            ///
            /// # Errors
            #[doc = concat!("As [`", stringify!($end), "::wait`].")]
            pub async fn writable(&mut self, $many: usize) -> Result<(), PushError> {
                self.wait(|this, cx| this.poll_room(cx, $many)).await
            }
        }
    };
}

producer!([T: Item] Producer Producer<T>, count, "`count` items");
producer!([] MessageProducer MessageProducer, len, "a message of `len` bytes");
producer!([] UntypedProducer UntypedProducer, count, "`count` values");

impl<T: Item> Async<Producer<T>> {
    /// Publishes `item`, or has the task of `cx` woken when there is room. A poll that is not followed by another leaves the end armed
    /// until [`rise`](Self::rise).
    ///
    /// # Errors
    /// As [`Producer::push`].
    pub fn poll_push(&mut self, cx: &mut Context<'_>, item: &T) -> Poll<Result<(), PushError>> {
        self.poll_give(cx, 1, |tx| tx.try_push_from(item))
    }

    /// Publishes `item`, waiting for room as [`Producer::push`] does. A future that is dropped before it is ready has published
    /// nothing, and drops the item: [`send_from`](Self::send_from) leaves it to the caller.
    ///
    /// # Errors
    /// As [`Producer::push`].
    ///
    /// ```
    /// # use shm_ring::{Options, Ring};
    /// # use shm_ring_async::Async;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (tx, mut rx) = Ring::<u64>::pair(&Options::new().items(1))?;
    /// let mut tx = Async::new(tx);
    /// tx.send(1).await?;
    /// let sending = tokio::spawn(async move { tx.send(2).await });
    /// assert_eq!(rx.pop()?, 1);
    /// sending.await??;
    /// assert_eq!(rx.pop()?, 2);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn send(&mut self, item: T) -> Result<(), PushError> {
        self.send_from(&item).await
    }

    /// Like [`send`](Self::send), but takes the item by reference.
    ///
    /// # Errors
    /// As [`Producer::push`].
    pub async fn send_from(&mut self, item: &T) -> Result<(), PushError> {
        // As `poll_push` does too, by some calls more.
        if let Some(answer) = self.at_once(|tx| given(tx.try_push_from(item))) {
            return answer;
        }
        self.wait(|this, cx| this.poll_push(cx, item)).await
    }

    /// Publishes all of `items`, as many at once as there is room for, and waits for more room as often as needed. A future
    /// that is dropped may have published some: [`position`](Producer::position) says.
    ///
    /// # Errors
    /// As [`Producer::push_slice`].
    pub async fn send_slice(&mut self, items: &[T]) -> Result<usize, BatchError> {
        let mut pushed = 0;
        while pushed < items.len() {
            let rest = &items[pushed..];
            let more = self.wait(|this, cx| this.poll_give(cx, 1, |tx| tx.try_push_slice(rest)));
            pushed += more.await.map_err(|error| BatchError { pushed, error })?;
        }
        Ok(pushed)
    }
}

impl Async<MessageProducer> {
    /// Publishes `message`, or has the task of `cx` woken when there is room.
    ///
    /// # Errors
    /// As [`MessageProducer::push`].
    pub fn poll_push(
        &mut self,
        cx: &mut Context<'_>,
        message: &[u8],
    ) -> Poll<Result<(), PushError>> {
        self.poll_give(cx, message.len(), |tx| tx.try_push(message))
    }

    /// Publishes `message`, waiting for room as [`MessageProducer::push`] does. A future that is dropped before it is ready has
    /// published nothing.
    ///
    /// # Errors
    /// As [`MessageProducer::push`].
    pub async fn send(&mut self, message: &[u8]) -> Result<(), PushError> {
        self.wait(|this, cx| this.poll_push(cx, message)).await
    }

    /// Publishes `parts` as one message: see [`send`](Self::send).
    ///
    /// # Errors
    /// As [`MessageProducer::push_vectored`].
    ///
    /// ```
    /// # use shm_ring::{MessageRing, Options};
    /// # use shm_ring_async::Async;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (tx, rx) = MessageRing::pair(&Options::new())?;
    /// let (mut tx, mut rx) = (Async::new(tx), Async::new(rx));
    /// tx.send_vectored(&[b"head".as_slice(), b" and body"]).await?;
    /// assert_eq!(rx.recv().await?, b"head and body");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn send_vectored<S: Deref<Target = [u8]>>(
        &mut self,
        parts: &[S],
    ) -> Result<(), PushError> {
        let len = parts.iter().map(|part| part.len()).sum();
        self.wait(|this, cx| this.poll_give(cx, len, |tx| tx.try_push_vectored(parts))).await
    }
}

impl Async<UntypedProducer> {
    /// Publishes the value whose bytes these are, or has the task of `cx` woken when there is room.
    ///
    /// # Errors
    /// As [`UntypedProducer::push`].
    pub fn poll_push(&mut self, cx: &mut Context<'_>, value: &[u8]) -> Poll<Result<(), PushError>> {
        self.poll_give(cx, 1, |tx| tx.try_push(value))
    }

    /// Publishes the value whose bytes these are, waiting for room as [`UntypedProducer::push`] does. A future that is dropped
    /// before it is ready has published nothing.
    ///
    /// # Errors
    /// As [`UntypedProducer::push`].
    pub async fn send(&mut self, value: &[u8]) -> Result<(), PushError> {
        self.wait(|this, cx| this.poll_push(cx, value)).await
    }
}
