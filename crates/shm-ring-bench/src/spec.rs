//! What one run is: told to both sides as JSON. It must not know how runs are chosen.

use std::fmt;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::clock::Clock;
use crate::control::Side;
use crate::transport::Handle;

/// What is done with a transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Workload {
    /// Messages one way as fast as they go, each verified.
    Stream,
    /// One message there and back at a time.
    Echo,
    /// One message at an interval to a receiver that has nothing else to do.
    Wake,
    /// Messages one way as fast as they go, a fixed number handed over at a time, each verified.
    Batch,
    /// Nothing for seconds to a receiver that waits.
    IdleReceiver,
    /// Messages to a receiver that takes none for seconds.
    IdleSender,
    /// What a side holds in memory.
    Memory,
    /// No messages, but lines of memory written by one side and read by the other.
    Lines,
}

impl Workload {
    /// Whether one side does nothing but wait, or nothing is timed: then what is measured does not
    /// get more certain by many short runs.
    pub(crate) fn is_steady(self) -> bool {
        matches!(self, Self::IdleReceiver | Self::IdleSender | Self::Memory)
    }
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stream => "stream",
            Self::Echo => "echo",
            Self::Wake => "wake",
            Self::Batch => "batch",
            Self::IdleReceiver => "idle-receiver",
            Self::IdleSender => "idle-sender",
            Self::Memory => "memory",
            Self::Lines => "lines",
        })
    }
}

/// Sizes of messages in bytes.
pub(crate) const SIZES: [usize; 8] = [8, 64, 256, 1024, 4096, 16_384, 65_536, 1_048_576];

/// Messages of a batch, unless another number is asked for.
pub(crate) const BATCH: usize = 32;

/// One run, for one side.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Spec {
    pub(crate) side: Side,
    pub(crate) transport: String,
    pub(crate) workload: Workload,
    pub(crate) bytes: usize,
    /// Messages before the measured ones.
    pub(crate) warm_up: u64,
    /// Messages that are measured.
    pub(crate) messages: u64,
    /// Messages handed over at a time, for `batch`.
    pub(crate) batch: usize,
    /// Nanoseconds between two messages of `wake`, and how long a side is watched that waits.
    pub(crate) interval_ns: u64,
    /// The processor of each side.
    pub(crate) cpus: [usize; 2],
    pub(crate) clock: Clock,
    /// The process that compares.
    pub(crate) parent: u32,
    /// Whether system calls are forbidden while the measured messages go.
    pub(crate) no_system_calls: bool,
    /// The inherited descriptor of the control page.
    pub(crate) control: i32,
    /// B to A, and for round trips A to B.
    pub(crate) channels: Vec<Handle>,
}
