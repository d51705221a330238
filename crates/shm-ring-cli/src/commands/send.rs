//! `send`: standard input into a ring. Where its messages end, `Frames` says; values have one size.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::time::Duration;

use shm_ring::{MessageProducer, Peer, PushError, UntypedProducer};
use shm_ring_console::terminal;

use crate::attach::{self, Attached, Carrying};
use crate::cli::{Frames, Send};
use crate::failure::{Code, Failure};
use crate::progress::Progress;
use crate::units;

/// Bytes that are read at a time: as many as stay in a processor's second cache with the ring's copy of
/// them.
const CHUNK: usize = 128 * 1024;

/// Bytes of a length in front of a message.
const PREFIX: usize = 4;

pub(crate) fn run(send: &Send) -> Result<(), Failure> {
    let mut input = open(send)?;
    let stat = input.metadata()?;
    let total = stat.is_file().then_some(stat.len());
    let Attached { end, .. } = attach::producer(&send.copying)?;
    let unread = attach::unread(&send.copying);
    if unread > 0 {
        let unread = units::size(unread);
        eprintln!("note: {unread} of an earlier sender are unread: the reader gets them first");
    }
    let mut progress = Progress::new(total, &input);
    match end {
        Carrying::Messages(producer) => {
            let frames = send.copying.framing.frames();
            publish(producer, send, |sender| match frames {
                Frames::Raw => raw(&mut input, sender, &mut progress),
                Frames::Lines => pieces(&mut input, sender, &mut progress, line, Rest::Message),
                Frames::LengthPrefixed => {
                    pieces(&mut input, sender, &mut progress, prefixed, Rest::Nothing)
                }
            })
        }
        Carrying::Values(producer) => {
            attach::only_raw(&send.copying, producer.item().size)?;
            publish(producer, send, |sender| values(&mut input, sender, &mut progress))
        }
    }
}

/// Has `copy` send everything, and closes if that was all.
fn publish<P: Publishes>(
    producer: P,
    send: &Send,
    copy: impl FnOnce(&mut Sender<P>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut sender = Sender { producer, timeout: send.copying.timeout };
    let sent = copy(&mut sender);
    if sent.is_err() {
        // Closing would tell the reader that it has the whole.
        std::mem::forget(sender);
        return sent;
    }
    let there = matches!(sender.producer.peer(), Peer::Alive { .. });
    drop(sender);
    let unread = attach::unread(&send.copying);
    if unread > 0 && !there {
        let unread = units::size(unread);
        terminal::note(&format!("{unread} are unread, and nobody is there to read them"));
    }
    Ok(())
}

fn open(send: &Send) -> Result<File, Failure> {
    let Some(path) = &send.from else {
        // Without the buffer of `io::stdin()`.
        return Ok(File::from(io::stdin().as_fd().try_clone_to_owned()?));
    };
    let file = File::open(path).map_err(|error| unreadable(&path.display().to_string(), &error))?;
    match file.metadata()?.is_dir() {
        true => Err(unreadable(&path.display().to_string(), &io::ErrorKind::IsADirectory.into())),
        false => Ok(file),
    }
}

/// An end that publishes.
trait Publishes {
    /// Waits for room for a message of `len` bytes, or for so many values.
    fn room(&mut self, len: usize, timeout: Option<Duration>) -> Result<(), PushError>;
    fn peer(&self) -> Peer;
}

macro_rules! publishes {
    ($producer:ty) => {
        impl Publishes for $producer {
            fn room(&mut self, len: usize, timeout: Option<Duration>) -> Result<(), PushError> {
                self.wait(len, timeout)
            }

            fn peer(&self) -> Peer {
                self.peer()
            }
        }
    };
}

publishes!(MessageProducer);
publishes!(UntypedProducer);

/// The end that publishes, with the user's patience.
struct Sender<P> {
    producer: P,
    timeout: Option<Duration>,
}

impl<P: Publishes> Sender<P> {
    /// Waits for room for a message of `len` bytes, or for so many values.
    fn wait_for_room(&mut self, len: usize) -> Result<(), Failure> {
        Ok(self.producer.room(len, self.timeout)?)
    }
}

impl Sender<UntypedProducer> {
    /// As many at a time as there is room for.
    fn push_values(&mut self, mut values: &[u8]) -> Result<(), Failure> {
        let size = self.producer.item().size;
        while !values.is_empty() {
            match self.producer.try_push_slice(values) {
                Ok(pushed) => values = &values[pushed * size..],
                Err(PushError::Full) => self.wait_for_room(1)?,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

impl Sender<MessageProducer> {
    fn push(&mut self, message: &[u8]) -> Result<(), Failure> {
        self.wait_for_room(message.len())?;
        Ok(self.producer.try_push(message)?)
    }

    /// As many at a time as there is room for.
    fn push_all(&mut self, mut messages: &[&[u8]]) -> Result<(), Failure> {
        while let Some(first) = messages.first() {
            let pushed = match self.producer.try_push_batch(messages) {
                Ok(pushed) => pushed,
                Err(PushError::Full) => {
                    self.push(first)?;
                    1
                }
                Err(error) => return Err(error.into()),
            };
            messages = &messages[pushed..];
        }
        Ok(())
    }
}

/// Values as they come, whole ones.
fn values(
    input: &mut File,
    sender: &mut Sender<UntypedProducer>,
    progress: &mut Progress,
) -> Result<(), Failure> {
    let size = sender.producer.item().size;
    let mut buffer = vec![0; CHUNK.next_multiple_of(size)];
    // What has been read of a value that is not whole yet stands at the start of the buffer.
    let mut filled = 0;
    loop {
        let read = retried(|| input.read(&mut buffer[filled..]))?;
        if read == 0 && filled > 0 {
            return Err(Failure::new(
                Code::Failure,
                format!("the input ends with {filled} bytes, and a value of this ring has {size}"),
                "the whole values before them were sent: check what is read, and `shm-ring stat`",
            ));
        }
        if read == 0 {
            return Ok(());
        }
        filled += read;
        progress.add(read);
        let rest = filled % size;
        sender.push_values(&buffer[..filled - rest])?;
        buffer.copy_within(filled - rest..filled, 0);
        filled = rest;
    }
}

fn raw(
    input: &mut File,
    sender: &mut Sender<MessageProducer>,
    progress: &mut Progress,
) -> Result<(), Failure> {
    // The reader begins while we go on.
    let most = (sender.producer.max_len() / 4).clamp(1, CHUNK);
    let mut buffer = vec![0; most];
    loop {
        let read = match sender.producer.try_reserve(most) {
            // Straight into the ring.
            Ok(mut room) => {
                let read = retried(|| room.read_from(0, &*input))?;
                if read > 0 {
                    room.commit(read);
                }
                read
            }
            // The input may be at its end: that comes before waiting.
            Err(PushError::Full) => {
                let read = retried(|| input.read(&mut buffer))?;
                if read > 0 {
                    sender.push(&buffer[..read])?;
                }
                read
            }
            Err(error) => return Err(error.into()),
        };
        if read == 0 {
            return Ok(());
        }
        progress.add(read);
    }
}

/// Reading, which is done again when a signal interrupts it.
fn retried(mut read: impl FnMut() -> io::Result<usize>) -> Result<usize, Failure> {
    loop {
        match read() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(unreadable("the input", &error)),
            Ok(read) => return Ok(read),
        }
    }
}

fn unreadable(what: &str, error: &io::Error) -> Failure {
    Failure::new(Code::Failure, format!("{what} cannot be read: {error}"), "check what is read")
}

/// What a message at the start of `bytes` is, and where the next one begins; `None` if its end has not been
/// read yet.
type Cut = fn(bytes: &[u8]) -> Option<(std::ops::Range<usize>, usize)>;

fn line(bytes: &[u8]) -> Option<(std::ops::Range<usize>, usize)> {
    let end = bytes.iter().position(|&byte| byte == b'\n')?;
    Some((0..end, end + 1))
}

fn prefixed(bytes: &[u8]) -> Option<(std::ops::Range<usize>, usize)> {
    let (prefix, rest) = bytes.split_first_chunk::<PREFIX>()?;
    let len = u32::from_le_bytes(*prefix) as usize;
    (len <= rest.len()).then_some((PREFIX..PREFIX + len, PREFIX + len))
}

/// What may stand at the end of the input.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rest {
    /// A message without what ends it.
    Message,
    /// Nothing: a part of a message is an error.
    Nothing,
}

fn pieces(
    input: &mut File,
    sender: &mut Sender<MessageProducer>,
    progress: &mut Progress,
    cut: Cut,
    rest: Rest,
) -> Result<(), Failure> {
    let longest = sender.producer.max_len();
    let mut buffer = vec![0; CHUNK];
    // What has been read and not sent stands at the start of the buffer.
    let mut filled = 0;
    loop {
        if filled == buffer.len() {
            if filled > longest + PREFIX {
                return Err(too_long(longest));
            }
            buffer.resize(2 * filled, 0);
        }
        let read = retried(|| input.read(&mut buffer[filled..]))?;
        filled += read;
        progress.add(read);
        let (mut messages, mut at) = (Vec::new(), 0);
        while let Some((message, next)) = cut(&buffer[at..filled]) {
            if message.len() > longest {
                sender.push_all(&messages)?;
                return Err(too_long(longest));
            }
            messages.push(&buffer[at + message.start..at + message.end]);
            at += next;
        }
        sender.push_all(&messages)?;
        buffer.copy_within(at..filled, 0);
        filled -= at;
        if read == 0 {
            return match (filled, rest) {
                (0, _) => Ok(()),
                (_, Rest::Message) if filled > longest => Err(too_long(longest)),
                (_, Rest::Message) => sender.push(&buffer[..filled]),
                (_, Rest::Nothing) => Err(Failure::new(
                    Code::Failure,
                    format!("the input ends {filled} bytes into a message"),
                    "each message has its length before it: four bytes, little-endian",
                )),
            };
        }
    }
}

fn too_long(longest: usize) -> Failure {
    Failure::new(
        Code::Failure,
        format!("a message has more than {longest} bytes, the maximum of this ring"),
        "create a larger ring (--bytes), or send the bytes as they come (--raw)",
    )
}
