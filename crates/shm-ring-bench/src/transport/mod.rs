//! What a transport is: something made by the parent, handed to two processes, that carries
//! messages of `W` words one way. It must not know what is measured with it.
//!
//! To add one: a file beside this one with a type that implements [`Transport`], and a line in
//! [`list`] and in `with_transport!`. The harness does the rest.

mod pipe;
mod posix_two;
mod ring;
pub(crate) mod rtrb;
mod slot;
pub(crate) mod sysv_binary;
mod sysv_two;

use std::fmt;
use std::os::fd::{AsRawFd, OwnedFd};

use serde::{Deserialize, Serialize};

use crate::sys;

pub(crate) use self::pipe::Pipe;
pub(crate) use self::posix_two::PosixTwo;
pub(crate) use self::ring::{Balanced, Bare, Park, Ringed, Spin};
pub(crate) use self::sysv_binary::SysvBinary;
pub(crate) use self::sysv_two::SysvTwo;

/// Why a transport failed, for people.
#[derive(Debug)]
pub(crate) struct Fault(Box<str>);

impl Fault {
    pub(crate) fn new(doing: &str, error: impl fmt::Display) -> Self {
        Self(format!("{doing}: {error}").into())
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
}

/// The end that receives.
pub(crate) trait Receiver<const W: usize> {
    /// Receives one message, waiting for it.
    fn receive(&mut self, message: &mut [u64; W]) -> Result<(), Fault>;
}

/// How a child finds what the parent made.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Handle {
    /// Identifiers of System V objects.
    pub(crate) ids: Vec<i32>,
    /// Descriptors to inherit.
    pub(crate) fds: Vec<i32>,
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

    /// Both sides are attached: what can lose its name now should.
    fn attached(&mut self) {}
}

/// Descriptors to inherit, when nothing else was made.
pub(crate) struct Inherited(Vec<OwnedFd>);

impl Made for Inherited {
    fn handle(&self) -> Handle {
        Handle { fds: self.0.iter().map(AsRawFd::as_raw_fd).collect(), ..Handle::default() }
    }

    fn descriptors(&self) -> Vec<&OwnedFd> {
        self.0.iter().collect()
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

/// What a side of a transport does while it waits, which decides how a run is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Idle {
    /// Keeps its processor busy and needs one of its own.
    Spins,
    /// Spins as long as messages keep coming, sleeps when they do not.
    SpinsThenSleeps,
    /// Leaves its processor to others.
    Sleeps,
}

/// A transport by name, and what the harness must know about it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) name: &'static str,
    pub(crate) what: &'static str,
    pub(crate) idle: Idle,
    /// The most messages that a run can carry.
    pub(crate) messages_max: u64,
    /// Whether a comparison shows it unasked.
    pub(crate) shown: bool,
    /// Two threads of one process instead of two processes.
    pub(crate) threads: bool,
}

const PLAIN: Entry = Entry {
    name: "",
    what: "",
    idle: Idle::Sleeps,
    messages_max: u64::MAX,
    shown: true,
    threads: false,
};

/// Every transport, in the order of the tables.
pub(crate) fn list() -> &'static [Entry] {
    const LIST: &[Entry] = &[
        Entry {
            name: "shm-ring",
            what: "the ring, both sides spinning",
            idle: Idle::Spins,
            ..PLAIN
        },
        Entry { name: "shm-ring-park", what: "the ring, sleeping as soon as it is idle", ..PLAIN },
        Entry {
            name: "shm-ring-balanced",
            what: "the ring as it waits by default: spinning briefly, then sleeping",
            idle: Idle::SpinsThenSleeps,
            shown: false,
            ..PLAIN
        },
        Entry {
            name: "shm-ring-bare",
            what: "the ring without the look at the sleeper (it could not sleep)",
            idle: Idle::Spins,
            shown: false,
            ..PLAIN
        },
        Entry {
            name: "sysv-binary",
            what: "System V segment and one semaphore, both sides polling its value",
            idle: Idle::Spins,
            // SEM_UNDO counts each handoff, up and down in one process each, in 16 bits.
            messages_max: 32_000,
            ..PLAIN
        },
        Entry { name: "sysv-two", what: "System V segment and two semaphores", ..PLAIN },
        Entry { name: "posix-two", what: "shared mapping with two POSIX semaphores", ..PLAIN },
        Entry { name: "pipe", what: "a pipe", ..PLAIN },
        Entry {
            name: "rtrb",
            what: "the rtrb crate between two threads, for reference",
            idle: Idle::Spins,
            threads: true,
            ..PLAIN
        },
    ];
    LIST
}

/// The transport of that name.
pub(crate) fn find(name: &str) -> Option<&'static Entry> {
    list().iter().find(|entry| entry.name == name)
}

/// Runs `$body` with `$transport` naming the type of the transport called `$name`.
macro_rules! with_transport {
    ($name:expr, $transport:ident => $body:expr) => {
        match $name {
            "shm-ring" => {
                type $transport = Ringed<Spin>;
                $body
            }
            "shm-ring-park" => {
                type $transport = Ringed<Park>;
                $body
            }
            "shm-ring-balanced" => {
                type $transport = Ringed<Balanced>;
                $body
            }
            "shm-ring-bare" => {
                type $transport = Ringed<Bare>;
                $body
            }
            "sysv-binary" => {
                type $transport = SysvBinary;
                $body
            }
            "sysv-two" => {
                type $transport = SysvTwo;
                $body
            }
            "posix-two" => {
                type $transport = PosixTwo;
                $body
            }
            "pipe" => {
                type $transport = Pipe;
                $body
            }
            other => {
                Err(Fault::new("transport", format_args!("{other} is none between processes")))
            }
        }
    };
}
pub(crate) use with_transport;

/// Makes a channel of the transport called `name`.
pub(crate) fn make(name: &str, bytes: usize) -> Result<Box<dyn Made>, Fault> {
    with_transport!(name, T => T::make(bytes))
}
