//! Log lines of [`tracing`](https://docs.rs/tracing) through a ring of messages: a process beside the program writes them
//! down, and has the last ones though the program was killed.
//!
//! Owns: [`RingWriter`]. Knows nothing of: how events are formatted, what is done with the lines.
//!
//! ```
//! use shm_ring::{MessageRing, Options, Region};
//! use shm_ring_tracing::RingWriter;
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let ring = MessageRing::create(Region::memfd("log"), &Options::new().bytes(1 << 16))?;
//! let writer = RingWriter::new(ring.producer()?);
//! let log = tracing_subscriber::fmt().with_writer(writer).with_target(false).with_ansi(false).without_time();
//! tracing::subscriber::with_default(log.finish(), || tracing::info!(port = 80, "ready"));
//!
//! let mut rx = ring.consumer()?;
//! assert_eq!(rx.pop()?, b" INFO ready port=80\n");
//! # Ok(())
//! # }
//! ```
//!
//! Use it where logging must cost the same whatever the disk does, and where the lines before a crash are those that matter:
//! a line is in the ring, which no crash of the program reaches, before the macro returns. It is lost if the machine
//! crashes before it is written down, and while the ring is full.
#![forbid(unsafe_code)]

use std::io::{Error, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use shm_ring::{MessageProducer, PushError};
use tracing_subscriber::fmt::MakeWriter;

/// Makes a message of a ring of each line that tracing-subscriber formats.
///
/// It never waits for a reader: a line that finds the ring full is dropped, and counted where `shm-ring stat` and
/// [`dropped`](Self::dropped) show it. Threads take turns, each for as long as it takes to copy a line.
///
/// A line that is longer than the longest message is cut there. A process that is forked has no log until it opens a ring of
/// its own: its lines are refused, as are all if a hostile reader made the ring corrupt; tracing-subscriber reports that
/// on stderr.
#[derive(Debug)]
pub struct RingWriter {
    tx: Mutex<MessageProducer>,
}

impl RingWriter {
    /// Writes into the ring of which `tx` is the producer.
    pub fn new(tx: MessageProducer) -> Self {
        Self { tx: Mutex::new(tx) }
    }

    /// Lines that were dropped since the ring was made, by this process and its predecessors.
    pub fn dropped(&self) -> u64 {
        self.lock().stats().dropped
    }

    /// Ends the log in order: the reader sees all lines, and then that no more will come.
    pub fn close(self) {
        self.tx.into_inner().unwrap_or_else(PoisonError::into_inner).close();
    }

    fn lock(&self) -> MutexGuard<'_, MessageProducer> {
        // No call leaves the producer half changed.
        self.tx.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn log(&self, line: &[u8]) -> Result<(), PushError> {
        let mut tx = self.lock();
        let pushed = match tx.try_push(line) {
            Err(PushError::TooLarge { max, .. }) => tx.try_push_vectored(&cut(line, max)),
            pushed => pushed,
        };
        match pushed {
            // The reader is slow, or nobody reads and the ring is full.
            Err(PushError::Full | PushError::Closed | PushError::PeerDead) => {
                tx.count_dropped(1);
                Ok(())
            }
            pushed => pushed,
        }
    }
}

/// The beginning of `line`, up to the end of a character, and the end of the line if it has one: at most `max` bytes.
fn cut(line: &[u8], max: usize) -> [&[u8]; 2] {
    let end: &[u8] = if line.ends_with(b"\n") { b"\n" } else { b"" };
    let most = max.saturating_sub(end.len());
    let is_inside = |byte: u8| byte & 0b1100_0000 == 0b1000_0000;
    let least = most.saturating_sub(3);
    let cut = (least..=most).rev().find(|&at| !is_inside(line[at])).unwrap_or(most);
    [&line[..cut], end]
}

impl<'a> MakeWriter<'a> for RingWriter {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line(self)
    }
}

/// Writes one line: each [`write`](Write::write) is a message, and takes all that it is given.
#[derive(Debug)]
pub struct Line<'a>(&'a RingWriter);

impl Write for Line<'_> {
    fn write(&mut self, line: &[u8]) -> Result<usize, Error> {
        self.0.log(line)?;
        Ok(line.len())
    }

    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }
}
