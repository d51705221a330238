//! Owns: [`StreamWriter`], a producer of messages as a byte stream. Where a message ends means nothing to it. Knows
//! nothing of: how messages are published.

use std::io::{self, IoSlice, Write};

use super::MessageProducer;

/// A producer of messages as [`io::Write`]: each write is a message of at most a quarter of the ring,
/// so that the reader can begin while the writer goes on. Nothing is buffered: what `write` took is
/// published.
///
/// Dropping it closes the ring in order, which the [`StreamReader`](crate::StreamReader) takes for the end of the stream.
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
        StreamWriter { producer: self, most }
    }
}

impl StreamWriter {
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

/// Waits for room as [`MessageProducer::push`] does, and fails as it does.
impl Write for StreamWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let len = bytes.len().min(self.most);
        if len > 0 {
            self.producer.push(&bytes[..len])?;
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
                    self.producer.push_vectored(&parts[..count])?;
                }
                Ok(len)
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
