//! Every transport by name, what the harness must know about each, and the way from a name to its
//! type. It must not know how any of them works.

use super::*;
use crate::spec::Workload;

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
    /// Whether it passes several messages in one call.
    pub(crate) batches: bool,
    /// Whether it carries messages of 64 KiB.
    pub(crate) large: bool,
    /// Whether it is a measure for others and carries no messages.
    pub(crate) yardstick: bool,
}

impl Entry {
    /// Whether a workload can be done with it with messages of that size.
    pub(crate) fn does(&self, workload: Workload, bytes: usize) -> bool {
        match workload {
            Workload::Lines => self.yardstick,
            _ if self.yardstick => false,
            Workload::Batch => self.batches && bytes <= 64,
            // Compiled for each transport by itself, so for two sizes only.
            Workload::Fan => [8, 64].contains(&bytes),
            // A side that spins would keep the other from the processor that both share.
            workload if workload.is_on_one_core() && self.idle == Idle::Spins => false,
            _ if bytes > 4096 && !self.large => false,
            // Threads share what is measured there.
            workload if workload.is_steady() => !self.threads,
            _ => true,
        }
    }
}

const PLAIN: Entry = Entry {
    name: "",
    what: "",
    idle: Idle::Sleeps,
    messages_max: u64::MAX,
    shown: true,
    threads: false,
    batches: false,
    large: false,
    yardstick: false,
};

#[cfg(feature = "peers")]
const PEER: Entry = Entry { shown: false, ..PLAIN };

/// Every transport, in the order of the tables.
pub(crate) fn list() -> &'static [Entry] {
    const LIST: &[Entry] = &[
        Entry {
            name: "shm-ring",
            what: "the ring, both sides spinning",
            idle: Idle::Spins,
            batches: true,
            large: true,
            ..PLAIN
        },
        Entry {
            name: "shm-ring-park",
            what: "the ring, sleeping as soon as it is idle",
            large: true,
            ..PLAIN
        },
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
            large: true,
            ..PLAIN
        },
        Entry {
            name: "sysv-two",
            what: "System V segment and two semaphores",
            large: true,
            ..PLAIN
        },
        Entry {
            name: "posix-two",
            what: "shared mapping with two POSIX semaphores",
            large: true,
            ..PLAIN
        },
        Entry { name: "pipe", what: "a pipe", large: true, ..PLAIN },
        Entry {
            name: "rtrb",
            what: "the rtrb crate between two threads, for reference",
            idle: Idle::Spins,
            threads: true,
            batches: true,
            ..PLAIN
        },
        #[cfg(feature = "peers")]
        Entry {
            name: "omango",
            what: "the omango crate between two threads",
            idle: Idle::Spins,
            threads: true,
            ..PEER
        },
        #[cfg(feature = "peers")]
        Entry {
            name: "nexus-queue",
            what: "the nexus-queue crate between two threads",
            idle: Idle::Spins,
            threads: true,
            ..PEER
        },
        #[cfg(feature = "peers")]
        Entry {
            name: "shaq",
            what: "the shaq crate, both sides polling",
            idle: Idle::Spins,
            ..PEER
        },
        #[cfg(feature = "peers")]
        Entry {
            name: "shmem-ipc",
            what: "the shmem-ipc crate, both sides polling",
            idle: Idle::Spins,
            ..PEER
        },
        #[cfg(feature = "peers")]
        Entry {
            name: "iceoryx2",
            what: "the iceoryx2 crate, publish and subscribe, both sides polling",
            idle: Idle::Spins,
            ..PEER
        },
        Entry {
            name: "lines",
            what: "lines of memory written by one side and read by the other, for reference",
            idle: Idle::Spins,
            shown: false,
            yardstick: true,
            ..PLAIN
        },
    ];
    LIST
}

/// The transport of that name.
pub(crate) fn find(name: &str) -> Option<&'static Entry> {
    list().iter().find(|entry| entry.name == name)
}

/// Runs `$body` with `$named` standing for the type beside the name that is `$name`.
macro_rules! by_name {
    (
        $name:expr, $named:ident => $body:expr, otherwise $otherwise:literal,
        $($(#[$when:meta])* $text:literal is $type:ty,)*
    ) => {
        match $name {
            $($(#[$when])*
            $text => {
                type $named = $type;
                $body
            })*
            other => Err(Fault::new("transport", format_args!(concat!("{} ", $otherwise), other))),
        }
    };
}
pub(crate) use by_name;

/// Runs `$body` with `$transport` naming the type of the transport called `$name`.
macro_rules! with_transport {
    ($name:expr, $transport:ident => $body:expr) => {
        by_name! {
            $name, $transport => $body, otherwise "is none between processes",
            "shm-ring" is Ringed<Spin>,
            "shm-ring-park" is Ringed<Park>,
            "shm-ring-balanced" is Ringed<Balanced>,
            "shm-ring-bare" is Ringed<Bare>,
            "sysv-binary" is SysvBinary,
            "sysv-two" is SysvTwo,
            "posix-two" is PosixTwo,
            "pipe" is Pipe,
            #[cfg(feature = "peers")]
            "shaq" is Shaq,
            #[cfg(feature = "peers")]
            "shmem-ipc" is ShmemIpc,
            #[cfg(feature = "peers")]
            "iceoryx2" is Iceoryx2,
        }
    };
}
pub(crate) use with_transport;

/// [`with_transport`] for those that carry messages of 64 KiB.
macro_rules! with_large_transport {
    ($name:expr, $transport:ident => $body:expr) => {
        by_name! {
            $name, $transport => $body, otherwise "has no messages of 64 KiB",
            "shm-ring" is Ringed<Spin>,
            "shm-ring-park" is Ringed<Park>,
            "sysv-binary" is SysvBinary,
            "sysv-two" is SysvTwo,
            "posix-two" is PosixTwo,
            "pipe" is Pipe,
        }
    };
}
pub(crate) use with_large_transport;

/// Runs `$body` with `$pair` naming the type of the queue between threads called `$name`.
macro_rules! with_pair {
    ($name:expr, $pair:ident => $body:expr) => {
        by_name! {
            $name, $pair => $body, otherwise "is none between threads",
            "rtrb" is Rtrb,
            #[cfg(feature = "peers")]
            "omango" is Omango,
            #[cfg(feature = "peers")]
            "nexus-queue" is NexusQueue,
        }
    };
}
pub(crate) use with_pair;

/// Makes a channel of the transport called `name`.
pub(crate) fn make(name: &str, bytes: usize) -> Result<Box<dyn Made>, Fault> {
    if name == "lines" {
        return lines::make();
    }
    with_transport!(name, T => T::make(bytes))
}
