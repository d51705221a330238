//! Owns: [`StreamWriter`], a producer of messages as a byte stream. Where a message ends means nothing to it. Knows
//! nothing of: how messages are published.

use core::time::Duration;
use std::io::{self, IoSlice, Write};

use super::MessageProducer;
use crate::error::PushError;

/// A producer of messages as [`io::Write`]: each write is a message of at most a quarter of the ring,
/// so that the reader can begin while the writer goes on. Nothing is buffered: what `write` took is
/// published.
///
/// Dropping it closes the ring in order, which the [`StreamReader`](crate::StreamReader) takes for the end of the stream. While
/// its thread panics, the reader gets `BrokenPipe` instead.
///
/// ```
/// use std::io::{Read, Write};
/// use shm_ring::{MessageRing, Options, Region};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let ring = MessageRing::create(Region::memfd("doc"), &Options::new())?;
/// let (mut writer, mut reader) = (ring.producer()?.into_writer(), ring.consumer()?.into_reader());
/// writeln!(writer, "{} {}", "as many", "pieces as it takes")?;
/// drop(writer);
/// let mut text = String::new();
/// reader.read_to_string(&mut text)?;
/// assert_eq!(text, "as many pieces as it takes\n");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct StreamWriter {
    producer: MessageProducer,
    /// Bytes of the longest message that is written.
    most: usize,
    timeout: Option<Duration>,
}

impl MessageProducer {
    /// This producer as a byte stream.
    ///
    /// ```
    /// # let ring = shm_ring::MessageRing::create(shm_ring::Region::memfd("doc"), &Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// std::io::Write::write_all(&mut tx.into_writer(), b"text")?;
    /// assert_eq!(rx.pop()?, b"text");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn into_writer(self) -> StreamWriter {
        let quarter = (self.inner.side.layout.limit / 4) as usize;
        let most = quarter.min(self.max_len());
        StreamWriter { producer: self, most, timeout: None }
    }
}

impl StreamWriter {
    /// Sets how long a write waits when there is no room: for ever (`None`, the default), or as long as this, and then it
    /// fails with [`TimedOut`](io::ErrorKind::TimedOut). With a time of zero it does not wait, and fails with
    /// [`WouldBlock`](io::ErrorKind::WouldBlock). Nothing of what failed was published.
    ///
    /// ```
    /// # let options = shm_ring::Options::new().bytes(4096);
    /// # let ring = shm_ring::MessageRing::create(shm_ring::Region::memfd("doc"), &options)?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// use std::io::{ErrorKind, Write};
    /// use std::time::Duration;
    /// let mut writer = tx.into_writer();
    /// writer.set_timeout(Some(Duration::ZERO));
    /// let error = writer.write_all(&[0; 5000]).unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::WouldBlock);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_timeout(&mut self, timeout: Option<Duration>) {
        self.timeout = timeout;
    }

    fn push(&mut self, bytes: &[u8]) -> Result<(), PushError> {
        match self.timeout {
            None => self.producer.push(bytes),
            Some(Duration::ZERO) => self.producer.try_push(bytes),
            Some(timeout) => self.producer.push_timeout(bytes, timeout),
        }
    }

    fn push_vectored(&mut self, parts: &[IoSlice<'_>]) -> Result<(), PushError> {
        match self.timeout {
            None => self.producer.push_vectored(parts),
            Some(Duration::ZERO) => self.producer.try_push_vectored(parts),
            Some(timeout) => self.producer.push_vectored_timeout(parts, timeout),
        }
    }

    /// The producer. Nothing is lost, since nothing is buffered.
    ///
    /// ```
    /// # let ring = shm_ring::MessageRing::create(shm_ring::Region::memfd("doc"), &Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// let tx = tx.into_writer().into_inner();
    /// assert_eq!(tx.session(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn into_inner(self) -> MessageProducer {
        self.producer
    }
}

/// Waits for room as [`MessageProducer::push`] does, for ever or as long as [`StreamWriter::set_timeout`] says, and fails as
/// it does.
impl Write for StreamWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let len = bytes.len().min(self.most);
        if len > 0 {
            self.push(&bytes[..len])?;
        }
        Ok(len)
    }

    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        // Without these the first part with bytes decides: `Ok(0)` would mean that no more is taken.
        let empty = parts.iter().take_while(|part| part.is_empty()).count();
        let parts = &parts[empty..];
        let mut room = self.most;
        let whole = parts.iter().take_while(|part| {
            let fits = part.len() <= room;
            room -= part.len().min(room);
            fits
        });
        match whole.count() {
            0 => self.write(parts.first().map_or(&[], |part| part)),
            count => {
                let len = parts[..count].iter().map(|part| part.len()).sum();
                if len > 0 {
                    self.push_vectored(&parts[..count])?;
                }
                Ok(len)
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
