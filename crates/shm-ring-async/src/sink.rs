//! Owns: producers as `Sink`s, for the feature of that name. Knows nothing of: how a task sleeps.

use core::pin::Pin;
use core::task::{Context, Poll, ready};

use futures_sink::Sink;
use shm_ring::{Item, MessageProducer, Producer, PushError};

use crate::wrapper::Async;

/// A sent item is published at once: there is nothing to flush, and closing is dropping.
impl<T: Item> Sink<T> for Async<Producer<T>> {
    type Error = PushError;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), PushError>> {
        self.get_mut().poll_room(cx, 1)
    }

    fn start_send(self: Pin<&mut Self>, item: T) -> Result<(), PushError> {
        self.get_mut().get_mut().try_push_from(&item)
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Result<(), PushError>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Result<(), PushError>> {
        Poll::Ready(Ok(()))
    }
}

/// A producer of messages as a [`Sink`]. How much room a message takes is known when it comes: one for which there is none
/// waits in the sink. Made by [`Async::into_sink`].
///
/// ```
/// # use shm_ring::{MessageRing, Options};
/// # use shm_ring_async::Async;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::future::poll_fn;
/// use std::pin::Pin;
/// use futures_sink::Sink;
/// let (tx, mut rx) = MessageRing::pair(&Options::new())?;
/// let mut sink = Async::new(tx).into_sink();
/// poll_fn(|cx| Pin::new(&mut sink).poll_ready(cx)).await?;
/// Pin::new(&mut sink).start_send(b"a message".to_vec())?;
/// poll_fn(|cx| Pin::new(&mut sink).poll_flush(cx)).await?;
/// assert_eq!(rx.pop()?, b"a message");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct MessageSink {
    producer: Async<MessageProducer>,
    waiting: Option<Vec<u8>>,
}

impl Async<MessageProducer> {
    /// This producer as a [`Sink`].
    #[must_use]
    pub fn into_sink(self) -> MessageSink {
        MessageSink { producer: self, waiting: None }
    }
}

impl MessageSink {
    /// The producer, and a message that was not published.
    #[must_use]
    pub fn into_inner(self) -> (Async<MessageProducer>, Option<Vec<u8>>) {
        (self.producer, self.waiting)
    }
}

impl Sink<Vec<u8>> for MessageSink {
    type Error = PushError;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), PushError>> {
        self.poll_flush(cx)
    }

    fn start_send(self: Pin<&mut Self>, message: Vec<u8>) -> Result<(), PushError> {
        let this = self.get_mut();
        assert!(this.waiting.is_none(), "a sink takes a message when it is ready");
        match this.producer.get_mut().try_push(&message) {
            Err(PushError::Full) => {
                this.waiting = Some(message);
                Ok(())
            }
            answer => answer,
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), PushError>> {
        let this = self.get_mut();
        if let Some(message) = &this.waiting {
            ready!(this.producer.poll_push(cx, message))?;
            this.waiting = None;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), PushError>> {
        self.poll_flush(cx)
    }
}
