//! `recv`: a ring to standard output, until its producer closes.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use shm_ring::{MessageConsumer, PopError};

use crate::attach::{self, Attached, Before, End};
use crate::cli::{Frames, Recv};
use crate::failure::{Code, Failure};
use crate::progress::Progress;

/// Small messages are written together.
const BUFFER: usize = 64 * 1024;

/// From this length on a copy of ours costs more than a system call of its own.
const LARGE: usize = 16 * 1024;

pub(crate) fn run(recv: &Recv) -> Result<(), Failure> {
    // Without the buffer of `io::stdout()`, which looks for the ends of lines.
    let output = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    let Attached { end, on_demand } = attach::consumer(&recv.copying)?;
    // Nobody has read what the first consumer finds, be its producer gone or not.
    let before = (end.session() > 1).then(|| Before::of(end.peer()));
    let mut progress = Progress::new(None, &output);
    let mut receiver =
        Receiver { consumer: end, before, timeout: recv.copying.timeout, message: Vec::new() };
    let frames = recv.copying.framing.frames();
    let mut output = BufWriter::with_capacity(BUFFER, output);
    while receiver.there_is_one(&mut output, &mut progress)? {
        progress.add(receiver.write(frames, &mut output)?);
    }
    output.flush()?;
    drop(receiver);
    if on_demand && !recv.keep {
        // If another sender has come, or has come and gone, the ring is for the next receiver.
        let _ = recv.copying.target.region().unlink_unused(&recv.copying.trust.to_attach());
    }
    Ok(())
}

/// The end that reads, with the user's patience.
struct Receiver {
    consumer: MessageConsumer,
    /// The producer that was gone when we came, until there was something to read.
    before: Option<Before>,
    timeout: Option<Duration>,
    message: Vec<u8>,
}

impl Receiver {
    /// Waits for a message; false at the end of the stream. What `output` holds is written out before
    /// anything is waited for.
    fn there_is_one(
        &mut self,
        output: &mut BufWriter<File>,
        progress: &mut Progress,
    ) -> Result<bool, Failure> {
        match self.consumer.try_peek(1) {
            Ok(_) => {}
            Err(PopError::Empty) => {
                output.flush()?;
                progress.tell();
                if !self.wait()? {
                    return Ok(false);
                }
            }
            Err(error) => return Err(error.into()),
        }
        self.before = None;
        Ok(true)
    }

    fn wait(&mut self) -> Result<bool, Failure> {
        let mut deadline = None;
        loop {
            let peeked = match self.timeout {
                None => self.consumer.peek(1),
                Some(timeout) => {
                    deadline = deadline.or_else(|| Instant::now().checked_add(timeout));
                    self.consumer.wait(1, Some(timeout)).and_then(|()| self.consumer.try_peek(1))
                }
            };
            let error = match peeked {
                Ok(_) => return Ok(true),
                Err(error) => error,
            };
            let gone = matches!(error, PopError::Closed | PopError::PeerDead);
            if let Some(before) = self.before.filter(|_| gone) {
                match before.end(self.consumer.peer(), deadline) {
                    End::Again => continue,
                    End::Ours => {}
                    End::TooLate => return Err(PopError::TimedOut.into()),
                }
            }
            return match error {
                PopError::Closed => Ok(false),
                error => Err(died(error)),
            };
        }
    }

    /// Writes the message that is there: its length.
    fn write(&mut self, frames: Frames, output: &mut BufWriter<File>) -> Result<usize, Failure> {
        let view = self.consumer.try_peek(1)?;
        let message = view.first();
        if frames == Frames::Raw && message.len() >= LARGE {
            // Straight from the ring.
            output.flush()?;
            let mut written = 0;
            while written < message.len() {
                match message.write_to(written, output.get_ref()) {
                    Ok(more) => written += more,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error.into()),
                }
            }
            view.release(1);
            return Ok(written);
        }
        drop(view);
        self.consumer.try_pop_into(&mut self.message)?;
        let message = &self.message;
        match frames {
            Frames::Raw => output.write_all(message)?,
            Frames::Lines => {
                output.write_all(message)?;
                output.write_all(b"\n")?;
            }
            Frames::LengthPrefixed => {
                let len = u32::try_from(message.len()).expect("a message is below 4 GiB");
                output.write_all(&len.to_le_bytes())?;
                output.write_all(message)?;
            }
        }
        Ok(message.len())
    }
}

fn died(error: PopError) -> Failure {
    match error {
        PopError::PeerDead => Failure::new(
            Code::PeerDead,
            "the producer died or failed: what was written is all that it had published",
            "`send` to the same ring goes on where it stopped",
        ),
        error => error.into(),
    }
}
