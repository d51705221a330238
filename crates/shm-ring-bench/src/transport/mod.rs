//! What a transport is: something made by the parent, handed to two processes, that carries
//! messages of `W` words one way. It must not know what is measured with it.
//!
//! To add one: a file beside this one with a type that implements [`Transport`] (or, for a queue
//! between threads, [`Pair`]), and a line in [`list()`] and in `with_transport!` (`with_pair!`), both in
//! list.rs. The harness does the rest.

pub(crate) mod lines;
mod list;
#[cfg(feature = "peers")]
mod peers;
mod pipe;
mod posix_two;
mod ring;
mod rtrb;
mod slot;
mod sysv_binary;
mod sysv_two;

use std::fmt;
use std::os::fd::{AsRawFd, OwnedFd};

use serde::{Deserialize, Serialize};

use crate::sys;

pub(crate) use self::list::*;
#[cfg(feature = "peers")]
pub(crate) use self::peers::*;
pub(crate) use self::pipe::Pipe;
pub(crate) use self::posix_two::PosixTwo;
pub(crate) use self::ring::{Balanced, Bare, Park, Ringed, Spin};
pub(crate) use self::rtrb::Rtrb;
pub(crate) use self::sysv_binary::SysvBinary;
pub(crate) use self::sysv_two::SysvTwo;

/// Why a transport failed, for people.
#[derive(Debug)]
pub(crate) struct Fault(Box<str>);

impl Fault {
    pub(crate) fn new(doing: &str, error: impl fmt::Display) -> Self {
        Self(format!("{doing}: {error}").into())
    }

    /// Messages of a size that is not there.
    pub(crate) fn none_of(bytes: usize) -> Self {
        Self::new("starting", format_args!("no messages of {bytes} bytes here"))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The end that sends.
pub(crate) trait Sender<const W: usize> {
    /// Sends one message, waiting where that must wait.
    fn send(&mut self, message: &[u64; W]) -> Result<(), Fault>;

    /// Sends all of them in one call, for transports that can ([`Entry::batches`]).
    fn send_batch(&mut self, _messages: &[[u64; W]]) -> Result<(), Fault> {
        Err(Fault::new("sending a batch", "this transport has none"))
    }
}

/// The end that receives.
pub(crate) trait Receiver<const W: usize> {
    /// Receives one message, waiting for it.
    fn receive(&mut self, message: &mut [u64; W]) -> Result<(), Fault>;

    /// Receives what is there, `max` messages at most and one at least, in one call. How many.
    fn receive_batch(&mut self, _max: usize, _each: impl FnMut(&[u64; W])) -> Result<usize, Fault> {
        Err(Fault::new("receiving a batch", "this transport has none"))
    }
}

/// How a child finds what the parent made.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Handle {
    /// Identifiers of System V objects.
    pub(crate) ids: Vec<i32>,
    /// Descriptors to inherit.
    pub(crate) fds: Vec<i32>,
    /// What the names of named objects begin with.
    #[serde(default)]
    pub(crate) prefix: String,
}

impl Handle {
    /// A descriptor of our own for the one at `index`.
    pub(crate) fn descriptor(&self, index: usize) -> Result<OwnedFd, Fault> {
        let number = self.fds.get(index).copied().unwrap_or(-1);
        sys::inherited(number).map_err(|error| Fault::new("inheriting a descriptor", error))
    }
}

/// What the parent holds while a run lasts; dropping it removes what it made.
pub(crate) trait Made {
    fn handle(&self) -> Handle;

    /// Descriptors that the children inherit.
    fn descriptors(&self) -> Vec<&OwnedFd> {
        Vec::new()
    }

    /// How many bytes of messages (with what goes with each) it holds, where that is known.
    fn holds(&self) -> Option<u64> {
        None
    }

    /// Both sides are attached: what can lose its name now should.
    fn attached(&mut self) {}
}

/// Descriptors to inherit, when nothing else was made.
pub(crate) struct Inherited {
    fds: Vec<OwnedFd>,
    holds: Option<u64>,
}

impl Inherited {
    pub(crate) fn new(fds: Vec<OwnedFd>) -> Self {
        Self { fds, holds: None }
    }

    pub(crate) fn holding(fd: OwnedFd, bytes: u64) -> Self {
        Self { fds: vec![fd], holds: Some(bytes) }
    }
}

impl Made for Inherited {
    fn handle(&self) -> Handle {
        Handle { fds: self.fds.iter().map(AsRawFd::as_raw_fd).collect(), ..Handle::default() }
    }

    fn descriptors(&self) -> Vec<&OwnedFd> {
        self.fds.iter().collect()
    }

    fn holds(&self) -> Option<u64> {
        self.holds
    }
}

/// A way to pass messages from one process to another.
pub(crate) trait Transport {
    type Sender<const W: usize>: Sender<W>;
    type Receiver<const W: usize>: Receiver<W>;

    /// Makes a channel for messages of `bytes` bytes. In the parent.
    fn make(bytes: usize) -> Result<Box<dyn Made>, Fault>;

    /// Opens the sending end. In one child.
    fn sender<const W: usize>(handle: &Handle) -> Result<Self::Sender<W>, Fault>;

    /// Opens the receiving end. In the other.
    fn receiver<const W: usize>(handle: &Handle) -> Result<Self::Receiver<W>, Fault>;
}

/// Runs `$body` with `$words` as the number of words of a message of `$bytes` bytes.
macro_rules! with_words {
    ($bytes:expr, $words:ident => $body:expr) => {
        match $bytes {
            8 => {
                const $words: usize = 1;
                $body
            }
            64 => {
                const $words: usize = 8;
                $body
            }
            256 => {
                const $words: usize = 32;
                $body
            }
            4096 => {
                const $words: usize = 512;
                $body
            }
            other => Err(Fault::none_of(other)),
        }
    };
}
pub(crate) use with_words;

/// A queue between two threads of one process: not a transport between processes, but what one would
/// use if the two sides were threads.
pub(crate) trait Pair {
    type Sender<const W: usize>: Sender<W> + Send;
    type Receiver<const W: usize>: Receiver<W> + Send;

    fn pair<const W: usize>() -> (Self::Sender<W>, Self::Receiver<W>);
}

/// The capacity of rings, in messages.
const ITEMS: usize = 1024;
/// The capacity of rings for messages of a kilobyte and more, in bytes.
const LARGE: usize = 1 << 20;

/// How many messages of so many bytes a ring holds.
const fn items(bytes: usize) -> usize {
    if bytes < 1024 { ITEMS } else { LARGE / bytes }
}
