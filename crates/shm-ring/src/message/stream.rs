//! Byte streams over messages: [`Writer`] and [`Reader`]. Where a message ends means nothing to them.
//! They must not know how messages are published or taken.

use std::io::{self, BufRead, IoSlice, Read, Write};

use crate::endpoint::{Consumer, Producer};
use crate::error::PopError;

/// A producer of messages as [`io::Write`]: each write is a message of at most a quarter of the ring,
/// so that the reader can begin while the writer goes on. Nothing is buffered: what `write` took is
/// published.
///
/// Dropping it closes the ring in order, which the [`Reader`] takes for the end of the stream.
///
/// ```
/// use std::io::{Read, Write};
/// use shm_ring::{Options, Region, Ring};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let ring = Ring::<[u8]>::create(Region::memfd("doc"), Options::new())?;
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
pub struct Writer {
    producer: Producer<[u8]>,
    /// Bytes of the longest message that is written.
    most: usize,
}

impl Producer<[u8]> {
    /// This producer as a byte stream.
    ///
    /// ```
    /// # let ring = shm_ring::Ring::<[u8]>::create(shm_ring::Region::memfd("doc"), Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// std::io::Write::write_all(&mut tx.into_writer(), b"text")?;
    /// assert_eq!(rx.pop()?, b"text");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn into_writer(self) -> Writer {
        let quarter = (self.side.shape.capacity / 4) as usize;
        let most = quarter.min(self.max_len());
        Writer { producer: self, most }
    }
}

impl Writer {
    /// The producer. Nothing is lost, since nothing is buffered.
    ///
    /// ```
    /// # let ring = shm_ring::Ring::<[u8]>::create(shm_ring::Region::memfd("doc"), Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// let tx = tx.into_writer().into_inner();
    /// assert_eq!(tx.session(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn into_inner(self) -> Producer<[u8]> {
        self.producer
    }
}

/// Waits for room as [`Producer::push`] does, and fails as it does.
impl Write for Writer {
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

/// A consumer of messages as [`io::Read`] and [`io::BufRead`]. The stream ends when everything was
/// read and the producer has closed in order; if it died, that is an error of kind
/// [`BrokenPipe`](io::ErrorKind::BrokenPipe). Neither is final: when a new producer attaches, reading
/// goes on.
///
/// Delivery is at most once for each message: what stands in the buffer when the process is killed is
/// lost.
///
/// ```
/// # let ring = shm_ring::Ring::<[u8]>::create(shm_ring::Region::memfd("doc"), Default::default())?;
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
pub struct Reader {
    consumer: Consumer<[u8]>,
    /// The message that is being read, and how much of it was.
    message: Vec<u8>,
    read: usize,
}

impl Consumer<[u8]> {
    /// This consumer as a byte stream.
    ///
    /// ```
    /// # let ring = shm_ring::Ring::<[u8]>::create(shm_ring::Region::memfd("doc"), Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// tx.push(b"text")?;
    /// let mut two = [0; 2];
    /// std::io::Read::read_exact(&mut rx.into_reader(), &mut two)?;
    /// assert_eq!(two, *b"te");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn into_reader(self) -> Reader {
        Reader { consumer: self, message: Vec::new(), read: 0 }
    }
}

impl Reader {
    /// The consumer, and what was taken from the ring and not read yet.
    ///
    /// ```
    /// # let ring = shm_ring::Ring::<[u8]>::create(shm_ring::Region::memfd("doc"), Default::default())?;
    /// # let (mut tx, mut rx) = (ring.producer()?, ring.consumer()?);
    /// use std::io::Read;
    /// tx.push(b"text")?;
    /// let mut reader = rx.into_reader();
    /// reader.read_exact(&mut [0; 2])?;
    /// assert_eq!(reader.into_inner().1, b"xt");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn into_inner(mut self) -> (Consumer<[u8]>, Vec<u8>) {
        self.message.drain(..self.read);
        (self.consumer, self.message)
    }
}

impl Read for Reader {
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

impl BufRead for Reader {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Options;
    use crate::region::Region;
    use crate::ring::Ring;

    #[test]
    fn an_empty_part_does_not_hide_a_long_one() {
        let options = Options::new().bytes(4096);
        let ring = Ring::<[u8]>::create(Region::memfd("parts"), options).unwrap();
        let mut writer = ring.producer().unwrap().into_writer();
        let parts = [IoSlice::new(b""), IoSlice::new(&[7; 4096])];
        assert_eq!(writer.write_vectored(&parts).unwrap(), 1024);
        assert_eq!(ring.consumer().unwrap().pop().unwrap(), [7; 1024]);
        assert_eq!(writer.write_vectored(&parts[..1]).unwrap(), 0);
    }
}
