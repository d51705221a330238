//! What one run is: told to both sides as JSON. It must not know how runs are chosen.

use std::fmt;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::run::clock::Clock;
use crate::run::control::Side;
use crate::run::message::Code;
use crate::run::transport::Handle;

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
    /// Many messages at once, then silence.
    Burst,
    /// Messages at a rate that does not wait for anybody.
    Paced,
    /// Messages over several channels in turn, as fast as they go.
    Fan,
    /// Messages one way as fast as they go, both sides on one processor.
    OneCore,
    /// One message there and back at a time, both sides on one processor.
    OneCoreEcho,
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

    /// Whether a floor is measured beside it: something is timed, between two processors.
    pub(crate) fn has_floor(self) -> bool {
        !self.is_steady() && !self.is_on_one_core()
    }

    /// Whether messages go there and back.
    pub(crate) fn is_echo(self) -> bool {
        matches!(self, Self::Echo | Self::OneCoreEcho)
    }

    /// Whether both sides share one processor.
    pub(crate) fn is_on_one_core(self) -> bool {
        matches!(self, Self::OneCore | Self::OneCoreEcho)
    }

    /// Whether messages go one way as fast as they can, so that how many a second is the figure.
    pub(crate) fn is_stream(self) -> bool {
        matches!(self, Self::Stream | Self::Batch | Self::Fan | Self::OneCore | Self::Lines)
    }

    /// Whether each message is timed.
    pub(crate) fn times_each(self) -> bool {
        self.is_echo() || matches!(self, Self::Wake | Self::Burst | Self::Paced)
    }

    /// Whether the interval between messages, or how long is watched, is a part of what it is.
    pub(crate) fn has_interval(self) -> bool {
        matches!(self, Self::Wake | Self::Burst | Self::IdleReceiver | Self::IdleSender)
    }
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stream => "stream",
            Self::Echo => "echo",
            Self::Wake => "wake",
            Self::Batch => "batch",
            Self::Burst => "burst",
            Self::Paced => "paced",
            Self::Fan => "fan",
            Self::OneCore => "one-core",
            Self::OneCoreEcho => "one-core-echo",
            Self::IdleReceiver => "idle-receiver",
            Self::IdleSender => "idle-sender",
            Self::Memory => "memory",
            Self::Lines => "lines",
        })
    }
}

/// Sizes of messages in bytes.
pub(crate) const SIZES: [usize; 14] =
    [8, 16, 24, 40, 48, 64, 104, 200, 256, 1024, 4096, 16_384, 65_536, 1_048_576];

/// Those of them that a sweep goes over. The others are sizes that messages often have; of them there
/// are streams and round trips only, since every workload of every size takes the compiler long.
pub(crate) const SWEPT: [usize; 8] = [8, 64, 256, 1024, 4096, 16_384, 65_536, 1_048_576];

/// Messages of a batch, unless another number is asked for.
pub(crate) const BATCH: usize = 32;

/// Messages of a burst, unless another number is asked for.
pub(crate) const BURST: usize = 32;

/// Messages a second of `paced`, unless another rate is asked for.
pub(crate) const RATE: u64 = 100_000;

/// Channels of `fan`, unless another number is asked for.
pub(crate) const FAN: usize = 4;

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
    /// Messages sent at once, for `burst`.
    pub(crate) burst: usize,
    /// Messages a second, for `paced`.
    pub(crate) rate: u64,
    /// Nanoseconds between two messages of `wake`, of silence after a burst, and how long a side is
    /// watched that waits.
    pub(crate) interval_ns: u64,
    /// The processor of each side.
    pub(crate) cpus: [usize; 2],
    pub(crate) clock: Clock,
    /// The process that compares.
    pub(crate) parent: u32,
    /// Whether system calls are forbidden while the measured messages go.
    pub(crate) no_system_calls: bool,
    /// Whether system calls are counted while the measured messages go, which slows them.
    pub(crate) counts_system_calls: bool,
    /// What the messages are made with, different for each run.
    pub(crate) code: Code,
    /// The inherited descriptor of the control page.
    pub(crate) control: i32,
    /// B to A, and for round trips A to B; for `fan` all of them B to A.
    pub(crate) channels: Vec<Handle>,
    /// How many channels `fan` has.
    pub(crate) fan: usize,
}

impl Spec {
    /// How many channels a run needs.
    pub(crate) fn channels_wanted(&self) -> usize {
        match self.workload {
            Workload::Fan => self.fan,
            workload if workload.is_echo() => 2,
            _ => 1,
        }
    }
}
