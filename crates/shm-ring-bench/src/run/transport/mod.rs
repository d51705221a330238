//! What a transport is: something made by the parent, handed to two processes, that carries
//! messages of `W` words one way. It must not know what is measured with it.
//!
//! To add one: a file beside this one with a type that implements [`Transport`] (or, for a queue
//! between threads, [`Pair`]), an entry in [`list()`], and a line in `with_transport!` or `with_pair!`
//! (names.rs). The harness does the rest.

#[cfg(feature = "c")]
mod c_call;
mod erased;
mod eventfd;
mod fifo;
#[cfg(feature = "go")]
pub(crate) mod go;
mod limits;
pub(crate) mod lines;
mod list;
mod mutex_condvar;
mod names;
#[cfg(feature = "peers")]
mod peers;
mod pipe;
mod posix_mq;
mod posix_two;
mod ring;
mod ring_in_place;
mod ring_messages;
mod rtrb;
mod shared;
mod sizes;
mod slot;
mod sysv_binary;
mod sysv_mq;
mod sysv_two;
#[cfg(feature = "tasks")]
mod tasks;
mod tcp;
mod unix_packets;
mod unix_stream;

use core::ops::Range;
use std::os::fd::{AsRawFd, OwnedFd};

use serde::{Deserialize, Serialize};

use crate::run::message::Code;
use crate::run::sys;

pub(crate) use crate::run::fault::Fault;

#[cfg(feature = "c")]
pub(crate) use self::c_call::CCall;
pub(crate) use self::erased::{AnyReceiver, AnySender};
pub(crate) use self::eventfd::Eventfd;
pub(crate) use self::fifo::Fifo;
pub(crate) use self::limits::{fresh_name, limit, within};
pub(crate) use self::list::*;
pub(crate) use self::mutex_condvar::MutexCondvar;
pub(crate) use self::names::*;
#[cfg(feature = "peers")]
pub(crate) use self::peers::*;
pub(crate) use self::pipe::Pipe;
pub(crate) use self::posix_mq::PosixMq;
pub(crate) use self::posix_two::PosixTwo;
pub(crate) use self::ring::{Balanced, Bare, Park, Ringed, Spin};
pub(crate) use self::ring_in_place::RingInPlace;
pub(crate) use self::ring_messages::RingMessages;
pub(crate) use self::rtrb::Rtrb;
pub(crate) use self::sizes::*;
pub(crate) use self::sysv_binary::SysvBinary;
pub(crate) use self::sysv_mq::SysvMq;
pub(crate) use self::sysv_two::SysvTwo;
#[cfg(feature = "tasks")]
pub(crate) use self::tasks::*;
pub(crate) use self::tcp::Tcp;
pub(crate) use self::unix_packets::{Datagram, Seqpacket, UnixPackets};
pub(crate) use self::unix_stream::UnixStreams;

/// The end that sends.
pub(crate) trait Sender<const W: usize> {
    /// Sends one message, waiting where that must wait.
    fn send(&mut self, message: &[u64; W]) -> Result<(), Fault>;

    /// Makes message number `number` in `message` and sends it. What lends room makes it there instead,
    /// every word of it.
    #[inline(always)]
    fn send_numbered(
        &mut self,
        message: &mut [u64; W],
        code: Code,
        number: u64,
    ) -> Result<(), Fault> {
        code.stamp(message, number);
        self.send(message)
    }

    /// Sends the messages of all these numbers, one at a time: the stream is one task where tasks send.
    #[inline(always)]
    fn send_stream(
        &mut self,
        message: &mut [u64; W],
        code: Code,
        mut numbers: Range<u64>,
    ) -> Result<(), Fault> {
        numbers.try_for_each(|number| self.send_numbered(message, code, number))
    }

    /// Makes messages from number `first` on in `messages` and sends all of them in one call. What lends room makes them
    /// there instead, every word of them.
    #[inline(always)]
    fn send_batch_numbered(
        &mut self,
        messages: &mut [[u64; W]],
        code: Code,
        first: u64,
    ) -> Result<(), Fault> {
        (first..).zip(&mut *messages).for_each(|(number, message)| code.stamp(message, number));
        self.send_batch(messages)
    }

    /// Sends all of them in one call, for transports that can ([`Entry::batches`]).
    fn send_batch(&mut self, _messages: &[[u64; W]]) -> Result<(), Fault> {
        Err(Fault::new("sending a batch", "this transport has none"))
    }
}

/// The end that receives.
pub(crate) trait Receiver<const W: usize> {
    /// Receives one message, waiting for it.
    fn receive(&mut self, message: &mut [u64; W]) -> Result<(), Fault>;

    /// Receives a message into `message` and verifies that it is number `number`. What shows a message
    /// where it stands verifies it there instead, every word of it.
    #[inline(always)]
    fn receive_numbered(
        &mut self,
        message: &mut [u64; W],
        code: Code,
        number: u64,
    ) -> Result<(), Fault> {
        self.receive(message)?;
        code.verify(message, number)
    }

    /// Receives and verifies the messages of all these numbers, one at a time.
    #[inline(always)]
    fn receive_stream(
        &mut self,
        message: &mut [u64; W],
        code: Code,
        mut numbers: Range<u64>,
    ) -> Result<(), Fault> {
        numbers.try_for_each(|number| self.receive_numbered(message, code, number))
    }

    /// Receives what is there, `max` messages at most and one at least, in one call. How many.
    fn receive_batch(&mut self, _max: usize, _each: impl FnMut(&[u64; W])) -> Result<usize, Fault>
    where
        Self: Sized,
    {
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

    /// Says how many bytes of messages stand in memory that the sides share: none, where the kernel
    /// keeps them.
    pub(crate) fn holding(self, bytes: u64) -> Self {
        Self { holds: Some(bytes), ..self }
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

    /// Whether a message can cost so little that a call through a pointer would show: then workloads
    /// are compiled for it, with small messages.
    const INLINED: bool = false;

    /// Makes a channel for messages of `bytes` bytes. In the parent.
    fn make(bytes: usize) -> Result<Box<dyn Made>, Fault>;

    /// Opens the sending end. In one child.
    fn sender<const W: usize>(handle: &Handle) -> Result<Self::Sender<W>, Fault>;

    /// Opens the receiving end. In the other.
    fn receiver<const W: usize>(handle: &Handle) -> Result<Self::Receiver<W>, Fault>;
}

/// A queue between two threads of one process: not a transport between processes, but what one would
/// use if the two sides were threads.
pub(crate) trait Pair {
    type Sender<const W: usize>: Sender<W> + Send;
    type Receiver<const W: usize>: Receiver<W> + Send;

    fn pair<const W: usize>() -> (Self::Sender<W>, Self::Receiver<W>);
}
