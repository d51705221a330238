//! Owns: [`StreamReader`], a consumer of messages as a byte stream. Where a message ends means nothing to it. Knows
//! nothing of: how messages are taken.

use std::io::{self, BufRead, Read};

use super::MessageConsumer;
use crate::error::PopError;

/// A consumer of messages as [`io::Read`] and [`io::BufRead`]. The stream ends when everything was
/// read and the producer has closed in order; if it died, that is an error of kind
/// [`BrokenPipe`](io::ErrorKind::BrokenPipe). Neither is final: when a new producer attaches, reading
/// goes on.
///
/// Delivery is at most once for each message: what stands in the buffer when the process is killed is
/// lost.
///
/// ```
/// # let ring = shm_ring::MessageRing::create(shm_ring::Region::memfd("doc"), &Default::default())?;
/// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
/// use std::io::BufRead;
/// tx.push(b"two\nli")?;
/// tx.push(b"nes\n")?;
/// tx.close();
/// let lines = rx.into_reader().lines().collect::<Result<Vec<_>, _>>()?;
/// assert_eq!(lines, ["two", "lines"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct StreamReader {
    consumer: MessageConsumer,
    /// The message that is being read, and how much of it was.
    message: Vec<u8>,
    read: usize,
}

impl MessageConsumer {
    /// This consumer as a byte stream.
    ///
    /// ```
    /// # let ring = shm_ring::MessageRing::create(shm_ring::Region::memfd("doc"), &Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// tx.push(b"text")?;
    /// let mut two = [0; 2];
    /// std::io::Read::read_exact(&mut rx.into_reader(), &mut two)?;
    /// assert_eq!(two, *b"te");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn into_reader(self) -> StreamReader {
        StreamReader { consumer: self, message: Vec::new(), read: 0 }
    }
}

impl StreamReader {
    /// The consumer, and what was taken from the ring and not read yet.
    ///
    /// ```
    /// # let ring = shm_ring::MessageRing::create(shm_ring::Region::memfd("doc"), &Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// use std::io::Read;
    /// tx.push(b"text")?;
    /// let mut reader = rx.into_reader();
    /// reader.read_exact(&mut [0; 2])?;
    /// assert_eq!(reader.into_inner().1, b"xt");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn into_inner(mut self) -> (MessageConsumer, Vec<u8>) {
        self.message.drain(..self.read);
        (self.consumer, self.message)
    }
}

impl Read for StreamReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        // A message that fits whole goes straight to where it is wanted.
        while self.read == self.message.len() {
            match self.consumer.pop_to(buffer) {
                // An empty message is no end.
                Ok(0) => {}
                Ok(len) => return Ok(len),
                Err(PopError::TooSmall { .. }) => break,
                Err(PopError::Closed) => return Ok(0),
                Err(error) => return Err(error.into()),
            }
        }
        let mut there = self.fill_buf()?;
        let len = there.read(buffer)?;
        self.consume(len);
        Ok(len)
    }
}

impl BufRead for StreamReader {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.read == self.message.len() {
            self.message.clear();
            self.read = 0;
            match self.consumer.pop_into(&mut self.message) {
                Ok(_) => {}
                Err(PopError::Closed) => break,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(&self.message[self.read..])
    }

    fn consume(&mut self, amount: usize) {
        self.read = (self.read + amount).min(self.message.len());
    }
}
