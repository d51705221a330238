//! `recv`: a ring to standard output, until its producer closes.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::fd::AsFd;
use std::time::Duration;

use shm_ring::{MessageConsumer, PopError, UntypedConsumer};

use crate::attach::{self, Attached, Carrying};
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
    match end {
        Carrying::Messages(consumer) => {
            let (frames, mut message) = (recv.copying.framing.frames(), Vec::new());
            copy(consumer, recv, output, |consumer, output| {
                write_message(consumer, frames, &mut message, output)
            })?;
        }
        Carrying::Values(consumer) => {
            let size = consumer.item().size;
            attach::only_raw(&recv.copying, size)?;
            let mut values = vec![0; BUFFER.next_multiple_of(size)];
            copy(consumer, recv, output, |consumer, output| {
                write_values(consumer, &mut values, output)
            })?;
        }
    }
    if on_demand && !recv.keep {
        // If another sender has come, or has come and gone, the ring is for the next receiver.
        let _ = recv.copying.target.region().unlink_unused(&recv.copying.trust.to_attach());
    }
    Ok(())
}

/// Has `write` write what is there, again and again until the stream ends: how many bytes that was.
fn copy<C: Reads>(
    consumer: C,
    recv: &Recv,
    output: File,
    mut write: impl FnMut(&mut C, &mut BufWriter<File>) -> Result<usize, Failure>,
) -> Result<(), Failure> {
    let mut progress = Progress::new(None, &output);
    let mut receiver = Receiver { consumer, timeout: recv.copying.timeout };
    let mut output = BufWriter::with_capacity(BUFFER, output);
    while receiver.there_is_one(&mut output, &mut progress)? {
        progress.add(write(&mut receiver.consumer, &mut output)?);
    }
    output.flush()?;
    Ok(())
}

/// An end that reads.
trait Reads {
    /// Whether there is something, now.
    fn look(&mut self) -> Result<(), PopError>;
    /// Waits until there is.
    fn await_one(&mut self, timeout: Option<Duration>) -> Result<(), PopError>;
}

macro_rules! reads {
    ($consumer:ty) => {
        impl Reads for $consumer {
            fn look(&mut self) -> Result<(), PopError> {
                self.try_peek(1).map(drop)
            }

            fn await_one(&mut self, timeout: Option<Duration>) -> Result<(), PopError> {
                self.wait(1, timeout)
            }
        }
    };
}

reads!(MessageConsumer);
reads!(UntypedConsumer);

/// The end that reads, with the user's patience.
struct Receiver<C> {
    consumer: C,
    timeout: Option<Duration>,
}

impl<C: Reads> Receiver<C> {
    /// Waits for a record; false at the end of the stream. What `output` holds is written out before
    /// anything is waited for.
    fn there_is_one(
        &mut self,
        output: &mut BufWriter<File>,
        progress: &mut Progress,
    ) -> Result<bool, Failure> {
        match self.consumer.look() {
            Ok(()) => {}
            Err(PopError::Empty) => {
                output.flush()?;
                progress.tell();
                if !self.wait()? {
                    return Ok(false);
                }
            }
            Err(error) => return Err(error.into()),
        }
        Ok(true)
    }

    fn wait(&mut self) -> Result<bool, Failure> {
        match self.consumer.await_one(self.timeout) {
            Ok(()) => Ok(true),
            Err(PopError::Closed) => Ok(false),
            Err(error) => Err(died(error)),
        }
    }
}

/// Writes the message that is there: its length.
fn write_message(
    consumer: &mut MessageConsumer,
    frames: Frames,
    buffer: &mut Vec<u8>,
    output: &mut BufWriter<File>,
) -> Result<usize, Failure> {
    let view = consumer.try_peek(1)?;
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
    consumer.try_pop_into(buffer)?;
    let message = &*buffer;
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

/// Writes values that are there, as many as `buffer` has room for: how many bytes that was.
fn write_values(
    consumer: &mut UntypedConsumer,
    buffer: &mut [u8],
    output: &mut BufWriter<File>,
) -> Result<usize, Failure> {
    let size = consumer.item().size;
    let view = consumer.try_peek(buffer.len() / size)?;
    let count = view.copy_to(0, buffer)?;
    let bytes = &buffer[..count * size];
    output.write_all(bytes)?;
    view.release(count);
    Ok(bytes.len())
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
