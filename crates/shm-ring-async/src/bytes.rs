//! Owns: rings of messages as byte streams of tokio, for the feature of that name. Where a message ends means nothing to them.
//! Knows nothing of: how a task sleeps.

use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::io;

use shm_ring::{Ends, MessageConsumer, MessageProducer, PopError};
use tokio::io::{AsyncBufRead, AsyncRead, AsyncWrite, ReadBuf};

use crate::wrapper::Async;

/// How many empty messages a poll passes over.
const EMPTY_MOST: u32 = 64;

/// A consumer of messages as [`AsyncRead`] and [`AsyncBufRead`]: what [`StreamReader`](shm_ring::StreamReader) is to a thread. The stream
/// ends when everything was read and the producer has closed in order; if it died, that is an error of kind
/// [`BrokenPipe`](io::ErrorKind::BrokenPipe). Made by [`Async::into_reader`].
///
/// ```
/// # use shm_ring::{MessageRing, Options};
/// # use shm_ring_async::Async;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tokio::io::{AsyncReadExt, AsyncWriteExt};
/// let (tx, rx) = MessageRing::pair(&Options::new())?;
/// let (mut writer, mut reader) = (Async::new(tx).into_writer(), Async::new(rx).into_reader());
/// writer.write_all(b"as many pieces ").await?;
/// writer.write_all(b"as it takes").await?;
/// writer.shutdown().await?;
/// let mut text = String::new();
/// reader.read_to_string(&mut text).await?;
/// assert_eq!(text, "as many pieces as it takes");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct AsyncReader {
    consumer: Async<MessageConsumer>,
    /// The message that is being read, and how much of it was.
    message: Vec<u8>,
    read: usize,
    ends: Ends,
}

/// A producer of messages as [`AsyncWrite`]: each write is a message of at most a quarter of the ring. Nothing is buffered.
/// Shutting it down closes the ring in order, as dropping it does. Made by [`Async::into_writer`].
///
/// ```
/// # use shm_ring::{MessageRing, Options};
/// # use shm_ring_async::Async;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tokio::io::AsyncWriteExt;
/// let (tx, mut rx) = MessageRing::pair(&Options::new())?;
/// Async::new(tx).into_writer().write_all(b"text").await?;
/// assert_eq!(rx.pop()?, b"text");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct AsyncWriter {
    /// None once it was shut down.
    producer: Option<Async<MessageProducer>>,
    /// Bytes of the longest message that is written.
    most: usize,
}

impl Async<MessageConsumer> {
    /// This consumer as a byte stream. As with [`MessageConsumer::into_reader`], the reader reports the end of every stream,
    /// even of one that was closed before the consumer came.
    #[must_use]
    pub fn into_reader(mut self) -> AsyncReader {
        let ends = self.get_mut().set_ends(Ends::OfStream);
        AsyncReader { consumer: self, message: Vec::new(), read: 0, ends }
    }
}

impl Async<MessageProducer> {
    /// This producer as a byte stream.
    #[must_use]
    pub fn into_writer(self) -> AsyncWriter {
        let most = (self.get_ref().max_len() / 4).max(1);
        AsyncWriter { producer: Some(self), most }
    }
}

impl AsyncReader {
    /// The consumer, which reports again the ends that it did before, and what was taken from the ring and not read yet.
    #[must_use]
    pub fn into_inner(mut self) -> (Async<MessageConsumer>, Vec<u8>) {
        self.message.drain(..self.read);
        self.consumer.get_mut().set_ends(self.ends);
        (self.consumer, self.message)
    }

    /// Makes sure that there is something to read, unless the stream is over.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.read < self.message.len() {
            return Poll::Ready(Ok(()));
        }
        self.message.clear();
        self.read = 0;
        for _ in 0..EMPTY_MOST {
            match ready!(self.consumer.poll_pop(cx, &mut self.message)) {
                Ok(0) => {}
                Ok(_) | Err(PopError::Closed) => return Poll::Ready(Ok(())),
                Err(error) => return Poll::Ready(Err(error.into())),
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl AsyncRead for AsyncReader {
    /// Reads as many messages as are there and as fit, after what is left of the last one.
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if buffer.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        // What stood there before does not count.
        let before = buffer.filled().len();
        if this.read == this.message.len() {
            // A message that fits whole goes straight to where it is wanted.
            let there = buffer.initialize_unfilled();
            match ready!(this.consumer.poll_take(cx, |rx| rx.try_pop_to(there))) {
                Ok(len) => buffer.advance(len),
                Err(PopError::TooSmall { .. }) => {}
                Err(PopError::Closed) => return Poll::Ready(Ok(())),
                Err(error) => return Poll::Ready(Err(error.into())),
            }
        }
        if buffer.filled().len() == before {
            ready!(this.poll_fill(cx))?;
            let there = &this.message[this.read..];
            let len = there.len().min(buffer.remaining());
            buffer.put_slice(&there[..len]);
            this.read += len;
        }
        // Whatever ends this is for the next read to tell. An empty message ends it too.
        while buffer.remaining() > 0 && this.read == this.message.len() {
            match this.consumer.get_mut().try_pop_to(buffer.initialize_unfilled()) {
                Ok(len @ 1..) => buffer.advance(len),
                _ => break,
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncBufRead for AsyncReader {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.get_mut();
        ready!(this.poll_fill(cx))?;
        Poll::Ready(Ok(&this.message[this.read..]))
    }

    fn consume(self: Pin<&mut Self>, amount: usize) {
        let this = self.get_mut();
        this.read = (this.read + amount).min(this.message.len());
    }
}

impl AsyncWriter {
    /// The producer, unless the stream was shut down.
    #[must_use]
    pub fn into_inner(self) -> Option<Async<MessageProducer>> {
        self.producer
    }
}

impl AsyncWrite for AsyncWriter {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let Some(producer) = &mut this.producer else {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        };
        let len = bytes.len().min(this.most);
        if len > 0 {
            ready!(producer.poll_push(cx, &bytes[..len]))?;
        }
        Poll::Ready(Ok(len))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().producer = None;
        Poll::Ready(Ok(()))
    }
}
