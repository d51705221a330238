//! Owns: [`Records`], what comes out of a ring as a `Stream`, and, with the feature `sink`, producers as `Sink`s. Knows nothing of:
//! how a task sleeps.

use core::pin::Pin;
use core::task::{Context, Poll};

use futures_core::{FusedStream, Stream};
use shm_ring::{
    Consumer, Item, LatestReader, MessageConsumer, NextError, PopError, UntypedConsumer,
};

use crate::end::End;
use crate::wrapper::Async;

/// The received records, as a [`Stream`]: it ends when the producer has closed and all was read, and after an error. Made by
/// [`Async::into_records`].
///
/// ```
/// # use shm_ring::{Options, Ring};
/// # use shm_ring_async::Async;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::pin::Pin;
/// use futures_core::Stream;
/// let (mut tx, rx) = Ring::<u64>::pair(&Options::new())?;
/// tx.push_slice(&[1, 2])?;
/// tx.close();
/// let mut records = Async::new(rx).into_records();
/// let mut sum = 0;
/// while let Some(record) = std::future::poll_fn(|cx| Pin::new(&mut records).poll_next(cx)).await {
///     sum += record?;
/// }
/// assert_eq!(sum, 3);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Records<E: End> {
    end: Async<E>,
    over: bool,
}

pub(crate) mod sealed {
    use core::task::{Context, Poll};

    pub trait Receives {
        type Record;
        type Error;
        /// The next record; `None` if there will be no more.
        fn poll_record(
            &mut self,
            cx: &mut Context<'_>,
        ) -> Poll<Option<Result<Self::Record, Self::Error>>>;
    }
}

use sealed::Receives;

impl<E: End> Async<E>
where
    Self: Receives,
{
    /// Turns it into a [`Stream`] of the received records.
    #[must_use]
    pub fn into_records(self) -> Records<E> {
        Records { end: self, over: false }
    }
}

impl<E: End> Records<E> {
    /// The end, from which no more was taken than the stream has given out.
    #[must_use]
    pub fn into_inner(self) -> Async<E> {
        self.end
    }
}

impl<E: End> Stream for Records<E>
where
    Async<E>: Receives,
{
    type Item = Result<<Async<E> as Receives>::Record, <Async<E> as Receives>::Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if this.over {
            return Poll::Ready(None);
        }
        let next = this.end.poll_record(cx);
        this.over = matches!(next, Poll::Ready(None | Some(Err(_))));
        next
    }
}

impl<E: End> FusedStream for Records<E>
where
    Async<E>: Receives,
{
    fn is_terminated(&self) -> bool {
        self.over
    }
}

/// An orderly close is the end, and no error.
fn ending<R>(popped: Poll<Result<R, PopError>>) -> Poll<Option<Result<R, PopError>>> {
    popped.map(|popped| match popped {
        Err(PopError::Closed) => None,
        popped => Some(popped),
    })
}

impl<T: Item> Receives for Async<Consumer<T>> {
    type Record = T;
    type Error = PopError;

    fn poll_record(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T, PopError>>> {
        ending(self.poll_pop(cx))
    }
}

impl Receives for Async<MessageConsumer> {
    type Record = Vec<u8>;
    type Error = PopError;

    fn poll_record(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Vec<u8>, PopError>>> {
        let mut message = Vec::new();
        ending(self.poll_pop(cx, &mut message).map_ok(|_| message))
    }
}

impl Receives for Async<UntypedConsumer> {
    type Record = Vec<u8>;
    type Error = PopError;

    fn poll_record(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Vec<u8>, PopError>>> {
        let mut value = vec![0; self.get_ref().item().size];
        ending(self.poll_pop(cx, &mut value).map_ok(|()| value))
    }
}

/// Each value in order. One that was lost ends the stream: [`Async::next_value`] goes on behind it.
impl<T: Item> Receives for Async<LatestReader<T>> {
    type Record = T;
    type Error = NextError;

    fn poll_record(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T, NextError>>> {
        self.poll_next_value(cx).map(|next| match next {
            Err(NextError::Closed) => None,
            next => Some(next),
        })
    }
}
