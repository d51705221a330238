//! Owns: [`StreamReader`], a consumer of messages as a byte stream. Where a message ends means nothing to it. Knows
//! nothing of: how messages are taken.

use core::time::Duration;
use std::io::{self, BufRead, Read};
use std::time::Instant;

use super::MessageConsumer;
use super::messages::Destination;
use crate::attachment::wait::Timeout;
use crate::error::PopError;
use crate::options::Ends;

/// A consumer of messages as [`io::Read`] and [`io::BufRead`]. The stream ends when everything was
/// read and the producer has closed in order; if it died, that is an error of kind
/// [`BrokenPipe`](io::ErrorKind::BrokenPipe). Neither is final: when a new producer attaches, reading
/// goes on.
///
/// Delivery is at most once for each message: bytes in the buffer are lost if the process is killed.
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
    timeout: Option<Duration>,
    /// Which ends the consumer reported before.
    ends: Ends,
}

impl MessageConsumer {
    /// This consumer as a byte stream. The reader reports the end of every stream ([`Ends::OfStream`]), even of one that was
    /// closed before the consumer came.
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
    pub fn into_reader(mut self) -> StreamReader {
        let ends = self.inner.set_ends(Ends::OfStream);
        StreamReader { consumer: self, message: Vec::new(), read: 0, timeout: None, ends }
    }
}

impl StreamReader {
    /// Sets how long a read waits when there is nothing: for ever (`None`, the default), or as long as this, and then it
    /// fails with [`TimedOut`](io::ErrorKind::TimedOut). With a time of zero it does not wait, and fails with
    /// [`WouldBlock`](io::ErrorKind::WouldBlock).
    ///
    /// ```
    /// # let ring = shm_ring::MessageRing::create(shm_ring::Region::memfd("doc"), &Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// use std::io::{ErrorKind, Read};
    /// use std::time::Duration;
    /// let mut reader = rx.into_reader();
    /// reader.set_timeout(Some(Duration::ZERO));
    /// assert_eq!(reader.read(&mut [0; 8]).unwrap_err().kind(), ErrorKind::WouldBlock);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_timeout(&mut self, timeout: Option<Duration>) {
        self.timeout = timeout;
    }

    /// The consumer, which reports again the ends that its [`Options`](crate::Options) asked for, and what was taken
    /// from the ring and not read yet.
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
        self.consumer.inner.set_ends(self.ends);
        (self.consumer, self.message)
    }
}

/// Empty messages that a read which must not wait passes over.
const EMPTY_MOST: usize = 1024;

/// Takes the next message that has any bytes, waiting for it as long as `timeout` says. A producer that publishes nothing
/// but empty messages holds nobody up.
fn take(
    consumer: &mut MessageConsumer,
    timeout: Option<Duration>,
    to: &mut (impl Destination + ?Sized),
) -> Result<usize, PopError> {
    let Some(timeout) = timeout else {
        loop {
            match consumer.take(Some(Timeout::FOREVER), to) {
                Ok(0) => {}
                taken => return taken,
            }
        }
    };
    if timeout.is_zero() {
        let taken = (0..EMPTY_MOST).map(|_| consumer.take(None, to)).find(|taken| *taken != Ok(0));
        return taken.unwrap_or(Err(PopError::Empty));
    }
    let began = Instant::now();
    let mut left = timeout;
    loop {
        match consumer.take(Some(Timeout::of(left)), to) {
            Ok(0) => {}
            taken => return taken,
        }
        left = timeout.saturating_sub(began.elapsed());
        if left.is_zero() {
            return Err(PopError::TimedOut);
        }
    }
}

/// One `read` takes as many messages as there are and as fit, after what is left of the last one. It waits only if there
/// is nothing.
impl Read for StreamReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let mut filled = 0;
        if self.read == self.message.len() {
            // A message that fits whole goes straight to where it is wanted.
            match take(&mut self.consumer, self.timeout, buffer) {
                Ok(len) => filled = len,
                Err(PopError::TooSmall { .. }) => {}
                Err(PopError::Closed) => return Ok(0),
                Err(error) => return Err(error.into()),
            }
        }
        if filled == 0 {
            let mut there = self.fill_buf()?;
            filled = there.read(buffer)?;
            self.consume(filled);
        }
        // Whatever ends this is for the next read to tell. An empty message ends it too.
        while filled < buffer.len() {
            match self.consumer.try_pop_to(&mut buffer[filled..]) {
                Ok(len @ 1..) => filled += len,
                _ => break,
            }
        }
        Ok(filled)
    }
}

impl BufRead for StreamReader {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.read == self.message.len() {
            self.message.clear();
            self.read = 0;
            match take(&mut self.consumer, self.timeout, &mut self.message) {
                Ok(_) | Err(PopError::Closed) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(&self.message[self.read..])
    }

    fn consume(&mut self, amount: usize) {
        self.read = (self.read + amount).min(self.message.len());
    }
}
